/* SPDX-License-Identifier: MIT */
/* A decoded instruction, ready to run. Traces are arrays of these. */
#ifndef FAULTLINE_CPU_OP_H
#define FAULTLINE_CPU_OP_H

#include "cpu/state.h"

struct op;
/* Runs op; in builds with sibling calls goes on through the trace and returns only to leave it. Returns the next op, or
 * NULL for the run loop. */
typedef const struct op *op_fn(struct cpu *, const struct op *);
/* An irregular instruction: a plain function, called with cpu->op set, cpu->rip = its start and cpu->next_rip = the
 * following one. */
typedef void exec_fn(struct cpu *, const struct op *);

struct op {
    op_fn *fn;
    union {
        const struct op *link; /* branches: where to go when taken (a stub until known) */
        exec_fn *exec;         /* irregular instructions */
        u64 imm64;             /* MOV r64, imm64 */
    };
    s64 disp; /* displacement, or absolute address; RIP-relative: from the page's start */
    s32 imm;  /* immediate, sign-extended; second immediate of ENTER/far pointers in imm2; branches: target - ip_page */
    u8 d, s;  /* byte offsets of destination and source registers in struct cpu */
    u8 base, index; /* byte offsets of the address registers (or of cpu->zero, cpu->ip_page) */
    u8 scale;       /* index is shifted left by this: 0..3 */
    u8 seg;         /* enum SEG of the memory operand, override applied */
    u8 asize;       /* address size in bytes: 2, 4, 8 */
    u8 osize;       /* operand size in bytes: 1, 2, 4, 8 */
    u16 off;        /* offset in its page of the first byte */
    u8 len;         /* instruction length in bytes, 1..15 */
    u8 count;       /* instructions from the trace's start through this one */
    u8 reg, rm;     /* ModRM.reg and .rm with REX extension applied (rm: register number if !is_mem; or low opcode bits
                       register) */
    u8 modrm;       /* raw ModRM byte */
    u8 flags;       /* OP_* */
    u16 imm2;       /* far pointer selector; ENTER's nesting level; */
    u16 opcode;     /* row's opcode: 0x00NN, 0x0FNN, and 0x38NN / 0x3ANN for the three-byte maps */
    u8 cond;        /* condition code of Jcc, SETcc, CMOVcc */
    u8 stack_size;  /* bytes of RSP used by pushes and pops here: 2, 4, 8 */
    u16 row;        /* index into the instruction list */
};

enum {
    OP_MEM = 1 << 0, /* ModRM names memory */
    OP_LOCK = 1 << 1,
    OP_REPE = 1 << 2,  /* F3 */
    OP_REPNE = 1 << 3, /* F2 */
    OP_REX = 1 << 4,   /* some REX prefix: SPL..DIL instead of AH..BH */
    OP_CODE64 = 1 << 5,
    OP_66 = 1 << 6,    /* an operand-size prefix is present */
    OP_FUSED = 1 << 7, /* two instructions: compare and Jcc */
};

/* The effective address of the memory operand, truncated to the address size. */
static inline u64 op_ea(const struct cpu *cpu, const struct op *op)
{
    const u8 *r = (const u8 *)cpu;
    u64 ea = *(const u64 *)(r + op->base) + (*(const u64 *)(r + op->index) << op->scale) + (u64)op->disp;
    return op->asize == 8 ? ea : op->asize == 4 ? (u32)ea : (u16)ea;
}

/* Instructions of the trace that retire before this op begins. */
static inline unsigned op_before(const struct op *op) { return op->count - 1u - !!(op->flags & OP_FUSED); }

static inline bool op_is_mem(const struct op *op) { return op->flags & OP_MEM; }

/* The r/m operand of irregular instructions, register or memory, `width` bytes. op_rm_write zero-extends 32-bit
 * register writes. */
u64 op_rm_read(struct cpu *, const struct op *, unsigned width);
void op_rm_write(struct cpu *, const struct op *, u64 value, unsigned width);
/* General register by number with width rules (8-bit: AH..BH without REX). */
u64 reg_read(const struct cpu *, unsigned reg, unsigned width, bool rex);
void reg_write(struct cpu *, unsigned reg, u64 value, unsigned width, bool rex);

#endif
