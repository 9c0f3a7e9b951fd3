/* SPDX-License-Identifier: MIT */
/* What a run must show: each --expect and --fail-on as one verdict, for stderr, the exit status and JUnit. */
#ifndef FAULTLINE_FRONTEND_GATE_H
#define FAULTLINE_FRONTEND_GATE_H

#include <stdio.h>

#include "frontend/watch.h"

#define GATES_MAX (OPTIONS_EXPECTS + 4u + CHECKS)

struct gate {
    char name[320]; /* "-expect: 'pf va=..'" */
    char why[512];  /* not met: why; empty if it is */
};

/* How many there are. `triple_fault`: the run ended with one. */
unsigned gates_of(struct gate gates[GATES_MAX], const struct watch *, bool triple_fault);
/* Those that are not met, a line each. True if there is none. */
bool gates_tell(const struct gate *, unsigned count, const struct watch *, FILE *);

/* XML's special characters and what is not printable are replaced. */
void junit_text(FILE *, const char *text, size_t size);
/* A JUnit file: the run itself, which fails by an end that no guest means (`end` is NULL: an output was lost), and a
 * case for each gate. Closes it; false if it cannot be written. */
bool junit_write(FILE *, const struct options *, const struct machine_end *end, u64 host_ns, const struct gate *,
                 unsigned count);

#endif
