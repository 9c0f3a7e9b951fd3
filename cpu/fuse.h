/* SPDX-License-Identifier: MIT */
/*
 * CMP or TEST followed by Jcc in one handler: the condition comes from the operands, not from the flags just stored
 * (which stay stored: nothing is known of who reads them next). The pair counts two instructions; the first may fault,
 * the second cannot.
 */
#ifndef FAULTLINE_CPU_FUSE_H
#define FAULTLINE_CPU_FUSE_H

#include "cpu/flags.h"

/* SDM "EFLAGS Condition Codes" after CMP a, b (both zero-extended from width). Codes that need OF or PF alone use the
 * stored flags. */
ALWAYS_INLINE bool condition_cmp(const struct cpu *cpu, unsigned code, u64 a, u64 b, unsigned width)
{
    s64 sa = (s64)sign_extend(a, width), sb = (s64)sign_extend(b, width);
    bool c;
    switch (code >> 1) {
    case 1: c = a < b; break;
    case 2: c = a == b; break;
    case 3: c = a <= b; break;
    case 4: c = (s64)sign_extend(a - b, width) < 0; break;
    case 6: c = sa < sb; break;
    case 7: c = sa <= sb; break;
    default: return condition(cpu, code);
    }
    return c ^ (code & 1);
}

/* After TEST a, b: CF = OF = 0. */
ALWAYS_INLINE bool condition_test(const struct cpu *cpu, unsigned code, u64 a, u64 b, unsigned width)
{
    s64 x = (s64)sign_extend(a & b, width);
    bool c;
    switch (code >> 1) {
    case 0:
    case 1: c = false; break;
    case 2:
    case 3: c = x == 0; break;
    case 4:
    case 6: c = x < 0; break;
    case 7: c = x <= 0; break;
    default: return condition(cpu, code);
    }
    return c ^ (code & 1);
}

/* clang-format off: one stamp a line */
#define FUSED_RR(NAME, W, CC)                                                         \
    HANDLER(NAME##_rr_j##CC##_##W)                                                    \
    {                                                                                 \
        u64 a = host_load((u8 *)cpu + op->d, W), b = host_load((u8 *)cpu + op->s, W); \
        sem_##NAME(cpu, op, place_reg(cpu, op->d), place_reg(cpu, op->s), W, true);   \
        return condition_##NAME(cpu, CC, a, b, W) ? take(cpu, op) : next(cpu, op);    \
    }
#define FUSED_RI(NAME, W, CC)                                                        \
    HANDLER(NAME##_ri_j##CC##_##W)                                                   \
    {                                                                                \
        u64 a = host_load((u8 *)cpu + op->d, W), b = truncate((u64)(s64)op->imm, W); \
        sem_##NAME(cpu, op, place_reg(cpu, op->d), place_imm(op), W, true);          \
        return condition_##NAME(cpu, CC, a, b, W) ? take(cpu, op) : next(cpu, op);   \
    }
/* Memory forms: on a miss the twin does the whole pair. */
#define FUSED_MEM(NAME, SUF, W, CC, D, S, A, B)                                    \
    HANDLER(NAME##_##SUF##_slow_j##CC##_##W)                                       \
    {                                                                              \
        u8 *p = operand_resolve(cpu, op, W, ACC_r);                                \
        u64 a = A, b = B;                                                          \
        sem_##NAME(cpu, op, D, S, W, true);                                        \
        bool taken = condition_##NAME(cpu, CC, a, b, W);                           \
        if (unlikely(cpu->left_trace))                                             \
            return fused_leave(cpu, op, taken);                                    \
        return taken ? take(cpu, op) : next(cpu, op);                              \
    }                                                                              \
    HANDLER(NAME##_##SUF##_j##CC##_##W)                                            \
    {                                                                              \
        u8 *p = tlb_read(cpu, address_bd(cpu, op), W);                             \
        if (unlikely(!p))                                                          \
            return NAME##_##SUF##_slow_j##CC##_##W(cpu, op);                       \
        u64 a = A, b = B;                                                          \
        sem_##NAME(cpu, op, D, S, W, true);                                        \
        return condition_##NAME(cpu, CC, a, b, W) ? take(cpu, op) : next(cpu, op); \
    }
#define FUSED_RM(NAME, W, CC) \
    FUSED_MEM(NAME, rm, W, CC, place_reg(cpu, op->d), place_mem(p), host_load((u8 *)cpu + op->d, W), host_load(p, W))
#define FUSED_MI(NAME, W, CC) \
    FUSED_MEM(NAME, mi, W, CC, place_mem(p), place_imm(op), host_load(p, W), truncate((u64)(s64)op->imm, W))

#define CONDITIONS(F, NAME, W)                                                                                       \
    F(NAME, W, 0)                                                                                                    \
    F(NAME, W, 1)                                                                                                    \
    F(NAME, W, 2)                                                                                                    \
    F(NAME, W, 3) F(NAME, W, 4) F(NAME, W, 5) F(NAME, W, 6) F(NAME, W, 7) F(NAME, W, 8) F(NAME, W, 9) F(NAME, W, 10) \
        F(NAME, W, 11) F(NAME, W, 12) F(NAME, W, 13) F(NAME, W, 14) F(NAME, W, 15)
#define FUSED_WIDTHS(F, NAME) \
    CONDITIONS(F, NAME, 1) CONDITIONS(F, NAME, 2) CONDITIONS(F, NAME, 4) CONDITIONS(F, NAME, 8)
#define FUSED_ROW(NAME, SUF, W)                                                                            \
    {                                                                                                      \
        NAME##_##SUF##_j0_##W, NAME##_##SUF##_j1_##W, NAME##_##SUF##_j2_##W, NAME##_##SUF##_j3_##W,        \
            NAME##_##SUF##_j4_##W, NAME##_##SUF##_j5_##W, NAME##_##SUF##_j6_##W, NAME##_##SUF##_j7_##W,    \
            NAME##_##SUF##_j8_##W, NAME##_##SUF##_j9_##W, NAME##_##SUF##_j10_##W, NAME##_##SUF##_j11_##W,  \
            NAME##_##SUF##_j12_##W, NAME##_##SUF##_j13_##W, NAME##_##SUF##_j14_##W, NAME##_##SUF##_j15_##W \
    }
#define FUSED_TABLE(NAME, SUF)                                                                              \
    static op_fn *const NAME##_##SUF##_jcc[WIDTHS][16] = {FUSED_ROW(NAME, SUF, 1), FUSED_ROW(NAME, SUF, 2), \
                                                          FUSED_ROW(NAME, SUF, 4), FUSED_ROW(NAME, SUF, 8)};

#define condition_CMP condition_cmp
#define condition_TEST condition_test
#define FUSED_CMP               \
    FUSED_WIDTHS(FUSED_RR, CMP) \
    FUSED_WIDTHS(FUSED_RI, CMP) \
    FUSED_WIDTHS(FUSED_RM, CMP) \
    FUSED_WIDTHS(FUSED_MI, CMP) FUSED_TABLE(CMP, rr) FUSED_TABLE(CMP, ri) FUSED_TABLE(CMP, rm) FUSED_TABLE(CMP, mi)
#define FUSED_TEST               \
    FUSED_WIDTHS(FUSED_RR, TEST) \
    FUSED_WIDTHS(FUSED_RI, TEST) \
    FUSED_WIDTHS(FUSED_MI, TEST) FUSED_TABLE(TEST, rr) FUSED_TABLE(TEST, ri) FUSED_TABLE(TEST, mi)

/* clang-format on */

#endif
