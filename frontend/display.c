/* SPDX-License-Identifier: MIT */
#include "frontend/display.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "frontend/screenshot.h"

#define FRAME_NS 16666667u /* of host time */
#define PERIOD_MIN 200000u /* of guest time */
#define PERIOD_MAX FRAME_NS
#define RATE_NS 500000000u /* host time over which rates are taken */
#define PAUSE_NS 50000000u

static u64 host_now(const struct display *d) { return d->pace->host_now(d->pace->ctx); }

static void take_rates(struct display *d, u64 now)
{
    struct cpu_stats s;
    double seconds = (double)(now - d->counted) / 1e9;

    if (now - d->counted < RATE_NS)
        return;
    cpu_get_stats(machine_cpu(d->machine), &s);
    d->mips = (double)(s.instructions - d->instructions) / seconds / 1e6;
    d->fault_rate = (double)(s.page_faults - d->faults) / seconds;
    d->instructions = s.instructions;
    d->faults = s.page_faults;
    d->counted = now;
}

static void show(struct display *d, u64 now)
{
    struct vga *vga = machine_vga(d->machine);

    if (vga && !vga_render(vga, &d->view, machine_time(d->machine)))
        return;
    d->shown = now;
    take_rates(d, now);
    d->ops->show(d);
    d->changed = false;
}

static void stay_paused(struct display *d)
{
    while (d->paused && !d->quit && !*d->stop) {
        show(d, host_now(d));
        d->ops->wait(d, PAUSE_NS);
        d->ops->pump(d);
    }
    pace_forget(d->pace);
}

void display_still(struct display *d)
{
    show(d, host_now(d));
    d->ops->pump(d);
}

/* A frame of host time should pass from one look to the next, however fast the guest runs. */
static void adapt(struct display *d, u64 took)
{
    if (took > FRAME_NS && d->period > PERIOD_MIN)
        d->period /= 2;
    else if (took < FRAME_NS / 2 && d->period < PERIOD_MAX)
        d->period *= 2;
    if (d->period > PERIOD_MAX)
        d->period = PERIOD_MAX;
}

static void look_due(void *ctx, u64 now)
{
    struct display *d = ctx;
    u64 host = host_now(d), ahead;

    d->ops->pump(d);
    if (d->paused)
        stay_paused(d);
    if (host - d->shown >= FRAME_NS || d->changed) {
        adapt(d, host - d->shown >= 2 * FRAME_NS ? host - d->shown : FRAME_NS);
        show(d, host);
    } else {
        adapt(d, host - d->shown);
    }
    events_poll(d->events, now);
    if (!events_are_waiting(d->events) && (ahead = pace_ahead(d->pace, now)) > 0)
        d->ops->wait(d, ahead);
    clock_arm(machine_clock(d->machine), &d->timer, now + d->period);
}

bool display_attach(struct display *d, struct machine *m)
{
    d->machine = m;
    d->timer = timer_make(look_due, d);
    d->period = PERIOD_MAX / 4;
    d->counted = host_now(d);
    if (!vga_view_open(&d->view))
        return false;
    clock_arm(machine_clock(m), &d->timer, clock_now(machine_clock(m)) + 1);
    return true;
}

void display_detach(struct display *d)
{
    if (!d->machine)
        return;
    clock_disarm(machine_clock(d->machine), &d->timer);
    show(d, host_now(d));
}

void display_linger(struct display *d, const char *why)
{
    fprintf(stderr, "faultline: %s; close the window to leave\n", why);
    d->paused = true;
    stay_paused(d);
}

void display_close(struct display *d)
{
    if (d->ops)
        d->ops->close(d);
    vga_view_close(&d->view);
    d->ops = NULL;
    d->machine = NULL;
}

void display_quit(struct display *d)
{
    d->quit = true;
    if (d->machine)
        machine_request_stop(d->machine);
}

void display_pause(struct display *d)
{
    d->paused = !d->paused;
    d->changed = true;
}

void display_screenshot(struct display *d)
{
    char path[64], why[256];

    do
        snprintf(path, sizeof(path), "faultline-%u.png", ++d->shots);
    while (access(path, F_OK) == 0 && d->shots < 100000);
    if (screenshot_write(&d->view.surface, path, why, sizeof(why)))
        fprintf(stderr, "faultline: %s written\n", path);
    else
        fprintf(stderr, "faultline: %s: %s\n", path, why);
}
