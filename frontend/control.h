/* SPDX-License-Identifier: MIT */
/*
 * Who lets the machine run and stop: gdb, the monitor, a window. A controlled run goes on in slices; between them, and
 * while the guest stands still, its users look at what came for them. While it stands still, so does guest time.
 */
#ifndef FAULTLINE_FRONTEND_CONTROL_H
#define FAULTLINE_FRONTEND_CONTROL_H

#include <signal.h>

#include "devices/machine.h"

#define CONTROL_USERS 4u
#define CONTROL_FDS 3u

enum control_why {
    CONTROL_ASKED, /* control_stop(), or the run begins stopped */
    CONTROL_STEP,  /* as many instructions as were asked for have run, or a handler was entered */
    CONTROL_BREAK, /* cpu_broke() */
    CONTROL_END,   /* the guest has come to an end worth a look: letting it go ends the run */
};

/* All may be NULL. */
struct control_user {
    void *ctx;
    unsigned (*fds)(void *ctx, int fd[CONTROL_FDS]); /* what input comes from */
    void (*poll)(void *ctx);                         /* look at it, without waiting */
    void (*stopped)(void *ctx, enum control_why);
    bool (*holds)(void *ctx); /* does somebody want to see how the guest ended? */
    void (*still)(void *ctx); /* the guest stands still: called some twenty times a second */
};

struct control {
    struct machine *machine;
    const volatile sig_atomic_t *signal; /* not 0: the run is to end */
    struct control_user user[CONTROL_USERS];
    unsigned users;
    bool stopped; /* it stands still, or will before the next instruction */
    bool asked;   /* stop it */
    bool quit;    /* end the run */
    bool stepping;
    u64 pause_at, looked; /* instruction count; host milliseconds */
};

void control_init(struct control *, struct machine *, const volatile sig_atomic_t *signal);
bool control_add(struct control *, struct control_user); /* false: there are too many */

void control_stop(struct control *);
/* Let it run on: so many instructions, then stop; 0: until something stops it. */
void control_go(struct control *, u64 instructions);
/* The same, but a handler that is entered does not stop it: exactly so many. */
void control_go_through(struct control *, u64 instructions);
void control_quit(struct control *);

/* The run to its end: as machine_run(), END_INTERRUPTED for control_quit() and signals. */
struct machine_end control_run(struct control *, struct machine_limits);

#endif
