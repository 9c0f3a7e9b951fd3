/* SPDX-License-Identifier: MIT */
/* What a record says of the writers of entries. */
#ifndef FAULTLINE_FRONTEND_WHO_H
#define FAULTLINE_FRONTEND_WHO_H

#include <stdio.h>

#include "frontend/record.h"

/* At the fault: the writer of the entry that decided, and whether the mapping was made elsewhere. `tables` may be NULL:
 * then nothing is known. */
void who_wrote(struct tables *, struct record *, struct cpu *);
/* The history of the entry of every level that translates `la` now, newest change first: lines of text,
 * with names where `symbols` is not NULL. */
void who_print(struct tables *, struct symbols *, struct cpu *, u64 la, FILE *);
/* The keys `writer` and `changes` of the trace: {"by":"instruction","rip":"0x..",..}, "unknown" (before the page was
 * first used as a table), "never" (since reset) or null; and a list of such objects. */
void json_writer(struct text *, const struct record *);
void json_changes(struct text *, const struct record *);

/* When the context runs again: what changed meanwhile. */
void who_changed(struct tables *, struct record *);
/* The context faults as before: if entries were written, and none that the access walks, whose they are. */
void who_missed(struct tables *, struct record *, struct cpu *);

#endif
