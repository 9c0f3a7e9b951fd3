/* SPDX-License-Identifier: MIT */
/* The timer queue: a list sorted by time. A PC has a dozen timers, so walking it beats anything cleverer. */
#include "devices/clock.h"

#include <stdlib.h>

struct clock {
    u64 (*now)(void *ctx);
    void *now_ctx;
    struct timer *first;
    void (*earlier)(void *ctx);
    void *earlier_ctx;
};

struct clock *clock_create(u64 (*now)(void *ctx), void *ctx)
{
    struct clock *c = calloc(1, sizeof(*c));

    if (!c)
        return NULL;
    c->now = now;
    c->now_ctx = ctx;
    return c;
}

void clock_destroy(struct clock *c) { free(c); }

u64 clock_now(const struct clock *c) { return c->now(c->now_ctx); }

void clock_disarm(struct clock *c, struct timer *t)
{
    struct timer **link = &c->first;

    if (t->at == CLOCK_NEVER)
        return;
    while (*link && *link != t)
        link = &(*link)->next;
    if (*link)
        *link = t->next;
    t->next = NULL;
    t->at = CLOCK_NEVER;
}

void clock_arm(struct clock *c, struct timer *t, u64 at)
{
    struct timer **link = &c->first;
    u64 before;

    clock_disarm(c, t);
    if (at == CLOCK_NEVER)
        return;
    before = clock_next(c);
    while (*link && (*link)->at <= at)
        link = &(*link)->next;
    t->at = at;
    t->next = *link;
    *link = t;
    if (at < before && c->earlier)
        c->earlier(c->earlier_ctx);
}

u64 clock_next(const struct clock *c) { return c->first ? c->first->at : CLOCK_NEVER; }

void clock_run(struct clock *c)
{
    while (c->first) {
        struct timer *t = c->first;
        u64 now = clock_now(c);

        if (t->at > now)
            return;
        c->first = t->next;
        t->next = NULL;
        t->at = CLOCK_NEVER;
        t->due(t->device, now);
    }
}

void clock_on_earlier(struct clock *c, void (*earlier)(void *ctx), void *ctx)
{
    c->earlier = earlier;
    c->earlier_ctx = ctx;
}
