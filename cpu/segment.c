/* SPDX-License-Identifier: MIT */
/* Segment descriptors and the instructions that load data-segment registers. */
#include "cpu/segment.h"

#include "cpu/far.h"
#include "cpu/handlers.h"
#include "cpu/system.h"

bool descriptor_read(struct cpu *cpu, u16 selector, struct descriptor *d)
{
    u32 offset = selector & 0xfff8u;

    if (selector & 4) {
        const struct segment *ldt = &cpu->seg[SEG_LDTR];
        if (!(ldt->attributes & ATTR_P) || offset + 7 > ldt->limit)
            return false;
        d->at = ldt->base + offset;
    } else {
        if (offset + 7 > cpu->gdt.limit)
            return false;
        d->at = cpu->gdt.base + offset;
    }
    if (!in_long(cpu))
        d->at = (u32)d->at;
    d->low = system_read(cpu, d->at, 8, IMPLICIT_DESCRIPTOR);
    d->high = 0;
    return true;
}

bool descriptor_read_high(struct cpu *cpu, u16 selector, struct descriptor *d)
{
    u32 limit = selector & 4 ? cpu->seg[SEG_LDTR].limit : cpu->gdt.limit;

    if ((selector & 0xfff8u) + 15 > limit)
        return false;
    d->high = sys_read(cpu, d->at + 8, 8, IMPLICIT_DESCRIPTOR);
    return !(d->high >> 40 & 0x1f);
}

void descriptor_access(struct cpu *cpu, const struct descriptor *d)
{
    if (descriptor_unaccessed(d))
        sys_write(cpu, d->at + 5, (d->low >> 40 & 0xff) | ATTR_ACCESSED, 1, IMPLICIT_DESCRIPTOR);
}

struct segment segment_v86(u16 selector)
{
    return (struct segment){
        .base = (u64)selector << 4,
        .limit = 0xffff,
        .selector = selector,
        .attributes = ATTR_P | ATTR_DPL | ATTR_S | ATTR_WRITABLE | ATTR_ACCESSED,
    };
}

/*
 * Real-address mode changes selector and base only, so limits set in protected mode persist ("unreal mode"). The type
 * becomes read/write data, for CS too, as after RESET: real mode checks no types, and stores through CS are common.
 */
static struct segment segment_real(const struct segment *old, u16 selector)
{
    struct segment s = *old;

    if (!(s.attributes & ATTR_P)) {
        s.limit = 0xffff;
        s.attributes = 0;
    }
    s.selector = selector;
    s.base = (u64)selector << 4;
    s.attributes = (s.attributes & (ATTR_G | ATTR_DB | ATTR_AVL)) | ATTR_P | ATTR_S | ATTR_WRITABLE | ATTR_ACCESSED;
    return s;
}

void segment_load_real(struct cpu *cpu, unsigned seg, u16 selector)
{
    cpu->seg[seg] = in_v86(cpu) ? segment_v86(selector) : segment_real(&cpu->seg[seg], selector);
}

/*
 * SDM "Loading Null Segment Selector": an SS may be null in 64-bit mode below CPL 3. On Intel a null load clears the
 * base.
 */
static struct segment segment_check_null(struct cpu *cpu, unsigned seg, u16 selector)
{
    if (seg == SEG_SS && !(in_code64(cpu) && cpu->cpl != 3 && (selector & 3) == cpu->cpl))
        raise_gp(cpu, 0);
    return (struct segment){.selector = selector};
}

static void check_stack_segment(struct cpu *cpu, const struct descriptor *d, u16 selector)
{
    u16 a = descriptor_attributes(d);

    if ((selector & 3) != cpu->cpl || (a & (ATTR_S | ATTR_CODE | ATTR_WRITABLE)) != (ATTR_S | ATTR_WRITABLE) ||
        ATTR_DPL_OF(a) != cpu->cpl)
        raise_gp(cpu, selector_error(selector));
    if (!(a & ATTR_P))
        raise_ss(cpu, selector_error(selector));
}

static void check_data_segment(struct cpu *cpu, const struct descriptor *d, u16 selector)
{
    u16 a = descriptor_attributes(d);
    unsigned rpl = selector & 3;

    if (!(a & ATTR_S) || (a & (ATTR_CODE | ATTR_WRITABLE)) == ATTR_CODE)
        raise_gp(cpu, selector_error(selector));
    if ((a & (ATTR_CODE | ATTR_EXPAND_DOWN)) != (ATTR_CODE | ATTR_EXPAND_DOWN) &&
        (rpl > ATTR_DPL_OF(a) || cpu->cpl > ATTR_DPL_OF(a)))
        raise_gp(cpu, selector_error(selector));
    if (!(a & ATTR_P))
        raise_np(cpu, selector_error(selector));
}

struct segment segment_check(struct cpu *cpu, unsigned seg, u16 selector)
{
    struct descriptor d;

    if (!in_protected(cpu))
        return segment_real(&cpu->seg[seg], selector);
    if (in_v86(cpu))
        return segment_v86(selector);
    if (selector_is_null(selector))
        return segment_check_null(cpu, seg, selector);
    if (!descriptor_read(cpu, selector, &d))
        raise_gp(cpu, selector_error(selector));
    if (seg == SEG_SS)
        check_stack_segment(cpu, &d, selector);
    else
        check_data_segment(cpu, &d, selector);
    descriptor_access(cpu, &d);
    return descriptor_segment(&d, selector);
}

void segment_commit(struct cpu *cpu, unsigned seg, const struct segment *s)
{
    cpu->seg[seg] = *s;
    cpu_refresh(cpu);
}

void segment_load(struct cpu *cpu, unsigned seg, u16 selector)
{
    struct segment s = segment_check(cpu, seg, selector);

    segment_commit(cpu, seg, &s);
}

/*
 * SDM IRET and RET, "RETURN-TO-OUTER-PRIVILEGE-LEVEL". Base and limit stay: in 64-bit mode a user's FS and GS have null
 * selectors and a base.
 */
static void validate_data(struct segment *s, unsigned cpl)
{
    bool conforming = (s->attributes & (ATTR_CODE | ATTR_EXPAND_DOWN)) == (ATTR_CODE | ATTR_EXPAND_DOWN);

    if (selector_is_null(s->selector) || (!conforming && ATTR_DPL_OF(s->attributes) < cpl)) {
        s->selector = 0;
        s->attributes = 0;
    }
}

void segment_validate_data(struct cpu *cpu)
{
    validate_data(&cpu->seg[SEG_ES], cpu->cpl);
    validate_data(&cpu->seg[SEG_DS], cpu->cpl);
    validate_data(&cpu->seg[SEG_FS], cpu->cpl);
    validate_data(&cpu->seg[SEG_GS], cpu->cpl);
}

/* The instructions */

void exec_MOV_from_Sreg(struct cpu *cpu, const struct op *op)
{
    unsigned seg = op->reg & 7;

    if (seg > SEG_GS)
        raise_ud(cpu);
    op_rm_write(cpu, op, cpu->seg[seg].selector, op_is_mem(op) ? 2 : op->osize);
}

void exec_MOV_to_Sreg(struct cpu *cpu, const struct op *op)
{
    unsigned seg = op->reg & 7;

    if (seg == SEG_CS || seg > SEG_GS)
        raise_ud(cpu);
    segment_load(cpu, seg, (u16)op_rm_read(cpu, op, 2));
    if (seg == SEG_SS)
        cpu->shadow = SHADOW_MOV_SS;
}

/* The segment register a PUSH or POP opcode names: bits 5:3, in 06..1F and in 0F A0..A9 alike. */
static unsigned opcode_segment(const struct op *op) { return op->opcode >> 3 & 7; }

/*
 * SDM PUSH: with a 32-bit operand size recent processors move only 16 bits, leaving the upper half of the slot alone.
 * With 64 bits the slot is written whole.
 */
void exec_PUSH_Sreg(struct cpu *cpu, const struct op *op)
{
    u64 sp = stack_next(cpu, op, -(int)op->osize);

    mem_write(cpu, SEG_SS, sp, cpu->seg[opcode_segment(op)].selector, op->osize == 8 ? 8 : 2);
    stack_set(cpu, op, sp);
}

/* Only the selector is read, whatever the slot's size. */
void exec_POP_Sreg(struct cpu *cpu, const struct op *op)
{
    unsigned seg = opcode_segment(op);
    u16 selector = (u16)mem_read(cpu, SEG_SS, cpu->RSP & stack_mask(op), 2);
    struct segment s = segment_check(cpu, seg, selector);

    stack_set(cpu, op, stack_next(cpu, op, op->osize));
    segment_commit(cpu, seg, &s);
    if (seg == SEG_SS)
        cpu->shadow = SHADOW_MOV_SS;
}

static void load_far_pointer(struct cpu *cpu, const struct op *op, unsigned seg)
{
    u64 offset;
    u16 selector = far_pointer(cpu, op, &offset);
    struct segment s = segment_check(cpu, seg, selector);

    reg_write(cpu, op->reg, offset, op->osize, true);
    segment_commit(cpu, seg, &s);
}

void exec_LES(struct cpu *cpu, const struct op *op) { load_far_pointer(cpu, op, SEG_ES); }
void exec_LDS(struct cpu *cpu, const struct op *op) { load_far_pointer(cpu, op, SEG_DS); }
void exec_LSS(struct cpu *cpu, const struct op *op) { load_far_pointer(cpu, op, SEG_SS); }
void exec_LFS(struct cpu *cpu, const struct op *op) { load_far_pointer(cpu, op, SEG_FS); }
void exec_LGS(struct cpu *cpu, const struct op *op) { load_far_pointer(cpu, op, SEG_GS); }

IRREGULAR(MOV_from_Sreg);
IRREGULAR(MOV_to_Sreg);
IRREGULAR(PUSH_Sreg);
IRREGULAR(POP_Sreg);
IRREGULAR(LES);
IRREGULAR(LDS);
IRREGULAR(LSS);
IRREGULAR(LFS);
IRREGULAR(LGS);
