/* SPDX-License-Identifier: MIT */
/* What records say in words, for whoever writes them. */
#ifndef FAULTLINE_FRONTEND_WRITERS_H
#define FAULTLINE_FRONTEND_WRITERS_H

#include "frontend/record.h"

/* The instruction that faulted; NULL if it could not be fetched whole. */
const struct disasm_line *record_line(struct disasm *, const struct record *);

/* Lists, each item between `quote`s: W;U or "W","U". */
void list_bits(struct text *, const struct record *, const char *quote, const char *between);
/* Who called: "name+0x1f", or the address where no symbol is known; innermost first. */
void list_frames(struct text *, const struct record *, const char *quote, const char *between);
void list_also(struct text *, const struct record *, const char *quote, const char *between);

#endif
