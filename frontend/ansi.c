/* SPDX-License-Identifier: MIT */
/* The text screen in a terminal that knows ECMA-48 colours and UTF-8; only what changes is sent. */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

/* Code page 437 in Unicode: 00..1F, and 7F on. */
static const u16 low[32] = {0x0020, 0x263A, 0x263B, 0x2665, 0x2666, 0x2663, 0x2660, 0x2022, 0x25D8, 0x25CB, 0x25D9,
                            0x2642, 0x2640, 0x266A, 0x266B, 0x263C, 0x25BA, 0x25C4, 0x2195, 0x203C, 0x00B6, 0x00A7,
                            0x25AC, 0x21A8, 0x2191, 0x2193, 0x2192, 0x2190, 0x221F, 0x2194, 0x25B2, 0x25BC};
static const u16 high[129] = {
    0x2302, 0x00C7, 0x00FC, 0x00E9, 0x00E2, 0x00E4, 0x00E0, 0x00E5, 0x00E7, 0x00EA, 0x00EB, 0x00E8, 0x00EF,
    0x00EE, 0x00EC, 0x00C4, 0x00C5, 0x00C9, 0x00E6, 0x00C6, 0x00F4, 0x00F6, 0x00F2, 0x00FB, 0x00F9, 0x00FF,
    0x00D6, 0x00DC, 0x00A2, 0x00A3, 0x00A5, 0x20A7, 0x0192, 0x00E1, 0x00ED, 0x00F3, 0x00FA, 0x00F1, 0x00D1,
    0x00AA, 0x00BA, 0x00BF, 0x2310, 0x00AC, 0x00BD, 0x00BC, 0x00A1, 0x00AB, 0x00BB, 0x2591, 0x2592, 0x2593,
    0x2502, 0x2524, 0x2561, 0x2562, 0x2556, 0x2555, 0x2563, 0x2551, 0x2557, 0x255D, 0x255C, 0x255B, 0x2510,
    0x2514, 0x2534, 0x252C, 0x251C, 0x2500, 0x253C, 0x255E, 0x255F, 0x255A, 0x2554, 0x2569, 0x2566, 0x2560,
    0x2550, 0x256C, 0x2567, 0x2568, 0x2564, 0x2565, 0x2559, 0x2558, 0x2552, 0x2553, 0x256B, 0x256A, 0x2518,
    0x250C, 0x2588, 0x2584, 0x258C, 0x2590, 0x2580, 0x03B1, 0x00DF, 0x0393, 0x03C0, 0x03A3, 0x03C3, 0x00B5,
    0x03C4, 0x03A6, 0x0398, 0x03A9, 0x03B4, 0x221E, 0x03C6, 0x03B5, 0x2229, 0x2261, 0x00B1, 0x2265, 0x2264,
    0x2320, 0x2321, 0x00F7, 0x2248, 0x00B0, 0x2219, 0x00B7, 0x221A, 0x207F, 0x00B2, 0x25A0, 0x00A0};

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
    unsigned u = code < 32 ? low[code] : code < 127 ? code : high[code - 127];
    char utf8[3] = {(char)u};

    if (u < 0x80) {
        put(a, utf8, 1);
    } else if (u < 0x800) {
        utf8[0] = (char)(0xC0 | u >> 6);
        utf8[1] = (char)(0x80 | (u & 0x3F));
        put(a, utf8, 2);
    } else {
        utf8[0] = (char)(0xE0 | u >> 12);
        utf8[1] = (char)(0x80 | (u >> 6 & 0x3F));
        utf8[2] = (char)(0x80 | (u & 0x3F));
        put(a, utf8, 3);
    }
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
