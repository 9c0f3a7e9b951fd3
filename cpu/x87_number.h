/* SPDX-License-Identifier: MIT */
/* Between x87 registers and numbers taken apart: NaNs, rounding and its exceptions, as status word bits. */
#ifndef FAULTLINE_CPU_X87_NUMBER_H
#define FAULTLINE_CPU_X87_NUMBER_H

#include "cpu/number.h"
#include "cpu/x87.h"

static inline struct number x87_number(const fp80 *a) { return number_from_extended(a->mantissa, a->exponent); }
static inline enum rounding x87_rounding(const struct x87 *x) { return (enum rounding)(x->control >> 10 & 3); }
/* PC: bits of the significand that addition, subtraction, multiplication, division and square root give. */
static inline unsigned x87_precision(const struct x87 *x)
{
    static const u8 bits[4] = {24, 64, 53, 64};
    return bits[x->control >> 8 & 3];
}

fp80 x87_zero(bool sign);
fp80 x87_infinity(bool sign);
u16 x87_invalid(fp80 *to); /* the indefinite; FSW_IE */
/* If an operand is a NaN or unsupported: the result and true. b may be a itself where there is one operand. */
bool x87_nan_result(const struct number *a, const struct number *b, fp80 *to, u16 *flags);
/*
 * Round to `precision` bits by RC. Overflow and underflow as masked, or, unmasked, with the exponent adjusted by 24576
 * (SDM Vol. 1, "Numeric Overflow Exception (#O)", "Numeric Underflow Exception (#U)"); C1 if away from zero.
 */
u16 x87_round(const struct x87 *, const struct exact *, unsigned precision, fp80 *to);
/* An operation's outcome into `to`, with the flags so far. */
u16 x87_conclude(const struct x87 *, const struct outcome *, unsigned precision, u16 flags, fp80 *to);

#endif
