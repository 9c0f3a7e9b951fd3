/* SPDX-License-Identifier: MIT */
/* The one place where the host's clock meets guest time: interactive runs are held back to wall time. */
#ifndef FAULTLINE_FRONTEND_PACE_H
#define FAULTLINE_FRONTEND_PACE_H

#include "mmu/base.h"

struct pace {
    double speed; /* guest seconds a host second; 0: as fast as possible */
    u64 (*host_now)(void *ctx);
    void *ctx;
    bool anchored;
    u64 guest, host; /* they were the same moment */
};

u64 pace_host_now(void *unused); /* the host's monotonic clock in nanoseconds */

/* With the host's clock; `speed` as above. */
struct pace pace_make(double speed);
/* How many host nanoseconds the guest is ahead. One that fell far behind is not made to hurry: it goes on from here. */
u64 pace_ahead(struct pace *, u64 guest_now);
/* The guest stood still meanwhile. */
void pace_forget(struct pace *);

#endif
