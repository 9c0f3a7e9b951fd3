/* SPDX-License-Identifier: MIT */
/* What the tests of single facts (test_faults_*.c) share: a machine and its code in a line, and what came of it. */
#ifndef FAULTLINE_TESTS_ATOMIC_GUEST_H
#define FAULTLINE_TESTS_ATOMIC_GUEST_H

#include "cpu/state.h"
#include "tests/support/vm.h"

/* Bytes of code given as a string. */
#define CODE(text) (const u8 *)(text), sizeof(text) - 1

void expect(const char *what, u64 got, u64 wanted);
/* The sum, as tests/run.sh wants it; the exit status. */
int expect_sum(void);

/* A machine with this code. Change vm->start, then vm_reset and vm_run. */
struct vm *guest(enum vm_mode, const u8 *code, unsigned size);
/* vm_reset, then n instructions. */
void guest_run(struct vm *, u64 n);
struct cpu_state guest_state(struct vm *);

enum { NO_EXCEPTION = 99 };
/* The vector of the last run's first event, NO_EXCEPTION if none came. */
unsigned guest_vector(const struct vm *);
/* What the last run raised: vector, error code, and RIP as an offset from vm->start.rip. */
void expect_raised(const char *what, struct vm *, unsigned vector, u32 error, u64 rip_offset);
void expect_page_fault(const char *what, struct vm *, u32 error, u64 cr2, u64 rip_offset);
void expect_nothing_raised(const char *what, struct vm *);

#endif
