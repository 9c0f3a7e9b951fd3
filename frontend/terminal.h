/* SPDX-License-Identifier: MIT */
/* The user's terminal: raw while a guest has it, and as it was before afterwards. */
#ifndef FAULTLINE_FRONTEND_TERMINAL_H
#define FAULTLINE_FRONTEND_TERMINAL_H

#include <termios.h>

#include "mmu/base.h"

struct terminal {
    int fd;
    volatile bool changed;
    struct termios before;
};

/* Characters at once and without echo; `raw`: control characters too. Does nothing if fd is no terminal of ours. */
void terminal_enter(struct terminal *, int fd, bool raw);
/* Safe in a signal handler, and more than once. */
void terminal_leave(struct terminal *);

#endif
