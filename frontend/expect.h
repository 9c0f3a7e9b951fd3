/* SPDX-License-Identifier: MIT */
/* --expect 'pf va=0x1000..0x1fff ec=6 cause=smap outcome=fixup count=1..3': page faults that must be raised. */
#ifndef FAULTLINE_FRONTEND_EXPECT_H
#define FAULTLINE_FRONTEND_EXPECT_H

#include "frontend/record.h"

/* Those whose values are numbers and ranges, then those whose values are words. */
enum {
    EXPECT_VA,
    EXPECT_EC,
    EXPECT_RIP,
    EXPECT_CPL,
    EXPECT_COUNT,
    EXPECT_NUMBERS,
    EXPECT_CAUSE = EXPECT_NUMBERS,
    EXPECT_ACCESS,
    EXPECT_OUTCOME,
    EXPECT_KEYS,
};

struct expectation {
    u64 low[EXPECT_NUMBERS], high[EXPECT_NUMBERS]; /* a key not given allows everything; count: at least one */
    int cause, access, outcome;                    /* of their enums, or -1 */
    char symbol[64];                               /* rip=NAME: within the function; empty: anywhere */
    u64 seen;
};

/* False with the reason in `why`. */
bool expect_parse(struct expectation *, const char *text, char *why, size_t size);
/* Can it be judged only when the fault's outcome is known? */
bool expect_waits(const struct expectation *);
/* Counts it, if this is such a fault. */
bool expect_matches(struct expectation *, const struct record *);
bool expect_met(const struct expectation *);

#endif
