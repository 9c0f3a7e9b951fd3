/* SPDX-License-Identifier: MIT */
/* The benchmark guest: one bare-metal program, built for 32-bit paging and for 64-bit mode, that runs the workload its
 * command line names. Memory is mapped to itself in 4 KiB pages that are writable, executable and open to user mode. */
#ifndef BENCH_H
#define BENCH_H

#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef unsigned long word; /* the width of a register */

enum {
    PAGE = 4096,
    ARENA = 0x1000000,     /* 16 MiB: 32 MiB to work on */
    WINDOW = 0x3000000,    /* 48 MiB: pages that come and go */
    MAPPED_PAGES = 0x4000, /* 64 MiB */
};

/* Prepares, then does its work `count` times between begin() and end(); the result is its checksum. */
struct workload {
    const char *name;
    u32 (*run)(u32 count);
};
extern const struct workload integer_workloads[], memory_workloads[], system_workloads[], sha256_workloads[],
    x87_workloads[], sse2_workloads[];

void begin(void);
void end(void);

/* boot.S */
extern word page_tables[MAPPED_PAGES], root_table[PAGE / sizeof(word)], second_root[PAGE / sizeof(word)];

/* A cheap sequence that is the same everywhere. */
static inline u32 next_random(u32 *seed)
{
    *seed = *seed * 1664525u + 1013904223u;
    return *seed >> 8;
}

/* Keeps the compiler from knowing what memory holds. */
#define barrier() __asm__ volatile("" : : : "memory")

#endif
