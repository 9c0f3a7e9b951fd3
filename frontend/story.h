/* SPDX-License-Identifier: MIT */
/* How a triple fault came about: which delivery failed at which step and why, back to the first cause. */
#ifndef FAULTLINE_FRONTEND_STORY_H
#define FAULTLINE_FRONTEND_STORY_H

#include <stdio.h>

#include "cpu/cpu.h"
#include "frontend/cause.h"
#include "frontend/text.h"

#define STORY_LINKS 8   /* a chain has at most 5 */

struct story_link {
    struct cpu_event event;
    const char *failed_at; /* the step of its delivery that failed; NULL: nothing did, or it was not tried */
    bool walked;           /* vector 14, and `walk` is its verdict */
    struct walk walk;
};

struct story {
    struct story_link link[STORY_LINKS];
    unsigned links;
    u64 icount; /* at which the chain began; nothing retires within one */
    /* The first of the fetches that were refused at this count: a handler that cannot be fetched fills its stack, and
     * what lies below that, with frames. Known where somebody hears of page faults. */
    u64 fetch_icount, fetch_la;
    struct walk fetch;
    const struct causes *causes; /* borrowed; NULL likewise */
};

/* A page fault was raised. */
void story_page_fault(struct story *, struct cpu *, u64 la, const struct access *, const struct walk *);

void story_delivery_failed(struct story *, struct cpu *, const struct cpu_event *first, const struct cpu_event *second,
                           const char *step);
/* What is wrong, in one sentence. `tables`: who wrote the entry that decided; may be NULL. */
void story_verdict(struct text *, const struct story *, struct cpu *, struct tables *tables);
/* Tells it, several lines of text: the verdict first. */
void story_tell(const struct story *, struct cpu *, struct tables *, FILE *);

#endif
