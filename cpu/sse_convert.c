/* SPDX-License-Identifier: MIT */
/*
 * Conversions between integers, single and double precision (SDM Vol. 1, "SSE Conversion Instructions" and their like).
 */
#include "cpu/sse_forms.h"

void exec_CVTPS2PD(struct cpu *cpu, const struct op *op) { float_op(cpu, op, 8, cvtps2pd, LANES_NONE); }
void exec_CVTPD2PS(struct cpu *cpu, const struct op *op) { float_op(cpu, op, 16, cvtpd2ps, LANES_PS); }
void exec_CVTSS2SD(struct cpu *cpu, const struct op *op) { float_op(cpu, op, 4, cvtss2sd, LANES_NONE); }
void exec_CVTSD2SS(struct cpu *cpu, const struct op *op) { float_op(cpu, op, 8, cvtsd2ss, LANES_SS); }
void exec_CVTDQ2PS(struct cpu *cpu, const struct op *op) { float_op(cpu, op, 16, cvtdq2ps, LANES_NONE); }
void exec_CVTPS2DQ(struct cpu *cpu, const struct op *op) { float_op(cpu, op, 16, cvtps2dq, LANES_NONE); }
void exec_CVTTPS2DQ(struct cpu *cpu, const struct op *op) { float_op(cpu, op, 16, cvttps2dq, LANES_NONE); }
void exec_CVTDQ2PD(struct cpu *cpu, const struct op *op) { float_op(cpu, op, 8, cvtdq2pd, LANES_NONE); }
void exec_CVTPD2DQ(struct cpu *cpu, const struct op *op) { float_op(cpu, op, 16, cvtpd2dq, LANES_NONE); }
void exec_CVTTPD2DQ(struct cpu *cpu, const struct op *op) { float_op(cpu, op, 16, cvttpd2dq, LANES_NONE); }
SSE_FLOAT(CVTPS2PD, cvtps2pd, 8);
SSE_FLOAT(CVTPD2PS, cvtpd2ps, 16);
SSE_FLOAT(CVTSS2SD, cvtss2sd, 4);
SSE_FLOAT(CVTSD2SS, cvtsd2ss, 8);
SSE_FLOAT(CVTDQ2PS, cvtdq2ps, 16);
SSE_FLOAT(CVTPS2DQ, cvtps2dq, 16);
SSE_FLOAT(CVTTPS2DQ, cvttps2dq, 16);
SSE_FLOAT(CVTDQ2PD, cvtdq2pd, 8);
SSE_FLOAT(CVTPD2DQ, cvtpd2dq, 16);
SSE_FLOAT(CVTTPD2DQ, cvttpd2dq, 16);

/* From a general register or memory, 32 or (REX.W) 64 bits; the rest of DEST stays. */
ALWAYS_INLINE void from_integer(struct cpu *cpu, const struct op *op, float_from_fn *f32, float_from_fn *f64)
{
    bool wide = op->osize == 8;
    u64 v = op_rm_read(cpu, op, wide ? 8 : 4);
    union xmm result = cpu->xmm[op->reg];
    struct float_env e = float_enter(cpu->mxcsr);

    (wide ? f64 : f32)(&e, &result, v);
    u32 flags = float_leave(&e);
    float_commit(cpu, flags, LANES_NONE, &result);
    cpu->xmm[op->reg] = result;
}

void exec_CVTSI2SS(struct cpu *cpu, const struct op *op) { from_integer(cpu, op, cvtsi2ssl, cvtsi2ssq); }
void exec_CVTSI2SD(struct cpu *cpu, const struct op *op) { from_integer(cpu, op, cvtsi2sdl, cvtsi2sdq); }
SSE_FROM_INTEGER(CVTSI2SS, cvtsi2ssl, cvtsi2ssq);
SSE_FROM_INTEGER(CVTSI2SD, cvtsi2sdl, cvtsi2sdq);

/* To a general register. */
ALWAYS_INLINE void to_integer(struct cpu *cpu, const struct op *op, unsigned width, float_to_fn *f32, float_to_fn *f64)
{
    union xmm source = xmm_source(cpu, op, width);
    struct float_env e = float_enter(cpu->mxcsr);
    u64 v = (op->osize == 8 ? f64 : f32)(&e, &source);
    u32 flags = float_leave(&e);

    float_commit(cpu, flags, LANES_NONE, NULL);
    cpu->gpr[op->reg] = v;
}

void exec_CVTSS2SI(struct cpu *cpu, const struct op *op) { to_integer(cpu, op, 4, cvtss2si32, cvtss2si64); }
void exec_CVTSD2SI(struct cpu *cpu, const struct op *op) { to_integer(cpu, op, 8, cvtsd2si32, cvtsd2si64); }
void exec_CVTTSS2SI(struct cpu *cpu, const struct op *op) { to_integer(cpu, op, 4, cvttss2si32, cvttss2si64); }
void exec_CVTTSD2SI(struct cpu *cpu, const struct op *op) { to_integer(cpu, op, 8, cvttsd2si32, cvttsd2si64); }
SSE_TO_INTEGER(CVTSS2SI, cvtss2si32, cvtss2si64, 4);
SSE_TO_INTEGER(CVTSD2SI, cvtsd2si32, cvtsd2si64, 8);
SSE_TO_INTEGER(CVTTSS2SI, cvttss2si32, cvttss2si64, 4);
SSE_TO_INTEGER(CVTTSD2SI, cvttsd2si32, cvttsd2si64, 8);

/*
 * Between MMX and XMM registers. The packed conversions of XMM registers do the work; lanes that are not there are 0
 * and raise nothing. A memory operand is no MMX register: the x87 is not looked at then.
 */
static union xmm mmx_operand(struct cpu *cpu, const struct op *op)
{
    if (op_is_mem(op))
        return xmm_load(cpu, op, 8);
    x87_check_pending(cpu);
    return (union xmm){.q = {mmx_read(cpu, mmx_rm(op)), 0}};
}

void exec_CVTPI2PS(struct cpu *cpu, const struct op *op)
{
    union xmm source = mmx_operand(cpu, op), result = source;
    struct float_env e = float_enter(cpu->mxcsr);

    cvtdq2ps(&e, &result, &source);
    u32 flags = float_leave(&e);
    float_commit(cpu, flags, LANES_NONE, &result);
    if (!op_is_mem(op))
        x87_mmx_enter(&cpu->x87);
    cpu->xmm[op->reg].q[0] = result.q[0];
}
IRREGULAR(CVTPI2PS);

void exec_CVTPI2PD(struct cpu *cpu, const struct op *op)
{
    union xmm source = mmx_operand(cpu, op);

    if (!op_is_mem(op))
        x87_mmx_enter(&cpu->x87);
    struct float_env e = float_enter(cpu->mxcsr);
    cvtdq2pd(&e, &cpu->xmm[op->reg], &source);
    float_leave(&e); /* exact */
}
IRREGULAR(CVTPI2PD);

ALWAYS_INLINE void to_mmx(struct cpu *cpu, const struct op *op, unsigned width, float_fn *f)
{
    x87_check_pending(cpu);
    union xmm source = xmm_source(cpu, op, width), result = source;
    struct float_env e = float_enter(cpu->mxcsr);

    if (width == 8)
        source.q[1] = 0;
    f(&e, &result, &source);
    u32 flags = float_leave(&e);
    float_commit(cpu, flags, LANES_NONE, &result);
    x87_mmx_enter(&cpu->x87);
    mmx_write(cpu, mmx_reg(op), result.q[0]);
}

void exec_CVTPS2PI(struct cpu *cpu, const struct op *op) { to_mmx(cpu, op, 8, cvtps2dq); }
void exec_CVTTPS2PI(struct cpu *cpu, const struct op *op) { to_mmx(cpu, op, 8, cvttps2dq); }
void exec_CVTPD2PI(struct cpu *cpu, const struct op *op) { to_mmx(cpu, op, 16, cvtpd2dq); }
void exec_CVTTPD2PI(struct cpu *cpu, const struct op *op) { to_mmx(cpu, op, 16, cvttpd2dq); }
IRREGULAR(CVTPS2PI);
IRREGULAR(CVTTPS2PI);
IRREGULAR(CVTPD2PI);
IRREGULAR(CVTTPD2PI);
