/* SPDX-License-Identifier: MIT */
#include "frontend/gate.h"

#include <stdarg.h>
#include <string.h>

static struct gate *add(struct gate *gates, unsigned *n, const char *name)
{
    struct gate *g = &gates[(*n)++];

    snprintf(g->name, sizeof(g->name), "%s", name);
    g->why[0] = '\0';
    return g;
}

static void unmet(struct gate *g, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void unmet(struct gate *g, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(g->why, sizeof(g->why), format, args);
    va_end(args);
}

static void add_seen(struct gate *gates, unsigned *n, const char *name, const struct watch_count *seen,
                     const char *what)
{
    struct gate *g = add(gates, n, name);

    if (seen->count)
        unmet(g, "%llu %s, the first is %s", (unsigned long long)seen->count, what, seen->first);
}

static void add_check(struct gate *gates, unsigned *n, enum check c, u64 found)
{
    static const char *const what[CHECKS] = {
        [CHECK_STALE_TLB] = "stale translations were used at %llu place%s",
        [CHECK_LINT] = "the tables were found fault with at %llu place%s",
        [CHECK_STRICT] = "the manual was broken at %llu place%s",
    };
    char name[64];
    struct gate *g;

    snprintf(name, sizeof(name), "-fail-on: %s", check_name(c));
    g = add(gates, n, name);
    if (found)
        unmet(g, what[c], (unsigned long long)found, found == 1 ? "" : "s");
}

unsigned gates_of(struct gate gates[GATES_MAX], const struct watch *w, bool triple_fault)
{
    const struct options *o = w->options;
    unsigned n = 0;

    for (unsigned i = 0; i < o->expects; i++) {
        char name[320];
        struct gate *g;

        snprintf(name, sizeof(name), "-expect: '%s'", o->expect[i]);
        g = add(gates, &n, name);
        if (!expect_met(&w->expect[i]))
            unmet(g, "not met, %llu such page faults came", (unsigned long long)w->expect[i].seen);
    }
    if (o->fail_on_unexpected)
        add_seen(gates, &n, "-fail-on: unexpected-pf", &w->unexpected, "unexpected page faults");
    if (o->fail_on_loop)
        add_seen(gates, &n, "-fail-on: loop", &w->loops, "page faults came again with nothing changed");
    for (enum check c = 0; c < CHECKS; c++)
        if (o->fail_on_check[c])
            add_check(gates, &n, c, w->checks.count[c]);
    if (o->fail_on_user_exec)
        add_seen(gates, &n, "-fail-on: user-exec-kernel", &w->user_exec, "fetches of supervisor pages at CPL 3");
    if (o->fail_on_triple_fault && triple_fault)
        unmet(add(gates, &n, "-fail-on: triple-fault"), "the run ended with a triple fault");
    else if (o->fail_on_triple_fault)
        add(gates, &n, "-fail-on: triple-fault");
    return n;
}

bool gates_tell(const struct gate *gates, unsigned count, const struct watch *w, FILE *to)
{
    bool met = true;

    for (unsigned i = 0; i < count; i++) {
        if (!gates[i].why[0])
            continue;
        met = false;
        fprintf(to, "faultline: %s: %s\n", gates[i].name, gates[i].why);
    }
    if (!met && w->options->expects && w->unexpected.count && !w->options->fail_on_unexpected)
        fprintf(to, "faultline: the first page fault of %llu that was not expected: %s\n",
                (unsigned long long)w->unexpected.count, w->unexpected.first);
    return met;
}

/* ---- JUnit ---- */

void junit_text(FILE *to, const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        unsigned char b = (unsigned char)text[i];

        if (b == '<' || b == '>' || b == '&' || b == '"')
            fprintf(to, "&#%d;", b);
        else if ((b >= 0x20 && b < 0x7f) || b == '\n')
            fputc(b, to);
        else if (b != '\r')
            fputc('?', to);
    }
}

static void put_case(FILE *to, const char *guest, const char *name, double seconds, const char *failure)
{
    fputs("  <testcase classname=\"", to);
    junit_text(to, guest, strlen(guest));
    fputs("\" name=\"", to);
    junit_text(to, name, strlen(name));
    fprintf(to, "\" time=\"%.3f\">", seconds);
    if (failure) {
        fputs("<failure message=\"", to);
        junit_text(to, failure, strlen(failure));
        fputs("\"/>", to);
    }
    fputs("</testcase>\n", to);
}

/* NULL: as a guest may end. */
static const char *failure_of(const struct options *o, const struct machine_end *end)
{
    if (!end)
        return "an output cannot be written";
    if (end->reason == END_DEAD_HALT || end->reason == END_TRIPLE_FAULT || end->reason == END_BOOT_FAILED ||
        (end->reason == END_BUDGET && !o->expects))
        return machine_end_text(end->reason);
    return NULL;
}

bool junit_write(FILE *to, const struct options *o, const struct machine_end *end, u64 host_ns,
                 const struct gate *gates, unsigned count)
{
    const char *guest = o->image ? o->image : o->kernel ? o->kernel : o->rom ? o->rom : o->demo ? "demo" : "guest";
    const char *failure = failure_of(o, end);
    unsigned failures = failure ? 1 : 0;
    bool ok;

    for (unsigned i = 0; i < count; i++)
        failures += gates[i].why[0] ? 1 : 0;
    fprintf(to,
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"faultline\" tests=\"%u\" failures=\"%u\" "
            "errors=\"0\" skipped=\"0\">\n",
            count + 1, failures);
    put_case(to, guest, "run", (double)host_ns / 1e9, failure);
    for (unsigned i = 0; i < count; i++)
        put_case(to, guest, gates[i].name, 0, gates[i].why[0] ? gates[i].why : NULL);
    fputs("</testsuite>\n", to);
    ok = fflush(to) == 0 && !ferror(to);
    return fclose(to) == 0 && ok;
}
