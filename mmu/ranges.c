/* SPDX-License-Identifier: MIT */
#include "mmu/ranges.h"

struct sweep {
    const struct paging *p;
    struct walk_reader reader;
    const struct ranges_query *query;
    bool (*each)(void *ctx, const struct range *);
    void *ctx;
    u64 budget;
    enum ranges_end end;
    bool open; /* `range` grows */
    struct range range;
};

/* Combined from the levels above: SDM "Access Rights". */
struct rights {
    bool user, writable, nx;
};

bool range_same_rights(const struct range *a, const struct range *b)
{
    if (a->bad || b->bad)
        return a->bad == b->bad && a->level == b->level;
    return a->page_size == b->page_size && a->user == b->user && a->writable == b->writable && a->nx == b->nx &&
           a->global == b->global && a->key == b->key;
}

static bool emit(struct sweep *s)
{
    if (!s->open)
        return true;
    s->open = false;
    if (s->each(s->ctx, &s->range))
        return true;
    s->end = RANGES_STOPPED;
    return false;
}

static bool add(struct sweep *s, const struct range *r)
{
    struct range *open = &s->range;

    if (s->open && r->first == open->last + 1 && range_same_rights(open, r) &&
        (r->bad || !s->query->by_frame || r->pa == open->pa + (r->first - open->first))) {
        open->last = r->last;
        return true;
    }
    if (!emit(s))
        return false;
    *open = *r;
    s->open = true;
    return true;
}

static u64 canonical(const struct sweep *s, u64 la)
{
    unsigned spare = s->p->mode == PAGING_5LEVEL ? 7 : 16;

    return s->p->mode < PAGING_4LEVEL ? la : (u64)((s64)(la << spare) >> spare);
}

static bool leaf(struct sweep *s, unsigned level, u64 at, u64 entry, const struct walk_entry *e, u64 la,
                 struct rights rights)
{
    struct range r = {
        .first = la,
        .last = la + e->size - 1,
        .page_size = e->size,
        .at = at,
        .entry = entry,
        .level = (u8)level,
        .bad = e->reserved,
    };

    if (!r.bad) {
        r.pa = e->address;
        r.user = rights.user;
        r.writable = rights.writable;
        r.nx = rights.nx;
        r.global = entry & PTE_G;
        r.key = s->p->mode >= PAGING_4LEVEL ? entry >> 59 & 15 : 0;
    }
    return add(s, &r);
}

/* One table; `la` is the first address it covers. False: the sweep has ended. */
static bool table(struct sweep *s, unsigned level, u64 base, u64 la, struct rights above)
{
    unsigned width = walk_entry_width(s->p), entries = walk_table_entries(s->p, level);
    u64 size = walk_entry(s->p, level, 0).size;

    for (unsigned i = 0; i < entries; i++) {
        u64 at = base + (u64)i * width, from = canonical(s, la + i * size), entry;
        struct rights rights = above;
        struct walk_entry e;

        if (from + (size - 1) < s->query->first || from > s->query->last)
            continue;
        if (s->budget-- == 0) {
            s->end = RANGES_OUT_OF_BUDGET;
            return false;
        }
        if (s->p->mode == PAGING_PAE && level == 3)
            entry = s->p->pdpte[i];
        else
            entry = s->reader.read(s->reader.ctx, at, width);
        e = walk_entry(s->p, level, entry);
        if (!e.present)
            continue;
        if (s->p->mode != PAGING_PAE || level < 3) {
            rights.user &= !!(entry & PTE_U);
            rights.writable &= !!(entry & PTE_W);
            rights.nx |= s->p->nxe && entry & PTE_XD;
        }
        if (e.reserved || e.maps_page ? !leaf(s, level, at, entry, &e, from, rights)
                                      : !table(s, level - 1, e.address, from, rights))
            return false;
    }
    return true;
}

enum ranges_end ranges_each(const struct paging *p, struct walk_reader reader, const struct ranges_query *query,
                            bool (*each)(void *ctx, const struct range *), void *ctx)
{
    struct sweep s = {.p = p, .reader = reader, .query = query, .each = each, .ctx = ctx, .end = RANGES_ALL};

    s.budget = query->budget ? query->budget : RANGES_BUDGET;
    if (p->mode == PAGING_NONE) {
        s.range = (struct range){.last = 0xffffffff, .page_size = PAGE_SIZE, .user = true, .writable = true};
        s.open = query->first <= s.range.last;
    } else {
        table(&s, walk_levels(p), walk_root(p), 0, (struct rights){true, true, false});
    }
    if (s.end != RANGES_STOPPED)
        emit(&s);
    return s.end;
}
