/* SPDX-License-Identifier: MIT */
/*
 * ACPI fixed hardware: "ACPI Specification", "ACPI Hardware Specification" (PM1 event and control registers, power
 * management timer), placed as in a PIIX4 under QEMU's firmware. The machine is born in ACPI mode: SCI_EN reads 1, and
 * there is no SMI command port that could change it.
 */
#include "devices/devices.h"

#include <stdlib.h>

enum { AT_STATUS = 0, AT_ENABLE = 2, AT_CONTROL = 4, AT_TIMER = 8 };
enum { TIMER_HZ = 3579545, TIMER_BITS = 24 };
enum { STS_TIMER = 0x0001, STS_POWER_BUTTON = 0x0100, STS_WRITABLE = 0x8D31, EN_WRITABLE = 0x0521 };
enum { CNT_SCI_EN = 0x0001, CNT_SLP_TYP = 0x1C00, CNT_SLP_EN = 0x2000, CNT_WRITABLE = 0x1C02, SLP_TYP_SHIFT = 10 };

struct acpi_pm {
    struct clock *clock;
    struct wire sci;
    struct tell sleep;
    u16 status, enable, control;
    u64 seen; /* ticks up to which carries of the timer are in the status */
    struct timer timer;
    bool expecting; /* somebody may press the button */
};

/* Ticks since time 0, and the first nanosecond of one. */
static u64 ticks_at(u64 ns) { return (u64)((unsigned __int128)ns * TIMER_HZ / CLOCK_SECOND); }

static u64 time_of(u64 tick) { return (u64)(((unsigned __int128)tick * CLOCK_SECOND + TIMER_HZ - 1) / TIMER_HZ); }

/* "TMR_STS: set any time the most significant bit of the timer changes". */
static void look(struct acpi_pm *p)
{
    u64 ticks = ticks_at(clock_now(p->clock));

    if (ticks >> (TIMER_BITS - 1) != p->seen >> (TIMER_BITS - 1))
        p->status |= STS_TIMER;
    p->seen = ticks;
}

/* The SCI, and the clock where the timer would raise it. */
static void update(struct acpi_pm *p)
{
    bool waits = (p->enable & STS_TIMER) && !(p->status & STS_TIMER);
    u64 half = 1ull << (TIMER_BITS - 1);

    wire_set(p->sci, p->status & p->enable);
    clock_arm(p->clock, &p->timer, waits ? time_of((p->seen / half + 1) * half) : CLOCK_NEVER);
}

static void due(void *device, u64 now)
{
    struct acpi_pm *p = device;

    (void)now;
    look(p);
    update(p);
}

static u32 read_at(struct acpi_pm *p, u64 at)
{
    look(p);
    switch (at) {
    case AT_STATUS: return p->status;
    case AT_ENABLE: return p->enable;
    case AT_CONTROL: return p->control | CNT_SCI_EN;
    case AT_TIMER: return p->seen & ((1u << TIMER_BITS) - 1);
    case AT_TIMER + 2: return (p->seen & ((1u << TIMER_BITS) - 1)) >> 16;
    }
    return 0;
}

static u64 pm_read(void *device, u64 offset, unsigned width)
{
    return width == 4 ? read_at(device, offset) | (u64)(offset < AT_TIMER ? read_at(device, offset + 2) : 0) << 16
                      : read_at(device, offset) & 0xFFFF;
}

static void write_control(struct acpi_pm *p, u16 value)
{
    p->control = value & CNT_WRITABLE;
    if (value & CNT_SLP_EN && p->sleep.fn)
        p->sleep.fn(p->sleep.ctx, (value & CNT_SLP_TYP) >> SLP_TYP_SHIFT);
}

static void write_at(struct acpi_pm *p, u64 at, u16 value)
{
    look(p);
    switch (at) {
    case AT_STATUS: p->status &= (u16) ~(value & STS_WRITABLE); break;
    case AT_ENABLE: p->enable = value & EN_WRITABLE; break;
    case AT_CONTROL: write_control(p, value); break;
    }
    update(p);
}

static void pm_write(void *device, u64 offset, u64 value, unsigned width)
{
    write_at(device, offset, (u16)value);
    if (width == 4)
        write_at(device, offset + 2, (u16)(value >> 16));
}

const struct region_ops acpi_pm_ops = {pm_read, pm_write, 2, 4, "ACPI power management"};

/* "Power Button Fixed Hardware Event Status (PWRBTN_STS)": set whether or not it is enabled, unlike QEMU's. A press of
 * four seconds, which turns the power off, is the user's to have otherwise. */
void acpi_pm_press_button(struct acpi_pm *p)
{
    look(p);
    p->status |= STS_POWER_BUTTON;
    update(p);
}

void acpi_pm_expect_button(struct acpi_pm *p, bool expecting) { p->expecting = expecting; }

bool acpi_pm_may_interrupt(const struct acpi_pm *p)
{
    return p->timer.at != CLOCK_NEVER || (p->expecting && p->enable & STS_POWER_BUTTON);
}

/* The timer counts on. */
void acpi_pm_reset(struct acpi_pm *p)
{
    p->seen = ticks_at(clock_now(p->clock));
    p->status = p->enable = p->control = 0;
    update(p);
}

struct acpi_pm *acpi_pm_create(struct clock *clock, struct wire sci, struct tell sleep)
{
    struct acpi_pm *p = calloc(1, sizeof(*p));

    if (!p)
        return NULL;
    p->clock = clock;
    p->sci = sci;
    p->sleep = sleep;
    p->timer = timer_make(due, p);
    acpi_pm_reset(p);
    return p;
}

void acpi_pm_destroy(struct acpi_pm *p)
{
    if (!p)
        return;
    clock_disarm(p->clock, &p->timer);
    free(p);
}

/* ---- State ---- */

static const struct state_field fields[] = {
    STATE_WIRED(acpi_pm, clock),     STATE_WIRED(acpi_pm, sci),
    STATE_WIRED(acpi_pm, sleep),     STATE_ANY(acpi_pm, status),
    STATE_ANY(acpi_pm, enable),      STATE_ANY(acpi_pm, control),
    STATE_ANY(acpi_pm, seen),        STATE_TIMER(acpi_pm, timer),
    STATE_WIRED(acpi_pm, expecting), /* who looks on is not the state's to say */
};
static const struct state_table table = STATE_TABLE(acpi_pm, fields);

void acpi_pm_state(struct acpi_pm *p, struct state *s) { state_struct(s, &table, p); }
