/* SPDX-License-Identifier: MIT */
#include "frontend/control.h"

#include <poll.h>
#include <time.h>

#define LOOK_MS 4   /* of host time between looks while the guest runs */
#define STILL_MS 50 /* while it stands */

void control_init(struct control *c, struct machine *m, const volatile sig_atomic_t *signal)
{
    *c = (struct control){.machine = m, .signal = signal};
}

bool control_add(struct control *c, struct control_user user)
{
    if (c->users == CONTROL_USERS)
        return false;
    c->user[c->users++] = user;
    return true;
}

void control_stop(struct control *c)
{
    if (c->stopped)
        return;
    c->asked = true;
    machine_request_stop(c->machine);
}

void control_go(struct control *c, u64 instructions)
{
    c->stopped = c->asked = false;
    c->stepping = instructions;
    c->pause_at = instructions ? cpu_icount(machine_cpu(c->machine)) + instructions : 0;
}

void control_go_through(struct control *c, u64 instructions)
{
    control_go(c, instructions);
    c->stepping = false;
}

void control_quit(struct control *c)
{
    c->quit = true;
    c->stopped = false;
    machine_request_stop(c->machine);
}

static void look(struct control *c)
{
    for (unsigned i = 0; i < c->users; i++)
        if (c->user[i].poll)
            c->user[i].poll(c->user[i].ctx);
}

/* A coarse clock costs next to nothing, and a slice may be short. */
static void slice(void *ctx)
{
    struct control *c = ctx;
    struct timespec t;
    u64 now;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
    now = (u64)t.tv_sec * 1000 + (u64)t.tv_nsec / 1000000;
    if (now - c->looked < LOOK_MS)
        return;
    c->looked = now;
    look(c);
}

static void tell(struct control *c, enum control_why why)
{
    c->stopped = true;
    c->stepping = c->asked = false;
    c->pause_at = 0;
    for (unsigned i = 0; i < c->users; i++)
        if (c->user[i].stopped)
            c->user[i].stopped(c->user[i].ctx, why);
}

/* False: the run is to end. */
static bool stand(struct control *c)
{
    while (c->stopped && !c->quit && !*c->signal) {
        struct pollfd wait[CONTROL_USERS * CONTROL_FDS];
        unsigned n = 0;

        for (unsigned i = 0; i < c->users; i++) {
            int fd[CONTROL_FDS];
            unsigned count = c->user[i].fds ? c->user[i].fds(c->user[i].ctx, fd) : 0;

            for (unsigned k = 0; k < count; k++)
                wait[n++] = (struct pollfd){.fd = fd[k], .events = POLLIN};
            if (c->user[i].still)
                c->user[i].still(c->user[i].ctx);
        }
        poll(wait, n, STILL_MS);
        look(c);
    }
    return !c->quit && !*c->signal;
}

static bool somebody_holds(const struct control *c)
{
    for (unsigned i = 0; i < c->users; i++)
        if (c->user[i].holds && c->user[i].holds(c->user[i].ctx))
            return true;
    return false;
}

static bool somebody_looks(const struct control *c)
{
    for (unsigned i = 0; i < c->users; i++)
        if (c->user[i].poll)
            return true;
    return false;
}

/* Did the guest come to a stop, rather than to its end? */
static bool has_stopped(struct control *c, const struct machine_end *end, enum control_why *why)
{
    if (end->reason == END_PAUSED) {
        int kind = cpu_broke(machine_cpu(c->machine))->kind;

        *why = kind == CPU_BREAK_NONE || kind == CPU_BREAK_HANDLER ? CONTROL_STEP : CONTROL_BREAK;
        return true;
    }
    *why = end->reason == END_INTERRUPTED ? CONTROL_ASKED : CONTROL_END;
    if (end->reason == END_INTERRUPTED)
        return c->asked && !c->quit && !*c->signal;
    return (end->reason == END_TRIPLE_FAULT || end->reason == END_DEAD_HALT) && somebody_holds(c);
}

struct machine_end control_run(struct control *c, struct machine_limits limits)
{
    struct cpu *cpu = machine_cpu(c->machine);
    struct machine_end end = {.reason = END_INTERRUPTED, .icount = cpu_icount(cpu), .ns = machine_time(c->machine)};
    enum control_why why = CONTROL_ASKED;

    machine_on_slice(c->machine, somebody_looks(c) ? slice : NULL, c);
    while (stand(c) && why != CONTROL_END) {
        limits.pause_at = c->pause_at;
        if (c->stepping)
            cpu_stop_at_handlers(cpu, true);
        cpu_go_on(cpu);
        end = machine_run(c->machine, limits);
        cpu_stop_at_handlers(cpu, false);
        if (!has_stopped(c, &end, &why))
            break;
        tell(c, why);
    }
    machine_on_slice(c->machine, NULL, NULL);
    if (end.reason == END_PAUSED)
        end.reason = END_INTERRUPTED; /* nobody let it go on */
    return end;
}
