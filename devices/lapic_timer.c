/* SPDX-License-Identifier: MIT */
/*
 * The APIC timer: SDM Vol. 3A, "APIC Timer", "TSC-Deadline Mode". Counts are computed when asked for, and the clock is
 * armed only while an expiry would change anything: not while the entry is masked, nor while its vector is requested
 * already. So a period of one tick costs a halted machine nothing.
 */
#include "devices/lapic_state.h"

static u32 *entry_of(struct lapic *l) { return &l->lvt[LVT_TIMER]; }

static unsigned mode(struct lapic *l) { return *entry_of(l) & TIMER_MODE; }

/* "Divide Configuration Register": 2, 4 .. 128, 1. */
static u64 divisor(const struct lapic *l)
{
    unsigned n = (l->divide & 3) | (l->divide >> 1 & 4);

    return n == 7 ? 1 : 2ull << n;
}

static u64 period(const struct lapic *l) { return l->initial_count * divisor(l); }

/* When it reaches 0 next, as seen from `now`; 0: never again. */
static u64 next_zero(struct lapic *l, u64 now)
{
    if (!l->zero_at || l->zero_at > now)
        return l->zero_at;
    if (mode(l) != TIMER_PERIODIC || !l->initial_count)
        return 0;
    return l->zero_at + ((now - l->zero_at) / period(l) + 1) * period(l);
}

static u64 ticks_left(struct lapic *l, u64 now)
{
    u64 zero = next_zero(l, now);

    return zero ? (zero - now + divisor(l) - 1) / divisor(l) : 0;
}

static u64 now_of(const struct lapic *l) { return clock_now(l->wiring.clock); }

static u64 tsc_of(const struct lapic *l) { return l->wiring.tsc(l->wiring.ctx); }

static void fire(struct lapic *l)
{
    if (!(*entry_of(l) & LVT_MASKED))
        lapic_accept(l, (u8)*entry_of(l), false);
}

/* An expiry would be without effect. */
static bool is_deaf(struct lapic *l)
{
    u8 vector = (u8)*entry_of(l);

    if (*entry_of(l) & LVT_MASKED)
        return true;
    return vector < 16 ? l->errors & ESR_RECEIVE_VECTOR : l->irr[vector >> 5] >> (vector & 31) & 1;
}

void lapic_timer_arm(struct lapic *l)
{
    u64 now = now_of(l), at = CLOCK_NEVER;

    if (mode(l) == TIMER_DEADLINE) {
        u64 tsc = tsc_of(l);

        if (l->deadline <= tsc)
            l->deadline = 0;
        if (l->deadline && l->deadline - tsc < CLOCK_NEVER - now)
            at = now + (l->deadline - tsc);
    } else {
        l->zero_at = next_zero(l, now);
        if (l->zero_at)
            at = l->zero_at;
    }
    clock_arm(l->wiring.clock, &l->timer, is_deaf(l) ? CLOCK_NEVER : at);
}

void lapic_timer_due(void *device, u64 now)
{
    struct lapic *l = device;

    (void)now;
    l->deadline = 0;
    fire(l);
    lapic_timer_arm(l);
}

/* A write to the initial count; it is ignored in TSC-deadline mode. */
void lapic_timer_start(struct lapic *l, u32 initial_count)
{
    if (mode(l) == TIMER_DEADLINE)
        return;
    l->initial_count = initial_count;
    l->zero_at = initial_count ? now_of(l) + period(l) : 0;
    lapic_timer_arm(l);
}

/* The manual leaves open what a running count does: it goes on from where it is, at the new rate. */
void lapic_timer_divide(struct lapic *l, u32 divide)
{
    u64 now = now_of(l), left = ticks_left(l, now);

    l->divide = divide;
    l->zero_at = left ? now + left * divisor(l) : 0;
    lapic_timer_arm(l);
}

/* "Switching between TSC-deadline mode and other timer modes disarms the timer"; between the other two the count goes
 * on. */
void lapic_timer_mode(struct lapic *l, u32 entry)
{
    u64 zero = next_zero(l, now_of(l));
    bool was = mode(l) == TIMER_DEADLINE, is = (entry & TIMER_MODE) == TIMER_DEADLINE;

    *entry_of(l) = entry;
    l->zero_at = zero;
    if (was != is) {
        l->zero_at = l->deadline = 0;
        l->initial_count = 0;
    }
    lapic_timer_arm(l);
}

/* A write of IA32_TSC_DEADLINE, or of the counter: a deadline in the past is due at once. */
void lapic_timer_deadline(struct lapic *l, u64 tsc)
{
    if (mode(l) != TIMER_DEADLINE)
        return;
    l->deadline = tsc;
    if (tsc && tsc <= tsc_of(l)) {
        l->deadline = 0;
        fire(l);
    }
    lapic_timer_arm(l);
}

u32 lapic_timer_count(struct lapic *l) { return mode(l) == TIMER_DEADLINE ? 0 : (u32)ticks_left(l, now_of(l)); }

u32 lapic_timer_divisor(const struct lapic *l) { return (u32)divisor(l); }

void lapic_tsc_moved(struct lapic *l) { lapic_timer_deadline(l, l->deadline); }
