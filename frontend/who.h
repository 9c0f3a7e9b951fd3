/* SPDX-License-Identifier: MIT */
/* What a record says of the writers of entries. */
#ifndef FAULTLINE_FRONTEND_WHO_H
#define FAULTLINE_FRONTEND_WHO_H

#include "frontend/record.h"

/* At the fault: the writer of the entry that decided, and whether the mapping was made elsewhere. `tables` may be NULL:
 * then nothing is known. */
void who_wrote(struct tables *, struct record *, struct cpu *);
/* When the context runs again: what changed meanwhile. */
void who_changed(struct tables *, struct record *);

#endif
