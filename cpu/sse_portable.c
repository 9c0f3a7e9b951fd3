/* SPDX-License-Identifier: MIT */
/* SSE floating point in integers, for hosts without it (arithmetic.h chooses). Same functions as arithmetic_host.h's.
 */
#include "cpu/arithmetic.h"

#ifdef FAULTLINE_PORTABLE_FLOAT

#include "cpu/number.h"

static enum rounding rounding(const struct float_env *e) { return (enum rounding)(e->control >> 13 & 3); }

static u64 infinity(const struct real_format *f, bool sign) { return real_compose(f, sign, real_all_ones(f), 0); }

/* SDM Vol. 1, "QNaN Floating-Point Indefinite" */
static u64 indefinite(const struct real_format *f) { return real_compose(f, true, real_all_ones(f), BIT(62)); }

static u64 quieted(const struct real_format *f, const struct number *n)
{
    return real_compose(f, n->sign, real_all_ones(f), n->fraction | BIT(62));
}

/* "Denormals-Are-Zeros": an operand, without an exception. */
static struct number take(const struct float_env *e, const struct real_format *f, u64 v)
{
    struct number n = f->width == 4 ? number_from_single((u32)v) : number_from_double(v);

    if (n.denormal && e->control & MXCSR_DAZ)
        n = (struct number){.kind = NUMBER_ZERO, .sign = n.sign};
    return n;
}

static void note_denormal(struct float_env *e, const struct number *a, const struct number *b)
{
    if (a->denormal || b->denormal)
        e->flags |= MXCSR_DE;
}

/* SDM Vol. 1, "Rules for Handling NaNs", SSE's: the first operand if it is one, else the second, quieted. */
static bool nan_result(struct float_env *e, const struct real_format *f, const struct number *a, const struct number *b,
                       u64 *result)
{
    if (!number_is_nan(a) && !number_is_nan(b))
        return false;
    if (a->kind == NUMBER_SIGNALLING || b->kind == NUMBER_SIGNALLING)
        e->flags |= MXCSR_IE;
    *result = quieted(f, number_is_nan(a) ? a : b);
    return true;
}

/* Round, as with all exceptions masked. Tininess is found after rounding. */
static u64 give(struct float_env *e, const struct real_format *f, const struct exact *v)
{
    struct rounded r = number_round(v, f->precision, rounding(e));

    if (r.exponent > f->highest) {
        e->flags |= MXCSR_OE | MXCSR_PE;
        return number_overflows_to_infinity(v->sign, rounding(e))
                   ? infinity(f, v->sign)
                   : real_compose(f, v->sign, (u32)(2 * f->highest), ~0ull);
    }
    if (r.exponent >= f->lowest) {
        e->flags |= r.inexact ? MXCSR_PE : 0;
        return real_compose(f, v->sign, (u32)(r.exponent + f->highest), r.fraction);
    }
    if (e->control & MXCSR_FZ) {
        e->flags |= MXCSR_UE | MXCSR_PE;
        return real_compose(f, v->sign, 0, 0);
    }
    r = number_round_denormal(v, f->precision, f->lowest, rounding(e));
    e->flags |= r.inexact ? MXCSR_UE | MXCSR_PE : 0;
    return real_compose(f, v->sign, r.fraction >> 63 ? 1 : 0, r.fraction);
}

static u64 conclude(struct float_env *e, const struct real_format *f, const struct outcome *o)
{
    switch (o->kind) {
    case OUTCOME_INVALID: e->flags |= MXCSR_IE; return indefinite(f);
    case OUTCOME_ZERO: return real_compose(f, o->sign, 0, 0);
    case OUTCOME_INFINITE: return infinity(f, o->sign);
    default: return give(e, f, &o->value);
    }
}

typedef u64 lane_fn(struct float_env *, const struct real_format *, u64 a, u64 b);

static u64 operate(struct float_env *e, const struct real_format *f, u64 a, u64 b, number_operation_fn *operation)
{
    struct number m = take(e, f, a), n = take(e, f, b);
    u64 result;

    if (nan_result(e, f, &m, &n, &result))
        return result;
    struct outcome o = operation(&m, &n, rounding(e));
    if (o.divide_by_zero)
        e->flags |= MXCSR_ZE;
    else if (o.kind != OUTCOME_INVALID)
        note_denormal(e, &m, &n);
    return conclude(e, f, &o);
}

static struct outcome root(const struct number *a, const struct number *b, enum rounding rc)
{
    (void)a;
    (void)rc;
    return number_root(b);
}

static u64 add(struct float_env *e, const struct real_format *f, u64 a, u64 b)
{
    return operate(e, f, a, b, number_sum);
}
static u64 sub(struct float_env *e, const struct real_format *f, u64 a, u64 b)
{
    return operate(e, f, a, b, number_difference);
}
static u64 mul(struct float_env *e, const struct real_format *f, u64 a, u64 b)
{
    return operate(e, f, a, b, number_product);
}
static u64 div(struct float_env *e, const struct real_format *f, u64 a, u64 b)
{
    return operate(e, f, a, b, number_quotient);
}
/* The destination is no operand. */
static u64 root_of_source(struct float_env *e, const struct real_format *f, u64 a, u64 b)
{
    (void)a;
    return operate(e, f, b, b, root);
}

/* SDM, "MINPS": the second operand if either is a NaN or both are zero; a NaN of any kind is invalid. */
static u64 select_if(struct float_env *e, const struct real_format *f, u64 a, u64 b, int wanted)
{
    struct number m = take(e, f, a), n = take(e, f, b);

    if (number_is_nan(&m) || number_is_nan(&n)) {
        e->flags |= MXCSR_IE;
        return n.kind == NUMBER_ZERO ? real_compose(f, n.sign, 0, 0) : b;
    }
    note_denormal(e, &m, &n);
    const struct number *chosen = number_compare(&m, &n) == wanted ? &m : &n;
    return chosen->kind == NUMBER_ZERO ? real_compose(f, chosen->sign, 0, 0) : chosen == &m ? a : b;
}
static u64 min(struct float_env *e, const struct real_format *f, u64 a, u64 b) { return select_if(e, f, a, b, -1); }
static u64 max(struct float_env *e, const struct real_format *f, u64 a, u64 b) { return select_if(e, f, a, b, 1); }

#define PACKED(name, f)                                                  \
    void name##ps(struct float_env *e, union xmm *d, const union xmm *s) \
    {                                                                    \
        for (unsigned i = 0; i < 4; i++)                                 \
            d->d[i] = (u32)f(e, &real_single, d->d[i], s->d[i]);         \
    }                                                                    \
    void name##pd(struct float_env *e, union xmm *d, const union xmm *s) \
    {                                                                    \
        for (unsigned i = 0; i < 2; i++)                                 \
            d->q[i] = f(e, &real_double, d->q[i], s->q[i]);              \
    }                                                                    \
    void name##ss(struct float_env *e, union xmm *d, const union xmm *s) \
    {                                                                    \
        d->d[0] = (u32)f(e, &real_single, d->d[0], s->d[0]);             \
    }                                                                    \
    void name##sd(struct float_env *e, union xmm *d, const union xmm *s) \
    {                                                                    \
        d->q[0] = f(e, &real_double, d->q[0], s->q[0]);                  \
    }
PACKED(add, add)
PACKED(sub, sub)
PACKED(mul, mul)
PACKED(div, div)
PACKED(min, min)
PACKED(max, max)
PACKED(sqrt, root_of_source)

void addsubps(struct float_env *e, union xmm *d, const union xmm *s)
{
    for (unsigned i = 0; i < 4; i++)
        d->d[i] = (u32)(i & 1 ? add : sub)(e, &real_single, d->d[i], s->d[i]);
}

void addsubpd(struct float_env *e, union xmm *d, const union xmm *s)
{
    d->q[0] = sub(e, &real_double, d->q[0], s->q[0]);
    d->q[1] = add(e, &real_double, d->q[1], s->q[1]);
}

static void horizontal_single(struct float_env *e, union xmm *d, const union xmm *s, lane_fn *f)
{
    *d = (union xmm){.d = {(u32)f(e, &real_single, d->d[0], d->d[1]), (u32)f(e, &real_single, d->d[2], d->d[3]),
                           (u32)f(e, &real_single, s->d[0], s->d[1]), (u32)f(e, &real_single, s->d[2], s->d[3])}};
}

static void horizontal_double(struct float_env *e, union xmm *d, const union xmm *s, lane_fn *f)
{
    *d = (union xmm){.q = {f(e, &real_double, d->q[0], d->q[1]), f(e, &real_double, s->q[0], s->q[1])}};
}

void haddps(struct float_env *e, union xmm *d, const union xmm *s) { horizontal_single(e, d, s, add); }
void hsubps(struct float_env *e, union xmm *d, const union xmm *s) { horizontal_single(e, d, s, sub); }
void haddpd(struct float_env *e, union xmm *d, const union xmm *s) { horizontal_double(e, d, s, add); }
void hsubpd(struct float_env *e, union xmm *d, const union xmm *s) { horizontal_double(e, d, s, sub); }

/* Comparison: -1, 0, 1, and 2 unordered. quiet: only a signalling NaN is invalid. */
static int compare(struct float_env *e, const struct real_format *f, u64 a, u64 b, bool quiet)
{
    struct number m = take(e, f, a), n = take(e, f, b);

    if (number_is_nan(&m) || number_is_nan(&n)) {
        if (!quiet || m.kind == NUMBER_SIGNALLING || n.kind == NUMBER_SIGNALLING)
            e->flags |= MXCSR_IE;
        return 2;
    }
    note_denormal(e, &m, &n);
    return number_compare(&m, &n);
}

/* SDM, "CMPPD": equal, less, less or equal, unordered, and their opposites. */
static bool predicate(struct float_env *e, const struct real_format *f, u64 a, u64 b, unsigned imm)
{
    unsigned kind = imm & 3;
    int order = compare(e, f, a, b, kind == 0 || kind == 3);
    bool holds = kind == 0 ? order == 0 : kind == 1 ? order == -1 : kind == 2 ? order == -1 || order == 0 : order == 2;

    return holds ^ (imm >> 2 & 1);
}

void cmpss(struct float_env *e, union xmm *d, const union xmm *s, unsigned imm)
{
    d->d[0] = (u32)-predicate(e, &real_single, d->d[0], s->d[0], imm);
}

void cmpsd(struct float_env *e, union xmm *d, const union xmm *s, unsigned imm)
{
    d->q[0] = predicate(e, &real_double, d->q[0], s->q[0], imm) ? ~0ull : 0;
}

void cmpps(struct float_env *e, union xmm *d, const union xmm *s, unsigned imm)
{
    for (unsigned i = 0; i < 4; i++)
        d->d[i] = (u32)-predicate(e, &real_single, d->d[i], s->d[i], imm);
}

void cmppd(struct float_env *e, union xmm *d, const union xmm *s, unsigned imm)
{
    for (unsigned i = 0; i < 2; i++)
        d->q[i] = predicate(e, &real_double, d->q[i], s->q[i], imm) ? ~0ull : 0;
}

static struct order order_of(int order)
{
    return (struct order){.zf = order == 0 || order == 2, .pf = order == 2, .cf = order == -1 || order == 2};
}

struct order comiss(struct float_env *e, const union xmm *a, const union xmm *b)
{
    return order_of(compare(e, &real_single, a->d[0], b->d[0], false));
}
struct order ucomiss(struct float_env *e, const union xmm *a, const union xmm *b)
{
    return order_of(compare(e, &real_single, a->d[0], b->d[0], true));
}
struct order comisd(struct float_env *e, const union xmm *a, const union xmm *b)
{
    return order_of(compare(e, &real_double, a->q[0], b->q[0], false));
}
struct order ucomisd(struct float_env *e, const union xmm *a, const union xmm *b)
{
    return order_of(compare(e, &real_double, a->q[0], b->q[0], true));
}

/* Conversions. */

static u64 convert(struct float_env *e, const struct real_format *from, const struct real_format *to, u64 v)
{
    struct number n = take(e, from, v);
    u64 result;

    if (nan_result(e, to, &n, &n, &result))
        return result;
    note_denormal(e, &n, &n);
    if (n.kind != NUMBER_FINITE)
        return n.kind == NUMBER_ZERO ? real_compose(to, n.sign, 0, 0) : infinity(to, n.sign);
    struct exact x = exact_from_number(&n);
    return give(e, to, &x);
}

void cvtss2sd(struct float_env *e, union xmm *d, const union xmm *s)
{
    d->q[0] = convert(e, &real_single, &real_double, s->d[0]);
}
void cvtsd2ss(struct float_env *e, union xmm *d, const union xmm *s)
{
    d->d[0] = (u32)convert(e, &real_double, &real_single, s->q[0]);
}

void cvtps2pd(struct float_env *e, union xmm *d, const union xmm *s)
{
    *d = (union xmm){
        .q = {convert(e, &real_single, &real_double, s->d[0]), convert(e, &real_single, &real_double, s->d[1])}};
}

void cvtpd2ps(struct float_env *e, union xmm *d, const union xmm *s)
{
    *d = (union xmm){.d = {(u32)convert(e, &real_double, &real_single, s->q[0]),
                           (u32)convert(e, &real_double, &real_single, s->q[1])}};
}

static u64 from_integer(struct float_env *e, const struct real_format *f, s64 v)
{
    struct number n = number_from_integer(v);

    if (!v)
        return 0;
    struct exact x = exact_from_number(&n);
    return give(e, f, &x);
}

void cvtsi2ssl(struct float_env *e, union xmm *d, u64 v) { d->d[0] = (u32)from_integer(e, &real_single, (s32)v); }
void cvtsi2ssq(struct float_env *e, union xmm *d, u64 v) { d->d[0] = (u32)from_integer(e, &real_single, (s64)v); }
void cvtsi2sdl(struct float_env *e, union xmm *d, u64 v) { d->q[0] = from_integer(e, &real_double, (s32)v); }
void cvtsi2sdq(struct float_env *e, union xmm *d, u64 v) { d->q[0] = from_integer(e, &real_double, (s64)v); }

void cvtdq2ps(struct float_env *e, union xmm *d, const union xmm *s)
{
    for (unsigned i = 0; i < 4; i++)
        d->d[i] = (u32)from_integer(e, &real_single, (s32)s->d[i]);
}

void cvtdq2pd(struct float_env *e, union xmm *d, const union xmm *s)
{
    *d = (union xmm){.q = {from_integer(e, &real_double, (s32)s->d[0]), from_integer(e, &real_double, (s32)s->d[1])}};
}

/* What does not fit gives the integer indefinite. Denormals are no exception here. */
static u64 to_integer(struct float_env *e, const struct real_format *f, u64 v, unsigned width, bool truncate)
{
    struct number n = take(e, f, v);
    u64 limit = BIT(width * 8 - 1);
    bool inexact, up, huge;
    u64 magnitude = number_to_integer(&n, truncate ? ROUND_ZERO : rounding(e), &inexact, &up, &huge);

    if (n.kind > NUMBER_FINITE || huge || magnitude > limit - !n.sign) {
        e->flags |= MXCSR_IE;
        return limit;
    }
    e->flags |= inexact ? MXCSR_PE : 0;
    return (n.sign ? -magnitude : magnitude) & ((limit << 1) - 1);
}

u64 cvtss2si32(struct float_env *e, const union xmm *s) { return to_integer(e, &real_single, s->d[0], 4, false); }
u64 cvtss2si64(struct float_env *e, const union xmm *s) { return to_integer(e, &real_single, s->d[0], 8, false); }
u64 cvtsd2si32(struct float_env *e, const union xmm *s) { return to_integer(e, &real_double, s->q[0], 4, false); }
u64 cvtsd2si64(struct float_env *e, const union xmm *s) { return to_integer(e, &real_double, s->q[0], 8, false); }
u64 cvttss2si32(struct float_env *e, const union xmm *s) { return to_integer(e, &real_single, s->d[0], 4, true); }
u64 cvttss2si64(struct float_env *e, const union xmm *s) { return to_integer(e, &real_single, s->d[0], 8, true); }
u64 cvttsd2si32(struct float_env *e, const union xmm *s) { return to_integer(e, &real_double, s->q[0], 4, true); }
u64 cvttsd2si64(struct float_env *e, const union xmm *s) { return to_integer(e, &real_double, s->q[0], 8, true); }

static void singles_to_integers(struct float_env *e, union xmm *d, const union xmm *s, bool truncate)
{
    for (unsigned i = 0; i < 4; i++)
        d->d[i] = (u32)to_integer(e, &real_single, s->d[i], 4, truncate);
}

static void doubles_to_integers(struct float_env *e, union xmm *d, const union xmm *s, bool truncate)
{
    *d = (union xmm){.d = {(u32)to_integer(e, &real_double, s->q[0], 4, truncate),
                           (u32)to_integer(e, &real_double, s->q[1], 4, truncate)}};
}

void cvtps2dq(struct float_env *e, union xmm *d, const union xmm *s) { singles_to_integers(e, d, s, false); }
void cvttps2dq(struct float_env *e, union xmm *d, const union xmm *s) { singles_to_integers(e, d, s, true); }
void cvtpd2dq(struct float_env *e, union xmm *d, const union xmm *s) { doubles_to_integers(e, d, s, false); }
void cvttpd2dq(struct float_env *e, union xmm *d, const union xmm *s) { doubles_to_integers(e, d, s, true); }

/* To an integer in the format. Denormals are no exception here either. */
static u64 round_lane(struct float_env *e, const struct real_format *f, u64 v, bool quiet)
{
    struct number n = take(e, f, v);
    bool inexact, up, huge;
    u64 result;

    if (nan_result(e, f, &n, &n, &result))
        return result;
    if (n.kind == NUMBER_ZERO)
        return real_compose(f, n.sign, 0, 0);
    if (n.kind == NUMBER_INFINITE || n.exponent >= 63)
        return v;
    u64 magnitude = number_to_integer(&n, rounding(e), &inexact, &up, &huge);
    e->flags |= inexact && !quiet ? MXCSR_PE : 0;
    if (!magnitude)
        return real_compose(f, n.sign, 0, 0);
    struct exact x = exact_from(n.sign, 63, (u128)magnitude << 64);
    struct rounded r = number_round(&x, f->precision, ROUND_ZERO); /* it fits */
    return real_compose(f, n.sign, (u32)(r.exponent + f->highest), r.fraction);
}

void roundss(struct float_env *e, union xmm *d, const union xmm *s, unsigned quiet)
{
    d->d[0] = (u32)round_lane(e, &real_single, s->d[0], quiet);
}

void roundsd(struct float_env *e, union xmm *d, const union xmm *s, unsigned quiet)
{
    d->q[0] = round_lane(e, &real_double, s->q[0], quiet);
}

void roundps(struct float_env *e, union xmm *d, const union xmm *s, unsigned quiet)
{
    for (unsigned i = 0; i < 4; i++)
        d->d[i] = (u32)round_lane(e, &real_single, s->d[i], quiet);
}

void roundpd(struct float_env *e, union xmm *d, const union xmm *s, unsigned quiet)
{
    for (unsigned i = 0; i < 2; i++)
        d->q[i] = round_lane(e, &real_double, s->q[i], quiet);
}

#endif
