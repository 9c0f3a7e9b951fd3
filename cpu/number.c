/* SPDX-License-Identifier: MIT */
#include "cpu/number.h"

static unsigned leading_zeroes(u128 v)
{
    u64 high = (u64)(v >> 64);
    return high ? (unsigned)__builtin_clzll(high) : 64 + (unsigned)__builtin_clzll((u64)v);
}

/* Right, with what falls out kept as a sticky last bit. */
static u128 shift_sticky(u128 v, u32 count)
{
    if (count == 0)
        return v;
    if (count > 127)
        return v != 0;
    return v >> count | ((v << (128 - count)) != 0);
}

/* From a biased exponent and a fraction left-aligned below the integer bit. */
static struct number from_parts(bool sign, u32 biased, u32 all_ones, s32 bias, u64 fraction)
{
    struct number n = {.sign = sign};

    if (biased == all_ones) {
        n.kind = !fraction ? NUMBER_INFINITE : fraction & BIT(62) ? NUMBER_QUIET : NUMBER_SIGNALLING;
        n.fraction = fraction | BIT(63);
    } else if (biased == 0 && fraction == 0) {
        n.kind = NUMBER_ZERO;
    } else {
        n.kind = NUMBER_FINITE;
        n.denormal = biased == 0;
        unsigned shift = n.denormal ? (unsigned)__builtin_clzll(fraction) : 0;
        n.fraction = n.denormal ? fraction << shift : fraction | BIT(63);
        n.exponent = (s32)(n.denormal ? 1 : biased) - bias - (s32)shift;
    }
    return n;
}

const struct real_format real_single = {24, 4, -126, 127}, real_double = {53, 8, -1022, 1023};

u64 real_compose(const struct real_format *f, bool sign, u32 biased, u64 fraction)
{
    return fraction << 1 >> (65 - f->precision) | (u64)biased << (f->precision - 1) | (u64)sign << (f->width * 8 - 1);
}

struct number number_from_single(u32 v) { return from_parts(v >> 31, v >> 23 & 0xff, 0xff, 127, (u64)v << 41 >> 1); }

struct number number_from_double(u64 v) { return from_parts(v >> 63, v >> 52 & 0x7ff, 0x7ff, 1023, v << 12 >> 1); }

/* SDM Vol. 1, "Unsupported Double Extended-Precision Floating-Point Encodings": a clear integer bit that should be set.
 */
struct number number_from_extended(u64 mantissa, u16 exponent)
{
    u32 biased = exponent & 0x7fff;
    struct number n = {.sign = exponent >> 15, .fraction = mantissa};

    if (biased && !(mantissa >> 63)) {
        n.kind = NUMBER_UNSUPPORTED;
    } else if (biased == 0x7fff) {
        n.kind = !(mantissa << 1) ? NUMBER_INFINITE : mantissa & BIT(62) ? NUMBER_QUIET : NUMBER_SIGNALLING;
    } else if (!mantissa) {
        n.kind = NUMBER_ZERO;
    } else {
        unsigned shift = (unsigned)__builtin_clzll(mantissa);
        n.kind = NUMBER_FINITE;
        n.denormal = biased == 0; /* pseudo-denormals too */
        n.fraction = mantissa << shift;
        n.exponent = (s32)(biased ? biased : 1) - 16383 - (s32)shift;
    }
    return n;
}

struct number number_from_integer(s64 v)
{
    u64 magnitude = v < 0 ? -(u64)v : (u64)v;
    unsigned shift = magnitude ? (unsigned)__builtin_clzll(magnitude) : 0;

    return (struct number){.kind = v ? NUMBER_FINITE : NUMBER_ZERO,
                           .sign = v < 0,
                           .exponent = 63 - (s32)shift,
                           .fraction = magnitude << shift};
}

struct exact exact_from(bool sign, s32 exponent, u128 fraction)
{
    unsigned shift = leading_zeroes(fraction);
    return (struct exact){.sign = sign, .exponent = exponent - (s32)shift, .fraction = fraction << shift};
}

struct exact exact_from_number(const struct number *a)
{
    return (struct exact){.sign = a->sign, .exponent = a->exponent, .fraction = (u128)a->fraction << 64};
}

static struct outcome zero(bool sign) { return (struct outcome){.kind = OUTCOME_ZERO, .sign = sign}; }
static struct outcome infinite(bool sign) { return (struct outcome){.kind = OUTCOME_INFINITE, .sign = sign}; }
static struct outcome invalid(void) { return (struct outcome){.kind = OUTCOME_INVALID}; }
static struct outcome exactly(struct exact value)
{
    return (struct outcome){.kind = OUTCOME_FINITE, .sign = value.sign, .value = value};
}

/* Of two finite numbers, a's magnitude not below b's. One bit of room above; 63 below for what b loses. */
static struct outcome add_magnitudes(const struct number *a, const struct number *b, bool b_sign, enum rounding rc)
{
    u128 x = (u128)a->fraction << 63, y = shift_sticky((u128)b->fraction << 63, (u32)(a->exponent - b->exponent));
    u128 sum = a->sign == b_sign ? x + y : x - y;

    return sum ? exactly(exact_from(a->sign, a->exponent + 1, sum)) : zero(rc == ROUND_DOWN);
}

static int compare_magnitudes(const struct number *a, const struct number *b)
{
    if (a->exponent != b->exponent)
        return a->exponent < b->exponent ? -1 : 1;
    return a->fraction < b->fraction ? -1 : a->fraction > b->fraction;
}

static struct outcome add(const struct number *a, const struct number *b, bool subtract, enum rounding rc)
{
    bool b_sign = b->sign ^ subtract;

    if (a->kind == NUMBER_INFINITE && b->kind == NUMBER_INFINITE && a->sign != b_sign)
        return invalid();
    if (a->kind == NUMBER_INFINITE)
        return infinite(a->sign);
    if (b->kind == NUMBER_INFINITE)
        return infinite(b_sign);
    if (a->kind == NUMBER_ZERO && b->kind == NUMBER_ZERO)
        return zero(a->sign == b_sign ? a->sign : rc == ROUND_DOWN);
    if (b->kind == NUMBER_ZERO)
        return exactly(exact_from_number(a));
    struct number other = *b;
    other.sign = b_sign;
    if (a->kind == NUMBER_ZERO)
        return exactly(exact_from_number(&other));
    return compare_magnitudes(a, b) < 0 ? add_magnitudes(&other, a, a->sign, rc) : add_magnitudes(a, b, b_sign, rc);
}

struct outcome number_sum(const struct number *a, const struct number *b, enum rounding rc)
{
    return add(a, b, false, rc);
}

struct outcome number_difference(const struct number *a, const struct number *b, enum rounding rc)
{
    return add(a, b, true, rc);
}

struct outcome number_product(const struct number *a, const struct number *b, enum rounding rc)
{
    bool sign = a->sign ^ b->sign, zeroes = a->kind == NUMBER_ZERO || b->kind == NUMBER_ZERO;

    (void)rc;
    if (a->kind == NUMBER_INFINITE || b->kind == NUMBER_INFINITE)
        return zeroes ? invalid() : infinite(sign);
    if (zeroes)
        return zero(sign);
    return exactly(exact_from(sign, a->exponent + b->exponent + 1, (u128)a->fraction * b->fraction));
}

struct outcome number_quotient(const struct number *a, const struct number *b, enum rounding rc)
{
    bool sign = a->sign ^ b->sign;

    (void)rc;
    if (a->kind == b->kind && (a->kind == NUMBER_ZERO || a->kind == NUMBER_INFINITE))
        return invalid();
    if (a->kind == NUMBER_INFINITE)
        return infinite(sign);
    if (b->kind == NUMBER_ZERO) {
        struct outcome o = infinite(sign);
        o.divide_by_zero = true;
        return o;
    }
    if (a->kind == NUMBER_ZERO || b->kind == NUMBER_INFINITE)
        return zero(sign);
    u128 dividend = (u128)a->fraction << 63; /* the quotient of this is below 2^64 */
    u64 high = (u64)(dividend / b->fraction), rest = (u64)(dividend % b->fraction);
    u128 tail = (u128)rest << 64;
    u64 low = (u64)(tail / b->fraction);
    u128 quotient = (u128)high << 64 | low | (tail % b->fraction != 0);
    return exactly(exact_from(sign, a->exponent - b->exponent, quotient));
}

/* Digit by digit: 68 bits of the root, and a sticky one. */
struct outcome number_root(const struct number *a)
{
    enum { BITS_WANTED = 68 };

    if (a->kind == NUMBER_ZERO)
        return zero(a->sign);
    if (a->sign)
        return invalid();
    if (a->kind == NUMBER_INFINITE)
        return infinite(false);
    bool odd = a->exponent & 1;
    u128 radicand = (u128)a->fraction << (odd ? 64 : 63), root = 0, rest = 0; /* two bits before the point */
    for (unsigned i = 0; i < BITS_WANTED; i++) {
        rest = rest << 2 | (u128)(radicand >> 126);
        radicand <<= 2;
        u128 trial = root << 2 | 1;
        root <<= 1;
        if (rest >= trial) {
            rest -= trial;
            root |= 1;
        }
    }
    s32 exponent = (a->exponent - odd) / 2;
    return exactly(exact_from(false, exponent, root << (128 - BITS_WANTED) | (rest != 0)));
}

int number_compare(const struct number *a, const struct number *b)
{
    if (a->kind == NUMBER_ZERO && b->kind == NUMBER_ZERO)
        return 0;
    if (a->kind == NUMBER_ZERO)
        return b->sign ? 1 : -1;
    if (b->kind == NUMBER_ZERO || a->sign != b->sign)
        return a->sign ? -1 : 1;
    int magnitudes = a->kind == NUMBER_INFINITE || b->kind == NUMBER_INFINITE
                         ? (a->kind == NUMBER_INFINITE) - (b->kind == NUMBER_INFINITE)
                         : compare_magnitudes(a, b);
    return a->sign ? -magnitudes : magnitudes;
}

/* Is a value with these bits beyond the kept ones rounded away from zero? half: its weight there. */
static bool rounds_up(u128 tail, u128 half, bool odd, bool sign, enum rounding rc)
{
    switch (rc) {
    case ROUND_NEAREST: return tail > half || (tail == half && odd);
    case ROUND_DOWN: return tail && sign;
    case ROUND_UP: return tail && !sign;
    default: return false;
    }
}

bool number_overflows_to_infinity(bool sign, enum rounding rc)
{
    return rc == ROUND_NEAREST || (rc == ROUND_DOWN && sign) || (rc == ROUND_UP && !sign);
}

/* Keep the highest `precision` bits, 1..64, of a fraction that need not be normalised. */
static struct rounded round_fraction(u128 fraction, s32 exponent, bool sign, unsigned precision, enum rounding rc)
{
    unsigned dropped = 128 - precision;
    u128 unit = (u128)1 << dropped, tail = fraction & (unit - 1), kept = fraction - tail;
    struct rounded r = {.exponent = exponent, .inexact = tail != 0};

    r.up = rounds_up(tail, unit >> 1, kept & unit, sign, rc);
    if (r.up)
        kept += unit;
    if (r.up && kept == 0) { /* carried out of the top */
        kept = (u128)1 << 127;
        r.exponent++;
    }
    r.fraction = (u64)(kept >> 64);
    return r;
}

struct rounded number_round(const struct exact *v, unsigned precision, enum rounding rc)
{
    return round_fraction(v->fraction, v->exponent, v->sign, precision, rc);
}

struct rounded number_round_denormal(const struct exact *v, unsigned precision, s32 lowest, enum rounding rc)
{
    return round_fraction(shift_sticky(v->fraction, (u32)(lowest - v->exponent)), lowest, v->sign, precision, rc);
}

u64 number_to_integer(const struct number *a, enum rounding rc, bool *inexact, bool *up, bool *huge)
{
    *inexact = *up = *huge = false;
    if (a->kind == NUMBER_ZERO)
        return 0;
    if (a->kind != NUMBER_FINITE || a->exponent > 63) {
        *huge = true;
        return ~0ull;
    }
    u128 fixed = shift_sticky((u128)a->fraction << 64, (u32)(63 - a->exponent)), half = (u128)1 << 63;
    u128 tail = fixed & (((u128)1 << 64) - 1);
    u64 whole = (u64)(fixed >> 64);
    *inexact = tail != 0;
    *up = rounds_up(tail, half, whole & 1, a->sign, rc);
    *huge = *up && whole == ~0ull;
    return *huge ? ~0ull : whole + *up;
}
