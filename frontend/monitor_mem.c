/* SPDX-License-Identifier: MIT */
/* Commands about an address space: what is mapped, and what is mapped otherwise than at an earlier moment. */
#include <string.h>

#include "frontend/monitor.h"

static const char *page_text(u64 size)
{
    return size == 4096 ? "4K" : size == 2u << 20 ? "2M" : size == 4u << 20 ? "4M" : size == 1u << 30 ? "1G" : "";
}

/* The cells that all tables of ranges have. */
static void put_range(struct reply *r, const struct range *g, unsigned digits)
{
    reply_hex(r, "first", g->first, digits);
    reply_hex(r, "last", g->last, digits);
    reply_number(r, "KiB", (g->last - g->first) / 1024 + 1);
    reply_string(r, "page", page_text(g->page_size));
    if (g->bad) {
        reply_string(r, "rights", "reserved bits");
        return;
    }
    reply_list(r, "rights");
    reply_item(r, "R");
    reply_item(r, g->writable ? "W" : "-");
    reply_item(r, g->nx ? "-" : "X");
    reply_item(r, g->user ? "U" : "S");
    reply_item(r, g->global ? "G" : "-");
    reply_list_end(r);
    reply_number(r, "key", g->key);
}

struct putting {
    struct reply *r;
    unsigned digits;
};

/* ---- Now ---- */

static bool each_range(void *ctx, const struct range *g)
{
    struct putting *p = ctx;

    reply_row(p->r);
    put_range(p->r, g, p->digits);
    return !p->r->cut;
}

void monitor_info_mem(struct monitor *m, const char *arguments, struct reply *r)
{
    static const char *const columns[] = {">first", ">last", ">KiB", ">page", "rights", ">key", NULL};
    struct cpu *cpu = machine_cpu(m->machine);
    struct putting p = {.r = r, .digits = monitor_digits(m)};
    struct ranges_query all = {.last = ~0ull};
    enum ranges_end end;

    (void)arguments;
    reply_table(r, "ranges", columns);
    end = ranges_each(cpu_paging(cpu), cpu_table_reader(cpu), &all, each_range, &p);
    reply_table_end(r);
    if (end == RANGES_OUT_OF_BUDGET)
        reply_say(r, "note", "there is more: the tables were not read to their end");
}

/* ---- Moments ---- */

static void take(struct monitor *m, struct monitor_moment *to)
{
    struct cpu *cpu = machine_cpu(m->machine);
    struct cpu_state s;

    cpu_get_state(cpu, &s);
    to->icount = cpu_icount(cpu);
    to->cr3 = s.cr3;
    to->digits = monitor_digits(m);
    ptdump_take(&to->dump, cpu, 0, ~0ull);
}

static struct monitor_moment *find(struct monitor *m, const char *name, size_t size)
{
    for (unsigned i = 0; i < m->moments; i++)
        if (strlen(m->moment[i].name) == size && !memcmp(m->moment[i].name, name, size))
            return &m->moment[i];
    return NULL;
}

void monitor_ptkeep(struct monitor *m, const char *arguments, struct reply *r)
{
    const char *name = *arguments ? arguments : "kept";
    size_t size = strlen(name);
    struct monitor_moment *to = find(m, name, size);

    if (size >= sizeof(to->name) || strchr(name, ' ')) {
        reply_error(r, "ptkeep: a name is one word of at most %zu characters", sizeof(to->name) - 1);
        return;
    }
    if (!to && m->moments == MONITOR_MOMENTS) {
        reply_error(r, "ptkeep: %u address spaces are kept already: take one of their names again", MONITOR_MOMENTS);
        return;
    }
    if (!to) {
        to = &m->moment[m->moments++];
        memcpy(to->name, name, size + 1);
    }
    ptdump_free(&to->dump);
    take(m, to);
    m->kept_last = (unsigned)(to - m->moment);
    reply_string(r, "kept", to->name);
    reply_number(r, "instructions", to->icount);
    reply_hex(r, "cr3", to->cr3, to->digits);
    reply_number(r, "ranges", to->dump.count);
}

static void put_change(struct putting *p, const char *mark, const struct range *g)
{
    reply_row(p->r);
    reply_string(p->r, "change", mark);
    put_range(p->r, g, p->digits);
    if (!g->bad)
        reply_hex(p->r, "frame", g->pa, 0);
}

static void each_change(void *ctx, const struct ptdiff_change *c)
{
    struct putting *p = ctx;

    if (p->r->cut)
        return;
    if (c->before)
        put_change(p, c->after ? "<" : "-", c->before);
    if (c->after)
        put_change(p, c->before ? ">" : "+", c->after);
}

static void put_moment(struct reply *r, const char *key, const struct monitor_moment *of)
{
    reply_object(r, key);
    reply_label(r, "%-4s", key);
    reply_string(r, "name", of->name);
    reply_number(r, "instructions", of->icount);
    reply_hex(r, "cr3", of->cr3, of->digits);
    reply_object_end(r);
    reply_newline(r);
}

static void put_difference(struct reply *r, const struct monitor_moment *from, const struct monitor_moment *to)
{
    static const char *const columns[] = {"change", ">first", ">last",  ">KiB", ">page",
                                          "rights", ">key",   ">frame", NULL};
    struct putting p = {.r = r, .digits = from->digits > to->digits ? from->digits : to->digits};

    put_moment(r, "from", from);
    put_moment(r, "to", to);
    reply_table(r, "changes", columns);
    ptdiff_each(&from->dump, &to->dump, each_change, &p);
    reply_table_end(r);
    if (!from->dump.complete || !to->dump.complete)
        reply_say(r, "note", "there may be more: the tables were not read to their end");
}

/* A word of the arguments as the moment of that name: false with the error in the reply. */
static bool moment_word(struct monitor *m, const char **at, const struct monitor_moment **found, struct reply *r)
{
    size_t size = strcspn(*at, " ");

    *found = find(m, *at, size);
    if (!*found)
        return reply_error(r, "ptdiff: nothing is kept as '%.*s'; ptkeep NAME keeps the address space of now",
                           (int)size, *at);
    *at += size;
    *at += strspn(*at, " ");
    return true;
}

void monitor_ptdiff(struct monitor *m, const char *arguments, struct reply *r)
{
    const struct monitor_moment *from = m->moments ? &m->moment[m->kept_last] : NULL, *to = NULL;
    struct monitor_moment now = {.name = "now"};

    if (*arguments && !moment_word(m, &arguments, &from, r))
        return;
    if (*arguments && !moment_word(m, &arguments, &to, r))
        return;
    if (*arguments || !from) {
        reply_error(r, *arguments ? "ptdiff: two names at most"
                                  : "ptdiff: nothing is kept; ptkeep keeps the address space of now");
        return;
    }
    if (!to)
        take(m, &now);
    put_difference(r, from, to ? to : &now);
    ptdump_free(&now.dump);
}
