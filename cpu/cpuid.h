/* SPDX-License-Identifier: MIT */
/* CPUID as data. */
#ifndef FAULTLINE_CPU_CPUID_H
#define FAULTLINE_CPU_CPUID_H

#include "cpu/state.h"

enum { CPUID_EAX, CPUID_EBX, CPUID_ECX, CPUID_EDX };

/* What CPUID returns now for EAX = leaf, ECX = subleaf: the model's bits, and those that follow CR4 and the mode. */
void cpuid_query(const struct cpu *, u32 leaf, u32 subleaf, u32 out[4]);

#endif
