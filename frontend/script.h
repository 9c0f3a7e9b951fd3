/* SPDX-License-Identifier: MIT */
/*
 * A script that sits before the guest in a user's place: it waits for text on the screen, types, and takes pictures,
 * all at moments of guest time, so that a run with a script is as repeatable as one without. One step a line:
 *
 *     wait TEXT          until one row of the text screen contains TEXT (characters of code page 437)
 *     sleep MS           milliseconds of guest time
 *     type TEXT          keystrokes, as on a US keyboard; blanks at the line's end count
 *     key NAME[-NAME..]  keys pressed together, by their sendkey names: ret, ctrl-alt-delete
 *     screenshot FILE    .png: the picture; .txt: the rows of a text screen, in UTF-8
 *     timeout SECONDS    of guest time, for each wait from here on (600)
 *     end                the run ends, successfully
 *
 * Empty lines and lines that begin with # are skipped. After the last step the guest runs on.
 */
#ifndef FAULTLINE_FRONTEND_SCRIPT_H
#define FAULTLINE_FRONTEND_SCRIPT_H

#include "devices/machine.h"
#include "frontend/events.h"

struct script {
    const char *name;
    struct script_step *step; /* owned */
    size_t steps, at;
    char *text; /* the file; steps point into it */
    struct machine *machine;
    struct events *events;
    struct timer timer;
    u64 timeout; /* guest nanoseconds */
    u64 began;   /* when the step at `at` was begun; 0: not yet */
    bool failed; /* said on stderr */
};

/* Reads and checks all of it. False with one line in `why`. */
bool script_open(struct script *, const char *path, char *why, size_t size);
void script_attach(struct script *, struct machine *, struct events *);
/* The run has ended. False if a step failed or was not reached (said on stderr). */
bool script_finish(struct script *);
void script_close(struct script *);

#endif
