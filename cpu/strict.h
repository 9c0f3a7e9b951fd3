/* SPDX-License-Identifier: MIT */
/*
 * What --check strict is told: rules of the manual that other emulators do not enforce. All of this is called where an
 * exception is about to be raised, or where a translation or a control register changes. Internal to cpu/.
 */
#ifndef FAULTLINE_CPU_STRICT_H
#define FAULTLINE_CPU_STRICT_H

#include "cpu/state.h"

/* Tells the observer, if there is one. */
void strict_tell(struct cpu *, const struct cpu_strict *);

/* [offset, offset + width) of a segment is refused: tells why if it is the limit (legacy and compatibility mode) or the
 * canonical form (64-bit mode), then raises #SS(error) or #GP(error). `s` is what `seg` holds, or is to hold. */
struct strict_access {
    const struct segment *segment;
    unsigned seg;
    u64 offset;
    unsigned width;
    enum access_kind kind;
    bool flat; /* as in 64-bit mode: no limit, but canonical addresses */
};
_Noreturn void raise_segment(struct cpu *, const struct strict_access *, u32 error);
/* RIP may not be `rip` in this code segment; to64: it is 64-bit code. #GP(0). */
_Noreturn void raise_target(struct cpu *, const struct segment *cs, u64 rip, bool to64);
/* A control register, as STRICT_CONTROL names it, may not be `value`: tells why, and raises #GP(0). */
_Noreturn void raise_control(struct cpu *, unsigned reg, u64 value, const char *why);
/* CR0 has been written; `changed`: the bits that are not what they were. */
void strict_cr0(struct cpu *, u64 changed);
/* A translation of `la` leads to `pa`, of which A20 is masked. */
void strict_a20(struct cpu *, u64 la, u64 pa);

#endif
