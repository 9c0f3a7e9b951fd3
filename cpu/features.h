/* SPDX-License-Identifier: MIT */
/* What a model has. One table (features.def) names every feature, its CPUID place and the rows, MSRs and CR4 bits it
 * gates. */
#ifndef FAULTLINE_CPU_FEATURES_H
#define FAULTLINE_CPU_FEATURES_H

#include "mmu/base.h"

enum feature {
#define FEATURE(id, leaf, subleaf, reg, bit, name) FEAT_##id,
#include "cpu/features.def"
#undef FEATURE
    FEAT_COUNT,
    FEAT_ALWAYS = 255,
};

struct features {
    u64 has[2]; /* bit set by enum feature */
    u8 family, model, stepping;
    u8 phys_bits, linear_bits;
    u32 max_leaf, max_extended;
    const char *brand;
    const char *name;
    char vendor[13];
    bool amd; /* the vendor is AMD, or one that builds its processors: where the two differ, AMD's way */
};

static inline bool has_feature(const struct features *f, unsigned feature)
{
    return feature == FEAT_ALWAYS || (f->has[feature >> 6] >> (feature & 63) & 1);
}

/* Family, model and stepping as CPUID.1:EAX and, after RESET, EDX show them. */
static inline u32 features_signature(const struct features *f)
{
    unsigned family = f->family < 15 ? f->family : 15;

    return (u32)(f->family - family) << 20 | (u32)(f->model >> 4) << 16 | family << 8 | (f->model & 0xfu) << 4 |
           f->stepping;
}

/* Take a feature away, and what needs it. */
void features_remove(struct features *, unsigned feature);
/* By its name in -cpu; -1 if there is none. */
int features_find(const char *name);

/* Parse "-cpu" text. False with a one-line reason. */
bool features_parse(struct features *, const char *text, char *why, size_t size);

#endif
