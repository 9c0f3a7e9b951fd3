/* SPDX-License-Identifier: MIT */
/* The jump cache: where a linear RIP leads, for transfers out of a page. Filled by the run loop only, after every
 * check. */
#ifndef FAULTLINE_CPU_JUMP_H
#define FAULTLINE_CPU_JUMP_H

#include "cpu/access.h"

ALWAYS_INLINE struct jump_entry *jump_slot(struct cpu *cpu, u64 rip)
{
    return &cpu->jump[(rip ^ rip >> 12) & (JUMP_ENTRIES - 1)];
}

ALWAYS_INLINE const struct jump_entry *jump_find(struct cpu *cpu, u64 rip)
{
    const struct jump_entry *e = jump_slot(cpu, rip);
    return likely(e->rip == rip && e->key == cpu->jump_key) ? e : NULL;
}

#endif
