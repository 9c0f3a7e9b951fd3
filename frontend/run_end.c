/* SPDX-License-Identifier: MIT */
/* The end of a run: what is told of it, and its exit status. */
#include <stdio.h>

#include "frontend/run_parts.h"

static void tell_checks(const struct run *r)
{
    char line[128];
    struct text t = TEXT_OVER(line);
    bool any = false;

    for (enum check c = 0; c < CHECKS; c++)
        any |= r->o->check[c];
    if (!any)
        return;
    checks_total(&r->watch.checks, &t);
    text_end(&t);
    fprintf(stderr, "faultline: checks: %s\n", line);
}

static void tell_stats(const struct run *r, int status)
{
    struct cpu_stats s;
    char line[4][32];
    u64 ns = r->host_ns ? r->host_ns : 1;

    cpu_get_stats(machine_cpu(r->machine), &s);
    for (int i = 0; i < 4; i++) {
        const u64 value[4] = {s.instructions, s.tlb_misses, s.page_faults, s.traces_built};
        struct text t = TEXT_OVER(line[i]);

        text_grouped(&t, value[i]);
        text_end(&t);
    }
    fprintf(stderr, "faultline: end: %s, exit status %d\n",
            r->failed ? "an output cannot be written" : machine_end_text(r->end.reason), status);
    fprintf(stderr, "faultline: %s instructions in %.3f s of host time, %.1f MIPS; guest time %.6f s\n", line[0],
            (double)ns / 1e9, (double)s.instructions * 1e3 / (double)ns, (double)r->end.ns / 1e9);
    fprintf(stderr, "faultline: %s page faults, %llu exceptions, %llu interrupts, %s TLB misses\n", line[2],
            (unsigned long long)s.exceptions, (unsigned long long)s.interrupts, line[1]);
    fprintf(stderr, "faultline: %s traces built, %llu made stale, %llu times all dropped\n", line[3],
            (unsigned long long)s.trace_invalidations, (unsigned long long)s.arena_flushes);
    tell_checks(r);
}

static bool quit(const struct run *r) { return r->console.quit || r->screen.display.quit || r->control.quit; }

/* A line for an end that the user may not have wanted. */
static void tell_end(const struct run *r)
{
    struct cpu_state state;

    cpu_get_state(machine_cpu(r->machine), &state);
    switch (r->end.reason) {
    case END_BUDGET:
    case END_DEAD_HALT:
        fprintf(stderr, "faultline: %s: %llu instructions, RIP %#llx\n", machine_end_text(r->end.reason),
                (unsigned long long)r->end.icount, (unsigned long long)state.rip);
        break;
    case END_BOOT_FAILED: fprintf(stderr, "faultline: %s: %s\n", machine_end_text(r->end.reason), r->end.why); break;
    case END_INTERRUPTED:
        if (!quit(r))
            fprintf(stderr, "faultline: ended by %s\n",
                    r->host->signal == SIGTERM  ? "SIGTERM"
                    : r->host->signal == SIGHUP ? "SIGHUP"
                                                : "SIGINT");
        break;
    default: break;
    }
}

/* A run that went wrong: what led to it. */
static void tell_answer(struct run *r, const char *command)
{
    struct reply reply;

    reply_init(&reply, false);
    monitor_command(&r->monitor, command, &reply);
    fputs(reply_text(&reply), stderr);
    reply_free(&reply);
}

static void tell_history(struct run *r, int status)
{
    bool wrong = r->end.reason == END_TRIPLE_FAULT || r->end.reason == END_DEAD_HALT || r->end.reason == END_BUDGET ||
                 status == EXIT_UNMET;
    char command[32];

    if ((!r->o->history && !r->trail) || !wrong)
        return;
    if (r->o->history && r->history.count)
        fprintf(stderr, "faultline: the last page faults of %llu:\n", (unsigned long long)r->history.count);
    faults_tell(&r->history, r->o->history, stderr);
    if (r->trail) {
        fprintf(stderr, "faultline: the last instructions, each as it was about to be executed:\n");
        snprintf(command, sizeof(command), "history %u", r->o->history_insns);
        tell_answer(r, command);
    }
    tell_answer(r, "info registers");
}

/* Several may hold: files, expectation, triple fault, budget, guest, in that order. */
static int status_of(const struct run *r)
{
    bool awaited = r->o->stop_on || r->o->expect_post || r->o->expects || r->o->script;
    bool met = gates_tell(r->gate, r->gates, &r->watch, stderr);

    if (r->failed)
        return EXIT_FILES;
    if (!met || r->screen.script_unmet)
        return EXIT_UNMET;
    if (r->end.reason == END_TRIPLE_FAULT)
        return EXIT_TRIPLE;
    if (r->end.reason == END_BUDGET)
        return r->o->expects ? EXIT_GOOD : EXIT_BUDGET_OUT;
    if (r->end.reason == END_INTERRUPTED && awaited && !quit(r))
        return EXIT_UNMET;
    return r->end.exit_code;
}

void run_close_outputs(struct run *r)
{
    output_close(&r->trace);
    output_close(&r->log_file);
    output_close(&r->standard);
    output_close(&r->errors);
    for (int i = 0; i <= PRINTER; i++)
        output_close(&r->file[i]);
}

/* Outputs are closed before the status is settled: a full disk may show only then. */
int run_finish(struct run *r)
{
    int status;

    watch_finish(&r->watch);
    run_close_outputs(r);
    tell_end(r);
    r->gates = gates_of(r->gate, &r->watch, r->end.reason == END_TRIPLE_FAULT);
    if (r->junit && !junit_write(r->junit, r->o, r->failed ? NULL : &r->end, r->host_ns, r->gate, r->gates)) {
        fprintf(stderr, "faultline: %s: cannot be written\n", r->o->junit);
        r->failed = true;
    }
    status = status_of(r);
    tell_history(r, status);
    if (r->o->stats)
        tell_stats(r, status);
    if (r->o->ram_hash)
        fprintf(stderr, "faultline: RAM hash %016llx\n", (unsigned long long)phys_ram_hash(machine_phys(r->machine)));
    if (r->host->report) {
        r->host->report->end = r->end;
        r->host->report->finished = true;
    }
    return status;
}
