/* SPDX-License-Identifier: MIT */
/* Debug registers: SDM Vol. 3B, "Debug Registers". */
#include "cpu/decode.h"
#include "cpu/fault.h"
#include "cpu/handlers.h"
#include "cpu/interrupt.h"
#include "cpu/run.h"
#include "cpu/system.h"

#define DR6_FIXED 0xffff0ff0ull
#define DR6_WRITABLE 0x0000e00full
#define DR6_BD BIT(13)
#define DR7_FIXED 0x400ull
#define DR7_WRITABLE 0xffff23ffull
#define DR7_GD BIT(13)

/* B3..B0 show this exception's breakpoints; the bits above accumulate until software clears them. */
void debug_record(struct cpu *cpu, u64 dr6_bits) { cpu->dr[6] = (cpu->dr[6] & ~0xfull) | DR6_FIXED | dr6_bits; }

/*
 * "Data Memory and I/O Breakpoint Exception Conditions". Without CR4.DE the condition 10B is undefined: here nothing
 * happens.
 */
bool debug_has_ports(const struct cpu *cpu) { return cpu->dr[7] & 0xff && cpu->cr4 & CR4_DE; }

void debug_io_access(struct cpu *cpu, u16 port, unsigned width)
{
    if (!debug_has_ports(cpu))
        return;
    for (unsigned n = 0; n < 4; n++) {
        unsigned condition = cpu->dr[7] >> (16 + 4 * n) & 3, length = cpu->dr[7] >> (18 + 4 * n) & 3;
        unsigned size = length == 2 ? 8 : length + 1;
        u64 at = cpu->dr[n] & ~(u64)(size - 1);
        if ((cpu->dr[7] >> (2 * n) & 3) && condition == 2 && port < at + size && at < port + width) {
            cpu->dr6_pending |= BIT(n);
            cpu->left_trace = true;
        }
    }
}

static bool is_group5_branch(const struct op *op)
{
    unsigned n = op->modrm >> 3 & 7;

    return op->opcode == 0xff && n >= 2 && n <= 5;
}

/* "Single-Stepping on Branches". The bytes are looked at without effect: if they cannot be read, the fetch will fault.
 */
struct debug_branch debug_branch_at(struct cpu *cpu)
{
    u64 la = cpu->mode & MODE_CODE64 ? cpu->rip : (u32)(cpu->seg[SEG_CS].base + cpu->rip);
    struct debug_branch b = {.may = false};
    u8 bytes[15];
    size_t have = cpu_peek(cpu, la, bytes, sizeof(bytes));
    struct op op;

    if (decode(cpu->isa, &cpu->features, cpu->mode, bytes, (unsigned)have, &op) != DECODE_OK)
        return b;
    switch (op.opcode) {
    case 0x9a: /* CALL, RET, JMP, IRET, near and far, INT n and its kin, SYSCALL, SYSRET, SYSENTER, SYSEXIT */
    case 0xe8:
    case 0xc2:
    case 0xc3:
    case 0xca:
    case 0xcb:
    case 0xe9:
    case 0xea:
    case 0xeb:
    case 0xcf:
    case 0xcc:
    case 0xcd:
    case 0x0f05:
    case 0x0f07:
    case 0x0f34:
    case 0x0f35: b.always = true; break;
    default: b.always = is_group5_branch(&op);
    }
    b.may = b.always || (op.opcode >= 0x70 && op.opcode <= 0x7f) || (op.opcode >= 0x0f80 && op.opcode <= 0x0f8f) ||
            (op.opcode >= 0xe0 && op.opcode <= 0xe3);
    b.fallthrough = (cpu->rip + op.len) & (cpu->mode & MODE_CODE64   ? ~0ull
                                           : cpu->mode & MODE_CODE32 ? 0xffffffff
                                                                     : 0xffff);
    return b;
}

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
