/* SPDX-License-Identifier: MIT */
/*
 * What a processor may hold of translations (SDM Vol. 3A, "Caching Translation Information"), beyond what this one's
 * TLB happens to hold: a model for --check stale-tlb, which reports a translation used though its entries have changed,
 * and for
 * --tlb real and hostile, which use what the manual allows to be used. Without either, cpu->held is NULL. Internal to
 * cpu/.
 */
#ifndef FAULTLINE_CPU_HELD_H
#define FAULTLINE_CPU_HELD_H

#include "cpu/tlb.h"

struct held;

/* A TLB miss, and a miss of the code TLB. As translate() and translate_code() after their first look. */
struct translation held_translate(struct cpu *, u64 la, unsigned width, struct access);
const struct code_tlb_entry *held_translate_code(struct cpu *, u64 la, struct code_tlb_entry *);

/* Entries of watched tables in [pa, pa + size) are about to change, or have changed: what was translated by them is
 * looked at before it is used again. */
void held_tables_written(struct cpu *, u64 pa, u64 size);

/* What the guest asked to be invalidated, with a PCID and a linear address where there are any; cpu->held may be NULL.
 */
void held_flush(struct cpu *, enum cpu_flush, u16 pcid, u64 la);
/* The TLB's slots were emptied, all or one. */
void held_swept(struct cpu *);
void held_slot_emptied(struct cpu *, u64 la);

/* A finding is complete but for `pcid` and `missed`: now it is told. */
void held_tell(struct cpu *, struct cpu_stale *, u16 pcid);
/* The tag of what is loaded now. */
u16 held_pcid(const struct cpu *);

void held_destroy(struct held *);

#endif
