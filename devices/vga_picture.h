/* SPDX-License-Identifier: MIT */
/* What the registers make of the memory: everything a line's drawing depends on, apart from the memory itself. */
#ifndef FAULTLINE_DEVICES_VGA_PICTURE_H
#define FAULTLINE_DEVICES_VGA_PICTURE_H

#include "devices/vga_state.h"

enum picture_kind { PICTURE_BLANK, PICTURE_TEXT, PICTURE_PLANAR, PICTURE_CGA, PICTURE_256, PICTURE_PACKED };

struct vga_picture {
    enum picture_kind kind;
    unsigned width, height; /* of the surface */
    unsigned cells;         /* characters a line, 8 (or 9) dots each before doubling */
    unsigned dots;          /* of a character: 8 or 9 */
    unsigned doubling;      /* 1 or 2: each dot is shown so often */
    unsigned bits;          /* PICTURE_PACKED: of a pixel; 15 has a 16-bit pixel */
    /* Where lines come from, in groups of four bytes (bytes, if packed). */
    u32 start, pitch, mask;
    unsigned row_lines, double_scan, preset, line_compare;
    unsigned byte_pan, dot_pan;
    bool split_pans;   /* the part below the split is panned too */
    u32 bank_bit[2];   /* address bits that row scan bits 0 and 1 become, 0 if none */
    u32 colour[256];   /* 0x00RRGGBB by DAC entry */
    u32 attribute[16]; /* ... by attribute */
    /* text */
    bool line_graphics, blinks, blink_off, underlines;
    unsigned underline, cursor_first, cursor_last;
    bool cursor;
    u32 cursor_at;
    u8 font[2][256][32]; /* [0]: attribute bit 3 clear */
};

/* The source of scan line y. */
struct picture_line {
    u32 address; /* of its first group, or byte */
    unsigned scan;
    unsigned byte_pan, dot_pan;
};
struct picture_line picture_line(const struct vga_picture *p, unsigned y);

void picture_take(const struct vga *v, struct vga_picture *p, u64 now);

/* Draws a line into `out`, p->width dots, from `source`: the bytes at line->address. */
void picture_draw(const struct vga_picture *p, const struct picture_line *line, const u8 *source, u32 *out);

#endif
