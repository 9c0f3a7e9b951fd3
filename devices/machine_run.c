/* SPDX-License-Identifier: MIT */
/*
 * The run loop: the processor executes up to the count at which the next timer is due, the timers fire, and so on. A
 * halted processor lets time leap to the next timer. Guest time is instructions retired plus time spent halted.
 */
#include "devices/machine_parts.h"

#include <stdio.h>

/* How many instructions may pass before an asynchronous stop request is seen. */
#define STOP_CHECK 1000000u

#define RFLAGS_IF 0x200u

enum { EXIT_OK = 0, EXIT_DEAD_HALT = 118, EXIT_TRIPLE_FAULT = 122, EXIT_BUDGET = 124, EXIT_USAGE = 2 };

const char *machine_end_text(enum machine_end_reason reason)
{
    static const char *const text[END_COUNT] = {
        [END_BUDGET] = "instruction budget ran out",
        [END_DEBUG_EXIT] = "the guest wrote to isa-debug-exit",
        [END_SHUTDOWN] = "the guest shut down",
        [END_RESET] = "the guest reset the machine",
        [END_TRIPLE_FAULT] = "triple fault",
        [END_DEAD_HALT] = "HLT that nothing can end",
        [END_REQUESTED] = "the awaited event was seen",
        [END_INTERRUPTED] = "stopped from outside",
        [END_BOOT_FAILED] = "nothing to boot after a reset",
        [END_PAUSED] = "stopped for a debugger",
    };

    return (unsigned)reason < END_COUNT ? text[reason] : "?";
}

void machine_end_with(struct machine *m, enum machine_end_reason reason, int exit_code, u32 value)
{
    if (m->end_wanted)
        return; /* the first reason stands */
    m->end = (struct machine_end){.reason = reason, .exit_code = exit_code, .value = value};
    m->end_wanted = true;
    cpu_request_stop(m->cpu);
}

void machine_end_run(struct machine *m) { machine_end_with(m, END_REQUESTED, EXIT_OK, 0); }

void machine_ask_reset(struct machine *m)
{
    m->reset_wanted = true;
    cpu_request_stop(m->cpu);
}

void machine_request_stop(struct machine *m) { m->stop = 1; }

void machine_on_slice(struct machine *m, void (*slice)(void *ctx), void *ctx)
{
    m->slice = slice;
    m->slice_ctx = ctx;
}

static bool can_wake(struct machine *m)
{
    struct cpu_state state;

    cpu_get_state(m->cpu, &state);
    return machine_can_wake(m, state.rflags & RFLAGS_IF);
}

/* The processor is halted: leap to the next timer, or say that nothing will ever happen. */
static void leap(struct machine *m)
{
    u64 next = clock_next(m->clock), now = clock_now(m->clock);

    if (next == CLOCK_NEVER || !can_wake(m)) {
        machine_end_with(m, END_DEAD_HALT, EXIT_DEAD_HALT, 0);
        return;
    }
    if (next <= now)
        return;
    if (m->config.idle)
        m->config.idle(m->config.idle_ctx, next - now);
    m->halted_ns += next - now;
}

/* A reset was asked for, by a line or a triple fault. */
static void do_reset(struct machine *m, enum machine_end_reason reason, int exit_code)
{
    char why[sizeof(m->end.why)] = "";

    m->reset_wanted = false;
    if (m->config.no_reboot || !m->boot) {
        machine_end_with(m, reason, exit_code, 0);
        return;
    }
    machine_reset(m);
    if (!m->boot(m->boot_ctx, m, why, sizeof(why))) {
        machine_end_with(m, END_BOOT_FAILED, EXIT_USAGE, 0);
        snprintf(m->end.why, sizeof(m->end.why), "%s", why);
    }
}

/* What stands at an instruction boundary. The budget outranks what the guest did with its last instruction, and a
 * triple fault outranks the budget. */
static bool at_boundary(struct machine *m, u64 limit, u64 pause_at)
{
    bool fatal = m->end_wanted && m->end.reason == END_TRIPLE_FAULT;

    if (m->slice)
        m->slice(m->slice_ctx);
    if (m->stop) {
        m->stop = 0;
        machine_end_with(m, END_INTERRUPTED, EXIT_OK, 0);
    }
    if (!fatal && cpu_icount(m->cpu) >= limit) {
        bool met = m->end_wanted && m->end.reason == END_REQUESTED; /* an expectation met outranks the budget */

        if (!met) {
            m->end_wanted = false;
            machine_end_with(m, END_BUDGET, EXIT_BUDGET, 0);
        }
    }
    if (cpu_icount(m->cpu) >= pause_at)
        machine_end_with(m, END_PAUSED, EXIT_OK, 0);
    return m->end_wanted;
}

static u64 deadline(struct machine *m, u64 limit)
{
    u64 icount = cpu_icount(m->cpu), next = clock_next(m->clock), now = icount + m->halted_ns;
    u64 at = icount + STOP_CHECK;

    if (next != CLOCK_NEVER && next - now < at - icount)
        at = icount + (next - now);
    return at < limit ? at : limit;
}

static enum cpu_stop run_processor(struct machine *m, u64 limit)
{
    enum cpu_stop stop;

    m->running = true;
    stop = cpu_run(m->cpu, deadline(m, limit));
    m->running = false;
    return stop;
}

/* A guest that resets, or faults, again and again without executing anything would outlast any budget: a run that has
 * one ends. */
#define FRUITLESS_RESETS 64
/* So would one that sleeps while a timer that cannot wake it ticks: this many times in a row. */
#define FRUITLESS_LEAPS (1u << 22)

struct machine_end machine_run(struct machine *m, struct machine_limits limits)
{
    u64 reset_count = UINT64_MAX, leap_count = UINT64_MAX;
    unsigned fruitless = 0, leaps = 0;
    u64 limit = limits.max_instructions ? limits.max_instructions : UINT64_MAX;
    u64 pause_at = limits.pause_at ? limits.pause_at : UINT64_MAX;

    m->end_wanted = false;
    while (!at_boundary(m, limit, pause_at)) {
        enum cpu_stop stop;

        clock_run(m->clock);
        stop = m->reset_wanted || m->end_wanted
                   ? CPU_STOP_REQUESTED
                   : run_processor(m, limit < pause_at ? limit : pause_at); /* timers may ask */
        if (m->end_wanted)
            continue;
        if (stop == CPU_STOP_BREAK) {
            machine_end_with(m, END_PAUSED, EXIT_OK, 0);
            continue;
        }
        if (stop == CPU_STOP_SHUTDOWN || m->reset_wanted) {
            fruitless = cpu_icount(m->cpu) == reset_count ? fruitless + 1 : 0;
            reset_count = cpu_icount(m->cpu);
        }
        if (stop == CPU_STOP_HALTED) {
            leaps = cpu_icount(m->cpu) == leap_count ? leaps + 1 : 0;
            leap_count = cpu_icount(m->cpu);
        }
        if (limits.max_instructions &&
            (stop == CPU_STOP_STUCK || fruitless > FRUITLESS_RESETS || leaps > FRUITLESS_LEAPS)) {
            machine_end_with(m, END_BUDGET, EXIT_BUDGET, 0);
            continue;
        }
        if (stop == CPU_STOP_SHUTDOWN)
            do_reset(m, END_TRIPLE_FAULT, EXIT_TRIPLE_FAULT);
        else if (m->reset_wanted)
            do_reset(m, END_RESET, EXIT_OK);
        else if (stop == CPU_STOP_HALTED && cpu_icount(m->cpu) < limit && cpu_icount(m->cpu) < pause_at)
            leap(m);
    }
    m->end.icount = cpu_icount(m->cpu);
    m->end.ns = m->end.icount + m->halted_ns;
    return m->end;
}
