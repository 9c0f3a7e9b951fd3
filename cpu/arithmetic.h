/* SPDX-License-Identifier: MIT */
/*
 * What the MMX and SSE instructions compute, apart from where operands come from: DEST := f(DEST, SRC) on values, one
 * function an instruction. This is the one place that chooses who computes: the host's own instructions
 * (arithmetic_host.h, x87_host.c), or integer code that any host can run (arithmetic_portable.h, sse_portable.c,
 * x87_portable.c). Build with FLOAT=portable for the second on an x86 host. Both are exact, so guests cannot tell.
 */
#ifndef FAULTLINE_CPU_ARITHMETIC_H
#define FAULTLINE_CPU_ARITHMETIC_H

#include "cpu/state.h"

#if !defined(__x86_64__) && !defined(FAULTLINE_PORTABLE_FLOAT)
#define FAULTLINE_PORTABLE_FLOAT
#endif

/* MXCSR (SDM Vol. 1, "MXCSR Control and Status Register"). */
enum {
    MXCSR_IE = 1 << 0,
    MXCSR_DE = 1 << 1,
    MXCSR_ZE = 1 << 2,
    MXCSR_OE = 1 << 3,
    MXCSR_UE = 1 << 4,
    MXCSR_PE = 1 << 5,
    MXCSR_FLAGS = 0x3f,
    MXCSR_BEFORE = MXCSR_IE | MXCSR_DE | MXCSR_ZE,
    MXCSR_DAZ = 1 << 6,
    MXCSR_MASKS = 0x1f80,
    MXCSR_UM = 1 << 11,
    MXCSR_RC = 3 << 13,
    MXCSR_FZ = 1 << 15,
    MXCSR_VALID = 0xffff, /* MXCSR_MASK of FXSAVE: what may be set */
    MXCSR_INIT = 0x1f80,
};

/* DEST := f(DEST, SRC). An MMX operand is the low half of an XMM one whose high half is 0. */
typedef void xmm_fn(union xmm *dest, const union xmm *source);
typedef void xmm_imm_fn(union xmm *dest, const union xmm *source, unsigned imm);

/*
 * Floating point happens between float_enter(MXCSR), which sets rounding, FZ and DAZ with all exceptions masked, and
 * float_leave(), which tells the exceptions since (and perhaps older ones that the guest has set and masked).
 */
struct float_env;
typedef void float_fn(struct float_env *, union xmm *dest, const union xmm *source);
typedef void float_imm_fn(struct float_env *, union xmm *dest, const union xmm *source, unsigned imm);
typedef void float_from_fn(struct float_env *, union xmm *dest, u64 integer);
typedef u64 float_to_fn(struct float_env *, const union xmm *source);

/* The flags after COMISS. */
struct order {
    bool zf, pf, cf;
};
typedef struct order float_order_fn(struct float_env *, const union xmm *a, const union xmm *b);

#ifdef FAULTLINE_PORTABLE_FLOAT
#include "cpu/arithmetic_portable.h"
#else
#include "cpu/arithmetic_host.h"
#endif

#endif
