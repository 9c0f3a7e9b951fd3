/* SPDX-License-Identifier: MIT */
/* Processor models, and the text of -cpu: MODEL[,+feature][,-feature][,feature=on|off][,vendor=..][,phys-bits=N].. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/features.h"

static const struct {
    const char *name;
    u32 leaf;
} feature_table[FEAT_COUNT] = {
#define FEATURE(id, leaf, subleaf, reg, bit, name) {name, leaf},
#include "cpu/features.def"
#undef FEATURE
};

/* What a feature makes no sense without. */
static const struct {
    u8 feature, needs;
} dependencies[] = {
    {FEAT_FXSR, FEAT_FPU},
    {FEAT_MMX, FEAT_FPU},
    {FEAT_SSE, FEAT_FXSR},
    {FEAT_SSE2, FEAT_SSE},
    {FEAT_SSE3, FEAT_SSE2},
    {FEAT_SSSE3, FEAT_SSE3},
    {FEAT_SSE41, FEAT_SSSE3},
    {FEAT_SSE42, FEAT_SSE41},
    {FEAT_XSAVE, FEAT_SSE},
    {FEAT_XSAVEOPT, FEAT_XSAVE},
    {FEAT_XSAVEC, FEAT_XSAVE},
    {FEAT_XGETBV1, FEAT_XSAVE},
    {FEAT_AES, FEAT_SSE2},
    {FEAT_PCLMULQDQ, FEAT_SSE2},
    {FEAT_SHA, FEAT_SSE2},
    {FEAT_SEP, FEAT_MSR},
    {FEAT_PSE36, FEAT_PSE},
    {FEAT_MTRR, FEAT_MSR},
    {FEAT_PAT, FEAT_MSR},
    {FEAT_NX, FEAT_PAE},
    {FEAT_NX, FEAT_MSR},
    {FEAT_LM, FEAT_PAE},
    {FEAT_LM, FEAT_MSR},
    {FEAT_LM, FEAT_CX8},
    {FEAT_LM, FEAT_CMOV},
    {FEAT_LM, FEAT_SSE2},
    {FEAT_LM, FEAT_PGE},
    {FEAT_SYSCALL, FEAT_LM},
    {FEAT_LAHF64, FEAT_LM},
    {FEAT_CX16, FEAT_LM},
    {FEAT_PAGE1GB, FEAT_LM},
    {FEAT_LA57, FEAT_LM},
    {FEAT_PCID, FEAT_LM},
    {FEAT_FSGSBASE, FEAT_LM},
    {FEAT_PKU, FEAT_LM},
    {FEAT_RDTSCP, FEAT_TSC},
    {FEAT_RDTSCP, FEAT_MSR},
    {FEAT_RDPID, FEAT_RDTSCP},
    {FEAT_TSC_ADJUST, FEAT_TSC},
    {FEAT_INVTSC, FEAT_TSC},
    {FEAT_TSC_ADJUST, FEAT_MSR},
    {FEAT_ARCH_CAPABILITIES, FEAT_MSR},
    {FEAT_CLFLUSHOPT, FEAT_CLFSH},
    {FEAT_CLWB, FEAT_CLFSH},
    {FEAT_INVPCID, FEAT_LM},
    {FEAT_PKS, FEAT_LM},
    {FEAT_MCE, FEAT_MSR},
    {FEAT_MCA, FEAT_MCE},
    {FEAT_SPEC_CTRL, FEAT_MSR},
    {FEAT_STIBP, FEAT_SPEC_CTRL},
    {FEAT_SSBD, FEAT_SPEC_CTRL},
    {FEAT_FLUSH_L1D, FEAT_MSR},
    {FEAT_X2APIC, FEAT_APIC},
    {FEAT_X2APIC, FEAT_MSR},
    {FEAT_TSC_DEADLINE, FEAT_TSC},
    {FEAT_TSC_DEADLINE, FEAT_APIC},
    {FEAT_TSC_DEADLINE, FEAT_MSR},
    {FEAT_ARAT, FEAT_APIC},
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct model {
    const char *name, *brand, *vendor;
    u8 family, model, stepping, phys_bits;
    u32 max_leaf, max_extended;
    const char *base; /* the model whose features it includes, or NULL */
    const u8 *added;
    unsigned added_count; /* ALL: every feature there is */
};
#define ALL 255u

static const u8 added_486[] = {FEAT_FPU};
static const u8 added_pentium[] = {FEAT_VME, FEAT_DE, FEAT_PSE, FEAT_TSC, FEAT_MSR, FEAT_MCE, FEAT_CX8, FEAT_APIC};
static const u8 added_p6[] = {FEAT_PAE, FEAT_SEP, FEAT_MTRR, FEAT_PGE, FEAT_MCA, FEAT_CMOV};
static const u8 added_pentium2[] = {FEAT_PAT, FEAT_PSE36, FEAT_MMX, FEAT_FXSR};
static const u8 added_pentium3[] = {FEAT_SSE};
static const u8 added_netburst[] = {FEAT_CLFSH, FEAT_SSE2, FEAT_SSE3};
static const u8 added_k8[] = {FEAT_CLFSH, FEAT_SSE2, FEAT_SYSCALL, FEAT_NX, FEAT_LM};
static const u8 added_kvm64[] = {FEAT_CX16, FEAT_SYSCALL, FEAT_NX, FEAT_LM};
static const u8 added_qemu64[] = {FEAT_LAHF64};
static const u8 added_core2[] = {FEAT_CLFSH, FEAT_SSE2,   FEAT_SSE3,    FEAT_MONITOR, FEAT_SSSE3,
                                 FEAT_CX16,  FEAT_LAHF64, FEAT_SYSCALL, FEAT_NX,      FEAT_LM};
static const u8 added_penryn[] = {FEAT_SSE41};
static const u8 added_nehalem[] = {FEAT_SSE42, FEAT_POPCNT};
static const u8 added_v2[] = {FEAT_RDTSCP, FEAT_INVTSC};
static const u8 added_westmere[] = {FEAT_PAGE1GB, FEAT_PCID};
static const u8 added_sandybridge[] = {FEAT_XSAVE,  FEAT_XSAVEOPT,     FEAT_RDTSCP,
                                       FEAT_X2APIC, FEAT_TSC_DEADLINE, FEAT_ARAT};
static const u8 added_ivybridge[] = {FEAT_FSGSBASE, FEAT_SMEP, FEAT_ERMS, FEAT_RDRAND};
static const u8 added_haswell[] = {FEAT_BMI1, FEAT_BMI2, FEAT_INVPCID, FEAT_MOVBE, FEAT_LZCNT, FEAT_TSC_ADJUST};
static const u8 added_broadwell[] = {FEAT_ADX, FEAT_RDSEED, FEAT_SMAP, FEAT_PREFETCHW};
static const u8 added_skylake[] = {FEAT_CLFLUSHOPT};
static const u8 added_skylake_server[] = {FEAT_CLWB, FEAT_PKU};
static const u8 added_opteron2[] = {FEAT_SSE3, FEAT_CX16, FEAT_LAHF64};
static const u8 added_opteron3[] = {FEAT_MONITOR, FEAT_POPCNT, FEAT_LZCNT, FEAT_PREFETCHW, FEAT_RDTSCP, FEAT_PAGE1GB};
static const u8 added_epyc[] = {FEAT_SSSE3,    FEAT_SSE41,  FEAT_SSE42,    FEAT_MOVBE, FEAT_XSAVE,
                                FEAT_XSAVEOPT, FEAT_RDRAND, FEAT_FSGSBASE, FEAT_BMI1,  FEAT_SMEP,
                                FEAT_BMI2,     FEAT_RDSEED, FEAT_ADX,      FEAT_SMAP,  FEAT_CLFLUSHOPT};

#define INTEL "GenuineIntel"
#define AMD "AuthenticAMD"
#define ADDS(list) list, COUNT(list)

/*
 * Family, model and stepping are those of a processor of that kind; "max" has a model number Intel has not used, so
 * that guests go by feature bits and not by tables of known processors. features.def lists only what is implemented,
 * so a model may have less than its namesake. Names are QEMU's where the kind is.
 */
static const struct model models[] = {
    {"max", "Faultline x86-64 processor", INTEL, 6, 0xf0, 1, 46, 0x16, 0x80000008, NULL, NULL, ALL},
    {"host", "Faultline x86-64 processor", INTEL, 6, 0xf0, 1, 46, 0x16, 0x80000008, NULL, NULL, ALL},
    {"486", "", INTEL, 4, 8, 0, 32, 1, 0, NULL, ADDS(added_486)},
    {"pentium", "", INTEL, 5, 2, 12, 32, 1, 0, "486", ADDS(added_pentium)},
    {"p6", "", INTEL, 6, 1, 9, 36, 2, 0, "pentium", ADDS(added_p6)},
    {"pentium2", "", INTEL, 6, 5, 2, 36, 2, 0, "p6", ADDS(added_pentium2)},
    {"pentium3", "", INTEL, 6, 8, 10, 36, 2, 0, "pentium2", ADDS(added_pentium3)},
    {"qemu32", "Faultline processor, 32 bits", INTEL, 6, 6, 3, 36, 4, 0x80000004, "pentium3", ADDS(added_netburst)},
    {"kvm32", "Faultline processor, 32 bits", INTEL, 15, 6, 1, 36, 5, 0x80000008, "qemu32", NULL, 0},
    {"kvm64", "Faultline processor, 64 bits", INTEL, 15, 6, 1, 40, 0xd, 0x80000008, "kvm32", ADDS(added_kvm64)},
    {"qemu64", "Faultline processor, 64 bits", AMD, 15, 107, 1, 40, 0xd, 0x80000008, "kvm64", ADDS(added_qemu64)},
    {"core2", "Faultline processor, Core 2 kind", INTEL, 6, 15, 11, 36, 0xa, 0x80000008, "pentium3", ADDS(added_core2)},
    {"core2duo", "Faultline processor, Core 2 kind", INTEL, 6, 15, 11, 36, 0xa, 0x80000008, "core2", NULL, 0},
    {"Conroe", "Faultline processor, Core 2 kind", INTEL, 6, 15, 3, 40, 0xa, 0x80000008, "core2", NULL, 0},
    {"Penryn", "Faultline processor, Penryn kind", INTEL, 6, 23, 3, 40, 0xa, 0x80000008, "core2", ADDS(added_penryn)},
    {"Nehalem", "Faultline processor, Nehalem kind", INTEL, 6, 26, 3, 40, 0xb, 0x80000008, "Penryn",
     ADDS(added_nehalem)},
    {"x86-64-v2", "Faultline processor, x86-64-v2", INTEL, 6, 26, 5, 40, 0xb, 0x80000008, "Nehalem", ADDS(added_v2)},
    {"Westmere", "Faultline processor, Westmere kind", INTEL, 6, 44, 1, 40, 0xb, 0x80000008, "Nehalem",
     ADDS(added_westmere)},
    {"SandyBridge", "Faultline processor, Sandy Bridge kind", INTEL, 6, 42, 1, 40, 0xd, 0x80000008, "Westmere",
     ADDS(added_sandybridge)},
    {"IvyBridge", "Faultline processor, Ivy Bridge kind", INTEL, 6, 58, 9, 40, 0xd, 0x80000008, "SandyBridge",
     ADDS(added_ivybridge)},
    {"Haswell", "Faultline processor, Haswell kind", INTEL, 6, 60, 4, 40, 0xd, 0x80000008, "IvyBridge",
     ADDS(added_haswell)},
    {"Broadwell", "Faultline processor, Broadwell kind", INTEL, 6, 61, 2, 40, 0xd, 0x80000008, "Haswell",
     ADDS(added_broadwell)},
    {"Skylake-Client", "Faultline processor, Skylake kind", INTEL, 6, 94, 3, 40, 0x16, 0x80000008, "Broadwell",
     ADDS(added_skylake)},
    {"Skylake-Server", "Faultline processor, Skylake server kind", INTEL, 6, 85, 4, 46, 0x16, 0x80000008,
     "Skylake-Client", ADDS(added_skylake_server)},
    {"Opteron_G1", "Faultline processor, AMD K8 kind", AMD, 15, 6, 1, 40, 5, 0x80000008, "pentium3", ADDS(added_k8)},
    {"Opteron_G2", "Faultline processor, AMD K8 kind", AMD, 15, 6, 1, 40, 5, 0x80000008, "Opteron_G1",
     ADDS(added_opteron2)},
    {"Opteron_G3", "Faultline processor, AMD K10 kind", AMD, 16, 2, 3, 48, 5, 0x80000008, "Opteron_G2",
     ADDS(added_opteron3)},
    {"EPYC", "Faultline processor, AMD Zen kind", AMD, 23, 1, 2, 48, 0xd, 0x80000008, "Opteron_G3", ADDS(added_epyc)},
};

/* Other names of features. In every name '-', '_' and '.' are the same. */
static const struct {
    const char *name;
    u8 feature;
} aliases[] = {
    {"pni", FEAT_SSE3}, {"abm", FEAT_LZCNT}, {"3dnowprefetch", FEAT_PREFETCHW}, {"i64", FEAT_LM}, {"xd", FEAT_NX},
};

/* QEMU's names of what is not implemented: taking them away is nothing, giving them an error that says so. */
static const char *const unknown_here[] = {
    "vmx",          "svm",        "npt",       "nrip-save",    "skinit",
    "vmx-mbec",     "cet-ss",     "cet-ibt",   "shstk",        "ibt",
    "lam",          "mpx",        "hle",       "rtm",          "smx",
    "est",          "tm2",        "xtpr",      "dca",          "ht",
    "pbe",          "ss",         "tm",        "acpi",         "ds",
    "pmu",          "arat",       "pdcm",      "fma",          "f16c",
    "avx",          "avx2",       "avx512f",   "aes",          "pclmulqdq",
    "vaes",         "sha-ni",     "gfni",      "xsavec",       "xsaves",
    "xgetbv1",      "apic",       "x2apic",    "tsc-deadline", "mmxext",
    "3dnow",        "3dnowext",   "fxsr-opt",  "sse4a",        "misalignsse",
    "osvw",         "xop",        "fma4",      "tbm",          "topoext",
    "perfctr-core", "cmp-legacy", "cr8legacy", "extapic",      "wdt",
    "lwp",          "movdiri",    "movdir64b", "waitpkg",      "bus-lock-detect",
    "serialize",    "hypervisor", "monitor",   "kvm",          "kvmclock",
    "rdpru",        "clzero",
};

static void set_feature(struct features *f, unsigned feature) { f->has[feature >> 6] |= BIT(feature & 63); }
static void clear_feature(struct features *f, unsigned feature) { f->has[feature >> 6] &= ~BIT(feature & 63); }

static bool __attribute__((format(printf, 3, 4))) refuse(char *why, size_t size, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(why, size, format, args);
    va_end(args);
    return false;
}

static const struct model *find_model(const char *name, size_t length)
{
    for (unsigned i = 0; i < COUNT(models); i++)
        if (strlen(models[i].name) == length && !memcmp(models[i].name, name, length))
            return &models[i];
    return NULL;
}

static void add_model_features(struct features *f, const struct model *m)
{
    if (m->base)
        add_model_features(f, find_model(m->base, strlen(m->base)));
    for (unsigned i = 0; i < (m->added_count == ALL ? (unsigned)FEAT_COUNT : m->added_count); i++) {
        set_feature(f, m->added_count == ALL ? i : m->added[i]);
    }
}

static char folded(char c) { return c == '_' || c == '.' ? '-' : c; }

static bool same_name(const char *name, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++)
        if (!name[i] || folded(name[i]) != folded(text[i]))
            return false;
    return !name[length];
}

static int find_feature(const char *name, size_t length)
{
    for (unsigned i = 0; i < FEAT_COUNT; i++)
        if (same_name(feature_table[i].name, name, length))
            return (int)i;
    for (unsigned i = 0; i < COUNT(aliases); i++)
        if (same_name(aliases[i].name, name, length))
            return aliases[i].feature;
    return -1;
}

static bool is_unknown_here(const char *name, size_t length)
{
    for (unsigned i = 0; i < COUNT(unknown_here); i++)
        if (same_name(unknown_here[i], name, length))
            return true;
    return false;
}

/* Taking a feature away takes what needs it. */
void features_remove(struct features *f, unsigned feature)
{
    clear_feature(f, feature);
    for (unsigned i = 0; i < COUNT(dependencies); i++)
        if (dependencies[i].needs == feature && has_feature(f, dependencies[i].feature))
            features_remove(f, dependencies[i].feature);
}

int features_find(const char *name) { return find_feature(name, strlen(name)); }

static bool switch_feature(struct features *f, const char *name, size_t length, bool on, char *why, size_t size)
{
    int feature = find_feature(name, length);

    if (feature < 0) {
        if (!is_unknown_here(name, length))
            return refuse(why, size, "no feature is called '%.*s'", (int)length, name);
        return !on || refuse(why, size, "'%.*s' is not implemented", (int)length, name);
    }
    if (on)
        set_feature(f, (unsigned)feature);
    else
        features_remove(f, (unsigned)feature);
    return true;
}

static bool parse_number(const char *value, size_t length, unsigned low, unsigned high, u8 *to)
{
    char *end;
    unsigned long n = strtoul(value, &end, 0);

    if (!length || end != value + length || *value == '-' || n < low || n > high)
        return false;
    *to = (u8)n;
    return true;
}

/* KEY=VALUE. */
static bool parse_property(struct features *f, const char *key, size_t key_length, const char *value, size_t length,
                           char *why, size_t size)
{
    bool on = same_name("on", value, length);

    if (same_name("phys-bits", key, key_length))
        return parse_number(value, length, 32, 52, &f->phys_bits) || refuse(why, size, "phys-bits must be 32 to 52");
    if (same_name("family", key, key_length))
        return parse_number(value, length, 0, 255, &f->family) || refuse(why, size, "family must be 0 to 255");
    if (same_name("model", key, key_length))
        return parse_number(value, length, 0, 255, &f->model) || refuse(why, size, "model must be 0 to 255");
    if (same_name("stepping", key, key_length))
        return parse_number(value, length, 0, 15, &f->stepping) || refuse(why, size, "stepping must be 0 to 15");
    if (same_name("vendor", key, key_length)) {
        if (length != 12)
            return refuse(why, size, "a vendor has 12 characters");
        memcpy(f->vendor, value, 12);
        return true;
    }
    if (!on && !same_name("off", value, length))
        return refuse(why, size, "'%.*s' takes on or off, not '%.*s'", (int)key_length, key, (int)length, value);
    /* the host has no part in this processor */
    if (same_name("host-phys-bits", key, key_length) || same_name("migratable", key, key_length) ||
        same_name("enforce", key, key_length) || same_name("check", key, key_length))
        return true;
    return switch_feature(f, key, key_length, on, why, size);
}

/* +FEATURE, -FEATURE, KEY=VALUE, or KEY alone for KEY=on. What cannot be had is always refused, as "enforce" asks. */
static bool parse_item(struct features *f, const char *item, size_t length, char *why, size_t size)
{
    const char *equals = memchr(item, '=', length);

    if (!length)
        return refuse(why, size, "a comma with nothing behind it");
    if (item[0] == '+' || item[0] == '-')
        return switch_feature(f, item + 1, length - 1, item[0] == '+', why, size);
    if (equals)
        return parse_property(f, item, (size_t)(equals - item), equals + 1, length - (size_t)(equals - item) - 1, why,
                              size);
    return parse_property(f, item, length, "on", 2, why, size);
}

/* A feature added by name must find what it needs. Leaves grow to hold the features. */
static bool settle(struct features *f, char *why, size_t size)
{
    for (unsigned i = 0; i < COUNT(dependencies); i++)
        if (has_feature(f, dependencies[i].feature) && !has_feature(f, dependencies[i].needs))
            return refuse(why, size, "'%s' needs '%s'", feature_table[dependencies[i].feature].name,
                          feature_table[dependencies[i].needs].name);
    for (unsigned i = 0; i < FEAT_COUNT; i++) {
        u32 leaf = feature_table[i].leaf;
        u32 *max = leaf >> 31 ? &f->max_extended : &f->max_leaf;
        if (has_feature(f, i) && leaf > *max)
            *max = leaf;
    }
    f->linear_bits = !has_feature(f, FEAT_LM) ? 32 : has_feature(f, FEAT_LA57) ? 57 : 48;
    return true;
}

bool features_parse(struct features *f, const char *text, char *why, size_t size)
{
    const char *item = text && *text ? text : "max";
    size_t length = strcspn(item, ",");
    const struct model *m = find_model(item, length);

    if (!m)
        return refuse(why, size, "no processor model is called '%.*s'", (int)length, item);
    *f = (struct features){
        .family = m->family,
        .model = m->model,
        .stepping = m->stepping,
        .phys_bits = m->phys_bits,
        .max_leaf = m->max_leaf,
        .max_extended = m->max_extended,
        .brand = m->brand,
        .name = m->name,
    };
    memcpy(f->vendor, m->vendor, 12);
    add_model_features(f, m);
    for (item += length; *item; item += length) {
        item++;
        length = strcspn(item, ",");
        if (!parse_item(f, item, length, why, size))
            return false;
    }
    f->amd = !memcmp(f->vendor, AMD, 12) || !memcmp(f->vendor, "HygonGenuine", 12);
    return settle(f, why, size);
}
