/* SPDX-License-Identifier: MIT */
/*
 * The transcendental instructions (SDM Vol. 1, "Transcendental Instructions"), by MPFR, so that results are the same on
 * every host: those of the mathematical function, rounded by RC. For the circular functions that is after the argument
 * reduction of "Approximation of Pi", by a pi of 66 bits, as processors do it. They differ from each other in the last
 * place; the SDM promises less than one unit there.
 *
 * Results are taken to 128 bits and a sticky one: but for the exact ones, which are told apart before, all are
 * irrational. Precision goes with each MPFR variable; no setting of the library's is touched.
 */
#include <stdint.h>
#include <stdio.h>

#include <mpfr.h>

#include "cpu/x87_number.h"

enum { RESULT_BITS = 128, WORK_BITS = 192, EXACT_BITS = 256 };

static void set_number(mpfr_t to, const struct number *a)
{
    if (a->kind == NUMBER_INFINITE)
        mpfr_set_inf(to, a->sign ? -1 : 1);
    else if (a->kind == NUMBER_ZERO)
        mpfr_set_zero(to, a->sign ? -1 : 1);
    else
        mpfr_set_uj_2exp(to, a->fraction, a->exponent - 63, MPFR_RNDN);
    if (a->sign)
        mpfr_setsign(to, to, 1, MPFR_RNDN);
}

/* A finite value that is not 0. inexact: the true result has more bits. */
static struct exact get_exact(const mpfr_t from, bool inexact)
{
    mpfr_t top;
    mpz_t integer;
    u64 words[2] = {0, 0};

    mpfr_init2(top, RESULT_BITS);
    mpz_init(integer);
    inexact |= mpfr_set(top, from, MPFR_RNDZ) != 0;
    s32 exponent = (s32)mpfr_get_exp(top) - 1;
    mpfr_mul_2si(top, top, RESULT_BITS - 1 - exponent, MPFR_RNDZ);
    mpfr_get_z(integer, top, MPFR_RNDZ);
    mpz_export(words, NULL, -1, sizeof(u64), 0, 0, integer);
    struct exact v = {.sign = mpfr_signbit(from), .exponent = exponent, .fraction = (u128)words[1] << 64 | words[0]};
    v.fraction |= inexact;
    mpz_clear(integer);
    mpfr_clear(top);
    return v;
}

/* What MPFR has computed as the result. */
static u16 finish(const struct x87 *x, const mpfr_t from, bool inexact, u16 flags, fp80 *to)
{
    if (mpfr_nan_p(from))
        return x87_invalid(to);
    if (mpfr_inf_p(from)) {
        *to = x87_infinity(mpfr_signbit(from));
        return flags;
    }
    if (mpfr_zero_p(from)) {
        *to = x87_zero(mpfr_signbit(from));
        return flags;
    }
    struct exact v = get_exact(from, inexact);
    return flags | x87_round(x, &v, 64, to);
}

/* The 66 bits of "Approximation of Pi", times 2^-64. */
static void set_pi(mpfr_t to)
{
    mpfr_set_uj_2exp(to, 0x3, 64, MPFR_RNDN);
    mpfr_t low;
    mpfr_init2(low, 64);
    mpfr_set_uj_2exp(low, 0x243f6a8885a308d3, 0, MPFR_RNDN);
    mpfr_add(to, to, low, MPFR_RNDN);
    mpfr_div_2ui(to, to, 64, MPFR_RNDN);
    mpfr_clear(low);
}

/* a - n * pi/2 with n the nearest integer, exactly; n's two lowest bits. Small arguments stay. */
static unsigned reduce(mpfr_t to, const struct number *a)
{
    mpfr_t half_pi, value;
    long quotient = 0;

    mpfr_init2(value, 64);
    set_number(value, a);
    if (a->exponent < -1) {
        mpfr_set(to, value, MPFR_RNDN);
    } else {
        mpfr_init2(half_pi, 68);
        set_pi(half_pi);
        mpfr_div_2ui(half_pi, half_pi, 1, MPFR_RNDN);
        mpfr_remquo(to, &quotient, value, half_pi, MPFR_RNDN);
        mpfr_clear(half_pi);
    }
    mpfr_clear(value);
    return (unsigned)quotient & 3;
}

/*
 * The operand of FSIN and its kin. True if it decides the result: a NaN; infinite; beyond 2^63, which is reported in C2
 * and else leaves all as it is.
 */
static bool circular_special(const struct number *a, fp80 *to, u16 *flags)
{
    if (x87_nan_result(a, a, to, flags))
        return true;
    if (a->kind == NUMBER_INFINITE) {
        *flags = x87_invalid(to);
        return true;
    }
    *flags = a->kind == NUMBER_FINITE && a->exponent >= 63 ? FSW_C2 : a->denormal ? FSW_DE : 0;
    return *flags & FSW_C2;
}

/* sin (n = 0) or cos (n = 1) of a reduced argument, n quadrants on. */
static u16 circular(const struct x87 *x, const mpfr_t reduced, unsigned n, u16 flags, fp80 *to)
{
    mpfr_t result;

    mpfr_init2(result, RESULT_BITS);
    int inexact = n & 1 ? mpfr_cos(result, reduced, MPFR_RNDZ) : mpfr_sin(result, reduced, MPFR_RNDZ);
    if (n & 2)
        mpfr_neg(result, result, MPFR_RNDN);
    flags = finish(x, result, inexact, flags, to);
    mpfr_clear(result);
    return flags;
}

static u16 sine(const struct x87 *x, fp80 *a, unsigned n)
{
    struct number v = x87_number(a);
    mpfr_t reduced;
    u16 flags;

    if (circular_special(&v, a, &flags))
        return flags;
    mpfr_init2(reduced, EXACT_BITS);
    unsigned quadrant = reduce(reduced, &v);
    flags = circular(x, reduced, quadrant + n, flags, a);
    mpfr_clear(reduced);
    return flags;
}

u16 x87_sin(const struct x87 *x, fp80 *a) { return sine(x, a, 0); }
u16 x87_cos(const struct x87 *x, fp80 *a) { return sine(x, a, 1); }

/* Two results: an exception before the operation keeps the stack; so does C2. */
static bool pushes(const struct x87 *x, u16 flags) { return !(flags & FSW_C2) && !(flags & ~x->control & FSW_BEFORE); }

/* a := sine, b := cosine. C1, underflow and inexact are of both. */
u16 x87_sincos(const struct x87 *x, fp80 *a, fp80 *b, bool *moved)
{
    struct number v = x87_number(a);
    fp80 sine_result = *a, cosine_result;
    mpfr_t reduced;
    u16 flags;

    if (circular_special(&v, &sine_result, &flags)) {
        cosine_result = sine_result;
    } else {
        mpfr_init2(reduced, EXACT_BITS);
        unsigned quadrant = reduce(reduced, &v);
        u16 of_sine = circular(x, reduced, quadrant, flags, &sine_result);
        flags = circular(x, reduced, quadrant + 1, flags, &cosine_result) | (of_sine & ~FSW_C1);
        mpfr_clear(reduced);
    }
    *moved = pushes(x, flags);
    if (*moved) {
        *a = sine_result;
        *b = cosine_result;
    }
    return flags;
}

/* a := tangent, b := 1; of a NaN or infinity both are NaNs. */
u16 x87_ptan(const struct x87 *x, fp80 *a, fp80 *b, bool *moved)
{
    struct number v = x87_number(a);
    fp80 tangent = *a, one = {.mantissa = BIT(63), .exponent = 0x3fff};
    mpfr_t reduced, result;
    u16 flags;

    if (circular_special(&v, &tangent, &flags)) {
        one = tangent;
    } else {
        mpfr_init2(reduced, EXACT_BITS);
        mpfr_init2(result, RESULT_BITS);
        unsigned quadrant = reduce(reduced, &v);
        int inexact = quadrant & 1 ? mpfr_cot(result, reduced, MPFR_RNDZ) : mpfr_tan(result, reduced, MPFR_RNDZ);
        if (quadrant & 1) /* tan(r + pi/2) = -cot(r) */
            mpfr_neg(result, result, MPFR_RNDN);
        flags = finish(x, result, inexact, flags, &tangent);
        mpfr_clear(result);
        mpfr_clear(reduced);
    }
    *moved = pushes(x, flags);
    if (*moved) {
        *a = tangent;
        *b = one;
    }
    return flags;
}

/* SDM, "F2XM1": for -1 .. 1; beyond, where the result is undefined, the operand stays. */
u16 x87_2xm1(const struct x87 *x, fp80 *a)
{
    struct number v = x87_number(a);
    mpfr_t t, ln2;
    u16 flags;

    if (x87_nan_result(&v, &v, a, &flags))
        return flags;
    if (v.kind == NUMBER_INFINITE) {
        if (v.sign)
            *a = (fp80){.mantissa = BIT(63), .exponent = 0xbfff};
        return 0;
    }
    if (v.kind == NUMBER_ZERO || v.exponent > 0 || (v.exponent == 0 && v.fraction != BIT(63)))
        return 0;
    flags = v.denormal ? FSW_DE : 0;
    if (v.exponent == 0) {
        *a = v.sign ? (fp80){.mantissa = BIT(63), .exponent = 0xbffe} : *a;
        return flags;
    }
    mpfr_init2(t, WORK_BITS);
    mpfr_init2(ln2, WORK_BITS);
    set_number(t, &v);
    mpfr_const_log2(ln2, MPFR_RNDN);
    mpfr_mul(t, t, ln2, MPFR_RNDN);
    mpfr_expm1(t, t, MPFR_RNDN);
    flags = finish(x, t, true, flags, a);
    mpfr_clear(ln2);
    mpfr_clear(t);
    return flags;
}

/* ST(1) := f(ST(0), ST(1)), pop, unless an exception before the operation is unmasked. */
static bool pops(const struct x87 *x, u16 flags) { return !(flags & ~x->control & FSW_BEFORE); }

/* SDM, "FPATAN": its table is that of the C function atan2, zeroes and infinities included. */
u16 x87_patan(const struct x87 *x, fp80 *a, fp80 *b, bool *moved)
{
    struct number u = x87_number(a), v = x87_number(b);
    fp80 result = *b;
    mpfr_t s, t;
    u16 flags;

    if (!x87_nan_result(&u, &v, &result, &flags)) {
        mpfr_init2(s, RESULT_BITS);
        mpfr_init2(t, RESULT_BITS);
        set_number(s, &u);
        set_number(t, &v);
        int inexact = mpfr_atan2(t, t, s, MPFR_RNDZ);
        flags = finish(x, t, inexact, u.denormal || v.denormal ? FSW_DE : 0, &result);
        mpfr_clear(t);
        mpfr_clear(s);
    }
    *moved = pops(x, flags);
    if (*moved)
        *b = result;
    return flags;
}

/* log := log2 of it, which is above 0. True if that is an integer, and so exact. */
static bool logarithm(mpfr_t log, const mpfr_t of)
{
    mpfr_t power;
    mpfr_exp_t exponent = mpfr_get_exp(of) - 1;

    mpfr_init2(power, 64);
    mpfr_set_ui_2exp(power, 1, exponent, MPFR_RNDN);
    bool exact = mpfr_equal_p(power, of);
    mpfr_clear(power);
    if (exact)
        mpfr_set_si(log, exponent, MPFR_RNDN);
    else
        mpfr_log2(log, of, MPFR_RNDN);
    return exact;
}

/* y times a logarithm; 0 * infinity is invalid. */
static u16 scaled_logarithm(const struct x87 *x, const mpfr_t log, bool exact, const struct number *y, u16 flags,
                            fp80 *to)
{
    mpfr_t t;

    mpfr_init2(t, EXACT_BITS);
    set_number(t, y);
    mpfr_mul(t, t, log, MPFR_RNDN);
    flags = finish(x, t, !exact, flags, to);
    mpfr_clear(t);
    return flags;
}

/* SDM, "FYL2X": ST(1) * log2(ST(0)). */
u16 x87_yl2x(const struct x87 *x, fp80 *a, fp80 *b, bool *moved)
{
    struct number u = x87_number(a), y = x87_number(b);
    fp80 result = *b;
    mpfr_t t;
    u16 flags;

    if (x87_nan_result(&u, &y, &result, &flags)) {
        ;
    } else if (u.kind == NUMBER_ZERO) {
        if (y.kind == NUMBER_ZERO) {
            flags = x87_invalid(&result);
        } else {
            result = x87_infinity(!y.sign);
            flags = y.kind == NUMBER_FINITE ? FSW_ZE : 0;
        }
    } else if (u.sign) {
        flags = x87_invalid(&result);
    } else {
        bool exact = true;
        mpfr_init2(t, WORK_BITS);
        set_number(t, &u);
        if (u.kind == NUMBER_FINITE)
            exact = logarithm(t, t);
        flags = scaled_logarithm(x, t, exact, &y, u.denormal || y.denormal ? FSW_DE : 0, &result);
        mpfr_clear(t);
    }
    *moved = pops(x, flags);
    if (*moved)
        *b = result;
    return flags;
}

/* log2(1 + u) for u > -1. */
static bool logarithm_plus_1(mpfr_t log, const struct number *u)
{
    mpfr_t sum, ln2;
    bool exact = false;

    mpfr_init2(sum, EXACT_BITS);
    mpfr_init2(ln2, WORK_BITS);
    set_number(sum, u);
    if (u->exponent > -64 && mpfr_add_ui(sum, sum, 1, MPFR_RNDN) == 0) {
        exact = logarithm(log, sum);
    }
    if (!exact) {
        set_number(sum, u);
        mpfr_log1p(log, sum, MPFR_RNDN);
        mpfr_const_log2(ln2, MPFR_RNDN);
        mpfr_div(log, log, ln2, MPFR_RNDN);
    }
    mpfr_clear(ln2);
    mpfr_clear(sum);
    return exact;
}

/* SDM, "FYL2XP1": ST(1) * log2(ST(0) + 1); at -1 and below, where the result is undefined, invalid. */
u16 x87_yl2xp1(const struct x87 *x, fp80 *a, fp80 *b, bool *moved)
{
    struct number u = x87_number(a), y = x87_number(b);
    fp80 result = *b;
    mpfr_t t;
    u16 flags;

    if (x87_nan_result(&u, &y, &result, &flags)) {
        ;
    } else if (u.sign && (u.kind == NUMBER_INFINITE || (u.kind == NUMBER_FINITE && u.exponent >= 0))) {
        flags = x87_invalid(&result);
    } else {
        bool exact = true;
        mpfr_init2(t, WORK_BITS);
        if (u.kind == NUMBER_FINITE)
            exact = logarithm_plus_1(t, &u);
        else
            set_number(t, &u);
        flags = scaled_logarithm(x, t, exact, &y, u.denormal || y.denormal ? FSW_DE : 0, &result);
        mpfr_clear(t);
    }
    *moved = pops(x, flags);
    if (*moved)
        *b = result;
    return flags;
}

void x87_release(void) { mpfr_free_cache(); }
