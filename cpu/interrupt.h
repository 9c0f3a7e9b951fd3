/* SPDX-License-Identifier: MIT */
/* Delivery of exceptions and interrupts (SDM Vol. 3A, "Interrupt and Exception Handling"). */
#ifndef FAULTLINE_CPU_INTERRUPT_H
#define FAULTLINE_CPU_INTERRUPT_H

#include "cpu/state.h"

/*
 * Deliver an event, between instructions (cpu->op == NULL) or from within the INT that cpu->op is. cpu->rip is the RIP
 * to be saved, except for EVENT_SOFTWARE and EVENT_ICEBP: there it is that of the INT itself, where a fault in delivery
 * reports it, and event->next_rip is saved. Commits at its end and refreshes, or raises with the state untouched. From
 * its start to its end cpu->delivering is the vector and event_first() the event; a raise leaves them for
 * interrupt_combine.
 */
void interrupt_deliver(struct cpu *, const struct cpu_event *);

/* observer.event, or a debugger's points, have come or gone: deliveries that are watched go the long way, so that the
 * short one need not ask. */
void interrupt_watch(struct cpu *);

/*
 * Delivery of event_first() raised cpu->event: what to deliver next (SDM "Conditions for Generating a Double
 * Fault"). False for a triple fault: shutdown.
 */
bool interrupt_combine(struct cpu *, struct cpu_event *next);

/* DR6 on a debug exception: the conditions met. Before raising, or delivering, vector 1. */
void debug_record(struct cpu *, u64 dr6_bits);

/* run.c: makes cpu->rip and the instruction count those of cpu->op; nothing if that is NULL. */
void run_sync(struct cpu *);

#endif
