/* SPDX-License-Identifier: MIT */
/* Model-specific registers; the list is msr.def. */
#ifndef FAULTLINE_CPU_MSR_H
#define FAULTLINE_CPU_MSR_H

#include "cpu/state.h"

/* IA32_MISC_ENABLE: what MONITOR and MWAIT need, and what hides and forbids EFER.NXE. */
#define MISC_ENABLE_MONITOR BIT(18)
#define MISC_ENABLE_NO_XD BIT(34)

/* False, and nothing read or changed, where RDMSR or WRMSR is #GP(0). Privilege is the caller's. msr_write of EFER may
 * raise. */
bool msr_read(const struct cpu *, u32 address, u64 *value);
bool msr_write(struct cpu *, u32 address, u64 value);

/* All to their values after RESET; the time-stamp counter counts from 0. */
void msr_reset(struct cpu *);

#endif
