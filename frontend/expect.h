/* SPDX-License-Identifier: MIT */
/* --expect 'pf va=0x1000..0x1fff ec=6 rip=.. cpl=3 count=2': page faults that must be raised. */
#ifndef FAULTLINE_FRONTEND_EXPECT_H
#define FAULTLINE_FRONTEND_EXPECT_H

#include "frontend/record.h"

enum { EXPECT_VA, EXPECT_EC, EXPECT_RIP, EXPECT_CPL, EXPECT_COUNT, EXPECT_KEYS };

struct expectation {
    u64 low[EXPECT_KEYS], high[EXPECT_KEYS]; /* a key not given allows everything; count: at least one */
    u64 seen;
};

/* False with the reason in `why`. */
bool expect_parse(struct expectation *, const char *text, char *why, size_t size);
/* Counts it, if this is such a fault. */
bool expect_matches(struct expectation *, const struct record *);
bool expect_met(const struct expectation *);

#endif
