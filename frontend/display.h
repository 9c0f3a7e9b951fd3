/* SPDX-License-Identifier: MIT */
/*
 * A screen with somebody in front of it: a window or a terminal. It looks at the machine from a timer, some sixty times
 * a host second; that is also where interactive runs are paced. What it does to the guest goes through events.h.
 */
#ifndef FAULTLINE_FRONTEND_DISPLAY_H
#define FAULTLINE_FRONTEND_DISPLAY_H

#include <signal.h>

#include "frontend/events.h"
#include "frontend/overlay.h"
#include "frontend/pace.h"

struct display;

/* What kinds of display differ in. All are called between instructions of the guest. */
struct display_ops {
    /* Show display->view (and the overlay), or what changed of it. */
    void (*show)(struct display *);
    /* Take in what the user did: into display->events, or the display_ functions below. */
    void (*pump)(struct display *);
    /* Nothing to do for so many host nanoseconds: come back sooner if the user does something. */
    void (*wait)(struct display *, u64 ns);
    void (*close)(struct display *);
};

struct display {
    const struct display_ops *ops; /* NULL: no display */
    void *own;                     /* the kind's */
    struct machine *machine;
    struct events *events;
    struct pace *pace;
    struct vga_view view;
    struct overlay *overlay;           /* NULL if it has none */
    const volatile sig_atomic_t *stop; /* set by a signal: no more waiting */
    struct timer timer;
    u64 period;  /* guest nanoseconds from one look to the next */
    u64 shown;   /* host time of the last frame */
    u64 counted; /* ... of the last rate */
    u64 instructions, faults;
    double mips, fault_rate;
    bool paused, quit, changed; /* changed: show all of it again */
    unsigned shots;             /* screenshots taken */
};

/* Each opens its kind. False with the reason in `why`. */
bool window_open(struct display *, char *why, size_t size);
bool ansi_open(struct display *, char *why, size_t size);
/* Could a window open here? (An X or Wayland display is named.) */
bool window_is_possible(void);

/* The rest of the struct is set by the caller before. */
bool display_attach(struct display *, struct machine *);
void display_detach(struct display *);
/* The guest stands still: called again and again meanwhile. */
void display_still(struct display *);
/* The run has ended: show the last picture until the user closes it. */
void display_linger(struct display *, const char *why);
void display_close(struct display *);

/* What a user can do beside typing. */
void display_quit(struct display *);
void display_pause(struct display *);
void display_screenshot(struct display *); /* faultline-N.png in the current directory */

#endif
