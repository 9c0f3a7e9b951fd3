/* SPDX-License-Identifier: MIT */
/* From registers to a picture's description. IBM VGA Technical Reference, "CRT Controller Registers". */
#include "devices/vga_picture.h"

#include <string.h>

enum { BLANK_WIDTH = 640, BLANK_HEIGHT = 400 };

static u32 dac_colour(const struct vga *v, unsigned index)
{
    const u8 *c = v->dac[index & v->dac_mask];
    u32 rgb = 0;

    for (int i = 0; i < 3; i++) /* six bits: as the full range of eight */
        rgb = rgb << 8 | (v->vbe[VBE_ENABLE] & VBE_8BIT_DAC ? c[i] : (c[i] & 0x3Fu) << 2 | (c[i] & 0x3Fu) >> 4);
    return rgb;
}

/* "Attribute Controller": four bits to the DAC's eight through the palette and the colour select register. */
static unsigned attribute_to_dac(const struct vga *v, unsigned attribute)
{
    unsigned select = v->attr[ATTR_SELECT], index = v->attr[attribute & v->attr[ATTR_PLANES] & 15];

    if (v->attr[ATTR_MODE] & 0x80)
        index = (index & 0x0F) | (select & 3) << 4;
    return (index & 0x3F) | (select & 0x0C) << 4;
}

static void take_colours(const struct vga *v, struct vga_picture *p)
{
    for (unsigned i = 0; i < 256; i++)
        p->colour[i] = dac_colour(v, i);
    for (unsigned i = 0; i < 16; i++)
        p->attribute[i] = dac_colour(v, attribute_to_dac(v, i));
}

/* "Character Map Select": the 8 KiB block of each of the two fonts, unless there is only one. */
static void take_fonts(const struct vga *v, struct vga_picture *p)
{
    static const u16 block[8] = {0x0000, 0x4000, 0x8000, 0xC000, 0x2000, 0x6000, 0xA000, 0xE000};
    u8 fonts = v->seq[SEQ_MEMORY_MODE] & SEQ_EXTENDED ? v->seq[SEQ_FONTS] : 0;
    const u32 at[2] = {block[(fonts & 3) | (fonts >> 2 & 4)], block[(fonts >> 2 & 3) | (fonts >> 3 & 4)]};

    for (int f = 0; f < 2; f++) {
        const u8 *from = v->memory + (size_t)at[f] * 4 + 2;
        u8 *to = p->font[f][0];

        for (unsigned i = 0; i < 256 * 32; i++)
            to[i] = from[(size_t)i * 4];
    }
}

static void take_text(const struct vga *v, struct vga_picture *p, u64 frame)
{
    u8 mode = v->attr[ATTR_MODE], skew = v->crtc[0x0B] >> 5 & 3;

    p->kind = PICTURE_TEXT;
    p->dots = crtc_dots(v);
    p->line_graphics = mode & 0x04;
    p->blinks = mode & 0x08;
    p->blink_off = p->blinks && frame >> 4 & 1;
    p->underlines = mode & 0x02;
    p->underline = v->crtc[0x14] & 0x1F;
    p->cursor_first = v->crtc[0x0A] & 0x1F;
    p->cursor_last = v->crtc[0x0B] & 0x1F;
    p->cursor = !(v->crtc[0x0A] & 0x20) && !(frame >> 3 & 1);
    p->cursor_at = (((u32)v->crtc[0x0E] << 8 | v->crtc[0x0F]) + skew) & p->mask;
    take_fonts(v, p);
}

/* In character 0 of nine dots, 8 stands for no panning and 0 for one dot. */
static unsigned dot_panning(const struct vga *v, const struct vga_picture *p)
{
    unsigned pan = v->attr[ATTR_PANNING] & 15;

    if (p->kind == PICTURE_TEXT && p->dots == 9)
        return pan >= 8 ? 0 : pan + 1;
    return p->kind == PICTURE_256 ? pan & 6 : pan & 7; /* a pixel of 256 colours is two dots */
}

static void take_addresses(const struct vga *v, struct vga_picture *p)
{
    /* Address bits 13 and 14 on the wires; packed memory has them one or two places lower. */
    unsigned packed = v->crtc[0x14] & 0x40 ? 2 : v->crtc[0x17] & 0x40 ? 0 : 1;

    p->mask = 0xFFFF;
    p->start = (u32)v->crtc[0x0C] << 8 | v->crtc[0x0D];
    p->pitch = v->crtc[0x13] * 2u;
    p->row_lines = (v->crtc[9] & 0x1Fu) + 1;
    p->double_scan = v->crtc[9] >> 7;
    p->preset = v->crtc[8] & 0x1F;
    p->byte_pan = v->crtc[8] >> 5 & 3;
    p->split_pans = !(v->attr[ATTR_MODE] & 0x20);
    p->line_compare = v->crtc[0x18] | (v->crtc[7] >> 4 & 1u) << 8 | (v->crtc[9] >> 6 & 1u) << 9;
    for (unsigned i = 0; i < 2; i++)
        p->bank_bit[i] = v->crtc[0x17] >> i & 1 ? 0 : 1u << (13 + i - packed);
}

static void take_vga(const struct vga *v, struct vga_picture *p, u64 now)
{
    p->cells = v->crtc[1] + 1u;
    p->dots = 8;
    p->height = crtc_display_end(v);
    take_addresses(v, p);
    if (!(v->gfx[GFX_MISC] & 1))
        take_text(v, p, vga_beam_at(v, now).frame);
    else
        p->kind = v->gfx[GFX_MODE] & GFX_MODE_256   ? PICTURE_256
                  : v->gfx[GFX_MODE] & GFX_MODE_CGA ? PICTURE_CGA
                                                    : PICTURE_PLANAR;
    p->dot_pan = dot_panning(v, p);
    p->doubling = v->seq[SEQ_CLOCKING] & 8 ? 2 : 1;
    p->width = p->cells * p->dots * p->doubling;
}

static void take_vbe(const struct vga *v, struct vga_picture *p)
{
    u32 x = v->vbe[VBE_X_OFFSET], y = v->vbe[VBE_Y_OFFSET];

    p->width = v->vbe[VBE_XRES];
    p->height = v->vbe[VBE_YRES];
    p->doubling = p->row_lines = 1;
    p->dots = 8;
    p->cells = (p->width + 7) / 8;
    p->pitch = vbe_pitch(v);
    p->line_compare = 0xFFFF;
    p->bits = v->vbe[VBE_BPP];
    if (p->bits == 4) {
        p->kind = PICTURE_PLANAR;
        p->start = y * p->pitch + x / 8;
        p->dot_pan = x % 8;
        p->mask = VGA_MEMORY_SIZE / 4 - 1;
    } else {
        p->kind = PICTURE_PACKED;
        p->start = y * p->pitch + x * ((p->bits + 7) / 8);
        p->mask = VGA_MEMORY_SIZE - 1;
    }
}

/* The whole struct is set, gaps too: pictures are compared as bytes. */
void picture_take(const struct vga *v, struct vga_picture *p, u64 now)
{
    bool shown = v->attr_index & 0x20 && !(v->seq[SEQ_CLOCKING] & 0x20);

    memset(p, 0, sizeof(*p));
    if (vbe_is_on(v))
        take_vbe(v, p);
    else
        take_vga(v, p, now);
    if (!vbe_is_on(v) && (p->width < 16 || p->height < 16 || p->width > VGA_MAX_WIDTH || p->height > VGA_MAX_HEIGHT)) {
        memset(p, 0, sizeof(*p)); /* no mode has been set */
        p->width = BLANK_WIDTH;
        p->height = BLANK_HEIGHT;
    } else if (!shown && !vbe_is_packed(v)) {
        p->kind = PICTURE_BLANK;
    }
    take_colours(v, p);
}

struct picture_line picture_line(const struct vga_picture *p, unsigned y)
{
    struct picture_line line = {.byte_pan = p->byte_pan, .dot_pan = p->dot_pan};
    bool split = y > p->line_compare;
    unsigned n = split ? y - p->line_compare - 1 : y;
    u32 start = split ? 0 : p->start;

    n >>= p->double_scan;
    if (!split)
        n += p->preset;
    else if (!p->split_pans)
        line.byte_pan = line.dot_pan = 0;
    line.scan = n % p->row_lines;
    line.address = start + n / p->row_lines * p->pitch + line.byte_pan;
    for (unsigned i = 0; i < 2; i++)
        if (p->bank_bit[i])
            line.address = (line.address & ~p->bank_bit[i]) | (line.scan >> i & 1 ? p->bank_bit[i] : 0);
    line.address &= p->mask;
    return line;
}

/* ---- The text, for terminals ---- */

struct vga_text vga_text_size(const struct vga *v)
{
    struct vga_text t = {.cursor_column = -1, .cursor_row = -1};
    unsigned lines = (v->crtc[9] & 0x1Fu) + 1, pitch = v->crtc[0x13] * 2u;
    u32 start = (u32)v->crtc[0x0C] << 8 | v->crtc[0x0D], cursor = (u32)v->crtc[0x0E] << 8 | v->crtc[0x0F];

    if (vbe_is_on(v) || v->gfx[GFX_MISC] & 1 || !(v->attr_index & 0x20) || crtc_display_end(v) < lines)
        return t;
    t.columns = v->crtc[1] + 1u;
    t.rows = (crtc_display_end(v) >> (v->crtc[9] >> 7)) / lines;
    cursor = (cursor - start) & 0xFFFF;
    if (v->crtc[0x0A] & 0x20 || !pitch || cursor % pitch >= t.columns || cursor / pitch >= t.rows)
        return t;
    t.cursor_column = (int)(cursor % pitch);
    t.cursor_row = (int)(cursor / pitch);
    return t;
}

int vga_text_cell(const struct vga *v, unsigned column, unsigned row)
{
    struct vga_text t = vga_text_size(v);
    u32 start = (u32)v->crtc[0x0C] << 8 | v->crtc[0x0D];
    size_t at = (start + row * v->crtc[0x13] * 2u + column) & 0xFFFF;

    return column < t.columns && row < t.rows ? v->memory[at * 4] | v->memory[at * 4 + 1] << 8 : -1;
}

u32 vga_text_colour(const struct vga *v, unsigned index) { return dac_colour(v, attribute_to_dac(v, index & 15)); }
