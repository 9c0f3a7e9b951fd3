/* SPDX-License-Identifier: MIT */
/* How a test went: first what the emulator did, then how the guest ended, then what it said. */
#include "frontend/test.h"

#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/wait.h>

/* kvm-unit-tests end with 77 when there was nothing to test, as Automake's tests do. */
enum { SKIP_STATUS = 77, SKIP_VALUE = 77 };

static void fail(struct test_case *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void fail(struct test_case *c, const char *format, ...)
{
    size_t used = strlen(c->reason);
    va_list args;

    if (c->verdict != TEST_NOT_OK && c->verdict != TEST_CRASHED)
        c->verdict = TEST_NOT_OK;
    if (used && used + 2 < sizeof(c->reason)) {
        strcpy(c->reason + used, "; ");
        used += 2;
    }
    va_start(args, format);
    vsnprintf(c->reason + used, sizeof(c->reason) - used, format, args);
    va_end(args);
}

/* The end of the run in words. */
static void name_end(const struct test_case *c, char *text, size_t size)
{
    int status = WEXITSTATUS(c->wait_status);
    const struct machine_end *end = &c->report.end;

    if (end->reason == END_DEBUG_EXIT)
        snprintf(text, size, "the guest's exit code is %u (status %d)", end->value, status);
    else if (status == EXIT_UNMET)
        snprintf(text, size, "an expectation of faults is not met");
    else
        snprintf(text, size, "%s", machine_end_text(end->reason));
}

/* The emulator itself: false if it has no verdict to give. */
static bool judge_process(struct test_case *c)
{
    if (WIFSIGNALED(c->wait_status)) {
        int n = WTERMSIG(c->wait_status);

        c->verdict = TEST_CRASHED;
        fail(c, "crash: the emulator was ended by signal %d (%s)", n, strsignal(n));
        return false;
    }
    if (!c->report.finished && WEXITSTATUS(c->wait_status) == EXIT_FILES) {
        fail(c, "refused: the image or an option");
        return false;
    }
    if (!c->report.finished || WEXITSTATUS(c->wait_status) == EXIT_INTERNAL) {
        c->verdict = TEST_CRASHED;
        fail(c, "internal error: the emulator ended with status %d", WEXITSTATUS(c->wait_status));
        return false;
    }
    return true;
}

static bool is_skip(const struct test_case *c)
{
    int status = WEXITSTATUS(c->wait_status);

    if (c->expect.has_exit || c->report.end.reason != END_DEBUG_EXIT)
        return false;
    return status == SKIP_STATUS || status == (SKIP_VALUE << 1 | 1);
}

static void judge_end(struct test_case *c)
{
    const struct machine_end *end = &c->report.end;
    int status = WEXITSTATUS(c->wait_status);
    char words[256];

    name_end(c, words, sizeof(words));
    if (c->expect.has_post && !(end->reason == END_REQUESTED && c->report.post == c->expect.post)) {
        if (c->report.posted)
            fail(c, "POST code %#04x expected, %#04x reached: %s", c->expect.post, c->report.post, words);
        else
            fail(c, "POST code %#04x expected, none written: %s", c->expect.post, words);
    } else if (c->expect.has_exit) {
        if (status != c->expect.exit)
            fail(c, "status %d expected, not %d: %s", c->expect.exit, status, words);
    } else if (status > 1 || end->reason == END_RESET) {
        /* 0: shut down, or what was waited for; 1: isa-debug-exit with 0, which kvm-unit-tests use. */
        fail(c, "%s", words);
    }
}

/* Matchers of COM1 are those of text=, then of no-text=. */
static void judge_texts(struct test_case *c)
{
    const struct stream *s = &c->stream[STREAM_COM1], *d = &c->stream[STREAM_DEBUGCON];

    for (size_t i = 0; i < c->expect.text.n; i++)
        if (!s->found[i])
            fail(c, "COM1 did not say '%s'", c->expect.text.at[i]);
    for (size_t i = 0; i < c->expect.no_text.n; i++)
        if (s->found[c->expect.text.n + i])
            fail(c, "COM1 said '%s'", c->expect.no_text.at[i]);
    for (size_t i = 0; i < c->expect.debugcon.n; i++)
        if (!d->found[i])
            fail(c, "the debug console did not say '%s'", c->expect.debugcon.at[i]);
    if (!c->expect.output)
        return;
    if (s->differs != UINT64_MAX)
        fail(c, "COM1 differs from the expected output at byte %llu", (unsigned long long)s->differs);
    else if (s->size != c->expect.output_size)
        fail(c, "COM1 said %llu bytes, not %zu", (unsigned long long)s->size, c->expect.output_size);
}

void test_judge(struct test_case *c)
{
    c->verdict = TEST_OK;
    if (!judge_process(c))
        return;
    if (is_skip(c)) {
        c->verdict = TEST_SKIPPED;
        snprintf(c->reason, sizeof(c->reason), "the guest found nothing to test");
        return;
    }
    judge_end(c);
    judge_texts(c);
    options_one_line(c->reason);
}
