/* SPDX-License-Identifier: MIT */
/*
 * Filling and flushing the translation caches (SDM Vol. 3A, "Caching Translation Information"). A leaf translation may
 * stay until the guest invalidates it; upper levels are not cached, so their changes are seen by the next miss.
 *
 * A flush does not sweep: tags carry a generation, each address space (PCID) has one, and a flush hands out a new one.
 * When the ten bits run out everything is swept once. Global pages are dropped with the rest, which the manual allows.
 */
#include "cpu/tlb.h"

#include <string.h>

#include "cpu/fault.h"
#include "cpu/held.h"
#include "cpu/points.h"
#include "cpu/run.h"
#include "cpu/strict.h"
#include "mmu/phys.h"

u64 tlb_read_entry(void *ctx, u64 pa, unsigned width)
{
    struct cpu *cpu = ctx;
    pa &= cpu->a20_mask;
    const u8 *page = phys_page_read(cpu->phys, pa);
    if (likely(page != NULL))
        return host_load(page + (pa & ~PAGE_MASK), width);
    return phys_read(cpu->phys, pa, width);
}

struct walk cpu_walk(struct cpu *cpu, u64 la, struct access a)
{
    return walk(&cpu->paging, la, a, (struct walk_reader){tlb_read_entry, cpu});
}

const struct paging *cpu_paging(const struct cpu *cpu) { return &cpu->paging; }

static u64 look_at_entry(void *ctx, u64 pa, unsigned width)
{
    struct cpu *cpu = ctx;
    const u8 *page = phys_page_read(cpu->phys, pa &= cpu->a20_mask);
    return page ? host_load(page + (pa & ~PAGE_MASK), width) : 0;
}

struct walk_reader cpu_table_reader(struct cpu *cpu) { return (struct walk_reader){look_at_entry, cpu}; }

/* The same without the copy. */
void tlb_walk(struct cpu *cpu, struct walk *w, u64 la, struct access a)
{
    walk_into(w, &cpu->paging, la, a, (struct walk_reader){cpu->read_entry, cpu});
}

/* The page has decoded code, or is of tables. */
static NOINLINE void store_flags(struct cpu *cpu, u64 at, u8 *to, u64 entry, unsigned width)
{
    code_written(cpu, at, width);
    if (cpu->tables)
        tables_settle(cpu->tables); /* what was stored before, without the flags set now */
    host_store(to, entry, width);
    if (cpu->tables)
        tables_accessed(cpu->tables, at, width);
}

/* "Accessed and Dirty Flags": A in every entry used, D in a written leaf, only now that the access is allowed. */
void tlb_commit(struct cpu *cpu, const struct walk *w)
{
    for (unsigned i = 0; i < w->steps; i++) {
        if (!w->set[i])
            continue;
        u64 at = w->step[i].at & cpu->a20_mask;
        unsigned width = cpu->paging.mode == PAGING_32BIT ? 4 : 8;
        if (unlikely(cpu->debug != NULL))
            points_walk(cpu, at, width);
        u8 *page = phys_page_write(cpu->phys, at);
        if (!page) {
            phys_write(cpu->phys, at, w->step[i].entry | w->set[i], width);
            continue;
        }
        phys_will_write(cpu->phys, page, PAGE_SIZE);
        page += at & ~PAGE_MASK;
        if (unlikely(code_page_present(cpu, at)))
            store_flags(cpu, at, page, w->step[i].entry | w->set[i], width);
        else
            host_store(page, w->step[i].entry | w->set[i], width);
    }
}

static void note_large_page(struct cpu *cpu, u64 la, u64 size)
{
    u64 low = la & ~(size - 1), high = low + size - 1;
    if (low < cpu->large_low)
        cpu->large_low = low;
    if (high > cpu->large_high)
        cpu->large_high = high;
}

/* A write that was allowed may read too: no right to write comes without the right to read. */
void tlb_fill(struct cpu *cpu, u64 la, struct access a, const struct walk *w, u64 page_pa, u8 *host)
{
    u64 page = la & PAGE_MASK, tag = page | tlb_key_of(cpu, a);
    struct tlb_entry *e = tlb_slot(cpu, la);
    bool writable = cpu->paging.mode == PAGING_NONE || a.kind == ACCESS_WRITE;
    if (w->page_size > PAGE_SIZE)
        note_large_page(cpu, la, w->page_size);
    if (!writable && w->dirty) { /* else a store must come by here to set D, or to be refused */
        if (cpu->paging.pke || cpu->paging.pks) {
            a.kind = ACCESS_WRITE;
            writable = cpu_walk(cpu, la, a).cause == CAUSE_NONE;
        } else {
            writable = w->writable || (!a.user && !cpu->paging.wp);
        }
    }
    writable = writable && phys_page_write(cpu->phys, page_pa) == host;
    e->read_tag = tag;
    e->write_tag = writable && !code_page_present(cpu, page_pa) ? tag : 0;
    if (phys_has_snapshots(cpu->phys) && phys_is_held(cpu->phys, host))
        e->write_tag = 0; /* the page is still a snapshot's too */
    e->addend = (u64)host - page;
    e->pa = page_pa | (writable ? TLB_WRITABLE : 0);
}

/* `watched`: an observer is to hear of a fault, a debugger may have points in the page. */
ALWAYS_INLINE struct translation walked(struct cpu *cpu, u64 la, unsigned width, struct access a, const struct walk *w,
                                        bool watched)
{
    if (unlikely(w->cause != CAUSE_NONE)) {
        struct tlb_entry *e = tlb_slot(cpu, la);
        e->read_tag = e->write_tag = 0; /* the faulting access drops its own entry */
        if (watched)
            raise_pf_told(cpu, la, width, &a, w);
        raise_pf(cpu, la, &a, w);
    }
    tlb_commit(cpu, w);
    u64 pa = w->pa & cpu->a20_mask;
    if (unlikely(pa != w->pa))
        strict_a20(cpu, la, w->pa);
    u8 *host = a.kind == ACCESS_WRITE ? phys_page_write(cpu->phys, pa) : phys_page_read(cpu->phys, pa);
    if (!host || (a.kind == ACCESS_WRITE && phys_page_split(cpu->phys, pa)))
        return (struct translation){pa, NULL};
    if (a.kind == ACCESS_WRITE)
        phys_will_write(cpu->phys, host, PAGE_SIZE);
    if (watched && cpu->debug && points_cover(cpu, la, pa & PAGE_MASK)) {
        struct tlb_entry *e = tlb_slot(cpu, la);
        e->read_tag = e->write_tag = 0; /* each access is looked at */
    } else {
        tlb_fill(cpu, la, a, w, pa & PAGE_MASK, host);
    }
    return (struct translation){pa, host + (pa & ~PAGE_MASK)};
}

struct translation tlb_walked(struct cpu *cpu, u64 la, unsigned width, struct access a, const struct walk *w)
{
    return walked(cpu, la, width, a, w, true);
}

void tlb_watch(struct cpu *cpu) { cpu->misses_watched = cpu->held || cpu->debug || cpu->observer.page_fault; }

static NOINLINE struct translation watched_miss(struct cpu *cpu, u64 la, unsigned width, struct access a)
{
    if (cpu->held)
        return held_translate(cpu, la, width, a);
    struct walk w;
    tlb_walk(cpu, &w, la, a);
    return tlb_walked(cpu, la, width, a, &w);
}

/* #AC is checked by the callers: it comes before paging. */
struct translation translate(struct cpu *cpu, u64 la, unsigned width, struct access a)
{
    struct tlb_entry *e = tlb_slot(cpu, la);
    u64 tag = (la & PAGE_MASK) | tlb_key_of(cpu, a);
    if (e->read_tag == tag && (a.kind == ACCESS_READ || (e->pa & TLB_WRITABLE))) {
        if (a.kind == ACCESS_WRITE) {
            phys_will_write(cpu->phys, (u8 *)((la & PAGE_MASK) + e->addend), PAGE_SIZE);
            if (!code_page_present(cpu, e->pa))
                e->write_tag = tag; /* it was withheld for decoded code that is gone, or for a snapshot */
        }
        return (struct translation){(e->pa & PAGE_MASK) | (la & ~PAGE_MASK), (u8 *)(la + e->addend)};
    }
    cpu->stats.tlb_misses++;
    if (unlikely(cpu->misses_watched))
        return watched_miss(cpu, la, width, a);
    struct walk w;
    tlb_walk(cpu, &w, la, a);
    return walked(cpu, la, width, a, &w, false);
}

static struct code_tlb_entry *code_slot(struct cpu *cpu, u64 la)
{
    return &cpu->code_tlb[(la >> 12 ^ la >> 21) % CODE_TLB_ENTRIES];
}

u64 tlb_code_tag(const struct cpu *cpu, u64 la)
{
    return (la & PAGE_MASK) | (u64)cpu->tlb_generation << 2 | (cpu->cpl == 3 ? KEY_USER : KEY_SUPERVISOR);
}

const struct code_tlb_entry *tlb_code_walked(struct cpu *cpu, u64 la, struct code_tlb_entry *e, const struct walk *w)
{
    if (unlikely(w->cause != CAUSE_NONE)) {
        struct access a = access_now(cpu, ACCESS_EXECUTE);
        e->tag = 0;
        raise_pf_told(cpu, la, 1, &a, w);
    }
    tlb_commit(cpu, w);
    if (w->page_size > PAGE_SIZE)
        note_large_page(cpu, la, w->page_size);
    e->tag = tlb_code_tag(cpu, la);
    e->pa = w->pa & cpu->a20_mask & PAGE_MASK;
    if (unlikely((w->pa ^ e->pa) & PAGE_MASK))
        strict_a20(cpu, la, w->pa);
    e->host = phys_page_read(cpu->phys, e->pa);
    return e;
}

const struct code_tlb_entry *translate_code(struct cpu *cpu, u64 la)
{
    struct code_tlb_entry *e = code_slot(cpu, la);
    u64 tag = tlb_code_tag(cpu, la);
    if (likely(e->tag == tag))
        return e;
    cpu->stats.tlb_misses++;
    if (unlikely(cpu->held != NULL))
        return held_translate_code(cpu, la, e);
    struct walk w;
    tlb_walk(cpu, &w, la, access_now(cpu, ACCESS_EXECUTE));
    return tlb_code_walked(cpu, la, e, &w);
}

/* Flushing. */

static void sweep(struct cpu *cpu)
{
    memset(cpu->tlb, 0, sizeof cpu->tlb);
    memset(cpu->code_tlb, 0, sizeof cpu->code_tlb);
    memset(cpu->pcid, 0, sizeof cpu->pcid);
    cpu->tlb_generations_used = 0;
    cpu->jump_epoch++;
    cpu->large_low = ~0ull;
    cpu->large_high = 0;
    memset(cpu->jump_pages, 0, sizeof cpu->jump_pages);
    if (cpu->held)
        held_swept(cpu);
}

static void new_generation(struct cpu *cpu)
{
    if (cpu->tlb_generations_used + 1 >= KEY_GENERATIONS)
        sweep(cpu);
    cpu->tlb_generation = ++cpu->tlb_generations_used;
}

static struct pcid_slot *pcid_find(struct cpu *cpu, u16 pcid)
{
    for (unsigned i = 0; i < 16; i++)
        if (cpu->pcid[i].used && cpu->pcid[i].pcid == pcid)
            return &cpu->pcid[i];
    return NULL;
}

static void pcid_remember(struct cpu *cpu, u16 pcid)
{
    struct pcid_slot *slot = pcid_find(cpu, pcid);
    if (!slot)
        slot =
            &cpu->pcid[pcid % 16]; /* whose place this was is simply forgotten: it will be flushed when it comes back */
    *slot = (struct pcid_slot){.pcid = pcid, .generation = cpu->tlb_generation, .used = true};
}

void tlb_flush_rights(struct cpu *cpu)
{
    memset(cpu->pcid, 0, sizeof cpu->pcid);
    new_generation(cpu);
    if (cpu->cr4 & CR4_PCIDE)
        pcid_remember(cpu, cpu->cr3 & 0xfff);
    cpu->large_low = ~0ull;
    cpu->large_high = 0;
    tlb_keys_refresh(cpu);
}

void tlb_flush_all(struct cpu *cpu)
{
    held_flush(cpu, FLUSH_ALL, 0, 0);
    tlb_flush_rights(cpu);
}

void tlb_flush_contexts(struct cpu *cpu)
{
    held_flush(cpu, FLUSH_CONTEXTS, 0, 0);
    tlb_flush_rights(cpu);
}

static u16 current_pcid(const struct cpu *cpu) { return cpu->cr4 & CR4_PCIDE ? cpu->cr3 & 0xfff : 0; }

void tlb_flush_context(struct cpu *cpu)
{
    held_flush(cpu, FLUSH_PCID, current_pcid(cpu), 0);
    new_generation(cpu);
    tlb_keys_refresh(cpu);
}

void tlb_switch_pcid(struct cpu *cpu, u16 pcid, bool keep)
{
    held_flush(cpu, keep ? FLUSH_NONE : FLUSH_SWITCH, pcid, 0);
    struct pcid_slot *slot = keep ? pcid_find(cpu, pcid) : NULL;
    if (slot) {
        cpu->tlb_generation = slot->generation;
    } else {
        new_generation(cpu);
        pcid_remember(cpu, pcid);
    }
    tlb_keys_refresh(cpu);
}

static void flush_pcid(struct cpu *cpu, u16 pcid)
{
    if (pcid == current_pcid(cpu)) {
        new_generation(cpu);
        if (cpu->cr4 & CR4_PCIDE)
            pcid_remember(cpu, pcid);
        tlb_keys_refresh(cpu);
        return;
    }
    struct pcid_slot *slot = pcid_find(cpu, pcid);
    if (slot)
        slot->used = false;
}

void tlb_flush_pcid(struct cpu *cpu, u16 pcid)
{
    held_flush(cpu, FLUSH_PCID, pcid, 0);
    flush_pcid(cpu, pcid);
}

/* One page, in every address space (the manual asks for the current one, and for global pages in all). */
static void invalidate(struct cpu *cpu, u64 la)
{
    if (la >= cpu->large_low && la <= cpu->large_high) {
        tlb_flush_rights(cpu); /* fragments of a large page may be anywhere */
        return;
    }
    struct tlb_entry *e = tlb_slot(cpu, la);
    if (((e->read_tag ^ la) & PAGE_MASK) == 0)
        e->read_tag = 0;
    if (((e->write_tag ^ la) & PAGE_MASK) == 0)
        e->write_tag = 0;
    struct code_tlb_entry *c = code_slot(cpu, la);
    if (((c->tag ^ la) & PAGE_MASK) == 0)
        c->tag = 0;
    u64 bit = jump_page_bit(la >> 12);
    if (cpu->jump_pages[bit / 64] >> (bit % 64) & 1) {
        cpu->jump_epoch++;
        memset(cpu->jump_pages, 0, sizeof cpu->jump_pages);
        tlb_keys_refresh(cpu);
    }
}

void tlb_invalidate_page(struct cpu *cpu, u64 la)
{
    held_flush(cpu, FLUSH_PAGE, current_pcid(cpu), la);
    invalidate(cpu, la);
}

void tlb_invalidate_address(struct cpu *cpu, u16 pcid, u64 la)
{
    held_flush(cpu, FLUSH_ADDRESS, pcid, la);
    if (pcid == current_pcid(cpu))
        invalidate(cpu, la);
    else
        flush_pcid(cpu, pcid);
}

void tlb_protect_page(struct cpu *cpu, u64 pa)
{
    for (unsigned i = 0; i < TLB_ENTRIES; i++)
        if ((cpu->tlb[i].pa & PAGE_MASK) == (pa & PAGE_MASK))
            cpu->tlb[i].write_tag = 0;
}

void tlb_keys_refresh(struct cpu *cpu)
{
    unsigned who = cpu->cpl == 3                                 ? KEY_USER
                   : cpu->paging.smap && (cpu->rflags & FLAG_AC) ? KEY_SUPERVISOR_AC
                                                                 : KEY_SUPERVISOR;
    cpu->tlb_key = (u64)cpu->tlb_generation << 2 | who;
    cpu->jump_key = cpu->jump_epoch << 24 | (u64)cpu->tlb_generation << 12 | (u64)(cpu->cpl == 3) << 11 | cpu->mode;
}

/* Looking. */

void cpu_translations(struct cpu *cpu, void (*each)(void *ctx, const struct cpu_translation *), void *ctx)
{
    for (unsigned i = 0; i < TLB_ENTRIES; i++) {
        const struct tlb_entry *e = &cpu->tlb[i];
        if (!cpu->tlb_generation || (e->read_tag >> 2 & (KEY_GENERATIONS - 1)) != cpu->tlb_generation)
            continue;
        struct cpu_translation t = {.la = e->read_tag & PAGE_MASK,
                                    .pa = e->pa & PAGE_MASK,
                                    .writable = e->pa & TLB_WRITABLE,
                                    .who = e->read_tag & 3};
        each(ctx, &t);
    }
    for (unsigned i = 0; i < CODE_TLB_ENTRIES; i++) {
        const struct code_tlb_entry *e = &cpu->code_tlb[i];
        if (!cpu->tlb_generation || (e->tag >> 2 & (KEY_GENERATIONS - 1)) != cpu->tlb_generation)
            continue;
        struct cpu_translation t = {.la = e->tag & PAGE_MASK, .pa = e->pa, .code = true, .who = e->tag & 3};
        each(ctx, &t);
    }
}
