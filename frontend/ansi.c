/* SPDX-License-Identifier: MIT */
/* The text screen in a terminal that knows ECMA-48 colours and UTF-8; only what changes is sent. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "frontend/codepage.h"
#include "frontend/display.h"
#include "frontend/keys.h"

#define COLUMNS 132u
#define ROWS 60u
#define CONTROL_A 1
#define ESCAPE 27
#define OUT_ROOM 65536u

struct ansi {
    u16 cell[ROWS][COLUMNS]; /* what the terminal shows */
    unsigned columns, rows;
    int cursor_column, cursor_row;
    int colours; /* attribute the terminal is set to, or -1 */
    bool escaped;
    bool graphics; /* said that there is no text */
    char out[OUT_ROOM];
    size_t used;
};

/* ---- Output ---- */

static void flush(struct ansi *a)
{
    size_t done = 0;

    while (done < a->used) {
        ssize_t n = write(STDOUT_FILENO, a->out + done, a->used - done);

        if (n < 0 && errno != EINTR)
            break; /* nobody looks */
        done += n > 0 ? (size_t)n : 0;
    }
    a->used = 0;
}

static void put(struct ansi *a, const char *bytes, size_t size)
{
    if (a->used + size > OUT_ROOM)
        flush(a);
    memcpy(a->out + a->used, bytes, size);
    a->used += size;
}

static void put_number(struct ansi *a, const char *format, unsigned x, unsigned y)
{
    char text[96];

    snprintf(text, sizeof(text), format, x, y);
    put(a, text, strlen(text));
}

static void put_character(struct ansi *a, u8 code)
{
    char utf8[4];

    put(a, utf8, codepage_utf8(code, utf8));
}

/* PC colours are blue, green, red; ECMA-48's the other way round. Bright ink 90.., bright paper is left dark. */
static void put_colours(struct ansi *a, int attribute)
{
    static const u8 order[8] = {0, 4, 2, 6, 1, 5, 3, 7};
    unsigned ink = (unsigned)attribute & 15, paper = (unsigned)attribute >> 4 & 7;

    if (a->colours == attribute)
        return;
    a->colours = attribute;
    put_number(a, "\033[%u;%um", (ink & 8 ? 90u : 30u) + order[ink & 7], 40u + order[paper]);
}

static void show_text(struct ansi *a, const struct vga *vga, struct vga_text t)
{
    for (unsigned row = 0; row < t.rows && row < ROWS; row++) {
        unsigned next = COLUMNS;

        for (unsigned column = 0; column < t.columns && column < COLUMNS; column++) {
            int cell = vga_text_cell(vga, column, row);

            if (cell == a->cell[row][column])
                continue;
            if (column != next)
                put_number(a, "\033[%u;%uH", row + 1, column + 1);
            a->cell[row][column] = (u16)cell;
            put_colours(a, cell >> 8);
            put_character(a, (u8)cell);
            a->cursor_row = -2; /* it has moved */
            next = column + 1;
        }
    }
}

static void forget(struct ansi *a, struct vga_text t)
{
    static const char clear[] = "\033[0m\033[2J";

    put(a, clear, sizeof(clear) - 1);
    memset(a->cell, 0xFF, sizeof(a->cell));
    a->columns = t.columns;
    a->rows = t.rows;
    a->colours = -1;
    a->cursor_row = -2;
    a->graphics = false;
}

static void show_cursor(struct ansi *a, struct vga_text t)
{
    if (a->cursor_row == t.cursor_row && a->cursor_column == t.cursor_column)
        return;
    a->cursor_row = t.cursor_row;
    a->cursor_column = t.cursor_column;
    put_number(a, t.cursor_row < 0 ? "\033[?25l" : "\033[%u;%uH\033[?25h", (unsigned)t.cursor_row + 1,
               (unsigned)t.cursor_column + 1);
}

static void ansi_show(struct display *d)
{
    struct ansi *a = d->own;
    struct vga *vga = machine_vga(d->machine);
    struct vga_text t = {0};

    if (vga)
        t = vga_text_size(vga);
    if (t.columns != a->columns || t.rows != a->rows || (d->changed && !a->graphics))
        forget(a, t);
    if (t.columns) {
        show_text(a, vga, t);
        show_cursor(a, t);
    } else if (!a->graphics) {
        a->graphics = true;
        put_number(a, "\033[1;1Ha picture of %ux%u; ^A s takes a screenshot", d->view.surface.width,
                   d->view.surface.height);
    }
    flush(a);
}

/* ---- The keyboard ---- */

/* What follows ESC [ or ESC O, up to its last character. */
static int key_of_sequence(const char *s, size_t length)
{
    static const struct {
        const char *sequence, *name;
    } table[] = {{"A", "up"},      {"B", "down"},    {"C", "right"}, {"D", "left"},  {"H", "home"},  {"F", "end"},
                 {"P", "f1"},      {"Q", "f2"},      {"R", "f3"},    {"S", "f4"},    {"1~", "home"}, {"4~", "end"},
                 {"2~", "insert"}, {"3~", "delete"}, {"5~", "pgup"}, {"6~", "pgdn"}, {"11~", "f1"},  {"12~", "f2"},
                 {"13~", "f3"},    {"14~", "f4"},    {"15~", "f5"},  {"17~", "f6"},  {"18~", "f7"},  {"19~", "f8"},
                 {"20~", "f9"},    {"21~", "f10"},   {"23~", "f11"}, {"24~", "f12"}};

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        if (strlen(table[i].sequence) == length && !memcmp(table[i].sequence, s, length))
            return keys_by_name(table[i].name);
    return -1;
}

/* ESC alone is the key; with more at once it is a function key, or Alt with what follows. Returns bytes used. */
static size_t escape_sequence(struct display *d, const char *s, size_t length)
{
    size_t n = 2;

    if (length == 1) {
        events_stroke(d->events, 0x01);
        return 1;
    }
    if (s[1] != '[' && s[1] != 'O') {
        events_key(d->events, KEYS_ALT, true);
        events_stroke(d->events, keys_for_character((u8)s[1]));
        events_key(d->events, KEYS_ALT, false);
        return 2;
    }
    while (n < length && (s[n] < 0x40 || s[n] > 0x7E))
        n++;
    n += n < length;
    events_stroke(d->events, key_of_sequence(s + 2, n - 2));
    return n;
}

/* What follows ^A. */
static void command(struct display *d, char c)
{
    switch (c) {
    case 'x': display_quit(d); break;
    case 's': display_screenshot(d); break;
    case 'r': events_reset(d->events); break;
    case CONTROL_A: events_stroke(d->events, keys_for_character(CONTROL_A)); break;
    default: break;
    }
}

static void ansi_pump(struct display *d)
{
    struct ansi *a = d->own;
    struct pollfd ready = {.fd = STDIN_FILENO, .events = POLLIN};
    char s[256];
    ssize_t n;

    if (poll(&ready, 1, 0) <= 0 || (n = read(STDIN_FILENO, s, sizeof(s))) < 0)
        return;
    if (n == 0)
        display_quit(d); /* the terminal is gone */
    for (size_t i = 0; i < (size_t)n;) {
        if (a->escaped) {
            a->escaped = false;
            command(d, s[i++]);
        } else if (s[i] == CONTROL_A) {
            a->escaped = true;
            i++;
        } else if (s[i] == ESCAPE) {
            i += escape_sequence(d, s + i, (size_t)n - i);
        } else {
            events_stroke(d->events, keys_for_character((u8)s[i++]));
        }
    }
}

static void ansi_wait(struct display *d, u64 ns)
{
    struct pollfd ready = {.fd = STDIN_FILENO, .events = POLLIN};

    (void)d;
    if (ns >= 1000000)
        poll(&ready, 1, (int)(ns / 1000000));
}

static void ansi_close(struct display *d)
{
    static const char end[] = "\033[0m\033[?25h\r\n";
    struct ansi *a = d->own;

    put_number(a, "\033[%u;%uH", a->rows ? a->rows : 1, 1);
    put(a, end, sizeof(end) - 1);
    flush(a);
    free(a);
    d->own = NULL;
}

bool ansi_open(struct display *d, char *why, size_t size)
{
    static const struct display_ops ops = {ansi_show, ansi_pump, ansi_wait, ansi_close};
    struct ansi *a = calloc(1, sizeof(*a));

    if (!a) {
        snprintf(why, size, "out of memory");
        return false;
    }
    a->colours = -1;
    a->cursor_row = -2;
    a->columns = COLUMNS + 1; /* unlike any screen's */
    d->own = a;
    d->ops = &ops;
    return true;
}
