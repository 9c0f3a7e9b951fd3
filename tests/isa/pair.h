/* SPDX-License-Identifier: MIT */
/* The host processor and a test machine side by side: the same code, registers and memory at the same linear addresses,
 * at CPL 3 in 64-bit mode. */
#ifndef FAULTLINE_TESTS_PAIR_H
#define FAULTLINE_TESTS_PAIR_H

#include "tests/isa/native.h"
#include "tests/support/vm.h"

/* What came of a case, on either side. */
struct outcome {
    u64 gpr[16], rip, rflags;
    u64 vector, error, cr2; /* NO_VECTOR: it ran to its end, or arrived at rip */
    u16 selector[6];
};

enum { PAIR_WRITABLE = NATIVE_DATA_SIZE - PAGE_SIZE }; /* of the data */

extern struct vm *pair_vm;
extern u8 *pair_data, *pair_stack; /* the machine's; the host's are at NATIVE_DATA, NATIVE_STACK */

/* False, with the reason, where the host cannot be asked. The segment bases both have are told. */
bool pair_setup(u64 *fs, u64 *gs, const char **why);

/* Code at NATIVE_CASE on both. */
void pair_lay(const u8 *bytes, unsigned length);

/* Run it: `length` bytes, from these registers; fx: native_state->fx too, which the machine takes first. by_trace: as a
 * trace, else step by step. */
void pair_run_machine(unsigned length, const u64 gpr[16], u64 rflags, bool fx, bool by_trace, struct outcome *);
void pair_run_host(unsigned length, const u64 gpr[16], u64 rflags, bool fx, struct outcome *);

void pair_randomize(u64 (*random)(void));
void pair_set(u64 at, const void *bytes, unsigned size); /* on both; what lies outside of writable memory is dropped */
void pair_keep(void);                                    /* remember the memory, */
void pair_restore(void);                                 /* and put it back on both */
bool pair_same_memory(void);

/* Does the host have the feature of a row? */
bool pair_host_has(unsigned feature);

#endif
