/* SPDX-License-Identifier: MIT */
/* What a trace's records come to: counts by cause and outcome, by place, by address space, by writer; what they cost.
 */
#ifndef FAULTLINE_FRONTEND_SUMMARY_H
#define FAULTLINE_FRONTEND_SUMMARY_H

#include <stdio.h>

#include "frontend/trace.h"

#define SUMMARY_NAMES 32  /* different causes, or outcomes; what a file has more of is counted as the last, "others" */
#define SUMMARY_STORY 16u /* records of a triple fault that are told */

struct names {
    unsigned count;
    char name[SUMMARY_NAMES][32];
};

/* One place, address space or writer. */
struct counter {
    bool used;
    u64 key;
    u64 faults, user, handled, instructions; /* user: at CPL 3; handled: those whose instructions are known */
    u64 first_ns, last_ns;
    char label[96];
};

struct counters {
    struct counter *table; /* a hash table; summary_settle() makes it a list, most faults first */
    u32 count, room;
};

struct summary {
    struct trace_schema schema; /* for which the columns below were looked up */
    int seq, icount, time, cpl, vector, cr2, cr3, rip, insns, cause, outcome, then, access, insn, symbol, writer, why,
        error;
    u64 records, faults; /* faults: of vector 14 */
    u64 first_icount, last_icount, first_ns, last_ns;
    u64 user;
    struct names causes, outcomes;
    u64 count[SUMMARY_NAMES][SUMMARY_NAMES]; /* by cause, by final outcome */
    struct counters places, spaces, writers;
    u64 *cost; /* instructions of the handled ones; sorted by summary_settle() */
    u64 costs, cost_room;
    char story[SUMMARY_STORY][256]; /* the records that ended in a triple fault, in words */
    unsigned stories;
};

void summary_init(struct summary *);
/* False without memory. */
bool summary_add(struct summary *, const struct trace_schema *, const struct trace_row *);
void summary_settle(struct summary *);
void summary_free(struct summary *);

/* summary_text.c: several lines of text, and one JSON object. `name` is what the records were read from. */
void summary_print(const struct summary *, const char *name, FILE *);
void summary_json(const struct summary *, const char *name, FILE *);

#endif
