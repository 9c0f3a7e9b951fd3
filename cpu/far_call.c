/* SPDX-License-Identifier: MIT */
/*
 * Far JMP and CALL: SDM Vol. 2A, CALL and JMP, "Operation"; Vol. 3A, "Privilege Level Checking When Transferring
 * Program Control".
 */
#include "cpu/far.h"
#include "cpu/handlers.h"
#include "cpu/run.h"
#include "cpu/system.h"

/* Where a far JMP or CALL was pointed. */
struct far_target {
    u16 selector;
    u64 offset;
    bool call;
};

u16 far_pointer(struct cpu *cpu, const struct op *op, u64 *offset)
{
    u64 ea = op_ea(cpu, op);

    *offset = mem_read(cpu, op->seg, ea, op->osize);
    return (u16)mem_read(cpu, op->seg, (ea + op->osize) & size_mask(op->asize), 2);
}

static bool is_conforming(const struct descriptor *d) { return descriptor_attributes(d) & ATTR_EXPAND_DOWN; }

/* A frame on the current stack. */
static void begin_on_current(struct cpu *cpu, struct frame *f, unsigned width)
{
    struct access access = access_explicit(cpu, ACCESS_WRITE);

    frame_begin(f, &cpu->seg[SEG_SS], in_code64(cpu), cpu->RSP, width, access);
}

static void push_return(struct cpu *cpu, struct frame *f)
{
    frame_push(cpu, f, cpu->seg[SEG_CS].selector);
    frame_push(cpu, f, cpu->next_rip);
}

static void commit_code(struct cpu *cpu, struct segment cs, unsigned cpl, u64 rip)
{
    cs.selector = (u16)((cs.selector & ~3u) | cpl);
    cpu->seg[SEG_CS] = cs;
    cpu->cpl = (u8)cpl;
    cpu->next_rip = rip;
    cpu_refresh(cpu);
}

/* "REAL-ADDRESS-MODE OR VIRTUAL-8086-MODE" */
static void far_real(struct cpu *cpu, const struct op *op, const struct far_target *t)
{
    struct frame f;

    if (t->call) {
        begin_on_current(cpu, &f, op->osize);
        push_return(cpu, &f);
    }
    if (t->offset > (in_v86(cpu) ? 0xffff : cpu->seg[SEG_CS].limit))
        raise_gp(cpu, 0);
    if (t->call) {
        frame_write(cpu, &f);
        cpu->RSP = frame_rsp(cpu, &f);
    }
    segment_load_real(cpu, SEG_CS, t->selector);
    cpu->next_rip = t->offset;
    cpu_refresh(cpu);
}

/*
 * To code of the same privilege, directly or through a gate: a CALL pushes slots of `width` bytes on the current
 * stack.
 */
static void transfer_same(struct cpu *cpu, bool call, unsigned width, const struct descriptor *d,
                          const struct segment *cs, u64 rip)
{
    struct frame f;

    if (call) {
        begin_on_current(cpu, &f, width);
        push_return(cpu, &f);
    }
    rip = far_rip(cpu, cs, rip);
    if (call) {
        frame_probe(cpu, &f);
        descriptor_access(cpu, d);
        frame_write(cpu, &f);
        cpu->RSP = frame_rsp(cpu, &f);
    } else {
        descriptor_access(cpu, d);
    }
    commit_code(cpu, *cs, cpu->cpl, rip);
}

/* "CONFORMING-CODE-SEGMENT", "NONCONFORMING-CODE-SEGMENT" */
static void far_code(struct cpu *cpu, const struct op *op, const struct far_target *t, const struct descriptor *d)
{
    u32 error = selector_error(t->selector);
    u16 a = descriptor_attributes(d);
    struct segment cs;

    if (!(a & ATTR_CODE) || (in_long(cpu) && (a & (ATTR_L | ATTR_DB)) == (ATTR_L | ATTR_DB)))
        raise_gp(cpu, error);
    if (is_conforming(d) ? ATTR_DPL_OF(a) > cpu->cpl : (t->selector & 3) > cpu->cpl || ATTR_DPL_OF(a) != cpu->cpl)
        raise_gp(cpu, error);
    if (!(a & ATTR_P))
        raise_np(cpu, error);
    cs = descriptor_segment(d, t->selector);
    transfer_same(cpu, t->call, op->osize, d, &cs, t->offset);
}

/* "MORE-PRIVILEGE": a new stack from the TSS; legacy gates copy parameters. */
static void call_inner(struct cpu *cpu, const struct descriptor *gate, unsigned width, const struct descriptor *d,
                       const struct segment *cs, u64 rip)
{
    unsigned cpl = descriptor_dpl(d), parameters = in_long(cpu) ? 0 : gate->low >> 32 & 0x1f;
    u64 mask = cpu->seg[SEG_SS].attributes & ATTR_DB ? 0xffffffffu : 0xffffu;
    struct descriptor ss_descriptor;
    struct segment ss;
    struct frame f;
    u16 selector;
    u64 sp = tss_stack(cpu, cpl, 0, &selector);

    ss = tss_stack_segment(cpu, cpl, selector, &ss_descriptor);
    frame_begin(&f, &ss, in_long(cpu), sp, width, access_frame(cpu, cpl, IMPLICIT_NONE));
    if (!in_long(cpu))
        f.error = selector_error(selector);
    frame_push(cpu, &f, cpu->seg[SEG_SS].selector);
    frame_push(cpu, &f, cpu->RSP);
    for (unsigned i = parameters; i-- > 0;)
        frame_push(cpu, &f, mem_read(cpu, SEG_SS, (cpu->RSP + (u64)i * width) & mask, width));
    push_return(cpu, &f);
    rip = far_rip(cpu, cs, rip);
    frame_probe(cpu, &f);
    if (descriptor_unaccessed(&ss_descriptor))
        sys_probe_write(cpu, ss_descriptor.at + 5, 1, IMPLICIT_DESCRIPTOR);
    descriptor_access(cpu, d);
    descriptor_access(cpu, &ss_descriptor);
    frame_write(cpu, &f);

    cpu->RSP = frame_rsp(cpu, &f);
    cpu->seg[SEG_SS] = ss;
    commit_code(cpu, *cs, cpl, rip);
}

/* DPL and presence of a gate or TSS. */
static void check_system(struct cpu *cpu, const struct far_target *t, const struct descriptor *d)
{
    unsigned dpl = descriptor_dpl(d);

    if (dpl < cpu->cpl || dpl < (t->selector & 3u))
        raise_gp(cpu, selector_error(t->selector));
    if (!descriptor_present(d))
        raise_np(cpu, selector_error(t->selector));
}

/* "CALL-GATE" */
static void far_gate(struct cpu *cpu, const struct far_target *t, struct descriptor *gate)
{
    u16 selector = (u16)(gate->low >> 16);
    u32 error = selector_error(selector);
    unsigned width = in_long(cpu) ? 8 : descriptor_type(gate) & 8 ? 4 : 2;
    u64 rip = (gate->low & 0xffff) | (width > 2 ? gate->low >> 32 & 0xffff0000 : 0);
    struct descriptor d;
    struct segment cs;
    u16 a;

    check_system(cpu, t, gate);
    if (in_long(cpu) && !descriptor_read_high(cpu, t->selector, gate))
        raise_gp(cpu, selector_error(t->selector));
    rip |= gate->high << 32;
    if (selector_is_null(selector))
        raise_gp(cpu, 0);
    if (!descriptor_read(cpu, selector, &d))
        raise_gp(cpu, error);
    a = descriptor_attributes(&d);
    if ((a & (ATTR_S | ATTR_CODE)) != (ATTR_S | ATTR_CODE) || ATTR_DPL_OF(a) > cpu->cpl)
        raise_gp(cpu, error);
    if (!t->call && !is_conforming(&d) && ATTR_DPL_OF(a) != cpu->cpl)
        raise_gp(cpu, error);
    if (in_long(cpu) && (a & (ATTR_L | ATTR_DB)) != ATTR_L)
        raise_gp(cpu, error);
    if (!(a & ATTR_P))
        raise_np(cpu, error);
    cs = descriptor_segment(&d, selector);
    if (t->call && !is_conforming(&d) && ATTR_DPL_OF(a) < cpu->cpl)
        call_inner(cpu, gate, width, &d, &cs, rip);
    else
        transfer_same(cpu, t->call, width, &d, &cs, rip);
}

/* "TASK-GATE", "TASK-STATE-SEGMENT" */
static void far_task(struct cpu *cpu, const struct far_target *t, const struct descriptor *d)
{
    bool gate = descriptor_type(d) == SYS_TASK;

    if (!gate && descriptor_type(d) & SYS_BUSY)
        raise_gp(cpu, selector_error(t->selector));
    check_system(cpu, t, d);
    task_switch(cpu, gate ? (u16)(d->low >> 16) : t->selector, t->call ? TASK_CALL : TASK_JMP, cpu->next_rip,
                flags_get(cpu), NULL);
    note_resumed(cpu);
}

static void far_transfer(struct cpu *cpu, const struct op *op, const struct far_target *t)
{
    struct descriptor d;

    if (!in_protected(cpu) || in_v86(cpu)) {
        far_real(cpu, op, t);
        return;
    }
    if (selector_is_null(t->selector))
        raise_gp(cpu, 0);
    if (!descriptor_read(cpu, t->selector, &d))
        raise_gp(cpu, selector_error(t->selector));
    if (!descriptor_is_system(&d)) {
        far_code(cpu, op, t, &d);
        return;
    }
    switch (descriptor_type(&d)) {
    case SYS_CALL: far_gate(cpu, t, &d); return;
    case SYS_CALL16:
        if (!in_long(cpu)) {
            far_gate(cpu, t, &d);
            return;
        }
        break;
    case SYS_TASK:
    case SYS_TSS:
    case SYS_TSS16:
    case SYS_TSS_BUSY:
    case SYS_TSS16_BUSY:
        if (!in_long(cpu)) {
            far_task(cpu, t, &d);
            return;
        }
        break;
    }
    raise_gp(cpu, selector_error(t->selector));
}

static struct far_target operand(struct cpu *cpu, const struct op *op, bool call)
{
    struct far_target t = {.call = call};

    if (op_is_mem(op)) {
        t.selector = far_pointer(cpu, op, &t.offset);
    } else {
        t.selector = op->imm2;
        t.offset = (u64)(s64)op->imm & size_mask(op->osize);
    }
    return t;
}

void exec_CALL_far(struct cpu *cpu, const struct op *op)
{
    struct far_target t = operand(cpu, op, true);

    far_transfer(cpu, op, &t);
}

void exec_JMP_far(struct cpu *cpu, const struct op *op)
{
    struct far_target t = operand(cpu, op, false);

    far_transfer(cpu, op, &t);
}

IRREGULAR_RESUME(CALL_far);
IRREGULAR_RESUME(JMP_far);
