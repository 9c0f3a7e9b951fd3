/* SPDX-License-Identifier: MIT */
/* Memory operands of SSE instructions (SDM Vol. 2A, "Exception Conditions of Legacy SIMD Instructions"). */
#include <string.h>

#include "cpu/sse.h"

/* 16-byte operands must be aligned in linear memory: #GP(0), after the segment's own checks. */
static void check_alignment(struct cpu *cpu, const struct op *op, enum access_kind kind)
{
    u64 ea = op_ea(cpu, op);

    if (likely(((cpu->seg_base[op->seg] + ea) & 15) == 0))
        return;
    if (seg_linear(cpu, op->seg, ea, 16, kind) & 15)
        raise_gp(cpu, 0);
}

union xmm xmm_load_unaligned(struct cpu *cpu, const struct op *op)
{
    const u8 *p = operand_fast(cpu, op, 16, false);
    union xmm x;

    if (likely(p != NULL))
        memcpy(&x, p, 16);
    else
        mem_read_block(cpu, op->seg, op_ea(cpu, op), &x, 16);
    return x;
}

union xmm xmm_load(struct cpu *cpu, const struct op *op, unsigned width)
{
    if (width == 16) {
        check_alignment(cpu, op, ACCESS_READ);
        return xmm_load_unaligned(cpu, op);
    }
    return (union xmm){.q = {operand_read(cpu, op, width), 0}};
}

void xmm_store_unaligned(struct cpu *cpu, const struct op *op, const union xmm *x)
{
    u8 *p = operand_fast(cpu, op, 16, true);

    if (likely(p != NULL))
        memcpy(p, x, 16);
    else
        mem_write_block(cpu, op->seg, op_ea(cpu, op), x, 16);
}

void xmm_store(struct cpu *cpu, const struct op *op, const union xmm *x)
{
    check_alignment(cpu, op, ACCESS_WRITE);
    xmm_store_unaligned(cpu, op, x);
}
