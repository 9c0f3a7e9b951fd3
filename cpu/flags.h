/* SPDX-License-Identifier: MIT */
/* The arithmetic flags: one formula each. Representation: struct flags in state.h. */
#ifndef FAULTLINE_CPU_FLAGS_H
#define FAULTLINE_CPU_FLAGS_H

#include "cpu/access.h"

/* x = a + b + carry-in, all truncated to width; carry-out given. */
ALWAYS_INLINE void flags_result(struct cpu *cpu, u64 x, unsigned width)
{
    cpu->f.zero = cpu->f.sign = sign_extend(x, width);
}

ALWAYS_INLINE void flags_add(struct cpu *cpu, u64 a, u64 b, u64 x, bool carry, unsigned width)
{
    flags_result(cpu, x, width);
    cpu->f.carries = sign_extend(a ^ b ^ x, width);
    cpu->f.carry = carry;
}

/* For a subtraction a ^ b ^ x holds the borrows into each bit: the same formulas. */
#define flags_sub flags_add

ALWAYS_INLINE void flags_logic(struct cpu *cpu, u64 x, unsigned width)
{
    flags_result(cpu, x, width);
    cpu->f.carries = 0;
    cpu->f.carry = 0;
}

/* Set CF and OF alone, as rotates do. */
ALWAYS_INLINE void flags_carry_overflow(struct cpu *cpu, bool carry, bool overflow)
{
    cpu->f.carries = (cpu->f.carries & FLAG_AF) | ((u64)(carry ^ overflow) << 63);
    cpu->f.carry = carry;
}

/* Set CF alone: OF is kept as a difference from CF, so that moves with it. */
ALWAYS_INLINE void flags_set_carry(struct cpu *cpu, bool carry)
{
    cpu->f.carries ^= (u64)(carry ^ (cpu->f.carry & 1)) << 63;
    cpu->f.carry = carry;
}

/* Set OF and AF, keeping CF: INC and DEC. */
ALWAYS_INLINE void flags_keep_carry(struct cpu *cpu, u64 adjust, bool overflow)
{
    cpu->f.carries = (adjust & FLAG_AF) | ((u64)(overflow ^ (cpu->f.carry & 1)) << 63);
}

ALWAYS_INLINE bool flag_carry(const struct cpu *cpu) { return cpu->f.carry & 1; }
ALWAYS_INLINE bool flag_zero(const struct cpu *cpu) { return cpu->f.zero == 0; }
ALWAYS_INLINE bool flag_sign(const struct cpu *cpu) { return (s64)cpu->f.sign < 0; }
ALWAYS_INLINE bool flag_overflow(const struct cpu *cpu) { return (cpu->f.carries >> 63) ^ (cpu->f.carry & 1); }
ALWAYS_INLINE bool flag_parity(const struct cpu *cpu) { return !__builtin_parity((u8)cpu->f.sign); }
ALWAYS_INLINE bool flag_adjust(const struct cpu *cpu) { return cpu->f.carries & FLAG_AF; }

/* SDM Vol. 1, "EFLAGS Condition Codes". */
ALWAYS_INLINE bool condition(const struct cpu *cpu, unsigned code)
{
    unsigned c;
    switch (code >> 1) {
    case 0: c = flag_overflow(cpu); break;
    case 1: c = flag_carry(cpu); break;
    case 2: c = flag_zero(cpu); break;
    case 3: c = (unsigned)flag_carry(cpu) | flag_zero(cpu); break;
    case 4: c = flag_sign(cpu); break;
    case 5: c = flag_parity(cpu); break;
    case 6: c = flag_sign(cpu) ^ flag_overflow(cpu); break;
    default: c = (unsigned)(flag_sign(cpu) ^ flag_overflow(cpu)) | flag_zero(cpu); break;
    }
    return c ^ (code & 1);
}

/* Set the six from an EFLAGS image. */
void flags_set_arith(struct cpu *, u64 rflags);

#endif
