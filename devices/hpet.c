/* SPDX-License-Identifier: MIT */
/*
 * HPET: "IA-PC HPET (High Precision Event Timers) Specification" 1.0a. One block of three comparators, the first with a
 * periodic mode, on a 64-bit counter of 100 MHz, as QEMU has it. No FSB (message) interrupts.
 */
#include "devices/devices.h"

#include <stdlib.h>

enum { TIMERS = 3, TICK_NS = 10 };
enum { AT_CAPABILITIES = 0x00, AT_CONFIG = 0x10, AT_STATUS = 0x20, AT_COUNTER = 0xF0, AT_TIMERS = 0x100 };
enum { CONFIG_ENABLE = 0x01, CONFIG_LEGACY = 0x02 };
enum {
    T_LEVEL = 0x0002,
    T_ENABLE = 0x0004,
    T_PERIODIC = 0x0008,
    T_PERIODIC_CAPABLE = 0x0010,
    T_64BIT_CAPABLE = 0x0020,
    T_SET_VALUE = 0x0040,
    T_32BIT = 0x0100,
    T_ROUTE = 0x3E00,
    T_WRITABLE = T_LEVEL | T_ENABLE | T_PERIODIC | T_SET_VALUE | T_32BIT | T_ROUTE,
};

/* 10 ns in femtoseconds; vendor 8086h; legacy replacement, 64 bits, three timers, revision 1 */
#define CAPABILITIES (10000000ull << 32 | 0x8086A201u)

/* I/O APIC lines a timer can drive: 2, 8, 16..23. */
#define ROUTES 0x00FF0104u

/* Expiries closer together than this come as one: an interrupt a tick would leave a halted machine busy for ever. */
#define PERIOD_MIN 100u

struct comparator {
    struct hpet *hpet;
    u32 config; /* T_WRITABLE bits */
    u64 value;  /* next match, as the register reads */
    u64 period; /* what was written last in periodic mode */
    struct timer timer;
    int line; /* driven high at the moment, or -1 */
};

struct hpet {
    struct clock *clock;
    struct hpet_wires wires;
    u64 config, status;
    u64 counter; /* while it stands; while it runs, as it was at base_ns */
    u64 base_ns;
    struct comparator t[TIMERS];
};

static bool running(const struct hpet *h) { return h->config & CONFIG_ENABLE; }

static u64 counter_at(const struct hpet *h, u64 now)
{
    return running(h) ? h->counter + (now - h->base_ns) / TICK_NS : h->counter;
}

static u64 counter_now(const struct hpet *h) { return counter_at(h, clock_now(h->clock)); }

static bool periodic(const struct comparator *t) { return (t->config & T_PERIODIC) && t == &t->hpet->t[0]; }

static u64 mask(const struct comparator *t) { return t->config & T_32BIT ? 0xFFFFFFFFu : ~0ull; }

/* ---- Interrupts ---- */

/* Legacy replacement: timer 0 takes IRQ 0 (line 2 of the I/O APIC), timer 1 IRQ 8. */
static int line_of(const struct comparator *t)
{
    long n = t - t->hpet->t;

    if ((t->hpet->config & CONFIG_LEGACY) && n < 2)
        return n ? HPET_LINE_IRQ8 : HPET_LINE_IRQ0;
    return (int)((t->config & T_ROUTE) >> 9);
}

static void drive(struct comparator *t, int line)
{
    if (t->line >= 0 && t->line != line)
        t->hpet->wires.set(t->hpet->wires.listener, t->line, false);
    if (line >= 0 && t->line != line)
        t->hpet->wires.set(t->hpet->wires.listener, line, true);
    t->line = line;
}

/* A level stands as long as its status bit does. */
static void update_level(struct comparator *t)
{
    struct hpet *h = t->hpet;
    bool on = (t->config & T_LEVEL) && (t->config & T_ENABLE) && running(h) && (h->status >> (t - h->t) & 1);

    drive(t, on ? line_of(t) : -1);
}

static void interrupt(struct comparator *t)
{
    struct hpet *h = t->hpet;

    if (t->config & T_LEVEL) {
        h->status |= BIT(t - h->t);
        update_level(t);
    } else if (t->config & T_ENABLE) {
        drive(t, line_of(t));
        drive(t, -1);
    }
}

/* ---- Matches ---- */

/* The value a periodic comparator has moved on to when the counter is past it. */
static void advance(struct comparator *t, u64 counter)
{
    u64 behind = (counter - t->value) & mask(t);

    if (!t->period || behind > mask(t) / 2)
        return; /* still ahead */
    t->value = (t->value + (behind / t->period + 1) * t->period) & mask(t);
}

static void arm(struct comparator *t)
{
    struct hpet *h = t->hpet;
    u64 now = clock_now(h->clock), counter = counter_at(h, now), left, phase;

    if (!running(h) || (!(t->config & T_ENABLE) && !(t->config & T_LEVEL))) {
        clock_disarm(h->clock, &t->timer);
        return;
    }
    if (periodic(t))
        advance(t, counter);
    left = (t->value - counter) & mask(t);
    if (left == 0)
        left = mask(t); /* it matched already: the next time is a wrap away */
    if (periodic(t) && left < PERIOD_MIN && t->period < PERIOD_MIN)
        left = PERIOD_MIN;
    phase = (now - h->base_ns) % TICK_NS;
    if (left > (CLOCK_NEVER - now) / TICK_NS)
        clock_disarm(h->clock, &t->timer);
    else
        clock_arm(h->clock, &t->timer, now - phase + left * TICK_NS);
}

static void due(void *device, u64 now)
{
    struct comparator *t = device;

    (void)now;
    interrupt(t);
    arm(t);
}

/* ---- Registers: 64 bits each, and halves of them ---- */

static u64 read_timer(const struct hpet *h, unsigned n, unsigned reg)
{
    struct comparator t = h->t[n];
    u64 config = t.config | T_64BIT_CAPABLE | (n == 0 ? T_PERIODIC_CAPABLE : 0);

    if (reg == 0x00)
        return (config & ~(u64)T_SET_VALUE) | (u64)ROUTES << 32;
    if (reg != 0x08)
        return 0;
    if (running(h) && periodic(&h->t[n]))
        advance(&t, counter_now(h));
    return t.value;
}

static u64 read_register(const struct hpet *h, u64 at)
{
    if (at >= AT_TIMERS && at < AT_TIMERS + 0x20 * TIMERS)
        return read_timer(h, (unsigned)(at - AT_TIMERS) / 0x20, at & 0x18);
    switch (at) {
    case AT_CAPABILITIES: return CAPABILITIES;
    case AT_CONFIG: return h->config;
    case AT_STATUS: return h->status;
    case AT_COUNTER: return counter_now(h);
    }
    return 0;
}

/* Periodic mode: "if Tn_VAL_SET_CNF is set the comparator itself is written, else the period"; the first such write
 * after setting the mode does both for software that sets the bit once. */
static void write_comparator(struct comparator *t, u64 value)
{
    value &= mask(t);
    if (!periodic(t)) {
        t->value = value;
    } else if (t->config & T_SET_VALUE) {
        t->value = value;
        t->config &= ~(u32)T_SET_VALUE;
    } else {
        t->period = value;
    }
    arm(t);
}

static void write_timer_config(struct comparator *t, u64 value)
{
    u32 writable = t == &t->hpet->t[0] ? T_WRITABLE : T_WRITABLE & ~(T_PERIODIC | T_SET_VALUE);
    u32 config = (u32)value & writable;

    if (!(ROUTES >> ((config & T_ROUTE) >> 9) & 1))
        config &= ~(u32)T_ROUTE; /* "an invalid value: the value read back will not match" */
    t->config = config;
    t->value &= mask(t);
    t->period &= mask(t);
    update_level(t);
    arm(t);
}

static void write_config(struct hpet *h, u64 value)
{
    u64 now = clock_now(h->clock);

    value &= CONFIG_ENABLE | CONFIG_LEGACY;
    if ((value ^ h->config) & CONFIG_ENABLE) {
        h->counter = counter_at(h, now);
        h->base_ns = now;
    }
    if ((value ^ h->config) & CONFIG_LEGACY)
        wire_set(h->wires.legacy, value & CONFIG_LEGACY);
    h->config = value;
    for (int n = 0; n < TIMERS; n++) {
        update_level(&h->t[n]);
        arm(&h->t[n]);
    }
}

static void write_status(struct hpet *h, u64 value)
{
    h->status &= ~value;
    for (int n = 0; n < TIMERS; n++)
        update_level(&h->t[n]);
}

/* "Writes to this register should only be done while the counter is halted": otherwise, it goes on from there. */
static void write_counter(struct hpet *h, u64 value)
{
    h->counter = value;
    h->base_ns = clock_now(h->clock);
    for (int n = 0; n < TIMERS; n++)
        arm(&h->t[n]);
}

static void write_register(struct hpet *h, u64 at, u64 value)
{
    if (at >= AT_TIMERS && at < AT_TIMERS + 0x20 * TIMERS) {
        struct comparator *t = &h->t[(at - AT_TIMERS) / 0x20];

        if ((at & 0x18) == 0x00)
            write_timer_config(t, value);
        else if ((at & 0x18) == 0x08)
            write_comparator(t, value);
        return;
    }
    switch (at) {
    case AT_CONFIG: write_config(h, value); break;
    case AT_STATUS: write_status(h, value); break;
    case AT_COUNTER: write_counter(h, value); break;
    }
}

static u64 hpet_read(void *device, u64 offset, unsigned width)
{
    (void)width;
    return read_register(device, offset & ~7ull) >> (8 * (offset & 7));
}

/*
 * Half a register: the other half keeps its value; of the status, where ones clear, it is zeros. In periodic mode a
 * comparator written in halves would be a value and then a period, so the low half is taken as the whole, which is
 * what 32-bit software means.
 */
static void hpet_write(void *device, u64 offset, u64 value, unsigned width)
{
    struct hpet *h = device;
    u64 at = offset & ~7ull;
    bool comparator = at >= AT_TIMERS && at < AT_TIMERS + 0x20 * TIMERS && (at & 0x18) == 0x08;

    if (width == 4) {
        unsigned shift = 8 * (offset & 4);
        u64 kept = at == AT_STATUS ? 0 : read_register(h, at) & ~(0xFFFFFFFFull << shift);

        if (comparator && periodic(&h->t[(at - AT_TIMERS) / 0x20])) {
            if (shift)
                return;
            kept = 0;
        }
        value = kept | value << shift;
    }
    write_register(h, at, value);
}

const struct region_ops hpet_ops = {hpet_read, hpet_write, 4, 8, "HPET"};

bool hpet_may_interrupt(const struct hpet *h, int line)
{
    for (int n = 0; n < TIMERS; n++)
        if (h->t[n].timer.at != CLOCK_NEVER && (h->t[n].config & T_ENABLE) && line_of(&h->t[n]) == line)
            return true;
    return false;
}

void hpet_reset(struct hpet *h)
{
    wire_set(h->wires.legacy, false);
    h->config = h->status = h->counter = h->base_ns = 0;
    for (int n = 0; n < TIMERS; n++) {
        struct comparator *t = &h->t[n];

        clock_disarm(h->clock, &t->timer);
        drive(t, -1);
        t->config = 0;
        t->value = ~0ull;
        t->period = 0;
    }
}

struct hpet *hpet_create(struct clock *clock, const struct hpet_wires *wires)
{
    struct hpet *h = calloc(1, sizeof(*h));

    if (!h)
        return NULL;
    h->clock = clock;
    h->wires = *wires;
    for (int n = 0; n < TIMERS; n++) {
        h->t[n].hpet = h;
        h->t[n].line = -1;
        h->t[n].timer = timer_make(due, &h->t[n]);
    }
    hpet_reset(h);
    return h;
}

void hpet_destroy(struct hpet *h)
{
    if (!h)
        return;
    for (int n = 0; n < TIMERS; n++)
        clock_disarm(h->clock, &h->t[n].timer);
    free(h);
}

/* ---- State ---- */

static const struct state_field comparator_fields[] = {
    STATE_WIRED(comparator, hpet),  STATE_UPTO(comparator, config, T_WRITABLE),
    STATE_ANY(comparator, value),   STATE_ANY(comparator, period),
    STATE_TIMER(comparator, timer), STATE_RANGE(comparator, line, -1, HPET_LINE_IRQ8),
};
static const struct state_table comparator_table = STATE_TABLE(comparator, comparator_fields);
static const struct state_field fields[] = {
    STATE_WIRED(hpet, clock),
    STATE_WIRED(hpet, wires),
    STATE_ANY(hpet, config),
    STATE_ANY(hpet, status),
    STATE_ANY(hpet, counter),
    STATE_ANY(hpet, base_ns),
    STATE_STRUCT(hpet, t, &comparator_table),
};
static const struct state_table table = STATE_TABLE(hpet, fields);

void hpet_state(struct hpet *h, struct state *s) { state_struct(s, &table, h); }
