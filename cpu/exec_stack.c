/* SPDX-License-Identifier: MIT */
/* PUSH, POP and their kin. RSP is moved only when nothing can fault any more. */
#include "cpu/fault.h"
#include "cpu/flags.h"
#include "cpu/memory.h"
#include "cpu/stack.h"

/* The fast forms: operand and stack size agree (64-bit mode, or flat 32-bit), register or immediate. */
#define PUSH_FORM(W, SUF, VALUE)             \
    HANDLER(PUSH_##SUF##_##W)                \
    {                                        \
        u64 sp = truncate(cpu->RSP - W, W);  \
        u8 *p = tlb_write(cpu, sp, W);       \
        if (unlikely(!p)) {                  \
            return PUSH_slow_##SUF(cpu, op); \
        }                                    \
        host_store(p, VALUE, W);             \
        cpu->RSP = sp;                       \
        return next(cpu, op);                \
    }
#define POP_FORM(W)                          \
    HANDLER(POP_##W)                         \
    {                                        \
        u64 sp = cpu->RSP;                   \
        u8 *p = tlb_read(cpu, sp, W);        \
        if (unlikely(!p)) {                  \
            return POP_slow(cpu, op);        \
        }                                    \
        u64 v = host_load(p, W);             \
        cpu->RSP = truncate(sp + W, W);      \
        *(place64 *)((u8 *)cpu + op->d) = v; \
        return next(cpu, op);                \
    }

HANDLER(PUSH_slow_r)
{
    cpu->op = op;
    stack_push_slow(cpu, op, host_load((u8 *)cpu + op->s, op->osize));
    return slow_finish(cpu, op);
}

HANDLER(PUSH_slow_i)
{
    cpu->op = op;
    stack_push_slow(cpu, op, (u64)(s64)op->imm);
    return slow_finish(cpu, op);
}

HANDLER(PUSH_slow_m)
{
    cpu->op = op;
    mem_probe_read(cpu, op->seg, op_ea(cpu, op), op->osize); /* both, before a device is read */
    mem_probe_write(cpu, SEG_SS, truncate(cpu->RSP - op->osize, op->stack_size), op->osize);
    u64 v = host_load(operand_resolve(cpu, op, op->osize, ACC_r), op->osize);
    stack_push_slow(cpu, op, v);
    return slow_finish(cpu, op);
}

HANDLER(POP_slow)
{
    cpu->op = op;
    u64 v = stack_top(cpu, op);
    stack_move(cpu, op, op->osize);
    place_write(place_reg(cpu, op->d), v, op->osize);
    return slow_finish(cpu, op);
}

/* POP m: the address is computed with the incremented rSP (SDM "POP"); the destination is resolved before rSP moves. */
HANDLER(POP_slow_m)
{
    cpu->op = op;
    u64 v = stack_top(cpu, op), ea = op_ea(cpu, op);
    if (op->base == offsetof(struct cpu, gpr[REG_RSP]))
        ea = truncate(ea + op->osize, op->asize);
    u8 *p = logical_resolve(cpu, op->seg, ea, op->osize, ACC_w);
    host_store(p, v, op->osize);
    stack_move(cpu, op, op->osize);
    return slow_finish(cpu, op);
}

PUSH_FORM(4, r, host_load((u8 *)cpu + op->s, 4))
PUSH_FORM(8, r, host_load((u8 *)cpu + op->s, 8))
PUSH_FORM(4, i, (u64)(s64)op->imm)
PUSH_FORM(8, i, (u64)(s64)op->imm)
POP_FORM(4)
POP_FORM(8)

static op_fn *choose_PUSH(const struct op *op, u32 mode)
{
    bool fast = stack_is_fast(op, mode), wide = op->osize == 8;
    if (op_is_mem(op))
        return PUSH_slow_m;
    if (op->opcode == 0x68 || op->opcode == 0x6a)
        return !fast ? PUSH_slow_i : wide ? PUSH_i_8 : PUSH_i_4;
    return !fast ? PUSH_slow_r : wide ? PUSH_r_8 : PUSH_r_4;
}

static op_fn *choose_POP(const struct op *op, u32 mode)
{
    if (op_is_mem(op))
        return POP_slow_m;
    return !stack_is_fast(op, mode) ? POP_slow : op->osize == 8 ? POP_8 : POP_4;
}
const struct handlers handlers_PUSH = {.choose = choose_PUSH};
const struct handlers handlers_POP = {.choose = choose_POP};
const struct handlers handlers_POP_E = {.choose = choose_POP};

/* PUSHA, POPA: all slots are probed first. */
static void exec_PUSHA(struct cpu *cpu, const struct op *op)
{
    unsigned w = op->osize;
    for (unsigned i = 1; i <= 8; i++)
        mem_probe_write(cpu, SEG_SS, truncate(cpu->RSP - i * w, op->stack_size), w);
    for (unsigned i = 0; i < 8; i++)
        mem_write(cpu, SEG_SS, truncate(cpu->RSP - (i + 1) * w, op->stack_size), cpu->gpr[i], w);
    stack_move(cpu, op, -8 * (s64)w);
}

static void exec_POPA(struct cpu *cpu, const struct op *op)
{
    unsigned w = op->osize;
    u64 v[8];
    for (unsigned i = 0; i < 8; i++)
        v[i] = mem_read(cpu, SEG_SS, truncate(cpu->RSP + i * w, op->stack_size), w);
    for (unsigned i = 0; i < 8; i++)
        if (7 - i != REG_RSP)
            place_write(place_reg(cpu, (7 - i) * 8), v[i], w);
    stack_move(cpu, op, 8 * (s64)w);
}

/*
 * ENTER: the Operation section. Everything is probed before anything moves, the final stack pointer too; the display is
 * then copied word by word, since it may overlap the frame being pushed.
 */
static void exec_ENTER(struct cpu *cpu, const struct op *op)
{
    unsigned w = op->osize, size = op->stack_size, level = op->imm2 & 31;
    u64 sp = truncate(cpu->RSP - w, size);
    u64 frame = size == 2 ? (cpu->RSP & ~0xffffull) | sp
                          : sp; /* the whole of rSP, of which a 16-bit stack moves the low half */
    u64 final = truncate(sp - level * w - (u16)op->imm, size);
    for (unsigned i = 1; i < level; i++)
        mem_probe_read(cpu, SEG_SS, truncate(cpu->RBP - i * w, size), w);
    for (unsigned i = 0; i <= level; i++)
        mem_probe_write(cpu, SEG_SS, truncate(sp - i * w, size), w);
    mem_probe_write(cpu, SEG_SS, final, w);
    mem_write(cpu, SEG_SS, sp, cpu->RBP, w);
    for (unsigned i = 1; i < level; i++)
        mem_write(cpu, SEG_SS, truncate(sp - i * w, size), mem_read(cpu, SEG_SS, truncate(cpu->RBP - i * w, size), w),
                  w);
    if (level)
        mem_write(cpu, SEG_SS, truncate(sp - level * w, size), frame, w);
    place_write(place_reg(cpu, REG_RBP * 8), frame, w);
    stack_set(cpu, op, final);
}

HANDLER(LEAVE_slow)
{
    cpu->op = op;
    u64 frame = truncate(cpu->RBP, op->stack_size);
    u64 v = host_load(logical_resolve(cpu, SEG_SS, frame, op->osize, ACC_r), op->osize);
    stack_set(cpu, op, frame + op->osize);
    place_write(place_reg(cpu, REG_RBP * 8), v, op->osize);
    return slow_finish(cpu, op);
}

#define LEAVE_FORM(W)                      \
    HANDLER(LEAVE_##W)                     \
    {                                      \
        u64 frame = truncate(cpu->RBP, W); \
        u8 *p = tlb_read(cpu, frame, W);   \
        if (unlikely(!p)) {                \
            return LEAVE_slow(cpu, op);    \
        }                                  \
        cpu->RSP = truncate(frame + W, W); \
        cpu->RBP = host_load(p, W);        \
        return next(cpu, op);              \
    }
LEAVE_FORM(4)
LEAVE_FORM(8)

static op_fn *choose_LEAVE(const struct op *op, u32 mode)
{
    return !stack_is_fast(op, mode) ? LEAVE_slow : op->osize == 8 ? LEAVE_8 : LEAVE_4;
}
const struct handlers handlers_LEAVE = {.choose = choose_LEAVE};

IRREGULAR(PUSHA);
IRREGULAR(POPA);
IRREGULAR(ENTER);
