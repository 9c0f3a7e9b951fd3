/* SPDX-License-Identifier: MIT */
/* The last faults of a run, kept for whoever asks later: the monitor, and a run that ends badly. */
#ifndef FAULTLINE_FRONTEND_FAULTS_H
#define FAULTLINE_FRONTEND_FAULTS_H

#include <stdio.h>

#include "frontend/record.h"

#define FAULTS_KEPT 4096u /* a power of two */

struct faults {
    struct record *fault; /* a ring by seq; NULL: nothing is kept */
    u64 count;            /* seq of the last */
    struct disasm *disasm;
};

bool faults_begin(struct faults *); /* false without memory */
void faults_end(struct faults *);

/* As struct watch_listener has them: at the fault, and when its outcome is known. */
void faults_raised(void *history, const struct record *);
void faults_decided(void *history, const struct record *);

/* The n-th last fault, from 1 on; NULL if there is none or it is no longer kept. */
const struct record *faults_last(const struct faults *, u64 n);
/* Its line, as --explain has it, without newline. */
void faults_line(struct faults *, const struct record *, struct text *);
/* The last `most` of them as lines, oldest first. */
void faults_tell(struct faults *, u64 most, FILE *);

#endif
