/* SPDX-License-Identifier: MIT */
/*
 * What a processor may hold of the entries above the leaf (SDM Vol. 3A, "Paging-Structure Caches"): PDEs, PDPTEs,
 * PML4Es and PML5Es that lead to another table. By one of them an address that was never translated is walked from a
 * table that is none any more. Part of the model in held.c. Internal to cpu/.
 */
#ifndef FAULTLINE_CPU_STRUCTURES_H
#define FAULTLINE_CPU_STRUCTURES_H

#include "cpu/tlb.h"

struct structures;

struct structures *structures_create(enum cpu_tlb, bool report, u64 seed); /* NULL without memory */
void structures_destroy(struct structures *);

/*
 * An access for which no translation is held. True if it is walked from an entry of these caches that is not what
 * memory says: `w` is that walk, A and D still to be set. False: memory is to be walked. A use that differs, or would,
 * is told.
 */
bool structures_walk(struct structures *, struct cpu *, struct walk *w, u64 la, struct access);

/* A walk whose first entries are those of an earlier one, whatever memory holds by now; read() gives the others. */
struct past_walk {
    const u64 *at, *value; /* from the root */
    unsigned steps;
    u8 level; /* of the last */
};
void structures_walk_past(struct walk *, struct cpu *, const struct past_walk *, u64 la, struct access,
                          u64 (*read)(void *cpu, u64 pa, unsigned width));

/* After a walk that allowed the access, or that found tables whose A flags are set. `old`: structures_walk() made it.
 */
void structures_load(struct structures *, struct cpu *, u64 la, const struct walk *, bool old);
/* "The processor may create a PDE-cache entry even if there are no translations for any linear address that might use
 * that entry": of regions beside that of `la`. */
void structures_load_early(struct structures *, struct cpu *, u64 la);

/* The entry at `at` is about to change, or has changed. */
void structures_written(struct structures *, u64 at);
/* This PCID is current without a flush, and its uppermost table is `root`. */
void structures_other_root(struct structures *, u16 pcid, u64 root);
/* What the guest asked to be invalidated. */
void structures_flush(struct structures *, struct cpu *, enum cpu_flush, u16 pcid, u64 la);
/* A page fault invalidates what would be used for its address. */
void structures_fault(struct structures *, struct cpu *, u64 la);

#endif
