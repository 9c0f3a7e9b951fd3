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
    struct timer *loaded; /* by a state, in order */
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

/* ---- State ---- */

static bool comes_before(const struct timer *a, const struct timer *b)
{
    return a->at != b->at ? a->at < b->at : a->order < b->order;
}

static void put_loaded(struct clock *c, struct timer *t)
{
    struct timer **link = &c->loaded;

    while (*link && !comes_before(t, *link))
        link = &(*link)->next;
    t->next = *link;
    *link = t;
}

void clock_timer_state(struct state *s, void *at)
{
    struct clock *c = s->timers;
    struct timer *t = at;
    u64 due = t->at, order = 0;

    for (const struct timer *other = c->first; other && other != t; other = other->next)
        order++;
    state_number(s, "timer.at", &due, UINT64_MAX);
    state_number(s, "timer.order", &order, UINT32_MAX);
    if (!state_is_loading(s) || s->failed)
        return;
    clock_disarm(c, t);
    if (due == CLOCK_NEVER)
        return;
    t->at = due;
    t->order = (u32)order;
    put_loaded(c, t);
}

void clock_state_begin(struct clock *c, struct state *s)
{
    s->timers = c;
    c->loaded = NULL;
}

/* A timer that should have fired long ago would have its device make up for all that time. */
static void check_times(const struct clock *c, struct state *s)
{
    if (c->loaded && c->loaded->at < clock_now(c))
        state_fail(s, "clock: a timer is due in the past");
}

void clock_state_end(struct clock *c, struct state *s, u64 now_before)
{
    struct timer *foreign = c->first;
    u64 now = clock_now(c);

    if (!state_is_loading(s))
        return;
    check_times(c, s);
    c->first = c->loaded;
    c->loaded = NULL;
    while (foreign) {
        struct timer *t = foreign;
        u64 due = now + (t->at > now_before ? t->at - now_before : 0);

        foreign = t->next;
        t->at = CLOCK_NEVER;
        t->next = NULL;
        clock_arm(c, t, due);
    }
}
