/* SPDX-License-Identifier: MIT */
/* Looking at the VGA: what changed since the last look is drawn again. The memory of each line is compared with what
 * the line was drawn from, so that guests may write video memory without anybody being told. */
#include <stdlib.h>
#include <string.h>

#include "devices/vga_picture.h"

bool vga_view_open(struct vga_view *view)
{
    memset(view, 0, sizeof(*view));
    view->picture = calloc(1, sizeof(*view->picture));
    view->before = calloc(1, sizeof(*view->before));
    if (view->picture && view->before)
        return true;
    vga_view_close(view);
    return false;
}

void vga_view_close(struct vga_view *view)
{
    free(view->picture);
    free(view->before);
    free(view->surface.pixels);
    free(view->shadow);
    memset(view, 0, sizeof(*view));
}

/* Bytes of memory a line is drawn from. */
static size_t line_bytes(const struct vga_picture *p)
{
    if (p->kind == PICTURE_BLANK)
        return 0;
    if (p->kind == PICTURE_PACKED)
        return (size_t)p->width * ((p->bits + 7) / 8);
    return (size_t)(p->cells + 1) * 4;
}

static bool resize(struct vga_view *view, const struct vga_picture *p)
{
    u32 *pixels = calloc((size_t)p->width * p->height, sizeof(*pixels));
    size_t line = (size_t)(VGA_MAX_WIDTH + 32) * 4;
    u8 *shadow = malloc(line * p->height);

    if (!pixels || !shadow) {
        free(pixels);
        free(shadow);
        return false;
    }
    free(view->surface.pixels);
    free(view->shadow);
    view->surface = (struct surface){.pixels = pixels, .width = p->width, .height = p->height};
    view->shadow = shadow;
    view->shadow_line = line;
    return true;
}

/* The line's memory in one piece: in place, or in `buffer` where it wraps. */
static const u8 *line_source(const struct vga *v, const struct vga_picture *p, u32 address, size_t bytes, u8 *buffer)
{
    size_t unit = p->kind == PICTURE_PACKED ? 1 : 4, size = ((size_t)p->mask + 1) * unit, at = address * unit;
    size_t first = size - at;

    if (bytes <= first)
        return v->memory + at;
    memcpy(buffer, v->memory + at, first);
    memcpy(buffer + first, v->memory, bytes - first);
    return buffer;
}

/* What blinks, several times a second on a screen where else nothing happens. */
struct blinking {
    bool cursor, blink_off;
    u32 cursor_at;
    unsigned cursor_first, cursor_last;
};

static struct blinking blinking_of(const struct vga_picture *p)
{
    return (struct blinking){p->cursor, p->blink_off, p->cursor_at, p->cursor_first, p->cursor_last};
}

static void set_blinking(struct vga_picture *p, struct blinking b)
{
    p->cursor = b.cursor;
    p->blink_off = b.blink_off;
    p->cursor_at = b.cursor_at;
    p->cursor_first = b.cursor_first;
    p->cursor_last = b.cursor_last;
}

static bool has_cell(const struct vga_picture *p, const struct picture_line *line, u32 cell)
{
    return ((cell - line->address) & p->mask) <= p->cells;
}

/* Does a line of text look different, though its memory is the same? `was` is how it was drawn. */
static bool line_blinks(const struct vga_picture *p, struct blinking was, const struct picture_line *line,
                        const u8 *source)
{
    struct blinking now = blinking_of(p);

    if (p->kind != PICTURE_TEXT)
        return false;
    if ((was.cursor && has_cell(p, line, was.cursor_at)) != (now.cursor && has_cell(p, line, now.cursor_at)) ||
        (now.cursor && has_cell(p, line, now.cursor_at) &&
         (was.cursor_at != now.cursor_at || was.cursor_first != now.cursor_first ||
          was.cursor_last != now.cursor_last)))
        return true;
    for (unsigned i = 0; was.blink_off != now.blink_off && p->blinks && i <= p->cells; i++)
        if (source[(size_t)i * 4 + 1] & 0x80)
            return true;
    return false;
}

/* `was` NULL: all lines are drawn. */
static void draw_line(const struct vga *v, struct vga_view *view, unsigned y, const struct blinking *was)
{
    const struct vga_picture *p = view->picture;
    struct picture_line line = {0};
    u8 buffer[(VGA_MAX_WIDTH + 32) * 4], *shadow = view->shadow + y * view->shadow_line;
    size_t bytes = line_bytes(p);
    const u8 *source = buffer;

    if (bytes) {
        line = picture_line(p, y);
        source = line_source(v, p, line.address, bytes, buffer);
    }
    if (was && !memcmp(source, shadow, bytes) && !line_blinks(p, *was, &line, source))
        return;
    memcpy(shadow, source, bytes);
    picture_draw(p, &line, source, surface_line(&view->surface, y));
    if (view->first > view->last)
        view->first = y;
    view->last = y;
}

bool vga_render(const struct vga *v, struct vga_view *view, u64 now)
{
    struct vga_picture *last = view->picture, *p = view->before;
    struct blinking was = blinking_of(last);
    bool all;

    picture_take(v, p, now);
    view->resized = p->width != view->surface.width || p->height != view->surface.height;
    if (view->resized && !resize(view, p))
        return false;
    set_blinking(last, blinking_of(p));
    all = view->resized || memcmp(p, last, sizeof(*p)) != 0;
    view->picture = p;
    view->before = last;
    view->first = 1;
    view->last = 0;
    for (unsigned y = 0; y < p->height; y++)
        draw_line(v, view, y, all ? NULL : &was);
    return true;
}
