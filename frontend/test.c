/* SPDX-License-Identifier: MIT */
/* `faultline test`: its command line. */
#include "frontend/test.h"

#include <errno.h>
#include <fnmatch.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "frontend/image.h"

#define DEFAULT_BUDGET 4000000000ull
#define MOST_JOBS 256

static const char help_text[] =
    "usage: faultline test [options] ROM...\n\n"
    "Runs each ROM, Multiboot kernel or bzImage in a process of its own, and prints TAP 13 in the order of the\n"
    "arguments. A guest passes when it ends with \"Shutdown\" to port 0x8900 or writes 0 to isa-debug-exit, and meets\n"
    "what NAME.expect beside NAME.rom says; it is skipped when it exits with 77.\n\n"
    "  -j N                     at a time (the host's processors)\n"
    "  --junit FILE             results for continuous integration, too\n"
    "  --max-instructions N     budget of each that names none (4000000000)\n"
    "  --filter TEXT            only those whose name contains TEXT, or matches it if it has * or ?\n"
    "  --shard I/N              of those, every Nth, from the Ith on\n"
    "  -m, -cpu, -device ..     for all machines, before what .expect says; faultline --help\n\n"
    "Lines of an .expect file (# begins a comment; \"..\" may hold \\n \\r \\t \\\\ \\\" \\xNN):\n"
    "  exit = N                 the status `faultline run` must have: odd from isa-debug-exit, 118 dead HLT,\n"
    "                           122 triple fault, 124 budget; without it 0 and 1 are good\n"
    "  post = N                 POST code that must come, on port 0x80 or 0x190; it ends the run\n"
    "  text = TEXT              COM1 must say this; no-text: must not; debugcon: port 0xE9 must\n"
    "  output = FILE            COM1 must say exactly what FILE holds\n"
    "  stop-on = TEXT           ends the run, well, when COM1 has said it\n"
    "  pf va=.. ec=.. rip=.. cpl=.. cause=.. access=.. outcome=.. count=..    page faults that must come, as --expect\n"
    "  fail-on = LIST           triple-fault, unexpected-pf, loop, user-exec-kernel, stale-tlb, lint, strict\n"
    "  budget = N, cpu = MODEL, memory = SIZE, append = STRING, initrd = FILE[,..], options = -NAME VALUE ..\n"
    "  reboot = yes             a reset is part of the test (otherwise it fails)\n"
    "  skip = REASON            is not run\n\n"
    "Exit status: 0 all passed or were skipped; 2 usage, or a file; 126 one failed, or a signal came; 120 internal "
    "error.\n";

/* ---- Tools ---- */

void *test_alloc(size_t size)
{
    void *p = calloc(1, size ? size : 1);

    if (!p) {
        fputs("faultline: out of memory\n", stderr);
        exit(EXIT_INTERNAL);
    }
    return p;
}

char *test_copy(const char *text)
{
    char *copy = test_alloc(strlen(text) + 1);

    return strcpy(copy, text);
}

/* Room doubles at powers of two. */
void words_add(struct words *w, const char *word)
{
    if ((w->n & (w->n - 1)) == 0) {
        char **more = test_alloc((w->n ? 2 * w->n : 1) * sizeof(*more));

        if (w->n)
            memcpy(more, w->at, w->n * sizeof(*more));
        free(w->at);
        w->at = more;
    }
    w->at[w->n++] = test_copy(word);
}

void words_free(struct words *w)
{
    for (size_t i = 0; i < w->n; i++)
        free(w->at[i]);
    free(w->at);
    *w = (struct words){.n = 0};
}

/* ---- The command line ---- */

struct command {
    struct test_plan *plan;
    struct words roms;
    bool help, seen_jobs, seen_budget, seen_shard;
    char *why;
    size_t size;
};

static bool refuse(struct command *c, const char *format, const char *value)
{
    snprintf(c->why, c->size, format, value);
    return false;
}

static bool take_shard(struct command *c, const char *value)
{
    char first[24] = "";
    const char *slash = strchr(value, '/');
    u64 i, n;

    if (!slash || (size_t)(slash - value) >= sizeof(first))
        return refuse(c, "-shard: '%s' is not I/N", value);
    memcpy(first, value, (size_t)(slash - value));
    if (!option_number(first, 1 << 20, &i) || !option_number(slash + 1, 1 << 20, &n) || !i || i > n)
        return refuse(c, "-shard: '%s' is not I/N with I from 1 to N", value);
    c->plan->shard = (unsigned)i;
    c->plan->shards = (unsigned)n;
    return true;
}

static bool take_jobs(struct command *c, const char *value)
{
    u64 n;

    if (!option_number(value, MOST_JOBS, &n) || !n)
        return refuse(c, "-j: '%s' is not a number from 1 to 256", value);
    c->plan->jobs = (unsigned)n;
    return true;
}

static bool take_budget(struct command *c, const char *value)
{
    if (!option_number(value, UINT64_MAX, &c->plan->budget) || !c->plan->budget)
        return refuse(c, "-max-instructions: '%s' is not a number from 1 to 2^64 - 1", value);
    return true;
}

static bool take_junit(struct command *c, const char *value)
{
    c->plan->junit = value;
    return *value || refuse(c, "-junit: %s", "the file name is empty");
}

static bool take_filter(struct command *c, const char *value)
{
    c->plan->filter = value;
    return *value || refuse(c, "-filter: %s", "the text is empty");
}

static const struct own {
    const char *name;
    bool (*take)(struct command *, const char *value);
} owns[] = {
    {"j", take_jobs},        {"junit", take_junit}, {"max-instructions", take_budget},
    {"filter", take_filter}, {"shard", take_shard},
};

#define OWNS (sizeof(owns) / sizeof(owns[0]))

/* Our own option, or NULL. */
static const struct own *find_own(const char *name, size_t length)
{
    for (size_t i = 0; i < OWNS; i++)
        if (strlen(owns[i].name) == length && !memcmp(owns[i].name, name, length))
            return &owns[i];
    return NULL;
}

/* One word, with its argument if it has one: how many words it took, or 0. */
static int take_option(struct command *c, int left, char **argv, bool seen[OWNS])
{
    const char *name = argv[0] + (argv[0][1] == '-' ? 2 : 1);
    size_t length = strcspn(name, "=");
    const struct own *own = find_own(name, length);
    const char *value = name[length] ? name + length + 1 : left > 1 ? argv[1] : NULL;
    bool argument = own;
    char *word;

    if (!own && !options_known(name, &argument))
        argument = false;     /* options_parse() says what is wrong with it */
    if (!own && name[length]) /* NAME=VALUE is one word already */
        argument = false;
    if (argument && !value)
        return refuse(c, "%s: needs an argument", argv[0]);
    if (own) {
        if (seen[own - owns])
            return refuse(c, "%s: given twice", argv[0]);
        seen[own - owns] = true;
        return own->take(c, value) ? (name[length] ? 1 : 2) : 0;
    }
    word = test_alloc(strlen(name) + (argument ? strlen(value) : 0) + 3);
    sprintf(word, argument ? "-%s=%s" : "-%s", name, argument ? value : "");
    words_add(&c->plan->machine, word);
    if (!test_option_allowed(word, c->why, c->size)) {
        free(word);
        return 0;
    }
    free(word);
    return argument ? 2 : 1;
}

static bool take_words(struct command *c, int argc, char **argv)
{
    bool seen[OWNS] = {false}, only_roms = false;

    for (int i = 2, n; i < argc; i += n) {
        n = 1;
        if (!only_roms && !strcmp(argv[i], "--")) {
            only_roms = true;
        } else if (only_roms || argv[i][0] != '-') {
            if (!*argv[i])
                return refuse(c, "%s", "ROM: the name is empty");
            words_add(&c->roms, argv[i]);
        } else if (!strcmp(argv[i], "-h") || !strcmp(argv[i], "-help") || !strcmp(argv[i], "--help")) {
            return c->help = true;
        } else if (!argv[i][1]) {
            return refuse(c, "%s", "-: a ROM cannot come from standard input");
        } else if ((n = take_option(c, argc - i, argv + i, seen)) == 0) {
            return false;
        }
    }
    return c->roms.n || refuse(c, "%s", "test: name a ROM; faultline test --help says more");
}

/* ---- The plan ---- */

static bool passes_filter(const struct test_plan *p, const char *path)
{
    if (!p->filter)
        return true;
    if (strpbrk(p->filter, "*?"))
        return fnmatch(p->filter, path, 0) == 0;
    return strstr(path, p->filter) != NULL;
}

static bool has_option(const struct words *w, const char *word)
{
    for (size_t i = 0; i < w->n; i++)
        if (test_option_same(w->at[i], word))
            return true;
    return false;
}

/* What the command line says comes before what the file says. */
static bool parse_options(const struct test_plan *p, struct test_case *c, FILE *notes, char *why, size_t size)
{
    const struct words *file = &c->expect.options;
    char budget[64];

    words_add(&c->argv, "faultline");
    words_add(&c->argv, "run");
    for (size_t i = 0; i < p->machine.n; i++)
        words_add(&c->argv, p->machine.at[i]);
    for (size_t i = 0; i < file->n; i++)
        if (!has_option(&p->machine, file->at[i]))
            words_add(&c->argv, file->at[i]);
    snprintf(budget, sizeof(budget), "-max-instructions=%llu", (unsigned long long)p->budget);
    if (!has_option(file, budget))
        words_add(&c->argv, budget);
    if (!c->expect.reboot)
        words_add(&c->argv, "-no-reboot");
    words_add(&c->argv, "--");
    words_add(&c->argv, c->path);
    return options_parse(&c->options, (int)c->argv.n, c->argv.at, notes, why, size);
}

static bool prepare_case(const struct test_plan *p, struct test_case *c, FILE *notes, char *why, size_t size)
{
    enum image_kind kind;
    char reason[512];

    if (!image_detect(c->path, &kind, why, size) || !test_expect_load(&c->expect, c->path, why, size))
        return false;
    if (parse_options(p, c, notes, reason, sizeof(reason)))
        return true;
    snprintf(why, size, "%s: %s", c->path, reason);
    return false;
}

static bool prepare(struct command *c)
{
    struct test_plan *p = c->plan;
    FILE *nobody = fopen("/dev/null", "w");
    unsigned kept = 0;
    bool ok = nobody || refuse(c, "/dev/null: %s", strerror(errno));

    p->cases = test_alloc(c->roms.n * sizeof(*p->cases));
    for (size_t i = 0; ok && i < c->roms.n; i++) {
        struct test_case *t = &p->cases[p->count];

        if (!passes_filter(p, c->roms.at[i]) || kept++ % p->shards != p->shard - 1)
            continue;
        t->path = c->roms.at[i];
        ok = prepare_case(p, t, p->count ? nobody : stderr, c->why, c->size);
        p->count++;
    }
    if (ok && !kept)
        ok = refuse(c, "-filter: '%s' leaves nothing to run", p->filter);
    if (nobody)
        fclose(nobody);
    return ok;
}

/* ---- The whole ---- */

static int run_plan(struct test_plan *p, FILE *junit)
{
    int number = test_run_all(p), status = number ? EXIT_UNMET : EXIT_GOOD;

    if (number)
        printf("Bail out! ended by SIG%s\n", number == SIGINT ? "INT" : number == SIGTERM ? "TERM" : "HUP");
    for (size_t i = 0; i < p->count; i++)
        if (p->cases[i].verdict == TEST_NOT_OK || p->cases[i].verdict == TEST_CRASHED)
            status = EXIT_UNMET;
    if (junit && !report_junit(p, junit)) {
        fprintf(stderr, "faultline: %s: %s\n", p->junit, strerror(errno));
        status = EXIT_FILES;
    }
    if (fflush(stdout) != 0 || ferror(stdout)) {
        fprintf(stderr, "faultline: standard output: %s\n", strerror(errno));
        status = EXIT_FILES;
    }
    return status;
}

static void release(struct command *c)
{
    for (size_t i = 0; i < c->plan->count; i++) {
        test_expect_free(&c->plan->cases[i].expect);
        words_free(&c->plan->cases[i].argv);
        free(c->plan->cases[i].stream);
    }
    free(c->plan->cases);
    words_free(&c->plan->machine);
    words_free(&c->roms);
}

int test_command(int argc, char **argv, struct host *host)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    struct test_plan plan = {.host = host, .budget = DEFAULT_BUDGET, .shard = 1, .shards = 1};
    char why[1024] = "";
    struct command c = {.plan = &plan, .why = why, .size = sizeof(why)};
    FILE *junit = NULL;
    int status = EXIT_FILES;
    bool ok;

    plan.jobs = processors < 1 ? 1 : processors > MOST_JOBS ? MOST_JOBS : (unsigned)processors;
    ok = take_words(&c, argc, argv);
    if (ok && c.help) {
        fputs(help_text, stdout);
        status = fflush(stdout) == 0 ? EXIT_GOOD : EXIT_FILES;
    } else if (ok && prepare(&c) && plan.junit && !(junit = fopen(plan.junit, "we"))) {
        fprintf(stderr, "faultline: %s: %s\n", plan.junit, strerror(errno));
    } else if (ok && !*why) {
        status = run_plan(&plan, junit);
    }
    if (*why) {
        options_one_line(why);
        fprintf(stderr, "faultline: %s\n", why);
    }
    if (junit && fclose(junit) != 0 && status != EXIT_FILES) {
        fprintf(stderr, "faultline: %s: %s\n", plan.junit, strerror(errno));
        status = EXIT_FILES;
    }
    release(&c);
    return status;
}
