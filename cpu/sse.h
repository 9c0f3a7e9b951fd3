/* SPDX-License-Identifier: MIT */
/*
 * MMX and SSE instructions. Each is a pure function of its operands, which arithmetic.h provides, and a loader that
 * brings the operands: sse_* for XMM registers, mmx_* for MMX registers, packed_* for those that come in
 * both forms. Everything that can fault comes before the first register is written.
 */
#ifndef FAULTLINE_CPU_SSE_H
#define FAULTLINE_CPU_SSE_H

#include "cpu/x87.h"

#define INSN(opcode, prefix, modrm, NAME, op1, acc1, op2, acc2, op3, feature, attributes) exec_fn exec_##NAME;
#include "cpu/isa_sse.def"
#undef INSN

#include "cpu/arithmetic.h"

/* sse_memory.c */
union xmm xmm_load(struct cpu *, const struct op *, unsigned width); /* memory operand; 16 bytes must be aligned */
union xmm xmm_load_unaligned(struct cpu *, const struct op *);       /* 16 bytes, anywhere */
void xmm_store(struct cpu *, const struct op *, const union xmm *);  /* 16 bytes, aligned */
void xmm_store_unaligned(struct cpu *, const struct op *, const union xmm *);

/* The r/m operand: a register whole, or `width` bytes of memory, zero-extended. */
static inline union xmm xmm_source(struct cpu *cpu, const struct op *op, unsigned width)
{
    return op_is_mem(op) ? xmm_load(cpu, op, width) : cpu->xmm[op->rm];
}

/*
 * MMX registers are the mantissas of R0..R7; a write sets the exponent to ones (SDM Vol. 1, "The MMX State and MMX
 * Register Aliasing").
 */
static inline unsigned mmx_reg(const struct op *op) { return op->modrm >> 3 & 7; }
static inline unsigned mmx_rm(const struct op *op) { return op->modrm & 7; }
static inline u64 mmx_read(const struct cpu *cpu, unsigned i) { return cpu->x87.r[i].mantissa; }
static inline void mmx_write(struct cpu *cpu, unsigned i, u64 v)
{
    cpu->x87.r[i].mantissa = v;
    cpu->x87.r[i].exponent = 0xffff;
}

/* Begin an MMX instruction: pending x87 exceptions, its r/m operand, then the x87 becomes the MMX unit. */
static inline u64 mmx_source(struct cpu *cpu, const struct op *op, unsigned width)
{
    x87_check_pending(cpu);
    u64 v = op_is_mem(op) ? operand_read(cpu, op, width) : mmx_read(cpu, mmx_rm(op));
    x87_mmx_enter(&cpu->x87);
    return v;
}

ALWAYS_INLINE void sse_packed(struct cpu *cpu, const struct op *op, xmm_fn *f)
{
    union xmm source = xmm_source(cpu, op, 16);
    f(&cpu->xmm[op->reg], &source);
}

ALWAYS_INLINE void sse_packed_imm(struct cpu *cpu, const struct op *op, xmm_imm_fn *f)
{
    union xmm source = xmm_source(cpu, op, 16);
    f(&cpu->xmm[op->reg], &source, (u8)op->imm);
}

ALWAYS_INLINE void mmx_packed(struct cpu *cpu, const struct op *op, xmm_fn *f, unsigned width)
{
    union xmm source = {.q = {mmx_source(cpu, op, width), 0}}, dest = {.q = {mmx_read(cpu, mmx_reg(op)), 0}};
    f(&dest, &source);
    mmx_write(cpu, mmx_reg(op), dest.q[0]);
}

/* Both forms with one lane-wise function: the prefix tells. */
ALWAYS_INLINE void packed(struct cpu *cpu, const struct op *op, xmm_fn *f)
{
    if (op->flags & OP_66)
        sse_packed(cpu, op, f);
    else
        mmx_packed(cpu, op, f, 8);
}

/* Both forms, with a function of its own for MMX because lanes cross the halves. */
ALWAYS_INLINE void packed_each(struct cpu *cpu, const struct op *op, xmm_fn *sse, xmm_fn *mmx)
{
    if (op->flags & OP_66)
        sse_packed(cpu, op, sse);
    else
        mmx_packed(cpu, op, mmx, 8);
}

/* Lanes whose result may be tiny, for the unmasked underflow exception. */
enum float_lanes { LANES_NONE, LANES_SS, LANES_SD, LANES_PS, LANES_PD };

/* sse_float.c: accumulate flags; #XM (or #UD) if one is unmasked, before any register is written. */
void float_exceptions(struct cpu *, u32 flags, enum float_lanes, const union xmm *result);

ALWAYS_INLINE void float_commit(struct cpu *cpu, u32 flags, enum float_lanes lanes, const union xmm *result)
{
    if (likely((cpu->mxcsr & MXCSR_MASKS) == MXCSR_MASKS))
        cpu->mxcsr |= flags;
    else
        float_exceptions(cpu, flags, lanes, result);
}

/* DEST := f(DEST, SRC), a floating-point operation with `width` bytes of source. */
ALWAYS_INLINE void float_op(struct cpu *cpu, const struct op *op, unsigned width, float_fn *f, enum float_lanes lanes)
{
    union xmm source = xmm_source(cpu, op, width), result = cpu->xmm[op->reg];
    struct float_env e = float_enter(cpu->mxcsr);

    f(&e, &result, &source);
    u32 flags = float_leave(&e);
    float_commit(cpu, flags, lanes, &result);
    cpu->xmm[op->reg] = result;
}

/* The same with an immediate. */
ALWAYS_INLINE void float_imm_op(struct cpu *cpu, const struct op *op, unsigned width, float_imm_fn *f,
                                enum float_lanes lanes)
{
    union xmm source = xmm_source(cpu, op, width), result = cpu->xmm[op->reg];
    struct float_env e = float_enter(cpu->mxcsr);

    f(&e, &result, &source, (u8)op->imm);
    u32 flags = float_leave(&e);
    float_commit(cpu, flags, lanes, &result);
    cpu->xmm[op->reg] = result;
}

#endif
