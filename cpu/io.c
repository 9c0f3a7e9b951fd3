/* SPDX-License-Identifier: MIT */
/*
 * Port I/O and the instructions on the I/O-sensitive flags: SDM Vol. 1, "Input/Output"; PUSHF, POPF, CLI, STI, CLAC,
 * STAC.
 */
#include "cpu/fault.h"
#include "cpu/handlers.h"
#include "cpu/memory.h"
#include "cpu/run.h"
#include "cpu/system.h"

/*
 * SDM Vol. 1, "I/O Permission Bit Map": two bytes are read, both inside the TSS's limit. Only a 32- or 64-bit TSS
 * has one.
 */
static void check_bitmap(struct cpu *cpu, u16 port, unsigned width)
{
    const struct segment *tr = &cpu->seg[SEG_TR];
    u32 at, bits;

    if (!(tr->attributes & ATTR_P) || !(tr->attributes & 8) || tr->limit < 103)
        raise_gp(cpu, 0);
    at = (u32)sys_read(cpu, tr->base + 102, 2, IMPLICIT_TSS) + port / 8u;
    if (at + 1 > tr->limit)
        raise_gp(cpu, 0);
    bits = (u32)sys_read(cpu, tr->base + at, 2, IMPLICIT_BITMAP) >> (port & 7);
    if (bits & ((1u << width) - 1))
        raise_gp(cpu, 0);
}

void io_check(struct cpu *cpu, u16 port, unsigned width)
{
    if (in_protected(cpu) && (cpu->cpl > iopl(cpu) || in_v86(cpu)))
        check_bitmap(cpu, port, width);
}

/* Somebody looks at ports: I/O breakpoints, the observer, or both. */
static NOINLINE void look_at(struct cpu *cpu, u16 port, unsigned width, u64 value, bool write)
{
    debug_io_access(cpu, port, width);
    if (cpu->observer.port)
        cpu->observer.port(cpu->observer.ctx, cpu, port, width, value, write);
}

u64 io_read(struct cpu *cpu, u16 port, unsigned width)
{
    u64 value = bus_read(cpu->config.io, port, width);

    if (unlikely(cpu->ports_watched))
        look_at(cpu, port, width, value, false);
    return value;
}

void io_write(struct cpu *cpu, u16 port, u64 value, unsigned width)
{
    if (unlikely(cpu->ports_watched))
        look_at(cpu, port, width, value, true);
    bus_write(cpu->config.io, port, value, width);
}

/* Opcodes E4..E7 name the port, EC..EF take DX; odd ones move the operand size. */
static u16 io_port(const struct cpu *cpu, const struct op *op) { return op->opcode & 8 ? (u16)cpu->RDX : (u8)op->imm; }
static unsigned io_width(const struct op *op) { return !(op->opcode & 1) ? 1 : op->osize == 2 ? 2 : 4; }

void exec_IN(struct cpu *cpu, const struct op *op)
{
    u16 port = io_port(cpu, op);
    unsigned width = io_width(op);

    io_check(cpu, port, width);
    reg_write(cpu, REG_RAX, io_read(cpu, port, width), width, true);
}

void exec_OUT(struct cpu *cpu, const struct op *op)
{
    u16 port = io_port(cpu, op);
    unsigned width = io_width(op);

    io_check(cpu, port, width);
    io_write(cpu, port, cpu->RAX & size_mask(width), width);
}

/*
 * SDM Vol. 3B, "Interrupt and Exception Handling in Virtual-8086 Mode": with CR4.VME and IOPL below 3 the 16-bit forms
 * of PUSHF, POPF and IRET work on VIF in IF's place; everything else there is #GP(0).
 */
bool flags_virtualized(struct cpu *cpu, unsigned osize)
{
    if (!in_v86(cpu) || iopl(cpu) == 3)
        return false;
    if (osize != 2 || !(cpu->cr4 & CR4_VME))
        raise_gp(cpu, 0);
    return true;
}

u64 flags_virtual_image(const struct cpu *cpu)
{
    u64 flags = flags_get(cpu);

    return (flags & ~FLAG_IF) | FLAG_IOPL | (flags & FLAG_VIF ? FLAG_IF : 0);
}

/* A virtual interrupt waits, and the program would enable them; or it asks for single step: the monitor's business. */
u64 flags_from_virtual_image(struct cpu *cpu, u64 image)
{
    const u64 mask = FLAGS_ARITH | FLAG_DF | FLAG_NT;

    if (image & FLAG_TF || (image & FLAG_IF && cpu->rflags & FLAG_VIP))
        raise_gp(cpu, 0);
    return (flags_get(cpu) & ~(mask | FLAG_TF | FLAG_VIF | FLAG_RF)) | (image & mask) |
           (image & FLAG_IF ? FLAG_VIF : 0);
}

void exec_PUSHF(struct cpu *cpu, const struct op *op)
{
    u64 sp = stack_next(cpu, op, -(int)op->osize);
    u64 image = flags_virtualized(cpu, op->osize) ? flags_virtual_image(cpu) : flags_get(cpu);

    mem_write(cpu, SEG_SS, sp, image & ~(FLAG_VM | FLAG_RF), op->osize);
    stack_set(cpu, op, sp);
}

/* VM, VIF and VIP stay, RF is cleared. */
void exec_POPF(struct cpu *cpu, const struct op *op)
{
    u64 mask = FLAGS_ARITH | FLAG_TF | FLAG_DF | FLAG_NT, old = cpu->rflags, image, flags;
    bool virtualized = flags_virtualized(cpu, op->osize);

    image = mem_read(cpu, SEG_SS, cpu->RSP & stack_mask(op), op->osize);
    if (cpu->cpl <= iopl(cpu))
        mask |= FLAG_IF;
    if (cpu->cpl == 0)
        mask |= FLAG_IOPL;
    if (op->osize > 2)
        mask |= FLAG_AC | FLAG_ID;
    if (virtualized)
        flags = flags_from_virtual_image(cpu, image);
    else
        flags = (old & ~(mask | FLAG_RF)) | (image & mask);
    stack_set(cpu, op, stack_next(cpu, op, op->osize));
    flags_set(cpu, flags);
    if ((old ^ cpu->rflags) & (FLAG_TF | FLAG_AC))
        cpu_refresh(cpu);
}

/*
 * CLI and STI where CPL > IOPL: on VIF, in virtual-8086 mode with CR4.VME and at CPL 3 of protected mode with CR4.PVI
 * (SDM Vol. 3B, "Protected-Mode Virtual Interrupts").
 */
static bool on_virtual_if(struct cpu *cpu)
{
    if (cpu->cpl <= iopl(cpu))
        return false;
    if (cpu->cpl != 3 || !(cpu->cr4 & (in_v86(cpu) ? CR4_VME : CR4_PVI)))
        raise_gp(cpu, 0);
    return true;
}

void exec_CLI(struct cpu *cpu, const struct op *op)
{
    (void)op;
    cpu->rflags &= on_virtual_if(cpu) ? ~FLAG_VIF : ~FLAG_IF;
}

void exec_STI(struct cpu *cpu, const struct op *op)
{
    (void)op;
    if (on_virtual_if(cpu)) {
        if (cpu->rflags & FLAG_VIP)
            raise_gp(cpu, 0);
        cpu->rflags |= FLAG_VIF;
        return;
    }
    if (!(cpu->rflags & FLAG_IF))
        cpu->shadow = SHADOW_STI;
    cpu->rflags |= FLAG_IF;
}

/* #UD, not #GP, above CPL 0 (virtual-8086 mode included). */
static void set_ac(struct cpu *cpu, u64 ac)
{
    if (cpu->cpl != 0)
        raise_ud(cpu);
    cpu->rflags = (cpu->rflags & ~FLAG_AC) | ac;
    cpu_refresh(cpu);
}

void exec_CLAC(struct cpu *cpu, const struct op *op)
{
    (void)op;
    set_ac(cpu, 0);
}

void exec_STAC(struct cpu *cpu, const struct op *op)
{
    (void)op;
    set_ac(cpu, FLAG_AC);
}

TRANSFER(IN);
TRANSFER(OUT);
IRREGULAR(PUSHF);
IRREGULAR(POPF);
IRREGULAR(CLI);
IRREGULAR(STI);
IRREGULAR(CLAC);
IRREGULAR(STAC);
