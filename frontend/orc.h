/* SPDX-License-Identifier: MIT */
/*
 * Unwinding of a Linux kernel by its own tables (CONFIG_UNWINDER_ORC), found in its memory: such kernels keep no frame
 * pointers. Source: the kernel's Documentation/arch/x86/orc-unwinder.rst.
 */
#ifndef FAULTLINE_FRONTEND_ORC_H
#define FAULTLINE_FRONTEND_ORC_H

#include "cpu/cpu.h"

struct orc;
/* The tables of the 64-bit kernel whose code at linear address `va` lies at physical address `pa`; NULL if there are
 * none. Copies, so that they cost nothing of what the guest does. */
struct orc *orc_find(struct phys *, u64 va, u64 pa, const u64 *function, unsigned functions);
#define ORC_ITEM_BYTES 4u
#define ORC_ENTRY_BYTES 6u
/* Tables of a module of the same kernel: so many items, of which the first is at linear address `first`, and entries.
 * NULL without memory. */
struct orc *orc_copy(const struct orc *kernel, u64 first, const u8 *items, const u8 *entries, size_t count);
void orc_destroy(struct orc *);

struct orc_frame {
    u64 ip, sp, bp;
    bool interrupted; /* ip is the instruction that was interrupted, not one behind a CALL */
    const u64 *gpr;   /* all registers, where they are known: the innermost frame; else NULL */
};
/* Goes one frame out. False at the end, at the user, or where the tables do not say. */
bool orc_step(const struct orc *, struct cpu *, struct orc_frame *);

#endif
