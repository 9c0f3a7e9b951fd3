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

/* What is remembered for the causes below. Not part of a saved state: after one is loaded it begins anew. */
struct causes {
    bool user_known; /* CPL 3 has run: with these */
    u64 user_gs, user_other;
    bool entered; /* the last delivery interrupted CPL 0 to 2, and has not returned: with these */
    struct cpu_event entry;
    u64 entry_gs, entry_other;
    bool cr3_known, switched; /* CR3 was loaded with another address while paging was on: the one before, */
    u64 cr3, cr3_before;
    u64 switch_icount, switch_rip; /* and what had retired by then, and the instruction behind */
    u64 user_icount;               /* when CPL 3 was returned to last */
};
void causes_event(struct causes *, struct cpu *, const struct cpu_event *); /* about to be delivered */
void causes_resume(struct causes *, struct cpu *);                          /* observer.resume */

bool causes_cr3(struct causes *, struct cpu *); /* part of it: CR3 is another; cause_tables.c */

/* The access to `la`, which is refused, was made through GS at CPL 0 with the user's base, and IA32_KERNEL_GS_BASE
 * would have allowed it: SWAPGS is missing, or one too many. In the state of the fault. */
bool cause_bases(struct text *, const struct causes *, struct cpu *, u64 la, const struct access *);

/* Do the tables of the CR3 before allow this access, a fetch or one of the processor's own, which those of now refuse?
 * A user's fetch counts at its return to CPL 3 alone: elsewhere its program has moved on. */
bool cause_tables_before(const struct causes *, struct cpu *, u64 la, const struct access *);
/* CR4.LA57 = 1, and with the table of CR3 as a PML4 this access, which is refused, would be allowed. `tables` may be
 * NULL. */
bool cause_levels(struct text *, struct cpu *, struct tables *, u64 la, const struct access *);

#endif
