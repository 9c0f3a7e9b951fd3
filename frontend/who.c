/* SPDX-License-Identifier: MIT */
#include "frontend/who.h"

#define RECENT_ENOUGH 100000u /* instructions: a store this long ago may still be meant for this access */

#define RELINKED_MOST 16u
#define BESIDE_RECENT 64u /* a neighbour is written all the time: this one must have been for this access, */
                          /* or be the last of a loop that ended too early, if nobody repairs that */

/* A change, in this address space and not long ago, that made present an entry of the same index in another table: of
 * the same level, as far as can be known, so that the mapping was made, but where it is not looked for. */
static void find_misplaced(struct tables *tables, struct record *r, const struct walk_step *s)
{
    u64 serial = tables_serial(tables);

    r->misplaced = r->beside = false;
    if (r->walk.cause != CAUSE_NOT_PRESENT)
        return;
    for (unsigned n = 0; n < TABLES_RECENT && serial; n++, serial--) {
        const struct table_change *c = tables_change(tables, serial);

        if (!c || r->icount - c->write.icount > RECENT_ENOUGH || c->write.by != WRITER_INSTRUCTION)
            return;
        if (c->at == s->at)
            return; /* this entry was written after any other: it is as it was meant */
        if (c->write.cr3 != r->cr3 || !(c->is & PTE_P) || c->was & PTE_P || tables_level(tables, c->at) != s->level)
            continue;
        if ((c->at & PAGE_MASK) == (s->at & PAGE_MASK)) {
            u64 width = r->cr4 & BIT(5) ? 8 : 4;

            if (c->at + width != s->at && c->at - width != s->at)
                continue;
            if (n && r->icount - c->write.icount > BESIDE_RECENT)
                return;
            r->beside = true;
        } else if ((c->at ^ s->at) & ~PAGE_MASK) {
            continue;
        }
        r->misplaced = true;
        r->elsewhere = *c;
        return;
    }
}

/* An entry with the frame's address as the kernel sees it, in its upper half, has bits set that are reserved. */
static void find_linear(struct record *r, struct cpu *cpu, const struct walk_step *s)
{
    u64 la = s->entry & PAGE_MASK;
    struct walk w;

    r->holds_linear = false;
    if (r->walk.cause != CAUSE_RESERVED_BIT || r->walk.bit == 63 || cpu_paging(cpu)->mode < PAGING_4LEVEL ||
        !(la >> 63) || !is_canonical(cpu_paging(cpu), la))
        return;
    w = cpu_walk(cpu, la, (struct access){.kind = ACCESS_READ});
    r->holds_linear = w.cause == CAUSE_NONE;
    r->linear_pa = w.pa;
}

void who_wrote(struct tables *tables, struct record *r, struct cpu *cpu)
{
    const struct walk_step *s = record_deciding(r);
    struct table_change history[TABLES_HISTORY];
    unsigned n;

    r->past = PAST_UNWATCHED;
    r->misplaced = false;
    if (s)
        find_linear(r, cpu, s);
    if (s && s->level == 3 && cpu_paging(cpu)->mode == PAGING_PAE) {
        struct walk_reader reader = cpu_table_reader(cpu);

        r->register_source = reader.read(reader.ctx, s->at, 8);
    }
    if (!tables || !s)
        return;
    r->past = tables_history(tables, s->at, history, &n, &r->writes);
    if (r->past == PAST_KNOWN)
        r->writer = history[0];
    r->serial = tables_serial(tables);
    find_misplaced(tables, r, s);
}

/* Pages that the changes since the fault have made tables, or have made none of. */
struct relinked {
    struct {
        u64 page, serial;
        bool made;
    } of[RELINKED_MOST];
    unsigned n;
};

static void relink(struct tables *tables, struct relinked *l, u64 value, u64 serial, bool made)
{
    u64 page = value & BITS(51, 12);

    if (value & PTE_P && l->n < RELINKED_MOST && tables_watched(tables, page)) {
        l->of[l->n].page = page;
        l->of[l->n].serial = serial;
        l->of[l->n++].made = made;
    }
}

static void find_relinked(struct tables *tables, u64 from, u64 to, struct relinked *l)
{
    l->n = 0;
    for (u64 i = from; i <= to && l->n < RELINKED_MOST; i++) {
        const struct table_change *c = tables_change(tables, i);

        if (!c || tables_level(tables, c->at) == 1 || !((c->was ^ c->is) & (BITS(51, 12) | PTE_P)))
            continue; /* it leads to no table, or to the same */
        relink(tables, l, c->was, i, false);
        relink(tables, l, c->is, i, true);
    }
}

/* Is it an entry that has changed, or memory that was a table before, or will be one? What clears a page that is about
 * to be a table changes no entry yet. */
static bool is_entry(struct tables *tables, const struct record *r, const struct relinked *l,
                     const struct table_change *c)
{
    bool registers = r->cr4 & BIT(5) && !(r->efer & BIT(10)); /* PAE: they name the roots, which CR3 does not */

    for (unsigned i = 0; i < l->n; i++) {
        if (l->of[i].page != (c->at & PAGE_MASK))
            continue;
        if (l->of[i].made)
            return c->serial > l->of[i].serial || c->is & PTE_P;
        if (c->serial < l->of[i].serial)
            return true;
    }
    return tables_linked(tables, c->at, registers ? TABLES_ANY_ROOT : r->cr3);
}

/* Since the fault. A handler that brings about nothing is told of whatever it wrote where tables have been. */
void who_changed(struct tables *tables, struct record *r)
{
    struct relinked relinked;
    u64 serial, from;

    if (!tables || r->handled_at == RECORD_NONE || r->past == PAST_UNWATCHED)
        return;
    serial = tables_serial(tables);
    r->changed = (u32)(serial - r->serial);
    r->changes = 0;
    from = r->changed > TABLES_RECENT ? serial - TABLES_RECENT + 1 : r->serial + 1; /* before that: forgotten */
    find_relinked(tables, from, serial, &relinked);
    for (u64 i = from; i <= serial && r->changes < RECORD_CHANGES; i++) {
        const struct table_change *c = tables_change(tables, i);

        if (c && (r->outcome == OUTCOME_LOOP || is_entry(tables, r, &relinked, c)))
            r->change[r->changes++] = *c;
    }
}

/* ---- Whose entry it is ---- */

#define SEARCH_TABLES 65536u /* tables may lead to themselves */

struct search {
    const struct paging *paging;
    struct walk_reader reader;
    u64 at; /* of the entry */
    unsigned budget;
    u64 la; /* found: the first address it is for */
    u8 level;
};

static bool search_table(struct search *s, unsigned level, u64 table, u64 base)
{
    const struct paging *p = s->paging;
    bool registers = p->mode == PAGING_PAE && level == 3;
    unsigned width = walk_entry_width(p), n = walk_table_entries(p, level);
    u64 size = walk_entry(p, level, 0).size;

    if (s->at - table < (u64)n * width) {
        s->la = base + (s->at - table) / width * size;
        s->level = (u8)level;
        return true;
    }
    for (unsigned i = 0; level > 1 && i < n; i++) {
        u64 entry = registers ? p->pdpte[i] : s->reader.read(s->reader.ctx, table + (u64)i * width, width);
        struct walk_entry e = walk_entry(p, level, entry);

        if (!e.present || e.maps_page)
            continue;
        if (!s->budget)
            return false;
        s->budget--;
        if (search_table(s, level - 1, e.address, base + i * size))
            return true;
    }
    return false;
}

/* A table that the handler has made for this access, and whose one entry it has put elsewhere. */
static void find_sole(struct search *s, struct record *r, unsigned spare)
{
    unsigned width = walk_entry_width(s->paging), present = 0;
    u64 table = r->still.at & PAGE_MASK, sole = 0;

    r->sole_at = 0;
    if (r->still_cause != CAUSE_NOT_PRESENT || (s->paging->mode == PAGING_PAE && r->still.level == 3))
        return;
    for (u64 at = table; at < table + PAGE_SIZE; at += width)
        if (s->reader.read(s->reader.ctx, at, width) & PTE_P) {
            sole = at;
            present++;
        }
    if (present != 1)
        return;
    s->at = sole;
    if (!search_table(s, walk_levels(s->paging), walk_root(s->paging), 0) || s->level != r->still.level)
        return;
    r->sole_at = sole;
    r->sole_la = s->paging->mode >= PAGING_4LEVEL ? (u64)((s64)(s->la << spare) >> spare) : s->la;
}

void who_missed(struct tables *tables, struct record *r, struct cpu *cpu)
{
    struct search s = {.paging = cpu_paging(cpu), .reader = cpu_table_reader(cpu), .budget = SEARCH_TABLES};
    unsigned spare = s.paging->mode == PAGING_5LEVEL ? 7 : 16;

    who_changed(tables, r);
    r->missed_level = 0;
    if (!r->changes || s.paging->mode == PAGING_NONE)
        return;
    find_sole(&s, r, spare);
    s.budget = SEARCH_TABLES;
    s.at = r->change[0].at;
    if (!search_table(&s, walk_levels(s.paging), walk_root(s.paging), 0))
        return;
    r->missed_level = s.level;
    r->missed_la = s.paging->mode >= PAGING_4LEVEL ? (u64)((s64)(s.la << spare) >> spare) : s.la;
}

/* ---- As text ---- */

static void print_change(const struct table_change *c, struct symbols *symbols, FILE *to)
{
    char line[512];
    struct text t = TEXT_OVER(line);
    struct symbol_place place = {0};
    unsigned number;
    const char *source = NULL;

    if (symbols && c->write.by != WRITER_OUTSIDE && symbols_find(symbols, c->write.rip, &place))
        source = symbols_line(symbols, c->write.rip, &number);
    verdict_writer(&t, c, &place);
    if (source) {
        text_string(&t, ", ");
        text_string(&t, source);
        text_char(&t, ':');
        text_decimal(&t, number);
    }
    text_string(&t, ": ");
    text_hex(&t, c->was);
    text_string(&t, " -> ");
    text_hex(&t, c->is);
    text_end(&t);
    fprintf(to, "    %s\n", line);
}

static void print_entry(struct tables *tables, struct symbols *symbols, const struct walk_step *s, FILE *to)
{
    static const char *const words[] = {
        [PAST_UNWATCHED] = "no walk came by here, or it is no RAM",
        [PAST_UNKNOWN] = "not written since the page was first used as a table",
        [PAST_NEVER] = "never written since reset",
    };
    struct table_change history[TABLES_HISTORY];
    unsigned n;
    u64 count;
    enum table_past past = tables_history(tables, s->at, history, &n, &count);

    fprintf(to, "  %s at %#llx = %#llx: ", level_name(s->level), (unsigned long long)s->at,
            (unsigned long long)s->entry);
    if (past != PAST_KNOWN) {
        fprintf(to, "%s\n", words[past]);
        return;
    }
    fprintf(to, "written %llu time%s%s\n", (unsigned long long)count, count == 1 ? "" : "s",
            count > n ? ", at last" : "");
    for (unsigned i = 0; i < n; i++)
        print_change(&history[i], symbols, to);
}

void who_print(struct tables *tables, struct symbols *symbols, struct cpu *cpu, u64 la, FILE *to)
{
    struct walk w;

    fprintf(to, "who %#llx:\n", (unsigned long long)la);
    if (!is_canonical(cpu_paging(cpu), la)) {
        fputs("  not canonical\n", to);
        return;
    }
    w = walk(cpu_paging(cpu), la, (struct access){.kind = ACCESS_READ}, cpu_table_reader(cpu));
    if (!w.steps)
        fputs("  paging is off\n", to);
    for (unsigned i = 0; i < w.steps; i++)
        print_entry(tables, symbols, &w.step[i], to);
}

/* ---- As JSON ---- */

#define TEXT(literal) text_bytes(t, literal, sizeof(literal) - 1)

static void put_member(struct text *t, const char *key, u64 value)
{
    text_string(t, key);
    text_char(t, '"');
    text_hex(t, value);
    text_char(t, '"');
}

static void put_change(struct text *t, const struct table_change *c)
{
    bool inside = c->write.by != WRITER_OUTSIDE;

    TEXT("{\"by\":\"");
    text_string(t, table_writer_name((enum table_writer)c->write.by));
    text_char(t, '"');
    if (inside)
        put_member(t, ",\"rip\":", c->write.rip);
    TEXT(",\"icount\":");
    text_decimal(t, c->write.icount);
    if (inside) {
        TEXT(",\"cpu\":");
        text_decimal(t, c->write.cpu);
        TEXT(",\"cpl\":");
        text_decimal(t, c->write.cpl);
    }
    if (c->write.la != TABLES_NO_ADDRESS)
        put_member(t, ",\"la\":", c->write.la);
    put_member(t, ",\"at\":", c->at);
    put_member(t, ",\"old\":", c->was);
    put_member(t, ",\"new\":", c->is);
}

void json_writer(struct text *t, const struct record *r)
{
    if (r->past == PAST_KNOWN) {
        put_change(t, &r->writer);
        TEXT(",\"count\":");
        text_decimal(t, r->writes);
        if (r->writer_symbol.name) {
            TEXT(",\"symbol\":\"");
            symbol_text(t, &r->writer_symbol);
            text_char(t, '"');
        }
        text_char(t, '}');
    } else {
        text_string(t, r->past == PAST_UNKNOWN ? "\"unknown\"" : r->past == PAST_NEVER ? "\"never\"" : "null");
    }
}

void json_changes(struct text *t, const struct record *r)
{
    text_char(t, '[');
    for (unsigned i = 0; i < r->changes; i++) {
        if (i)
            text_char(t, ',');
        put_change(t, &r->change[i]);
        text_char(t, '}');
    }
    text_char(t, ']');
}
