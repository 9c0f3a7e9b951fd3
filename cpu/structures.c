/* SPDX-License-Identifier: MIT */
/*
 * A model of the paging-structure caches. Each walk loads the entries it came by above the leaf. A walk may begin at
 * the lowest of them that covers the address, whatever memory says of it by now, until INVLPG (of any address: it
 * empties these caches for the current PCID), MOV to CR3, or what else the manual lists in "Operations that Invalidate
 * TLBs and Paging-Structure Caches". That is why "Recommended Invalidation" asks for one INVLPG at least even when
 * nothing was mapped by the table that an entry led to.
 */
#include "cpu/structures.h"

#include <stdlib.h>
#include <string.h>

#include "cpu/held.h"
#include "cpu/run.h"
#include "mmu/tables.h"

#define LEVELS 4 /* PDE, PDPTE, PML4E, PML5E */
#define MOST 4096u
#define BLOOM 65536u
/* Of an entry that leads to a table: what a walk depends on. */
#define WALKED (PTE_P | PTE_W | PTE_U | PTE_PS | BITS(51, 12) | PTE_XD)

struct structure {
    u64 base;         /* linear, the first address of its region */
    u64 loaded;       /* instruction count */
    u64 all, of_pcid; /* epochs in which it was loaded */
    u16 pcid;
    u8 level; /* of the entry; 0: nothing is held here */
    u8 steps;
    bool suspect, reported;
    u64 at[LEVELS], value[LEVELS]; /* from the root to the entry */
};

struct structures {
    enum cpu_tlb kind;
    bool report;
    u64 random;
    u64 all, of_pcid[4096]; /* epochs: how often each was flushed */
    u8 known[BLOOM];        /* entries that something was loaded through */
    struct structure entry[LEVELS][MOST];
};

/* About what processors of today have, for CPU_TLB_REAL; powers of two. */
static const u16 real_size[LEVELS] = {32, 4, 2, 1};

static u64 next_random(struct structures *c)
{
    u64 z = c->random += 0x9e3779b97f4a7c15ull;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
}

static u8 *known(struct structures *c, u64 at) { return &c->known[(at >> 2) * 0x9e3779b97f4a7c15ull >> 48]; }

static u64 region_size(const struct cpu *cpu, unsigned level) { return walk_entry(&cpu->paging, level, 0).size; }

static u32 size_of(const struct structures *c, unsigned level)
{
    return c->kind == CPU_TLB_REAL ? real_size[level - 2] : MOST;
}

static struct structure *slot_of(struct structures *c, u64 base, u64 size, unsigned level, u16 pcid)
{
    return &c->entry[level - 2][(base / size ^ (u64)pcid * 0x9e5) & (size_of(c, level) - 1)];
}

static bool is_valid(const struct structures *c, const struct structure *s)
{
    return s->level && s->all == c->all && s->of_pcid == c->of_pcid[s->pcid];
}

static struct structure *look_up(struct structures *c, const struct cpu *cpu, u16 pcid, u64 la, unsigned level)
{
    u64 size = region_size(cpu, level), base = la & ~(size - 1);
    struct structure *s = slot_of(c, base, size, level, pcid);

    return s->base == base && s->pcid == pcid && is_valid(c, s) ? s : NULL;
}

/* ---- Loading ---- */

static bool is_same(const struct structure *a, const struct structure *b)
{
    for (unsigned i = 0; i < b->steps; i++)
        if (a->at[i] != b->at[i] || (a->value[i] ^ b->value[i]) & WALKED)
            return false;
    return a->base == b->base && a->pcid == b->pcid;
}

/* PDPTE registers are none of these caches, though they are the first step of a walk with PAE paging. */
static bool is_cached(const struct cpu *cpu, unsigned level)
{
    return level > 1 && (cpu->paging.mode != PAGING_PAE || level == 2);
}

void structures_load(struct structures *c, struct cpu *cpu, u64 la, const struct walk *w, bool old)
{
    struct structure s = {
        .loaded = cpu_icount(cpu),
        .all = c->all,
        .pcid = held_pcid(cpu),
        .suspect = old,
    };

    s.of_pcid = c->of_pcid[s.pcid];
    for (unsigned i = 0; i + 1u < w->steps; i++) {
        u64 value = w->step[i].entry | w->set[i];
        unsigned level = w->step[i].level;
        struct structure *to;
        u64 size;

        s.at[i] = w->step[i].at & cpu->a20_mask;
        s.value[i] = value;
        s.steps = (u8)(i + 1);
        *known(c, s.at[i]) = 1;
        if (!is_cached(cpu, level))
            continue;
        if (!(value & PTE_A))
            return; /* "only if the accessed flags are 1 in all" */
        size = region_size(cpu, level);
        s.level = (u8)level;
        s.base = la & ~(size - 1);
        to = slot_of(c, s.base, size, level, s.pcid);
        if (is_valid(c, to) && ((to->suspect && !to->reported) || is_same(to, &s)))
            continue; /* a suspect's next use is to be told of; a processor need not hold what it has walked */
        *to = s;
    }
}

void structures_load_early(struct structures *c, struct cpu *cpu, u64 la)
{
    for (u64 n = 1; n < 4; n++) {
        u64 near = la ^ n * region_size(cpu, 2);
        struct walk w = cpu_walk(cpu, near, (struct access){.kind = ACCESS_READ});

        memset(w.set, 0, sizeof w.set);
        structures_load(c, cpu, near, &w, false);
    }
}

/* ---- Suspicion ---- */

static void suspect(struct structure *s)
{
    s->suspect = true;
    s->reported = false;
}

void structures_written(struct structures *c, u64 at)
{
    if (!*known(c, at))
        return;
    for (unsigned level = 0; level < LEVELS; level++)
        for (unsigned n = 0; n < size_of(c, level + 2); n++) {
            struct structure *s = &c->entry[level][n];

            for (unsigned i = 0; s->level && i < s->steps; i++)
                if (s->at[i] == at && is_valid(c, s))
                    suspect(s);
        }
}

void structures_other_root(struct structures *c, u16 pcid, u64 root)
{
    for (unsigned level = 0; level < LEVELS; level++)
        for (unsigned n = 0; n < MOST; n++) {
            struct structure *s = &c->entry[level][n];

            if (is_valid(c, s) && s->pcid == pcid && (s->at[0] & PAGE_MASK) != root)
                suspect(s);
        }
}

/* ---- Use ---- */

/* Entries come from the cache as far as it goes, by their number and not their address: a table may be in its own
 * path more than once. */
struct old_reader {
    struct cpu *cpu;
    const struct past_walk *from;
    unsigned next;
    u64 (*read)(void *cpu, u64 pa, unsigned width);
};

static u64 read_old(void *ctx, u64 pa, unsigned width)
{
    struct old_reader *r = ctx;
    unsigned i = r->next++;

    if (i < r->from->steps)
        return r->from->value[i];
    if (i == r->from->steps)
        r->cpu->watch_level = r->from->level;
    return r->read(r->cpu, pa, width);
}

void structures_walk_past(struct walk *w, struct cpu *cpu, const struct past_walk *past, u64 la, struct access a,
                          u64 (*read)(void *, u64, unsigned))
{
    struct old_reader r = {.cpu = cpu, .from = past, .read = read};
    struct paging p = cpu->paging;

    p.cr3 = past->at[0] & PAGE_MASK;
    if (p.mode == PAGING_PAE) {
        p.cr3 = past->at[0] & ~31ull;
        p.pdpte[la >> 30 & 3] = past->value[0];
        r.next = 1;
    }
    walk_into(w, &p, la, a, (struct walk_reader){read_old, &r});
}

static void walk_old(struct walk *w, struct cpu *cpu, const struct structure *s, u64 la, struct access a,
                     u64 (*read)(void *, u64, unsigned))
{
    struct past_walk past = {.at = s->at, .value = s->value, .steps = s->steps, .level = s->level};

    structures_walk_past(w, cpu, &past, la, a, read);
}

/* The first entry from the root that is not what it was; steps: all are. */
static unsigned first_changed(const struct structure *s, const struct walk *now)
{
    unsigned i = 0;

    while (i < s->steps && i < now->steps && s->at[i] == now->step[i].at &&
           !((s->value[i] ^ now->step[i].entry) & WALKED))
        i++;
    return i;
}

/* "Optional Invalidation": who only gave rights need not invalidate, though an access may be refused once. */
static bool leads_elsewhere(const struct structure *s, const struct walk *now)
{
    for (unsigned i = 0; i < s->steps && i < now->steps; i++)
        if (s->at[i] != now->step[i].at || (s->value[i] ^ now->step[i].entry) & (PTE_P | PTE_PS | BITS(51, 12)))
            return true;
    return s->steps > now->steps;
}

/* Would A or D be set in an entry that is not the one memory names? */
static bool marks_elsewhere(const struct structure *s, const struct walk *old, const struct walk *now)
{
    for (unsigned i = s->steps; i < old->steps; i++)
        if (old->set[i] && (i >= now->steps || old->step[i].at != now->step[i].at))
            return true;
    return false;
}

enum verdict { SAME, REFUSED, MARKS, DIFFERENT }; /* REFUSED: for want of rights that were given since */

static enum verdict judge(const struct structure *s, const struct walk *old, const struct walk *now)
{
    if (old->cause != CAUSE_NONE && now->cause != CAUSE_NONE)
        return SAME;
    if (old->cause != CAUSE_NONE)
        return leads_elsewhere(s, now) ? DIFFERENT : REFUSED;
    if (now->cause != CAUSE_NONE || old->pa != now->pa)
        return DIFFERENT;
    return marks_elsewhere(s, old, now) ? MARKS : SAME;
}

static void tell(struct structures *c, struct cpu *cpu, struct structure *s, const struct walk *old,
                 const struct walk *now, u64 la, struct access a, bool marks)
{
    unsigned i = first_changed(s, now);
    struct cpu_stale stale = {
        .la = la,
        .access = a,
        .page = s->base,
        .size = region_size(cpu, s->level),
        .pa = s->value[s->steps - 1] & BITS(51, 12),
        .loaded = s->loaded,
        .level = s->level,
        .old = old,
        .now = now,
        .entry = now->step[i < now->steps ? i : now->steps - 1u].at,
        .other_tables = s->at[0] != now->step[0].at,
        .used = c->kind != CPU_TLB_FAST,
        .marks_old = marks,
    };

    s->reported = true;
    held_tell(cpu, &stale, s->pcid);
}

/* What a walk from a suspect finds, if it is not what memory says. */
static enum verdict examine(struct structures *c, struct cpu *cpu, struct structure *s, u64 la, struct access a)
{
    struct walk old, now;
    enum verdict v;

    tables_settle(cpu->tables);
    now = cpu_walk(cpu, la, a);
    if (now.steps >= s->steps && first_changed(s, &now) == s->steps) {
        s->suspect = false;
        return SAME;
    }
    walk_old(&old, cpu, s, la, a, tlb_read_entry);
    v = judge(s, &old, &now);
    if (v != SAME && v != REFUSED && c->report && !s->reported)
        tell(c, cpu, s, &old, &now, la, a, v == MARKS);
    return v;
}

bool structures_walk(struct structures *c, struct cpu *cpu, struct walk *w, u64 la, struct access a)
{
    unsigned top = walk_levels(&cpu->paging);

    for (unsigned level = 2; level <= top && is_cached(cpu, level); level++) { /* "PDE cache" first, and so on */
        struct structure *s = look_up(c, cpu, held_pcid(cpu), la, level);
        enum verdict v;

        if (s && c->kind == CPU_TLB_HOSTILE && next_random(c) % 16 == 0) {
            s->level = 0;
            s = NULL;
        }
        if (!s)
            continue;
        if (c->kind != CPU_TLB_FAST && !s->suspect)
            return false;
        v = s->suspect ? examine(c, cpu, s, la, a) : SAME;
        if (v == SAME || (v == REFUSED && c->kind == CPU_TLB_FAST))
            continue;
        if (c->kind == CPU_TLB_FAST)
            return false;
        walk_old(w, cpu, s, la, a, cpu->read_entry);
        if (w->cause != CAUSE_NONE)
            w->also |= WALK_CACHED;
        return true;
    }
    return false;
}

/* ---- Invalidation ---- */

static void drop_path(struct structures *c, struct cpu *cpu, u16 pcid, u64 la)
{
    unsigned top = walk_levels(&cpu->paging);

    for (unsigned level = 2; level <= top; level++) {
        struct structure *s = look_up(c, cpu, pcid, la, level);

        if (s)
            s->level = 0;
    }
}

void structures_fault(struct structures *c, struct cpu *cpu, u64 la) { drop_path(c, cpu, held_pcid(cpu), la); }

void structures_flush(struct structures *c, struct cpu *cpu, enum cpu_flush what, u16 pcid, u64 la)
{
    switch (what) {
    case FLUSH_ALL:
    case FLUSH_CONTEXTS: c->all++; break; /* nothing here is global */
    case FLUSH_PCID:
    case FLUSH_SWITCH: c->of_pcid[pcid]++; break;
    case FLUSH_PAGE: c->of_pcid[pcid]++; break; /* "regardless of the linear addresses" */
    case FLUSH_ADDRESS: drop_path(c, cpu, pcid, la); break;
    case FLUSH_NONE: break;
    }
}

/* ---- Life ---- */

struct structures *structures_create(enum cpu_tlb kind, bool report, u64 seed)
{
    struct structures *c = calloc(1, sizeof *c);

    if (!c)
        return NULL;
    c->kind = kind;
    c->report = report;
    c->random = ~seed;
    return c;
}

void structures_destroy(struct structures *c) { free(c); }
