/* SPDX-License-Identifier: MIT */
#include "cpu/x87_number.h"

enum { BIAS = 16383, LOWEST = -16382, HIGHEST = 16383, ADJUSTMENT = 24576 };

static fp80 assemble(bool sign, u32 biased, u64 mantissa)
{
    return (fp80){.mantissa = mantissa, .exponent = (u16)((u32)sign << 15 | biased)};
}

fp80 x87_zero(bool sign) { return assemble(sign, 0, 0); }
fp80 x87_infinity(bool sign) { return assemble(sign, 0x7fff, BIT(63)); }

u16 x87_invalid(fp80 *to)
{
    *to = x87_indefinite();
    return FSW_IE;
}

/*
 * SDM Vol. 1, "Rules for Handling NaNs": the NaN operand, quieted. Of two: the quiet one, or that with the larger
 * significand, or the positive one.
 */
static const struct number *chosen_nan(const struct number *a, const struct number *b)
{
    if (!number_is_nan(b))
        return a;
    if (!number_is_nan(a))
        return b;
    if (a->kind != b->kind)
        return a->kind == NUMBER_QUIET ? a : b;
    if (a->fraction != b->fraction)
        return a->fraction > b->fraction ? a : b;
    return a->sign ? b : a;
}

bool x87_nan_result(const struct number *a, const struct number *b, fp80 *to, u16 *flags)
{
    *flags = 0;
    if (a->kind == NUMBER_UNSUPPORTED || b->kind == NUMBER_UNSUPPORTED) {
        *flags = x87_invalid(to);
        return true;
    }
    if (!number_is_nan(a) && !number_is_nan(b))
        return false;
    if (a->kind == NUMBER_SIGNALLING || b->kind == NUMBER_SIGNALLING)
        *flags = FSW_IE;
    const struct number *nan = chosen_nan(a, b);
    *to = assemble(nan->sign, 0x7fff, nan->fraction | BIT(63) | BIT(62));
    return true;
}

static u16 rounding_flags(const struct rounded *r) { return (u16)((r->inexact ? FSW_PE : 0) | (r->up ? FSW_C1 : 0)); }

static u16 overflow(const struct x87 *x, bool sign, struct rounded *r, unsigned precision, fp80 *to)
{
    bool infinite = number_overflows_to_infinity(sign, x87_rounding(x));

    if (!(x->control & FSW_OE)) {
        r->exponent -= ADJUSTMENT;
        if (r->exponent <= HIGHEST) {
            *to = assemble(sign, (u32)(r->exponent + BIAS), r->fraction);
            return (u16)(FSW_OE | rounding_flags(r));
        }
        infinite = true; /* "massive overflow", of FSCALE */
    }
    *to = infinite ? x87_infinity(sign) : assemble(sign, 0x7ffe, ~0ull << (64 - precision));
    return (u16)(FSW_OE | FSW_PE | (infinite ? FSW_C1 : 0));
}

static u16 underflow(const struct x87 *x, const struct exact *v, struct rounded *r, unsigned precision, fp80 *to)
{
    if (!(x->control & FSW_UE)) {
        r->exponent += ADJUSTMENT;
        if (r->exponent >= LOWEST) {
            *to = assemble(v->sign, (u32)(r->exponent + BIAS), r->fraction);
            return (u16)(FSW_UE | rounding_flags(r));
        }
        *to = x87_zero(v->sign);
        return FSW_UE | FSW_PE;
    }
    *r = number_round_denormal(v, precision, LOWEST, x87_rounding(x));
    *to = assemble(v->sign, r->fraction >> 63 ? 1 : 0, r->fraction);
    return (u16)((r->inexact ? FSW_UE : 0) | rounding_flags(r));
}

u16 x87_round(const struct x87 *x, const struct exact *v, unsigned precision, fp80 *to)
{
    struct rounded r = number_round(v, precision, x87_rounding(x));

    if (r.exponent > HIGHEST)
        return overflow(x, v->sign, &r, precision, to);
    if (r.exponent < LOWEST)
        return underflow(x, v, &r, precision, to);
    *to = assemble(v->sign, (u32)(r.exponent + BIAS), r.fraction);
    return rounding_flags(&r);
}

u16 x87_conclude(const struct x87 *x, const struct outcome *o, unsigned precision, u16 flags, fp80 *to)
{
    switch (o->kind) {
    case OUTCOME_INVALID: return x87_invalid(to);
    case OUTCOME_ZERO: *to = x87_zero(o->sign); return flags;
    case OUTCOME_INFINITE: *to = x87_infinity(o->sign); return o->divide_by_zero ? FSW_ZE : flags;
    default: return flags | x87_round(x, &o->value, precision, to);
    }
}
