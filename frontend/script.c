/* SPDX-License-Identifier: MIT */
#include "frontend/script.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "frontend/keys.h"
#include "frontend/screenshot.h"

#define LOOK_NS 10000000u /* of guest time, from one look at the screen to the next */
#define KEYS_TOGETHER 8
#define FILE_LIMIT (1u << 20)
#define NUMBER_LIMIT 100000000ul /* ms, or s: years */
#define TIMEOUT_NS (600 * CLOCK_SECOND)

enum step_kind { STEP_WAIT, STEP_SLEEP, STEP_TYPE, STEP_KEY, STEP_SCREENSHOT, STEP_TIMEOUT, STEP_END };

struct script_step {
    enum step_kind kind;
    unsigned line;
    const char *text; /* wait, type, screenshot */
    unsigned long number;
    u8 key[KEYS_TOGETHER], keys;
};

/* ---- Reading ---- */

static bool parse_number(const char *text, unsigned long *number)
{
    char *end;

    *number = strtoul(text, &end, 10);
    return text[0] >= '0' && text[0] <= '9' && !*end && *number <= NUMBER_LIMIT;
}

static bool parse_keys(struct script_step *s, char *text)
{
    char *rest = NULL;

    for (char *name = strtok_r(text, "-", &rest); name; name = strtok_r(NULL, "-", &rest)) {
        int key = keys_by_name(name);

        if (key < 0 || s->keys == KEYS_TOGETHER)
            return false;
        s->key[s->keys++] = (u8)key;
    }
    return s->keys > 0;
}

static bool can_type(const char *text)
{
    for (; *text; text++)
        if (keys_for_character((u8)*text) < 0)
            return false;
    return true;
}

/* A step, or why it is none. */
static const char *parse_step(struct script_step *s, char *line)
{
    static const char *const names[] = {"wait", "sleep", "type", "key", "screenshot", "timeout", "end"};
    size_t n = strcspn(line, " ");
    char *rest = line[n] ? line + n + 1 : line + n;

    for (s->kind = 0; s->kind <= STEP_END; s->kind++)
        if (strlen(names[s->kind]) == n && !memcmp(line, names[s->kind], n))
            break;
    s->text = rest;
    if (s->kind < STEP_END && !*rest)
        return "what?";
    switch (s->kind) {
    case STEP_WAIT: return NULL;
    case STEP_SLEEP:
    case STEP_TIMEOUT: return parse_number(rest, &s->number) ? NULL : "not a number";
    case STEP_TYPE: return can_type(rest) ? NULL : "a character that no key types";
    case STEP_KEY: return parse_keys(s, rest) ? NULL : "not names of keys";
    case STEP_SCREENSHOT:
        return screenshot_is_text(rest) || screenshot_is_picture(rest) ? NULL : "not FILE.png or FILE.txt";
    case STEP_END: return *rest ? "nothing follows it" : NULL;
    }
    return "not a step: wait, sleep, type, key, screenshot, timeout or end";
}

static bool read_whole(struct script *s, char *why, size_t size)
{
    FILE *from = fopen(s->name, "r");
    size_t n = 0;
    bool good = false;

    s->text = from ? malloc(FILE_LIMIT + 1) : NULL;
    if (s->text)
        n = fread(s->text, 1, FILE_LIMIT + 1, from);
    if (!s->text || ferror(from))
        snprintf(why, size, "%s: %s", s->name, strerror(errno));
    else if (n > FILE_LIMIT || memchr(s->text, '\0', n))
        snprintf(why, size, "%s: not a script: too large, or not text", s->name);
    else
        good = true;
    if (good)
        s->text[n] = '\0';
    if (from)
        fclose(from);
    return good;
}

bool script_open(struct script *s, const char *path, char *why, size_t size)
{
    unsigned line = 0;

    *s = (struct script){.name = path, .timeout = TIMEOUT_NS};
    if (!read_whole(s, why, size))
        return false;
    for (char *at = s->text, *next; *at; at = next) {
        struct script_step step = {.line = ++line}, *grown;
        size_t n = strcspn(at, "\n");
        const char *problem;

        next = at[n] ? at + n + 1 : at + n;
        at[n] = '\0';
        if (!*at || *at == '#')
            continue;
        if ((problem = parse_step(&step, at))) {
            snprintf(why, size, "%s: line %u: %s", path, line, problem);
            return false;
        }
        grown = realloc(s->step, (s->steps + 1) * sizeof(*grown));
        if (!grown) {
            snprintf(why, size, "out of memory");
            return false;
        }
        s->step = grown;
        s->step[s->steps++] = step;
    }
    return true;
}

/* ---- Steps ---- */

static void fail(struct script *s, const char *what)
{
    const struct script_step *step = &s->step[s->at];

    if (!s->failed)
        fprintf(stderr, "faultline: %s: line %u: %s%s%s\n", s->name, step->line,
                step->kind <= STEP_SCREENSHOT ? step->text : "", step->kind <= STEP_SCREENSHOT ? ": " : "", what);
    s->failed = true;
    machine_end_run(s->machine);
}

static bool row_contains(const struct vga *vga, unsigned row, unsigned columns, const char *text)
{
    size_t n = strlen(text);

    for (unsigned from = 0; from + n <= columns; from++) {
        size_t i = 0;

        while (i < n && (vga_text_cell(vga, from + (unsigned)i, row) & 0xFF) == (u8)text[i])
            i++;
        if (i == n)
            return true;
    }
    return false;
}

static bool screen_contains(const struct vga *vga, const char *text)
{
    struct vga_text t = vga_text_size(vga);

    for (unsigned row = 0; row < t.rows; row++)
        if (row_contains(vga, row, t.columns, text))
            return true;
    return false;
}

static void press(struct script *s, const struct script_step *step)
{
    for (unsigned i = 0; i < step->keys; i++)
        events_key(s->events, step->key[i], true);
    for (unsigned i = step->keys; i-- > 0;)
        events_key(s->events, step->key[i], false);
}

static void begin(struct script *s, const struct script_step *step, u64 now)
{
    char why[256];

    s->began = now;
    switch (step->kind) {
    case STEP_TYPE: events_type(s->events, step->text); break;
    case STEP_KEY: press(s, step); break;
    case STEP_TIMEOUT: s->timeout = step->number * CLOCK_SECOND; break;
    case STEP_END: machine_end_run(s->machine); break;
    case STEP_SCREENSHOT:
        if (!screenshot_take(machine_vga(s->machine), now, step->text, why, sizeof(why)))
            fail(s, why);
        break;
    default: break;
    }
}

static bool is_done(struct script *s, const struct script_step *step, u64 now)
{
    switch (step->kind) {
    case STEP_WAIT:
        if (screen_contains(machine_vga(s->machine), step->text))
            return true;
        if (now - s->began >= s->timeout)
            fail(s, "not seen on the screen in time");
        return false;
    case STEP_SLEEP: return now - s->began >= step->number * 1000000;
    case STEP_TYPE:
    case STEP_KEY: return !s->events->paste && !events_are_waiting(s->events);
    default: return true;
    }
}

static void look_due(void *ctx, u64 now)
{
    struct script *s = ctx;

    while (s->at < s->steps && !s->failed) {
        const struct script_step *step = &s->step[s->at];

        if (!s->began)
            begin(s, step, now);
        if (s->failed || !is_done(s, step, now))
            break;
        s->began = 0;
        s->at++;
        if (step->kind == STEP_END)
            return;
    }
    events_poll(s->events, now);
    if (s->at < s->steps && !s->failed)
        clock_arm(machine_clock(s->machine), &s->timer, now + LOOK_NS);
}

/* ---- Life ---- */

void script_attach(struct script *s, struct machine *m, struct events *e)
{
    s->machine = m;
    s->events = e;
    s->timer = timer_make(look_due, s);
    if (s->steps)
        clock_arm(machine_clock(m), &s->timer, clock_now(machine_clock(m)) + LOOK_NS);
}

/* The last keys may well be what ended the run. */
static bool is_through(const struct script *s)
{
    size_t left = s->steps - s->at;

    return left == 0 || (left == 1 && s->began && s->step[s->at].kind == STEP_KEY);
}

bool script_finish(struct script *s)
{
    if (!s->machine)
        return true;
    clock_disarm(machine_clock(s->machine), &s->timer);
    if (!is_through(s) && !s->failed)
        fail(s, "not done when the run ended");
    return !s->failed;
}

void script_close(struct script *s)
{
    free(s->step);
    free(s->text);
    *s = (struct script){0};
}
