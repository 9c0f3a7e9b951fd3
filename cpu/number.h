/* SPDX-License-Identifier: MIT */
/*
 * Floating-point numbers taken apart, and exact arithmetic on them in integers (SDM Vol. 1, "Real Numbers and
 * Floating-Point Formats", "Rounding"). The portable backend computes with these; the transcendental instructions
 * round with them. A result is exact, or an exact prefix with a sticky last bit, until one of number_round* makes it
 * fit.
 */
#ifndef FAULTLINE_CPU_NUMBER_H
#define FAULTLINE_CPU_NUMBER_H

#include "mmu/base.h"

typedef unsigned __int128 u128;

enum number_kind { NUMBER_ZERO, NUMBER_FINITE, NUMBER_INFINITE, NUMBER_QUIET, NUMBER_SIGNALLING, NUMBER_UNSUPPORTED };

/* fraction's bit 63 is the integer bit and set but for zeroes; the value is fraction * 2^(exponent - 63). */
struct number {
    enum number_kind kind;
    bool sign, denormal;
    s32 exponent;
    u64 fraction; /* of a NaN: as in the double extended format */
};

/* fraction's bit 127 is set; the value is fraction * 2^(exponent - 127); bit 0 also stands for anything below it. */
struct exact {
    bool sign;
    s32 exponent;
    u128 fraction;
};

/* What an operation on numbers that are no NaNs gives. */
enum outcome_kind { OUTCOME_INVALID, OUTCOME_ZERO, OUTCOME_INFINITE, OUTCOME_FINITE };
struct outcome {
    enum outcome_kind kind;
    bool sign, divide_by_zero;
    struct exact value; /* OUTCOME_FINITE; has its own sign */
};

/* As in the RC fields of MXCSR and the x87's control word. */
enum rounding { ROUND_NEAREST, ROUND_DOWN, ROUND_UP, ROUND_ZERO };

/* Rounded to some bits: fraction is left-aligned, its value fraction * 2^(exponent - 63). up: away from zero. */
struct rounded {
    u64 fraction;
    s32 exponent;
    bool inexact, up;
};

static inline bool number_is_nan(const struct number *a)
{
    return a->kind == NUMBER_QUIET || a->kind == NUMBER_SIGNALLING;
}

/* The formats in memory, but for the extended one. */
struct real_format {
    unsigned precision, width; /* bits of the significand, bytes of all */
    s32 lowest, highest;       /* exponents of normal numbers */
};
extern const struct real_format real_single, real_double;
/* The exponent field of infinities and NaNs. */
static inline u32 real_all_ones(const struct real_format *f) { return (u32)(2 * f->highest + 1); }
/* Bits of a value: its exponent field, and a significand whose bit 63 is the integer bit, which is not stored. */
u64 real_compose(const struct real_format *, bool sign, u32 biased, u64 fraction);

/* From the formats' bits. */
struct number number_from_single(u32);
struct number number_from_double(u64);
struct number number_from_extended(u64 mantissa, u16 exponent);
struct number number_from_integer(s64);

/* Not for NaNs and unsupported formats. The rounding decides nothing but the sign of an exact zero sum. */
typedef struct outcome number_operation_fn(const struct number *a, const struct number *b, enum rounding);
number_operation_fn number_sum, number_difference, number_product, number_quotient;
struct outcome number_root(const struct number *a);
/* -1, 0, 1 */
int number_compare(const struct number *a, const struct number *b);

/* Normalises: any fraction but 0, value = fraction * 2^(exponent - 127). */
struct exact exact_from(bool sign, s32 exponent, u128 fraction);
struct exact exact_from_number(const struct number *);

/* To `precision` bits with an unbounded exponent. */
struct rounded number_round(const struct exact *, unsigned precision, enum rounding);
/*
 * To a denormal number: bits below 2^(lowest - precision + 1) are rounded away. exponent is `lowest`; fraction's bit 63
 * is set only if it rounds up to the smallest normal number.
 */
struct rounded number_round_denormal(const struct exact *, unsigned precision, s32 lowest, enum rounding);
/* Away from zero when it overflows: infinity rather than the largest finite number. */
bool number_overflows_to_infinity(bool sign, enum rounding);

/*
 * To an integer: the magnitude, and whether that is inexact and was rounded away from zero. Beyond 64 bits: ~0 and
 * *huge.
 */
u64 number_to_integer(const struct number *, enum rounding, bool *inexact, bool *up, bool *huge);

#endif
