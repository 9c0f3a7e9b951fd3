/* SPDX-License-Identifier: MIT */
/* TAP 13 on standard output, a progress line on a terminal, JUnit's XML in a file. */
#include "frontend/test.h"

#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "frontend/gate.h"

enum { LINES_SHOWN = 10 };

/* ---- The last lines of a stream ---- */

/* The ring in order; its size. */
static size_t tail_of(const struct stream *s, char text[STREAM_TAIL])
{
    size_t n = s->size < STREAM_TAIL ? (size_t)s->size : STREAM_TAIL;

    for (size_t i = 0; i < n; i++)
        text[i] = s->tail[(s->size - n + i) % STREAM_TAIL];
    return n;
}

/* Where the last lines begin. */
static size_t last_lines(const char *text, size_t size)
{
    size_t at = size, lines = 0;

    while (at > 0) {
        if (text[at - 1] == '\n' && at != size && ++lines == LINES_SHOWN)
            break;
        at--;
    }
    return at;
}

/* A double-quoted scalar of YAML: printable ASCII as it is. */
static void put_quoted(FILE *to, const char *text, size_t size)
{
    fputc('"', to);
    for (size_t i = 0; i < size; i++) {
        unsigned char b = (unsigned char)text[i];

        if (b == '"' || b == '\\')
            fprintf(to, "\\%c", b);
        else if (b >= 0x20 && b < 0x7f)
            fputc(b, to);
        else if (b != '\r' || i + 1 < size)
            fprintf(to, "\\x%02x", b);
    }
    fputc('"', to);
}

static void put_stream(const char *key, const struct stream *s)
{
    char text[STREAM_TAIL];
    size_t n = tail_of(s, text), at = last_lines(text, n);

    if (!n)
        return;
    printf("  %s:\n", key);
    while (at < n) {
        const char *end = memchr(text + at, '\n', n - at);
        size_t length = end ? (size_t)(end - text) - at : n - at;

        fputs("    - ", stdout);
        put_quoted(stdout, text + at, length);
        fputc('\n', stdout);
        at += length + 1;
    }
}

/* ---- TAP ---- */

void report_plan(const struct test_plan *p)
{
    printf("TAP version 13\n1..%zu\n", p->count);
    fflush(stdout);
}

/* A description ends at "#" and at the line's end. */
static void put_name(const char *name)
{
    for (; *name; name++) {
        if (*name == '#' || *name == '\\')
            putchar('\\');
        putchar((unsigned char)*name < 0x20 || *name == 0x7f ? '?' : *name);
    }
}

static void put_details(const struct test_case *c)
{
    puts("  ---");
    fputs("  reason: ", stdout);
    put_quoted(stdout, c->reason, strlen(c->reason));
    if (WIFEXITED(c->wait_status))
        printf("\n  status: %d", WEXITSTATUS(c->wait_status));
    if (c->report.finished)
        printf("\n  instructions: %llu", (unsigned long long)c->report.end.icount);
    if (c->report.posted)
        printf("\n  post: %#04x", c->report.post);
    putchar('\n');
    put_stream("faultline", &c->stream[STREAM_ERRORS]);
    put_stream("com1", &c->stream[STREAM_COM1]);
    put_stream("debugcon", &c->stream[STREAM_DEBUGCON]);
    puts("  ...");
}

void report_case(const struct test_case *c, size_t number)
{
    report_progress_clear();
    printf("%sok %zu - ", c->verdict == TEST_OK || c->verdict == TEST_SKIPPED ? "" : "not ", number);
    put_name(c->path);
    if (c->verdict == TEST_SKIPPED)
        printf(" # SKIP %s", c->reason);
    putchar('\n');
    if (c->verdict == TEST_NOT_OK || c->verdict == TEST_CRASHED)
        put_details(c);
    fflush(stdout);
}

void report_progress(const struct test_plan *p, size_t done, size_t failed, const char *name)
{
    const char *slash = strrchr(name, '/');

    if (!isatty(STDERR_FILENO))
        return;
    fprintf(stderr, "\r[%zu/%zu] %zu failed, running %.40s\033[K", done, p->count, failed, slash ? slash + 1 : name);
    fflush(stderr);
}

void report_progress_clear(void)
{
    if (isatty(STDERR_FILENO))
        fputs("\r\033[K", stderr);
}

/* ---- JUnit ---- */

static void junit_case(const struct test_case *c, FILE *to)
{
    const char *element = c->verdict == TEST_CRASHED ? "error" : "failure";
    char text[STREAM_TAIL];

    fputs("  <testcase classname=\"faultline\" name=\"", to);
    junit_text(to, c->path, strlen(c->path));
    fprintf(to, "\" time=\"%.3f\">", c->seconds);
    if (c->verdict == TEST_SKIPPED || c->verdict == TEST_WAITING) {
        fputs("<skipped message=\"", to);
        junit_text(to, c->reason, strlen(c->reason));
        fputs("\"/>", to);
    } else if (c->verdict != TEST_OK) {
        fprintf(to, "<%s message=\"", element);
        junit_text(to, c->reason, strlen(c->reason));
        fputs("\">", to);
        junit_text(to, text, tail_of(&c->stream[STREAM_ERRORS], text));
        fprintf(to, "</%s>", element);
    }
    if (c->stream) {
        fputs("<system-out>", to);
        junit_text(to, text, tail_of(&c->stream[STREAM_COM1], text));
        fputs("</system-out>", to);
    }
    fputs("</testcase>\n", to);
}

bool report_junit(const struct test_plan *p, FILE *to)
{
    size_t count[TEST_CRASHED + 1] = {0};

    for (size_t i = 0; i < p->count; i++)
        count[p->cases[i].verdict]++;
    fprintf(to,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"faultline\" tests=\"%zu\" failures=\"%zu\" "
            "errors=\"%zu\" skipped=\"%zu\">\n",
            p->count, count[TEST_NOT_OK], count[TEST_CRASHED], count[TEST_SKIPPED] + count[TEST_WAITING]);
    for (size_t i = 0; i < p->count; i++)
        junit_case(&p->cases[i], to);
    fputs("</testsuite>\n", to);
    return fflush(to) == 0 && !ferror(to);
}
