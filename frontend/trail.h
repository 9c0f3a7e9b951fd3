/* SPDX-License-Identifier: MIT */
/*
 * The last instructions of a run, each as it was about to be executed, and the exceptions and interrupts between them.
 * Exact: the last one is where the processor stands or faulted. The price is that the processor takes every
 * instruction by itself, decoded anew, while there is a trail; what the guest sees is the same, at the same counts.
 */
#ifndef FAULTLINE_FRONTEND_TRAIL_H
#define FAULTLINE_FRONTEND_TRAIL_H

#include "cpu/cpu.h"

#define TRAIL_MAX 10000u

struct trail_entry {
    u64 icount;  /* retired before it */
    u64 rip, pc; /* pc: the linear address of CS:RIP */
    u64 times;   /* it was executed so often in a row: a loop of one instruction, iterations of REP */
    u16 cs;
    u8 mode, cpl, bits; /* mode: enum cpu_mode; bits: 16, 32 or 64, as code is decoded */
    u8 size;            /* bytes of the instruction; 0: this is an event, delivered here */
    u8 bytes[15];
    struct cpu_event event;
};

struct trail {
    struct trail_entry *entry; /* a ring of `room` */
    unsigned room;
    u64 count; /* entries so far, kept or not */
};

/* The last `room` entries, 1..TRAIL_MAX. NULL without memory. */
struct trail *trail_create(unsigned room);
void trail_destroy(struct trail *); /* NULL will do */
/* The processor goes instruction by instruction from here on. */
void trail_follow(struct trail *, struct cpu *);
void trail_forget(struct trail *); /* what was is not this guest's past: a state is loaded */

/* For the processor's observer. */
void trail_decoded(struct trail *, struct cpu *, const u8 *bytes, unsigned size);
void trail_event(struct trail *, struct cpu *, const struct cpu_event *);

/* The n-th last entry, from 1 on; NULL if there is none or it is no longer kept. */
const struct trail_entry *trail_last(const struct trail *, u64 n);

#endif
