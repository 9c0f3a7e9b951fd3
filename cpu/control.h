/* SPDX-License-Identifier: MIT */
/* Writes to the registers that control the mode: every illegal transition and reserved bit is #GP(0), before anything
 * changes. */
#ifndef FAULTLINE_CPU_CONTROL_H
#define FAULTLINE_CPU_CONTROL_H

#include "cpu/state.h"

/* State components XSAVE manages here. */
#define XCR0_X87 BIT(0)
#define XCR0_SSE BIT(1)
#define XCR0_PKRU BIT(9)

/* What XCR0 may hold and CPUID leaf 0DH reports. */
static inline u64 xcr0_supported(const struct features *f)
{
    return XCR0_X87 | XCR0_SSE | (has_feature(f, FEAT_PKU) ? XCR0_PKRU : 0);
}

void control_write_cr0(struct cpu *, u64 value);
void control_write_cr3(struct cpu *, u64 value); /* bit 63 is "keep this PCID's translations" with CR4.PCIDE */
void control_write_cr4(struct cpu *, u64 value);
void control_write_efer(struct cpu *, u64 value);
void control_write_xcr0(struct cpu *, u64 value);

/* CR3 as a task switch loads it: first the PDPTE check of PAE paging alone, later the load, which cannot raise. */
void control_check_cr3(struct cpu *, u64 value);
void control_load_cr3(struct cpu *, u64 value);

/* Recomputes cpu->paging, the PDPTE registers aside, from CR0, CR3, CR4, EFER and PKRU. cpu_refresh calls it. */
void paging_refresh(struct cpu *);

/* The task priority, CR8: in the local APIC, where there is one. */
u64 control_cr8(const struct cpu *);
void control_write_cr8(struct cpu *, u64 value); /* 0..15 */

#endif
