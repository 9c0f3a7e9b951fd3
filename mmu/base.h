/* SPDX-License-Identifier: MIT */
/* The vocabulary every layer shares: integer types and a few bit helpers. Includes nothing of ours. */
#ifndef FAULTLINE_MMU_BASE_H
#define FAULTLINE_MMU_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t s8;
typedef int16_t s16;
typedef int32_t s32;
typedef int64_t s64;

#define BIT(n) (1ull << (n))
/* A mask of bits hi..lo inclusive, as the manuals write it. */
#define BITS(hi, lo) ((~0ull >> (63 - (hi))) & (~0ull << (lo)))

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#ifdef FAULTLINE_COVERAGE /* there a branch is one branch, not one for each place it is inlined at */
#define ALWAYS_INLINE static inline
#else
#define ALWAYS_INLINE static inline __attribute__((always_inline))
#endif
#define NOINLINE __attribute__((noinline))

#define PAGE_SIZE 4096u
#define PAGE_MASK (~(u64)(PAGE_SIZE - 1))

#endif
