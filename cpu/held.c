/* SPDX-License-Identifier: MIT */
/*
 * A model of what a processor may hold of translations. Every miss of the TLB loads an entry here, and it stays until
 * the guest invalidates it in a way that the manual says is enough (SDM Vol. 3A, "Operations that Invalidate TLBs and
 * Paging-Structure Caches"), or another takes its place. When an entry of a table changes, what was translated by it
 * becomes suspect, and is taken out of the TLB into a copy of it: so its next use comes by here, is compared with what
 * the tables say now, and goes on with the old translation as it would have without us. What is held of the entries
 * above the leaf is in structures.c.
 */
#include "cpu/held.h"

#include <stdlib.h>
#include <string.h>

#include "cpu/invalidations.h"
#include "cpu/run.h"
#include "cpu/structures.h"
#include "mmu/host_memory.h"

#define HELD_MOST 65536u /* powers of two */
#define HELD_REAL 2048u
#define BLOOM 65536u
#define GLOBAL_PCID 0xffff
#define AGES (PTE_A | PTE_D)

struct held_entry {
    u64 page, size; /* linear; size 0: nothing is held here */
    u64 pa;
    u64 loaded;                 /* instruction count */
    u64 all, contexts, of_pcid; /* epochs in which it was loaded */
    u16 pcid;                   /* or GLOBAL_PCID */
    bool user, writable, nx, dirty;
    bool suspect; /* an entry it came from was written since */
    bool reported;
    u8 key, steps;
    u64 at[WALK_MAX_STEPS], value[WALK_MAX_STEPS];
    u32 next, previous; /* of those by the same leaf: index + 1 */
};

struct held {
    struct structures *structures;
    struct invalidations invalidations;
    enum cpu_tlb kind;
    bool report;
    u64 random;
    u32 mask;
    u64 all, contexts, of_pcid[4096]; /* epochs: how often each was flushed */
    u64 root[4096];                   /* the table that each PCID was used with last */
    u64 sizes;                        /* a bit for each page size seen */
    u32 by_leaf[HELD_MOST];           /* heads of chains */
    u8 upper[BLOOM];                  /* entries above the leaf that something was loaded through */
    struct held_entry entry[HELD_MOST];
    struct tlb_entry parked[TLB_ENTRIES];
    struct code_tlb_entry parked_code[CODE_TLB_ENTRIES];
};

/* ---- The entries ---- */

static u64 next_random(struct held *h)
{
    u64 z = h->random += 0x9e3779b97f4a7c15ull;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
}

static u32 hash_entry(u64 at) { return (u32)((at >> 2) * 0x9e3779b97f4a7c15ull >> 48); }

static struct held_entry *slot_of(struct held *h, u64 page, u64 size, u16 pcid)
{
    u64 key = (page >> 12) ^ (u64)pcid << 52 ^ size << 30;

    return &h->entry[(key * 0x9e3779b97f4a7c15ull >> 40) & h->mask];
}

static void drop(struct held *h, struct held_entry *e)
{
    if (!e->size)
        return;
    if (e->next)
        h->entry[e->next - 1].previous = e->previous;
    if (e->previous)
        h->entry[e->previous - 1].next = e->next;
    else
        h->by_leaf[hash_entry(e->at[e->steps - 1])] = e->next;
    e->size = 0;
}

static bool is_valid(const struct held *h, const struct held_entry *e)
{
    if (!e->size || e->all != h->all)
        return false;
    return e->pcid == GLOBAL_PCID || (e->contexts == h->contexts && e->of_pcid == h->of_pcid[e->pcid]);
}

u16 held_pcid(const struct cpu *cpu) { return cpu->cr4 & CR4_PCIDE ? cpu->cr3 & 0xfff : 0; }

static struct held_entry *look_up_in(struct cpu *cpu, u16 context, u64 la, bool globals)
{
    struct held *h = cpu->held;

    for (u64 sizes = h->sizes; sizes; sizes &= sizes - 1) {
        u64 size = sizes & -sizes, page = la & ~(size - 1);

        for (int global = 0; global <= globals; global++) {
            u16 pcid = global ? GLOBAL_PCID : context;
            struct held_entry *e = slot_of(h, page, size, pcid);

            if (e->size == size && e->page == page && e->pcid == pcid && is_valid(h, e))
                return e;
        }
    }
    return NULL;
}

static struct held_entry *look_up(struct cpu *cpu, u64 la) { return look_up_in(cpu, held_pcid(cpu), la, true); }

/* A walk that found a page, every entry with its A flag set. `old`: from an entry that memory does not hold any more.
 */
static void load(struct cpu *cpu, u64 la, const struct walk *w, bool old)
{
    struct held *h = cpu->held;
    u64 page = la & ~(w->page_size - 1);
    u16 pcid = w->global && cpu->cr4 & CR4_PGE ? GLOBAL_PCID : held_pcid(cpu);
    struct held_entry *e;
    u32 *head;

    if (!w->steps)
        return;
    e = look_up(cpu, la); /* of another size, or global and now not */
    if (e)
        drop(h, e);
    e = slot_of(h, page, w->page_size, pcid);
    if (e->suspect && !e->reported && is_valid(h, e))
        return; /* its next use is to be told of; a processor need not hold what it has walked */
    drop(h, e);
    *e = (struct held_entry){
        .page = page,
        .size = w->page_size,
        .pa = (w->pa - (la - page)),
        .loaded = cpu_icount(cpu),
        .all = h->all,
        .contexts = h->contexts,
        .of_pcid = pcid == GLOBAL_PCID ? 0 : h->of_pcid[pcid],
        .pcid = pcid,
        .user = w->user,
        .writable = w->writable,
        .nx = w->nx,
        .dirty = w->dirty,
        .suspect = old,
        .key = w->key,
        .steps = w->steps,
    };
    for (unsigned i = 0; i < w->steps; i++) {
        e->at[i] = w->step[i].at & cpu->a20_mask;
        e->value[i] = w->step[i].entry | w->set[i];
        if (i + 1u < w->steps)
            h->upper[hash_entry(e->at[i])] = 1;
    }
    h->sizes |= w->page_size;
    head = &h->by_leaf[hash_entry(e->at[e->steps - 1])];
    e->next = *head;
    if (*head)
        h->entry[*head - 1].previous = (u32)(e - h->entry) + 1;
    *head = (u32)(e - h->entry) + 1;
}

/* ---- Suspicion ---- */

static void park_slot(struct cpu *cpu, unsigned i)
{
    struct tlb_entry *t = &cpu->tlb[i];

    if (!t->read_tag)
        return;
    cpu->held->parked[i] = *t;
    t->read_tag = t->write_tag = 0;
}

static bool is_within(const struct held_entry *e, u64 tag) { return (tag & PAGE_MASK) - e->page < e->size; }

static void park(struct cpu *cpu, const struct held_entry *e)
{
    struct held *h = cpu->held;
    bool code = false;

    if (e->size == PAGE_SIZE) {
        struct tlb_entry *t = tlb_slot(cpu, e->page);

        if (is_within(e, t->read_tag))
            park_slot(cpu, (unsigned)(t - cpu->tlb));
    } else {
        for (unsigned i = 0; i < TLB_ENTRIES; i++)
            if (is_within(e, cpu->tlb[i].read_tag))
                park_slot(cpu, i);
    }
    for (unsigned i = 0; i < CODE_TLB_ENTRIES; i++) {
        struct code_tlb_entry *c = &cpu->code_tlb[i];

        if (!c->tag || !is_within(e, c->tag))
            continue;
        h->parked_code[i] = *c;
        c->tag = 0;
        code = true;
    }
    if (!code)
        return;
    cpu->jump_epoch++;
    memset(cpu->jump_pages, 0, sizeof cpu->jump_pages);
    tlb_keys_refresh(cpu);
}

static void suspect(struct cpu *cpu, struct held_entry *e)
{
    if (!is_valid(cpu->held, e)) {
        drop(cpu->held, e);
        return;
    }
    e->suspect = true;
    e->reported = false;
    park(cpu, e);
}

static void entry_written(struct cpu *cpu, u64 at)
{
    struct held *h = cpu->held;

    for (u32 n = h->by_leaf[hash_entry(at)], next; n; n = next) {
        struct held_entry *e = &h->entry[n - 1];

        next = e->next;
        if (e->at[e->steps - 1] == at)
            suspect(cpu, e);
    }
    if (!h->upper[hash_entry(at)])
        return;
    for (u32 n = 0; n <= h->mask; n++) {
        struct held_entry *e = &h->entry[n];

        for (unsigned i = 0; e->size && i + 1u < e->steps; i++)
            if (e->at[i] == at)
                suspect(cpu, e);
    }
}

void held_tables_written(struct cpu *cpu, u64 pa, u64 size)
{
    unsigned width = walk_entry_width(&cpu->paging);

    for (u64 at = pa & ~(u64)(width - 1); at < pa + size; at += width) {
        entry_written(cpu, at);
        structures_written(cpu->held->structures, at);
    }
}

/* ---- Use ---- */

static u64 entry_that_changed(const struct held_entry *e, const struct walk *now)
{
    for (unsigned i = 0; i < e->steps && i < now->steps; i++)
        if (e->at[i] != now->step[i].at || (e->value[i] ^ now->step[i].entry) & ~AGES)
            return now->step[i].at;
    return e->at[e->steps - 1];
}

/* Is what is held what the tables say, for any access? */
static bool is_current(struct cpu *cpu, const struct held_entry *e, u64 la)
{
    struct walk w = cpu_walk(cpu, la, (struct access){.kind = ACCESS_READ});
    bool mapped = w.cause != CAUSE_NOT_PRESENT && w.cause != CAUSE_RESERVED_BIT;

    return mapped && w.pa == e->pa + (la - e->page) && w.user == e->user && w.writable == e->writable &&
           w.nx == e->nx && w.key == e->key && w.page_size == e->size &&
           (w.step[w.steps - 1].entry & PTE_D || !e->dirty);
}

void held_tell(struct cpu *cpu, struct cpu_stale *s, u16 pcid)
{
    if (!cpu->observer.stale)
        return;
    s->pcid = pcid == GLOBAL_PCID ? held_pcid(cpu) : pcid;
    invalidations_missed(&cpu->held->invalidations, cpu, s);
    cpu->observer.stale(cpu->observer.ctx, cpu, s);
}

/* A suspect is used, or would be. True if nothing more can come of it. */
static bool examine(struct cpu *cpu, struct held_entry *e, u64 la, struct access a, bool used)
{
    struct cpu_stale s = {.la = la, .access = a, .page = e->page, .size = e->size, .pa = e->pa, .loaded = e->loaded};
    struct walk now;
    bool same;

    tables_settle(cpu->tables);
    if (is_current(cpu, e, la)) {
        e->suspect = false;
        return true;
    }
    if (e->reported || !cpu->held->report)
        return true;
    now = cpu_walk(cpu, la, a);
    same = now.cause == CAUSE_NONE && now.pa == e->pa + (la - e->page);
    s.dirty_lost = same && used && a.kind == ACCESS_WRITE && now.set[now.steps - 1] & PTE_D;
    if (same && !s.dirty_lost)
        return false; /* another access may show a difference */
    s.global = e->pcid == GLOBAL_PCID;
    s.now = &now;
    s.other_tables = now.steps && e->at[0] != now.step[0].at;
    s.used = used;
    s.entry = entry_that_changed(e, &now);
    e->reported = true;
    held_tell(cpu, &s, e->pcid);
    return true;
}

/* "TLBs, Caching Translation Information": rights are checked with what is cached and the control state of now. */
static bool permits(const struct cpu *cpu, const struct held_entry *e, struct access a)
{
    struct walk w = {.user = e->user, .writable = e->writable, .nx = e->nx, .key = e->key};

    return (a.kind != ACCESS_WRITE || e->dirty) && !walk_rights_refused(&cpu->paging, &w, a);
}

static struct walk as_walk(const struct held_entry *e, u64 la)
{
    return (struct walk){.pa = e->pa + (la - e->page),
                         .page_size = e->size,
                         .user = e->user,
                         .writable = e->writable,
                         .nx = e->nx,
                         .dirty = e->dirty,
                         .key = e->key};
}

/* What the manual lets a processor load before it is asked for: what is present, with A set throughout. */
static void load_early(struct cpu *cpu, u64 la)
{
    for (u64 n = 1; n < 8; n++) {
        u64 near = la ^ n << 12;
        struct walk w = cpu_walk(cpu, near, (struct access){.kind = ACCESS_READ});
        bool fit = w.cause != CAUSE_NOT_PRESENT && w.cause != CAUSE_RESERVED_BIT && !look_up(cpu, near);

        for (unsigned i = 0; i < w.steps; i++)
            fit = fit && (w.step[i].entry & PTE_A || (cpu->paging.mode == PAGING_PAE && w.step[i].level == 3));
        memset(w.set, 0, sizeof w.set);
        if (fit)
            load(cpu, near, &w, false);
    }
}

static void forget_at_random(struct cpu *cpu)
{
    struct held *h = cpu->held;
    u64 r = next_random(h);
    unsigned i = r >> 8 & (TLB_ENTRIES - 1);

    if (r & 7)
        return;
    drop(h, &h->entry[r >> 32 & h->mask]);
    cpu->tlb[i].read_tag = cpu->tlb[i].write_tag = h->parked[i].read_tag = 0;
}

/* What is held of this address, if it may be used in place of a walk. */
static struct held_entry *usable(struct cpu *cpu, u64 la, struct access a)
{
    struct held *h = cpu->held;
    struct held_entry *e = look_up(cpu, la);

    if (h->kind == CPU_TLB_HOSTILE) {
        forget_at_random(cpu);
        if (e && next_random(h) % 16 == 0) {
            drop(h, e);
            e = NULL;
        }
    }
    if (!e)
        return NULL;
    if (h->kind != CPU_TLB_FAST && permits(cpu, e, a)) {
        if (e->suspect)
            examine(cpu, e, la, a, true);
        return e;
    }
    if (e->suspect)
        examine(cpu, e, la, a, false);
    return NULL;
}

/*
 * "Optional Invalidation": who only gives rights need not invalidate, but then an access may be refused once, by what
 * is held from before.
 */
static bool refused_once(struct cpu *cpu, struct walk *w, u64 la, struct access a)
{
    const struct held_entry *e = cpu->held->kind == CPU_TLB_FAST ? NULL : look_up(cpu, la);
    struct past_walk past;

    if (!e || !e->suspect)
        return false;
    *w = as_walk(e, la);
    if (!walk_rights_refused(&cpu->paging, w, a) || cpu_walk(cpu, la, a).cause != CAUSE_NONE)
        return false;
    past = (struct past_walk){.at = e->at, .value = e->value, .steps = e->steps, .level = 1};
    structures_walk_past(w, cpu, &past, la, a, tlb_read_entry);
    w->also |= WALK_CACHED;
    return w->cause != CAUSE_NONE;
}

/* A walk for want of a translation. A page fault invalidates what is held of its address. */
static void find(struct cpu *cpu, struct walk *w, u64 la, struct access a)
{
    struct held *h = cpu->held;
    struct held_entry *e;
    bool old = refused_once(cpu, w, la, a) || structures_walk(h->structures, cpu, w, la, a);

    if (!old)
        tlb_walk(cpu, w, la, a);
    if (w->cause == CAUSE_NONE) {
        load(cpu, la, w, old);
        structures_load(h->structures, cpu, la, w, old);
        if (h->kind == CPU_TLB_HOSTILE && next_random(h) % 4 == 0) {
            load_early(cpu, la);
            structures_load_early(h->structures, cpu, la);
        }
        return;
    }
    e = look_up(cpu, la);
    if (e)
        drop(h, e);
    structures_fault(h->structures, cpu, la);
}

struct translation held_translate(struct cpu *cpu, u64 la, unsigned width, struct access a)
{
    struct held *h = cpu->held;
    struct tlb_entry *t = tlb_slot(cpu, la), *p = &h->parked[t - cpu->tlb];
    u64 tag = (la & PAGE_MASK) | tlb_key_of(cpu, a);
    struct held_entry *e;
    struct walk w;

    if (p->read_tag == tag && (a.kind == ACCESS_READ || (p->pa & TLB_WRITABLE))) {
        struct translation at = {(p->pa & PAGE_MASK) | (la & ~PAGE_MASK), (u8 *)(la + p->addend)};

        if (a.kind == ACCESS_WRITE)
            phys_will_write(cpu->phys, at.host, 1);
        e = look_up(cpu, la);
        if (!e || examine(cpu, e, la, a, true)) {
            *t = *p;
            t->write_tag = a.kind == ACCESS_WRITE && !code_page_present(cpu, p->pa) ? tag : 0;
            p->read_tag = 0;
        }
        return at;
    }
    if (cpu->paging.mode == PAGING_NONE) {
        tlb_walk(cpu, &w, la, a);
        return tlb_walked(cpu, la, width, a, &w);
    }
    e = usable(cpu, la, a);
    p->read_tag = 0;
    if (e)
        w = as_walk(e, la);
    else
        find(cpu, &w, la, a);
    return tlb_walked(cpu, la, width, a, &w);
}

const struct code_tlb_entry *held_translate_code(struct cpu *cpu, u64 la, struct code_tlb_entry *c)
{
    struct held *h = cpu->held;
    struct code_tlb_entry *p = &h->parked_code[c - cpu->code_tlb];
    struct access a = access_now(cpu, ACCESS_EXECUTE);
    struct held_entry *e;
    struct walk w;

    if (p->tag && p->tag == tlb_code_tag(cpu, la)) {
        e = look_up(cpu, la);
        if (e)
            examine(cpu, e, la, a, true);
        *c = *p;
        p->tag = 0;
        return c;
    }
    p->tag = 0;
    e = cpu->paging.mode == PAGING_NONE ? NULL : usable(cpu, la, a);
    if (e)
        w = as_walk(e, la);
    else if (cpu->paging.mode == PAGING_NONE)
        tlb_walk(cpu, &w, la, a);
    else
        find(cpu, &w, la, a);
    return tlb_code_walked(cpu, la, c, &w);
}

/* ---- Invalidation ---- */

/* A PCID is loaded and nothing flushed: what was translated by other tables is suspect. */
static void other_tables(struct cpu *cpu, u16 pcid)
{
    struct held *h = cpu->held;
    u64 root = walk_root(&cpu->paging);

    if (h->root[pcid] == root)
        return;
    h->root[pcid] = root;
    for (u32 n = 0; n <= h->mask; n++) {
        struct held_entry *e = &h->entry[n];

        if (e->size && e->pcid == pcid && (e->at[0] & PAGE_MASK) != root)
            suspect(cpu, e);
    }
    structures_other_root(h->structures, pcid, root);
}

void held_flush(struct cpu *cpu, enum cpu_flush what, u16 pcid, u64 la)
{
    struct held *h = cpu->held;
    struct held_entry *e;

    if (!h)
        return;
    invalidations_note(&h->invalidations, cpu, what, pcid, la);
    structures_flush(h->structures, cpu, what, pcid, la);
    switch (what) {
    case FLUSH_ALL: h->all++; break;
    case FLUSH_CONTEXTS: h->contexts++; break;
    case FLUSH_PCID:
    case FLUSH_SWITCH:
        h->of_pcid[pcid]++;
        if (pcid == held_pcid(cpu) && cpu->paging.mode != PAGING_NONE)
            h->root[pcid] = walk_root(&cpu->paging);
        break;
    case FLUSH_NONE: other_tables(cpu, pcid); break;
    case FLUSH_PAGE:
    case FLUSH_ADDRESS:
        while ((e = look_up_in(cpu, pcid, la, what == FLUSH_PAGE)) != NULL)
            drop(h, e);
        if (pcid == held_pcid(cpu))
            held_slot_emptied(cpu, la);
        break;
    }
}

void held_slot_emptied(struct cpu *cpu, u64 la)
{
    struct held *h = cpu->held;
    struct tlb_entry *p = &h->parked[tlb_slot(cpu, la) - cpu->tlb];

    if (((p->read_tag ^ la) & PAGE_MASK) == 0)
        p->read_tag = 0;
    for (unsigned i = 0; i < CODE_TLB_ENTRIES; i++)
        if (((h->parked_code[i].tag ^ la) & PAGE_MASK) == 0)
            h->parked_code[i].tag = 0;
}

void held_swept(struct cpu *cpu)
{
    memset(cpu->held->parked, 0, sizeof cpu->held->parked);
    memset(cpu->held->parked_code, 0, sizeof cpu->held->parked_code);
}

/* ---- Life ---- */

bool cpu_hold(struct cpu *cpu, enum cpu_tlb kind, bool report, u64 seed)
{
    struct held *h;

    held_destroy(cpu->held);
    cpu->held = NULL;
    tlb_watch(cpu);
    if (kind == CPU_TLB_FAST && !report)
        return true;
    h = host_reserve(sizeof *h);
    if (!h)
        return false;
    h->kind = kind;
    h->report = report;
    h->random = seed;
    h->mask = (kind == CPU_TLB_REAL ? HELD_REAL : HELD_MOST) - 1;
    h->structures = structures_create(kind, report, seed);
    if (!h->structures) {
        held_destroy(h);
        return false;
    }
    cpu->held = h;
    tlb_watch(cpu);
    tlb_flush_all(cpu);
    return true;
}

void held_destroy(struct held *h)
{
    if (!h)
        return;
    structures_destroy(h->structures);
    host_release(h, sizeof *h);
}
