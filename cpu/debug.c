/* SPDX-License-Identifier: MIT */
/* Debug registers: SDM Vol. 3B, "Debug Registers". */
#include "cpu/fault.h"
#include "cpu/handlers.h"
#include "cpu/interrupt.h"
#include "cpu/system.h"

#define DR6_FIXED 0xffff0ff0ull
#define DR6_WRITABLE 0x0000e00full
#define DR6_BD BIT(13)
#define DR7_FIXED 0x400ull
#define DR7_WRITABLE 0xffff23ffull
#define DR7_GD BIT(13)

/* B3..B0 show this exception's breakpoints; the bits above accumulate until software clears them. */
void debug_record(struct cpu *cpu, u64 dr6_bits) { cpu->dr[6] = (cpu->dr[6] & ~0xfull) | DR6_FIXED | dr6_bits; }

/* #UD, then privilege, then general detect. The register's number, DR4 and DR5 resolved. */
static unsigned debug_register(struct cpu *cpu, const struct op *op)
{
    unsigned n = op->reg;

    if (n > 7 || (cpu->cr4 & CR4_DE && (n == 4 || n == 5)))
        raise_ud(cpu);
    if (cpu->cpl != 0)
        raise_gp(cpu, 0);
    if (cpu->dr[7] & DR7_GD)
        raise_db_fault(cpu, DR6_BD);
    return n == 4 || n == 5 ? n + 2 : n;
}

void exec_MOV_from_DR(struct cpu *cpu, const struct op *op)
{
    unsigned n = debug_register(cpu, op);
    u64 value = cpu->dr[n];

    if (n == 6)
        value = (value & DR6_WRITABLE) | DR6_FIXED;
    else if (n == 7)
        value |= DR7_FIXED;
    reg_write(cpu, op->rm, value, op->flags & OP_CODE64 ? 8 : 4, true);
}

void exec_MOV_to_DR(struct cpu *cpu, const struct op *op)
{
    unsigned n = debug_register(cpu, op);
    u64 value = reg_read(cpu, op->rm, op->flags & OP_CODE64 ? 8 : 4, true);

    if (n >= 6 && value >> 32)
        raise_gp(cpu, 0);
    if (n == 6)
        value = (value & DR6_WRITABLE) | DR6_FIXED;
    else if (n == 7)
        value = (value & DR7_WRITABLE) | DR7_FIXED;
    cpu->dr[n] = value;
    cpu_refresh(cpu);
}

IRREGULAR(MOV_from_DR);
IRREGULAR(MOV_to_DR);
