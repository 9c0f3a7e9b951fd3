/* SPDX-License-Identifier: MIT */
/* --check lint: what the tables of now say that no kernel should want. */
#include <stdlib.h>

#include "frontend/checks.h"
#include "frontend/ptdump.h"
#include "frontend/record.h"

#define LINT_LINES 64u /* told at most at a time */

#define ALIAS_MOST 0x10000u /* bytes: a longer mapping, contiguous in memory, is a direct map or the kernel's image */

/* A page that is used as a table, and its writable mappings. */
struct lint_table {
    u64 pa;
    unsigned mappings;   /* recursive ones, which are the tables themselves, are not counted */
    struct range narrow; /* the last one, of its page alone, in a run of less than ALIAS_MOST; page_size is 0: none */
    struct range newest; /* likewise, in the run that is not over yet */
};

/* Neighbouring ranges that are neighbours in memory too, whatever their rights: parts of an image or a direct map that
 * are protected differently. */
struct lint_run {
    u64 bytes;
    u64 next, next_pa; /* what would continue it; next is 0 at the end of the address space */
    bool tables;       /* some of `newest` are its own */
};

struct lint {
    struct checks *checks;
    struct cpu *cpu;
    const char *when;
    unsigned lines;
    struct lint_table *table; /* by address */
    size_t tables, room;
    struct lint_run run;
    u8 *met; /* by page of memory: bits of the levels that it was met at as a table */
    u64 pages;
};

static void finding(struct lint *l, unsigned kind, const struct range *r, const char *what)
{
    char line[512];
    struct text t = TEXT_OVER(line);

    if (!checks_is_new(l->checks, CHECK_LINT, r->first ^ kind))
        return;
    if (++l->lines > LINT_LINES)
        return;
    text_string(&t, "check lint: ");
    text_string(&t, what);
    text_string(&t, ", ");
    text_string(&t, l->when);
    text_string(&t, ": ");
    ptdump_range(&t, r, true);
    checks_put_writer(&t, l->checks->symbols, l->checks->tables, r->at);
    checks_tell(l->checks, &t, line);
}

static bool add_table(struct lint *l, u64 pa)
{
    if (l->tables == l->room) {
        size_t room = l->room ? l->room * 2 : 256;
        struct lint_table *more = realloc(l->table, room * sizeof(*more));

        if (!more)
            return false;
        l->table = more;
        l->room = room;
    }
    l->table[l->tables++] = (struct lint_table){.pa = pa};
    return true;
}

/* Collects the tables that CR3 reaches, each once however often it is led to. Tables that lead to themselves are met at
 * several levels. False without memory. */
static bool collect_tables(struct lint *l, unsigned level, u64 base)
{
    const struct paging *p = cpu_paging(l->cpu);
    struct walk_reader reader = cpu_table_reader(l->cpu);
    unsigned width = walk_entry_width(p), entries = walk_table_entries(p, level);
    u64 page = base >> 12;
    bool registers = p->mode == PAGING_PAE && level == 3; /* of memory nothing is read */

    if (!registers) {
        if (page >= l->pages || l->met[page] >> level & 1)
            return true; /* no RAM, or done */
        if (!l->met[page] && !add_table(l, page << 12))
            return false;
        l->met[page] |= (u8)(1u << level);
    }
    for (unsigned i = 0; level > 1 && i < entries; i++) {
        u64 entry = registers ? p->pdpte[i] : reader.read(reader.ctx, base + (u64)i * width, width);
        struct walk_entry e = walk_entry(p, level, entry);

        if (e.present && !e.reserved && !e.maps_page && !collect_tables(l, level - 1, e.address))
            return false;
    }
    return true;
}

static int by_address(const void *a, const void *b)
{
    u64 x = ((const struct lint_table *)a)->pa, y = ((const struct lint_table *)b)->pa;

    return x < y ? -1 : x > y;
}

/* The first table from `pa` on, as an index. */
static size_t table_from(const struct lint *l, u64 pa)
{
    size_t low = 0, high = l->tables;

    while (low < high) {
        size_t mid = (low + high) / 2;

        if (l->table[mid].pa < pa)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* A mapping by an entry that leads to a table on the way already walked: the tables seen through themselves. */
static bool is_recursive(struct lint *l, u64 la)
{
    struct walk w = walk(cpu_paging(l->cpu), la, (struct access){.kind = ACCESS_READ}, cpu_table_reader(l->cpu));

    for (unsigned i = 0; i < w.steps; i++)
        for (unsigned j = 0; j < i; j++)
            if ((w.step[i].at ^ w.step[j].at) < PAGE_SIZE && w.step[i].level != w.step[j].level)
                return true;
    return false;
}

/* The tables that a writable range maps. */
static void lint_tables(struct lint *l, const struct range *r)
{
    u64 size = r->last - r->first + 1;

    for (size_t i = table_from(l, r->pa); i < l->tables && l->table[i].pa - r->pa < size; i++) {
        struct lint_table *t = &l->table[i];
        struct range page = *r;

        page.first += t->pa - r->pa;
        page.last = page.first + PAGE_SIZE - 1;
        page.pa = t->pa;
        if (is_recursive(l, page.first))
            continue;
        t->mappings++;
        if (r->user)
            finding(l, 4, &page, "user code may write a page that is used as a table");
        else
            t->newest = page, l->run.tables = true;
    }
}

/* Only now is it known how long the run is. */
static void run_end(struct lint *l)
{
    for (size_t i = 0; l->run.tables && i < l->tables; i++) {
        struct lint_table *t = &l->table[i];

        if (t->newest.page_size && l->run.bytes < ALIAS_MOST)
            t->narrow = t->newest;
        t->newest.page_size = 0;
    }
    l->run = (struct lint_run){0};
}

static void run_continue(struct lint *l, const struct range *r)
{
    u64 bytes = r->last - r->first + 1;

    if (r->bad || r->first != l->run.next || r->pa != l->run.next_pa)
        run_end(l);
    l->run.bytes += bytes;
    l->run.next = r->last + 1;
    l->run.next_pa = r->pa + bytes;
}

static bool is_memory(struct lint *l, const struct range *r)
{
    struct phys *phys = machine_phys(l->checks->machine);
    u64 last = r->pa + (r->last - r->first);

    return phys_page_read(phys, r->pa) && phys_page_read(phys, last);
}

static bool lint_range(void *ctx, const struct range *r)
{
    struct lint *l = ctx;
    bool nxe = cpu_paging(l->cpu)->nxe, high = r->first >> 63;

    run_continue(l, r);
    if (r->bad) {
        finding(l, 1, r, "reserved bits: no access is possible");
        return l->lines <= LINT_LINES;
    }
    if (cpu_paging(l->cpu)->mode == PAGING_32BIT && r->pa >> 32 && !is_memory(l, r))
        finding(l, 7, r, "bits 20:13 of the PDE are address bits 39:32, and there is no memory");
    if (nxe && r->writable && !r->nx)
        finding(l, 2, r, "both writable and executable");
    if (r->user && high)
        finding(l, 3, r, "user code may reach the upper half");
    if (r->writable)
        lint_tables(l, r);
    if (nxe && !r->nx && !is_memory(l, r))
        finding(l, 5, r, "executable, but neither RAM nor ROM");
    return l->lines <= LINT_LINES;
}

/*
 * A kernel has one way to its tables: a direct map of memory, a recursive slot, its image, or a window that it maps
 * when it needs one. A narrow mapping beside another is a page that was given away twice, or never taken back.
 */
static void lint_aliases(struct lint *l)
{
    for (size_t i = 0; i < l->tables; i++)
        if (l->table[i].mappings > 1 && l->table[i].narrow.page_size)
            finding(l, 6, &l->table[i].narrow, "a second way to write a page that is used as a table");
}

/* How many pages there are up to the end of RAM, the hole below 4 GiB included. */
static u64 pages_of(const struct phys *phys)
{
    u64 bytes = phys_ram_bytes(phys);

    return (bytes > PHYS_LOW_RAM_TOP ? bytes - PHYS_LOW_RAM_TOP + (1ull << 32) : bytes) >> 12;
}

void checks_lint(struct checks *c, struct cpu *cpu, const char *when)
{
    struct lint l = {.checks = c, .cpu = cpu, .when = when, .pages = pages_of(machine_phys(c->machine))};
    struct ranges_query query = {.last = ~0ull, .by_frame = true};
    const struct paging *p = cpu_paging(cpu);
    bool whole;

    if (p->mode == PAGING_NONE)
        return;
    l.met = calloc(l.pages ? l.pages : 1, 1);
    whole = l.met && collect_tables(&l, walk_levels(p), walk_root(p));
    if (l.tables)
        qsort(l.table, l.tables, sizeof(*l.table), by_address);
    whole &= ranges_each(p, cpu_table_reader(cpu), &query, lint_range, &l) == RANGES_ALL;
    run_end(&l);
    lint_aliases(&l);
    if (!whole)
        fprintf(c->to, "check lint: there is more than could be looked at %s\n", when);
    free(l.table);
    free(l.met);
}
