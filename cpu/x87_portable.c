/* SPDX-License-Identifier: MIT */
/* The x87's arithmetic in integers, for hosts without one (arithmetic.h chooses). Same functions as x87_host.c. */
#include "cpu/arithmetic.h"

#ifdef FAULTLINE_PORTABLE_FLOAT

#include <string.h>

#include "cpu/access.h"
#include "cpu/x87_number.h"

static u16 denormal_flag(const struct number *a, const struct number *b)
{
    return a->denormal || b->denormal ? FSW_DE : 0;
}

/* Nothing else is detected after an unmasked exception that comes before the operation. */
static bool stopped(const struct x87 *x, u16 flags) { return flags & ~x->control & FSW_BEFORE; }

static fp80 from_normal(const struct number *n)
{
    return (fp80){.mantissa = n->fraction, .exponent = (u16)((u32)n->sign << 15 | (u32)(n->exponent + 16383))};
}

/* Addition and its kin. */

static struct outcome reverse_difference(const struct number *a, const struct number *b, enum rounding rc)
{
    return number_difference(b, a, rc);
}
static struct outcome reverse_quotient(const struct number *a, const struct number *b, enum rounding rc)
{
    return number_quotient(b, a, rc);
}

static u16 conclude(const struct x87 *x, const struct outcome *o, unsigned precision, u16 flags, fp80 *to)
{
    if (o->kind != OUTCOME_INVALID && !o->divide_by_zero && stopped(x, flags))
        return flags;
    return x87_conclude(x, o, precision, flags, to);
}

static u16 operate(const struct x87 *x, fp80 *a, const struct number *b, number_operation_fn *f)
{
    struct number n = x87_number(a);
    u16 flags;

    if (x87_nan_result(&n, b, a, &flags))
        return flags;
    struct outcome o = f(&n, b, x87_rounding(x));
    return conclude(x, &o, x87_precision(x), denormal_flag(&n, b), a);
}

static struct number single_at(const void *p) { return number_from_single((u32)host_load(p, 4)); }
static struct number double_at(const void *p) { return number_from_double(host_load(p, 8)); }
static struct number extended_at(const void *p) { return x87_number(p); }

#define OPERATION_OF(name, source, f)                            \
    static u16 name(const struct x87 *x, fp80 *a, const void *b) \
    {                                                            \
        struct number n = source(b);                             \
        return operate(x, a, &n, f);                             \
    }
#define ARITHMETIC(name, f)                       \
    OPERATION_OF(name##_extended, extended_at, f) \
    OPERATION_OF(name##_single, single_at, f)     \
    OPERATION_OF(name##_real64, double_at, f)     \
    const struct x87_arithmetic x87_##name = {name##_extended, name##_single, name##_real64};
ARITHMETIC(add, number_sum)
ARITHMETIC(sub, number_difference)
ARITHMETIC(subr, reverse_difference)
ARITHMETIC(mul, number_product)
ARITHMETIC(div, number_quotient)
ARITHMETIC(divr, reverse_quotient)

u16 x87_sqrt(const struct x87 *x, fp80 *a)
{
    struct number n = x87_number(a);
    u16 flags;

    if (x87_nan_result(&n, &n, a, &flags))
        return flags;
    struct outcome o = number_root(&n);
    return conclude(x, &o, x87_precision(x), denormal_flag(&n, &n), a);
}

/* Comparison: C3, C2, C0 are 111 unordered, 000 greater, 001 less, 100 equal. */
static u16 compare(const struct number *a, const struct number *b, bool quiet)
{
    const u16 unordered = FSW_C3 | FSW_C2 | FSW_C0;

    if (a->kind >= NUMBER_QUIET || b->kind >= NUMBER_QUIET)
        return unordered | (quiet && a->kind <= NUMBER_QUIET && b->kind <= NUMBER_QUIET ? 0 : FSW_IE);
    int order = number_compare(a, b);
    return denormal_flag(a, b) | (order < 0 ? FSW_C0 : order == 0 ? FSW_C3 : 0);
}

#define COMPARISON(name, source, quiet)                   \
    u16 name(const struct x87 *x, fp80 *a, const void *b) \
    {                                                     \
        struct number m = x87_number(a), n = source(b);   \
        (void)x;                                          \
        return compare(&m, &n, quiet);                    \
    }
static COMPARISON(com_extended, extended_at, false) static COMPARISON(com_single, single_at,
                                                                      false) static COMPARISON(com_real64, double_at,
                                                                                               false) const
    struct x87_arithmetic x87_com = {com_extended, com_single, com_real64};
COMPARISON(x87_ucom, extended_at, true)

u16 x87_tst(const struct x87 *x, fp80 *a)
{
    struct number n = x87_number(a), zero = {.kind = NUMBER_ZERO};

    (void)x;
    return compare(&n, &zero, false);
}

u16 x87_xam(const struct x87 *x, fp80 *a)
{
    static const u16 classes[] = {
        [NUMBER_ZERO] = FSW_C3,  [NUMBER_FINITE] = FSW_C2,     [NUMBER_INFINITE] = FSW_C2 | FSW_C0,
        [NUMBER_QUIET] = FSW_C0, [NUMBER_SIGNALLING] = FSW_C0, [NUMBER_UNSUPPORTED] = 0,
    };
    struct number n = x87_number(a);

    (void)x;
    return (u16)((n.denormal ? FSW_C3 | FSW_C2 : classes[n.kind]) | (n.sign ? FSW_C1 : 0));
}

/* Integers and powers of two. */

static fp80 from_magnitude(bool sign, u64 magnitude)
{
    unsigned shift = magnitude ? (unsigned)__builtin_clzll(magnitude) : 0;
    u32 biased = magnitude ? 16383 + 63 - shift : 0;

    return (fp80){.mantissa = magnitude << shift, .exponent = (u16)((u32)sign << 15 | biased)};
}

u16 x87_rndint(const struct x87 *x, fp80 *a)
{
    struct number n = x87_number(a);
    bool inexact, up, huge;
    u16 flags;

    if (x87_nan_result(&n, &n, a, &flags))
        return flags;
    if (n.kind != NUMBER_FINITE || n.exponent >= 63)
        return 0;
    flags = denormal_flag(&n, &n);
    if (stopped(x, flags))
        return flags;
    *a = from_magnitude(n.sign, number_to_integer(&n, x87_rounding(x), &inexact, &up, &huge));
    return (u16)(flags | (inexact ? FSW_PE : 0) | (up ? FSW_C1 : 0));
}

static struct outcome scaled(const struct number *a, const struct number *b)
{
    struct outcome o = {.kind = a->kind == NUMBER_ZERO ? OUTCOME_ZERO : OUTCOME_INFINITE, .sign = a->sign};
    bool inexact, up, huge;

    if (b->kind == NUMBER_INFINITE) {
        bool invalid = a->kind == (b->sign ? NUMBER_INFINITE : NUMBER_ZERO);
        o.kind = invalid ? OUTCOME_INVALID : b->sign ? OUTCOME_ZERO : OUTCOME_INFINITE;
    } else if (a->kind == NUMBER_FINITE) {
        u64 by = number_to_integer(b, ROUND_ZERO, &inexact, &up, &huge);
        s32 clamped = by > 0x10000 ? 0x10000 : (s32)by;
        o.kind = OUTCOME_FINITE;
        o.value = exact_from_number(a);
        o.value.exponent += b->sign ? -clamped : clamped;
    }
    return o;
}

u16 x87_scale(const struct x87 *x, fp80 *a, const void *b)
{
    struct number m = x87_number(a), n = x87_number(b);
    u16 flags;

    if (x87_nan_result(&m, &n, a, &flags))
        return flags;
    struct outcome o = scaled(&m, &n);
    return conclude(x, &o, 64, denormal_flag(&m, &n), a);
}

u16 x87_xtract(const struct x87 *x, fp80 *a, fp80 *b, bool *moved)
{
    struct number n = x87_number(a);
    fp80 exponent, significand = *a;
    u16 flags;

    if (x87_nan_result(&n, &n, &significand, &flags)) {
        exponent = significand;
    } else if (n.kind == NUMBER_ZERO) {
        flags = FSW_ZE;
        exponent = x87_infinity(true);
    } else if (n.kind == NUMBER_INFINITE) {
        exponent = x87_infinity(false);
    } else {
        flags = denormal_flag(&n, &n);
        exponent = x87_from_integer(n.exponent);
        n.exponent = 0;
        significand = from_normal(&n);
    }
    *moved = !stopped(x, flags);
    if (*moved) {
        *a = exponent;
        *b = significand;
    }
    return flags;
}

/* `steps` quotient bits after the first: r := remainder of f * 2^steps by d; the quotient's low bits. */
static u64 divide_steps(u64 f, u64 d, unsigned steps, u64 *r)
{
    u128 rest = f;
    u64 q = rest >= d;

    rest -= q ? d : 0;
    for (unsigned i = 0; i < steps; i++) {
        rest <<= 1;
        q <<= 1;
        if (rest >= d) {
            rest -= d;
            q |= 1;
        }
    }
    *r = (u64)rest;
    return q;
}

static u16 quotient_codes(u64 q) { return (u16)((q & 4 ? FSW_C0 : 0) | (q & 2 ? FSW_C3 : 0) | (q & 1 ? FSW_C1 : 0)); }

/*
 * SDM, "FPREM", "FPREM1": exponents 64 and more apart are brought nearer by 32 to 63, and C2 tells to go on; else the
 * remainder is exact, of a quotient that is truncated, or rounded to the nearest.
 */
static u16 remainder_of(const struct x87 *x, fp80 *a, const struct number *m, const struct number *n, bool nearest)
{
    s32 apart = m->exponent - n->exponent, steps = apart < 64 ? apart : 32 + apart % 32;
    u64 r = m->fraction, q = 0;
    s32 exponent = m->exponent;
    bool sign = m->sign;

    if (apart < (nearest ? -1 : 0)) {
        ; /* it is the remainder */
    } else if (apart == -1) {
        if (m->fraction > n->fraction) { /* above a half: n - m, with n's bits one place higher */
            struct outcome o = (m->sign == n->sign ? number_difference : number_sum)(n, m, ROUND_NEAREST);
            o.value.sign = !m->sign;
            return quotient_codes(1) | x87_round(x, &o.value, 64, a);
        }
    } else {
        q = divide_steps(m->fraction, n->fraction, (unsigned)steps, &r);
        exponent = m->exponent - steps;
        if (nearest && apart < 64 && (r > n->fraction - r || (r == n->fraction - r && q & 1))) {
            r = n->fraction - r;
            sign = !sign;
            q++;
        }
    }
    u16 codes = apart < 64 ? quotient_codes(q) : FSW_C2;
    if (!r) {
        *a = x87_zero(m->sign);
        return codes;
    }
    struct exact v = exact_from(sign, exponent, (u128)r << 64);
    return codes | x87_round(x, &v, 64, a);
}

static u16 partial_remainder(const struct x87 *x, fp80 *a, const void *b, bool nearest)
{
    struct number m = x87_number(a), n = x87_number(b);
    u16 flags;

    if (x87_nan_result(&m, &n, a, &flags))
        return flags;
    if (m.kind == NUMBER_INFINITE || n.kind == NUMBER_ZERO)
        return x87_invalid(a);
    flags = denormal_flag(&m, &n);
    if (stopped(x, flags) || m.kind == NUMBER_ZERO)
        return flags;
    if (n.kind == NUMBER_INFINITE) {
        struct exact v = exact_from_number(&m);
        return flags | x87_round(x, &v, 64, a);
    }
    return flags | remainder_of(x, a, &m, &n, nearest);
}

u16 x87_prem(const struct x87 *x, fp80 *a, const void *b) { return partial_remainder(x, a, b, false); }
u16 x87_prem1(const struct x87 *x, fp80 *a, const void *b) { return partial_remainder(x, a, b, true); }

/* Loads. */

static u16 load(const struct x87 *x, fp80 *a, const struct number *n, bool *pushed)
{
    u16 flags;

    if (!x87_nan_result(n, n, a, &flags)) {
        flags = denormal_flag(n, n);
        *a = n->kind == NUMBER_ZERO       ? x87_zero(n->sign)
             : n->kind == NUMBER_INFINITE ? x87_infinity(n->sign)
                                          : from_normal(n);
    }
    *pushed = !(flags & ~x->control & FSW_IE); /* processors load a denormal even if #D is unmasked */
    return flags;
}

u16 x87_load_single(const struct x87 *x, fp80 *a, const void *from, bool *pushed)
{
    struct number n = single_at(from);
    return load(x, a, &n, pushed);
}

u16 x87_load_double(const struct x87 *x, fp80 *a, const void *from, bool *pushed)
{
    struct number n = double_at(from);
    return load(x, a, &n, pushed);
}

u16 x87_load_bcd(const struct x87 *x, fp80 *a, const void *from, bool *pushed)
{
    const u8 *bcd = from;
    u64 magnitude = 0;

    (void)x;
    for (unsigned i = 9; i-- > 0;)
        magnitude = magnitude * 100 + (bcd[i] >> 4) * 10u + (bcd[i] & 15);
    *a = from_magnitude(bcd[9] >> 7, magnitude);
    *pushed = true;
    return 0;
}

/* Stores. A NaN's payload is cut to the format. */

static void put_real(const struct real_format *f, bool sign, u32 biased, u64 fraction, void *to)
{
    host_store(to, real_compose(f, sign, biased, fraction), f->width);
}

static u16 store_rounded(const struct x87 *x, const struct number *n, const struct real_format *f, void *to)
{
    struct exact v = exact_from_number(n);
    struct rounded r = number_round(&v, f->precision, x87_rounding(x));
    u16 flags = 0;

    if (r.exponent > f->highest) {
        bool infinite = number_overflows_to_infinity(n->sign, x87_rounding(x));
        if (!(x->control & FSW_OE))
            return FSW_OE;
        put_real(f, n->sign, (u32)(2 * f->highest + (infinite ? 1 : 0)), infinite ? BIT(63) : ~0ull, to);
        return (u16)(FSW_OE | FSW_PE | (infinite ? FSW_C1 : 0));
    }
    if (r.exponent < f->lowest) {
        if (!(x->control & FSW_UE))
            return FSW_UE;
        r = number_round_denormal(&v, f->precision, f->lowest, x87_rounding(x));
        flags = r.inexact ? FSW_UE : 0;
        put_real(f, n->sign, r.fraction >> 63 ? 1 : 0, r.fraction, to);
    } else {
        put_real(f, n->sign, (u32)(r.exponent + f->highest), r.fraction, to);
    }
    return (u16)(flags | (r.inexact ? FSW_PE : 0) | (r.up ? FSW_C1 : 0));
}

static u16 store_real(const struct x87 *x, const fp80 *a, const struct real_format *f, void *to)
{
    struct number n = x87_number(a);
    u32 all_ones = real_all_ones(f);
    fp80 nan;
    u16 flags;

    if (x87_nan_result(&n, &n, &nan, &flags)) {
        put_real(f, nan.exponent >> 15, all_ones, nan.mantissa, to);
        return flags;
    }
    if (n.kind == NUMBER_FINITE)
        return store_rounded(x, &n, f, to);
    put_real(f, n.sign, n.kind == NUMBER_ZERO ? 0 : all_ones, n.kind == NUMBER_ZERO ? 0 : BIT(63), to);
    return 0;
}

u16 x87_store_single(const struct x87 *x, const fp80 *a, void *to) { return store_real(x, a, &real_single, to); }
u16 x87_store_double(const struct x87 *x, const fp80 *a, void *to) { return store_real(x, a, &real_double, to); }

/* The magnitude if it is at most `limit` (one more when negative); else flags say invalid. */
static u64 integer_of(const fp80 *a, enum rounding rc, u64 limit, bool one_more, u16 *flags)
{
    struct number n = x87_number(a);
    bool inexact, up, huge;
    u64 magnitude = number_to_integer(&n, rc, &inexact, &up, &huge);

    *flags = (u16)((inexact ? FSW_PE : 0) | (up ? FSW_C1 : 0));
    if (n.kind > NUMBER_FINITE || huge || magnitude > limit + (one_more && n.sign))
        *flags = FSW_IE;
    return magnitude;
}

static u16 store_integer(const fp80 *a, enum rounding rc, unsigned width, void *to)
{
    u16 flags;
    u64 indefinite = BIT(width * 8 - 1), magnitude = integer_of(a, rc, indefinite - 1, true, &flags);

    host_store(to, flags & FSW_IE ? indefinite : a->exponent >> 15 ? -magnitude : magnitude, width);
    return flags;
}

u16 x87_store_i16(const struct x87 *x, const fp80 *a, void *to) { return store_integer(a, x87_rounding(x), 2, to); }
u16 x87_store_i32(const struct x87 *x, const fp80 *a, void *to) { return store_integer(a, x87_rounding(x), 4, to); }
u16 x87_store_i64(const struct x87 *x, const fp80 *a, void *to) { return store_integer(a, x87_rounding(x), 8, to); }

#define TRUNCATION(name, width)                            \
    u16 name(const struct x87 *x, const fp80 *a, void *to) \
    {                                                      \
        (void)x;                                           \
        return store_integer(a, ROUND_ZERO, width, to);    \
    }
TRUNCATION(x87_truncate_i16, 2)
TRUNCATION(x87_truncate_i32, 4)
TRUNCATION(x87_truncate_i64, 8)

u16 x87_store_bcd(const struct x87 *x, const fp80 *a, void *to)
{
    u16 flags;
    u64 magnitude = integer_of(a, x87_rounding(x), 999999999999999999, false, &flags);
    u8 *bcd = to;

    if (flags & FSW_IE) {
        memcpy(bcd, "\0\0\0\0\0\0\0\xc0\xff\xff", 10);
        return flags;
    }
    for (unsigned i = 0; i < 9; i++, magnitude /= 100)
        bcd[i] = (u8)(magnitude / 10 % 10 << 4 | magnitude % 10);
    bcd[9] = (u8)(a->exponent >> 15 << 7);
    return flags;
}

#endif
