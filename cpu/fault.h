/* SPDX-License-Identifier: MIT */
/* Raising exceptions. raise_*() never returns: it lands in the run loop, which delivers. RIP and all registers are
 * still those before the instruction. */
#ifndef FAULTLINE_CPU_FAULT_H
#define FAULTLINE_CPU_FAULT_H

#include "cpu/state.h"

enum vector {
    VEC_DE = 0,
    VEC_DB = 1,
    VEC_NMI = 2,
    VEC_BP = 3,
    VEC_OF = 4,
    VEC_BR = 5,
    VEC_UD = 6,
    VEC_NM = 7,
    VEC_DF = 8,
    VEC_CSO = 9,
    VEC_TS = 10,
    VEC_NP = 11,
    VEC_SS = 12,
    VEC_GP = 13,
    VEC_PF = 14,
    VEC_MF = 16,
    VEC_AC = 17,
    VEC_MC = 18,
    VEC_XM = 19,
};

/* The event whose delivery was begun last; while cpu->delivering is not -1 it is on the way. */
static inline const struct cpu_event *event_first(const struct cpu *cpu)
{
    return &cpu->recent[(cpu->deliveries - 1) % CPU_RECENT].event;
}

_Noreturn void raise_event(struct cpu *, struct cpu_event);
/* No exception: the instruction waits, as if it had not begun, for an interrupt, and the processor with it. */
_Noreturn void freeze(struct cpu *);
_Noreturn void raise_de(struct cpu *);
_Noreturn void raise_db_fault(struct cpu *, u64 dr6_bits); /* instruction breakpoint, general detect */
_Noreturn void raise_ud(struct cpu *);
_Noreturn void raise_nm(struct cpu *);
_Noreturn void raise_br(struct cpu *);
_Noreturn void raise_ac(struct cpu *);
_Noreturn void raise_mf(struct cpu *);
_Noreturn void raise_xm(struct cpu *);
_Noreturn void raise_ts(struct cpu *, u32 error);
_Noreturn void raise_np(struct cpu *, u32 error);
_Noreturn void raise_ss(struct cpu *, u32 error);
_Noreturn void raise_gp(struct cpu *, u32 error);
/* Loads CR2, raises. */
_Noreturn void raise_pf(struct cpu *, u64 la, const struct access *, const struct walk *);
/* The same, and tells the observer before. width: bytes of the access on the faulting page. */
_Noreturn void raise_pf_told(struct cpu *, u64 la, unsigned width, const struct access *, const struct walk *);

#endif
