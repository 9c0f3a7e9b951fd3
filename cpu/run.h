/* SPDX-License-Identifier: MIT */
/* What the run loop shares with memory.c and cpu.c. */
#ifndef FAULTLINE_CPU_RUN_H
#define FAULTLINE_CPU_RUN_H

#include "cpu/op.h"

#define DR6_BS BIT(14)
#define DEBUGCTL_BTF BIT(1)

/* The last instruction decoded that crosses from a page to the next, by page. */
struct crossing {
    u64 pa; /* of its first byte */
    u32 mode;
    u8 length;
    u8 bytes[15];
    struct op ops[4];
};
#define CROSSINGS 256

/* An explicit data access, when data breakpoints are on: note those it meets; the trap comes after the instruction. */
void debug_data_access(struct cpu *, u64 la, unsigned width, bool write);

/* The instruction hands control to another context: the observer, if any, hears of it once it is committed. */
static inline void note_resumed(struct cpu *cpu) { cpu->resumed = true; }

/* A port access that is allowed: I/O breakpoints likewise. Only where there are any is it needed. debug.c */
bool debug_has_ports(const struct cpu *);
void debug_io_access(struct cpu *, u16 port, unsigned width);
/* DEBUGCTL.BTF: is the instruction at RIP a transfer that, once done, single step should trap? Ask before it runs and
 * again, with the answer, after. debug.c */
struct debug_branch {
    bool may;        /* a transfer of control */
    bool always;     /* not a conditional one */
    u64 fallthrough; /* RIP behind it */
};
struct debug_branch debug_branch_at(struct cpu *);

/* The bit of cpu->jump_pages for a page number. */
static inline u64 jump_page_bit(u64 page) { return (page ^ page >> 12 ^ page >> 24) & 4095; }

/* The INIT pin was pulsed. cpu.c */
void cpu_take_init(struct cpu *);

#endif
