/* SPDX-License-Identifier: MIT */
/* The VGA's registers and memory: shared by vga*.c and vbe.c, and nobody else's. */
#ifndef FAULTLINE_DEVICES_VGA_STATE_H
#define FAULTLINE_DEVICES_VGA_STATE_H

#include "devices/vga.h"

enum { SEQ_RESET, SEQ_CLOCKING, SEQ_MAP_MASK, SEQ_FONTS, SEQ_MEMORY_MODE, SEQ_COUNT = 8 };
enum { SEQ_EXTENDED = 0x02, SEQ_NOT_ODD_EVEN = 0x04, SEQ_CHAIN4 = 0x08 }; /* of SEQ_MEMORY_MODE */
enum {
    GFX_SET_RESET,
    GFX_ENABLE_SET_RESET,
    GFX_COMPARE,
    GFX_ROTATE,
    GFX_READ_MAP,
    GFX_MODE,
    GFX_MISC,
    GFX_COLOUR_CARE,
    GFX_BIT_MASK,
    GFX_COUNT = 16
};
enum { GFX_MODE_ODD_EVEN = 0x10, GFX_MODE_CGA = 0x20, GFX_MODE_256 = 0x40 };
enum { ATTR_MODE = 0x10, ATTR_PLANES = 0x12, ATTR_PANNING = 0x13, ATTR_SELECT = 0x14, ATTR_COUNT = 0x20 };
enum { CRTC_COUNT = 0x19 };

enum {
    VBE_ID,
    VBE_XRES,
    VBE_YRES,
    VBE_BPP,
    VBE_ENABLE,
    VBE_BANK,
    VBE_VIRT_WIDTH,
    VBE_VIRT_HEIGHT,
    VBE_X_OFFSET,
    VBE_Y_OFFSET,
    VBE_MEMORY_64K,
    VBE_COUNT
};
enum { VBE_ENABLED = 0x01, VBE_GETCAPS = 0x02, VBE_8BIT_DAC = 0x20, VBE_LFB = 0x40, VBE_NO_CLEAR = 0x80 };
enum { VBE_ID_FIRST = 0xB0C0, VBE_ID_LAST = 0xB0C5 };

struct vga {
    struct clock *clock;
    struct vga_wires wires;
    u8 *memory; /* byte 4 * n + p is byte n of plane p */
    u8 *window; /* what wires.window was last told */
    u8 misc, feature;
    u8 seq_index, seq[SEQ_COUNT];
    u8 gfx_index, gfx[GFX_COUNT];
    u8 crtc_index, crtc[CRTC_COUNT];
    u8 attr_index, attr[ATTR_COUNT]; /* index with bit 5: the palette is the screen's */
    bool attr_data;                  /* the flip-flop: 3C0 takes data next */
    u8 dac[256][3];                  /* as wide as written: 6 bits, or 8 */
    u8 dac_mask, dac_read, dac_write, dac_component, dac_latch[3];
    bool dac_reading; /* 3C7 was the last address written */
    u32 latch;
    u16 vbe_index, vbe[VBE_COUNT];
};

/* Is a VBE mode of packed pixels set (8 bits and more; with 4 the planes are the VGA's)? */
static inline bool vbe_is_on(const struct vga *v) { return v->vbe[VBE_ENABLE] & VBE_ENABLED; }
static inline bool vbe_is_packed(const struct vga *v) { return vbe_is_on(v) && v->vbe[VBE_BPP] > 4; }
/* Bytes from one line to the next; in 4-bit modes groups of four planes' bytes. */
u32 vbe_pitch(const struct vga *v);
u16 vbe_read(const struct vga *v, unsigned index);
void vbe_write(struct vga *v, unsigned index, u16 value);
void vbe_reset(struct vga *v);
/* Registers as the guest could have set them. */
bool vbe_is_sound(const struct vga *v);

/* Registers changed that decide what A0000 means. */
void vga_remap(struct vga *v);
u8 vga_port_read(struct vga *v, unsigned port);
void vga_port_write(struct vga *v, unsigned port, u8 value);

/* 10-bit counts of the CRTC: low byte, and the bits that overflowed. */
static inline unsigned crtc_lines(const struct vga *v, unsigned low, unsigned bit8, unsigned bit9)
{
    return v->crtc[low] | (v->crtc[7] >> bit8 & 1u) << 8 | (v->crtc[7] >> bit9 & 1u) << 9;
}
/* Vertical total, display end, retrace start. */
static inline unsigned crtc_total(const struct vga *v) { return crtc_lines(v, 0x06, 0, 5) + 2; }
static inline unsigned crtc_display_end(const struct vga *v) { return crtc_lines(v, 0x12, 1, 6) + 1; }
static inline unsigned crtc_retrace(const struct vga *v) { return crtc_lines(v, 0x10, 2, 7); }
static inline unsigned crtc_dots(const struct vga *v) { return v->seq[SEQ_CLOCKING] & 1 ? 8 : 9; }

/* Where the beam is at guest time `now`. */
struct vga_beam {
    u64 frame; /* since power-on */
    unsigned line, character;
};
struct vga_beam vga_beam_at(const struct vga *v, u64 now);

#endif
