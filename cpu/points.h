/* SPDX-License-Identifier: MIT */
/* Break- and watchpoints of a debugger, as the rest of cpu/ meets them: all behind a test of cpu->debug. */
#ifndef FAULTLINE_CPU_POINTS_H
#define FAULTLINE_CPU_POINTS_H

#include "cpu/op.h"

struct cpu_debug {
    struct cpu *cpu;
    struct cpu_point point[CPU_POINTS_MAX];
    unsigned points, watched; /* watched: how many of them are watchpoints */
    u64 offsets[64];          /* page offsets at which traces begin with op_break: at least those of breakpoints */
    bool listening;           /* to writes by devices */
    bool own_write;           /* the debugger's: hits nothing */
    bool stop;                /* `broke` was not acknowledged */
    bool at_handlers;
    struct cpu_break broke;
    u64 pass_count, pass_la; /* the instruction at pass_la is not stopped at while the count is pass_count */
    bool pass;
    cpu_catch_fn *catch_event;
    void *catch_ctx;
};

/* A bit of cpu->mode beside those of mode.h: there are watchpoints, so repetitions go element by element. */
#define MODE_WATCH (1u << 8)

/* Must a trace begin at this page offset, with op_break? */
static inline bool points_offset(const struct cpu *cpu, unsigned offset)
{
    return unlikely(cpu->debug != NULL) && cpu->debug->offsets[offset / 64] >> (offset % 64) & 1;
}

/* Before the instruction at RIP, which the fetch reached: true if the run must stop. pa: where it is, or ~0 if that is
 * to be found out. */
bool points_execute(struct cpu *, u64 pa);
op_fn op_break; /* the same, in a trace; disp: pa */
/* A REP left off before its end: going on with it is no new execution. */
void points_repeats(struct cpu *);

/* A checked access, of bytes within one page; access: ACC_*. */
void points_access(struct cpu *, u64 la, u64 pa, unsigned width, unsigned access);
/* The processor sets A or D here. */
void points_walk(struct cpu *, u64 pa, unsigned width);
/* Is there a watchpoint in the page? Then the TLB must not know it. */
bool points_cover(const struct cpu *, u64 la, u64 pa);

void points_raised(struct cpu *); /* cpu->event */
void points_delivering(struct cpu *, const struct cpu_event *, int during);
static inline bool points_stop(const struct cpu *cpu) { return unlikely(cpu->debug != NULL) && cpu->debug->stop; }

#endif
