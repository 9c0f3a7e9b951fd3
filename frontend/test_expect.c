/* SPDX-License-Identifier: MIT */
/* .expect files: lines of KEY = VALUE, and page faults as --expect takes them. */
#include "frontend/test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "frontend/expect.h"

enum { EXPECT_MAX = 1 << 20 };

struct parse {
    struct test_expect *e;
    const char *file; /* the .expect's own name */
    char *why;
    size_t size;
};

static bool refuse(struct parse *p, const char *format, const char *value)
{
    snprintf(p->why, p->size, format, value);
    return false;
}

/* ---- Reading ---- */

/* A regular file, whole, with a NUL behind it. */
static bool read_whole(const char *path, u8 **bytes, size_t *size, const char **why)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    ssize_t n = 0;

    *why = NULL;
    *size = 0;
    if (fd < 0 || fstat(fd, &st) != 0)
        *why = strerror(errno);
    else if (!S_ISREG(st.st_mode))
        *why = S_ISDIR(st.st_mode) ? "is a directory" : "is not a regular file";
    else if (st.st_size > EXPECT_MAX)
        *why = "is larger than 1 MiB";
    if (!*why) {
        *bytes = test_alloc((size_t)st.st_size + 1);
        while (*size < (size_t)st.st_size && (n = read(fd, *bytes + *size, (size_t)st.st_size - *size)) > 0)
            *size += (size_t)n;
        if (n < 0) {
            *why = strerror(errno);
            free(*bytes);
            *bytes = NULL;
        }
    }
    if (fd >= 0)
        close(fd);
    return !*why;
}

static int hex_digit(char c)
{
    const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c | (c >= 'A' ? 0x20 : 0)) : NULL;

    return at ? (int)(at - digits) : -1;
}

/* "..." with \n \r \t \\ \" \xNN; anything else is itself. In place. */
static bool unquote(struct parse *p, char *value)
{
    size_t n = strlen(value);
    char *to = value, *from = value + 1, *end = value + n - 1;

    if (value[0] != '"')
        return true;
    if (n < 2 || *end != '"')
        return refuse(p, "%s: the closing quote is missing", value);
    for (; from < end; from++) {
        static const char names[] = "nrt\\\"", meanings[] = "\n\r\t\\\"";
        const char *named;

        if (*from == '"')
            return refuse(p, "%s: a quote within quotes is written \\\"", value);
        if (*from != '\\') {
            *to++ = *from;
            continue;
        }
        from++;
        if (from < end && *from == 'x' && end - from > 2 && hex_digit(from[1]) >= 0 && hex_digit(from[2]) >= 0) {
            *to = (char)(hex_digit(from[1]) * 16 + hex_digit(from[2]));
            if (!*to++)
                return refuse(p, "%s", "a text cannot hold \\x00");
            from += 2;
        } else if (from < end && (named = strchr(names, *from))) {
            *to++ = meanings[named - names];
        } else {
            return refuse(p, "%s", "a backslash is followed by none of n r t \\ \" xNN");
        }
    }
    *to = '\0';
    return true;
}

/* ---- Options ---- */

static size_t name_length(const char *word) { return strcspn(word, "="); }

bool test_option_same(const char *a, const char *b)
{
    return name_length(a) == name_length(b) && !memcmp(a, b, name_length(a));
}

bool test_option_allowed(const char *word, char *why, size_t size)
{
    /* What a test's process is given by the command itself, or what tells a person something. */
    static const char *const others[] = {"-kernel",  "-rom",         "-bios",    "-serial",          "-debugcon",
                                         "-monitor", "-nographic",   "-display", "-expect",          "-trace-faults",
                                         "-explain", "-expect-post", "-stats",   "-version",         "-no-reboot",
                                         "-help",    "-h",           "-stop-on", "-max-instructions"};

    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (test_option_same(word, others[i])) {
            snprintf(why, size, "%s: is no option of a test; faultline test --help", others[i]);
            return false;
        }
    }
    return true;
}

static void add_option(struct parse *p, const char *name, const char *value)
{
    char *word = test_alloc(strlen(name) + strlen(value) + 3);

    sprintf(word, "-%s=%s", name, value);
    words_add(&p->e->options, word);
    free(word);
}

/* Names of files are relative to the .expect's folder. */
static char *beside(const struct parse *p, const char *name)
{
    const char *slash = strrchr(p->file, '/');
    size_t folder = slash && name[0] != '/' ? (size_t)(slash - p->file) + 1 : 0;
    char *path = test_alloc(folder + strlen(name) + 1);

    memcpy(path, p->file, folder);
    strcpy(path + folder, name);
    return path;
}

/* ---- Keys ---- */

static bool take_number(struct parse *p, const char *value, u64 max, u64 *to)
{
    return option_number(value, max, to) || refuse(p, "'%s' is not a number that fits", value);
}

static bool key_exit(struct parse *p, char *value)
{
    u64 n;

    if (!take_number(p, value, 255, &n))
        return false;
    p->e->has_exit = true;
    p->e->exit = (u8)n;
    return true;
}

static bool key_post(struct parse *p, char *value)
{
    u64 n;

    if (!take_number(p, value, 255, &n))
        return false;
    p->e->has_post = true;
    p->e->post = (u8)n;
    add_option(p, "expect-post", value);
    return true;
}

static bool add_text(struct parse *p, struct words *to, const char *value)
{
    if (!*value)
        return refuse(p, "%s", "the text is empty");
    words_add(to, value);
    return true;
}
static bool key_text(struct parse *p, char *value) { return add_text(p, &p->e->text, value); }
static bool key_no_text(struct parse *p, char *value) { return add_text(p, &p->e->no_text, value); }
static bool key_debugcon(struct parse *p, char *value) { return add_text(p, &p->e->debugcon, value); }

static bool key_output(struct parse *p, char *value)
{
    const char *why;
    char *path = beside(p, value);
    bool ok = read_whole(path, &p->e->output, &p->e->output_size, &why);

    if (!ok)
        snprintf(p->why, p->size, "%s: %s", path, why);
    free(path);
    return ok;
}

static bool key_skip(struct parse *p, char *value)
{
    if (!*value)
        return refuse(p, "%s", "the reason is missing");
    p->e->skip = test_copy(value);
    return true;
}

static bool key_reboot(struct parse *p, char *value)
{
    p->e->reboot = !strcmp(value, "yes");
    return p->e->reboot || !strcmp(value, "no") || refuse(p, "'%s' is not yes or no", value);
}

static bool key_initrd(struct parse *p, char *value)
{
    char *path = beside(p, value);

    add_option(p, "initrd", path);
    free(path);
    return true;
}

static bool key_options(struct parse *p, char *value)
{
    char *rest = NULL, *word = strtok_r(value, " \t", &rest);

    for (; word; word = strtok_r(NULL, " \t", &rest)) {
        const char *name = word + (word[0] == '-') + (word[0] == '-' && word[1] == '-');
        bool argument = false;

        if (word[0] != '-')
            return refuse(p, "'%s' is no option", word);
        if (strchr(name, '=') || !options_known(name, &argument) || !argument) {
            char *plain = test_alloc(strlen(name) + 2);

            sprintf(plain, "-%s", name);
            words_add(&p->e->options, plain);
            free(plain);
        } else {
            char *next = strtok_r(NULL, " \t", &rest);

            if (!next)
                return refuse(p, "'%s' needs an argument", word);
            add_option(p, name, next);
        }
        if (!test_option_allowed(p->e->options.at[p->e->options.n - 1], p->why, p->size))
            return false;
    }
    return true;
}

static const struct key {
    const char *name;
    bool (*take)(struct parse *, char *value); /* or NULL: */
    const char *option;                        /* the option that takes the value */
    bool many;
} keys[] = {
    {"exit", key_exit, NULL, false},
    {"post", key_post, NULL, false},
    {"text", key_text, NULL, true},
    {"no-text", key_no_text, NULL, true},
    {"debugcon", key_debugcon, NULL, true},
    {"output", key_output, NULL, false},
    {"skip", key_skip, NULL, false},
    {"reboot", key_reboot, NULL, false},
    {"options", key_options, NULL, true},
    {"initrd", key_initrd, NULL, false},
    {"budget", NULL, "max-instructions", false},
    {"cpu", NULL, "cpu", false},
    {"memory", NULL, "m", false},
    {"append", NULL, "append", false},
    {"stop-on", NULL, "stop-on", false},
    {"fail-on", NULL, "fail-on", false},
};
#define KEYS (sizeof(keys) / sizeof(keys[0]))

/* ---- Lines ---- */

static char *strip(char *text)
{
    size_t n;

    text += strspn(text, " \t\r");
    n = strlen(text);
    while (n && strchr(" \t\r", text[n - 1]))
        text[--n] = '\0';
    return text;
}

static bool take_fault(struct parse *p, const char *line)
{
    struct expectation parsed;

    if (!expect_parse(&parsed, line, p->why, p->size))
        return false;
    add_option(p, "expect", line);
    return true;
}

static bool take_line(struct parse *p, char *line, bool seen[KEYS])
{
    char *equals = strchr(line, '='), *value;
    size_t k = 0;

    if (!*line || *line == '#')
        return true;
    if (!strncmp(line, "pf", 2) && strchr(" \t", line[2])) /* the NUL too */
        return take_fault(p, line);
    if (!equals)
        return refuse(p, "'%s' is neither KEY = VALUE nor pf ..", line);
    *equals = '\0';
    value = strip(equals + 1);
    line = strip(line);
    while (k < KEYS && strcmp(line, keys[k].name))
        k++;
    if (k == KEYS)
        return refuse(p, "unknown key '%s'", line);
    if (seen[k] && !keys[k].many)
        return refuse(p, "%s comes twice", line);
    seen[k] = true;
    if (!unquote(p, value))
        return false;
    if (keys[k].take)
        return keys[k].take(p, value);
    add_option(p, keys[k].option, value);
    return true;
}

static bool take_lines(struct parse *p, char *text, size_t size, char *why, size_t why_size)
{
    bool seen[KEYS] = {false};
    unsigned number = 1;

    for (char *line = text; line <= text + size; number++) {
        char *end = memchr(line, '\n', (size_t)(text + size - line));
        size_t length;

        if (!end)
            end = text + size;
        *end = '\0';
        length = (size_t)(end - line);
        if (strlen(line) != length)
            refuse(p, "%s", "the line holds a zero byte");
        else if (take_line(p, strip(line), seen)) {
            line = end + 1;
            continue;
        }
        snprintf(why, why_size, "%s:%u: %s", p->file, number, p->why);
        return false;
    }
    return true;
}

/* NAME.expect beside NAME.rom. */
static char *expect_name(const char *rom)
{
    const char *slash = strrchr(rom, '/'), *dot = strrchr(slash ? slash : rom, '.');
    size_t stem = dot && dot > (slash ? slash + 1 : rom) ? (size_t)(dot - rom) : strlen(rom);
    char *name = test_alloc(stem + sizeof(".expect"));

    memcpy(name, rom, stem);
    strcpy(name + stem, ".expect");
    return name;
}

bool test_expect_load(struct test_expect *e, const char *rom, char *why, size_t size)
{
    char reason[512] = "", *name = expect_name(rom);
    struct parse p = {.e = e, .file = name, .why = reason, .size = sizeof(reason)};
    const char *error;
    struct stat st;
    u8 *text = NULL;
    size_t length;
    bool ok = true;

    *e = (struct test_expect){.has_exit = false};
    if (lstat(name, &st) != 0 && errno == ENOENT) { /* none is asked for; a dangling link is */
        free(name);
        return true;
    }
    if (!read_whole(name, &text, &length, &error)) {
        snprintf(why, size, "%s: %s", name, error);
        ok = false;
    } else {
        ok = take_lines(&p, (char *)text, length, why, size);
    }
    free(text);
    free(name);
    return ok;
}

void test_expect_free(struct test_expect *e)
{
    words_free(&e->text);
    words_free(&e->no_text);
    words_free(&e->debugcon);
    words_free(&e->options);
    free(e->output);
    free(e->skip);
}
