/* SPDX-License-Identifier: MIT */
/* Processor models, and the text of -cpu: MODEL[,+feature][,-feature][,phys-bits=N]. */
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
    {FEAT_FXSR, FEAT_FPU},         {FEAT_MMX, FEAT_FPU},
    {FEAT_SSE, FEAT_FXSR},         {FEAT_SSE2, FEAT_SSE},
    {FEAT_SSE3, FEAT_SSE2},        {FEAT_SSSE3, FEAT_SSE3},
    {FEAT_SSE41, FEAT_SSSE3},      {FEAT_SSE42, FEAT_SSE41},
    {FEAT_XSAVE, FEAT_SSE},        {FEAT_XSAVEOPT, FEAT_XSAVE},
    {FEAT_PSE36, FEAT_PSE},        {FEAT_SEP, FEAT_MSR},
    {FEAT_MTRR, FEAT_MSR},         {FEAT_PAT, FEAT_MSR},
    {FEAT_NX, FEAT_PAE},           {FEAT_NX, FEAT_MSR},
    {FEAT_LM, FEAT_PAE},           {FEAT_LM, FEAT_MSR},
    {FEAT_LM, FEAT_CX8},           {FEAT_LM, FEAT_CMOV},
    {FEAT_LM, FEAT_SSE2},          {FEAT_LM, FEAT_PGE},
    {FEAT_SYSCALL, FEAT_LM},       {FEAT_LAHF64, FEAT_LM},
    {FEAT_CX16, FEAT_LM},          {FEAT_PAGE1GB, FEAT_LM},
    {FEAT_LA57, FEAT_LM},          {FEAT_PCID, FEAT_LM},
    {FEAT_INVPCID, FEAT_PCID},     {FEAT_FSGSBASE, FEAT_LM},
    {FEAT_PKU, FEAT_LM},           {FEAT_RDTSCP, FEAT_TSC},
    {FEAT_RDTSCP, FEAT_MSR},       {FEAT_RDPID, FEAT_RDTSCP},
    {FEAT_TSC_ADJUST, FEAT_TSC},   {FEAT_INVTSC, FEAT_TSC},
    {FEAT_TSC_ADJUST, FEAT_MSR},   {FEAT_ARCH_CAPABILITIES, FEAT_MSR},
    {FEAT_CLFLUSHOPT, FEAT_CLFSH}, {FEAT_CLWB, FEAT_CLFSH},
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

struct model {
    const char *name, *brand;
    u8 family, model, stepping, phys_bits;
    u32 max_leaf, max_extended;
    const char *base; /* the model whose features it includes, or NULL */
    const u8 *added;
    unsigned added_count; /* ALL: every feature there is */
};
#define ALL 255u

static const u8 added_486[] = {FEAT_FPU};
static const u8 added_pentium[] = {FEAT_DE, FEAT_PSE, FEAT_TSC, FEAT_MSR, FEAT_CX8};
static const u8 added_pentium3[] = {FEAT_PAE, FEAT_SEP,   FEAT_MTRR, FEAT_PGE,  FEAT_CMOV,
                                    FEAT_PAT, FEAT_PSE36, FEAT_MMX,  FEAT_FXSR, FEAT_SSE};
static const u8 added_core2[] = {FEAT_CLFSH, FEAT_SSE2,   FEAT_SSE3,    FEAT_MONITOR, FEAT_SSSE3,
                                 FEAT_CX16,  FEAT_LAHF64, FEAT_SYSCALL, FEAT_NX,      FEAT_LM};
static const u8 added_v2[] = {FEAT_SSE41, FEAT_SSE42, FEAT_POPCNT, FEAT_RDTSCP, FEAT_INVTSC};

/*
 * Family, model and stepping are those of a processor of that kind; "max" has a model number Intel has not used, so
 * that guests go by feature bits and not by tables of known processors. features.def lists only what is implemented.
 */
static const struct model models[] = {
    {"max", "Faultline x86-64 processor", 6, 0xf0, 1, 46, 0x16, 0x80000008, NULL, NULL, ALL},
    {"486", "", 4, 8, 0, 32, 1, 0, NULL, added_486, COUNT(added_486)},
    {"pentium", "", 5, 2, 12, 32, 1, 0, "486", added_pentium, COUNT(added_pentium)},
    {"pentium3", "", 6, 8, 10, 36, 2, 0, "pentium", added_pentium3, COUNT(added_pentium3)},
    {"core2", "Faultline processor, Core 2 kind", 6, 15, 11, 36, 0xa, 0x80000008, "pentium3", added_core2,
     COUNT(added_core2)},
    {"x86-64-v2", "Faultline processor, x86-64-v2", 6, 26, 5, 40, 0xb, 0x80000008, "core2", added_v2, COUNT(added_v2)},
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

static int find_feature(const char *name, size_t length)
{
    for (unsigned i = 0; i < FEAT_COUNT; i++)
        if (strlen(feature_table[i].name) == length && !memcmp(feature_table[i].name, name, length))
            return (int)i;
    return -1;
}

/* Taking a feature away takes what needs it. */
static void remove_feature(struct features *f, unsigned feature)
{
    clear_feature(f, feature);
    for (unsigned i = 0; i < COUNT(dependencies); i++)
        if (dependencies[i].needs == feature && has_feature(f, dependencies[i].feature))
            remove_feature(f, dependencies[i].feature);
}

static bool parse_item(struct features *f, const char *item, size_t length, char *why, size_t size)
{
    static const char phys_bits[] = "phys-bits=";
    int feature;

    if (length > sizeof(phys_bits) - 1 && !memcmp(item, phys_bits, sizeof(phys_bits) - 1)) {
        char *end;
        unsigned long n = strtoul(item + sizeof(phys_bits) - 1, &end, 10);
        if (end != item + length || n < 32 || n > 52)
            return refuse(why, size, "phys-bits must be 32 to 52");
        f->phys_bits = (u8)n;
        return true;
    }
    if (length < 2 || (item[0] != '+' && item[0] != '-'))
        return refuse(why, size, "'%.*s' is neither +feature, -feature nor phys-bits=N", (int)length, item);
    feature = find_feature(item + 1, length - 1);
    if (feature < 0)
        return refuse(why, size, "no feature is called '%.*s'", (int)length - 1, item + 1);
    if (item[0] == '-') {
        remove_feature(f, (unsigned)feature);
        return true;
    }
    set_feature(f, (unsigned)feature);
    return true;
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
        .vendor = "GenuineIntel",
    };
    add_model_features(f, m);
    for (item += length; *item; item += length) {
        item++;
        length = strcspn(item, ",");
        if (!parse_item(f, item, length, why, size))
            return false;
    }
    return settle(f, why, size);
}
