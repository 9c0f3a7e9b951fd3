/* SPDX-License-Identifier: MIT */
/*
 * Bugs that hardware shows late, or on some other processor: what --check asks for. Every finding is one line on
 * stderr, "check NAME: VERDICT: ...", once for each place.
 */
#ifndef FAULTLINE_FRONTEND_CHECKS_H
#define FAULTLINE_FRONTEND_CHECKS_H

#include <stdio.h>

#include "devices/machine.h"
#include "frontend/disasm.h"
#include "frontend/symbols.h"
#include "frontend/text.h"

enum check { CHECK_STALE_TLB, CHECK_LINT, CHECK_STRICT, CHECKS };
const char *check_name(enum check);

#define CHECKS_SEEN 4096u /* places remembered; a power of two. What more there is may be told twice */

struct checks {
    struct machine *machine;
    struct tables *tables;   /* who wrote entries; NULL if nobody knows */
    struct symbols *symbols; /* names of code; NULL without */
    struct disasm *disasm;   /* CHECK_STRICT: not NULL */
    FILE *to;
    u64 count[CHECKS]; /* findings told */
    u64 seen[CHECKS_SEEN];
};

/* A translation was used though its entries have changed: the observer's event. */
void checks_stale(struct checks *, struct cpu *, const struct cpu_stale *);
/* The guest broke a rule that other emulators do not enforce: the observer's event. checks_strict.c */
void checks_strict(struct checks *, struct cpu *, const struct cpu_strict *);
/* Looks at the whole address space of now: W+X pages, kernel code and data that user code may write, tables that can be
 * written through a user mapping or in more than one place, reserved bits, pages that are not RAM. What was told before
 * is not told again. `when` is told: "at the end". checks_lint.c */
void checks_lint(struct checks *, struct cpu *, const char *when);

/* Where code is, as far as names are known: " map+0x19 at kernel.c:35"; symbols may be NULL. */
void checks_put_code(struct text *, struct symbols *, u64 rip);
/* "; written by ..": who wrote the entry at `at` last, if that is known; symbols may be NULL. */
void checks_put_writer(struct text *, struct symbols *, struct tables *, u64 at);
void checks_tell(const struct checks *, struct text *, const char *line); /* `line` is what the text is over */
/* A finding at this place (any number that tells places apart): true, and counted, if it is the first there. */
bool checks_is_new(struct checks *, enum check, u64 place);
/* "3 stale-tlb, 1 lint"; for --stats. */
void checks_total(const struct checks *, struct text *);

#endif
