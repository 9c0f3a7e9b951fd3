/* SPDX-License-Identifier: MIT */
/*
 * Fast system calls. Intel: SYSCALL and SYSRET in 64-bit mode only, SYSENTER and SYSEXIT in every protected mode. AMD:
 * SYSCALL and SYSRET in every mode, SYSENTER and SYSEXIT outside long mode only.
 */
#include "cpu/far.h"
#include "cpu/fault.h"
#include "cpu/handlers.h"
#include "cpu/mode.h"
#include "cpu/run.h"
#include "cpu/strict.h"
#include "cpu/system.h"

/* The fixed segments these instructions load: flat, whatever the descriptors say. */
static void load_flat_code(struct cpu *cpu, u16 selector, unsigned cpl, bool code64)
{
    cpu->seg[SEG_CS] = (struct segment){
        .selector = selector,
        .limit = 0xffffffff,
        .attributes = (u16)(ATTR_P | cpl << 5 | ATTR_S | ATTR_CODE | ATTR_WRITABLE | ATTR_ACCESSED | ATTR_G |
                            (code64 ? ATTR_L : ATTR_DB)),
    };
    cpu->cpl = (u8)cpl;
}

static void load_flat_stack(struct cpu *cpu, u16 selector, unsigned cpl)
{
    cpu->seg[SEG_SS] = (struct segment){
        .selector = selector,
        .limit = 0xffffffff,
        .attributes = (u16)(ATTR_P | cpl << 5 | ATTR_S | ATTR_WRITABLE | ATTR_ACCESSED | ATTR_G | ATTR_DB),
    };
}

/*
 * The single-step trap looks at TF after SYSCALL and SYSRET, not before: so FMASK can spare the kernel one, and a
 * traced program has its trap right behind SYSRET.
 */
static void step_by_new_flags(struct cpu *cpu)
{
    cpu->single_step = false;
    if (cpu->rflags & FLAG_TF)
        cpu->dr6_pending |= DR6_BS;
}

/* AMD, outside long mode: to the EIP in STAR. */
static void syscall_legacy(struct cpu *cpu, u16 selector)
{
    cpu->RCX = (u32)cpu->next_rip;
    cpu->next_rip = (u32)cpu->star;
    cpu->rflags &= ~(FLAG_VM | FLAG_IF | FLAG_RF);
    load_flat_code(cpu, selector, 0, false);
}

void exec_SYSCALL(struct cpu *cpu, const struct op *op)
{
    u64 flags = flags_get(cpu) & ~FLAG_RF;
    u16 selector = (cpu->star >> 32) & 0xfffc;
    bool code64 = in_code64(cpu);

    (void)op;
    if (!(cpu->efer & EFER_SCE) || (!code64 && !cpu->features.amd))
        raise_ud(cpu);
    if (in_long(cpu)) {
        cpu->RCX = cpu->next_rip;
        cpu->gpr[11] = flags;
        cpu->next_rip = code64 ? cpu->lstar : cpu->cstar;
        flags_set(cpu, flags & ~cpu->fmask);
        load_flat_code(cpu, selector, 0, true);
    } else {
        syscall_legacy(cpu, selector);
    }
    load_flat_stack(cpu, (u16)(selector + 8), 0);
    step_by_new_flags(cpu);
    if (code64)
        cpu_refresh_privilege(cpu);
    else
        cpu_refresh(cpu);
}

/* AMD's SYSRET changes the selector of SS and nothing of its hidden part, which only CPL 3 is put into. */
static void sysret_stack(struct cpu *cpu, u16 selector)
{
    if (cpu->features.amd) {
        cpu->seg[SEG_SS].selector = selector;
        cpu->seg[SEG_SS].attributes |= ATTR_DPL;
    } else {
        load_flat_stack(cpu, selector, 3);
    }
}

/* A non-canonical RCX faults here, at CPL 0, on Intel processors; on AMD's at its target, at CPL 3. */
void exec_SYSRET(struct cpu *cpu, const struct op *op)
{
    const u64 kept =
        FLAGS_ARITH | FLAG_TF | FLAG_IF | FLAG_DF | FLAG_IOPL | FLAG_NT | FLAG_AC | FLAG_ID | FLAG_VIF | FLAG_VIP;
    bool to64 = op->osize == 8, amd = cpu->features.amd;
    u16 base = (u16)(cpu->star >> 48);

    if (!(cpu->efer & EFER_SCE) || (!in_code64(cpu) && !amd))
        raise_ud(cpu);
    if (!in_protected(cpu) || cpu->cpl != 0)
        raise_gp(cpu, 0);
    if (to64 && !amd && !is_canonical(&cpu->paging, cpu->RCX))
        raise_target(cpu, &cpu->seg[SEG_CS], cpu->RCX, true);
    cpu->next_rip = to64 ? cpu->RCX : (u32)cpu->RCX;
    if (in_long(cpu))
        flags_set(cpu, cpu->gpr[11] & kept);
    else
        cpu->rflags |= FLAG_IF;
    load_flat_code(cpu, (u16)((to64 ? base + 16 : base) | 3), 3, to64);
    sysret_stack(cpu, (u16)((base + 8) | 3));
    step_by_new_flags(cpu);
    if (to64 && cpu->mode & MODE_CODE64)
        cpu_refresh_privilege(cpu);
    else
        cpu_refresh(cpu);
    note_resumed(cpu);
}

/* CS and SS were flat before, and are flat again: only the privilege is another. */
static void refresh_flat(struct cpu *cpu, bool was_flat)
{
    if (was_flat)
        cpu_refresh_privilege(cpu);
    else
        cpu_refresh(cpu);
}

void exec_SYSENTER(struct cpu *cpu, const struct op *op)
{
    bool to64 = in_long(cpu), was_flat = to64 ? cpu->mode & MODE_CODE64 : context_is_flat(cpu);
    u16 selector = cpu->sysenter_cs & 0xfffc;

    (void)op;
    if (in_long(cpu) && cpu->features.amd)
        raise_ud(cpu);
    if (!in_protected(cpu) || selector == 0)
        raise_gp(cpu, 0);
    cpu->rflags &= ~(FLAG_VM | FLAG_IF | FLAG_RF);
    cpu->RSP = to64 ? cpu->sysenter_esp : (u32)cpu->sysenter_esp;
    cpu->next_rip = to64 ? cpu->sysenter_eip : (u32)cpu->sysenter_eip;
    load_flat_code(cpu, selector, 0, to64);
    load_flat_stack(cpu, (u16)(selector + 8), 0);
    refresh_flat(cpu, was_flat);
}

void exec_SYSEXIT(struct cpu *cpu, const struct op *op)
{
    bool to64 = op->osize == 8, was_flat = !in_long(cpu) ? context_is_flat(cpu) : to64 && cpu->mode & MODE_CODE64;
    u16 base = cpu->sysenter_cs & 0xfffc;

    if (in_long(cpu) && cpu->features.amd)
        raise_ud(cpu);
    if (!in_protected(cpu) || base == 0 || cpu->cpl != 0)
        raise_gp(cpu, 0);
    if (to64 && !is_canonical(&cpu->paging, cpu->RDX))
        raise_target(cpu, &cpu->seg[SEG_CS], cpu->RDX, true);
    if (to64 && !is_canonical(&cpu->paging, cpu->RCX))
        raise_gp(cpu, 0);
    cpu->RSP = to64 ? cpu->RCX : (u32)cpu->RCX;
    cpu->next_rip = to64 ? cpu->RDX : (u32)cpu->RDX;
    load_flat_code(cpu, (u16)((base + (to64 ? 32 : 16)) | 3), 3, to64);
    load_flat_stack(cpu, (u16)((base + (to64 ? 40 : 24)) | 3), 3);
    refresh_flat(cpu, was_flat);
    note_resumed(cpu);
}

TRANSFER(SYSCALL);
TRANSFER_RESUME(SYSRET);
IRREGULAR(SYSENTER);
IRREGULAR_RESUME(SYSEXIT);
