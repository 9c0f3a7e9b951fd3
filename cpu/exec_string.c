/* SPDX-License-Identifier: MIT */
/*
 * String instructions (SDM Vol. 2, "REP/REPE/REPZ/REPNE/REPNZ"). A repetition commits iteration by iteration: whatever
 * stops it, a fault, an event, a single step, finds rCX, rSI and rDI exact and RIP at the instruction. Where direction,
 * overlap and pages allow, many iterations run as one host copy or fill.
 *
 * The instruction is fetched once, and again after an interruption: one that overwrites itself goes on.
 *
 * Counting: each iteration is one instruction; the op's own place in its trace stands for the last.
 */
#include <string.h>

#include "cpu/fault.h"
#include "cpu/flags.h"
#include "cpu/memory.h"
#include "cpu/mode.h"
#include "cpu/points.h"
#include "cpu/run.h"
#include "cpu/system.h"
#include "cpu/tlb.h"
#include "mmu/phys.h"

/* One string instruction under way. */
struct string {
    struct cpu *cpu;
    const struct op *op;
    unsigned width;
    s64 step;   /* +width or -width */
    u64 source; /* rSI, rDI, truncated to the address size */
    u64 dest;
};

static u64 index_register(const struct string *s, unsigned reg) { return truncate(s->cpu->gpr[reg], s->op->asize); }

static void advance(struct string *s, unsigned reg, u64 count)
{
    u64 v = s->cpu->gpr[reg] + (u64)s->step * count;
    if (s->op->asize == 2)
        host_store((u8 *)&s->cpu->gpr[reg], v, 2);
    else
        s->cpu->gpr[reg] = truncate(v, s->op->asize);
}

/*
 * Host memory for as many of n elements at seg:offset as lie ahead in one page of plain RAM, inside the segment and
 * below the address size's end; 0 if not even one, and then the element goes the exact way. Raises what the first
 * element's access would.
 */
static u64 span(struct string *s, unsigned seg, u64 offset, u64 n, enum access_kind kind, u8 **host)
{
    struct cpu *cpu = s->cpu;
    u64 la = seg_linear(cpu, seg, offset, s->width, kind), room = (PAGE_SIZE - (la & ~PAGE_MASK)) / s->width;
    if (n > room)
        n = room;
    if (n == 0 || cpu->mode & (MODE_AC | MODE_WATCH))
        return 0;
    u64 last = offset + n * s->width - 1;
    if (last < offset || truncate(last, s->op->asize) != last)
        return 0;
    if (n > 1 && !in_code64(cpu) && (cpu->seg[seg].attributes & ATTR_EXPAND_DOWN ? true : last > cpu->seg[seg].limit))
        return 0;
    struct translation t = translate(cpu, la, s->width, access_now(cpu, kind));
    /* With a write tag nobody need be told; but where translations are held the slot may be another page's. */
    if (kind == ACCESS_WRITE && (!t.host || cpu->held || !tlb_slot(cpu, la)->write_tag)) {
        t.host = phys_page_write(cpu->phys, t.pa); /* firmware copies itself to RAM that it does not read yet */
        if (t.host)
            announce_write(cpu, t.pa, la, (unsigned)n * s->width, false);
        t.host = t.host ? t.host + (t.pa & ~PAGE_MASK) : NULL;
        if (t.host)
            phys_will_write(cpu->phys, t.host, 1); /* all of it is on one page */
    }
    *host = t.host;
    return t.host ? n : 0;
}

/* MOVS: element by element where the destination starts inside the source ahead of it, since each copy feeds the next.
 */
static u64 movs(struct string *s, u64 n)
{
    struct cpu *cpu = s->cpu;
    u8 *from, *to;
    if (s->step > 0 && n > 1) {
        n = span(s, s->op->seg, s->source, n, ACCESS_READ, &from);
        n = n ? span(s, SEG_ES, s->dest, n, ACCESS_WRITE, &to) : 0;
        if (n) {
            u64 size = n * s->width;
            if (to > from && to < from + size)
                for (u64 i = 0; i < size; i += s->width)
                    host_store(to + i, host_load(from + i, s->width), s->width);
            else
                memmove(to, from, size);
        }
    } else {
        n = 0;
    }
    if (n == 0) {
        from = mem_hit(cpu, s->op->seg, s->source, s->width, ACC_r);
        to = from ? mem_hit(cpu, SEG_ES, s->dest, s->width, ACC_w) : NULL;
        if (likely(to)) {
            host_store(to, host_load(from, s->width), s->width);
        } else {
            mem_probe_read(cpu, s->op->seg, s->source, s->width); /* both, before a device is read */
            mem_probe_write(cpu, SEG_ES, s->dest, s->width);
            mem_write(cpu, SEG_ES, s->dest, mem_read(cpu, s->op->seg, s->source, s->width), s->width);
        }
        n = 1;
    }
    advance(s, REG_RSI, n);
    advance(s, REG_RDI, n);
    return n;
}

static void fill(u8 *to, u64 value, u64 n, unsigned width)
{
    if (width == 1 || value == (u8)value * (~0ull / 255 >> (64 - 8 * width))) {
        memset(to, (u8)value, n * width);
        return;
    }
    for (u64 i = 0; i < n; i++)
        host_store(to + i * width, value, width);
}

static u64 stos(struct string *s, u64 n)
{
    u8 *to;
    u64 value = truncate(s->cpu->RAX, s->width);
    n = s->step > 0 && n > 1 ? span(s, SEG_ES, s->dest, n, ACCESS_WRITE, &to) : 0;
    if (n) {
        fill(to, value, n, s->width);
    } else {
        mem_write(s->cpu, SEG_ES, s->dest, value, s->width);
        n = 1;
    }
    advance(s, REG_RDI, n);
    return n;
}

static u64 lods(struct string *s, u64 n)
{
    (void)n;
    u64 v = mem_read(s->cpu, s->op->seg, s->source, s->width);
    place_write(place_reg(s->cpu, REG_RAX * 8), v, s->width);
    advance(s, REG_RSI, 1);
    return 1;
}

/* SCAS and CMPS compare as CMP does; the flags are those of the last iteration. */
static void compare(struct cpu *cpu, u64 a, u64 b, unsigned width)
{
    flags_sub(cpu, a, b, truncate(a - b, width), a < b, width);
}

static u64 scas(struct string *s, u64 n)
{
    u8 *at;
    u64 a = truncate(s->cpu->RAX, s->width), b, done = 1;
    bool while_equal = s->op->flags & OP_REPE;
    n = s->step > 0 && n > 1 ? span(s, SEG_ES, s->dest, n, ACCESS_READ, &at) : 0;
    if (n) {
        b = host_load(at, s->width);
        while (done < n && (a == b) == while_equal)
            b = host_load(at + done++ * s->width, s->width);
    } else {
        b = mem_read(s->cpu, SEG_ES, s->dest, s->width);
    }
    compare(s->cpu, a, b, s->width);
    advance(s, REG_RDI, done);
    return done;
}

static u64 cmps(struct string *s, u64 n)
{
    u8 *left, *right;
    u64 a, b, done = 1;
    bool while_equal = s->op->flags & OP_REPE;
    n = s->step > 0 && n > 1 ? span(s, s->op->seg, s->source, n, ACCESS_READ, &left) : 0;
    n = n ? span(s, SEG_ES, s->dest, n, ACCESS_READ, &right) : 0;
    if (n) {
        a = host_load(left, s->width), b = host_load(right, s->width);
        for (; done < n && (a == b) == while_equal; done++)
            a = host_load(left + done * s->width, s->width), b = host_load(right + done * s->width, s->width);
    } else if ((left = mem_hit(s->cpu, s->op->seg, s->source, s->width, ACC_r)) &&
               (right = mem_hit(s->cpu, SEG_ES, s->dest, s->width, ACC_r))) {
        a = host_load(left, s->width), b = host_load(right, s->width);
    } else {
        mem_probe_read(s->cpu, s->op->seg, s->source, s->width);
        mem_probe_read(s->cpu, SEG_ES, s->dest, s->width);
        a = mem_read(s->cpu, s->op->seg, s->source, s->width);
        b = mem_read(s->cpu, SEG_ES, s->dest, s->width);
    }
    compare(s->cpu, a, b, s->width);
    advance(s, REG_RSI, done);
    advance(s, REG_RDI, done);
    return done;
}

/* INS: the destination is probed before the port is read, since a port's answer cannot be put back. */
static u64 ins(struct string *s, u64 n)
{
    (void)n;
    struct cpu *cpu = s->cpu;
    io_check(cpu, (u16)cpu->RDX, s->width);
    mem_probe_write(cpu, SEG_ES, s->dest, s->width);
    u64 v = io_read(cpu, (u16)cpu->RDX, s->width);
    mem_write(cpu, SEG_ES, s->dest, v, s->width);
    advance(s, REG_RDI, 1);
    return 1;
}

static u64 outs(struct string *s, u64 n)
{
    (void)n;
    struct cpu *cpu = s->cpu;
    io_check(cpu, (u16)cpu->RDX, s->width);
    io_write(cpu, (u16)cpu->RDX, mem_read(cpu, s->op->seg, s->source, s->width), s->width);
    advance(s, REG_RSI, 1);
    return 1;
}

typedef u64 element_fn(struct string *, u64 n);

/* Iterations that fit before the next event; one at a time under single step. */
static u64 allowance(const struct cpu *cpu)
{
    u64 now = cpu_icount(cpu);
    return cpu->step_mode || cpu->attention || now >= cpu->deadline ? 1 : cpu->deadline - now;
}

ALWAYS_INLINE const struct op *string_op(struct cpu *cpu, const struct op *op, element_fn *element, bool compares,
                                         bool port)
{
    struct string s = {
        .cpu = cpu, .op = op, .width = op->osize, .step = cpu->rflags & FLAG_DF ? -(s64)op->osize : op->osize};
    cpu->op = op;
    if (!(op->flags & (OP_REPE | OP_REPNE))) {
        s.source = index_register(&s, REG_RSI), s.dest = index_register(&s, REG_RDI);
        element(&s, 1);
        return port ? leave_at(cpu, op, op_next_rip(cpu, op)) : slow_finish(cpu, op);
    }
    u64 left = truncate(cpu->RCX, op->asize), allowed = allowance(cpu);
    if (left == 0) /* a 32-bit count still writes the whole register */
        place_write(place_reg(cpu, REG_RCX * 8), 0, op->asize);
    struct flags before = cpu->f;
    bool changed = false;
    while (left) {
        if (compares) /* a fault finds the flags as they were before the instruction, though rCX and the indexes have
                         moved on */
            cpu->f = before;
        s.source = index_register(&s, REG_RSI), s.dest = index_register(&s, REG_RDI);
        u64 decoded = cpu->stats.trace_invalidations;
        cpu->left_trace = false;
        u64 done = element(&s, left < allowed ? left : allowed);
        /* or a data breakpoint; else code was overwritten */
        bool device = cpu->left_trace && (cpu->stats.trace_invalidations == decoded || cpu->dr6_pending);
        changed |= cpu->left_trace;
        left -= done;
        place_write(place_reg(cpu, REG_RCX * 8), left, op->asize);
        if (left == 0 || (compares && flag_zero(cpu) != !!(op->flags & OP_REPE))) {
            cpu->budget -= (s64)done - 1;
            break;
        }
        cpu->budget -= (s64)done;
        allowed -= done;
        if (port && allowed) { /* the device may have brought an event nearer */
            u64 now = cpu_icount(cpu);
            allowed = now < cpu->deadline ? cpu->deadline - now : 0;
        }
        if (allowed == 0 || device || cpu->step_mode || (port && (cpu->intr || cpu->attention))) {
            if (compares) /* flags change when the repetition ends, however often it was interrupted on the way */
                cpu->f = before;
            cpu->budget -= op_before(op);
            cpu->rip = op_rip(cpu, op);
            cpu->rflags |= FLAG_RF; /* what strikes between iterations saves RF = 1: no second instruction breakpoint */
            cpu->op = NULL;
            if (unlikely(cpu->debug != NULL))
                points_repeats(cpu);
            return NULL;
        }
    }
    cpu->left_trace |= changed;
    /* the iterations may have used the reserve that lets a trace run on untested */
    return port || cpu->budget < op->count ? leave_at(cpu, op, op_next_rip(cpu, op)) : slow_finish(cpu, op);
}

#define STRING(NAME, element, compares, port, FL)                               \
    HANDLER(NAME##_any) { return string_op(cpu, op, element, compares, port); } \
    static op_fn *choose_##NAME(const struct op *op, u32 mode)                  \
    {                                                                           \
        (void)op, (void)mode;                                                   \
        return NAME##_any;                                                      \
    }                                                                           \
    const struct handlers handlers_##NAME = {.choose = choose_##NAME, .flags = FL};
STRING(MOVS, movs, false, false, FLAGS_NONE)
STRING(STOS, stos, false, false, FLAGS_NONE)
STRING(LODS, lods, false, false, FLAGS_NONE)
STRING(SCAS, scas, true, false, FLAGS_WRITE | FLAGS_PARTIAL)
STRING(CMPS, cmps, true, false, FLAGS_WRITE | FLAGS_PARTIAL)
STRING(INS, ins, false, true, FLAGS_NONE)
STRING(OUTS, outs, false, true, FLAGS_NONE)
