/* SPDX-License-Identifier: MIT */
/* The person, or the script, at the guest's serial line: standard input and output, and what is looked for in them. */
#ifndef FAULTLINE_FRONTEND_CONSOLE_H
#define FAULTLINE_FRONTEND_CONSOLE_H

#include <signal.h>

#include "devices/machine.h"
#include "frontend/events.h"
#include "frontend/output.h"
#include "frontend/pace.h"
#include "frontend/terminal.h"

/* Standard input, as the sender of a serial line. */
struct console_input {
    enum { INPUT_NONE, INPUT_FILE, INPUT_STREAM, INPUT_TERMINAL } kind;
    bool ended, closed, escapes, escaped; /* for the guest; for us; ^A is ours */
    bool as_events;                       /* bytes are events: recorded, or replayed */
    unsigned first, count;                /* of buffer, a ring */
    unsigned promised;                    /* bytes on their way as events */
    u64 taken;                            /* bytes read so far */
    u8 buffer[4096];
};

/* A text looked for in what passes (Knuth, Morris, Pratt). */
struct matcher {
    const char *text;
    size_t length, at;
    u32 *back; /* where to go on after a mismatch */
};
bool matcher_init(struct matcher *, const char *text); /* false without memory */
bool matcher_byte(struct matcher *, u8);               /* true when the text is complete */
void matcher_free(struct matcher *);

struct console {
    struct machine *machine;
    const volatile sig_atomic_t *stop; /* set by a signal: no more sleeping */
    struct console_input input;
    bool quit;            /* ^A x */
    struct output *out;   /* where standard output is used, or NULL */
    struct timer refresh; /* what was written without a newline is shown soon, and the keyboard looked at */
    u64 debt_ns;          /* guest time that passed while we did not sleep */
    struct events *events;
    struct pace *pace; /* NULL: somebody else's business */
    int wake_fd;       /* another descriptor that ends a sleep, or -1 */
    /* A monitor that shares the terminal (^A c); NULL: there is none. */
    void (*monitor_switch)(void *monitor);
    void (*monitor_bytes)(void *monitor, const u8 *bytes, size_t n);
    void *monitor;
    bool monitor_focus; /* what is typed is the monitor's */
};

void console_init(struct console *, const volatile sig_atomic_t *stop);
/* Begin to read standard input; `escapes` if ^A x is to end the run. */
void console_take_input(struct console *, bool escapes);
/* After the machine is made. */
void console_attach(struct console *, struct machine *);
void console_detach(struct console *);

/* Take in what was typed, as the timer does. */
void console_look(struct console *);

/* A byte struck as an event (-1: the last has come). */
void console_serial(void *console, int byte);

/* The guest stands still: called again and again meanwhile. */
void console_still(struct console *);

int console_get(void *console);           /* struct uart_backend.get */
void console_idle(void *console, u64 ns); /* struct machine_config.idle */
void console_wrote(struct console *);     /* out has something to show */

#endif
