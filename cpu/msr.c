/* SPDX-License-Identifier: MIT */
/*
 * RDMSR, WRMSR and the time-stamp counter. SDM Vol. 4; Vol. 3B, "Time-Stamp Counter"; Vol. 3A, "Memory Type Range
 * Registers".
 */
#include "cpu/msr.h"

#include "cpu/control.h"
#include "cpu/fault.h"
#include "cpu/handlers.h"
#include "cpu/system.h"

enum msr_kind {
    KIND_PLAIN,
    KIND_CANONICAL,
    KIND_CONSTANT,
    KIND_SIGNATURE,
    KIND_COMMAND,
    KIND_ALL_OR_NONE,
    KIND_ZERO,
    KIND_TYPES,
    KIND_HOOK
};

enum msr_id {
#define MSR(address, name, feature, kind, field, writable, reset) MSR_##name,
#include "cpu/msr.def"
#undef MSR
    MSR_COUNT,
};

struct msr {
    u32 field; /* its offset in struct cpu */
    u8 feature, kind;
    u64 writable, reset;
};

static const struct msr msrs[MSR_COUNT] = {
#define MSR(address, name, feature, kind, field, writable, reset) \
    {offsetof(struct cpu, field), FEAT_##feature, KIND_##kind, writable, reset},
#include "cpu/msr.def"
#undef MSR
};

/* Fast strings, TCC, EIST, MONITOR, limit CPUID, xTPR disable, XD disable; the rest is fixed and ignores writes. */
#define MISC_ENABLE_WRITABLE (BIT(0) | BIT(3) | BIT(16) | MISC_ENABLE_MONITOR | BIT(22) | BIT(23) | MISC_ENABLE_NO_XD)
#define MISC_ENABLE_KNOWN \
    (BIT(0) | BIT(3) | BIT(7) | BIT(11) | BIT(12) | BIT(16) | BIT(18) | BIT(22) | BIT(23) | BIT(34) | BIT(38))

static bool vendor_has(const struct features *f, int id, u32 address)
{
    if (f->amd)
        return id != MSR_PLATFORM_ID && id != MSR_MISC_ENABLE;
    return address >> 16 != 0xc001;
}

static int msr_find(const struct cpu *cpu, u32 address)
{
    int id;

    switch (address) {
#define MSR(number, name, feature, kind, field, writable, reset) \
    case number:                                                 \
        id = MSR_##name;                                         \
        break;
#include "cpu/msr.def"
#undef MSR
    default: return -1;
    }
    return has_feature(&cpu->features, msrs[id].feature) && vendor_has(&cpu->features, id, address) ? id : -1;
}

/* SDM "x2APIC Register Address Space". */
static bool is_x2apic(u32 address) { return address - 0x800 < 0x100; }

static bool apic_read(const struct cpu *cpu, u32 address, u64 *value)
{
    return has_feature(&cpu->features, is_x2apic(address) ? FEAT_X2APIC : FEAT_APIC) &&
           cpu->config.apic_ops->msr_read(cpu->config.apic, address, value);
}

static bool apic_write(struct cpu *cpu, u32 address, u64 value)
{
    return has_feature(&cpu->features, is_x2apic(address) ? FEAT_X2APIC : FEAT_APIC) &&
           cpu->config.apic_ops->msr_write(cpu->config.apic, address, value);
}

/* IA32_APIC_BASE: bits 7:0 and 9 are reserved, bit 10 where there is no x2APIC, and what no address has. */
static bool write_apic_base(struct cpu *cpu, u64 value)
{
    u64 defined = BITS(cpu->features.phys_bits - 1, 12) | BIT(11) | BIT(8);

    if (has_feature(&cpu->features, FEAT_X2APIC))
        defined |= BIT(10);
    return !(value & ~defined) && apic_write(cpu, 0x1b, value);
}

static u64 *msr_field(struct cpu *cpu, int id) { return (u64 *)((u8 *)cpu + msrs[id].field); }

u64 tsc_read(const struct cpu *cpu)
{
    u64 ahead = cpu->config.time ? cpu->config.time(cpu->config.ctx) : 0;

    return cpu_icount(cpu) + ahead + cpu->tsc_offset;
}

u64 cpu_tsc(const struct cpu *cpu) { return tsc_read(cpu); }

static void tell_tsc_moved(struct cpu *cpu)
{
    if (has_feature(&cpu->features, FEAT_APIC))
        cpu->config.apic_ops->tsc_moved(cpu->config.apic);
}

/* SDM "IA32_TSC_ADJUST": a write to the counter adds the same amount to it. */
void tsc_write(struct cpu *cpu, u64 value)
{
    u64 change = value - tsc_read(cpu);

    cpu->tsc_offset += change;
    cpu->tsc_adjust += change;
    tell_tsc_moved(cpu);
}

bool msr_read(const struct cpu *cpu, u32 address, u64 *value)
{
    int id = msr_find(cpu, address);

    if (is_x2apic(address))
        return apic_read(cpu, address, value);
    if (id < 0)
        return false;
    switch (id) {
    case MSR_APIC_BASE:
    case MSR_TSC_DEADLINE: return apic_read(cpu, address, value);
    case MSR_TIME_STAMP_COUNTER: *value = tsc_read(cpu); return true;
    case MSR_EFER:
        *value = cpu->efer;
        return has_feature(&cpu->features, FEAT_LM) || has_feature(&cpu->features, FEAT_NX);
    case MSR_FS_BASE: *value = cpu->seg[SEG_FS].base; return true;
    case MSR_GS_BASE: *value = cpu->seg[SEG_GS].base; return true;
    }
    if (msrs[id].kind == KIND_COMMAND)
        return false;
    if (msrs[id].kind == KIND_CONSTANT || msrs[id].kind == KIND_SIGNATURE)
        *value = msrs[id].reset;
    else
        *value = *(const u64 *)((const u8 *)cpu + msrs[id].field);
    return true;
}

/* UC, WC, WT, WP, WB; and in the PAT UC-. */
static bool is_memory_type(unsigned type, bool pat)
{
    return type == 0 || type == 1 || (type >= 4 && type <= 6) || (pat && type == 7);
}

static bool are_memory_types(u64 value, bool pat)
{
    for (unsigned i = 0; i < 64; i += 8)
        if (!is_memory_type(value >> i & 0xff, pat))
            return false;
    return true;
}

/* A variable range's base (even) or mask (odd). */
static bool write_mtrr_phys(struct cpu *cpu, int id, u64 value)
{
    bool mask = (id - MSR_MTRR_PHYSBASE0) & 1;
    u64 address = BITS(cpu->features.phys_bits - 1, 12);

    if (mask ? value & ~(address | BIT(11)) : value & ~(address | 0xff) || !is_memory_type(value & 0xff, false))
        return false;
    *msr_field(cpu, id) = value;
    return true;
}

static bool write_base(struct cpu *cpu, unsigned seg, u64 value)
{
    if (!is_canonical_base(cpu, value))
        return false;
    cpu->seg[seg].base = value;
    cpu->seg_base[seg] = value;
    return true;
}

/* The keys of supervisor pages. */
static bool write_pkrs(struct cpu *cpu, u64 value)
{
    if (value >> 32)
        return false;
    if (value == cpu->pkrs)
        return true;
    cpu->pkrs = value;
    paging_refresh(cpu);
    if (cpu->paging.pks)
        tlb_flush_rights(cpu);
    cpu_refresh(cpu);
    return true;
}

static bool write_hook(struct cpu *cpu, int id, u64 value)
{
    switch (id) {
    case MSR_PKRS: return write_pkrs(cpu, value);
    case MSR_SPEC_CTRL:
        if (value & ~(msrs[id].writable | (has_feature(&cpu->features, FEAT_SSBD) ? BIT(2) : 0)))
            return false;
        cpu->spec_ctrl = value;
        return true;
    case MSR_TIME_STAMP_COUNTER: tsc_write(cpu, value); return true;
    case MSR_TSC_ADJUST:
        cpu->tsc_offset += value - cpu->tsc_adjust;
        cpu->tsc_adjust = value;
        tell_tsc_moved(cpu);
        return true;
    case MSR_APIC_BASE: return write_apic_base(cpu, value);
    case MSR_TSC_DEADLINE: return apic_write(cpu, 0x6e0, value);
    case MSR_MISC_ENABLE:
        if (value & ~MISC_ENABLE_KNOWN)
            return false;
        cpu->misc_enable = (value & MISC_ENABLE_WRITABLE) | (msrs[id].reset & ~MISC_ENABLE_WRITABLE);
        return true;
    case MSR_MTRR_DEF_TYPE:
        if (value & ~msrs[id].writable || !is_memory_type(value & 0xff, false))
            return false;
        cpu->mtrr_def_type = value;
        return true;
    case MSR_EFER:
        if (!has_feature(&cpu->features, FEAT_LM) && !has_feature(&cpu->features, FEAT_NX))
            return false;
        control_write_efer(cpu, value);
        return true;
    case MSR_FS_BASE: return write_base(cpu, SEG_FS, value);
    case MSR_GS_BASE: return write_base(cpu, SEG_GS, value);
    default: return write_mtrr_phys(cpu, id, value);
    }
}

bool msr_write(struct cpu *cpu, u32 address, u64 value)
{
    int id = msr_find(cpu, address);

    if (is_x2apic(address))
        return apic_write(cpu, address, value);
    if (id < 0)
        return false;
    switch (msrs[id].kind) {
    case KIND_PLAIN:
        if (value & ~msrs[id].writable)
            return false;
        break;
    case KIND_CANONICAL:
        if (!is_canonical_base(cpu, value))
            return false;
        break;
    case KIND_TYPES:
        if (!are_memory_types(value, id == MSR_PAT))
            return false;
        break;
    case KIND_CONSTANT: return false;
    case KIND_SIGNATURE: return true;
    case KIND_COMMAND: return !(value & ~msrs[id].writable);
    case KIND_ALL_OR_NONE:
        if (value != 0 && value != ~0ull)
            return false;
        break;
    case KIND_ZERO:
        if (value)
            return false;
        break;
    default: return write_hook(cpu, id, value);
    }
    *msr_field(cpu, id) = value;
    return true;
}

void msr_reset(struct cpu *cpu)
{
    for (int id = 0; id < MSR_COUNT; id++)
        if (msrs[id].kind != KIND_CONSTANT && msrs[id].kind != KIND_SIGNATURE && msrs[id].kind != KIND_COMMAND &&
            id != MSR_EFER)
            *msr_field(cpu, id) = msrs[id].reset;
    cpu->seg[SEG_FS].base = cpu->seg[SEG_GS].base = 0;
    cpu->tsc_offset = 0 - tsc_read(cpu);
}

void exec_RDMSR(struct cpu *cpu, const struct op *op)
{
    u64 value;

    (void)op;
    if (!msr_read(cpu, (u32)cpu->RCX, &value))
        raise_gp(cpu, 0);
    cpu->RAX = (u32)value;
    cpu->RDX = value >> 32;
}

void exec_WRMSR(struct cpu *cpu, const struct op *op)
{
    (void)op;
    if (!msr_write(cpu, (u32)cpu->RCX, (u32)cpu->RAX | cpu->RDX << 32))
        raise_gp(cpu, 0);
}

IRREGULAR(RDMSR);
IRREGULAR(WRMSR);
