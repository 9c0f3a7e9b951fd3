/* SPDX-License-Identifier: MIT */
/* An address space as text, and what changed in it between two moments. */
#ifndef FAULTLINE_FRONTEND_PTDUMP_H
#define FAULTLINE_FRONTEND_PTDUMP_H

#include "cpu/cpu.h"
#include "frontend/text.h"
#include "mmu/ranges.h"

#define PTDUMP_MOST (1u << 20) /* ranges */

/* All ranges of an address space, contiguous in physical memory, in ascending order. Owns `range`. */
struct ptdump {
    struct range *range;
    size_t count, room;
    bool complete; /* false: the budget, PTDUMP_MOST or memory ran out; what lies above the last range is unknown */
};

/* The current address space of a processor, or [first, last] of it. ptdump_free after use, whatever came of it. */
void ptdump_take(struct ptdump *, struct cpu *, u64 first, u64 last);
void ptdump_free(struct ptdump *);

/* "0000000000400000-0000000000452fff   332K 4K  urx-  -> 0x1f33000": size, size of pages, rights (user, read, write,
 * execute, global), key if there is one. Without `frames` nothing is said of physical memory. No newline. */
void ptdump_range(struct text *, const struct range *, bool frames);

/* What one stretch of addresses was and is; either is NULL where nothing was, or is, mapped. Both begin at the same
 * address and are equally long. */
struct ptdiff_change {
    const struct range *before, *after;
};
/* Every stretch that is mapped otherwise now, in ascending order, in its largest pieces. */
void ptdiff_each(const struct ptdump *before, const struct ptdump *after,
                 void (*each)(void *ctx, const struct ptdiff_change *), void *ctx);

#endif
