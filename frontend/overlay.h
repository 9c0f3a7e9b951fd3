/* SPDX-License-Identifier: MIT */
/*
 * The fault overlay: the guest's address space as a map, over its dimmed screen. A row is a stretch of mapped
 * addresses, its bar as long as the logarithm of its size; a bar's colour is the page's state, and a fault glows in it
 * for some seconds. Below, the last faults in words, and what the mouse points at.
 */
#ifndef FAULTLINE_FRONTEND_OVERLAY_H
#define FAULTLINE_FRONTEND_OVERLAY_H

#include "devices/machine.h"
#include "devices/surface.h"
#include "frontend/record.h"

#define OVERLAY_FAULTS 64u
#define OVERLAY_ROWS 24u
#define OVERLAY_LINE 200u

struct overlay_region {
    u64 base, last;
    bool user, writable, executable, mapped; /* of any page in it */
};

struct overlay {
    struct record fault[OVERLAY_FAULTS]; /* a ring, by count */
    char words[OVERLAY_FAULTS][OVERLAY_LINE];
    u64 at[OVERLAY_FAULTS]; /* host time when it was first drawn; 0: not yet */
    u64 count, cause[CAUSE_COUNT];
    /* rates, taken twice a second */
    u64 taken, last_count, last_cause[CAUSE_COUNT];
    double rate, cause_rate[CAUSE_COUNT];
    struct overlay_region row[OVERLAY_ROWS];
    unsigned rows;
};

/* A fault was raised; its outcome became known, in `words`. */
void overlay_raised(struct overlay *, const struct record *);
void overlay_decided(struct overlay *, const struct record *, const char *words);

/* A surface for the guest's picture and the overlay over it: at least 132 by 36 characters. False without memory. */
bool overlay_fit(struct surface *mix, const struct surface *guest);
/* The keys that mean something to the window, over the guest's picture. */
void overlay_keys(const struct surface *guest, struct surface *mix);
/* Draws both. The mouse is at (x, y); `now` is host time in nanoseconds. */
void overlay_draw(struct overlay *, struct machine *, const struct surface *guest, struct surface *mix, int x, int y,
                  u64 now);

/* The mapped stretches of the current address space, in order, with the pages of the last faults; neighbours are joined
 * until no more than `most` are left. Their number. */
unsigned overlay_map(const struct overlay *, struct machine *, struct overlay_region *to, unsigned most);

#endif
