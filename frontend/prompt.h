/* SPDX-License-Identifier: MIT */
/*
 * Where monitor commands come from while a machine runs: standard input, a socket, or the console's terminal, which it
 * shares with the serial line (^A c). At a terminal lines are edited by libedit. Over a pipe or a socket there are no
 * prompts: each answer is text, or one line of JSON. While a `step` or a `wait` is under way what follows it waits.
 */
#ifndef FAULTLINE_FRONTEND_PROMPT_H
#define FAULTLINE_FRONTEND_PROMPT_H

#include "frontend/console.h"
#include "frontend/control.h"
#include "frontend/editor.h"
#include "frontend/monitor.h"
#include "frontend/options.h"

#define PROMPT_BUFFER 65536u

struct prompt {
    struct monitor *monitor;
    struct control *control;
    struct machine *machine;
    struct console *console;
    struct editor *editor; /* NULL: plain lines */
    enum { PROMPT_NONE, PROMPT_STDIO, PROMPT_SOCKET, PROMPT_SHARED } kind;
    const char *path; /* of the socket; removed at the end */
    int listener, client;
    bool terminal, interactive;
    bool focus;                 /* PROMPT_SHARED: what is typed is ours */
    bool waiting, ended;        /* for the guest to stop; no more input will come */
    struct timer look;          /* what the monitor puts into the guest, and the pace, are looked at */
    struct timer asleep;        /* a step gives up: */
    char buffer[PROMPT_BUFFER]; /* lines that wait, and a beginning of one */
    size_t used;
};

/* Opens what -monitor names. False with one line in `why`. */
bool prompt_open(struct prompt *, const struct options *, struct console *, char *why, size_t size);
/* The machine is made. False without memory. */
bool prompt_attach(struct prompt *, struct monitor *, struct control *);
void prompt_detach(struct prompt *);
void prompt_close(struct prompt *);

#endif
