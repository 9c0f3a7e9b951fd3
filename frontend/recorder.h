/* SPDX-License-Identifier: MIT */
/*
 * The fault recorder: an observer of the processor that makes one record of each #PF raised, and decides what became of
 * it when the faulting context runs again.
 */
#ifndef FAULTLINE_FRONTEND_RECORDER_H
#define FAULTLINE_FRONTEND_RECORDER_H

#include "frontend/record.h"
#include "frontend/story.h"
#include "mmu/state.h"

#define RECORDER_WAITING 4096u /* records that may wait for their outcome; a power of two */

/* All may be NULL. A record is borrowed for the call. */
struct recorder_events {
    void (*describe)(void *ctx, struct cpu *, struct record *); /* before that: names for its addresses */
    void (*raised)(void *ctx, const struct record *);           /* at the fault; no outcome yet */
    void (*decided)(void *ctx, const struct record *);          /* its outcome is known */
    void (*ordered)(void *ctx, const struct record *);          /* the same, but in order of seq */
    u64 (*time_ns)(void *ctx);                                  /* guest time */
    struct tables *tables;                                      /* who wrote what; NULL: nobody watched */
    void *ctx;
};

struct recorder;
struct recorder *recorder_create(const struct recorder_events *);
void recorder_destroy(struct recorder *);
/* So many faults were raised before this recorder was there, in a saved state: numbers go on behind them. */
void recorder_number_from(struct recorder *, u64 raised);
/* Which faults are being handled, as part of a saved state. A recorder that loads them, having made no record yet, goes
 * on where the other left: it knows their handlers, but does not tell of them again. */
void recorder_state(struct recorder *, struct state *);

/* The observer's callbacks, to be called with the recorder as ctx. */
void recorder_page_fault(struct recorder *, struct cpu *, u64 la, unsigned width, const struct access *,
                         const struct walk *, int during);
void recorder_event(struct recorder *, struct cpu *, const struct cpu_event *, int during);
void recorder_delivery_failed(struct recorder *, struct cpu *, const struct cpu_event *first,
                              const struct cpu_event *second, const char *step);
void recorder_resume(struct recorder *, struct cpu *);
/* A triple fault: the story's other vectors get records too, and what still waits is pending. */
void recorder_shutdown(struct recorder *, struct cpu *, const struct story *);
/* Nobody will come back to what waits: it is pending. */
void recorder_give_up(struct recorder *);
/* The run is over: everything that waits is pending. */
void recorder_finish(struct recorder *);

/* The part of a record that tells where the processor is: cs .. bytes. */
void record_place(struct record *, struct cpu *, const struct cpu_state *);

/* The part of a record that tells of the tables before. */
void record_before(struct record *, const struct causes *, struct cpu *);
const struct causes *recorder_causes(const struct recorder *); /* borrowed: what stories are told by */
u64 recorder_count(const struct recorder *);                   /* records made */

#endif
