/* SPDX-License-Identifier: MIT */
/*
 * What lies behind a fault, where the state of the machine proves it: the mistake was made before, and elsewhere than
 * the entry that decided. Each finder puts down a clause and returns true, or puts down nothing.
 */
#ifndef FAULTLINE_FRONTEND_CAUSE_H
#define FAULTLINE_FRONTEND_CAUSE_H

#include "cpu/cpu.h"
#include "frontend/text.h"

/* The handler of an exception with an error code has left that on its stack, and IRET has taken it for the RIP, and the
 * RIP for the CS: `raised` is what IRET raises about that. To be asked before anything else is executed. `whose`, if
 * not NULL: the delivery whose error code it was, borrowed. */
bool cause_error_left(struct text *, struct cpu *, const struct cpu_event *raised, const struct cpu_delivery **whose);
/* The same where the return could be made, to the fetch at `la` that faults. To be asked before that is delivered. */
bool cause_error_fetched(struct text *, struct cpu *, u64 la, const struct cpu_delivery **whose);

#endif
