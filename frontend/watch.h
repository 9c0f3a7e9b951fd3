/* SPDX-License-Identifier: MIT */
/* Everything that watches the processor's faults during a run: recorder, trace file, --explain, --expect, the story. */
#ifndef FAULTLINE_FRONTEND_WATCH_H
#define FAULTLINE_FRONTEND_WATCH_H

#include "frontend/expect.h"
#include "frontend/explain.h"
#include "frontend/filter.h"
#include "frontend/log.h"
#include "frontend/options.h"
#include "frontend/output.h"
#include "frontend/overlay.h"
#include "frontend/recorder.h"
#include "frontend/trace_write.h"
#include "frontend/trail.h"

struct watch_count {
    u64 count;
    char first[256]; /* in words */
};

/* Somebody else who wants to hear of faults; set before watch_begin(). */
struct watch_listener {
    void *ctx;
    void (*raised)(void *ctx, const struct record *); /* may be NULL */
    void (*decided)(void *ctx, const struct record *);
    bool quiet; /* triple faults are not told on stderr */
};

struct watch {
    struct watch_listener listener;
    struct log *log;     /* NULL: none; set before watch_begin() too */
    struct trail *trail; /* likewise: the last instructions */
    struct machine *machine;
    const struct options *options;
    struct recorder *recorder; /* NULL if nobody asked for faults */
    struct story story;
    u64 triple_faults; /* so far */
    u64 repeats;       /* of a loop, not told yet */
    struct checks checks;
    bool linted;           /* at the first page fault */
    struct tables *tables; /* NULL if nobody asked who wrote entries */
    struct disasm *disasm;
    struct symbols *symbols;    /* NULL: no names */
    struct trace_writer *trace; /* NULL, or where records go */
    struct trace_row row;
    struct filter filter;    /* options->trace_filter: the others do not */
    struct output *lines;    /* NULL, or where explanations go */
    struct overlay *overlay; /* NULL, or who shows faults */
    struct explain explain;
    struct expectation expect[OPTIONS_EXPECTS];
    bool waits;                    /* an expectation asks for the outcome: all are judged when it is known */
    struct watch_count unexpected; /* page faults that no expectation fits */
    struct watch_count loops;      /* ... that came again with nothing changed */
    struct watch_count user_exec;  /* ... by fetches of supervisor pages at CPL 3 */
};

/* Both outputs and the overlay may be NULL. False without memory. */
bool watch_begin(struct watch *, struct machine *, const struct options *, struct output *trace, struct output *lines,
                 struct overlay *overlay);
/* Names for addresses (borrowed): from here on records have them. */
void watch_name(struct watch *, struct symbols *);
/* What was seen so far, as the last part of a saved state (watch_state.c). */
void watch_save(struct watch *, struct state *);
/* Another machine's past is about to be loaded: what is known of this one's is of no use. */
void watch_forget(struct watch *);
/* After the machine. This run goes on with the faults that are being handled, and numbers its own behind them; or it
 * has a past, and gives up what it waited for. */
void watch_load(struct watch *, struct state *, bool goes_on);
/* No more will come: hands on what waits. */
void watch_finish(struct watch *);
void watch_end(struct watch *);

#endif
