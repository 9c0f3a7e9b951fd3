/* SPDX-License-Identifier: MIT */
/* Why the delivery of an exception failed: which of the processor's structures it met, and what is wrong with that. */
#ifndef FAULTLINE_FRONTEND_DELIVERY_H
#define FAULTLINE_FRONTEND_DELIVERY_H

#include "cpu/cpu.h"
#include "frontend/record.h"

/* A clause, "the stack has run out at 0x..", in the state of that moment: `failed` was raised while `tried` was being
 * delivered, at this step. `cause`: of the page fault that `failed` is, or CAUSE_NONE. */
void delivery_failure(struct text *, struct cpu *, const struct cpu_event *tried, const struct cpu_event *failed,
                      enum fault_cause, const char *step);
/* The same, kept in the record of the fault that could not be delivered; the first counts. */
void delivery_note(struct record *, struct cpu *, const struct cpu_event *tried, const struct cpu_event *failed,
                   const char *step);
/* The name of an event, "#PF", "INT 128". */
void delivery_name(struct text *, const struct cpu_event *);
/* `failed` says that the IDT has no gate for `tried`. */
bool delivery_lacks_gate(const struct cpu_event *failed);
/* Where the IDT sends this vector, as an offset in its code segment; false if that cannot be read. */
bool delivery_handler(struct cpu *, unsigned vector, u64 *offset);

#endif
