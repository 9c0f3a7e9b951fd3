/* SPDX-License-Identifier: MIT */
#include "frontend/events_file.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "frontend/keys.h"

#define FORMAT "faultline-input "
#define FIRST_LINE FORMAT "2\n"
#define FILE_LIMIT (256u << 20)

u64 events_hash(u64 hash, const void *bytes, size_t size)
{
    const u8 *b = bytes;

    for (size_t i = 0; i < size; i++)
        hash = (hash ^ b[i]) * 0x100000001B3ull;
    return hash;
}

/* ---- Writing ---- */

static void lost(struct events *e)
{
    if (!e->failed)
        fprintf(stderr, "faultline: %s: %s\n", e->name, strerror(errno));
    e->failed = true;
}

static void write_line(struct events *e, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void write_line(struct events *e, const char *format, ...)
{
    char line[4096 + 128];
    va_list args;
    int n;

    va_start(args, format);
    n = vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    if (n < 0 || (size_t)n >= sizeof(line))
        return; /* a path longer than any path */
    e->check = events_hash(e->check, line, (size_t)n);
    if (fwrite(line, 1, (size_t)n, e->record) != (size_t)n)
        lost(e);
}

bool events_record(struct events *e, const char *path, u64 options, bool listening, char *why, size_t size)
{
    e->record = fopen(path, "w");
    e->name = path;
    e->check = EVENTS_HASH;
    if (!e->record) {
        snprintf(why, size, "%s: %s", path, strerror(errno));
        return false;
    }
    write_line(e, FIRST_LINE);
    write_line(e, "options %016" PRIx64 " listening %d\n", options, listening);
    return true;
}

void events_write(struct events *e, const struct input_event *ev)
{
    const char *name = ev->kind == EVENT_KEY ? keys_name(ev->key) : NULL;
    char head[64];

    snprintf(head, sizeof(head), "%" PRIu64 " %" PRIu64, ev->icount, ev->ns);
    switch (ev->kind) {
    case EVENT_KEY:
        if (name)
            write_line(e, "%s key %s %s\n", head, name, ev->down ? "down" : "up");
        break;
    case EVENT_MOUSE: write_line(e, "%s mouse %d %d %d %u\n", head, ev->dx, ev->dy, ev->wheel, ev->buttons); break;
    case EVENT_SERIAL:
        if (ev->byte < 0)
            write_line(e, "%s serial end\n", head);
        else
            write_line(e, "%s serial %02x\n", head, (unsigned)ev->byte);
        break;
    case EVENT_POWER: write_line(e, "%s power\n", head); break;
    case EVENT_RESET: write_line(e, "%s reset\n", head); break;
    case EVENT_MEDIA:
        if (ev->path)
            write_line(e, "%s media %s %016" PRIx64 " %s\n", head, ev->drive, ev->medium, ev->path);
        else
            write_line(e, "%s eject %s\n", head, ev->drive);
        break;
    case EVENT_END: break;
    }
}

/* The last line without its sum, which is of all text before itself: a changed moment of the end is damage too. */
static u64 end_line(char line[64], u64 check, u64 icount, u64 ns)
{
    int n = snprintf(line, 64, "%" PRIu64 " %" PRIu64 " end ", icount, ns);

    return events_hash(check, line, (size_t)n);
}

void events_write_end(struct events *e, u64 icount, u64 ns)
{
    char line[64];
    u64 check = end_line(line, e->check, icount, ns);

    if (fprintf(e->record, "%s%016" PRIx64 "\n", line, check) < 0)
        lost(e);
    if (fclose(e->record) != 0)
        lost(e);
    e->record = NULL;
}

/* ---- Reading ---- */

struct reader {
    struct events *e;
    char *text, *at; /* NUL-terminated; `at` is the next line */
    unsigned line;
    char *why;
    size_t size;
};

static bool refuse(struct reader *r, const char *what)
{
    if (r->line)
        snprintf(r->why, r->size, "%s: line %u: %s", r->e->name, r->line, what);
    else
        snprintf(r->why, r->size, "%s: %s", r->e->name, what);
    return false;
}

static char *slurp(const char *path, char *why, size_t size)
{
    FILE *from = fopen(path, "r");
    size_t used = 0, room = 65536;
    char *text = from ? malloc(room) : NULL, *grown;

    if (!text) {
        snprintf(why, size, "%s: %s", path, strerror(errno));
        if (from)
            fclose(from);
        return NULL;
    }
    for (;;) {
        size_t n = fread(text + used, 1, room - used - 1, from);

        used += n;
        if (n == 0)
            break;
        if (used + 1 < room)
            continue;
        grown = room < FILE_LIMIT ? realloc(text, room *= 2) : NULL;
        if (!grown) {
            snprintf(why, size, "%s: too large", path);
            free(text);
            fclose(from);
            return NULL;
        }
        text = grown;
    }
    text[used] = '\0';
    if (ferror(from) || strlen(text) != used) {
        snprintf(why, size, "%s: %s", path, ferror(from) ? strerror(errno) : "not a recording of input");
        free(text);
        text = NULL;
    }
    fclose(from);
    return text;
}

/* The rest of a line that begins with the two counts. `n` characters of it were taken if all of it was. */
static bool parse_what(const char *what, struct input_event *ev)
{
    char name[32], way[8];
    int n = 0, dx, dy, wheel;
    unsigned buttons, byte;

    if (sscanf(what, "key %31s %7s%n", name, way, &n) == 2 && !what[n]) {
        int key = keys_by_name(name);

        ev->kind = EVENT_KEY;
        ev->key = (u8)key;
        ev->down = !strcmp(way, "down");
        return key >= 0 && (ev->down || !strcmp(way, "up"));
    }
    if (sscanf(what, "mouse %d %d %d %u%n", &dx, &dy, &wheel, &buttons, &n) == 4 && !what[n]) {
        *ev = (struct input_event){EVENT_MOUSE, .icount = ev->icount, .ns = ev->ns, .dx = dx, .dy = dy, .wheel = wheel};
        ev->buttons = (u8)buttons;
        return buttons < 32;
    }
    if (!strcmp(what, "serial end")) {
        ev->kind = EVENT_SERIAL;
        ev->byte = -1;
        return true;
    }
    if (sscanf(what, "serial %2x%n", &byte, &n) == 1 && !what[n]) {
        ev->kind = EVENT_SERIAL;
        ev->byte = (int)byte;
        return true;
    }
    if (sscanf(what, "media %15s %16" SCNx64 " %n", ev->drive, &ev->medium, &n) == 2 && n && what[n]) {
        ev->kind = EVENT_MEDIA;
        ev->path = strdup(what + n);
        return ev->path && ev->medium;
    }
    if (sscanf(what, "eject %15s%n", ev->drive, &n) == 1 && n && !what[n]) {
        ev->kind = EVENT_MEDIA;
        return true;
    }
    ev->kind = !strcmp(what, "power") ? EVENT_POWER : EVENT_RESET;
    return ev->kind == EVENT_POWER || !strcmp(what, "reset");
}

static bool add(struct reader *r, const struct input_event *ev)
{
    struct events *e = r->e;

    if (!(e->length & (e->length + 1)) || !e->script) { /* doubled at powers of two less one */
        struct input_event *grown = realloc(e->script, (2 * e->length + 2) * sizeof(*grown));

        if (!grown)
            return refuse(r, "out of memory");
        e->script = grown;
    }
    e->script[e->length++] = *ev;
    return true;
}

/* As it is written, to the letter: numbers written otherwise are damage. */
static bool right_end(const struct reader *r, const char *line, const struct input_event *ev)
{
    char expected[64];
    u64 check = end_line(expected, events_hash(EVENTS_HASH, r->text, (size_t)(line - r->text)), ev->icount, ev->ns);
    size_t n = strlen(expected);

    snprintf(expected + n, sizeof(expected) - n, "%016" PRIx64, check);
    return !strcmp(line, expected);
}

/* One line, without its newline; `done` after the last. */
static bool read_event(struct reader *r, const char *line, bool *done)
{
    struct events *e = r->e;
    struct input_event ev = {0};
    const struct input_event *last = e->length ? &e->script[e->length - 1] : NULL;
    int n = 0;

    if (sscanf(line, "%" SCNu64 " %" SCNu64 " %n", &ev.icount, &ev.ns, &n) != 2 || !n || line[0] == '-')
        return refuse(r, "not an event");
    if (last && (ev.ns < last->ns || ev.icount < last->icount))
        return refuse(r, "earlier than the line before");
    if (ev.icount > ev.ns)
        return refuse(r, "more instructions than nanoseconds");
    if (!strncmp(line + n, "end", 3)) {
        if (!right_end(r, line, &ev))
            return refuse(r, "the check sum is wrong: the recording was changed or damaged");
        ev.kind = EVENT_END;
        *done = true;
    } else if (!parse_what(line + n, &ev)) {
        free(ev.path);
        return refuse(r, "not an event");
    }
    return add(r, &ev);
}

static bool read_head(struct reader *r, u64 options, bool *listening)
{
    u64 hash;
    int n = 0, listens;

    if (strncmp(r->at, FIRST_LINE, strlen(FIRST_LINE)))
        return refuse(r, strncmp(r->at, FORMAT, strlen(FORMAT)) ? "not a recording of input"
                                                                : "a recording in another version's format");
    r->at += strlen(FIRST_LINE);
    r->line = 2;
    if (sscanf(r->at, "options %16" SCNx64 " listening %1d%n", &hash, &listens, &n) != 2 || r->at[n] != '\n')
        return refuse(r, "not a recording of input");
    r->at += n + 1;
    r->line = 0;
    if (hash != options)
        return refuse(r, "was recorded with other options or images");
    *listening = listens;
    return true;
}

/* The checks sum up whole lines, so lines are cut only after they were looked at in place. */
static bool read_all(struct reader *r, u64 options, bool *listening)
{
    bool done = false;

    if (!read_head(r, options, listening))
        return false;
    for (r->line = 3; *r->at && !done; r->line++) {
        char *line = r->at, *end = strchr(line, '\n');

        if (!end)
            break;
        *end = '\0';
        if (!read_event(r, line, &done))
            return false;
        *end = '\n';
        r->at = end + 1;
    }
    r->line = 0;
    if (!done)
        return refuse(r, "has no end: the recording was cut off");
    return !*r->at || refuse(r, "goes on after its end");
}

bool events_replay(struct events *e, const char *path, u64 options, bool *listening, char *why, size_t size)
{
    struct reader r = {.e = e, .why = why, .size = size};
    bool ok;

    e->name = path;
    e->replaying = true;
    r.text = r.at = slurp(path, why, size);
    if (!r.text)
        return false;
    ok = read_all(&r, options, listening);
    free(r.text);
    return ok;
}
