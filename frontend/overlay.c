/* SPDX-License-Identifier: MIT */
#include "frontend/overlay.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frontend/text.h"

enum { CELL_W = 8, CELL_H = 16, COLUMNS_MIN = 132, ROWS_MIN = 36 };
enum { WORDS_ROWS = 5, PANEL_ROWS = 7, LABEL = 36 /* characters before the bars */ };
enum { WHITE = 0xFFFFFF, GREY = 0xA0A0A0, YELLOW = 0xFFE060 };
#define GLOW_NS 4000000000ull
#define RATE_NS 500000000ull

/* ---- What happened ---- */

void overlay_raised(struct overlay *o, const struct record *r)
{
    unsigned i = o->count % OVERLAY_FAULTS;
    struct text t;

    if (r->vector != 14)
        return;
    o->fault[i] = *r;
    o->at[i] = 0;
    t = TEXT_OVER(o->words[i]);
    text_char(&t, '#');
    text_decimal(&t, r->seq);
    text_char(&t, ' ');
    verdict_why(&t, r);
    text_end(&t);
    o->cause[r->walk.cause]++;
    o->count++;
}

void overlay_decided(struct overlay *o, const struct record *r, const char *words)
{
    for (unsigned i = 0; i < OVERLAY_FAULTS && i < o->count; i++)
        if (o->fault[i].seq == r->seq && r->vector == 14) {
            o->fault[i] = *r;
            snprintf(o->words[i], OVERLAY_LINE, "%s", words);
            return;
        }
}

static void take_rates(struct overlay *o, u64 now)
{
    double seconds = (double)(now - o->taken) / 1e9;

    if (now - o->taken < RATE_NS)
        return;
    o->rate = (double)(o->count - o->last_count) / seconds;
    for (int c = 0; c < CAUSE_COUNT; c++) {
        o->cause_rate[c] = (double)(o->cause[c] - o->last_cause[c]) / seconds;
        o->last_cause[c] = o->cause[c];
    }
    o->last_count = o->count;
    o->taken = now;
}

/* ---- Drawing ---- */

bool overlay_fit(struct surface *mix, const struct surface *guest)
{
    unsigned width = guest->width > COLUMNS_MIN * CELL_W ? guest->width : COLUMNS_MIN * CELL_W;
    unsigned height = guest->height > ROWS_MIN * CELL_H ? guest->height : ROWS_MIN * CELL_H;
    u32 *pixels;

    if (mix->pixels && mix->width == width && mix->height == height)
        return true;
    pixels = realloc(mix->pixels, (size_t)width * height * sizeof(*pixels));
    if (!pixels)
        return false;
    *mix = (struct surface){pixels, width, height};
    return true;
}

static void dim(const struct surface *guest, struct surface *mix)
{
    for (unsigned y = 0; y < mix->height; y++)
        for (unsigned x = 0; x < mix->width; x++)
            surface_line(mix, y)[x] =
                y < guest->height && x < guest->width ? surface_line(guest, y)[x] >> 3 & 0x1F1F1F : 0;
}

static void put_text(struct surface *s, unsigned column, unsigned row, const char *text, u32 colour)
{
    u8 dots[CELL_H];

    for (; *text && *text != '\n' && (column + 1) * CELL_W <= s->width; text++, column++) {
        vga_font_glyph((u8)*text, dots);
        for (unsigned y = 0; y < CELL_H && row * CELL_H + y < s->height; y++)
            for (unsigned x = 0; x < CELL_W; x++)
                if (dots[y] >> (7 - x) & 1)
                    surface_line(s, row * CELL_H + y)[column * CELL_W + x] = colour;
    }
}

/* User pages are green, the supervisor's blue, brighter if they can be written, with red if they can be executed. */
static u32 page_colour(bool user, bool writable, bool executable)
{
    u32 level = writable ? 0xE0 : 0x80;

    return (user ? level << 8 : level) | (executable ? 0x900000u : 0x200000u);
}

static u32 blend(u32 a, u32 b, unsigned part) /* of 256 */
{
    u32 out = 0;

    for (int shift = 0; shift < 24; shift += 8)
        out |= (((a >> shift & 255) * (256 - part) + (b >> shift & 255) * part) >> 8) << shift;
    return out;
}

static u32 cause_colour(enum fault_cause c)
{
    static const u32 colours[CAUSE_COUNT] = {
        [CAUSE_NONE] = WHITE,
        [CAUSE_NOT_PRESENT] = 0xFFFF40,
        [CAUSE_RESERVED_BIT] = 0xFF40FF,
        [CAUSE_SUPERVISOR_PAGE] = 0xFF8000,
        [CAUSE_WRITE_PROTECTED] = 0xFF4040,
        [CAUSE_NO_EXECUTE] = 0xFF00A0,
        [CAUSE_SMEP] = 0x40FFFF,
        [CAUSE_SMAP] = 0x40FFFF,
        [CAUSE_PROTECTION_KEY] = 0xC0FF80,
        [CAUSE_SHADOW_STACK] = 0xC080FF,
    };

    return colours[c];
}

static unsigned bar_length(const struct surface *s, const struct overlay_region *r)
{
    unsigned room = s->width - LABEL * CELL_W, bits = 64 - (unsigned)__builtin_clzll((r->last - r->base) | 1);
    unsigned length = bits > 11 ? (bits - 11) * room / 37 : 1; /* 48 bits fill it */

    return length > room ? room : length;
}

/* The addresses a bar's pixel stands for. */
static u64 slice(const struct overlay_region *r, unsigned length, unsigned x)
{
    return r->base + (u64)((unsigned __int128)(r->last - r->base + (r->last - r->base != ~0ull)) * x / length);
}

static u32 slice_colour(const struct overlay *o, struct machine *m, u64 first, u64 last, u64 now)
{
    struct walk w = cpu_walk(machine_cpu(m), first, (struct access){.kind = ACCESS_READ});
    u32 colour = w.cause == CAUSE_NOT_PRESENT || w.cause == CAUSE_RESERVED_BIT ? 0x303030
                                                                               : page_colour(w.user, w.writable, !w.nx);

    for (u64 i = 0; i < o->count && i < OVERLAY_FAULTS; i++) {
        u64 age = now - o->at[i];

        if (o->fault[i].cr2 >= first && o->fault[i].cr2 <= last && age < GLOW_NS)
            colour = blend(colour, cause_colour(o->fault[i].walk.cause), (unsigned)(256 - 256 * age / GLOW_NS));
    }
    return colour;
}

static void put_region(const struct overlay *o, struct machine *m, const struct overlay_region *r, struct surface *s,
                       unsigned row, u64 now)
{
    static const char units[] = "BKMGTPE";
    unsigned length = bar_length(s, r), unit = 0;
    u64 size = r->last - r->base + 1;
    char label[LABEL + 32];

    for (; size >= 1024 && unit < 6; unit++)
        size /= 1024;
    snprintf(label, sizeof(label), "%016llx %5llu%c %s%c%c%c", (unsigned long long)r->base, (unsigned long long)size,
             units[unit], r->mapped ? r->user ? "user " : "kern " : "none ", r->mapped ? 'r' : '-',
             r->writable ? 'w' : '-', r->executable ? 'x' : '-');
    put_text(s, 0, row, label, r->mapped ? WHITE : GREY);
    for (unsigned x = 0; x < length; x++) {
        u64 first = slice(r, length, x), last = x + 1 < length ? slice(r, length, x + 1) - 1 : r->last;
        u32 colour = slice_colour(o, m, first, last < first ? first : last, now);

        for (unsigned y = 3; y < CELL_H - 2; y++)
            surface_line(s, row * CELL_H + y)[LABEL * CELL_W + x] = colour;
    }
}

static void put_header(const struct overlay *o, struct surface *s)
{
    char line[256];
    size_t n = (size_t)snprintf(line, sizeof(line), "%llu page faults, %.0f/s", (unsigned long long)o->count, o->rate);

    for (int c = 1; c < CAUSE_COUNT; c++)
        if (o->cause[c] && n < sizeof(line))
            n += (size_t)snprintf(line + n, sizeof(line) - n, "  %s %.0f/s", fault_cause_name((enum fault_cause)c),
                                  o->cause_rate[c]);
    put_text(s, 0, 0, line, YELLOW);
}

/* ---- Under the mouse ---- */

/* As many lines as it takes. */
static void put_line(struct surface *s, unsigned *row, const char *text, u32 colour)
{
    size_t columns = s->width / CELL_W, length = strlen(text);

    for (size_t at = 0; at < length; at += columns)
        put_text(s, 0, (*row)++, text + at, colour);
}

static void put_walk(struct surface *s, unsigned *row, const struct walk *w)
{
    char line[256] = "";
    size_t n = 0;

    for (unsigned i = 0; i < w->steps && i < WALK_MAX_STEPS && n < sizeof(line); i++)
        n += (size_t)snprintf(line + n, sizeof(line) - n, "%s%s %llx=%llx", i ? "  " : "", level_name(w->step[i].level),
                              (unsigned long long)w->step[i].at, (unsigned long long)w->step[i].entry);
    put_line(s, row, line, WHITE);
}

static void put_fault(struct surface *s, unsigned row, const struct record *r, const char *words)
{
    char line[256];
    struct text t;

    put_line(s, &row, words, YELLOW);
    put_walk(s, &row, &r->walk);
    t = TEXT_OVER(line);
    text_string(&t, "why:  ");
    verdict_why(&t, r);
    text_end(&t);
    put_line(s, &row, line, WHITE);
    t = TEXT_OVER(line);
    text_string(&t, "cure: ");
    verdict_cure(&t, r);
    text_end(&t);
    put_line(s, &row, line, WHITE);
}

static void put_address(struct machine *m, struct surface *s, unsigned row, u64 la)
{
    struct walk w = cpu_walk(machine_cpu(m), la, (struct access){.kind = ACCESS_READ});
    char line[128];

    if (w.cause == CAUSE_NOT_PRESENT || w.cause == CAUSE_RESERVED_BIT)
        snprintf(line, sizeof(line), "%llx: %s", (unsigned long long)la, fault_cause_name(w.cause));
    else
        snprintf(line, sizeof(line), "%llx -> %llx  %s%s%s%s", (unsigned long long)la, (unsigned long long)w.pa,
                 w.user ? "user" : "supervisor", w.writable ? ", writable" : "", w.nx ? ", not executable" : "",
                 w.global ? ", global" : "");
    put_line(s, &row, line, YELLOW);
    put_walk(s, &row, &w);
}

/* The newest fault within a page of `la`, or none. */
static const struct record *fault_near(const struct overlay *o, u64 first, u64 last, unsigned *at)
{
    u64 kept = o->count < OVERLAY_FAULTS ? o->count : OVERLAY_FAULTS;

    for (u64 i = 1; i <= kept; i++) {
        *at = (unsigned)((o->count - i) % OVERLAY_FAULTS);
        if (o->fault[*at].cr2 >= first && o->fault[*at].cr2 <= last)
            return &o->fault[*at];
    }
    return NULL;
}

static void put_pointed(struct overlay *o, struct machine *m, struct surface *s, int x, int y, unsigned words_row)
{
    unsigned row = y >= 0 ? (unsigned)y / CELL_H : ~0u, panel = words_row + WORDS_ROWS, at;
    const struct record *r;

    if (row >= words_row && row < words_row + WORDS_ROWS && row - words_row < o->count) {
        at = (unsigned)((o->count - 1 - (row - words_row)) % OVERLAY_FAULTS);
        put_fault(s, panel, &o->fault[at], o->words[at]);
    } else if (row >= 1 && row - 1 < o->rows) {
        const struct overlay_region *region = &o->row[row - 1];
        unsigned length = bar_length(s, region), bar = x > LABEL * CELL_W ? (unsigned)x - LABEL * CELL_W : 0;
        unsigned here = bar < length ? bar : length - 1;
        u64 first = slice(region, length, here),
            last = here + 1 < length ? slice(region, length, here + 1) - 1 : region->last;

        if ((r = fault_near(o, first, last, &at)))
            put_fault(s, panel, r, o->words[at]);
        else
            put_address(m, s, panel, first);
    } else {
        put_text(s, 0, panel, "Point at a fault or at the map: the walk is shown here.", GREY);
        put_text(s, 0, panel + 1,
                 "Green: user, blue: kernel; bright: writable; with red: executable; dark: not mapped.", GREY);
    }
}

void overlay_keys(const struct surface *guest, struct surface *mix)
{
    static const struct {
        const char *where, *keys, *help;
    } list[] = {
#define BINDING(where, keys, help) {where, keys, help},
#include "frontend/bindings.def"
#undef BINDING
    };
    unsigned row = 1;

    dim(guest, mix);
    for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++) {
        if (strcmp(list[i].where, "In the window") != 0)
            continue;
        put_text(mix, 1, row, list[i].keys, YELLOW);
        put_text(mix, 15, row++, list[i].help, WHITE);
    }
}

void overlay_draw(struct overlay *o, struct machine *m, const struct surface *guest, struct surface *mix, int x, int y,
                  u64 now)
{
    unsigned rows = mix->height / CELL_H, most = rows - 2 - WORDS_ROWS - PANEL_ROWS,
             words_row = rows - WORDS_ROWS - PANEL_ROWS;
    u64 kept = o->count < OVERLAY_FAULTS ? o->count : OVERLAY_FAULTS;

    for (u64 i = 0; i < kept; i++)
        if (!o->at[i])
            o->at[i] = now;
    take_rates(o, now);
    dim(guest, mix);
    put_header(o, mix);
    o->rows = overlay_map(o, m, o->row, most < OVERLAY_ROWS ? most : OVERLAY_ROWS);
    for (unsigned i = 0; i < o->rows; i++)
        put_region(o, m, &o->row[i], mix, i + 1, now);
    for (u64 i = 0; i < WORDS_ROWS && i < kept; i++) {
        unsigned at = (unsigned)((o->count - 1 - i) % OVERLAY_FAULTS);

        put_text(mix, 0, words_row + (unsigned)i, o->words[at], cause_colour(o->fault[at].walk.cause));
    }
    put_pointed(o, m, mix, x, y, words_row);
}
