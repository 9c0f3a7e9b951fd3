/* SPDX-License-Identifier: MIT */
/*
 * The VGA's memory as the processor sees it at A0000-BFFFF (IBM VGA Technical Reference, "Graphics Controller
 * Registers", "Video Memory Organization"). The four planes lie interleaved, byte by byte. Where IBM's VGA drops the
 * address bits that select a plane, leaving gaps (chain 4: every fourth byte of a plane is used), the bytes are packed
 * here, as in SVGA chips, QEMU and unlike Bochs: chained memory then is plain memory, and the display addresses it
 * alike. A guest sees the difference only if it reads through planes what it wrote through chains.
 */
#include "devices/vga_state.h"

#include <string.h>

#define PLANES_BYTES 0x40000u /* of the VGA proper: four planes of 64 KiB */

/* Bits 0..3 to bytes of ones. */
static u32 spread(unsigned bits)
{
    return (bits & 1 ? 0x000000FFu : 0) | (bits & 2 ? 0x0000FF00u : 0) | (bits & 4 ? 0x00FF0000u : 0) |
           (bits & 8 ? 0xFF000000u : 0);
}

/* One byte in each plane. */
static u32 replicate(u8 byte) { return byte * 0x01010101u; }

static u32 load(const struct vga *v, u32 at)
{
    u32 value;

    memcpy(&value, v->memory + (size_t)at * 4, 4);
    return value;
}

static void store(struct vga *v, u32 at, u32 value) { memcpy(v->memory + (size_t)at * 4, &value, 4); }

/* Where in the window's memory map A0000 + offset lies; false if nothing answers there. */
static bool window_address(const struct vga *v, u64 offset, u32 *at)
{
    static const struct {
        u32 base, size;
    } maps[4] = {{0, 0x20000}, {0, 0x10000}, {0x10000, 0x8000}, {0x18000, 0x8000}};
    unsigned map = v->gfx[GFX_MISC] >> 2 & 3;

    if (!(v->misc & 2) || offset - maps[map].base >= maps[map].size)
        return false;
    *at = (u32)offset - maps[map].base;
    if (vbe_is_on(v))
        *at += (u32)v->vbe[VBE_BANK] << 16;
    return true;
}

/* A group of four bytes, by number; VBE's planar modes go beyond the VGA's 64 Ki. */
static u32 group(const struct vga *v, u32 at) { return at & ((vbe_is_on(v) ? VGA_MEMORY_SIZE : PLANES_BYTES) / 4 - 1); }

/* ---- Reading ---- */

static u8 read_byte(struct vga *v, u64 offset)
{
    unsigned plane = v->gfx[GFX_READ_MAP];
    u32 at, differs;

    if (!window_address(v, offset, &at))
        return 0xFF;
    if (vbe_is_packed(v))
        return v->memory[at % VGA_MEMORY_SIZE];
    if (v->seq[SEQ_MEMORY_MODE] & SEQ_CHAIN4) {
        plane = at & 3;
        at >>= 2;
    } else if (v->gfx[GFX_MODE] & GFX_MODE_ODD_EVEN) {
        plane = (plane & 2) | (at & 1);
        at >>= 1;
    }
    v->latch = load(v, group(v, at));
    if (!(v->gfx[GFX_MODE] & 0x08))
        return (u8)(v->latch >> (8 * plane));
    /* Read mode 1: a bit is set where all planes we care about have the compared colour. */
    differs = (v->latch ^ spread(v->gfx[GFX_COMPARE])) & spread(v->gfx[GFX_COLOUR_CARE]);
    differs |= differs >> 16;
    return (u8) ~(differs | differs >> 8);
}

/* ---- Writing ---- */

static u32 logic(const struct vga *v, u32 value)
{
    switch (v->gfx[GFX_ROTATE] >> 3) {
    case 1: return value & v->latch;
    case 2: return value | v->latch;
    case 3: return value ^ v->latch;
    default: return value;
    }
}

/* What the four planes get, of what the processor wrote. */
static u32 planes_of(const struct vga *v, u8 byte)
{
    unsigned turn = v->gfx[GFX_ROTATE] & 7, set = v->gfx[GFX_SET_RESET];
    u8 rotated = (u8)(byte >> turn | byte << (8 - turn));
    u32 mask = replicate(v->gfx[GFX_BIT_MASK]), value, enable;

    switch (v->gfx[GFX_MODE] & 3) {
    case 0:
        enable = spread(v->gfx[GFX_ENABLE_SET_RESET]);
        value = logic(v, (replicate(rotated) & ~enable) | (spread(set) & enable));
        break;
    case 1: return v->latch;
    case 2: value = logic(v, spread(byte)); break;
    default: value = logic(v, spread(set)); mask &= replicate(rotated);
    }
    return (value & mask) | (v->latch & ~mask);
}

static void write_byte(struct vga *v, u64 offset, u8 byte)
{
    unsigned planes = v->seq[SEQ_MAP_MASK];
    u32 at, mask;

    if (!window_address(v, offset, &at))
        return;
    if (vbe_is_packed(v)) {
        v->memory[at % VGA_MEMORY_SIZE] = byte;
        return;
    }
    if (v->seq[SEQ_MEMORY_MODE] & SEQ_CHAIN4) {
        planes &= 1u << (at & 3);
        at >>= 2;
    } else if (!(v->seq[SEQ_MEMORY_MODE] & SEQ_NOT_ODD_EVEN)) {
        planes &= at & 1 ? 0xA : 0x5;
        at >>= 1;
    }
    at = group(v, at);
    mask = spread(planes);
    store(v, at, (load(v, at) & ~mask) | (planes_of(v, byte) & mask));
}

static u64 window_read(void *device, u64 offset, unsigned width)
{
    u64 value = 0;

    for (unsigned i = 0; i < width; i++)
        value |= (u64)read_byte(device, offset + i) << (8 * i);
    return value;
}

static void window_write(void *device, u64 offset, u64 value, unsigned width)
{
    for (unsigned i = 0; i < width; i++)
        write_byte(device, offset + i, (u8)(value >> (8 * i)));
}

const struct region_ops vga_window_ops = {window_read, window_write, 1, 8, "VGA window"};

/* ---- Plain memory ---- */

/* Chained accesses that neither combine nor compare anything. They do not load the latches here, which matters to
 * nobody who has not unchained the memory and then writes from them before reading anything. */
static bool chain_is_plain(const struct vga *v)
{
    return v->seq[SEQ_MEMORY_MODE] & SEQ_CHAIN4 && v->seq[SEQ_MAP_MASK] == 0xF && !(v->gfx[GFX_MODE] & 0x0B) &&
           v->gfx[GFX_ROTATE] == 0 && v->gfx[GFX_ENABLE_SET_RESET] == 0 && v->gfx[GFX_BIT_MASK] == 0xFF;
}

void vga_remap(struct vga *v)
{
    bool here = v->misc & 2 && (v->gfx[GFX_MISC] >> 2 & 3) <= 1;
    u8 *window = NULL;

    if (here && vbe_is_packed(v))
        window = v->memory + ((u32)v->vbe[VBE_BANK] << 16) % VGA_MEMORY_SIZE;
    else if (here && !vbe_is_on(v) && chain_is_plain(v))
        window = v->memory;
    if (window == v->window)
        return;
    v->window = window;
    if (v->wires.window)
        v->wires.window(v->wires.ctx, window);
}
