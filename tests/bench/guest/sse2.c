/* SPDX-License-Identifier: MIT */
/* SSE2: an n-body simulation in scalar double precision, and saxpy and integer filters over packed vectors. */
#define REAL double
#define ROOT __builtin_sqrt
#include "float.h"

enum { LENGTH = 64 };

typedef float vf __attribute__((vector_size(16)));
typedef u16 vw __attribute__((vector_size(16)));
typedef u32 vd __attribute__((vector_size(16)));

static vf x[LENGTH], y[LENGTH];
static vw pixels[LENGTH];
static vd mixed[LENGTH];

static void saxpy(float a)
{
    vf factor = {a, a, a, a};

    for (unsigned i = 0; i < LENGTH; i++)
        y[i] = factor * x[i] + y[i];
}

static void filter(void)
{
    for (unsigned i = 0; i < LENGTH; i++) {
        vw p = pixels[i];
        p = (p * 77 + pixels[(i + 1) % LENGTH]) >> 1;
        vw above = (vw)(pixels[i] > p);
        pixels[i] = (p ^ (vw)mixed[i]) & ~((pixels[i] >> 3 & above) | (p & ~above));
        mixed[i] += (mixed[i] << 7 | mixed[i] >> 25) ^ (vd)p;
    }
}

static u32 sse2(u32 count)
{
    static struct body b[BODIES];
    u32 seed = 3;

    enable_units();
    start(b);
    for (unsigned i = 0; i < LENGTH; i++)
        for (unsigned k = 0; k < 4; k++) {
            x[i][k] = (float)(s32)(next_random(&seed) & 0xffff) / 65536;
            mixed[i][k] = next_random(&seed) * 77777;
        }
    begin();
    for (u32 i = 0; i < count; i++) {
        advance(b, 0.001);
        saxpy(0.75f - (float)(s32)(i & 3) * 0.5f);
        filter();
    }
    end();
    return bits_sum(b, sizeof(b) / 4) ^ bits_sum(y, sizeof(y) / 4) ^ bits_sum(mixed, sizeof(mixed) / 4) ^
           bits_sum(pixels, sizeof(pixels) / 4);
}

const struct workload sse2_workloads[] = {{"sse2", sse2}, {NULL, NULL}};
