/* SPDX-License-Identifier: MIT */
/* What the floating-point workloads share. The including file says what REAL and ROOT are. */
#ifndef FLOAT_H
#define FLOAT_H

#include "bench.h"

typedef int32_t s32;

/* CR0.EM, TS off, MP and NE on; CR4.OSFXSR and OSXMMEXCPT. */
static void enable_units(void)
{
    word cr;

    __asm__ volatile("mov %%cr0, %0" : "=r"(cr));
    __asm__ volatile("mov %0, %%cr0" : : "r"((cr & ~(word)0xc) | 0x22));
    __asm__ volatile("mov %%cr4, %0" : "=r"(cr));
    __asm__ volatile("mov %0, %%cr4" : : "r"(cr | 0x600));
    __asm__ volatile("fninit");
}

/* Five bodies; the checksum is that of the coordinates' bits, so that every rounding counts. */
enum { BODIES = 5 };

struct body {
    REAL x[3], v[3], mass;
};

static void start(struct body *b)
{
    u32 seed = 7;

    for (unsigned i = 0; i < BODIES; i++) {
        for (unsigned k = 0; k < 3; k++) {
            b[i].x[k] = (REAL)(s32)(next_random(&seed) % 20000) / 1000 - 10;
            b[i].v[k] = (REAL)(s32)(next_random(&seed) % 2000) / 1000 - 1;
        }
        b[i].mass = (REAL)(s32)(next_random(&seed) % 1000 + 1) / 250;
    }
}

static void advance(struct body *b, REAL dt)
{
    for (unsigned i = 0; i < BODIES; i++)
        for (unsigned j = i + 1; j < BODIES; j++) {
            REAL d[3], square = (REAL)0.01;
            for (unsigned k = 0; k < 3; k++) {
                d[k] = b[i].x[k] - b[j].x[k];
                square += d[k] * d[k];
            }
            REAL pull = dt / (square * ROOT(square));
            for (unsigned k = 0; k < 3; k++) {
                b[i].v[k] -= d[k] * b[j].mass * pull;
                b[j].v[k] += d[k] * b[i].mass * pull;
            }
        }
    for (unsigned i = 0; i < BODIES; i++)
        for (unsigned k = 0; k < 3; k++)
            b[i].x[k] += dt * b[i].v[k];
}

static u32 bits_sum(const void *at, unsigned words)
{
    u32 sum = 0, v;

    for (unsigned i = 0; i < words; i++) {
        __builtin_memcpy(&v, (const u8 *)at + 4 * i, 4);
        sum = (sum << 5 | sum >> 27) ^ v;
    }
    return sum;
}

#endif
