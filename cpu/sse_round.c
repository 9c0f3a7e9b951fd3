/* SPDX-License-Identifier: MIT */
/* SSE4.1 floating point: rounding to integers, and dot products. */
#include "cpu/sse.h"

/*
 * SDM, "ROUNDPS": bit 2 of the immediate takes the rounding from MXCSR, not bits 1:0; bit 3 suppresses the inexact
 * exception.
 */
ALWAYS_INLINE void round_op(struct cpu *cpu, const struct op *op, unsigned width, float_imm_fn *f)
{
    unsigned imm = (u8)op->imm;
    union xmm source = xmm_source(cpu, op, width), result = cpu->xmm[op->reg];
    u32 control = imm & 4 ? cpu->mxcsr : (cpu->mxcsr & ~(u32)MXCSR_RC) | (imm & 3) << 13;
    struct float_env e = float_enter(control);

    f(&e, &result, &source, imm & 8);
    u32 flags = float_leave(&e);
    float_commit(cpu, flags, LANES_NONE, &result);
    cpu->xmm[op->reg] = result;
}

void exec_ROUNDPS(struct cpu *cpu, const struct op *op) { round_op(cpu, op, 16, roundps); }
void exec_ROUNDPD(struct cpu *cpu, const struct op *op) { round_op(cpu, op, 16, roundpd); }
void exec_ROUNDSS(struct cpu *cpu, const struct op *op) { round_op(cpu, op, 4, roundss); }
void exec_ROUNDSD(struct cpu *cpu, const struct op *op) { round_op(cpu, op, 8, roundsd); }
IRREGULAR(ROUNDPS);
IRREGULAR(ROUNDPD);
IRREGULAR(ROUNDSS);
IRREGULAR(ROUNDSD);

/*
 * SDM, "DPPS": products of the lanes bits 7:4 choose, added in pairs; the sum goes to the lanes bits 3:0 choose, 0 to
 * the others.
 */

/* One of its operations: its exceptions come before the next one's. */
ALWAYS_INLINE void step(struct cpu *cpu, float_fn *f, union xmm *a, const union xmm *b, enum float_lanes lanes)
{
    struct float_env e = float_enter(cpu->mxcsr);

    f(&e, a, b);
    u32 flags = float_leave(&e);
    float_commit(cpu, flags, lanes, a);
}

void exec_DPPS(struct cpu *cpu, const struct op *op)
{
    union xmm b = xmm_source(cpu, op, 16), *dest = &cpu->xmm[op->reg], a = *dest;

    for (unsigned i = 0; i < 4; i++)
        if (!(op->imm >> (4 + i) & 1))
            a.d[i] = b.d[i] = 0;
    step(cpu, mulps, &a, &b, LANES_PS);
    step(cpu, haddps, &a, &a, LANES_PS);
    step(cpu, haddps, &a, &a, LANES_PS);
    for (unsigned i = 0; i < 4; i++)
        dest->d[i] = op->imm >> i & 1 ? a.d[0] : 0;
}
IRREGULAR(DPPS);

void exec_DPPD(struct cpu *cpu, const struct op *op)
{
    union xmm b = xmm_source(cpu, op, 16), *dest = &cpu->xmm[op->reg], a = *dest;

    for (unsigned i = 0; i < 2; i++)
        if (!(op->imm >> (4 + i) & 1))
            a.q[i] = b.q[i] = 0;
    step(cpu, mulpd, &a, &b, LANES_PD);
    step(cpu, haddpd, &a, &a, LANES_PD);
    for (unsigned i = 0; i < 2; i++)
        dest->q[i] = op->imm >> i & 1 ? a.q[0] : 0;
}
IRREGULAR(DPPD);
