/* SPDX-License-Identifier: MIT */
/* Where two traces part: the first record in which they differ, what came before, and in words what it looks like. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frontend/options.h"
#include "frontend/report.h"
#include "frontend/run.h"

#define CONTEXT_MAX 20u
#define AHEAD 256u /* records that are looked through for where the traces meet again */

static const char help_text[] =
    "usage: faultline diff [--ignore KEYS] [--context N] TRACE TRACE\n\n"
    "Compares two traces (.jsonl, .csv, .flt, in any pairing) record by record, and tells of the first that differ.\n\n"
    "  --ignore KEYS    keys that need not be the same, as icount,time_ns,handler_instructions\n"
    "  --context N      records shown that come before (3)\n\n"
    "Exit status: 0 the traces are the same; 126 they differ; 2 usage, or a file that cannot be read.\n";

/* What makes it the same fault, whenever it comes. */
struct fault {
    u64 vector, cr2, rip, cpl, error;
    char access[12];
};

struct side {
    const char *path;
    struct trace_reader *reader;
    const struct trace_schema *schema;
    const struct trace_row *row;
};

struct diff {
    struct side side[2]; /* A and B */
    const char *ignored;
    unsigned context, shown;
    u64 same; /* records */
    char before[CONTEXT_MAX][256];
    bool help;
    char why[640];
};

static bool refuse(struct diff *d, const char *format, const char *word)
{
    snprintf(d->why, sizeof(d->why), format, word);
    options_one_line(d->why);
    return false;
}

/* ---- The command line ---- */

static bool take_option(struct diff *d, const char *name, const char *value, int *used)
{
    u64 n;

    if (strcmp(name, "ignore") && strcmp(name, "context"))
        return refuse(d, "-%.64s: unknown option; diff --help lists them", name);
    if (!value)
        return refuse(d, "-%s: needs an argument", name);
    ++*used;
    if (!strcmp(name, "ignore")) {
        d->ignored = value;
        return true;
    }
    if (!option_number(value, CONTEXT_MAX, &n))
        return refuse(d, "-context: '%.64s' is not a number up to 20", value);
    d->context = (unsigned)n;
    return true;
}

static bool parse(struct diff *d, int argc, char **argv)
{
    unsigned files = 0;

    d->context = 3;
    for (int i = 2; i < argc; i++) {
        const char *name = argv[i];

        if (name[0] != '-' || !name[1]) {
            if (files == 2)
                return refuse(d, "%.255s: two traces only", name);
            d->side[files++].path = name;
            continue;
        }
        name += name[1] == '-' ? 2 : 1;
        d->help |= !strcmp(name, "help") || !strcmp(name, "h");
        if (d->help)
            return true;
        if (!take_option(d, name, argv[i + 1], &i))
            return false;
    }
    return files == 2 || refuse(d, "diff: %s", "needs two traces; diff --help says more");
}

static bool is_ignored(const struct diff *d, const char *name)
{
    size_t n = strlen(name);

    for (const char *s = d->ignored; s && *s; s += *s == ',') {
        size_t size = strcspn(s, ",");

        if (size == n && !memcmp(s, name, n))
            return true;
        s += size;
    }
    return false;
}

/* Each key must be one of either trace. */
static bool check_ignored(struct diff *d)
{
    for (const char *s = d->ignored; s && *s; s += *s == ',') {
        size_t size = strcspn(s, ",");
        char name[TRACE_NAME];

        snprintf(name, sizeof(name), "%.*s", (int)(size < TRACE_NAME ? size : TRACE_NAME - 1), s);
        if (trace_schema_find(d->side[0].schema, s, size) < 0 && trace_schema_find(d->side[1].schema, s, size) < 0)
            return refuse(d, "-ignore: '%s' is no key of these traces", name);
        s += size;
    }
    return true;
}

/* ---- Cells ---- */

static const struct trace_cell *cell_of(const struct side *s, const char *name, int *column)
{
    *column = trace_schema_find(s->schema, name, strlen(name));
    return *column >= 0 ? &s->row->cell[*column] : NULL;
}

static u64 number_of(const struct side *s, const char *name)
{
    return trace_number(s->row, trace_number_column(s->schema, name));
}

static bool text_of(const struct side *s, const char *name, char *to, size_t size)
{
    int column = trace_text_column(s->schema, name);
    bool known = trace_known(s->row, column);

    snprintf(to, size, "%.*s", known ? (int)s->row->cell[column].size : 0, known ? s->row->cell[column].text : "");
    return known && *to;
}

static bool same_walks(const struct trace_walk *a, const struct trace_walk *b)
{
    if (a->steps != b->steps)
        return false;
    for (unsigned i = 0; i < a->steps; i++)
        if (a->step[i].level != b->step[i].level || a->step[i].at != b->step[i].at ||
            a->step[i].entry != b->step[i].entry)
            return false;
    return true;
}

/* Is the key of both rows the same? One that a trace lacks is null there. */
static bool same_key(const struct diff *d, const char *name)
{
    int ca, cb;
    const struct trace_cell *a = cell_of(&d->side[0], name, &ca), *b = cell_of(&d->side[1], name, &cb);
    enum column_type type = ca >= 0 ? d->side[0].schema->column[ca].type : d->side[1].schema->column[cb].type;

    if (type == COLUMN_WALK && a && b)
        return same_walks(&d->side[0].row->walk, &d->side[1].row->walk);
    if (!a || !a->known || !b || !b->known)
        return (!a || !a->known || type == COLUMN_WALK) && (!b || !b->known || type == COLUMN_WALK);
    if (column_is_number(type) != column_is_number(d->side[1].schema->column[cb].type))
        return false;
    return column_is_number(type) ? a->number == b->number : a->size == b->size && !memcmp(a->text, b->text, a->size);
}

static void put_key(const struct side *s, const char *name, char *to, size_t size)
{
    int column;
    const struct trace_cell *c = cell_of(s, name, &column);
    struct text t = {to, to + size};

    if (!c || !c->known)
        text_string(&t, "null");
    else if (s->schema->column[column].type == COLUMN_NUMBER)
        text_decimal(&t, c->number);
    else if (s->schema->column[column].type == COLUMN_HEX)
        text_hex(&t, c->number);
    else
        text_bytes(&t, c->text, c->size);
    text_end(&t);
}

/* A record as a line: #17 user write to 0x.. at 0x.. (insn): why -> outcome */
static void put_line(const struct side *s, char *to, size_t size)
{
    char access[32], insn[128], why[160], outcome[32];
    bool fault = text_of(s, "access", access, sizeof(access)), has_insn = text_of(s, "insn", insn, sizeof(insn));
    int n = snprintf(to, size, "#%llu ", (unsigned long long)number_of(s, "seq"));

    text_of(s, "why", why, sizeof(why));
    text_of(s, "outcome", outcome, sizeof(outcome));
    if (fault)
        n += snprintf(to + n, size - (size_t)n, "CPL %llu %s %#llx at ", (unsigned long long)number_of(s, "cpl"),
                      access, (unsigned long long)number_of(s, "cr2"));
    if ((size_t)n < size)
        n += snprintf(to + n, size - (size_t)n, "%#llx%s%s%s: ", (unsigned long long)number_of(s, "rip"),
                      has_insn ? " (" : "", insn, has_insn ? ")" : "");
    if ((size_t)n < size)
        snprintf(to + n, size - (size_t)n, "%s -> %s", why, outcome);
}

/* ---- In words ---- */

static struct fault fault_of(const struct side *s)
{
    struct fault f = {number_of(s, "vector"), number_of(s, "cr2"),   number_of(s, "rip"),
                      number_of(s, "cpl"),    number_of(s, "error"), ""};

    text_of(s, "access", f.access, sizeof(f.access));
    return f;
}

static bool same_fault(const struct fault *a, const struct fault *b)
{
    return a->vector == b->vector && a->cr2 == b->cr2 && a->rip == b->rip && a->cpl == b->cpl && a->error == b->error &&
           !strcmp(a->access, b->access);
}

static bool next(struct side *s)
{
    s->row = trace_reader_next(s->reader);
    return s->row;
}

/* Does `s`, read on, come to this fault? After how many records; 0: not soon. */
static u64 comes_to(struct side *s, const struct fault *wanted)
{
    for (u64 n = 1; n <= AHEAD && next(s); n++) {
        struct fault f = fault_of(s);

        if (same_fault(&f, wanted))
            return n;
    }
    return 0;
}

static const char *entry_name(unsigned level) { return level_name(level < 6 ? level : 0); }

static void tell_entry(const struct diff *d)
{
    const struct trace_walk *a = &d->side[0].row->walk, *b = &d->side[1].row->walk;

    for (unsigned i = 0; i < a->steps && i < b->steps; i++) {
        const struct walk_step *x = &a->step[i], *y = &b->step[i];

        if (x->at != y->at) {
            printf("The same fault, but in other tables: its %s lies at %#llx and at %#llx.\n", entry_name(x->level),
                   (unsigned long long)x->at, (unsigned long long)y->at);
            return;
        }
        if (x->entry != y->entry) {
            bool frame = (x->entry ^ y->entry) & BITS(51, 12), rights = (x->entry ^ y->entry) & ~BITS(51, 12);

            printf("The same fault, but the %s at %#llx holds %#llx and %#llx: %s%s%s.\n", entry_name(x->level),
                   (unsigned long long)x->at, (unsigned long long)x->entry, (unsigned long long)y->entry,
                   !frame                                 ? ""
                   : x->level > 1 && !(x->entry & PTE_PS) ? "another table"
                                                          : "another frame",
                   frame && rights ? " and " : "", rights ? "other bits" : "");
            return;
        }
    }
    puts("The same fault, but the walks are not of the same length.");
}

static bool differs(const struct diff *d, const char *name)
{
    int a = trace_schema_find(d->side[0].schema, name, strlen(name));
    int b = trace_schema_find(d->side[1].schema, name, strlen(name));

    return (a >= 0 || b >= 0) && !is_ignored(d, name) && !same_key(d, name);
}

static void tell_same_fault(const struct diff *d)
{
    s64 drift = (s64)(number_of(&d->side[1], "icount") - number_of(&d->side[0], "icount"));
    char a[64], b[64];

    if (differs(d, "walk")) {
        tell_entry(d);
    } else if (differs(d, "outcome") || differs(d, "then")) {
        text_of(&d->side[0], "outcome", a, sizeof(a));
        text_of(&d->side[1], "outcome", b, sizeof(b));
        printf("The same fault, but what became of it differs: %s and %s.\n", a, b);
    } else if (differs(d, "pte_after")) {
        puts("The same fault, but the kernel answered it with another entry: probably another frame.");
    } else if (differs(d, "icount")) {
        printf("The same fault, %llu instructions %s in the second: the runs drift in time.\n"
               "--ignore icount,time_ns,handler_instructions compares all else.\n",
               (unsigned long long)(drift < 0 ? -drift : drift), drift < 0 ? "earlier" : "later");
    } else if (differs(d, "handler_instructions")) {
        puts("The same fault, but it was handled in another number of instructions.");
    } else {
        puts("The same fault, in another state of the processor.");
    }
}

/* Reads on: this comes last. */
static void tell_why(struct diff *d)
{
    struct fault a = fault_of(&d->side[0]), b = fault_of(&d->side[1]);
    u64 n;

    if (same_fault(&a, &b))
        tell_same_fault(d);
    else if ((n = comes_to(&d->side[1], &a)))
        printf("The second has %llu faults more here, then goes on as the first does.\n", (unsigned long long)n);
    else if ((n = comes_to(&d->side[0], &b)))
        printf("The first has %llu faults more here, then goes on as the second does.\n", (unsigned long long)n);
    else if (a.rip == b.rip && a.cr2 != b.cr2)
        puts("The same instruction, at another address: its registers differed before this.");
    else
        puts("Other faults, here and further on: the runs went different ways before this.");
}

/* ---- The comparison ---- */

static bool rows_differ(const struct diff *d)
{
    for (int side = 0; side < 2; side++) {
        const struct trace_schema *schema = d->side[side].schema;

        for (unsigned i = 0; i < schema->count; i++)
            if (differs(d, schema->column[i].name))
                return true;
    }
    return false;
}

static void tell_keys(const struct diff *d)
{
    for (int side = 0; side < 2; side++) {
        const struct trace_schema *schema = d->side[side].schema;

        for (unsigned i = 0; i < schema->count; i++) {
            const char *name = schema->column[i].name;
            char a[128], b[128];

            if (!differs(d, name) || (side && trace_schema_find(d->side[0].schema, name, strlen(name)) >= 0))
                continue;
            if (schema->column[i].type == COLUMN_WALK) {
                printf("    %-22s differs\n", name);
                continue;
            }
            put_key(&d->side[0], name, a, sizeof(a));
            put_key(&d->side[1], name, b, sizeof(b));
            printf("    %-22s %s  |  %s\n", name, a, b);
        }
    }
}

static void tell_context(const struct diff *d)
{
    printf("%llu records are the same", (unsigned long long)d->same);
    puts(d->same && d->context ? "; the last of them:" : ".");
    for (u64 i = d->same < d->context ? 0 : d->same - d->context; i < d->same; i++)
        printf("    %s\n", d->before[i % d->context]);
}

static void tell_end(struct diff *d, int longer)
{
    struct side *s = &d->side[longer];
    char line[256];
    u64 more = 1;

    tell_context(d);
    put_line(s, line, sizeof(line));
    while (next(s))
        more++;
    printf("Then %s ends; %s has %llu more, the first is\n    %s\n", d->side[!longer].path, s->path,
           (unsigned long long)more, line);
}

static void tell_parting(struct diff *d)
{
    char line[256];

    tell_context(d);
    puts("Then they part:");
    for (int i = 0; i < 2; i++) {
        put_line(&d->side[i], line, sizeof(line));
        printf("  %c %s\n", '1' + i, line);
    }
    puts("  in");
    tell_keys(d);
    tell_why(d);
}

/* 0: the same, 1: not, -1: a file is damaged, with the reason in `why`. */
static int compare(struct diff *d)
{
    for (;;) {
        bool has[2] = {next(&d->side[0]), next(&d->side[1])};

        for (int i = 0; i < 2; i++)
            if (trace_reader_fault(d->side[i].reader))
                return snprintf(d->why, sizeof(d->why), "%s", trace_reader_fault(d->side[i].reader)), -1;
        if (!has[0] && !has[1])
            break;
        if (!d->same && !check_ignored(d))
            return -1;
        if (has[0] != has[1]) {
            tell_end(d, has[1]);
            return 1;
        }
        if (rows_differ(d)) {
            tell_parting(d);
            return 1;
        }
        if (d->context)
            put_line(&d->side[0], d->before[d->same % d->context], sizeof(d->before[0]));
        d->same++;
    }
    printf("The traces are the same: %llu records.\n", (unsigned long long)d->same);
    return 0;
}

static int run(struct diff *d)
{
    int result;

    for (int i = 0; i < 2; i++) {
        d->side[i].reader = trace_reader_open(d->side[i].path, d->why, sizeof(d->why));
        if (!d->side[i].reader)
            return -1;
        d->side[i].schema = trace_reader_schema(d->side[i].reader);
    }
    result = compare(d);
    for (int i = 0; i < 2; i++)
        if (trace_reader_note(d->side[i].reader))
            fprintf(stderr, "faultline: %s\n", trace_reader_note(d->side[i].reader));
    return result;
}

int diff_command(int argc, char **argv)
{
    struct diff *d = calloc(1, sizeof(*d));
    int result = -1;

    if (d && parse(d, argc, argv)) {
        if (d->help)
            result = fputs(help_text, stdout) < 0 ? -1 : 0;
        else
            result = run(d);
    } else if (!d) {
        fputs("faultline: out of memory\n", stderr);
        return EXIT_INTERNAL;
    }
    if (fflush(stdout) != 0 || ferror(stdout)) {
        snprintf(d->why, sizeof(d->why), "standard output: %s", strerror(errno));
        result = -1;
    }
    if (result < 0)
        fprintf(stderr, "faultline: %s\n", d->why);
    for (int i = 0; i < 2; i++)
        trace_reader_close(d->side[i].reader);
    free(d);
    return result < 0 ? EXIT_FILES : result ? EXIT_UNMET : EXIT_GOOD;
}
