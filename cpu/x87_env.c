/* SPDX-License-Identifier: MIT */
/*
 * FSTENV, FLDENV, FSAVE, FRSTOR (SDM Vol. 1, "Saving the x87 FPU's Environment ..." and "Saving the x87 FPU's State
 * ...").
 */
#include <string.h>

#include "cpu/x87.h"

/* The image has 16- or 32-bit slots by operand size, and pointers as linear addresses or selector:offset by mode. */
static bool wide_slots(const struct op *op) { return op->osize != 2; }
static bool real_format(const struct cpu *cpu) { return !in_protected(cpu) || in_v86(cpu); }

/* The five slots after the tag word, before they are laid out: FIP, FCS with FOP, FDP, FDS. */
static void pointer_slots(const struct cpu *cpu, bool wide, u32 slot[4])
{
    const struct x87 *x = &cpu->x87;

    if (real_format(cpu)) {
        u32 fip = (u32)(x->fip + ((u32)x->fcs << 4)), fdp = (u32)(x->fdp + ((u32)x->fds << 4));
        slot[0] = (u16)fip;
        slot[1] = (fip >> 16) << 12 | (x->fop & 0x7ff);
        slot[2] = (u16)fdp;
        slot[3] = (fdp >> 16) << 12;
    } else {
        slot[0] = (u32)x->fip;
        slot[1] = x->fcs | (wide ? (u32)(x->fop & 0x7ff) << 16 : 0);
        slot[2] = (u32)x->fdp;
        slot[3] = x->fds;
    }
    if (wide) { /* bits that hold nothing read as ones */
        slot[0] |= real_format(cpu) ? 0xffff0000 : 0;
        slot[2] |= real_format(cpu) ? 0xffff0000 : 0;
        slot[3] |= real_format(cpu) ? 0 : 0xffff0000;
    }
}

static unsigned environment_store(const struct cpu *cpu, bool wide, u8 *image)
{
    const struct x87 *x = &cpu->x87;
    u32 slot[7] = {x->control | 0xffff0000u, x->status | 0xffff0000u, x87_tag_word(x) | 0xffff0000u};
    unsigned size = wide ? 4 : 2;

    pointer_slots(cpu, wide, slot + 3);
    for (unsigned i = 0; i < 7; i++)
        host_store(image + i * size, slot[i], size);
    return 7 * size;
}

static void environment_load(struct cpu *cpu, bool wide, const u8 *image)
{
    struct x87 *x = &cpu->x87;
    u32 slot[7];
    unsigned size = wide ? 4 : 2;

    for (unsigned i = 0; i < 7; i++)
        slot[i] = (u32)host_load(image + i * size, size);
    x->control = (slot[0] & FCW_WRITABLE) | FCW_ALWAYS;
    x->status = (u16)slot[1];
    x->tag = (u16)slot[2];
    if (real_format(cpu)) {
        u32 high = wide ? 0xffff000 : 0xf000;
        x->fip = (slot[3] & 0xffff) | (slot[4] & high) << 4;
        x->fop = slot[4] & 0x7ff;
        x->fdp = (slot[5] & 0xffff) | (slot[6] & high) << 4;
        x->fcs = x->fds = 0;
    } else {
        x->fip = slot[3];
        x->fcs = (u16)slot[4];
        x->fop = wide ? (slot[4] >> 16) & 0x7ff : 0;
        x->fdp = slot[5];
        x->fds = (u16)slot[6];
    }
    x87_update_summary(cpu);
}

void exec_FNSTENV(struct cpu *cpu, const struct op *op)
{
    u8 image[28];
    unsigned size = environment_store(cpu, wide_slots(op), image);

    mem_check_alignment(cpu, op->seg, op_ea(cpu, op), wide_slots(op) ? 4 : 2);
    mem_write_block(cpu, op->seg, op_ea(cpu, op), image, size);
    cpu->x87.control |= FSW_EXCEPTIONS;
    x87_update_summary(cpu);
}
IRREGULAR(FNSTENV);

void exec_FLDENV(struct cpu *cpu, const struct op *op)
{
    u8 image[28];

    x87_check_pending(cpu);
    mem_check_alignment(cpu, op->seg, op_ea(cpu, op), wide_slots(op) ? 4 : 2);
    mem_read_block(cpu, op->seg, op_ea(cpu, op), image, wide_slots(op) ? 28 : 14);
    environment_load(cpu, wide_slots(op), image);
}
IRREGULAR(FLDENV);

void exec_FNSAVE(struct cpu *cpu, const struct op *op)
{
    struct x87 *x = &cpu->x87;
    u8 image[28 + 80];
    unsigned size = environment_store(cpu, wide_slots(op), image);

    for (unsigned i = 0; i < 8; i++, size += 10)
        memcpy(image + size, x87_st(x, i), 10);
    mem_check_alignment(cpu, op->seg, op_ea(cpu, op), wide_slots(op) ? 4 : 2);
    mem_write_block(cpu, op->seg, op_ea(cpu, op), image, size);
    x87_finit(cpu);
}
IRREGULAR(FNSAVE);

void exec_FRSTOR(struct cpu *cpu, const struct op *op)
{
    struct x87 *x = &cpu->x87;
    u8 image[28 + 80];
    unsigned size = wide_slots(op) ? 28 : 14;

    x87_check_pending(cpu);
    mem_check_alignment(cpu, op->seg, op_ea(cpu, op), wide_slots(op) ? 4 : 2);
    mem_read_block(cpu, op->seg, op_ea(cpu, op), image, size + 80);
    environment_load(cpu, wide_slots(op), image);
    for (unsigned i = 0; i < 8; i++, size += 10)
        memcpy(x87_st(x, i), image + size, 10);
}
IRREGULAR(FRSTOR);
