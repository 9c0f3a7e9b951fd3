/* SPDX-License-Identifier: MIT */
/* Descriptor tables and their inspection: LGDT .. STR, LAR, LSL, VERR, VERW, ARPL. */
#include "cpu/fault.h"
#include "cpu/handlers.h"
#include "cpu/memory.h"
#include "cpu/system.h"

void flag_set_zero(struct cpu *cpu, bool zero)
{
    u64 flags = flags_get(cpu);

    flags_set(cpu, zero ? flags | FLAG_ZF : flags & ~FLAG_ZF);
}

/* SDM "CR4.UMIP": SGDT, SIDT, SLDT, SMSW and STR only at CPL 0. */
static void check_umip(struct cpu *cpu)
{
    if (cpu->cr4 & CR4_UMIP && cpu->cpl != 0)
        raise_gp(cpu, 0);
}

/* All 32 bits of the base are stored whatever the operand size, as processors since the 80386 do; 64 in 64-bit mode. */
static void store_table(struct cpu *cpu, const struct op *op, const struct table_register *t)
{
    u8 image[10];
    unsigned size = op->flags & OP_CODE64 ? 10 : 6;

    check_umip(cpu);
    image[0] = (u8)t->limit;
    image[1] = (u8)(t->limit >> 8);
    for (unsigned i = 0; i < 8; i++)
        image[2 + i] = (u8)(t->base >> 8 * i);
    mem_check_alignment(cpu, op->seg, op_ea(cpu, op), 4);
    mem_write_block(cpu, op->seg, op_ea(cpu, op), image, size);
}

void exec_SGDT(struct cpu *cpu, const struct op *op) { store_table(cpu, op, &cpu->gdt); }
void exec_SIDT(struct cpu *cpu, const struct op *op) { store_table(cpu, op, &cpu->idt); }

static void load_table(struct cpu *cpu, const struct op *op, struct table_register *t)
{
    u8 image[10] = {0};
    u64 base = 0;
    bool code64 = op->flags & OP_CODE64;

    mem_read_block(cpu, op->seg, op_ea(cpu, op), image, code64 ? 10 : 6);
    for (unsigned i = 0; i < 8; i++)
        base |= (u64)image[2 + i] << 8 * i;
    if (code64 && !is_canonical_base(cpu, base))
        raise_gp(cpu, 0);
    if (!code64 && op->osize == 2)
        base &= 0xffffff;
    t->limit = (u16)(image[0] | image[1] << 8);
    t->base = base;
}

void exec_LGDT(struct cpu *cpu, const struct op *op) { load_table(cpu, op, &cpu->gdt); }
void exec_LIDT(struct cpu *cpu, const struct op *op) { load_table(cpu, op, &cpu->idt); }

void exec_SLDT(struct cpu *cpu, const struct op *op)
{
    check_umip(cpu);
    op_rm_write(cpu, op, cpu->seg[SEG_LDTR].selector, op_is_mem(op) ? 2 : op->osize);
}

void exec_STR(struct cpu *cpu, const struct op *op)
{
    check_umip(cpu);
    op_rm_write(cpu, op, cpu->seg[SEG_TR].selector, op_is_mem(op) ? 2 : op->osize);
}

/* The descriptor of an LDT or TSS in the GDT, of one of two types; 16 bytes in long mode. */
static void read_system(struct cpu *cpu, u16 selector, unsigned type, unsigned type16, struct descriptor *d)
{
    u32 error = selector_error(selector);

    if (selector & 4 || !descriptor_read(cpu, selector, d))
        raise_gp(cpu, error);
    if (!descriptor_is_system(d) || (descriptor_type(d) != type && (in_long(cpu) || descriptor_type(d) != type16)))
        raise_gp(cpu, error);
    if (in_long(cpu) && !descriptor_read_high(cpu, selector, d))
        raise_gp(cpu, error);
    if (!descriptor_present(d))
        raise_np(cpu, error);
    if (in_long(cpu) && !is_canonical_base(cpu, descriptor_segment(d, selector).base))
        raise_gp(cpu, error);
}

void exec_LLDT(struct cpu *cpu, const struct op *op)
{
    u16 selector = (u16)op_rm_read(cpu, op, 2);
    struct descriptor d;

    if (selector_is_null(selector)) {
        cpu->seg[SEG_LDTR] = (struct segment){.selector = selector};
        return;
    }
    read_system(cpu, selector, SYS_LDT, SYS_LDT, &d);
    cpu->seg[SEG_LDTR] = descriptor_segment(&d, selector);
}

void exec_LTR(struct cpu *cpu, const struct op *op)
{
    u16 selector = (u16)op_rm_read(cpu, op, 2);
    struct descriptor d;

    if (selector_is_null(selector))
        raise_gp(cpu, 0);
    read_system(cpu, selector, SYS_TSS, SYS_TSS16, &d);
    d.low |= (u64)SYS_BUSY << 40;
    sys_write(cpu, d.at + 5, d.low >> 40 & 0xff, 1, IMPLICIT_DESCRIPTOR);
    cpu->seg[SEG_TR] = descriptor_segment(&d, selector);
}

/* For LAR and LSL: the descriptor, if this privilege level may see it. Types given as bit masks of system types. */
static bool visible(struct cpu *cpu, u16 selector, u32 legacy_types, u32 long_types, struct descriptor *d)
{
    u16 a;

    if (selector_is_null(selector) || !descriptor_read(cpu, selector, d))
        return false;
    a = descriptor_attributes(d);
    if (descriptor_is_system(d)) {
        if (!((in_long(cpu) ? long_types : legacy_types) >> (a & ATTR_TYPE) & 1))
            return false;
        if (in_long(cpu) && !descriptor_read_high(cpu, selector, d))
            return false;
    } else if ((a & (ATTR_CODE | ATTR_EXPAND_DOWN)) == (ATTR_CODE | ATTR_EXPAND_DOWN)) {
        return true; /* conforming code is visible to all */
    }
    return ATTR_DPL_OF(a) >= cpu->cpl && ATTR_DPL_OF(a) >= (selector & 3);
}

#define TYPES_TSS_LDT (1u << SYS_LDT | 1u << SYS_TSS | 1u << SYS_TSS_BUSY)
#define TYPES_LEGACY (TYPES_TSS_LDT | 1u << SYS_TSS16 | 1u << SYS_TSS16_BUSY)

/* Bits 19:16 of the result are "undefined": processors return those of the limit. */
void exec_LAR(struct cpu *cpu, const struct op *op)
{
    u16 selector = (u16)op_rm_read(cpu, op, 2);
    struct descriptor d;
    bool valid = visible(cpu, selector, TYPES_LEGACY | 1u << SYS_CALL16 | 1u << SYS_TASK | 1u << SYS_CALL,
                         TYPES_TSS_LDT | 1u << SYS_CALL, &d);

    if (valid)
        reg_write(cpu, op->reg, d.low >> 32 & 0x00ffff00, op->osize, true);
    flag_set_zero(cpu, valid);
}

void exec_LSL(struct cpu *cpu, const struct op *op)
{
    u16 selector = (u16)op_rm_read(cpu, op, 2);
    struct descriptor d;
    bool valid = visible(cpu, selector, TYPES_LEGACY, TYPES_TSS_LDT, &d);

    if (valid)
        reg_write(cpu, op->reg, descriptor_segment(&d, selector).limit, op->osize, true);
    flag_set_zero(cpu, valid);
}

static bool verify(struct cpu *cpu, u16 selector, bool write)
{
    struct descriptor d;
    u16 a;

    if (selector_is_null(selector) || !descriptor_read(cpu, selector, &d) || descriptor_is_system(&d))
        return false;
    a = descriptor_attributes(&d);
    if (a & ATTR_CODE) {
        if (write || !(a & ATTR_WRITABLE)) /* of code: readable */
            return false;
        if (a & ATTR_EXPAND_DOWN) /* of code: conforming */
            return true;
    } else if (write && !(a & ATTR_WRITABLE)) {
        return false;
    }
    return ATTR_DPL_OF(a) >= cpu->cpl && ATTR_DPL_OF(a) >= (selector & 3);
}

void exec_VERR(struct cpu *cpu, const struct op *op)
{
    flag_set_zero(cpu, verify(cpu, (u16)op_rm_read(cpu, op, 2), false));
}

void exec_VERW(struct cpu *cpu, const struct op *op)
{
    flag_set_zero(cpu, verify(cpu, (u16)op_rm_read(cpu, op, 2), true));
}

void exec_ARPL(struct cpu *cpu, const struct op *op)
{
    u16 to = (u16)op_rm_read(cpu, op, 2), from = (u16)reg_read(cpu, op->reg, 2, true);
    bool raised = (to & 3) < (from & 3);

    if (raised)
        op_rm_write(cpu, op, (to & ~3u) | (from & 3u), 2);
    flag_set_zero(cpu, raised);
}

IRREGULAR(SGDT);
IRREGULAR(SIDT);
IRREGULAR(LGDT);
IRREGULAR(LIDT);
IRREGULAR(SLDT);
IRREGULAR(STR);
IRREGULAR(LLDT);
IRREGULAR(LTR);
IRREGULAR(LAR);
IRREGULAR(LSL);
IRREGULAR(VERR);
IRREGULAR(VERW);
IRREGULAR(ARPL);
