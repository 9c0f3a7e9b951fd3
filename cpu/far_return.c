/* SPDX-License-Identifier: MIT */
/* Far RET: SDM Vol. 2B, RET, "Operation". Its checks on what is returned to are IRET's too. */
#include "cpu/far.h"
#include "cpu/handlers.h"
#include "cpu/run.h"
#include "cpu/system.h"

struct segment return_code_segment(struct cpu *cpu, u16 selector, struct descriptor *d)
{
    u32 error = selector_error(selector);
    unsigned rpl = selector & 3;
    u16 a;

    if (selector_is_null(selector))
        raise_gp(cpu, 0);
    if (!descriptor_read(cpu, selector, d))
        raise_gp(cpu, error);
    a = descriptor_attributes(d);
    if ((a & (ATTR_S | ATTR_CODE)) != (ATTR_S | ATTR_CODE) || rpl < cpu->cpl)
        raise_gp(cpu, error);
    if (a & ATTR_EXPAND_DOWN ? ATTR_DPL_OF(a) > rpl : ATTR_DPL_OF(a) != rpl) /* conforming : nonconforming */
        raise_gp(cpu, error);
    if (in_long(cpu) && (a & (ATTR_L | ATTR_DB)) == (ATTR_L | ATTR_DB))
        raise_gp(cpu, error);
    if (!(a & ATTR_P))
        raise_np(cpu, error);
    return descriptor_segment(d, selector);
}

struct segment return_stack_segment(struct cpu *cpu, u16 selector, const struct segment *cs, struct descriptor *d)
{
    u32 error = selector_error(selector);
    unsigned rpl = cs->selector & 3;
    u16 a;

    if (selector_is_null(selector)) {
        if (!enters_code64(cpu, cs) || rpl == 3)
            raise_gp(cpu, 0);
        d->low = (u64)ATTR_ACCESSED << 40;
        return (struct segment){.selector = selector};
    }
    if (!descriptor_read(cpu, selector, d))
        raise_gp(cpu, error);
    a = descriptor_attributes(d);
    if ((selector & 3u) != rpl || ATTR_DPL_OF(a) != rpl ||
        (a & (ATTR_S | ATTR_CODE | ATTR_WRITABLE)) != (ATTR_S | ATTR_WRITABLE))
        raise_gp(cpu, error);
    if (!(a & ATTR_P))
        raise_ss(cpu, error);
    return descriptor_segment(d, selector);
}

/*
 * A return to a 16-bit stack loads SP alone: bits 31:16 of ESP keep the inner level's, as every Intel processor does,
 * whatever the operand size (the manual shows a full load).
 */
void return_commit(struct cpu *cpu, const struct segment *cs, const struct segment *ss, u64 rip, u64 sp,
                   unsigned release)
{
    bool outward = (cs->selector & 3) > cpu->cpl;

    sp += release;
    if (enters_code64(cpu, cs))
        cpu->RSP = sp;
    else if (ss->attributes & ATTR_DB)
        cpu->RSP = (u32)sp;
    else
        cpu->RSP = (u32)((cpu->RSP & ~0xffffull) | (sp & 0xffff));
    cpu->seg[SEG_CS] = *cs;
    cpu->seg[SEG_SS] = *ss;
    cpu->cpl = cs->selector & 3;
    cpu->next_rip = rip;
    if (outward)
        segment_validate_data(cpu);
    cpu_refresh(cpu);
}

static u64 slot(struct cpu *cpu, const struct op *op, unsigned at)
{
    return mem_read(cpu, SEG_SS, (cpu->RSP + at) & stack_mask(op), op->osize);
}

static void ret_real(struct cpu *cpu, const struct op *op, unsigned release)
{
    u64 rip = slot(cpu, op, 0);
    u16 selector = (u16)slot(cpu, op, op->osize);

    if (rip > (in_v86(cpu) ? 0xffff : cpu->seg[SEG_CS].limit))
        raise_gp(cpu, 0);
    stack_set(cpu, op, stack_next(cpu, op, (int)(2u * op->osize + release)));
    segment_load_real(cpu, SEG_CS, selector);
    cpu->next_rip = rip;
    cpu_refresh(cpu);
}

/* "RETURN-TO-OUTER-PRIVILEGE-LEVEL" */
static void ret_outer(struct cpu *cpu, const struct op *op, unsigned release, const struct segment *cs,
                      const struct descriptor *d, u64 rip)
{
    u64 sp = slot(cpu, op, 2u * op->osize + release);
    u16 selector = (u16)slot(cpu, op, 3u * op->osize + release);
    struct descriptor ss_descriptor;
    struct segment ss = return_stack_segment(cpu, selector, cs, &ss_descriptor);

    rip = far_rip(cpu, cs, rip);
    if (descriptor_unaccessed(&ss_descriptor))
        sys_probe_write(cpu, ss_descriptor.at + 5, 1, IMPLICIT_DESCRIPTOR);
    descriptor_access(cpu, d);
    descriptor_access(cpu, &ss_descriptor);
    return_commit(cpu, cs, &ss, rip, sp, release);
    note_resumed(cpu);
}

void exec_RET_far(struct cpu *cpu, const struct op *op)
{
    unsigned release = op->opcode == 0xca ? (u16)op->imm : 0;
    struct descriptor d;
    struct segment cs;
    u16 selector;
    u64 rip;

    if (!in_protected(cpu) || in_v86(cpu)) {
        ret_real(cpu, op, release);
        return;
    }
    rip = slot(cpu, op, 0);
    selector = (u16)slot(cpu, op, op->osize);
    cs = return_code_segment(cpu, selector, &d);
    if ((selector & 3) > cpu->cpl) {
        ret_outer(cpu, op, release, &cs, &d, rip);
        return;
    }
    rip = far_rip(cpu, &cs, rip);
    descriptor_access(cpu, &d);
    stack_set(cpu, op, stack_next(cpu, op, (int)(2u * op->osize + release)));
    cpu->seg[SEG_CS] = cs;
    cpu->next_rip = rip;
    cpu_refresh(cpu);
}

IRREGULAR_RESUME(RET_far);
