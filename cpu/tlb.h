/* SPDX-License-Identifier: MIT */
/* The translation caches' slow side: filling, flushing, and knowing which pages hold decoded code. Internal to cpu/. */
#ifndef FAULTLINE_CPU_TLB_H
#define FAULTLINE_CPU_TLB_H

#include "cpu/access.h"

/* Flags in tlb_entry.pa. */
#define TLB_WRITABLE BIT(0) /* writes are permitted and D is set: only decoded code withholds the write tag */

/* Keys: bits 1:0 who, 11:2 generation. Generation 0 is never current, so a zeroed TLB matches nothing. */
enum { KEY_SUPERVISOR = 0, KEY_SUPERVISOR_AC = 1, KEY_USER = 2 };
#define KEY_GENERATIONS 1024

/* The key an access of this kind must find in a tag. */
static inline u64 tlb_key_of(const struct cpu *cpu, struct access a)
{
    unsigned who = a.user ? KEY_USER : cpu->paging.smap && a.ac && !a.implicit ? KEY_SUPERVISOR_AC : KEY_SUPERVISOR;
    return (u64)cpu->tlb_generation << 2 | who;
}

/* What is flushed, as the guest asked. */
enum cpu_flush {
    FLUSH_ALL,
    FLUSH_CONTEXTS, /* everything but global pages */
    FLUSH_PCID,
    FLUSH_SWITCH,  /* the same, by a MOV to CR3 that loads this PCID */
    FLUSH_PAGE,    /* INVLPG: the page of a linear address, and what is held of entries above the leaf */
    FLUSH_ADDRESS, /* INVPCID type 0: of the latter only what would be used for that address */
    FLUSH_NONE,    /* MOV to CR3 that keeps a PCID */
};

/* Where an access lands in host terms. host is NULL for a device. */
struct translation {
    u64 pa;
    u8 *host;
};

/*
 * Translate one byte's page for an access of `width` bytes on it, fill the caches, set A and D. Raises #PF.
 * Writing translations announce nothing: the caller must call code_written before it stores to RAM that may be decoded.
 */
struct translation translate(struct cpu *, u64 la, unsigned width, struct access);

/* The page of code at linear address la (any byte of it) for fetching, through the code TLB. Raises #PF as an
 * instruction fetch. */
const struct code_tlb_entry *translate_code(struct cpu *, u64 la);

/* The explicit access of the current context. */
static inline struct access access_now(const struct cpu *cpu, enum access_kind kind)
{
    return (struct access){.kind = kind, .user = cpu->cpl == 3, .ac = cpu->rflags & FLAG_AC};
}

/* RAM at pa is about to be, or was, written: drop what was decoded from it. True if anything was dropped. trace.c */
bool code_written(struct cpu *, u64 pa, u64 size);
/* Was any of these bytes, within one page, decoded? */
bool code_touched(const struct cpu *, u64 pa, unsigned size);
/* Has this physical page decoded code (so that writes to it must be announced)? trace.c */
bool code_page_present(const struct cpu *, u64 pa);
/* Writes to this page of tables must be announced, or need not any more. trace.c */
void code_page_watch(struct cpu *, u64 pa);
void code_page_unwatch(struct cpu *, u64 pa);
/* Both in one for a store within one page: what was decoded from these bytes is dropped; is the page watched? */
enum { CODE_DROPPED = 1, CODE_WATCHED = 2 };
unsigned code_stored(struct cpu *, u64 pa, unsigned size);
/* Where tables are watched (cpu->tables): `size` bytes on one page are about to be stored by the current instruction
 * (or by the processor itself, `implicit`); or were stored by a device. watch.c */
void watch_before(struct cpu *, u64 pa, u64 size, u64 la, bool implicit);
void watch_after(struct cpu *, u64 pa, u64 size);
/* Behind watch_before, for a store by one instruction: it may lead to another table, which is filled next. Then the
 * loop looks at what was stored before the next instruction (ATTENTION_TABLES). */
void watch_stored(struct cpu *);
void watch_settle(struct cpu *);

/* The current instruction, or the processor itself (`implicit`), is about to store within one page of RAM, which may
 * have decoded code or be of tables. */
static inline void announce_write(struct cpu *cpu, u64 pa, u64 la, unsigned size, bool implicit)
{
    unsigned met = code_stored(cpu, pa, size);
    if (likely(!met))
        return;
    cpu->left_trace |= met & CODE_DROPPED;
    if (met & CODE_WATCHED) {
        watch_before(cpu, pa, size, la, implicit);
        watch_stored(cpu);
    }
}

/* What a miss is made of: the walk, A and D set after one that allows the access, the slot filled (host memory of the
 * page, for the access's kind), and the rest of translate() after a walk. */
/* cpu->held, a debugger or observer.page_fault has come or gone: misses that are watched go the long way. */
void tlb_watch(struct cpu *);
void tlb_walk(struct cpu *, struct walk *, u64 la, struct access);
void tlb_commit(struct cpu *, const struct walk *);
void tlb_fill(struct cpu *, u64 la, struct access, const struct walk *, u64 page_pa, u8 *host);
struct translation tlb_walked(struct cpu *, u64 la, unsigned width, struct access, const struct walk *);
u64 tlb_code_tag(const struct cpu *, u64 la);
const struct code_tlb_entry *tlb_code_walked(struct cpu *, u64 la, struct code_tlb_entry *, const struct walk *);
/* A paging-structure entry, as a walk reads it. */
u64 tlb_read_entry(void *cpu, u64 pa, unsigned width);
/* The page has become code: take its write tags away. */
void tlb_protect_page(struct cpu *, u64 pa);

/* Recompute cpu->tlb_key and cpu->jump_key from CPL, AC, generation and mode. */
void tlb_keys_refresh(struct cpu *);

#endif
