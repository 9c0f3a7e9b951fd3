/* SPDX-License-Identifier: MIT */
/* SDM Vol. 2A, CPUID. */
#include "cpu/cpuid.h"

#include <string.h>

#include "cpu/control.h"
#include "cpu/handlers.h"
#include "cpu/msr.h"
#include "cpu/system.h"

#define MISC_ENABLE_LIMIT_CPUID BIT(22)

static const struct {
    u32 leaf;
    u8 feature, subleaf, reg, bit;
} feature_bits[] = {
#define FEATURE(id, leaf, subleaf, reg, bit, name) {leaf, FEAT_##id, subleaf, CPUID_##reg, bit},
#include "cpu/features.def"
#undef FEATURE
};

static void add_feature_bits(const struct cpu *cpu, u32 leaf, u32 subleaf, u32 out[4])
{
    for (unsigned i = 0; i < FEAT_COUNT; i++)
        if (feature_bits[i].leaf == leaf && feature_bits[i].subleaf == subleaf &&
            has_feature(&cpu->features, feature_bits[i].feature))
            out[feature_bits[i].reg] |= 1u << feature_bits[i].bit;
}

static void leaf_vendor(const struct cpu *cpu, u32 out[4])
{
    u32 vendor[3];

    memcpy(vendor, cpu->features.vendor, 12);
    out[CPUID_EAX] = cpu->features.max_leaf;
    if (cpu->misc_enable & MISC_ENABLE_LIMIT_CPUID && out[CPUID_EAX] > 2)
        out[CPUID_EAX] = 2;
    out[CPUID_EBX] = vendor[0];
    out[CPUID_EDX] = vendor[1];
    out[CPUID_ECX] = vendor[2];
}

static void leaf_signature(const struct cpu *cpu, u32 out[4])
{
    const struct features *f = &cpu->features;

    out[CPUID_EAX] = features_signature(f);
    out[CPUID_EBX] = has_feature(f, FEAT_CLFSH) ? 1u << 16 | 64 / 8 << 8 : 0; /* one logical processor, 64-byte lines */
    if (!(cpu->misc_enable & MISC_ENABLE_MONITOR))
        out[CPUID_ECX] &= ~(1u << 3);
    if (cpu->cr4 & CR4_OSXSAVE)
        out[CPUID_ECX] |= 1u << 27;
    if (has_feature(f, FEAT_APIC)) {
        out[CPUID_EBX] |= cpu->config.apic_id << 24;
        if (!cpu->config.apic_ops->on(cpu->config.apic))
            out[CPUID_EDX] &= ~(1u << 9); /* SDM "Detecting the Presence of the Local APIC" */
    }
}

/* Descriptors of the one-byte table; 0FFH sends to leaf 4. */
static void leaf_cache_descriptors(const struct cpu *cpu, u32 out[4])
{
    static const u32 p6[4] = {0x03020101, 0, 0, 0x0c040882};
    static const u32 core[4] = {0x76036301, 0x00f0b5ff, 0, 0x00c10000};

    if (cpu->features.amd)
        return; /* leaves 80000005H and 80000006H instead */
    memcpy(out, cpu->features.max_leaf >= 4 ? core : p6, 16);
}

/* 32 KiB of instructions and of data, 8 ways; 1 MiB unified, 16 ways. 64-byte lines throughout. */
static void leaf_caches(const struct cpu *cpu, u32 subleaf, u32 out[4])
{
    static const u32 caches[3][4] = {
        {0x121, 7u << 22 | 63, 63, 0},
        {0x122, 7u << 22 | 63, 63, 0},
        {0x143, 15u << 22 | 63, 1023, 0},
    };

    if (subleaf < 3 && !cpu->features.amd)
        memcpy(out, caches[subleaf], 16);
}

/* One thread in one core. */
static void leaf_topology(const struct cpu *cpu, u32 subleaf, u32 out[4])
{
    out[CPUID_EDX] = cpu->config.apic_id;
    out[CPUID_ECX] = subleaf & 0xff;
    if (subleaf < 2) {
        out[CPUID_EBX] = 1;
        out[CPUID_ECX] |= (subleaf + 1) << 8;
    }
}

/* The size of an XSAVE area for these components: x87 and SSE are in the legacy area, before the header's end. */
static u32 xsave_size(u64 components, bool compacted)
{
    if (!(components & XCR0_PKRU))
        return XSAVE_HEADER_END;
    return (compacted ? XSAVE_HEADER_END : XSAVE_PKRU_OFFSET) + XSAVE_PKRU_SIZE;
}

static void leaf_xsave(const struct cpu *cpu, u32 subleaf, u32 out[4])
{
    u64 supported = xcr0_supported(&cpu->features);

    if (!has_feature(&cpu->features, FEAT_XSAVE)) {
        memset(out, 0, 16);
        return;
    }
    if (subleaf == 0) {
        out[CPUID_EAX] = (u32)supported;
        out[CPUID_EDX] = (u32)(supported >> 32);
        out[CPUID_EBX] = xsave_size(cpu->xcr0, false);
        out[CPUID_ECX] = xsave_size(supported, false);
    } else if (subleaf == 1 && has_feature(&cpu->features, FEAT_XSAVEC)) {
        out[CPUID_EBX] = xsave_size(cpu->xcr0, true);
    } else if (subleaf == 9 && supported & XCR0_PKRU) {
        out[CPUID_EAX] = XSAVE_PKRU_SIZE;
        out[CPUID_EBX] = XSAVE_PKRU_OFFSET; /* ECX 0: a user component, not aligned when compacted */
    }
}

static void query_basic(const struct cpu *cpu, u32 leaf, u32 subleaf, u32 out[4])
{
    switch (leaf) {
    case 0: leaf_vendor(cpu, out); break;
    case 1: leaf_signature(cpu, out); break;
    case 2: leaf_cache_descriptors(cpu, out); break;
    case 4: leaf_caches(cpu, subleaf, out); break;
    case 5:
        if (has_feature(&cpu->features, FEAT_MONITOR)) {
            out[CPUID_EAX] = out[CPUID_EBX] = 64;
            out[CPUID_ECX] = 3;    /* enumeration; interrupts as break events */
            out[CPUID_EDX] = 0x10; /* one C1 */
        }
        break;
    case 7:
        if (subleaf == 0 && cpu->cr4 & CR4_PKE)
            out[CPUID_ECX] |= 1u << 4;
        break;
    case 0xb: leaf_topology(cpu, subleaf, out); break;
    case 0xd: leaf_xsave(cpu, subleaf, out); break;
    /* The APIC timer runs at the crystal's clock (SDM "APIC Timer"), and both that and the counter at one a nanosecond.
     */
    case 0x15:
        if (has_feature(&cpu->features, FEAT_TSC)) {
            out[CPUID_EAX] = 1;
            out[CPUID_EBX] = 1;
            out[CPUID_ECX] = 1000000000;
        }
        break;
    case 0x16:
        out[CPUID_EAX] = out[CPUID_EBX] = 1000;
        out[CPUID_ECX] = 100;
        break;
    }
}

/* AMD repeats there what leaf 1 says of the same bits, but for SEP, whose place is SYSCALL's. */
#define AMD_SHARED_EDX 0x0183f3ffu

static void leaf_extended_features(const struct cpu *cpu, u32 out[4])
{
    u32 basic[4] = {0};

    if (cpu->misc_enable & MISC_ENABLE_NO_XD)
        out[CPUID_EDX] &= ~(1u << 20);
    if (!cpu->features.amd) {
        if (!in_code64(cpu)) /* Intel shows SYSCALL only where it works */
            out[CPUID_EDX] &= ~(1u << 11);
        return;
    }
    add_feature_bits(cpu, 1, 0, basic);
    out[CPUID_EAX] = features_signature(&cpu->features);
    out[CPUID_EDX] |= basic[CPUID_EDX] & AMD_SHARED_EDX;
}

static void query_extended(const struct cpu *cpu, u32 leaf, u32 out[4])
{
    const struct features *f = &cpu->features;
    char brand[48] = {0};

    switch (leaf) {
    case 0x80000000: out[CPUID_EAX] = f->max_extended; break;
    case 0x80000001: leaf_extended_features(cpu, out); break;
    case 0x80000002:
    case 0x80000003:
    case 0x80000004:
        strncpy(brand, f->brand, sizeof(brand) - 1);
        memcpy(out, brand + 16 * (leaf - 0x80000002), 16);
        break;
    case 0x80000005: /* 32 KiB of data and of instructions, 8 ways; the TLBs are not described */
        if (f->amd)
            out[CPUID_ECX] = out[CPUID_EDX] = 32u << 24 | 8u << 16 | 1u << 8 | 64;
        break;
    case 0x80000006:
        out[CPUID_ECX] = 1024u << 16 | 8u << 12 | 64; /* 1 MiB, 16 ways, 64-byte lines */
        break;
    case 0x80000008: out[CPUID_EAX] = f->phys_bits | (u32)f->linear_bits << 8; break;
    }
}

/* Beyond either range a processor answers as for its highest basic leaf. */
void cpuid_query(const struct cpu *cpu, u32 leaf, u32 subleaf, u32 out[4])
{
    const struct features *f = &cpu->features;

    memset(out, 0, 16);
    if (leaf >> 31 ? leaf > f->max_extended : leaf > f->max_leaf)
        leaf = f->max_leaf;
    add_feature_bits(cpu, leaf, subleaf, out);
    if (leaf == 1 || leaf >> 31)
        add_feature_bits(cpu, leaf, 0, out); /* no subleaves there: ECX is ignored */
    if (leaf >> 31)
        query_extended(cpu, leaf, out);
    else
        query_basic(cpu, leaf, subleaf, out);
}

void exec_CPUID(struct cpu *cpu, const struct op *op)
{
    u32 out[4];

    (void)op;
    cpuid_query(cpu, (u32)cpu->RAX, (u32)cpu->RCX, out);
    cpu->RAX = out[CPUID_EAX];
    cpu->RBX = out[CPUID_EBX];
    cpu->RCX = out[CPUID_ECX];
    cpu->RDX = out[CPUID_EDX];
}

IRREGULAR(CPUID);
