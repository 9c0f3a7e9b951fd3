/* SPDX-License-Identifier: MIT */
/*
 * Intel 82C54 programmable interval timer (data sheet 231244) and port B (0x61), which gates its channel 2.
 *
 * Time is counted in CLK pulses of 1193182 Hz since virtual time 0; pulse t falls at ceil(t * 10^9 / 1193182) ns, so
 * nothing drifts. A channel is not stepped: it keeps the pulse at which its counting element was loaded, and count
 * and output follow from the distance. A load that is still to come ("on the next CLK pulse", "at the end of the
 * current cycle") is a pulse number too, applied by channel_advance() when time has reached it.
 */
#include "devices/devices.h"

#include <stdlib.h>

#define PIT_HZ 1193182u
#define NO_LOAD INT64_MAX

enum { RW_LATCH, RW_LSB, RW_MSB, RW_BOTH };
enum { STATUS_OUT = 0x80, STATUS_NULL = 0x40 };

struct channel {
    u8 mode; /* 0..5 */
    u8 rw;   /* RW_LSB, RW_MSB, RW_BOTH */
    bool bcd;
    bool gate;
    bool written;    /* CR holds a whole count since the control word */
    bool loaded;     /* the counting element was loaded since the control word */
    bool null_count; /* CR is newer than the counting element */
    bool half_write; /* RW_BOTH: the LSB is in, the MSB is awaited */
    bool half_read;
    bool count_latched, status_latched;
    bool frozen;    /* counting is held; `elapsed` says where */
    bool load_low;  /* mode 3: the load to come begins the low half */
    bool triggered; /* the load to come is due to a rise of the gate */
    bool strobed;   /* modes 4 and 5: the pulse of this count is over, though counting stood still at zero */
    u8 lsb, status;
    u16 latch, cr; /* as the guest sees them, BCD not converted */
    s64 start;     /* the pulse that loaded the counting element */
    s64 elapsed;   /* pulses counted when frozen */
    s64 load_at;   /* the pulse of the load to come, NO_LOAD if none */
    s64 count;     /* the count it was loaded with: 1..65536, or 1..10000 in BCD */
    s64 idle;      /* what the counting element holds before any load */
};

struct pit {
    struct clock *clock;
    struct wire out0;
    struct timer edge; /* channel 0's output changes */
    bool out0_level;
    s64 done; /* channel 0's edges are delivered up to this pulse */
    struct channel channel[3];
    u8 port_b; /* the writable bits of port 0x61 */
};

/* ---- Pulses ---- */

static s64 pulse_of(u64 ns) { return (s64)((unsigned __int128)ns * PIT_HZ / CLOCK_SECOND); }

static u64 time_of(s64 pulse) { return (u64)(((unsigned __int128)pulse * CLOCK_SECOND + PIT_HZ - 1) / PIT_HZ); }

/* ---- Counts ---- */

static s64 channel_modulus(const struct channel *c) { return c->bcd ? 10000 : 65536; }

static s64 from_register(const struct channel *c, u16 v)
{
    s64 n = v;

    if (c->bcd)
        n = (v >> 12) * 1000 + (v >> 8 & 15) * 100 + (v >> 4 & 15) * 10 + (v & 15);
    return n % channel_modulus(c) ? n % channel_modulus(c) : channel_modulus(c);
}

static u16 to_register(const struct channel *c, s64 n)
{
    n %= channel_modulus(c);
    if (n < 0)
        n += channel_modulus(c);
    if (!c->bcd)
        return (u16)n;
    return (u16)(n / 1000 << 12 | n / 100 % 10 << 8 | n / 10 % 10 << 4 | n % 10);
}

/* "Mode 3: ... for odd counts, OUT will be high for (N + 1)/2 counts and low for (N - 1)/2 counts." */
static s64 high_half(s64 count) { return (count + 1) / 2; }

static bool is_periodic(const struct channel *c) { return c->mode == 2 || c->mode == 3; }

static bool is_triggered(const struct channel *c) { return c->mode == 1 || c->mode == 5; }

/* ---- The state at a pulse ---- */

static s64 elapsed_at(const struct channel *c, s64 now) { return c->frozen ? c->elapsed : now - c->start; }

static void channel_advance(struct channel *c, s64 now)
{
    if (c->load_at > now)
        return;
    c->count = from_register(c, c->cr);
    c->start = c->load_at - (c->load_low ? high_half(c->count) : 0);
    c->frozen = !c->gate && !is_triggered(c);
    c->elapsed = c->load_at - c->start;
    c->loaded = true;
    c->null_count = false;
    c->load_low = c->triggered = c->strobed = false;
    c->load_at = NO_LOAD;
}

static bool output_at(const struct channel *c, s64 now)
{
    s64 e = elapsed_at(c, now), phase = e % c->count;

    if (!c->loaded)
        return c->mode != 0;
    switch (c->mode) {
    case 0:
    case 1: return e >= c->count;
    case 2: /* low for one pulse, while the count is 1; with the gate low, high */
        return !c->gate || phase != c->count - 1;
    case 3: return !c->gate || phase < high_half(c->count);
    default: /* 4, 5: a strobe of one pulse at terminal count, whatever the gate does meanwhile */
        return e != c->count || c->strobed || now - c->start != c->count;
    }
}

static u16 count_at(const struct channel *c, s64 now)
{
    s64 e = elapsed_at(c, now), phase = e % c->count;

    if (!c->loaded)
        return to_register(c, c->idle);
    if (c->mode == 2)
        return to_register(c, c->count - phase);
    if (c->mode != 3)
        return to_register(c, c->count - e);
    /* Counts down by two from the even number at or below N, in each half. */
    if (phase >= high_half(c->count))
        phase -= high_half(c->count);
    return to_register(c, (c->count & ~1ll) - 2 * phase);
}

/* The first pulse after `now` at which the output may differ, NO_LOAD if it stays as it is. */
static s64 next_edge(const struct channel *c, s64 now)
{
    s64 e = elapsed_at(c, now), phase = e % c->count, edge = NO_LOAD;

    if (c->loaded && !c->frozen) {
        if (is_periodic(c)) {
            s64 turn = c->mode == 2 ? c->count - 1 : high_half(c->count);

            if (c->count > 1)
                edge = now + (phase < turn ? turn - phase : c->count - phase);
        } else if (e < c->count) {
            edge = now + c->count - e;
        } else if (e == c->count && c->mode >= 4) {
            edge = now + 1;
        }
    }
    if (c->frozen && !output_at(c, now) && c->mode == 4 && c->loaded)
        edge = now + 1;
    return edge < c->load_at ? edge : c->load_at;
}

/* ---- Channel 0 and its wire ---- */

/* Bring channel 0's wire up to `now` edge by edge (a pulse of one CLK is still an edge), and arm for the next. */
static void pit_follow(struct pit *p, s64 now)
{
    struct channel *c = &p->channel[0];
    s64 edge;
    u64 due;

    for (;;) {
        bool out;

        channel_advance(c, p->done);
        out = output_at(c, p->done);
        if (out != p->out0_level) {
            p->out0_level = out;
            wire_set(p->out0, out);
        }
        edge = next_edge(c, p->done);
        if (edge > now)
            break;
        p->done = edge;
    }
    p->done = now;
    due = edge == NO_LOAD ? CLOCK_NEVER : time_of(edge);
    if (due != p->edge.at)
        clock_arm(p->clock, &p->edge, due);
}

static void pit_edge(void *device, u64 now) { pit_follow(device, pulse_of(now)); }

/* The present pulse, with every channel's pending loads applied. */
static s64 pit_sync(struct pit *p)
{
    s64 now = pulse_of(clock_now(p->clock));

    pit_follow(p, now);
    channel_advance(&p->channel[1], now);
    channel_advance(&p->channel[2], now);
    return now;
}

/* ---- Programming ---- */

static void channel_control(struct channel *c, u8 v, s64 now)
{
    s64 held = from_register(c, count_at(c, now));

    c->mode = v >> 1 & 7;
    if (c->mode > 5)
        c->mode &= 3; /* "X10: mode 2, X11: mode 3" */
    c->rw = v >> 4 & 3;
    c->bcd = v & 1;
    c->idle = held;
    c->written = c->loaded = c->half_write = c->half_read = c->count_latched = c->status_latched = false;
    c->frozen = c->load_low = c->triggered = c->strobed = false;
    c->null_count = true;
    c->load_at = NO_LOAD;
}

/* Where a count written now takes effect in modes 2 and 3 that are under way: the end of the cycle, or half cycle. */
static void load_at_turn(struct channel *c, s64 now)
{
    s64 phase = (now - c->start) % c->count, half = high_half(c->count);

    c->load_low = c->mode == 3 && phase < half && half < c->count;
    c->load_at = now + (c->load_low ? half - phase : c->count - phase);
}

/* A whole count is in CR. */
static void channel_count(struct channel *c, u16 v, s64 now)
{
    c->cr = v;
    c->written = c->null_count = true;
    c->half_write = false;
    if (is_triggered(c))
        return; /* "the current one-shot is not affected unless the counter is retriggered" */
    if (!is_periodic(c) || !c->loaded)
        c->load_at = now + 1;
    else if (!c->frozen && c->load_at == NO_LOAD)
        load_at_turn(c, now);
}

static void channel_write(struct channel *c, u8 v, s64 now)
{
    if (c->rw == RW_LSB) {
        channel_count(c, v, now);
    } else if (c->rw == RW_MSB) {
        channel_count(c, (u16)(v << 8), now);
    } else if (c->half_write) {
        channel_count(c, (u16)(v << 8 | c->lsb), now);
    } else {
        c->lsb = v;
        c->half_write = true;
        if (c->mode == 0) { /* "Writing the first byte disables counting. OUT is set low immediately" */
            c->idle = from_register(c, count_at(c, now));
            c->loaded = false;
            c->load_at = NO_LOAD;
        }
    }
}

static void channel_latch_count(struct channel *c, s64 now)
{
    if (c->count_latched)
        return; /* "the second Counter Latch Command is ignored" */
    c->latch = count_at(c, now);
    c->count_latched = true;
}

static void channel_latch_status(struct channel *c, s64 now)
{
    if (c->status_latched)
        return;
    c->status = (u8)((output_at(c, now) ? STATUS_OUT : 0) | (c->null_count ? STATUS_NULL : 0) | c->rw << 4 |
                     c->mode << 1 | c->bcd);
    c->status_latched = true;
}

static u8 channel_read(struct channel *c, s64 now)
{
    u16 v = c->count_latched ? c->latch : count_at(c, now);
    bool high = c->rw == RW_MSB || (c->rw == RW_BOTH && c->half_read);

    if (c->status_latched) {
        c->status_latched = false;
        return c->status;
    }
    if (c->rw == RW_BOTH)
        c->half_read = !c->half_read;
    if (!c->half_read)
        c->count_latched = false;
    return (u8)(high ? v >> 8 : v);
}

static void channel_gate(struct channel *c, bool level, s64 now)
{
    if (c->gate == level)
        return;
    c->gate = level;
    if (is_triggered(c)) {
        if (level && c->written)
            c->load_at = now + 1;
        return; /* the flip-flop remembers the edge, so a falling gate changes nothing */
    }
    if (!level) {
        c->elapsed = elapsed_at(c, now);
        c->frozen = c->loaded;
        if (is_periodic(c) && c->loaded && !c->triggered) {
            c->load_at = NO_LOAD;
            c->load_low = false;
        }
    } else if (is_periodic(c) && c->written) { /* "a trigger reloads the counter with the initial count" */
        c->load_at = now + 1;
        c->load_low = false;
        c->triggered = true;
    } else if (c->frozen) {
        c->strobed |= c->elapsed == c->count && now - c->start != c->count;
        c->start = now - c->elapsed;
        c->frozen = false;
    }
}

/* ---- Registers ---- */

static u64 pit_read(void *device, u64 offset, unsigned width)
{
    struct pit *p = device;
    s64 now = pit_sync(p);

    (void)width;
    if ((offset & 3) == 3)
        return 0xFF; /* "no-operation (three-state)" */
    return channel_read(&p->channel[offset & 3], now);
}

/* Read-Back Command: D5 low latches counts, D4 low statuses, D3..D1 choose the counters. */
static void pit_read_back(struct pit *p, u8 v, s64 now)
{
    for (int i = 0; i < 3; i++) {
        if (!(v & 2 << i))
            continue;
        if (!(v & 0x20))
            channel_latch_count(&p->channel[i], now);
        if (!(v & 0x10))
            channel_latch_status(&p->channel[i], now);
    }
}

static void pit_write(void *device, u64 offset, u64 value, unsigned width)
{
    struct pit *p = device;
    s64 now = pit_sync(p);
    u8 v = (u8)value;

    (void)width;
    if ((offset & 3) != 3)
        channel_write(&p->channel[offset & 3], v, now);
    else if (v >> 6 == 3)
        pit_read_back(p, v, now);
    else if ((v >> 4 & 3) == RW_LATCH)
        channel_latch_count(&p->channel[v >> 6], now);
    else
        channel_control(&p->channel[v >> 6], v, now);
    pit_follow(p, now);
}

const struct region_ops pit_ops = {pit_read, pit_write, 1, 1, "8254 timer"};

/* ---- Port B: gate 2, speaker data; refresh toggle (by tradition every 18 pulses), channel 2's output ---- */

enum { PORT_B_GATE2 = 0x01, PORT_B_WRITABLE = 0x0F, PORT_B_REFRESH = 0x10, PORT_B_OUT2 = 0x20, REFRESH_PULSES = 18 };

static u64 port_b_read(void *device, u64 offset, unsigned width)
{
    struct pit *p = device;
    s64 now = pit_sync(p);

    (void)offset;
    (void)width;
    return p->port_b | (now / REFRESH_PULSES & 1 ? PORT_B_REFRESH : 0) |
           (output_at(&p->channel[2], now) ? PORT_B_OUT2 : 0);
}

static void port_b_write(void *device, u64 offset, u64 value, unsigned width)
{
    struct pit *p = device;

    (void)offset;
    (void)width;
    p->port_b = value & PORT_B_WRITABLE;
    pit_set_gate(p, 2, value & PORT_B_GATE2);
}

const struct region_ops pit_port_b_ops = {port_b_read, port_b_write, 1, 1, "system control port B"};

/* ---- Life ---- */

void pit_set_gate(struct pit *p, int channel, bool level)
{
    s64 now = pit_sync(p);

    channel_gate(&p->channel[channel], level, now);
    pit_follow(p, now);
}

bool pit_output(struct pit *p, int channel)
{
    s64 now = pit_sync(p);

    return output_at(&p->channel[channel], now);
}

bool pit_may_interrupt(const struct pit *p) { return p->edge.at != CLOCK_NEVER; }

/* "Prior to initialization, the mode, count value, and output of all counters are undefined": here mode 0 stopped. */
void pit_reset(struct pit *p)
{
    for (int i = 0; i < 3; i++)
        p->channel[i] = (struct channel){
            .rw = RW_BOTH, .gate = i != 2, .null_count = true, .load_at = NO_LOAD, .count = 65536, .idle = 65536};
    p->port_b = 0;
    p->done = pulse_of(clock_now(p->clock));
    pit_follow(p, p->done);
}

struct pit *pit_create(struct clock *clock, struct wire out0)
{
    struct pit *p = calloc(1, sizeof(*p));

    if (!p)
        return NULL;
    p->clock = clock;
    p->out0 = out0;
    p->edge = timer_make(pit_edge, p);
    pit_reset(p);
    return p;
}

void pit_destroy(struct pit *p)
{
    if (!p)
        return;
    clock_disarm(p->clock, &p->edge);
    free(p);
}

/* ---- State ---- */

/* Pulses of 1.193 MHz: none is further from power-on than this. */
#define PULSE_MAX (1ll << 60)

static const struct state_field channel_fields[] = {
    STATE_UPTO(channel, mode, 5),
    STATE_UPTO(channel, rw, RW_BOTH),
    STATE_BOOL(channel, bcd),
    STATE_BOOL(channel, gate),
    STATE_BOOL(channel, written),
    STATE_BOOL(channel, loaded),
    STATE_BOOL(channel, null_count),
    STATE_BOOL(channel, half_write),
    STATE_BOOL(channel, half_read),
    STATE_BOOL(channel, count_latched),
    STATE_BOOL(channel, status_latched),
    STATE_BOOL(channel, frozen),
    STATE_BOOL(channel, load_low),
    STATE_BOOL(channel, triggered),
    STATE_BOOL(channel, strobed),
    STATE_ANY(channel, lsb),
    STATE_ANY(channel, status),
    STATE_ANY(channel, latch),
    STATE_ANY(channel, cr),
    STATE_RANGE(channel, start, -65536, PULSE_MAX),
    STATE_RANGE(channel, elapsed, 0, PULSE_MAX),
    STATE_RANGE(channel, load_at, -65536, NO_LOAD),
    STATE_RANGE(channel, count, 1, 65536),
    STATE_RANGE(channel, idle, 0, 65536),
};
static const struct state_table channel_table = STATE_TABLE(channel, channel_fields);
static const struct state_field fields[] = {
    STATE_WIRED(pit, clock),
    STATE_WIRED(pit, out0),
    STATE_TIMER(pit, edge),
    STATE_BOOL(pit, out0_level),
    STATE_RANGE(pit, done, 0, PULSE_MAX),
    STATE_STRUCT(pit, channel, &channel_table),
    STATE_UPTO(pit, port_b, PORT_B_WRITABLE),
};
static const struct state_table table = STATE_TABLE(pit, fields);

void pit_state(struct pit *p, struct state *s) { state_struct(s, &table, p); }

/* Channel 0 is not behind: edges that should have been long ago would all be made up for. */
bool pit_is_sound(const struct pit *p)
{
    s64 now = pulse_of(clock_now(p->clock));

    for (int i = 0; i < 3; i++) {
        const struct channel *c = &p->channel[i];

        if (c->start > now || (c->load_at != NO_LOAD && c->load_at > now + 65536 + 1))
            return false;
    }
    return p->done <= now && p->channel[0].start <= p->done && next_edge(&p->channel[0], p->done) >= now;
}
