/* SPDX-License-Identifier: MIT */
/*
 * What the guest has asked to be invalidated lately: when something stale is used, whoever looks for the bug wants to
 * know which invalidation was meant for it and missed it. Part of the model in held.c. Internal to cpu/.
 */
#ifndef FAULTLINE_CPU_INVALIDATIONS_H
#define FAULTLINE_CPU_INVALIDATIONS_H

#include "cpu/tlb.h"

#define INVALIDATIONS 64u /* remembered; a power of two */

struct invalidations {
    u64 count;
    struct cpu_invalidation recent[INVALIDATIONS];
};

void invalidations_note(struct invalidations *, const struct cpu *, enum cpu_flush, u16 pcid, u64 la);

/* The one that seems to have been meant for the finding, whose other members are known, into its `missed`. */
void invalidations_missed(const struct invalidations *, struct cpu *, struct cpu_stale *);

#endif
