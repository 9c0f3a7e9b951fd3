/* SPDX-License-Identifier: MIT */
/* Walking the command line: names, arguments, repetitions, the help text. What each means: options_set.c. */
#include "frontend/options.h"

#include <stdarg.h>
#include <string.h>

struct option {
    const char *name, *argument;
    option_handler *handler;
    bool many;
    const char *help;
    const char *group; /* a row that only begins a group */
};

static const struct option table[] = {
#define GROUP(title) {NULL, NULL, NULL, false, NULL, title},
#define OPTION(name, argument, handler, many, help) {name, argument, option_##handler, many, help, NULL},
#include "frontend/options.def"
#undef GROUP
#undef OPTION
};

/* Keys that are not the guest's. */
static const struct {
    const char *where, *keys, *help;
} bindings[] = {
#define BINDING(where, keys, help) {where, keys, help},
#include "frontend/bindings.def"
#undef BINDING
};

#define OPTIONS (sizeof(table) / sizeof(table[0]))

void options_one_line(char *s)
{
    for (; *s; s++)
        if ((unsigned char)*s < 0x20 || *s == 0x7f)
            *s = '?';
}

static bool complain(char *why, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));
static bool complain(char *why, size_t size, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(why, size, format, args);
    va_end(args);
    options_one_line(why);
    return false;
}

bool option_refuse(struct setting *s, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(s->why, s->size, format, args);
    va_end(args);
    return false;
}

/* ---- Names ---- */

static const struct option *find(const char *name, size_t length)
{
    for (size_t i = 0; i < OPTIONS; i++)
        if (table[i].name && strlen(table[i].name) == length && !memcmp(table[i].name, name, length))
            return &table[i];
    return NULL;
}

bool options_known(const char *name, bool *argument)
{
    const struct option *option = find(name, strlen(name));

    *argument = option && option->argument;
    return option;
}

#define NAME_MAX_LENGTH 24

static unsigned least(unsigned a, unsigned b, unsigned c)
{
    unsigned m = a < b ? a : b;

    return m < c ? m : c;
}

/* Levenshtein's distance. */
static unsigned distance(const char *a, const char *b)
{
    unsigned row[NAME_MAX_LENGTH + 1], n = (unsigned)strlen(b);

    for (unsigned j = 0; j <= n; j++)
        row[j] = j;
    for (unsigned i = 0; a[i]; i++) {
        unsigned diagonal = row[0];

        row[0] = i + 1;
        for (unsigned j = 0; j < n; j++) {
            unsigned above = row[j + 1];

            row[j + 1] = least(above + 1, row[j] + 1, diagonal + (a[i] != b[j]));
            diagonal = above;
        }
    }
    return row[n];
}

static const char *nearest(const char *name)
{
    const char *best = NULL;
    unsigned least_distance = 3;

    if (strlen(name) > NAME_MAX_LENGTH)
        return NULL;
    for (size_t i = 0; i < OPTIONS; i++) {
        unsigned d = table[i].name ? distance(name, table[i].name) : least_distance;

        if (d < least_distance && d < strlen(name)) {
            best = table[i].name;
            least_distance = d;
        }
    }
    return best;
}

static bool unknown(const char *argument, const char *name, char *why, size_t size)
{
    const char *hint = nearest(name);

    if (hint)
        return complain(why, size, "%s: unknown option; did you mean -%s?", argument, hint);
    return complain(why, size, "%s: unknown option; --help lists them", argument);
}

/* ---- Parsing ---- */

struct walk_state {
    struct options *o;
    int argc, at;
    char **argv;
    bool seen[OPTIONS], noted[OPTIONS];
    FILE *notes;
};

static bool set(struct walk_state *w, const struct option *option, const char *value, char *why, size_t size)
{
    char reason[512] = "";
    struct setting s = {.o = w->o, .why = reason, .size = sizeof(reason)};
    size_t i = (size_t)(option - table);

    if (w->seen[i] && !option->many)
        return complain(why, size, "-%s: given twice", option->name);
    w->seen[i] = true;
    if (!option->handler(&s, value))
        return complain(why, size, "-%s: %s", option->name, reason);
    if (s.note && !w->noted[i]) {
        w->noted[i] = true;
        fprintf(w->notes, "faultline: -%s: accepted, no effect yet\n", option->name);
    }
    return true;
}

static bool parse_option(struct walk_state *w, char *why, size_t size)
{
    const char *argument = w->argv[w->at], *name = argument + (argument[1] == '-' ? 2 : 1);
    const char *equals = strchr(name, '='), *value = NULL;
    const struct option *option = find(name, strlen(name));

    if (!option && equals) {
        option = find(name, (size_t)(equals - name));
        value = equals + 1;
    }
    if (!option)
        return unknown(argument, name, why, size);
    if (value && !option->argument)
        return complain(why, size, "-%s: takes no argument", option->name);
    if (option->argument && !value && *option->argument == '[') { /* need not be: after =, or an address */
        const char *next = w->at + 1 < w->argc ? w->argv[w->at + 1] : "";
        u64 address;

        if (!strncmp(next, "0x", 2) && option_number(next, UINT64_MAX, &address))
            value = w->argv[++w->at];
    } else if (option->argument && !value) {
        if (w->at + 1 >= w->argc)
            return complain(why, size, "-%s: needs an argument: %s", option->name, option->argument);
        value = w->argv[++w->at];
    }
    return set(w, option, value, why, size);
}

static bool parse_image(struct options *o, const char *path, char *why, size_t size)
{
    if (!*path)
        return complain(why, size, "IMAGE: the name is empty");
    if (o->image)
        return complain(why, size, "%s: one IMAGE only, and %s is one", path, o->image);
    o->image = path;
    return true;
}

static void subcommand(struct walk_state *w)
{
    const char *first = w->argc > 1 ? w->argv[1] : "";

    w->o->demo = !strcmp(first, "demo");
    if (w->o->demo || !strcmp(first, "run"))
        w->at++;
}

bool options_parse(struct options *o, int argc, char **argv, FILE *notes, char *why, size_t size)
{
    struct walk_state w = {.o = o, .argc = argc, .at = 1, .argv = argv, .notes = notes};
    bool only_images = false;

    *o = (struct options){.ram_bytes = 256ull << 20};
    subcommand(&w);
    for (; w.at < argc; w.at++) {
        const char *a = argv[w.at];
        bool ok;

        if (!only_images && !strcmp(a, "--")) {
            only_images = true;
            continue;
        }
        if (!only_images && !strcmp(a, "-"))
            return complain(why, size, "-: an image cannot come from standard input");
        ok = only_images || a[0] != '-' ? parse_image(o, a, why, size) : parse_option(&w, why, size);
        if (!ok)
            return false;
        if (o->help || o->version || o->log_help)
            return true;
    }
    if (options_settle(o, why, size))
        return true;
    options_one_line(why);
    return false;
}

/* ---- Help ---- */

static bool is_plain(const struct option *option) { return *option->help; }

/* Names in lines. */
static void list_names(const struct option *option, FILE *to)
{
    int column = 0;

    for (; option < table + OPTIONS && option->name; option++) {
        int n = (int)strlen(option->name) + 3;

        if (column + n > 76)
            column = 0, fputc('\n', to);
        column += fprintf(to, "%s-%s", column ? " " : "  ", option->name);
    }
    fputc('\n', to);
}

void options_help(FILE *to)
{
    fprintf(to, "usage: faultline [run] [options] [IMAGE]\n"
                "       faultline demo [options]        the embedded guest: what a kernel does about page faults\n"
                "       faultline test [options] ROM..  guests that test, in parallel; test --help says more\n"
                "       faultline report TRACE..        a trace as a page to look at; report --help says more\n"
                "       faultline diff TRACE TRACE      where two traces part, and how\n"
                "       faultline isa [WORD ..]         the instruction list; isa --help says more\n\n"
                "Runs IMAGE (a Linux bzImage, a Multiboot kernel or a ROM) on a PC that can explain page faults.\n"
                "Options may be written with one dash or two.\n");
    for (const struct option *option = table; option < table + OPTIONS; option++) {
        char left[48];

        if (option->group) {
            fprintf(to, "\n%s\n", option->group);
            if (!is_plain(option + 1))
                list_names(option + 1, to);
            continue;
        }
        if (!is_plain(option))
            continue;
        snprintf(left, sizeof(left), "-%s%s%s", option->name, option->argument && *option->argument != '[' ? " " : "",
                 option->argument ? option->argument : "");
        fprintf(to, "  %-24s %s\n", left, option->help);
    }
    for (size_t i = 0; i < sizeof(bindings) / sizeof(bindings[0]); i++) {
        if (i == 0 || strcmp(bindings[i].where, bindings[i - 1].where) != 0)
            fprintf(to, "\n%s\n", bindings[i].where);
        fprintf(to, "  %-24s %s\n", bindings[i].keys, bindings[i].help);
    }
    fprintf(to, "\nExit status: odd is the guest's own, by isa-debug-exit; 0 the guest shut down, or what was waited\n"
                "for was seen; 2 usage or files; 118 HLT that nothing can end; 120 internal error; 122 triple fault;\n"
                "124 the instruction budget ran out; 126 an --expect or --fail-on was not met.\n");
}
