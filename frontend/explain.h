/* SPDX-License-Identifier: MIT */
/* --explain: a line for each fault, and a table at the end. */
#ifndef FAULTLINE_FRONTEND_EXPLAIN_H
#define FAULTLINE_FRONTEND_EXPLAIN_H

#include <stdio.h>

#include "frontend/record.h"

struct explain {
    u64 count[CAUSE_COUNT][OUTCOME_COUNT]; /* by cause and final outcome */
    u64 instructions[CAUSE_COUNT];         /* spent in handlers */
};

/* A fault, without what became of it and without a newline. */
void explain_fault(struct text *, const struct record *, const struct disasm_line *);
/* The line of a decided fault, with a newline. */
void explain_line(struct text *, const struct record *, const struct disasm_line *);
void explain_count(struct explain *, const struct record *);
void explain_table(const struct explain *, FILE *);

#endif
