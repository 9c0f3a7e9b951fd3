/* SPDX-License-Identifier: MIT */
/* Random guest programs: instructions of the list with operands in bounds, branches, loops, calls, self-modification,
 * pages taken away. */
#ifndef FAULTLINE_TESTS_ATOMIC_PROGRAM_H
#define FAULTLINE_TESTS_ATOMIC_PROGRAM_H

#include "devices/machine.h"

enum {
    PROGRAM_RAM = 4 << 20,
    PROGRAM_VARIABLES =
        0x7000, /* where to go after an exception; ring index; counts of page faults, exceptions, wild addresses */
    PROGRAM_RING = 0xa000, /* RIPs found by the timer interrupt */
    PROGRAM_CODE = 0x100000,
    PROGRAM_DATA = 0x200000,
    PROGRAM_DATA_SIZE = 0x10000,
    PROGRAM_STACK = 0x240000,
};

struct program {
    u64 seed;
    bool wide;     /* 64-bit mode, else 32-bit with two-level paging */
    bool segments; /* 32-bit: segments with a limit, so that every access is checked */
    bool user;     /* CPL 3 */
    bool timer;    /* PIT interrupts every 2000 instructions or so */
    bool modify;   /* code that patches code */
    unsigned blocks;
};

/* Lays the program into the machine's memory and sets the processor at its start. It ends with CLI, HLT. */
void program_load(struct machine *, const struct program *);

#endif
