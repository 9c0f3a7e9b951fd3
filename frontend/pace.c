/* SPDX-License-Identifier: MIT */
#include "frontend/pace.h"

#include <time.h>

#define FAR_BEHIND 50000000ll /* host nanoseconds */

u64 pace_host_now(void *unused)
{
    struct timespec t;

    (void)unused;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (u64)t.tv_sec * 1000000000u + (u64)t.tv_nsec;
}

struct pace pace_make(double speed) { return (struct pace){.speed = speed, .host_now = pace_host_now}; }

void pace_forget(struct pace *p) { p->anchored = false; }

u64 pace_ahead(struct pace *p, u64 guest_now)
{
    u64 host = p->host_now(p->ctx);
    s64 ahead;

    if (p->speed <= 0)
        return 0;
    if (!p->anchored) {
        p->anchored = true;
        p->guest = guest_now;
        p->host = host;
    }
    ahead = (s64)((double)(guest_now - p->guest) / p->speed) - (s64)(host - p->host);
    if (ahead < -FAR_BEHIND) {
        p->guest = guest_now;
        p->host = host;
    }
    return ahead > 0 ? (u64)ahead : 0;
}
