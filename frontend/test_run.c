/* SPDX-License-Identifier: MIT */
/* One process a test, a few at a time; what they write is read as it comes, so that no guest fills our memory. */
#include "frontend/test.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

struct pool {
    struct test_plan *plan;
    struct run_report *shared;  /* one a slot: what a test's process tells even if it crashes */
    struct test_case **running; /* by slot; NULL: free */
    size_t next, shown, done, failed;
    int signals; /* a signalfd */
    sigset_t before;
};

/* ---- Streams ---- */

static void stream_want(struct stream *s, const struct words *texts)
{
    for (size_t i = 0; i < texts->n; i++)
        if (!matcher_init(&s->matcher[s->matchers++], texts->at[i]))
            exit(EXIT_INTERNAL);
}

static void streams_begin(struct test_case *c)
{
    const struct test_expect *e = &c->expect;

    c->stream = test_alloc(STREAMS * sizeof(struct stream));
    for (int i = 0; i < STREAMS; i++) {
        struct stream *s = &c->stream[i];
        size_t n = i == STREAM_COM1 ? e->text.n + e->no_text.n : i == STREAM_DEBUGCON ? e->debugcon.n : 0;

        s->differs = UINT64_MAX;
        s->matcher = test_alloc((n + 1) * sizeof(*s->matcher));
        s->found = test_alloc((n + 1) * sizeof(*s->found));
    }
    stream_want(&c->stream[STREAM_COM1], &e->text);
    stream_want(&c->stream[STREAM_COM1], &e->no_text);
    stream_want(&c->stream[STREAM_DEBUGCON], &e->debugcon);
}

static void streams_end(struct test_case *c)
{
    for (int i = 0; c->stream && i < STREAMS; i++) {
        struct stream *s = &c->stream[i];

        for (size_t k = 0; k < s->matchers; k++)
            matcher_free(&s->matcher[k]);
        free(s->matcher);
        free(s->found);
        s->matchers = 0;
        s->matcher = NULL;
        s->found = NULL;
    }
}

static void stream_take(struct test_case *c, int which, const char *bytes, size_t n)
{
    struct stream *s = &c->stream[which];
    const struct test_expect *e = &c->expect;

    for (size_t i = 0; i < n; i++, s->size++) {
        s->tail[s->size % STREAM_TAIL] = bytes[i];
        for (size_t k = 0; k < s->matchers; k++)
            if (!s->found[k])
                s->found[k] = matcher_byte(&s->matcher[k], (u8)bytes[i]);
        if (which == STREAM_COM1 && e->output && s->differs == UINT64_MAX &&
            (s->size >= e->output_size || (u8)bytes[i] != e->output[s->size]))
            s->differs = s->size;
    }
}

/* ---- Processes ---- */

/* In the new process. */
static void become_test(struct pool *p, struct test_case *c, int ends[STREAMS][2], pid_t parent)
{
    static const int crashes[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGINT, SIGTERM, SIGHUP};
    char debugcon[48];
    int null = open("/dev/null", O_RDONLY);

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(EXIT_INTERNAL);
    for (size_t i = 0; i < sizeof(crashes) / sizeof(crashes[0]); i++)
        signal(crashes[i], SIG_DFL); /* a crash is to be seen as what it is */
    sigprocmask(SIG_SETMASK, &p->before, NULL);
    dup2(null, STDIN_FILENO);
    dup2(ends[STREAM_COM1][1], STDOUT_FILENO);
    dup2(ends[STREAM_ERRORS][1], STDERR_FILENO);
    snprintf(debugcon, sizeof(debugcon), "/proc/self/fd/%d", ends[STREAM_DEBUGCON][1]);
    c->options.debugcon = (struct endpoint){ENDPOINT_FILE, debugcon};
    c->options.display = DISPLAY_NONE; /* many run at once, and nobody watches */
    p->plan->host->report = &p->shared[c->slot];
    exit(run_guest(&c->options, p->plan->host));
}

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "faultline: %s: %s\n", what, strerror(errno));
    exit(EXIT_INTERNAL);
}

static void start(struct pool *p, struct test_case *c, unsigned slot)
{
    int ends[STREAMS][2];
    pid_t parent = getpid();

    for (int i = 0; i < STREAMS; i++)
        must(pipe(ends[i]) == 0, "pipe");
    p->shared[slot] = (struct run_report){.finished = false};
    c->slot = slot;
    streams_begin(c);
    fflush(NULL);
    c->pid = fork();
    must(c->pid >= 0, "fork");
    if (c->pid == 0)
        become_test(p, c, ends, parent);
    for (int i = 0; i < STREAMS; i++) {
        close(ends[i][1]);
        c->fd[i] = ends[i][0];
    }
    p->running[slot] = c;
}

static void finish(struct pool *p, struct test_case *c)
{
    struct rusage usage;

    while (wait4(c->pid, &c->wait_status, 0, &usage) < 0 && errno == EINTR)
        ;
    c->seconds = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                 (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
    c->report = p->shared[c->slot];
    p->running[c->slot] = NULL;
    test_judge(c);
    streams_end(c);
    p->done++;
    p->failed += c->verdict == TEST_NOT_OK || c->verdict == TEST_CRASHED;
}

/* Reads what there is; true when all its ends are closed, which is when the process has ended. */
static bool take_output(struct test_case *c, int which)
{
    char bytes[16384];
    ssize_t n = read(c->fd[which], bytes, sizeof(bytes));

    if (n > 0) {
        stream_take(c, which, bytes, (size_t)n);
        return false;
    }
    if (n < 0 && errno == EINTR)
        return false;
    close(c->fd[which]);
    c->fd[which] = -1;
    for (int i = 0; i < STREAMS; i++)
        if (c->fd[i] >= 0)
            return false;
    return true;
}

/* ---- The pool ---- */

static void show_in_order(struct pool *p)
{
    while (p->shown < p->plan->count && p->plan->cases[p->shown].verdict != TEST_WAITING) {
        report_case(&p->plan->cases[p->shown], p->shown + 1);
        p->shown++;
    }
}

static void fill_slots(struct pool *p)
{
    for (unsigned slot = 0; slot < p->plan->jobs && p->next < p->plan->count; slot++) {
        while (p->next < p->plan->count && p->plan->cases[p->next].expect.skip) {
            struct test_case *c = &p->plan->cases[p->next++];

            c->verdict = TEST_SKIPPED;
            snprintf(c->reason, sizeof(c->reason), "%s", c->expect.skip);
            options_one_line(c->reason);
            p->done++;
        }
        if (p->running[slot] || p->next == p->plan->count)
            continue;
        report_progress(p->plan, p->done, p->failed, p->plan->cases[p->next].path);
        start(p, &p->plan->cases[p->next++], slot);
    }
    show_in_order(p);
}

/* Waits for output or a signal; the signal, or 0. */
static int wait_for_any(struct pool *p)
{
    size_t n = 1, most = (size_t)p->plan->jobs * STREAMS + 1;
    struct pollfd *polled = test_alloc(most * sizeof(*polled));
    struct test_case **whose = test_alloc(most * sizeof(*whose));
    struct signalfd_siginfo info = {0};
    int *which = test_alloc(most * sizeof(*which));

    polled[0] = (struct pollfd){.fd = p->signals, .events = POLLIN};
    for (unsigned slot = 0; slot < p->plan->jobs; slot++) {
        for (int i = 0; p->running[slot] && i < STREAMS; i++) {
            if (p->running[slot]->fd[i] < 0)
                continue;
            polled[n] = (struct pollfd){.fd = p->running[slot]->fd[i], .events = POLLIN};
            which[n] = i;
            whose[n++] = p->running[slot];
        }
    }
    if (poll(polled, n, -1) > 0) {
        if (polled[0].revents && read(p->signals, &info, sizeof(info)) != sizeof(info))
            info.ssi_signo = 0;
        for (size_t i = 1; i < n; i++)
            if (polled[i].revents && take_output(whose[i], which[i]))
                finish(p, whose[i]);
    }
    free(polled);
    free(whose);
    free(which);
    return (int)info.ssi_signo;
}

static void kill_all(struct pool *p)
{
    for (unsigned slot = 0; slot < p->plan->jobs; slot++) {
        struct test_case *c = p->running[slot];

        if (!c)
            continue;
        kill(c->pid, SIGKILL);
        while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
            ;
        for (int i = 0; i < STREAMS; i++)
            if (c->fd[i] >= 0)
                close(c->fd[i]);
        streams_end(c);
        snprintf(c->reason, sizeof(c->reason), "interrupted");
    }
    for (; p->shown < p->plan->count; p->shown++)
        if (p->plan->cases[p->shown].verdict != TEST_WAITING)
            report_case(&p->plan->cases[p->shown], p->shown + 1);
}

static bool any_running(const struct pool *p)
{
    for (unsigned slot = 0; slot < p->plan->jobs; slot++)
        if (p->running[slot])
            return true;
    return false;
}

int test_run_all(struct test_plan *plan)
{
    struct pool p = {.plan = plan};
    size_t size = plan->jobs * sizeof(*p.shared);
    sigset_t ends;
    int number = 0;

    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGHUP);
    sigprocmask(SIG_BLOCK, &ends, &p.before);
    p.signals = signalfd(-1, &ends, SFD_CLOEXEC);
    p.shared = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    must(p.signals >= 0 && p.shared != MAP_FAILED, "test");
    p.running = test_alloc(plan->jobs * sizeof(*p.running));
    report_plan(plan);
    for (fill_slots(&p); !number && any_running(&p); fill_slots(&p)) {
        number = wait_for_any(&p);
        if (number)
            break;
    }
    if (number)
        kill_all(&p);
    report_progress_clear();
    sigprocmask(SIG_SETMASK, &p.before, NULL);
    close(p.signals);
    munmap(p.shared, size);
    free(p.running);
    return number;
}
