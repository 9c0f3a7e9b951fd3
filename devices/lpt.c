/* SPDX-License-Identifier: MIT */
/*
 * A parallel port of the PC/AT (IBM PC/AT Technical Reference, "Serial/Parallel Adapter") and the printer on it: each
 * strobe is answered with a pulse of ACKNLG, during which it is busy. IRQ 7 is ACKNLG's level, and so idles high.
 */
#include "devices/devices.h"

#include <stdlib.h>

enum { AT_DATA, AT_STATUS, AT_CONTROL };
enum {
    STATUS_NOT_BUSY = 0x80,
    STATUS_NOT_ACK = 0x40,
    STATUS_SELECTED = 0x10,
    STATUS_NO_ERROR = 0x08,
    STATUS_OPEN = 0x07
};
enum { CONTROL_STROBE = 0x01, CONTROL_IRQ = 0x10, CONTROL_INPUT = 0x20, CONTROL_OPEN = 0xC0 };

#define LPT_TIME 5000u /* from strobe to ACKNLG, and of its pulse, ns */

struct lpt {
    struct clock *clock;
    struct wire irq;
    struct tell printer;
    struct timer timer;
    u8 data, control;
    bool busy, ack;
};

static void update(struct lpt *l) { wire_set(l->irq, l->control & CONTROL_IRQ && !l->ack); }

static void due(void *device, u64 now)
{
    struct lpt *l = device;

    l->ack = l->busy && !l->ack;
    if (l->ack)
        clock_arm(l->clock, &l->timer, now + LPT_TIME);
    else
        l->busy = false;
    update(l);
}

static u64 lpt_read(void *device, u64 offset, unsigned width)
{
    struct lpt *l = device;

    (void)width;
    switch (offset) {
    case AT_DATA: return l->control & CONTROL_INPUT ? 0xFF : l->data; /* nobody drives the lines */
    case AT_STATUS:
        return STATUS_SELECTED | STATUS_NO_ERROR | STATUS_OPEN | (l->busy ? 0 : STATUS_NOT_BUSY) |
               (l->ack ? 0 : STATUS_NOT_ACK);
    default: return l->control | CONTROL_OPEN;
    }
}

static void control_write(struct lpt *l, u8 value)
{
    bool strobe = (value & CONTROL_STROBE) && !(l->control & CONTROL_STROBE);

    l->control = value & (u8)~CONTROL_OPEN;
    update(l);
    if (!strobe || l->busy)
        return;
    if (l->printer.fn)
        l->printer.fn(l->printer.ctx, l->data);
    l->busy = true;
    clock_arm(l->clock, &l->timer, clock_now(l->clock) + LPT_TIME);
}

static void lpt_write(void *device, u64 offset, u64 value, unsigned width)
{
    struct lpt *l = device;

    (void)width;
    if (offset == AT_DATA)
        l->data = (u8)value;
    else if (offset == AT_CONTROL)
        control_write(l, (u8)value);
}

const struct region_ops lpt_ops = {lpt_read, lpt_write, 1, 1, "parallel port"};

bool lpt_may_interrupt(const struct lpt *l) { return l->timer.at != CLOCK_NEVER; }

void lpt_reset(struct lpt *l)
{
    clock_disarm(l->clock, &l->timer);
    l->data = 0;
    l->control = 0x0C; /* INIT off, selected */
    l->busy = l->ack = false;
    update(l);
}

struct lpt *lpt_create(struct clock *clock, struct wire irq, struct tell printer)
{
    struct lpt *l = calloc(1, sizeof(*l));

    if (!l)
        return NULL;
    l->clock = clock;
    l->irq = irq;
    l->printer = printer;
    l->timer = timer_make(due, l);
    lpt_reset(l);
    return l;
}

void lpt_destroy(struct lpt *l)
{
    if (!l)
        return;
    clock_disarm(l->clock, &l->timer);
    free(l);
}

/* ---- State ---- */

static const struct state_field fields[] = {
    STATE_WIRED(lpt, clock), STATE_WIRED(lpt, irq),   STATE_WIRED(lpt, printer), STATE_TIMER(lpt, timer),
    STATE_ANY(lpt, data),    STATE_ANY(lpt, control), STATE_BOOL(lpt, busy),     STATE_BOOL(lpt, ack),
};
static const struct state_table table = STATE_TABLE(lpt, fields);

void lpt_state(struct lpt *l, struct state *s) { state_struct(s, &table, l); }
