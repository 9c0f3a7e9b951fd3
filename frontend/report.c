/* SPDX-License-Identifier: MIT */
#include "frontend/report.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "frontend/options.h"
#include "frontend/run.h"
#include "frontend/summary.h"
#include "frontend/trace_write.h"

static const char help_text[] =
    "usage: faultline report [-o FILE] [--format FORMAT] TRACE..\n"
    "       faultline diff [--ignore KEYS] [--context N] TRACE TRACE\n\n"
    "Shows traces that --trace-faults wrote (.jsonl, .csv, .flt). Several are taken one after the other, each record "
    "with\n"
    "the name of its file.\n\n"
    "  -o FILE          where it goes; its ending says the format (without it: TRACE.html, or standard output for a\n"
    "                   --format)\n"
    "  --format FORMAT  html      one page with everything in it, to be opened in a browser\n"
    "                   text      the summary\n"
    "                   json      the summary as one JSON object\n"
    "                   perfetto  the records for ui.perfetto.dev and chrome://tracing\n"
    "                   jsonl csv flt   the records\n\n"
    "Exit status: 0; 2 usage, or a file that cannot be read or written.\n";

enum format {
    FORMAT_UNSET,
    FORMAT_HTML,
    FORMAT_TEXT,
    FORMAT_JSON,
    FORMAT_PERFETTO,
    FORMAT_JSONL,
    FORMAT_CSV,
    FORMAT_FLT
};

static const struct {
    const char *name, *suffix;
    enum format format;
} formats[] = {
    {"html", ".html", FORMAT_HTML},    {"text", ".txt", FORMAT_TEXT},
    {"json", NULL, FORMAT_JSON},       {"perfetto", ".json", FORMAT_PERFETTO},
    {"jsonl", ".jsonl", FORMAT_JSONL}, {"csv", ".csv", FORMAT_CSV},
    {"flt", ".flt", FORMAT_FLT},
};
#define FORMATS (sizeof(formats) / sizeof(formats[0]))

struct command {
    struct traces traces;
    enum format format;
    const char *out;
    char name[4096]; /* of the output, if it was made of the trace's */
    bool help;
    char why[640];
};

static bool refuse(struct command *c, const char *format, const char *word)
{
    snprintf(c->why, sizeof(c->why), format, word);
    options_one_line(c->why);
    return false;
}

/* ---- The command line ---- */

static bool take_format(struct command *c, const char *word)
{
    for (size_t i = 0; i < FORMATS; i++) {
        if (strcmp(word, formats[i].name))
            continue;
        c->format = formats[i].format;
        return true;
    }
    return refuse(c, "-format: '%.64s' is none of html, text, json, perfetto, jsonl, csv, flt", word);
}

static bool take_option(struct command *c, const char *name, const char *value, int *used)
{
    bool out = !strcmp(name, "o");

    if (!out && strcmp(name, "format"))
        return refuse(c, "-%.64s: unknown option; report --help lists them", name);
    if (!value)
        return refuse(c, "-%s: needs an argument", name);
    ++*used;
    if (!out)
        return take_format(c, value);
    if (!*value)
        return refuse(c, "-%s: the file name is empty", name);
    c->out = value;
    return true;
}

static bool parse(struct command *c, int argc, char **argv)
{
    bool only_files = false;

    for (int i = 2; i < argc; i++) {
        const char *name = argv[i];

        if (!only_files && !strcmp(name, "--")) {
            only_files = true;
        } else if (only_files || name[0] != '-' || !name[1]) {
            if (c->traces.count == TRACES_MAX)
                return refuse(c, "%.64s: a trace too many", name);
            c->traces.path[c->traces.count++] = name;
        } else {
            name += name[1] == '-' ? 2 : 1;
            c->help |= !strcmp(name, "help") || !strcmp(name, "h");
            if (c->help)
                return true;
            if (!take_option(c, name, argv[i + 1], &i))
                return false;
        }
    }
    return c->traces.count || refuse(c, "report: %s", "no TRACE is given; report --help says more");
}

/* The format, where only one of -o and --format says it; the name, where none does. */
static bool settle(struct command *c)
{
    const char *suffix = c->out ? strrchr(c->out, '.') : NULL;

    for (size_t i = 0; suffix && c->format == FORMAT_UNSET && i < FORMATS; i++)
        if (formats[i].suffix && !strcmp(suffix, formats[i].suffix))
            c->format = formats[i].format;
    if (c->format != FORMAT_UNSET)
        return true;
    if (c->out)
        return refuse(c, "-o: %.255s: its ending does not say the format; give a --format", c->out);
    c->format = FORMAT_HTML;
    suffix = strrchr(c->traces.path[0], '.');
    snprintf(
        c->name, sizeof(c->name), "%.*s.html",
        (int)(suffix && trace_format_of(suffix) ? (size_t)(suffix - c->traces.path[0]) : strlen(c->traces.path[0])),
        c->traces.path[0]);
    c->out = c->name;
    return true;
}

/* ---- What it shows ---- */

/* An output must not be one of the traces. */
static bool open_output(struct command *c, struct output *o)
{
    char reason[256];
    bool ok;

    for (unsigned i = 0; c->out && i < c->traces.count; i++)
        if (!strcmp(c->out, c->traces.path[i]))
            return refuse(c, "-o: %.255s is a trace that is to be read", c->out);
    ok = c->out ? output_open(o, c->out, reason, sizeof(reason))
                : output_over(o, STDOUT_FILENO, "standard output", reason, sizeof(reason));
    if (!ok)
        snprintf(c->why, sizeof(c->why), "%.255s: %.255s", c->out ? c->out : "standard output", reason);
    return ok;
}

static bool convert(struct command *c, struct output *o)
{
    static const enum trace_format trace_formats[] = {
        [FORMAT_PERFETTO] = TRACE_PERFETTO,
        [FORMAT_JSONL] = TRACE_JSONL,
        [FORMAT_CSV] = TRACE_CSV,
        [FORMAT_FLT] = TRACE_FLT,
    };
    struct trace_writer *w = trace_writer_create(o, trace_formats[c->format], &c->traces.schema);
    const struct trace_row *row;

    if (!w)
        return refuse(c, "%s", "out of memory");
    while (!o->error && (row = traces_next(&c->traces)))
        trace_writer_row(w, row);
    trace_writer_end(w);
    trace_writer_destroy(w);
    return !c->traces.why[0] || refuse(c, "%s", c->traces.why);
}

static bool summarize(struct command *c, struct output *o)
{
    struct summary *s = malloc(sizeof(*s));
    const struct trace_row *row;
    char *text = NULL, name[300];
    size_t size = 0;
    FILE *to = open_memstream(&text, &size);
    bool ok = s && to;

    snprintf(name, sizeof(name), c->traces.count > 1 ? "%.255s and %u more" : "%.255s", c->traces.path[0],
             c->traces.count - 1);
    options_one_line(name);
    if (s)
        summary_init(s);
    while (ok && (row = traces_next(&c->traces)))
        ok = summary_add(s, &c->traces.schema, row);
    if (ok && !c->traces.why[0]) {
        summary_settle(s);
        (c->format == FORMAT_JSON ? summary_json : summary_print)(s, name, to);
    }
    if (s)
        summary_free(s);
    free(s);
    ok = ok && fclose(to) == 0;
    if (ok)
        output_bytes(o, text, size);
    free(text);
    if (!ok)
        return refuse(c, "%s", "out of memory");
    return !c->traces.why[0] || refuse(c, "%s", c->traces.why);
}

/* Half a report is none. */
static void take_back(const char *path)
{
    struct stat st;

    if (path && lstat(path, &st) == 0 && S_ISREG(st.st_mode))
        unlink(path);
}

static bool show(struct command *c)
{
    struct output o = {.fd = -1};
    bool ok;

    if (!traces_begin(&c->traces))
        return refuse(c, "%s", c->traces.why);
    if (!open_output(c, &o))
        return false;
    if (c->format == FORMAT_TEXT || c->format == FORMAT_JSON)
        ok = summarize(c, &o);
    else if (c->format == FORMAT_HTML)
        ok = report_page(&c->traces, &o) || refuse(c, "%s", c->traces.why);
    else
        ok = convert(c, &o);
    if (!output_close(&o)) {
        snprintf(c->why, sizeof(c->why), "%.255s: %s", o.name, strerror(o.error));
        ok = false;
    }
    traces_end(&c->traces);
    if (!ok)
        take_back(c->out);
    return ok;
}

int report_command(int argc, char **argv)
{
    struct command *c = calloc(1, sizeof(*c));
    bool ok = c && parse(c, argc, argv);
    int status;

    if (ok && c->help)
        ok = fputs(help_text, stdout) >= 0 && fflush(stdout) == 0;
    else
        ok = ok && settle(c) && show(c);
    if (!ok)
        fprintf(stderr, "faultline: %s\n", !c ? "out of memory" : c->help ? strerror(errno) : c->why);
    else if (c->out == c->name)
        printf("%s\n", c->out);
    status = ok ? EXIT_GOOD : EXIT_FILES;
    free(c);
    return status;
}
