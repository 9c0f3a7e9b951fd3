/* SPDX-License-Identifier: MIT */
/*
 * Processor control: halting and waiting, caches and translations, protection keys, extended control registers, FS
 * and GS bases.
 */
#include "cpu/control.h"
#include "cpu/fault.h"
#include "cpu/handlers.h"
#include "cpu/memory.h"
#include "cpu/msr.h"
#include "cpu/system.h"

void exec_HLT(struct cpu *cpu, const struct op *op)
{
    (void)op;
    cpu->halted = HALTED_HLT;
}

/* #UD, not #GP, above CPL 0. The address is checked as a one-byte load is. */
void exec_MONITOR(struct cpu *cpu, const struct op *op)
{
    u64 offset = cpu->RAX & size_mask(op->asize), la;

    if (cpu->cpl != 0 || !(cpu->misc_enable & MISC_ENABLE_MONITOR))
        raise_ud(cpu);
    if ((u32)cpu->RCX != 0)
        raise_gp(cpu, 0);
    la = seg_linear(cpu, op->seg, offset, 1, ACCESS_READ);
    lin_probe(cpu, la, 1, access_explicit(cpu, ACCESS_READ));
    cpu->monitor_address = la;
    cpu->monitor_armed = true;
}

/*
 * A wait for an interrupt, as HLT; waking early is always allowed. ECX bit 0, interrupts as break events even if
 * masked: with IF = 0 it returns at once, for HLT's wait would not end.
 */
void exec_MWAIT(struct cpu *cpu, const struct op *op)
{
    (void)op;
    if (cpu->cpl != 0 || !(cpu->misc_enable & MISC_ENABLE_MONITOR))
        raise_ud(cpu);
    if ((u32)cpu->RCX > 1)
        raise_gp(cpu, 0);
    if (cpu->monitor_armed && (cpu->rflags & FLAG_IF || !(cpu->RCX & 1)))
        cpu->halted = HALTED_HLT;
    cpu->monitor_armed = false;
}

/* There are no caches to write back: memory is always current. */
void exec_INVD(struct cpu *cpu, const struct op *op)
{
    (void)cpu;
    (void)op;
}

void exec_WBINVD(struct cpu *cpu, const struct op *op)
{
    (void)cpu;
    (void)op;
}

/* CLFLUSH, CLFLUSHOPT, CLWB: checked as a byte load, touching no device. */
void exec_CLFLUSH(struct cpu *cpu, const struct op *op)
{
    u64 la = seg_linear(cpu, op->seg, op_ea(cpu, op), 1, ACCESS_READ);

    lin_probe(cpu, la, 1, access_explicit(cpu, ACCESS_READ));
}

/* No segment checks; a non-canonical address is no error. */
void exec_INVLPG(struct cpu *cpu, const struct op *op)
{
    u64 la = (cpu->seg_base[op->seg] + op_ea(cpu, op)) & cpu->addr_mask;

    if (is_canonical(&cpu->paging, la))
        tlb_invalidate_page(cpu, la);
}

/*
 * SDM INVPCID. The TLB flushes more than asked where the PCID named is not the current one, and for type 3, as the
 * manual allows.
 */
void exec_INVPCID(struct cpu *cpu, const struct op *op)
{
    u64 type = reg_read(cpu, op->reg, op->flags & OP_CODE64 ? 8 : 4, true);
    u64 descriptor[2];
    u16 pcid;

    if (type > 3)
        raise_gp(cpu, 0);
    mem_read_block(cpu, op->seg, op_ea(cpu, op), descriptor, 16);
    pcid = descriptor[0] & 0xfff;
    if (type < 2 && (descriptor[0] >> 12 || (pcid && !(cpu->cr4 & CR4_PCIDE))))
        raise_gp(cpu, 0);
    if (type == 0 && in_code64(cpu) && !is_canonical_base(cpu, descriptor[1]))
        raise_gp(cpu, 0);
    if (type == 2)
        tlb_flush_all(cpu);
    else if (type == 3)
        tlb_flush_contexts(cpu);
    else if (type == 1)
        tlb_flush_pcid(cpu, pcid);
    else
        tlb_invalidate_address(cpu, pcid, descriptor[1]);
    cpu_refresh(cpu);
}

void exec_XGETBV(struct cpu *cpu, const struct op *op)
{
    (void)op;
    if (!(cpu->cr4 & CR4_OSXSAVE))
        raise_ud(cpu);
    u32 which = (u32)cpu->RCX;
    if (which > 1 || (which == 1 && !has_feature(&cpu->features, FEAT_XGETBV1)))
        raise_gp(cpu, 0);
    u64 value = which ? cpu->xcr0 & xsave_in_use(cpu) : cpu->xcr0;
    cpu->RAX = (u32)value;
    cpu->RDX = value >> 32;
}

void exec_XSETBV(struct cpu *cpu, const struct op *op)
{
    (void)op;
    if (!(cpu->cr4 & CR4_OSXSAVE))
        raise_ud(cpu);
    if (cpu->cpl != 0 || (u32)cpu->RCX != 0)
        raise_gp(cpu, 0);
    control_write_xcr0(cpu, (u32)cpu->RAX | cpu->RDX << 32);
}

void exec_RDPKRU(struct cpu *cpu, const struct op *op)
{
    (void)op;
    if (!(cpu->cr4 & CR4_PKE))
        raise_ud(cpu);
    if ((u32)cpu->RCX != 0)
        raise_gp(cpu, 0);
    cpu->RAX = cpu->pkru;
    cpu->RDX = 0;
}

void exec_WRPKRU(struct cpu *cpu, const struct op *op)
{
    (void)op;
    if (!(cpu->cr4 & CR4_PKE))
        raise_ud(cpu);
    if ((u32)cpu->RCX != 0 || (u32)cpu->RDX != 0)
        raise_gp(cpu, 0);
    if (cpu->pkru == (u32)cpu->RAX)
        return;
    cpu->pkru = (u32)cpu->RAX;
    paging_refresh(cpu);
    if (cpu->paging.pke)
        tlb_flush_rights(cpu);
    cpu_refresh(cpu);
}

static void check_tsd(struct cpu *cpu)
{
    if (cpu->cr4 & CR4_TSD && cpu->cpl != 0)
        raise_gp(cpu, 0);
}

void exec_RDTSC(struct cpu *cpu, const struct op *op)
{
    u64 now;

    (void)op;
    check_tsd(cpu);
    now = tsc_read(cpu);
    cpu->RAX = (u32)now;
    cpu->RDX = now >> 32;
}

void exec_RDTSCP(struct cpu *cpu, const struct op *op)
{
    exec_RDTSC(cpu, op);
    cpu->RCX = (u32)cpu->tsc_aux;
}

void exec_RDPID(struct cpu *cpu, const struct op *op)
{
    reg_write(cpu, op->rm, (u32)cpu->tsc_aux, op->flags & OP_CODE64 ? 8 : 4, true);
}

/* There are no performance counters: every index is beyond the last. */
void exec_RDPMC(struct cpu *cpu, const struct op *op)
{
    (void)op;
    raise_gp(cpu, 0);
}

/* A new base for FS or GS. It takes part in addresses only, so the mirror is all that must follow. */
static void set_base(struct cpu *cpu, unsigned seg, u64 base)
{
    cpu->seg[seg].base = base;
    cpu->seg_base[seg] = base;
}

void exec_SWAPGS(struct cpu *cpu, const struct op *op)
{
    u64 base = cpu->seg[SEG_GS].base;

    (void)op;
    set_base(cpu, SEG_GS, cpu->kernel_gs_base);
    cpu->kernel_gs_base = base;
}

static void read_base(struct cpu *cpu, const struct op *op, unsigned seg)
{
    if (!(cpu->cr4 & CR4_FSGSBASE))
        raise_ud(cpu);
    reg_write(cpu, op->rm, cpu->seg[seg].base, op->osize == 8 ? 8 : 4, true);
}

static void write_base(struct cpu *cpu, const struct op *op, unsigned seg)
{
    u64 base = reg_read(cpu, op->rm, op->osize == 8 ? 8 : 4, true);

    if (!(cpu->cr4 & CR4_FSGSBASE))
        raise_ud(cpu);
    if (!is_canonical_base(cpu, base))
        raise_gp(cpu, 0);
    set_base(cpu, seg, base);
}

void exec_RDFSBASE(struct cpu *cpu, const struct op *op) { read_base(cpu, op, SEG_FS); }
void exec_RDGSBASE(struct cpu *cpu, const struct op *op) { read_base(cpu, op, SEG_GS); }
void exec_WRFSBASE(struct cpu *cpu, const struct op *op) { write_base(cpu, op, SEG_FS); }
void exec_WRGSBASE(struct cpu *cpu, const struct op *op) { write_base(cpu, op, SEG_GS); }

IRREGULAR(HLT);
IRREGULAR(MONITOR);
IRREGULAR(MWAIT);
IRREGULAR(INVD);
IRREGULAR(WBINVD);
IRREGULAR(CLFLUSH);
IRREGULAR(INVLPG);
IRREGULAR(INVPCID);
IRREGULAR(XGETBV);
IRREGULAR(XSETBV);
IRREGULAR(RDPKRU);
IRREGULAR(WRPKRU);
IRREGULAR(RDTSC);
IRREGULAR(RDTSCP);
IRREGULAR(RDPID);
IRREGULAR(RDPMC);
IRREGULAR(SWAPGS);
IRREGULAR(RDFSBASE);
IRREGULAR(RDGSBASE);
IRREGULAR(WRFSBASE);
IRREGULAR(WRGSBASE);
