/* SPDX-License-Identifier: MIT */
/* The recorder from within. For frontend/recorder*.c alone. */
#ifndef FAULTLINE_FRONTEND_RECORDER_PARTS_H
#define FAULTLINE_FRONTEND_RECORDER_PARTS_H

#include "frontend/cause.h"
#include "frontend/recorder.h"

#define CHAINS 512u /* a power of two */
#define NEST_MAX 64u
#define DOOMED_MAX 8u

enum slot_state { SLOT_FREE, SLOT_WAITING, SLOT_RETRYING, SLOT_DOOMED, SLOT_DECIDED };

struct slot {
    struct record r;
    enum slot_state state;
    u64 space;          /* the address space */
    u64 switches;       /* how often user code had changed address space */
    bool told;          /* by the run whose state was loaded: not to be handed on */
    u32 next, previous; /* of its chain: slot number + 1, or 0 */
};

struct recorder {
    struct recorder_events events;
    struct causes causes;
    u64 first, next; /* seq: the oldest not handed on, the next to be made; the first record is 1 */
    u32 chain[CHAINS];
    u64 waiting;           /* slots in chains */
    u64 user_space;        /* in which CPL-3 code ran last */
    bool user_space_loose; /* ... known from a kernel's CR3 only */
    u64 switches;
    u64 retry, retry_icount; /* seq of the record whose instruction is about to be retried unchanged, or RECORD_NONE */
    u64 delivering;          /* seq of the #PF being delivered */
    u64 nest[NEST_MAX];      /* faults in whose handling we are, outermost first */
    unsigned nested;
    u64 doomed[DOOMED_MAX]; /* faults whose delivery became a #DF */
    unsigned doomed_count;
    u16 slot_number[RECORDER_WAITING]; /* by seq, a ring */
    u16 unused[RECORDER_WAITING];      /* a stack of slot numbers */
    unsigned unused_count;
    struct slot slot[RECORDER_WAITING];
};

/* The record of this number, which is not handed on yet; else some other. */
struct slot *recorder_slot(struct recorder *, u64 seq);
/* A slot for the record that is next; the caller counts it. */
struct slot *recorder_take(struct recorder *);
/* Its outcome is awaited, from its context. */
void recorder_wait(struct recorder *, struct slot *);
/* Causes: of a fault, whose record is filled but for them; and of an event, which may tell of the fault before. */
void recorder_cause_fault(struct recorder *, struct record *, struct cpu *);
void recorder_cause_event(struct recorder *, struct cpu *, const struct cpu_event *);
/* Records are done with in their order, as far as their outcomes are known. */
void recorder_hand_on(struct recorder *);

#endif
