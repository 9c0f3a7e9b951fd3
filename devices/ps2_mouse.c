/* SPDX-License-Identifier: MIT */
/*
 * A wheel mouse (IBM PS/2 Technical Reference, "Mouse"; Microsoft, "Wheel Mouse Support": sample rates 200, 100, 80
 * make it a mouse with a wheel, ID 3, and then 200, 200, 80 one with five buttons, ID 4).
 */
#include "devices/ps2.h"

#include <stdlib.h>
#include <string.h>

enum { ACK = 0xFA, RESEND = 0xFE, BAT_OK = 0xAA };
enum { DEFAULT_RATE = 100, DEFAULT_RESOLUTION = 2 };
enum { MOTION_LIMIT = 255, STORED_LIMIT = 1 << 20 };

struct ps2_mouse {
    struct clock *clock;
    struct wire ready;
    struct timer sample;
    struct ps2_queue queue;
    u8 sent[4], sent_count; /* the last answer or packet, for resend */
    u8 pending;             /* the command that awaits its parameter, 0 if none */
    u8 rate, resolution, id;
    u8 rates[3]; /* the last three sample rates set, newest last */
    bool remote, wrap, double_scaling, reporting;
    int dx, dy, wheel; /* not yet reported; dy upwards */
    unsigned buttons, reported;
};

static void send(struct ps2_mouse *m, const u8 *bytes, unsigned count)
{
    memcpy(m->sent, bytes, count);
    m->sent_count = (u8)count;
    for (unsigned i = 0; i < count; i++)
        ps2_put(&m->queue, bytes[i]);
    wire_set(m->ready, true);
}

static void acknowledge(struct ps2_mouse *m)
{
    ps2_put(&m->queue, ACK);
    m->sent[0] = ACK;
    m->sent_count = 1;
    wire_set(m->ready, true);
}

/* ---- Motion ---- */

/* Of what was stored, as much as a packet can say; the rest waits. */
static int portion(int *stored, int limit)
{
    int part = *stored > limit ? limit : *stored < -limit ? -limit : *stored;

    *stored -= part;
    return part;
}

/* "Set Scaling 2:1": 0, 1, 1, 3, 6, 9, then twice the count; in stream mode only. */
static int scaled(const struct ps2_mouse *m, int v)
{
    static const u8 table[6] = {0, 1, 1, 3, 6, 9};
    int size = v < 0 ? -v : v;

    if (!m->double_scaling || m->remote)
        return v;
    size = size < 6 ? table[size] : 2 * size > MOTION_LIMIT ? MOTION_LIMIT : 2 * size;
    return v < 0 ? -size : size;
}

static void send_packet(struct ps2_mouse *m)
{
    int dx = scaled(m, portion(&m->dx, MOTION_LIMIT)), dy = scaled(m, portion(&m->dy, MOTION_LIMIT));
    int wheel = portion(&m->wheel, m->id == 4 ? 7 : 127);
    u8 packet[4] = {(u8)((m->buttons & 7) | 0x08 | (dx < 0 ? 0x10 : 0) | (dy < 0 ? 0x20 : 0)), (u8)dx, (u8)dy};

    packet[3] = m->id == 4 ? (u8)((wheel & 0x0F) | (m->buttons & 0x18) << 1) : (u8)wheel;
    m->reported = m->buttons;
    send(m, packet, m->id ? 4 : 3);
}

static bool has_news(const struct ps2_mouse *m)
{
    return m->dx || m->dy || (m->id && m->wheel) || m->buttons != m->reported;
}

static void sample_due(void *device, u64 now)
{
    struct ps2_mouse *m = device;

    if (!m->reporting || m->remote || m->wrap || !has_news(m))
        return;
    if (!m->queue.count)
        send_packet(m);
    clock_arm(m->clock, &m->sample, now + CLOCK_SECOND / m->rate);
}

static void wake(struct ps2_mouse *m)
{
    if (m->sample.at == CLOCK_NEVER && m->reporting && !m->remote && !m->wrap && has_news(m))
        clock_arm(m->clock, &m->sample, clock_now(m->clock) + CLOCK_SECOND / m->rate);
}

static int stored(int have, int more)
{
    s64 sum = (s64)have + more;

    return sum > STORED_LIMIT ? STORED_LIMIT : sum < -STORED_LIMIT ? -STORED_LIMIT : (int)sum;
}

void ps2_mouse_move(struct ps2_mouse *m, int dx, int dy, int wheel, unsigned buttons)
{
    m->buttons = buttons & 0x1F;
    if (m->reporting || m->remote) { /* a mouse that does not report does not count either */
        m->dx = stored(m->dx, dx);
        m->dy = stored(m->dy, dy == INT32_MIN ? INT32_MAX : -dy);
        m->wheel = stored(m->wheel, wheel);
    }
    wake(m);
}

bool ps2_mouse_has_reported(const struct ps2_mouse *m)
{
    return m->buttons == m->reported || !m->reporting || m->remote || m->wrap;
}

/* ---- Commands ---- */

static void forget_motion(struct ps2_mouse *m)
{
    m->dx = m->dy = m->wheel = 0;
    m->reported = m->buttons;
    clock_disarm(m->clock, &m->sample);
}

static void set_defaults(struct ps2_mouse *m)
{
    m->rate = DEFAULT_RATE;
    m->resolution = DEFAULT_RESOLUTION;
    m->remote = m->wrap = m->double_scaling = m->reporting = false;
    forget_motion(m);
}

static void set_rate(struct ps2_mouse *m, u8 rate)
{
    m->rates[0] = m->rates[1];
    m->rates[1] = m->rates[2];
    m->rates[2] = rate;
    if (m->rates[0] == 200 && m->rates[1] == 100 && rate == 80)
        m->id = 3;
    if (m->rates[0] == 200 && m->rates[1] == 200 && rate == 80)
        m->id = 4;
    m->rate = rate ? rate : DEFAULT_RATE;
}

static void parameter(struct ps2_mouse *m, u8 v)
{
    acknowledge(m);
    if (m->pending == 0xF3)
        set_rate(m, v);
    else
        m->resolution = v & 3;
    m->pending = 0;
}

static void send_status(struct ps2_mouse *m)
{
    const u8 buttons =
        (u8)((m->buttons & PS2_LEFT ? 4 : 0) | (m->buttons & PS2_MIDDLE ? 2 : 0) | (m->buttons & PS2_RIGHT ? 1 : 0));
    const u8 status[3] = {(u8)(m->remote << 6 | m->reporting << 5 | m->double_scaling << 4 | buttons), m->resolution,
                          m->rate};

    send(m, status, 3);
}

static void reset(struct ps2_mouse *m)
{
    set_defaults(m);
    m->id = 0;
    memset(m->rates, 0, sizeof(m->rates));
}

static void command(struct ps2_mouse *m, u8 v)
{
    if (v < 0xE6 || v == 0xEF || v == 0xF1 || (v > 0xF6 && v != 0xFF) || v == 0xED) {
        const u8 refusal = RESEND;

        send(m, &refusal, 1);
        return;
    }
    acknowledge(m);
    switch (v) {
    case 0xE6:
    case 0xE7: m->double_scaling = v & 1; break;
    case 0xE8:
    case 0xF3: m->pending = v; break;
    case 0xE9: send_status(m); break;
    case 0xEA:
    case 0xF0:
        m->remote = v == 0xF0;
        forget_motion(m);
        break;
    case 0xEB: send_packet(m); break;
    case 0xEE: m->wrap = true; break;
    case 0xF2: send(m, &m->id, 1); break;
    case 0xF4:
        m->reporting = true;
        forget_motion(m);
        break;
    case 0xF5: m->reporting = false; break;
    case 0xF6: set_defaults(m); break;
    case 0xFF: {
        const u8 passed[2] = {BAT_OK, 0};

        reset(m);
        send(m, passed, 2);
        break;
    }
    default: break; /* EC, outside wrap mode */
    }
}

static void receive(void *device, u8 v)
{
    struct ps2_mouse *m = device;

    m->queue.count = 0;
    if (m->wrap && v != 0xFF && v != 0xEC) {
        send(m, &v, 1);
    } else if (m->wrap && v == 0xEC) {
        m->wrap = false;
        acknowledge(m);
    } else if (v == RESEND) {
        u8 again[4];

        memcpy(again, m->sent, sizeof(again));
        send(m, again, m->sent_count);
    } else if (m->pending) {
        parameter(m, v);
    } else {
        command(m, v);
    }
    wake(m);
}

static bool take(void *device, u8 *byte)
{
    struct ps2_mouse *m = device;

    return ps2_take(&m->queue, byte);
}

static bool listens(const void *device)
{
    const struct ps2_mouse *m = device;

    return m->reporting && !m->remote;
}

struct ps2_device ps2_mouse_device(struct ps2_mouse *m) { return (struct ps2_device){receive, take, listens, m}; }

/* ---- Life ---- */

void ps2_mouse_reset(struct ps2_mouse *m)
{
    m->queue.count = 0;
    m->pending = m->sent_count = 0;
    reset(m);
}

struct ps2_mouse *ps2_mouse_create(struct clock *clock, struct wire ready)
{
    struct ps2_mouse *m = calloc(1, sizeof(*m));

    if (!m)
        return NULL;
    m->clock = clock;
    m->ready = ready;
    m->sample = timer_make(sample_due, m);
    ps2_mouse_reset(m);
    return m;
}

void ps2_mouse_destroy(struct ps2_mouse *m)
{
    if (!m)
        return;
    clock_disarm(m->clock, &m->sample);
    free(m);
}

/* ---- State ---- */

/* Motion not yet reported: no hand moves further between two reports. */
#define COUNTS_MAX (1 << 28)

static const struct state_field fields[] = {
    STATE_WIRED(ps2_mouse, clock),
    STATE_WIRED(ps2_mouse, ready),
    STATE_TIMER(ps2_mouse, sample),
    STATE_STRUCT(ps2_mouse, queue, &ps2_queue_table),
    STATE_ANY(ps2_mouse, sent),
    STATE_UPTO(ps2_mouse, sent_count, sizeof(((struct ps2_mouse *)0)->sent)),
    STATE_ANY(ps2_mouse, pending),
    STATE_RANGE(ps2_mouse, rate, 1, 255),
    STATE_UPTO(ps2_mouse, resolution, 3),
    STATE_ANY(ps2_mouse, id),
    STATE_ANY(ps2_mouse, rates),
    STATE_BOOL(ps2_mouse, remote),
    STATE_BOOL(ps2_mouse, wrap),
    STATE_BOOL(ps2_mouse, double_scaling),
    STATE_BOOL(ps2_mouse, reporting),
    STATE_RANGE(ps2_mouse, dx, -COUNTS_MAX, COUNTS_MAX),
    STATE_RANGE(ps2_mouse, dy, -COUNTS_MAX, COUNTS_MAX),
    STATE_RANGE(ps2_mouse, wheel, -COUNTS_MAX, COUNTS_MAX),
    STATE_ANY(ps2_mouse, buttons),
    STATE_ANY(ps2_mouse, reported),
};
static const struct state_table table = STATE_TABLE(ps2_mouse, fields);

void ps2_mouse_state(struct ps2_mouse *m, struct state *s) { state_struct(s, &table, m); }
