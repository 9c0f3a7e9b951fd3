/* SPDX-License-Identifier: MIT */
/* Lines of pixels, one function a kind of picture. Each draws whole characters, panned by whole dots afterwards. */
#include "devices/vga_picture.h"

#include <string.h>

/* A line as drawn, before panning and doubling: a cell more than fits, for panning. */
struct dots {
    u32 *at;
    u32 line[VGA_MAX_WIDTH + 32];
};

static void put_bits(struct dots *d, unsigned bits, unsigned count, u32 on, u32 off)
{
    for (unsigned i = count; i-- > 0;)
        *d->at++ = bits >> i & 1 ? on : off;
}

static void draw_cell(const struct vga_picture *p, const struct picture_line *line, u32 address, const u8 *cell,
                      struct dots *d)
{
    u8 code = cell[0], attribute = cell[1];
    unsigned ink = attribute & 15, paper = attribute >> 4, bits = p->font[attribute >> 3 & 1][code][line->scan];
    unsigned ninth = p->line_graphics && code >= 0xC0 && code <= 0xDF && bits & 1;
    bool cursor = p->cursor && address == p->cursor_at;

    if (p->blinks) {
        paper &= 7;
        if (attribute & 0x80 && p->blink_off)
            ink = paper;
    }
    if (p->underlines && (attribute & 7) == 1 && line->scan == p->underline)
        bits = 0xFF, ninth = 1;
    if (cursor && line->scan >= p->cursor_first && line->scan <= p->cursor_last) {
        bits = 0xFF, ninth = 1;
        ink = attribute & 15;
    }
    put_bits(d, p->dots == 9 ? bits << 1 | ninth : bits, p->dots, p->attribute[ink], p->attribute[paper]);
}

static void draw_text(const struct vga_picture *p, const struct picture_line *line, const u8 *source, struct dots *d)
{
    for (unsigned i = 0; i <= p->cells; i++)
        draw_cell(p, line, (line->address + i) & p->mask, source + (size_t)i * 4, d);
}

static void draw_planar(const struct vga_picture *p, const struct picture_line *line, const u8 *source, struct dots *d)
{
    (void)line;
    for (unsigned i = 0; i <= p->cells; i++, source += 4)
        for (int bit = 7; bit >= 0; bit--) {
            unsigned pixel = (source[0] >> bit & 1) | (source[1] >> bit & 1) << 1 | (source[2] >> bit & 1) << 2 |
                             (source[3] >> bit & 1) << 3;
            *d->at++ = p->attribute[pixel];
        }
}

/* Two-bit pixels: four of planes 0 and 2, then four of planes 1 and 3. */
static void draw_cga(const struct vga_picture *p, const struct picture_line *line, const u8 *source, struct dots *d)
{
    (void)line;
    for (unsigned i = 0; i <= p->cells; i++, source += 4)
        for (unsigned x = 0; x < 8; x++) {
            unsigned shift = 6 - 2 * (x & 3), plane = x >> 2;

            *d->at++ = p->attribute[(source[plane] >> shift & 3) | (source[plane + 2] >> shift & 3) << 2];
        }
}

static void draw_256(const struct vga_picture *p, const struct picture_line *line, const u8 *source, struct dots *d)
{
    (void)line;
    for (unsigned i = 0; i < 4 * (p->cells + 1); i++) {
        *d->at++ = p->colour[source[i]];
        *d->at++ = p->colour[source[i]];
    }
}

/* ---- Packed pixels ---- */

static u32 widen(unsigned value, unsigned bits) { return value << (8 - bits) | value >> (2 * bits - 8); }

static u32 from_16(unsigned v, bool green6)
{
    unsigned green = green6 ? widen(v >> 5 & 63, 6) : widen(v >> 5 & 31, 5);

    return widen(v >> (green6 ? 11 : 10) & 31, 5) << 16 | green << 8 | widen(v & 31, 5);
}

static void draw_packed(const struct vga_picture *p, const u8 *source, u32 *out)
{
    u32 v = 0;

    for (unsigned x = 0; x < p->width; x++) {
        switch (p->bits) {
        case 8: out[x] = p->colour[source[x]]; break;
        case 15:
        case 16:
            memcpy(&v, source + 2 * x, 2);
            out[x] = from_16(v, p->bits == 16);
            break;
        case 24: out[x] = source[3 * x] | source[3 * x + 1] << 8 | (u32)source[3 * x + 2] << 16; break;
        default: memcpy(&v, source + 4 * x, 4); out[x] = v & 0xFFFFFF;
        }
    }
}

void picture_draw(const struct vga_picture *p, const struct picture_line *line, const u8 *source, u32 *out)
{
    struct dots d;
    const u32 *from = d.line + line->dot_pan;

    d.at = d.line;
    switch (p->kind) {
    case PICTURE_TEXT: draw_text(p, line, source, &d); break;
    case PICTURE_PLANAR: draw_planar(p, line, source, &d); break;
    case PICTURE_CGA: draw_cga(p, line, source, &d); break;
    case PICTURE_256: draw_256(p, line, source, &d); break;
    case PICTURE_PACKED: draw_packed(p, source, out); return;
    default: memset(out, 0, p->width * sizeof(*out)); return;
    }
    if (p->doubling == 1)
        memcpy(out, from, p->width * sizeof(*out));
    for (unsigned x = 0; p->doubling == 2 && x < p->width; x++)
        out[x] = from[x / 2];
}
