/* SPDX-License-Identifier: MIT */
/*
 * Virtual time and the queue of things due. Time is nanoseconds of guest time since power-on; it
 * advances by one per instruction and by leaps while the processor is halted. Host time never enters here.
 */
#ifndef FAULTLINE_DEVICES_CLOCK_H
#define FAULTLINE_DEVICES_CLOCK_H

#include "mmu/base.h"
#include "mmu/state.h"

#define CLOCK_NEVER UINT64_MAX
#define CLOCK_SECOND 1000000000ull

struct clock;

/* A timer belongs to one device and fires at most once per arming; `due` runs with now >= its time. Embedded in the
 * device's struct; the clock keeps a pointer to it until it is disarmed or the clock destroyed. */
struct timer {
    void (*due)(void *device, u64 now);
    void *device;
    u64 at;             /* CLOCK_NEVER when not armed */
    struct timer *next; /* the clock's */
    u32 order;          /* the clock's, while a state is loaded */
};

/* A timer must start like this, not armed. */
static inline struct timer timer_make(void (*due)(void *device, u64 now), void *device)
{
    return (struct timer){.due = due, .device = device, .at = CLOCK_NEVER, .next = NULL};
}

struct clock *clock_create(u64 (*now)(void *ctx), void *ctx);
void clock_destroy(struct clock *);

u64 clock_now(const struct clock *); /* exact, also in the middle of an instruction that reads a device */

/* (Re)arm for absolute time `at`. Timers due at the same instant fire in the order they were armed. */
void clock_arm(struct clock *, struct timer *, u64 at);
void clock_disarm(struct clock *, struct timer *);

u64 clock_next(const struct clock *); /* when the earliest timer is due, or CLOCK_NEVER */
void clock_run(struct clock *);       /* fire everything due by now */

/*
 * A timer as a member of a struct that is saved: when it is due, and in which order with others due then. Between the
 * two calls a load takes the timers it finds out of the queue; those that no state knows (a frontend's) keep their
 * distance from now, and come last among those due at the same time.
 */
#define STATE_TIMER(S, member) STATE_CUSTOM(S, member, clock_timer_state)
void clock_timer_state(struct state *, void *timer);
void clock_state_begin(struct clock *, struct state *);
void clock_state_end(struct clock *, struct state *, u64 now_before);

/* Called whenever clock_next() becomes earlier, so that a running processor can be told. */
void clock_on_earlier(struct clock *, void (*earlier)(void *ctx), void *ctx);

#endif
