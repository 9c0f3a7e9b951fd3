/* SPDX-License-Identifier: MIT */
/*
 * `-d`: what the processor does, as lines of text. A line begins with the item's name; lines that belong to it are
 * indented. Nothing here changes what the guest does, or its instruction count.
 */
#ifndef FAULTLINE_FRONTEND_LOG_H
#define FAULTLINE_FRONTEND_LOG_H

#include <stdio.h>

#include "frontend/output.h"
#include "frontend/symbols.h"

enum log_item { LOG_INT, LOG_CPU, LOG_IN_ASM, LOG_CR3, LOG_IO, LOG_RESET, LOG_ITEMS };

#define LOG_RANGES 16

/* What is asked for: by -d and -dfilter. */
struct log_choice {
    unsigned items; /* bit n: enum log_item */
    unsigned ranges;
    struct log_range {
        u64 first, last; /* linear addresses of code, inclusive */
    } range[LOG_RANGES]; /* none: all of it */
};

/* NULL, or the first item of the list that there is not (`n` bytes of it). Commas separate. */
const char *log_choose(struct log_choice *, const char *list, size_t *n);
/* FIRST..LAST, START+SIZE and END-SIZE (SIZE bytes down from END, END included), separated by commas. False with a
 * line in `why`. */
bool log_choose_ranges(struct log_choice *, const char *list, char *why, size_t size);
void log_help(FILE *);

struct log;
/* Choice and output are borrowed. NULL without memory. */
struct log *log_create(const struct log_choice *, struct output *, struct phys *);
void log_destroy(struct log *);
bool log_wants(const struct log *, enum log_item);
void log_name(struct log *, struct symbols *); /* borrowed */
/* The guest is about to run: from here on a change of CR3 is one. */
void log_begin(struct log *, struct cpu *);

/* An event in words: "#GP, error 0x10", "interrupt 0x20". */
void log_event_text(struct text *, const struct cpu_event *);

/* For the processor's observer; those of an item that is not wanted do nothing. */
void log_event(struct log *, struct cpu *, const struct cpu_event *, int during);
void log_delivery_failed(struct log *, struct cpu *, const struct cpu_event *first, const struct cpu_event *second,
                         const char *step);
void log_shutdown(struct log *, struct cpu *);
void log_resume(struct log *, struct cpu *);
void log_decoded(struct log *, struct cpu *, const u8 *bytes, unsigned size, bool kept);
void log_port(struct log *, struct cpu *, u16 port, unsigned width, u64 value, bool write);
void log_reset(struct log *, struct cpu *, bool init);

#endif
