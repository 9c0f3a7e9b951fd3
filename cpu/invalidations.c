/* SPDX-License-Identifier: MIT */
#include "cpu/invalidations.h"

#include "cpu/held.h"
#include "mmu/tables.h"

#define SHORTLY 1000u /* instructions before the change: an invalidation that was made too early */

void invalidations_note(struct invalidations *v, const struct cpu *cpu, enum cpu_flush what, u16 pcid, u64 la)
{
    static const u8 how[] = {
        [FLUSH_CONTEXTS] = INVALIDATED_CONTEXTS, [FLUSH_PCID] = INVALIDATED_PCID,
        [FLUSH_SWITCH] = INVALIDATED_SWITCH,     [FLUSH_PAGE] = INVALIDATED_PAGE,
        [FLUSH_ADDRESS] = INVALIDATED_ADDRESS,   [FLUSH_NONE] = INVALIDATED_KEPT,
    };
    if (what == FLUSH_ALL)
        return; /* misses nothing */
    v->recent[v->count++ & (INVALIDATIONS - 1)] = (struct cpu_invalidation){
        .how = how[what],
        .la = la,
        .pcid = pcid,
        .icount = cpu_icount(cpu),
    };
}

/* When what is stale became so: the first known change of its entry since it was loaded. */
static u64 changed_at(struct cpu *cpu, const struct cpu_stale *s)
{
    struct table_change history[TABLES_HISTORY];
    unsigned n;
    u64 at = s->loaded;

    if (s->other_tables || tables_history(cpu->tables, s->entry, history, &n, NULL) != PAST_KNOWN)
        return at;
    for (unsigned i = 0; i < n && history[i].write.icount >= s->loaded; i++)
        at = history[i].write.icount;
    return at;
}

static bool is_address(const struct cpu_invalidation *i)
{
    return i->how == INVALIDATED_PAGE || i->how == INVALIDATED_ADDRESS;
}

/* How much it looks as if this one was meant; 0: it was not. */
static unsigned likeness(const struct cpu_invalidation *i, const struct cpu_stale *s, u64 changed)
{
    bool of_it = is_address(i) && i->la - s->page < s->size;
    bool here = i->pcid == s->pcid || (s->global && i->how == INVALIDATED_PAGE);

    if (i->icount < changed)
        return of_it && here && changed - i->icount <= SHORTLY ? 1 : 0;
    switch (i->how) {
    case INVALIDATED_ADDRESS: /* of global translations none */
        if (s->global)
            return of_it ? 6 : 0;
        __attribute__((fallthrough));
    case INVALIDATED_PAGE: return of_it && !here ? 6 : !of_it && here ? 3 : 0;
    case INVALIDATED_CONTEXTS: return s->global ? 5 : 0;
    case INVALIDATED_PCID: return s->global ? 5 : here ? 0 : 4;
    case INVALIDATED_SWITCH: return s->global ? 5 : here ? 0 : 1; /* a change of address space, most likely */
    case INVALIDATED_KEPT: return here && !s->global ? 2 : 0;
    case INVALIDATED_NONE: break;
    }
    return 0;
}

static u64 distance(const struct cpu_invalidation *i, const struct cpu_stale *s)
{
    return i->la > s->la ? i->la - s->la : s->la - i->la;
}

void invalidations_missed(const struct invalidations *v, struct cpu *cpu, struct cpu_stale *s)
{
    u64 changed = changed_at(cpu, s);
    unsigned best = 0;

    for (u64 n = v->count > INVALIDATIONS ? v->count - INVALIDATIONS : 0; n < v->count; n++) {
        const struct cpu_invalidation *i = &v->recent[n & (INVALIDATIONS - 1)];
        unsigned like = likeness(i, s, changed);

        if (!like || like < best || (like == best && is_address(i) && distance(i, s) > distance(&s->missed, s)))
            continue;
        best = like;
        s->missed = *i;
        s->missed_early = i->icount < changed;
    }
}
