/* SPDX-License-Identifier: MIT */
/* Loads, stores and string instructions. */
#include "bench.h"

enum { BLOCK = 65536, CHASE_BYTES = 0x1000000, CHASE_STEP = 64, CHASE_NODES = CHASE_BYTES / CHASE_STEP };

static u8 *const arena = (u8 *)(word)ARENA;

/* Sums a block in words of 32 bits. */
static u32 sum_of(const u8 *at, u32 bytes)
{
    u32 sum = 0;

    for (u32 i = 0; i < bytes; i += 4)
        sum = sum * 3 + *(const u32 *)(at + i);
    return sum;
}

static void fill(u8 *at, u32 bytes)
{
    u32 seed = 99;

    for (u32 i = 0; i < bytes; i++)
        at[i] = (u8)next_random(&seed);
}

/* One cycle through 16 MiB, a node in each 64 bytes, in random order (Sattolo's shuffle). */
static u32 chase(u32 count)
{
    static u32 order[CHASE_NODES];
    u32 seed = 5;
    word at = ARENA;

    for (u32 i = 0; i < CHASE_NODES; i++)
        order[i] = i;
    for (u32 i = CHASE_NODES - 1; i > 0; i--) {
        u32 j = next_random(&seed) % i, t = order[i];

        order[i] = order[j];
        order[j] = t;
    }
    for (u32 i = 0; i < CHASE_NODES; i++)
        *(word *)(arena + (word)order[i] * CHASE_STEP) = ARENA + (word)order[(i + 1) % CHASE_NODES] * CHASE_STEP;
    begin();
    for (u32 i = 0; i < count; i++)
        at = *(volatile word *)at;
    end();
    return (u32)at;
}

static inline void copy_words(void *to, const void *from, word words)
{
#ifdef __x86_64__
    __asm__ volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(words) : : "memory");
#else
    __asm__ volatile("rep movsl" : "+D"(to), "+S"(from), "+c"(words) : : "memory");
#endif
}

static inline void store_words(void *to, word value, word words)
{
#ifdef __x86_64__
    __asm__ volatile("rep stosq" : "+D"(to), "+c"(words) : "a"(value) : "memory");
#else
    __asm__ volatile("rep stosl" : "+D"(to), "+c"(words) : "a"(value) : "memory");
#endif
}

static u32 movs(u32 count)
{
    fill(arena, BLOCK);
    begin();
    for (u32 i = 0; i < count; i++)
        copy_words(arena + BLOCK + PAGE + (i & 7) * 64, arena, BLOCK / sizeof(word));
    end();
    return sum_of(arena + BLOCK + PAGE, BLOCK);
}

static u32 stos(u32 count)
{
    begin();
    for (u32 i = 0; i < count; i++)
        store_words(arena, i * 0x01010101ul, BLOCK / sizeof(word));
    end();
    return sum_of(arena, BLOCK);
}

/* Lengths from 1 to 63, as in the string functions of a C library. */
static u32 movs_small(u32 count)
{
    fill(arena, BLOCK);
    begin();
    for (u32 i = 0; i < count; i++) {
        u8 *to = arena + BLOCK + (i * 40 & 0x3FFF), *from = arena + (i * 72 & 0x3FFF);
        word length = (i * 29 & 63) + 1;

        __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(length) : : "memory");
    }
    end();
    return sum_of(arena + BLOCK, 0x4000);
}

static u32 bytecpy(u32 count)
{
    fill(arena, BLOCK);
    begin();
    for (u32 round = 0; round < count; round++) {
        volatile u8 *to = arena + BLOCK + PAGE;
        const u8 *from = arena + (round & 7);

        for (word i = 0; i < BLOCK - 8; i++)
            to[i] = from[i];
    }
    end();
    return sum_of(arena + BLOCK + PAGE, BLOCK - 8);
}

/* Eight pages 4 MiB apart, which share an entry in a TLB that is indexed by the low bits of the page number. */
static u32 alias(u32 count)
{
    enum { PAGES = 8, STRIDE = 0x400000 };
    u32 sum = 0;

    for (u32 k = 0; k < PAGES; k++)
        *(u32 *)(arena + (word)k * STRIDE) = k * 77;
    begin();
    for (u32 i = 0; i < count; i++)
        for (u32 k = 0; k < PAGES; k++) {
            volatile u32 *at = (u32 *)(arena + (word)k * STRIDE + (i & 63) * 4);

            sum = sum * 3 + at[0];
            at[1] = sum;
        }
    end();
    return sum;
}

const struct workload memory_workloads[] = {
    {"chase", chase},     {"movs", movs},   {"stos", stos}, {"movs_small", movs_small},
    {"bytecpy", bytecpy}, {"alias", alias}, {NULL, NULL},
};
