/* SPDX-License-Identifier: MIT */
/* A run's screen: which display there is, its events and its pace, from the options to the last screenshot. */
#ifndef FAULTLINE_FRONTEND_SCREEN_H
#define FAULTLINE_FRONTEND_SCREEN_H

#include "frontend/console.h"
#include "frontend/display.h"
#include "frontend/options.h"
#include "frontend/script.h"

struct screen {
    const struct options *o;
    struct display display;
    struct events events;
    struct pace pace;
    struct overlay overlay;
    struct script script;
    bool script_unmet; /* a step of it failed, or was not reached */
    bool listening;    /* somebody is, or was when it was recorded, at keyboard and mouse */
};

/* Opens display and recording. False with one line in `why`; a window that was not asked for is done without. */
bool screen_open(struct screen *, const struct options *, char *why, size_t size);
bool screen_attach(struct screen *, struct machine *, struct console *); /* false without memory */
/* The run has ended: the recording's end and the screenshot. False if something could not be written (said on stderr).
 */
bool screen_finish(struct screen *, struct machine *, const struct machine_end *);
void screen_close(struct screen *);

/* The faults of the run are of interest to it: NULL if not. */
struct overlay *screen_overlay(struct screen *);
static inline bool screen_has_terminal(const struct screen *s) { return s->o->display == DISPLAY_ANSI; }

#endif
