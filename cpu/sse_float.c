/* SPDX-License-Identifier: MIT */
/* SSE floating-point arithmetic and comparison, and its exceptions (SDM Vol. 1, "SSE, SSE2, and SSE3 Exceptions"). */
#include "cpu/sse.h"

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

HOST_INSTRUCTION(addps)
HOST_INSTRUCTION(addpd)
HOST_INSTRUCTION(addss)
HOST_INSTRUCTION(addsd)
HOST_INSTRUCTION(subps)
HOST_INSTRUCTION(subpd)
HOST_INSTRUCTION(subss)
HOST_INSTRUCTION(subsd)
HOST_INSTRUCTION(mulps)
HOST_INSTRUCTION(mulpd)
HOST_INSTRUCTION(mulss)
HOST_INSTRUCTION(mulsd)
HOST_INSTRUCTION(divps)
HOST_INSTRUCTION(divpd)
HOST_INSTRUCTION(divss)
HOST_INSTRUCTION(divsd)
HOST_INSTRUCTION(minps)
HOST_INSTRUCTION(minpd)
HOST_INSTRUCTION(minss)
HOST_INSTRUCTION(minsd)
HOST_INSTRUCTION(maxps)
HOST_INSTRUCTION(maxpd)
HOST_INSTRUCTION(maxss)
HOST_INSTRUCTION(maxsd)
HOST_INSTRUCTION(sqrtps)
HOST_INSTRUCTION(sqrtpd)
HOST_INSTRUCTION(sqrtss)
HOST_INSTRUCTION(sqrtsd)
HOST_INSTRUCTION(addsubps)
HOST_INSTRUCTION(addsubpd)
HOST_INSTRUCTION(haddps)
HOST_INSTRUCTION(haddpd)
HOST_INSTRUCTION(hsubps)
HOST_INSTRUCTION(hsubpd)

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
IRREGULAR(ADDPS);
IRREGULAR(ADDPD);
IRREGULAR(ADDSS);
IRREGULAR(ADDSD);
IRREGULAR(SUBPS);
IRREGULAR(SUBPD);
IRREGULAR(SUBSS);
IRREGULAR(SUBSD);
IRREGULAR(MULPS);
IRREGULAR(MULPD);
IRREGULAR(MULSS);
IRREGULAR(MULSD);
IRREGULAR(DIVPS);
IRREGULAR(DIVPD);
IRREGULAR(DIVSS);
IRREGULAR(DIVSD);
IRREGULAR(MINPS);
IRREGULAR(MINPD);
IRREGULAR(MINSS);
IRREGULAR(MINSD);
IRREGULAR(MAXPS);
IRREGULAR(MAXPD);
IRREGULAR(MAXSS);
IRREGULAR(MAXSD);
IRREGULAR(SQRTPS);
IRREGULAR(SQRTPD);
IRREGULAR(SQRTSS);
IRREGULAR(SQRTSD);
IRREGULAR(ADDSUBPS);
IRREGULAR(ADDSUBPD);
IRREGULAR(HADDPS);
IRREGULAR(HADDPD);
IRREGULAR(HSUBPS);
IRREGULAR(HSUBPD);

/* The approximations raise nothing; their bits are the host's. */
HOST_INSTRUCTION(rcpps)
HOST_INSTRUCTION(rcpss)
HOST_INSTRUCTION(rsqrtps)
HOST_INSTRUCTION(rsqrtss)

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
#define HOST_COMPARE(name)                                                         \
    static void name(union xmm *dest, const union xmm *source, unsigned predicate) \
    {                                                                              \
        __m128i x = xmm_get(dest), y = xmm_get(source);                            \
        switch (predicate & 7) {                                                   \
        case 0: __asm__ volatile(#name " $0, %1, %0" : "+x"(x) : "x"(y)); break;   \
        case 1: __asm__ volatile(#name " $1, %1, %0" : "+x"(x) : "x"(y)); break;   \
        case 2: __asm__ volatile(#name " $2, %1, %0" : "+x"(x) : "x"(y)); break;   \
        case 3: __asm__ volatile(#name " $3, %1, %0" : "+x"(x) : "x"(y)); break;   \
        case 4: __asm__ volatile(#name " $4, %1, %0" : "+x"(x) : "x"(y)); break;   \
        case 5: __asm__ volatile(#name " $5, %1, %0" : "+x"(x) : "x"(y)); break;   \
        case 6: __asm__ volatile(#name " $6, %1, %0" : "+x"(x) : "x"(y)); break;   \
        default: __asm__ volatile(#name " $7, %1, %0" : "+x"(x) : "x"(y)); break;  \
        }                                                                          \
        xmm_put(dest, x);                                                          \
    }

HOST_COMPARE(cmpps)
HOST_COMPARE(cmppd)
HOST_COMPARE(cmpss)
HOST_COMPARE(cmpsd)

void exec_CMPPS(struct cpu *cpu, const struct op *op) { float_imm_op(cpu, op, 16, cmpps, LANES_NONE); }
void exec_CMPPD(struct cpu *cpu, const struct op *op) { float_imm_op(cpu, op, 16, cmppd, LANES_NONE); }
void exec_CMPSS(struct cpu *cpu, const struct op *op) { float_imm_op(cpu, op, 4, cmpss, LANES_NONE); }
void exec_CMPSD(struct cpu *cpu, const struct op *op) { float_imm_op(cpu, op, 8, cmpsd, LANES_NONE); }
IRREGULAR(CMPPS);
IRREGULAR(CMPPD);
IRREGULAR(CMPSS);
IRREGULAR(CMPSD);

/* SDM, "COMISS": the host's EFLAGS. ZF, PF, CF = 111 unordered, 000 greater, 001 less, 100 equal. */
struct order {
    bool zf, pf, cf;
};

#define HOST_ORDER(name)                                                                                  \
    static struct order name(const union xmm *a, const union xmm *b)                                      \
    {                                                                                                     \
        __m128i x = xmm_get(a), y = xmm_get(b);                                                           \
        struct order o;                                                                                   \
        __asm__ volatile(#name " %4, %3" : "=@ccz"(o.zf), "=@ccp"(o.pf), "=@ccc"(o.cf) : "x"(x), "x"(y)); \
        return o;                                                                                         \
    }

HOST_ORDER(comiss)
HOST_ORDER(comisd)
HOST_ORDER(ucomiss)
HOST_ORDER(ucomisd)

ALWAYS_INLINE void compare(struct cpu *cpu, const struct op *op, unsigned width,
                           struct order (*f)(const union xmm *, const union xmm *))
{
    union xmm source = xmm_source(cpu, op, width);
    struct float_host h = float_enter(cpu->mxcsr);
    struct order o = f(&cpu->xmm[op->reg], &source);
    u32 flags = float_leave(&h);

    float_commit(cpu, flags, LANES_NONE, NULL);
    flags_compare(cpu, o.zf, o.pf, o.cf);
}

void exec_COMISS(struct cpu *cpu, const struct op *op) { compare(cpu, op, 4, comiss); }
void exec_COMISD(struct cpu *cpu, const struct op *op) { compare(cpu, op, 8, comisd); }
void exec_UCOMISS(struct cpu *cpu, const struct op *op) { compare(cpu, op, 4, ucomiss); }
void exec_UCOMISD(struct cpu *cpu, const struct op *op) { compare(cpu, op, 8, ucomisd); }
IRREGULAR(COMISS);
IRREGULAR(COMISD);
IRREGULAR(UCOMISS);
IRREGULAR(UCOMISD);
