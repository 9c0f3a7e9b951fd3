/* SPDX-License-Identifier: MIT */
/* SSE floating-point arithmetic and comparison, and its exceptions (SDM Vol. 1, "SSE, SSE2, and SSE3 Exceptions"). */
#include "cpu/sse_forms.h"

static bool tiny_single(u32 v) { return !(v & 0x7f800000) && (v & 0x7fffff); }
static bool tiny_double(u64 v) { return !(v & 0x7ff0000000000000) && (v & 0xfffffffffffff); }

static bool any_tiny(enum float_lanes lanes, const union xmm *x)
{
    switch (lanes) {
    case LANES_SS: return tiny_single(x->d[0]);
    case LANES_SD: return tiny_double(x->q[0]);
    case LANES_PS: return tiny_single(x->d[0]) || tiny_single(x->d[1]) || tiny_single(x->d[2]) || tiny_single(x->d[3]);
    case LANES_PD: return tiny_double(x->q[0]) || tiny_double(x->q[1]);
    default: return false;
    }
}

/*
 * "Numeric Underflow Exception (#U)": unmasked, a tiny result is enough; masked, it must be inexact as well, and so the
 * host says. "SIMD Floating-Point Exception Priority": an unmasked exception before the operation keeps those after it
 * from being detected. PE of an overflow or underflow that is unmasked is the masked response's: the processor's
 * tells if the result would be inexact with an unbounded exponent.
 */
NOINLINE void float_exceptions(struct cpu *cpu, u32 flags, enum float_lanes lanes, const union xmm *result)
{
    u32 unmasked = ~cpu->mxcsr >> 7 & MXCSR_FLAGS;

    /* Flags set earlier are no exceptions of this instruction; host flags may repeat those that are masked. */
    if ((unmasked & MXCSR_UE) && any_tiny(lanes, result))
        flags |= MXCSR_UE;
    if (flags & unmasked & MXCSR_BEFORE)
        flags &= MXCSR_BEFORE;
    cpu->mxcsr |= flags;
    if (!(flags & unmasked))
        return;
    if (cpu->cr4 & CR4_OSXMMEXCPT)
        raise_xm(cpu);
    raise_ud(cpu);
}

void exec_ADDPS(struct cpu *cpu, const struct op *op) { float_op(cpu, op, 16, addps, LANES_PS); }
void exec_ADDPD(struct cpu *cpu, const struct op *op) { float_op(cpu, op, 16, addpd, LANES_PD); }
void exec_ADDSS(struct cpu *cpu, const struct op *op) { float_op(cpu, op, 4, addss, LANES_SS); }
void exec_ADDSD(struct cpu *cpu, const struct op *op) { float_op(cpu, op, 8, addsd, LANES_SD); }
void exec_SUBPS(struct cpu *cpu, const struct op *op) { float_op(cpu, op, 16, subps, LANES_PS); }
void exec_SUBPD(struct cpu *cpu, const struct op *op) { float_op(cpu, op, 16, subpd, LANES_PD); }
void exec_SUBSS(struct cpu *cpu, const struct op *op) { float_op(cpu, op, 4, subss, LANES_SS); }
void exec_SUBSD(struct cpu *cpu, const struct op *op) { float_op(cpu, op, 8, subsd, LANES_SD); }
void exec_MULPS(struct cpu *cpu, const struct op *op) { float_op(cpu, op, 16, mulps, LANES_PS); }
void exec_MULPD(struct cpu *cpu, const struct op *op) { float_op(cpu, op, 16, mulpd, LANES_PD); }
void exec_MULSS(struct cpu *cpu, const struct op *op) { float_op(cpu, op, 4, mulss, LANES_SS); }
void exec_MULSD(struct cpu *cpu, const struct op *op) { float_op(cpu, op, 8, mulsd, LANES_SD); }
void exec_DIVPS(struct cpu *cpu, const struct op *op) { float_op(cpu, op, 16, divps, LANES_PS); }
void exec_DIVPD(struct cpu *cpu, const struct op *op) { float_op(cpu, op, 16, divpd, LANES_PD); }
void exec_DIVSS(struct cpu *cpu, const struct op *op) { float_op(cpu, op, 4, divss, LANES_SS); }
void exec_DIVSD(struct cpu *cpu, const struct op *op) { float_op(cpu, op, 8, divsd, LANES_SD); }
void exec_MINPS(struct cpu *cpu, const struct op *op) { float_op(cpu, op, 16, minps, LANES_NONE); }
void exec_MINPD(struct cpu *cpu, const struct op *op) { float_op(cpu, op, 16, minpd, LANES_NONE); }
void exec_MINSS(struct cpu *cpu, const struct op *op) { float_op(cpu, op, 4, minss, LANES_NONE); }
void exec_MINSD(struct cpu *cpu, const struct op *op) { float_op(cpu, op, 8, minsd, LANES_NONE); }
void exec_MAXPS(struct cpu *cpu, const struct op *op) { float_op(cpu, op, 16, maxps, LANES_NONE); }
void exec_MAXPD(struct cpu *cpu, const struct op *op) { float_op(cpu, op, 16, maxpd, LANES_NONE); }
void exec_MAXSS(struct cpu *cpu, const struct op *op) { float_op(cpu, op, 4, maxss, LANES_NONE); }
void exec_MAXSD(struct cpu *cpu, const struct op *op) { float_op(cpu, op, 8, maxsd, LANES_NONE); }
void exec_SQRTPS(struct cpu *cpu, const struct op *op) { float_op(cpu, op, 16, sqrtps, LANES_NONE); }
void exec_SQRTPD(struct cpu *cpu, const struct op *op) { float_op(cpu, op, 16, sqrtpd, LANES_NONE); }
void exec_SQRTSS(struct cpu *cpu, const struct op *op) { float_op(cpu, op, 4, sqrtss, LANES_NONE); }
void exec_SQRTSD(struct cpu *cpu, const struct op *op) { float_op(cpu, op, 8, sqrtsd, LANES_NONE); }
void exec_ADDSUBPS(struct cpu *cpu, const struct op *op) { float_op(cpu, op, 16, addsubps, LANES_PS); }
void exec_ADDSUBPD(struct cpu *cpu, const struct op *op) { float_op(cpu, op, 16, addsubpd, LANES_PD); }
void exec_HADDPS(struct cpu *cpu, const struct op *op) { float_op(cpu, op, 16, haddps, LANES_PS); }
void exec_HADDPD(struct cpu *cpu, const struct op *op) { float_op(cpu, op, 16, haddpd, LANES_PD); }
void exec_HSUBPS(struct cpu *cpu, const struct op *op) { float_op(cpu, op, 16, hsubps, LANES_PS); }
void exec_HSUBPD(struct cpu *cpu, const struct op *op) { float_op(cpu, op, 16, hsubpd, LANES_PD); }
SSE_FLOAT(ADDPS, addps, 16);
SSE_FLOAT(ADDPD, addpd, 16);
SSE_FLOAT(ADDSS, addss, 4);
SSE_FLOAT(ADDSD, addsd, 8);
SSE_FLOAT(SUBPS, subps, 16);
SSE_FLOAT(SUBPD, subpd, 16);
SSE_FLOAT(SUBSS, subss, 4);
SSE_FLOAT(SUBSD, subsd, 8);
SSE_FLOAT(MULPS, mulps, 16);
SSE_FLOAT(MULPD, mulpd, 16);
SSE_FLOAT(MULSS, mulss, 4);
SSE_FLOAT(MULSD, mulsd, 8);
SSE_FLOAT(DIVPS, divps, 16);
SSE_FLOAT(DIVPD, divpd, 16);
SSE_FLOAT(DIVSS, divss, 4);
SSE_FLOAT(DIVSD, divsd, 8);
SSE_FLOAT(MINPS, minps, 16);
SSE_FLOAT(MINPD, minpd, 16);
SSE_FLOAT(MINSS, minss, 4);
SSE_FLOAT(MINSD, minsd, 8);
SSE_FLOAT(MAXPS, maxps, 16);
SSE_FLOAT(MAXPD, maxpd, 16);
SSE_FLOAT(MAXSS, maxss, 4);
SSE_FLOAT(MAXSD, maxsd, 8);
SSE_FLOAT(SQRTPS, sqrtps, 16);
SSE_FLOAT(SQRTPD, sqrtpd, 16);
SSE_FLOAT(SQRTSS, sqrtss, 4);
SSE_FLOAT(SQRTSD, sqrtsd, 8);
SSE_FLOAT(ADDSUBPS, addsubps, 16);
SSE_FLOAT(ADDSUBPD, addsubpd, 16);
SSE_FLOAT(HADDPS, haddps, 16);
SSE_FLOAT(HADDPD, haddpd, 16);
SSE_FLOAT(HSUBPS, hsubps, 16);
SSE_FLOAT(HSUBPD, hsubpd, 16);

/*
 * SDM, "RCPPS", "RSQRTPS": approximations with a relative error below 1.5 * 2^-12. Processors differ in their bits; so
 * that guests do not depend on the host, these are our own: the result to 13 bits. They raise nothing, know no MXCSR,
 * take denormals for zeroes and give none.
 */
static bool single_is_nan(u32 v) { return (v & 0x7fffffff) > 0x7f800000; }

/* 2^exponent * (q / 2^13), q of 13 bits or 2^13. */
static u32 approximation(u32 sign, s32 exponent, u32 q)
{
    if (q < 1u << 13) {
        q <<= 1;
        exponent--;
    }
    return exponent < -126 ? sign : sign | (u32)(exponent + 127) << 23 | ((q << 10) & 0x7fffff);
}

static u32 reciprocal(u32 v)
{
    u32 sign = v & 0x80000000, biased = v >> 23 & 0xff, m = (v & 0x7fffff) | 1u << 23;

    if (single_is_nan(v))
        return v | 0x400000;
    if (biased == 0xff)
        return sign;
    if (biased == 0)
        return sign | 0x7f800000;
    return approximation(sign, 127 - (s32)biased, (u32)(((1ull << 36) + m / 2) / m));
}

static u32 integer_root(u32 v)
{
    u32 root = 0;

    for (u32 bit = 1u << 15; bit; bit >>= 1)
        if ((root | bit) * (root | bit) <= v)
            root |= bit;
    return root;
}

static u32 reciprocal_root(u32 v)
{
    u32 biased = v >> 23 & 0xff, m = (v & 0x7fffff) | 1u << 23;

    if (single_is_nan(v))
        return v | 0x400000;
    if (biased == 0)
        return (v & 0x80000000) | 0x7f800000;
    if (v >> 31)
        return 0xffc00000;
    if (biased == 0xff)
        return 0;
    if (!(biased & 1)) /* an odd exponent: m in 1 .. 4 */
        m <<= 1;
    return approximation(0, -(((s32)biased - 127 - !(biased & 1)) / 2),
                         (integer_root((u32)((1ull << 51) / m)) + 1) / 2);
}

static void rcpss(union xmm *d, const union xmm *s) { d->d[0] = reciprocal(s->d[0]); }
static void rsqrtss(union xmm *d, const union xmm *s) { d->d[0] = reciprocal_root(s->d[0]); }

static void rcpps(union xmm *d, const union xmm *s)
{
    for (unsigned i = 0; i < 4; i++)
        d->d[i] = reciprocal(s->d[i]);
}

static void rsqrtps(union xmm *d, const union xmm *s)
{
    for (unsigned i = 0; i < 4; i++)
        d->d[i] = reciprocal_root(s->d[i]);
}

void exec_RCPPS(struct cpu *cpu, const struct op *op) { sse_packed(cpu, op, rcpps); }
void exec_RSQRTPS(struct cpu *cpu, const struct op *op) { sse_packed(cpu, op, rsqrtps); }
IRREGULAR(RCPPS);
IRREGULAR(RSQRTPS);

void exec_RCPSS(struct cpu *cpu, const struct op *op)
{
    union xmm source = xmm_source(cpu, op, 4);
    rcpss(&cpu->xmm[op->reg], &source);
}
IRREGULAR(RCPSS);

void exec_RSQRTSS(struct cpu *cpu, const struct op *op)
{
    union xmm source = xmm_source(cpu, op, 4);
    rsqrtss(&cpu->xmm[op->reg], &source);
}
IRREGULAR(RSQRTSS);

/* SDM, "CMPPS": the predicates of the legacy encoding, bits 2:0 of the immediate. */
void exec_CMPPS(struct cpu *cpu, const struct op *op) { float_imm_op(cpu, op, 16, cmpps, LANES_NONE); }
void exec_CMPPD(struct cpu *cpu, const struct op *op) { float_imm_op(cpu, op, 16, cmppd, LANES_NONE); }
void exec_CMPSS(struct cpu *cpu, const struct op *op) { float_imm_op(cpu, op, 4, cmpss, LANES_NONE); }
void exec_CMPSD(struct cpu *cpu, const struct op *op) { float_imm_op(cpu, op, 8, cmpsd, LANES_NONE); }
IRREGULAR(CMPPS);
IRREGULAR(CMPPD);
IRREGULAR(CMPSS);
IRREGULAR(CMPSD);

/* SDM, "COMISS": ZF, PF, CF = 111 unordered, 000 greater, 001 less, 100 equal. */
ALWAYS_INLINE void compare(struct cpu *cpu, const struct op *op, unsigned width, float_order_fn *f)
{
    union xmm source = xmm_source(cpu, op, width);
    struct float_env e = float_enter(cpu->mxcsr);
    struct order o = f(&e, &cpu->xmm[op->reg], &source);
    u32 flags = float_leave(&e);

    float_commit(cpu, flags, LANES_NONE, NULL);
    flags_compare(cpu, o.zf, o.pf, o.cf);
}

void exec_COMISS(struct cpu *cpu, const struct op *op) { compare(cpu, op, 4, comiss); }
void exec_COMISD(struct cpu *cpu, const struct op *op) { compare(cpu, op, 8, comisd); }
void exec_UCOMISS(struct cpu *cpu, const struct op *op) { compare(cpu, op, 4, ucomiss); }
void exec_UCOMISD(struct cpu *cpu, const struct op *op) { compare(cpu, op, 8, ucomisd); }
SSE_ORDER(COMISS, comiss, 4);
SSE_ORDER(COMISD, comisd, 8);
SSE_ORDER(UCOMISS, ucomiss, 4);
SSE_ORDER(UCOMISD, ucomisd, 8);
