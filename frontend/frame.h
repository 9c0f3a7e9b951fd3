/* SPDX-License-Identifier: MIT */
/*
 * One frame of the guest's stack, while it is unwound. For frontend/backtrace.c and what it asks. Without cpu.h, whose
 * names are in the way of <elf.h>'s.
 */
#ifndef FAULTLINE_FRONTEND_FRAME_H
#define FAULTLINE_FRONTEND_FRAME_H

#include "mmu/base.h"

struct cpu;

enum { FRAME_SP = 4, FRAME_BP = 5 }; /* in gpr: the processor's order */

/* What is known of the processor as it was in a frame. */
struct frame {
    u64 ip;
    u64 gpr[16];      /* the stack pointer as it is after the return to here */
    u32 known;        /* bit n: gpr[n] is */
    bool interrupted; /* ip is the instruction that was interrupted, not one behind a CALL */
};

#define FRAME_ALL 0xffffu
#define FRAME_POINTERS ((u32)(BIT(FRAME_SP) | BIT(FRAME_BP)))

struct stack {
    struct cpu *cpu;
    u64 base;      /* of SS; 0 in 64-bit mode */
    unsigned word; /* bytes: 4 or 8 */
};

/* A word at an offset in the stack segment, without effects; false where no memory can be read. */
bool stack_read(const struct stack *, u64 at, u64 *value);
/* Is what ends at `at` a CALL, near and relative or indirect? */
bool stack_behind_call(const struct stack *, u64 at);

/* What a source knows of the frame it was asked about. */
enum unwound {
    UNWOUND_UNKNOWN, /* nothing: another may */
    UNWOUND_LAST,    /* nobody called, or who did cannot be read */
    UNWOUND_CALLER,  /* the frame is the caller's now */
};

#endif
