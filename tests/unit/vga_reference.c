/* SPDX-License-Identifier: MIT */
#include "tests/unit/vga_reference.h"

#include <check.h>
#include <stdlib.h>

const u32 reference_cga[16] = {0x000000, 0x0000AA, 0x00AA00, 0x00AAAA, 0xAA0000, 0xAA00AA, 0xAA5500, 0xAAAAAA,
                               0x555555, 0x5555FF, 0x55FF55, 0x55FFFF, 0xFF5555, 0xFF55FF, 0xFFFF55, 0xFFFFFF};

struct surface reference_surface(unsigned width, unsigned height)
{
    struct surface s = {calloc((size_t)width * height, sizeof(u32)), width, height};

    ck_assert_ptr_nonnull(s.pixels);
    return s;
}

static u32 text_pixel(const struct reference_text *t, unsigned x, unsigned y)
{
    unsigned column = x / t->cell_width, row = y / t->cell_height, dx = x % t->cell_width, dy = y % t->cell_height;
    struct reference_cell c = t->cells[row * t->columns + column];
    bool on;

    if (dx == 8) /* between characters only the line graphics C0..DF are joined */
        on = c.code >= 0xC0 && c.code <= 0xDF && (t->dots(c.code, dy) & 1);
    else
        on = t->dots(c.code, dy) & (0x80u >> dx);
    if ((int)(row * t->columns + column) == t->cursor_at && dy >= t->cursor_first && dy <= t->cursor_last)
        on = true;
    return t->palette[on ? c.attribute % 16 : c.attribute / 16];
}

void reference_draw_text(const struct reference_text *t, struct surface *s)
{
    for (unsigned y = 0; y < s->height; y++)
        for (unsigned x = 0; x < s->width; x++)
            s->pixels[(size_t)y * s->width + x] = text_pixel(t, x, y);
}

void reference_draw_pixels(u32 (*pixel)(unsigned x, unsigned y), unsigned wide, unsigned high, struct surface *s)
{
    for (unsigned y = 0; y < s->height; y++)
        for (unsigned x = 0; x < s->width; x++)
            s->pixels[(size_t)y * s->width + x] = pixel(x / wide, y / high);
}

void reference_compare(const struct surface *got, const struct surface *expected, const char *what)
{
    ck_assert_msg(got->width == expected->width && got->height == expected->height, "%s: %ux%u, not %ux%u", what,
                  got->width, got->height, expected->width, expected->height);
    for (size_t i = 0; i < (size_t)got->width * got->height; i++) /* a ck_assert that passes costs a write */
        if (got->pixels[i] != expected->pixels[i])
            ck_abort_msg("%s: pixel %zu,%zu is %06x, not %06x", what, i % got->width, i / got->width, got->pixels[i],
                         expected->pixels[i]);
}
