/* SPDX-License-Identifier: MIT */
/*
 * How a row becomes code. A SEMANTICS body is a sentence over places; the macros at the end of each exec file stamp it
 * into one specialised handler per form (register, immediate, memory) and width. Irregular instructions are plain
 * functions.
 */
#ifndef FAULTLINE_CPU_HANDLERS_H
#define FAULTLINE_CPU_HANDLERS_H

#include "cpu/op.h"

/* Index of a width in the tables below. */
enum { W8, W16, W32, W64, WIDTHS };
static inline unsigned width_index(unsigned bytes)
{
    return bytes == 1 ? W8 : bytes == 2 ? W16 : bytes == 4 ? W32 : W64;
}

/* Address forms of a memory operand. */
enum {
    ADDR_BD,   /* base + displacement, flat */
    ADDR_BIS,  /* segment base + base + index * scale + displacement, no limit */
    ADDR_SLOW, /* anything: the twin does every check */
    ADDR_FORMS,
};

/* What an instruction does to the arithmetic flags, for the removal of dead flag computations. */
enum { FLAGS_NONE, FLAGS_WRITE = 1, FLAGS_READ = 2, FLAGS_PARTIAL = 4 };

struct handlers {
    exec_fn *exec;                                 /* irregular */
    op_fn *(*choose)(const struct op *, u32 mode); /* picks a handler by other means (jumps, stack, strings) */
    bool transfers;                                /* irregular: may go on at its target without the run loop */
    bool resumes;                                  /* irregular: may hand control to another context */
    u8 flags;                                      /* FLAGS_* */
    op_fn *const *rr, *const *ri;                  /* [WIDTHS]: register, register; register, immediate */
    op_fn *const (*rm)[WIDTHS], *const (*mr)[WIDTHS], *const (*mi)[WIDTHS]; /* [ADDR_FORMS][WIDTHS] */
    op_fn *const *rr_dead, *const *ri_dead;                                 /* the same without flags */
    op_fn *const (*rm_dead)[WIDTHS];
    op_fn *const (*rr_jcc)[16], *const (*ri_jcc)[16], *const (*rm_jcc)[16],
                                                          *const (*mi_jcc)[16]; /* [WIDTHS][16]: fused with a following
                                                                                   Jcc; memory as ADDR_BD */
};

/* A plain function for a row: void exec_NAME(struct cpu *, const struct op *) is defined above. */
#define IRREGULAR(NAME) const struct handlers handlers_##NAME = {.exec = exec_##NAME}
/* The same for one that ends a trace, by its nature, but seldom needs the run loop: INT, IRET, SYSCALL, IN ... */
#define TRANSFER(NAME) const struct handlers handlers_##NAME = {.exec = exec_##NAME, .transfers = true}
/* Those of both kinds that may hand control to another context: observer.resume hears of it. */
#define IRREGULAR_RESUME(NAME) const struct handlers handlers_##NAME = {.exec = exec_##NAME, .resumes = true}
#define TRANSFER_RESUME(NAME) \
    const struct handlers handlers_##NAME = {.exec = exec_##NAME, .transfers = true, .resumes = true}

/* Builds whose compiler turns `return f(...)` into a jump run through a trace without growing the stack; elsewhere
 * handlers return the next op to the loop. The Makefile defines FAULTLINE_SIBLING_CALLS for release builds. */
ALWAYS_INLINE const struct op *dispatch(struct cpu *cpu, const struct op *op)
{
#ifdef FAULTLINE_SIBLING_CALLS
    return op->fn(cpu, op);
#else
    (void)cpu;
    return op;
#endif
}

ALWAYS_INLINE const struct op *next(struct cpu *cpu, const struct op *op)
{
    op++;
    __asm__("" : "+r"(op)); /* keep op + 1 a register, not folded into every later address */
    return dispatch(cpu, op);
}

/* Leave the trace for the run loop, `op` retired, going on at rip. */
ALWAYS_INLINE const struct op *leave_at(struct cpu *cpu, const struct op *op, u64 rip)
{
    cpu->budget -= op->count;
    cpu->rip = rip;
    cpu->op = NULL;
    return NULL;
}

static inline u64 op_rip(const struct cpu *cpu, const struct op *op) { return (cpu->ip_page + op->off) & cpu->ip_mask; }
static inline u64 op_next_rip(const struct cpu *cpu, const struct op *op)
{
    return (cpu->ip_page + op->off + op->len) & cpu->ip_mask;
}

/* run.c: wrappers that run an irregular instruction; the decoder picks one by the row's attributes. */
op_fn op_irregular, op_irregular_checked, op_irregular_end, op_irregular_end_checked, op_irregular_transfer,
    op_irregular_told;

/* flow.c: what traces are held together with. */
op_fn op_link;      /* unlinked exit to an address in this page: asks the loop to find it and patch */
op_fn op_jump_page; /* a branch's exit to another page, through the jump cache */
op_fn op_next_page; /* the trace ran into the next page */
op_fn op_end;       /* the trace ends here: go on at link */
op_fn op_forward;   /* a replaced trace's head: goes on at link */
op_fn op_stale;     /* decoded from bytes that have changed */
op_fn op_ud;        /* undefined here: raises #UD */

/* The run loop is due, or must see the target: go to where `link`, a taken branch's link, leads. The branch is retired
 * already. */
const struct op *branch_leave(struct cpu *, const struct op *link);

/* The taken side of a conditional or direct jump: retire, and go to the linked op unless it is time to look at events.
 */
ALWAYS_INLINE const struct op *take(struct cpu *cpu, const struct op *op)
{
    cpu->budget -= op->count;
    op = op->link;
    if (unlikely(cpu->budget < 0))
        return branch_leave(cpu, op);
    return dispatch(cpu, op);
}

/* A fused compare-and-branch whose compare met a device: leave after the pair. */
const struct op *fused_leave(struct cpu *, const struct op *, bool taken);

/* Go to `target` (already truncated to the operand size) after `op`: checks it as a near branch must, uses the jump
 * cache. */
const struct op *jump_to(struct cpu *, const struct op *, u64 target);
/* Settle a direct CALL's form, once its offset in the page is known. */
void call_place(struct op *);
/* The checks alone: #GP(0) on the branch if the target is beyond the CS limit or not canonical. */
void branch_check(struct cpu *, const struct op *, u64 target);

#endif
