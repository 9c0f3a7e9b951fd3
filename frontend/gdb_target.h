/* SPDX-License-Identifier: MIT */
/*
 * What gdb is told of the processor's registers, once for all modes. QEMU's names are kept, since tools ask for them.
 * rip is linear (CS's base added) where the processor is not in 64-bit mode, since gdb's addresses have no segments;
 * `ip` is the register itself.
 */
#ifndef FAULTLINE_FRONTEND_GDB_TARGET_H
#define FAULTLINE_FRONTEND_GDB_TARGET_H

#include "cpu/cpu.h"
#include "frontend/gdb.h"
#include "frontend/text.h"

#define TARGET_REGISTERS 100u
#define TARGET_VALUE 16u /* bytes of the widest register */

struct target_register {
    const char *name, *type;
    u8 bytes;
    u8 feature;     /* index of the description's feature it stands in */
    u8 kind, index; /* gdb_target.c's */
};

struct target {
    enum gdb_arch arch;
    bool narrow; /* 32-bit registers */
    unsigned count;
    struct target_register reg[TARGET_REGISTERS];
    unsigned size; /* of all values, in bytes */
};

/* The processor's registers, while it stands. */
struct target_view {
    struct cpu *cpu;
    struct cpu_state state;
    struct cpu_float_state fp;
    bool state_changed, fp_changed;
};

void target_init(struct target *, enum gdb_arch);
/* The description, as XML. */
void target_describe(const struct target *, struct text *);

void target_look(struct target_view *, struct cpu *);
/* Little-endian, reg[n].bytes of it. */
void target_read(const struct target *, const struct target_view *, unsigned n, u8 value[TARGET_VALUE]);
/* False if the register cannot become that: mode bits, selectors in protected mode, addresses of tables. */
bool target_write(const struct target *, struct target_view *, unsigned n, const u8 value[TARGET_VALUE]);
/* What was written becomes the processor's. */
void target_commit(struct target_view *);

#endif
