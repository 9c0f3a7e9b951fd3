/* SPDX-License-Identifier: MIT */
/* The stack as near instructions use it. Far transfers and exceptions have their own rules (segment.c, interrupt.c). */
#ifndef FAULTLINE_CPU_STACK_H
#define FAULTLINE_CPU_STACK_H

#include "cpu/access.h"
#include "cpu/mode.h"

/* rSP, of which the stack-address size says how much moves. */
static inline void stack_set(struct cpu *cpu, const struct op *op, u64 sp)
{
    if (op->stack_size == 2)
        host_store((u8 *)&cpu->RSP, sp, 2);
    else
        cpu->RSP = truncate(sp, op->stack_size);
}

static inline void stack_move(struct cpu *cpu, const struct op *op, s64 by) { stack_set(cpu, op, cpu->RSP + (u64)by); }

/* The slot at the top, osize bytes. */
static inline u64 stack_top(struct cpu *cpu, const struct op *op)
{
    return host_load(logical_resolve(cpu, SEG_SS, truncate(cpu->RSP, op->stack_size), op->osize, ACC_r), op->osize);
}

static inline void stack_push_slow(struct cpu *cpu, const struct op *op, u64 v)
{
    u64 sp = truncate(cpu->RSP - op->osize, op->stack_size);
    u8 *p = logical_resolve(cpu, SEG_SS, sp, op->osize, ACC_w);
    host_store(p, v, op->osize);
    stack_set(cpu, op, sp);
}

/* May pushes and pops of this op use the inlined forms? */
static inline bool stack_is_fast(const struct op *op, u32 mode)
{
    return op->osize == op->stack_size && op->osize >= 4 && (mode & MODE_FLAT) && !(mode & MODE_AC);
}

#endif
