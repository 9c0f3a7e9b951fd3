/* SPDX-License-Identifier: MIT */
/* Shifts, rotates, bit tests and scans. A masked count of 0 leaves the flags alone (SDM, "SAL/SAR/SHL/SHR",
 * "RCL/RCR/ROL/ROR"). */
#include "cpu/flags.h"

#define COUNT(place) ((unsigned)place_read(place, 1) & (width == 8 ? 63 : 31))

SEMANTICS(SHL)
{
    UNUSED_WORDS;
    unsigned n = COUNT(SRC);
    u64 a = READ(DEST), x = TRUNC(a << n);
    WRITE(DEST, x);
    if (flags && n) {
        bool carry = n <= BITS_IN_WIDTH && (a >> (BITS_IN_WIDTH - n) & 1);
        flags_result(cpu, x, width);
        flags_carry_overflow(cpu, carry, carry ^ (x >> (BITS_IN_WIDTH - 1) & 1));
    }
}

SEMANTICS(SHR)
{
    UNUSED_WORDS;
    unsigned n = COUNT(SRC);
    u64 a = READ(DEST), x = a >> n;
    WRITE(DEST, x);
    if (flags && n) {
        flags_result(cpu, x, width);
        flags_carry_overflow(cpu, a >> (n - 1) & 1, (x << 1 ^ x) >> (BITS_IN_WIDTH - 1) & 1);
    }
}

SEMANTICS(SAR)
{
    UNUSED_WORDS;
    unsigned n = COUNT(SRC);
    s64 a = (s64)READ_SIGNED(DEST);
    u64 x = TRUNC((u64)(a >> n));
    WRITE(DEST, x);
    if (flags && n) {
        flags_result(cpu, x, width);
        flags_carry_overflow(cpu, a >> (n - 1) & 1, false);
    }
}

SEMANTICS(ROL)
{
    UNUSED_WORDS;
    unsigned n = COUNT(SRC), k = n % BITS_IN_WIDTH;
    u64 a = READ(DEST), x = TRUNC(a << k | (k ? a >> (BITS_IN_WIDTH - k) : 0));
    WRITE(DEST, x);
    if (flags && n)
        flags_carry_overflow(cpu, x & 1, (x ^ x >> (BITS_IN_WIDTH - 1)) & 1);
}

SEMANTICS(ROR)
{
    UNUSED_WORDS;
    unsigned n = COUNT(SRC), k = n % BITS_IN_WIDTH;
    u64 a = READ(DEST), x = TRUNC(a >> k | (k ? a << (BITS_IN_WIDTH - k) : 0));
    WRITE(DEST, x);
    if (flags && n)
        flags_carry_overflow(cpu, x >> (BITS_IN_WIDTH - 1) & 1,
                             (x >> (BITS_IN_WIDTH - 1) ^ x >> (BITS_IN_WIDTH - 2)) & 1);
}

/* Through carry: a rotate of width + 1 bits. */
SEMANTICS(RCL)
{
    UNUSED_WORDS;
    unsigned n = COUNT(SRC), k = n % (BITS_IN_WIDTH + 1);
    u64 a = READ(DEST), c = flag_carry(cpu), x = a;
    if (k) {
        x = (k < 64 ? a << k : 0) | c << (k - 1) | (k > 1 ? a >> (BITS_IN_WIDTH + 1 - k) : 0);
        c = a >> (BITS_IN_WIDTH - k) & 1;
    }
    WRITE(DEST, TRUNC(x));
    if (flags && n)
        flags_carry_overflow(cpu, c, c ^ (x >> (BITS_IN_WIDTH - 1) & 1));
}

SEMANTICS(RCR)
{
    UNUSED_WORDS;
    unsigned n = COUNT(SRC), k = n % (BITS_IN_WIDTH + 1);
    u64 a = READ(DEST), c = flag_carry(cpu), x = a;
    if (k) {
        x = (k < 64 ? a >> k : 0) | c << (BITS_IN_WIDTH - k) | (k > 1 ? a << (BITS_IN_WIDTH + 1 - k) : 0);
        c = a >> (k - 1) & 1;
        x = TRUNC(x);
    }
    WRITE(DEST, x);
    if (flags && n)
        flags_carry_overflow(cpu, c, (x >> (BITS_IN_WIDTH - 1) ^ x >> (BITS_IN_WIDTH - 2)) & 1);
}

SHIFT(SHL, FLAGS_WRITE | FLAGS_PARTIAL)
SHIFT(SHR, FLAGS_WRITE | FLAGS_PARTIAL)
SHIFT(SAR, FLAGS_WRITE | FLAGS_PARTIAL)
SHIFT(ROL, FLAGS_WRITE | FLAGS_PARTIAL)
SHIFT(ROR, FLAGS_WRITE | FLAGS_PARTIAL)
SHIFT(RCL, FLAGS_WRITE | FLAGS_PARTIAL | FLAGS_READ)
SHIFT(RCR, FLAGS_WRITE | FLAGS_PARTIAL | FLAGS_READ)

/*
 * SHLD and SHRD take their count from CL in the odd opcodes. A 16-bit count above 16 is undefined; processors since P6
 * shift the triple DEST:SRC:DEST, which is what is done here.
 */
ALWAYS_INLINE unsigned double_count(const struct cpu *cpu, const struct op *op, unsigned width)
{
    return (op->opcode & 1 ? (u8)cpu->RCX : (u8)op->imm) & (width == 8 ? 63 : 31);
}

SEMANTICS(SHLD)
{
    UNUSED_WORDS;
    unsigned n = double_count(cpu, op, width);
    u64 a = READ(DEST), b = READ(SRC), x;
    bool carry;
    if (width == 2) {
        u64 wide = a << 32 | b << 16 | a;
        x = TRUNC(wide << n >> 32);
        carry = n && (wide << (n - 1) >> 47 & 1);
    } else {
        x = n ? TRUNC(a << n | b >> (BITS_IN_WIDTH - n)) : a;
        carry = n && (a >> (BITS_IN_WIDTH - n) & 1);
    }
    WRITE(DEST, x);
    if (n) {
        flags_result(cpu, x, width);
        flags_carry_overflow(cpu, carry, (a ^ x) >> (BITS_IN_WIDTH - 1) & 1);
    }
}

SEMANTICS(SHRD)
{
    UNUSED_WORDS;
    unsigned n = double_count(cpu, op, width);
    u64 a = READ(DEST), b = READ(SRC), x;
    bool carry;
    if (width == 2) {
        u64 wide = a << 32 | b << 16 | a;
        x = TRUNC(wide >> n);
        carry = n && (wide >> (n - 1) & 1);
    } else {
        x = n ? TRUNC(a >> n | b << (BITS_IN_WIDTH - n)) : a;
        carry = n && (a >> (n - 1) & 1);
    }
    WRITE(DEST, x);
    if (n) {
        flags_result(cpu, x, width);
        flags_carry_overflow(cpu, carry, (a ^ x) >> (BITS_IN_WIDTH - 1) & 1);
    }
}

#define DOUBLE_SHIFT(NAME)                                                                        \
    WIDE_WIDTHS(FORM_RR, NAME, , true)                                                            \
    WIDE_WIDTHS(FORM_MR, NAME, tlb_write, ACC_rw)                                                 \
    TABLE_REG_WIDE(NAME, rr) TABLE_MEM_WIDE(NAME, mr, ) const struct handlers handlers_##NAME = { \
        .flags = FLAGS_WRITE | FLAGS_PARTIAL, .rr = NAME##_rr, .mr = NAME##_mr};
DOUBLE_SHIFT(SHLD)
DOUBLE_SHIFT(SHRD)

/*
 * Bit tests. With a register offset and a memory operand the bit string reaches beyond the operand (SDM Vol. 1,
 * "Bit(String)"): those forms resolve their own address.
 */
SEMANTICS(BT)
{
    UNUSED_WORDS;
    flags_set_carry(cpu, READ(DEST) >> (READ(SRC) % BITS_IN_WIDTH) & 1);
}

#define BIT_CHANGE(NAME, operator)                                \
    SEMANTICS(NAME)                                               \
    {                                                             \
        UNUSED_WORDS;                                             \
        u64 a = READ(DEST), bit = BIT(READ(SRC) % BITS_IN_WIDTH); \
        WRITE(DEST, a operator bit);                              \
        flags_set_carry(cpu, (a & bit) != 0);                     \
    }
BIT_CHANGE(BTS, |)
BIT_CHANGE(BTR, &~)
BIT_CHANGE(BTC, ^)

static u8 *bit_string_resolve(struct cpu *cpu, const struct op *op, unsigned width, unsigned access)
{
    s64 bit = (s64)sign_extend(host_load((u8 *)cpu + op->s, width), width);
    u64 ea = op_ea(cpu, op) + (u64)((bit >> (width == 2 ? 4 : width == 4 ? 5 : 6)) * (s64)width);
    cpu->op = op;
    return logical_resolve(cpu, op->seg, truncate(ea, op->asize), width, access);
}

#define BIT_STRING(NAME, W, A)                                             \
    HANDLER(NAME##_mr_##W)                                                 \
    {                                                                      \
        u8 *p = bit_string_resolve(cpu, op, W, A);                         \
        sem_##NAME(cpu, op, place_mem(p), place_reg(cpu, op->s), W, true); \
        return slow_finish(cpu, op);                                       \
    }
#define BIT_TEST(NAME, T, A)                                                                                      \
    WIDE_WIDTHS(FORM_RR, NAME, , true)                                                                            \
    WIDE_WIDTHS(FORM_RI, NAME, , true)                                                                            \
    WIDE_WIDTHS(FORM_MI, NAME, T, A) WIDE_WIDTHS(BIT_STRING, NAME, A) TABLE_REG_WIDE(NAME, rr)                    \
        TABLE_REG_WIDE(NAME, ri) TABLE_MEM_WIDE(NAME, mi, ) static op_fn *const NAME##_mr[ADDR_FORMS][WIDTHS] = { \
            {NULL, NAME##_mr_2, NAME##_mr_4, NAME##_mr_8},                                                        \
            {NULL, NAME##_mr_2, NAME##_mr_4, NAME##_mr_8},                                                        \
            {NULL, NAME##_mr_2, NAME##_mr_4, NAME##_mr_8}};                                                       \
    const struct handlers handlers_##NAME = {                                                                     \
        .flags = FLAGS_WRITE | FLAGS_PARTIAL, .rr = NAME##_rr, .ri = NAME##_ri, .mr = NAME##_mr, .mi = NAME##_mi};
BIT_TEST(BT, tlb_read, ACC_r)
BIT_TEST(BTS, tlb_write, ACC_rw)
BIT_TEST(BTR, tlb_write, ACC_rw)
BIT_TEST(BTC, tlb_write, ACC_rw)

/* A zero source leaves the destination as it was: documented as undefined, relied upon, and what processors do (upper
 * half included). */
SEMANTICS(BSF)
{
    UNUSED_WORDS;
    u64 a = READ(SRC);
    if (a)
        WRITE(DEST, (u64)__builtin_ctzll(a));
    flags_logic(cpu, a, width);
}

SEMANTICS(BSR)
{
    UNUSED_WORDS;
    u64 a = READ(SRC);
    if (a)
        WRITE(DEST, 63u - (u64)__builtin_clzll(a));
    flags_logic(cpu, a, width);
}

SEMANTICS(TZCNT)
{
    UNUSED_WORDS;
    u64 a = READ(SRC), n = a ? (u64)__builtin_ctzll(a) : BITS_IN_WIDTH;
    WRITE(DEST, n);
    flags_logic(cpu, n, width);
    flags_set_carry(cpu, a == 0);
}

SEMANTICS(LZCNT)
{
    UNUSED_WORDS;
    u64 a = READ(SRC), n = a ? (u64)__builtin_clzll(a) - (64 - BITS_IN_WIDTH) : BITS_IN_WIDTH;
    WRITE(DEST, n);
    flags_logic(cpu, n, width);
    flags_set_carry(cpu, a == 0);
}

/* POPCNT: ZF by the source; OF, SF, AF, CF, PF cleared. */
SEMANTICS(POPCNT)
{
    UNUSED_WORDS;
    u64 a = READ(SRC);
    WRITE(DEST, (u64)__builtin_popcountll(a));
    flags_set_arith(cpu, a ? 0 : FLAG_ZF);
}

SOURCE_WIDE(BSF, FLAGS_WRITE)
SOURCE_WIDE(BSR, FLAGS_WRITE)
SOURCE_WIDE(TZCNT, FLAGS_WRITE)
SOURCE_WIDE(LZCNT, FLAGS_WRITE)
SOURCE_WIDE(POPCNT, FLAGS_WRITE)
