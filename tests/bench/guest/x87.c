/* SPDX-License-Identifier: MIT */
/* The x87: an n-body simulation in double precision in memory, and an integral in extended precision. */
#define REAL double
#define ROOT __builtin_sqrt
#include "float.h"

/* Simpson's rule over 1 / (1 + x * sqrt(x)). */
static long double integral(unsigned steps)
{
    long double h = 1.0L / steps, sum = 0;

    for (unsigned i = 0; i <= steps; i++) {
        long double x = h * i, f = 1 / (1 + x * __builtin_sqrtl(x));
        sum += i == 0 || i == steps ? f : i & 1 ? 4 * f : 2 * f;
    }
    return sum * h / 3;
}

static u32 x87(u32 count)
{
    static struct body b[BODIES];
    long double area = 0;

    enable_units();
    start(b);
    begin();
    for (u32 i = 0; i < count; i++) {
        advance(b, 0.001);
        area += integral(16);
    }
    end();
    return bits_sum(b, sizeof(b) / 4) ^ bits_sum(&area, 2);
}

const struct workload x87_workloads[] = {{"x87", x87}, {NULL, NULL}};
