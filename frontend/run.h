/* SPDX-License-Identifier: MIT */
/* `faultline run`: one machine from the command line to its exit status. */
#ifndef FAULTLINE_FRONTEND_RUN_H
#define FAULTLINE_FRONTEND_RUN_H

#include <signal.h>

#include "frontend/options.h"
#include "frontend/terminal.h"

enum {
    EXIT_GOOD = 0,
    EXIT_FILES = 2, /* usage, or a file that cannot be read or written */
    EXIT_INTERNAL = 120,
    EXIT_TRIPLE = 122,
    EXIT_BUDGET_OUT = 124,
    EXIT_UNMET = 126,
};

/* What a run tells besides its exit status, as it goes. */
struct run_report {
    bool finished; /* it came to its end, and `end` is set */
    struct machine_end end;
    bool posted; /* a POST code was written; the last: */
    u8 post;
};

/* What a signal handler needs of the run; its owner installs the handlers in `armed` and removes them in `disarmed`. */
struct host {
    volatile sig_atomic_t signal;     /* the one that asked for the end, or 0 */
    struct machine *volatile machine; /* NULL while there is none to stop */
    struct terminal terminal;
    void (*armed)(void), (*disarmed)(void);
    struct run_report *report; /* or NULL */
};

int run_guest(struct options *, struct host *);

#endif
