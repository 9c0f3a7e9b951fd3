/* SPDX-License-Identifier: MIT */
/* Addition, subtraction, comparison, logic. SDM Vol. 2, the pages of these names; one sentence each. */
#include "cpu/fault.h"
#include "cpu/flags.h"
#include "cpu/fuse.h"

ALWAYS_INLINE bool carry_of(u64 a, u64 b, u64 x, bool carry_in, unsigned width)
{
    (void)b, (void)width;
    return carry_in ? x <= a : x < a;
}

ALWAYS_INLINE bool borrow_of(u64 a, u64 b, bool borrow_in) { return borrow_in ? a <= b : a < b; }

SEMANTICS(ADD)
{
    UNUSED_WORDS;
    u64 a = READ(DEST), b = READ(SRC), x = TRUNC(a + b);
    WRITE(DEST, x);
    if (flags)
        flags_add(cpu, a, b, x, carry_of(a, b, x, false, width), width);
}

SEMANTICS(ADC)
{
    UNUSED_WORDS;
    bool c = flag_carry(cpu);
    u64 a = READ(DEST), b = READ(SRC), x = TRUNC(a + b + c);
    WRITE(DEST, x);
    if (flags)
        flags_add(cpu, a, b, x, carry_of(a, b, x, c, width), width);
}

SEMANTICS(SUB)
{
    UNUSED_WORDS;
    u64 a = READ(DEST), b = READ(SRC), x = TRUNC(a - b);
    WRITE(DEST, x);
    if (flags)
        flags_sub(cpu, a, b, x, borrow_of(a, b, false), width);
}

SEMANTICS(SBB)
{
    UNUSED_WORDS;
    bool c = flag_carry(cpu);
    u64 a = READ(DEST), b = READ(SRC), x = TRUNC(a - b - c);
    WRITE(DEST, x);
    if (flags)
        flags_sub(cpu, a, b, x, borrow_of(a, b, c), width);
}

SEMANTICS(CMP)
{
    UNUSED_WORDS;
    u64 a = READ(DEST), b = READ(SRC);
    flags_sub(cpu, a, b, TRUNC(a - b), borrow_of(a, b, false), width);
}

#define LOGIC(NAME, operator)                  \
    SEMANTICS(NAME)                            \
    {                                          \
        UNUSED_WORDS;                          \
        u64 x = READ(DEST) operator READ(SRC); \
        WRITE(DEST, x);                        \
        if (flags)                             \
            flags_logic(cpu, x, width);        \
    }
LOGIC(AND, &)
LOGIC(OR, |)
LOGIC(XOR, ^)

SEMANTICS(TEST)
{
    UNUSED_WORDS;
    flags_logic(cpu, READ(DEST) & READ(SRC), width);
}

SEMANTICS(INC)
{
    UNUSED_WORDS;
    u64 a = READ(DEST), x = TRUNC(a + 1);
    WRITE(DEST, x);
    if (flags) {
        flags_result(cpu, x, width);
        flags_keep_carry(cpu, a ^ x ^ 1, x == BIT(BITS_IN_WIDTH - 1));
    }
}

SEMANTICS(DEC)
{
    UNUSED_WORDS;
    u64 a = READ(DEST), x = TRUNC(a - 1);
    WRITE(DEST, x);
    if (flags) {
        flags_result(cpu, x, width);
        flags_keep_carry(cpu, a ^ x ^ 1, a == BIT(BITS_IN_WIDTH - 1));
    }
}

SEMANTICS(NEG)
{
    UNUSED_WORDS;
    u64 a = READ(DEST), x = TRUNC(-a);
    WRITE(DEST, x);
    if (flags)
        flags_sub(cpu, 0, a, x, a != 0, width);
}

SEMANTICS(NOT)
{
    UNUSED_WORDS;
    WRITE(DEST, ~READ(DEST));
}

BINARY_RW(ADD, FLAGS_WRITE)
BINARY_RW(ADC, FLAGS_WRITE | FLAGS_READ)
BINARY_RW(SUB, FLAGS_WRITE)
BINARY_RW(SBB, FLAGS_WRITE | FLAGS_READ)
BINARY_RW(AND, FLAGS_WRITE)
BINARY_RW(OR, FLAGS_WRITE)
BINARY_RW(XOR, FLAGS_WRITE)
UNARY_RW(INC, FLAGS_WRITE | FLAGS_PARTIAL)
UNARY_RW(DEC, FLAGS_WRITE | FLAGS_PARTIAL)
UNARY_RW(NEG, FLAGS_WRITE)
UNARY_RW(NOT, FLAGS_NONE)

/* CMP and TEST read their destination; a following Jcc is fused with them. */
BINARY_FORMS(CMP, tlb_read, ACC_r)
FUSED_CMP
const struct handlers handlers_CMP = {
    .flags = FLAGS_WRITE,
    .rr = CMP_rr,
    .ri = CMP_ri,
    .rm = CMP_rm,
    .mr = CMP_mr,
    .mi = CMP_mi,
    .rr_jcc = CMP_rr_jcc,
    .ri_jcc = CMP_ri_jcc,
    .rm_jcc = CMP_rm_jcc,
    .mi_jcc = CMP_mi_jcc,
};
BINARY_FORMS(TEST, tlb_read, ACC_r)
FUSED_TEST
const struct handlers handlers_TEST = {
    .flags = FLAGS_WRITE,
    .rr = TEST_rr,
    .ri = TEST_ri,
    .rm = TEST_rm,
    .mr = TEST_mr,
    .mi = TEST_mi,
    .rr_jcc = TEST_rr_jcc,
    .ri_jcc = TEST_ri_jcc,
    .mi_jcc = TEST_mi_jcc,
};
