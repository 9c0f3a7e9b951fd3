/* SPDX-License-Identifier: MIT */
/* Pictures drawn from what a test meant to show, not from registers or video memory. */
#ifndef FAULTLINE_TESTS_VGA_REFERENCE_H
#define FAULTLINE_TESTS_VGA_REFERENCE_H

#include "devices/surface.h"

struct reference_cell {
    u8 code, attribute;
};

/* A page of text. `dots(code, row)` is the font, most significant bit left; cells are `cell_width` (8, 9) by
 * `cell_height`; `palette` has the 16 colours. Bright backgrounds, no blinking. The cursor fills lines
 * [cursor_first, cursor_last] of cell cursor_at (or -1). */
struct reference_text {
    unsigned columns, rows, cell_width, cell_height;
    const struct reference_cell *cells;
    unsigned (*dots)(u8 code, unsigned row);
    const u32 *palette;
    int cursor_at;
    unsigned cursor_first, cursor_last;
};
void reference_draw_text(const struct reference_text *, struct surface *);

/* Pixels of a function, each shown `wide` by `high`. */
void reference_draw_pixels(u32 (*pixel)(unsigned x, unsigned y), unsigned wide, unsigned high, struct surface *);

/* The sixteen colours of the CGA. */
extern const u32 reference_cga[16];

/* A surface to draw on, freed by the caller. */
struct surface reference_surface(unsigned width, unsigned height);
/* Fails the test with the first pixel that differs. */
void reference_compare(const struct surface *got, const struct surface *expected, const char *what);

#endif
