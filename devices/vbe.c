/* SPDX-License-Identifier: MIT */
/*
 * The Bochs VBE extension: sixteen-bit registers behind an index (1CE) and a data (1CF) port, and again, one after the
 * other, in BAR 2 (Bochs, "VBE Display API"; QEMU, "standard-vga" specification).
 */
#include "devices/vga_state.h"

#include <string.h>

#define MMIO_LEGACY 0x400u /* 3C0..3DF */
#define MMIO_VBE 0x500u
#define MMIO_BYTE_ORDER 0x604u
#define LITTLE_ENDIAN_ORDER 0x1E1E1E1Eu

u32 vbe_pitch(const struct vga *v)
{
    u32 bits = v->vbe[VBE_BPP] == 15 ? 16 : v->vbe[VBE_BPP];

    return bits == 4 ? v->vbe[VBE_VIRT_WIDTH] / 8u : v->vbe[VBE_VIRT_WIDTH] * (bits / 8);
}

/* Memory of one line as it is stored, whatever the depth. */
static u32 line_bytes(const struct vga *v) { return vbe_pitch(v) * (v->vbe[VBE_BPP] == 4 ? 4 : 1); }

/* As many lines as there is memory for; and no part of the screen lies beyond it. */
static void settle(struct vga *v)
{
    u32 pitch, lines, columns;

    if (v->vbe[VBE_VIRT_WIDTH] < v->vbe[VBE_XRES])
        v->vbe[VBE_VIRT_WIDTH] = v->vbe[VBE_XRES];
    v->vbe[VBE_VIRT_WIDTH] = (u16)(v->vbe[VBE_VIRT_WIDTH] + 7) & 0xFFF8;
    pitch = line_bytes(v);
    lines = VGA_MEMORY_SIZE / pitch;
    if (lines < v->vbe[VBE_YRES]) { /* a line too long for that many */
        v->vbe[VBE_VIRT_WIDTH] = (u16)((v->vbe[VBE_XRES] + 7) & 0xFFF8);
        lines = VGA_MEMORY_SIZE / line_bytes(v);
    }
    v->vbe[VBE_VIRT_HEIGHT] = (u16)(lines > 0xFFFF ? 0xFFFF : lines);
    columns = v->vbe[VBE_VIRT_WIDTH] - v->vbe[VBE_XRES];
    if (v->vbe[VBE_X_OFFSET] > columns)
        v->vbe[VBE_X_OFFSET] = (u16)columns;
    if (v->vbe[VBE_Y_OFFSET] > lines - v->vbe[VBE_YRES])
        v->vbe[VBE_Y_OFFSET] = (u16)(lines - v->vbe[VBE_YRES]);
}

static bool depth_exists(unsigned bpp)
{
    return bpp == 4 || bpp == 8 || bpp == 15 || bpp == 16 || bpp == 24 || bpp == 32;
}

static void enable(struct vga *v, u16 value)
{
    bool was = vbe_is_on(v), on = value & VBE_ENABLED;

    if (on && (!v->vbe[VBE_XRES] || !v->vbe[VBE_YRES] || !v->vbe[VBE_BPP]))
        value &= (u16)~VBE_ENABLED, on = false;
    /* The DAC's entries keep their colours when its width changes. */
    if ((value ^ v->vbe[VBE_ENABLE]) & VBE_8BIT_DAC)
        for (unsigned i = 0; i < 3 * 256; i++) {
            u8 *level = &v->dac[i / 3][i % 3];

            *level = (u8)(value & VBE_8BIT_DAC ? *level << 2 : *level >> 2);
        }
    v->vbe[VBE_ENABLE] = value & (VBE_ENABLED | VBE_GETCAPS | VBE_8BIT_DAC | VBE_LFB | VBE_NO_CLEAR);
    if (on && !was) {
        v->vbe[VBE_VIRT_WIDTH] = v->vbe[VBE_XRES];
        v->vbe[VBE_X_OFFSET] = v->vbe[VBE_Y_OFFSET] = 0;
        settle(v);
        if (!(value & VBE_NO_CLEAR))
            memset(v->memory, 0, (size_t)line_bytes(v) * v->vbe[VBE_YRES]);
    }
    v->vbe[VBE_BANK] = 0;
    vga_remap(v);
}

u16 vbe_read(const struct vga *v, unsigned index)
{
    if (v->vbe[VBE_ENABLE] & VBE_GETCAPS && index >= VBE_XRES && index <= VBE_BPP)
        return index == VBE_XRES ? VGA_MAX_WIDTH : index == VBE_YRES ? VGA_MAX_HEIGHT : 32;
    return index < VBE_COUNT ? v->vbe[index] : 0;
}

struct vga_vbe vga_vbe(const struct vga *v)
{
    return (struct vga_vbe){
        .enabled = vbe_is_on(v),
        .linear = v->vbe[VBE_ENABLE] & VBE_LFB,
        .width = v->vbe[VBE_XRES],
        .height = v->vbe[VBE_YRES],
        .depth = v->vbe[VBE_BPP],
        .virtual_width = v->vbe[VBE_VIRT_WIDTH],
        .x = v->vbe[VBE_X_OFFSET],
        .y = v->vbe[VBE_Y_OFFSET],
        .bank = v->vbe[VBE_BANK],
    };
}

static void set_geometry(struct vga *v, unsigned index, u16 value)
{
    bool fits = index == VBE_XRES   ? value && value <= VGA_MAX_WIDTH
                : index == VBE_YRES ? value && value <= VGA_MAX_HEIGHT
                                    : depth_exists(value);

    if (fits && !vbe_is_on(v)) /* "can only be set while disabled" */
        v->vbe[index] = value;
}

void vbe_write(struct vga *v, unsigned index, u16 value)
{
    switch (index) {
    case VBE_ID:
        if (value >= VBE_ID_FIRST && value <= VBE_ID_LAST)
            v->vbe[VBE_ID] = value;
        break;
    case VBE_XRES:
    case VBE_YRES:
    case VBE_BPP: set_geometry(v, index, value); break;
    case VBE_ENABLE: enable(v, value); break;
    case VBE_BANK:
        v->vbe[VBE_BANK] = value % (VGA_MEMORY_SIZE >> 16);
        vga_remap(v);
        break;
    case VBE_VIRT_WIDTH:
    case VBE_X_OFFSET:
    case VBE_Y_OFFSET:
        v->vbe[index] = value > 0xFFF8 ? 0xFFF8 : value;
        if (vbe_is_on(v))
            settle(v);
        break;
    default: break;
    }
}

void vbe_reset(struct vga *v)
{
    memset(v->vbe, 0, sizeof(v->vbe));
    v->vbe_index = 0;
    v->vbe[VBE_ID] = VBE_ID_LAST;
    v->vbe[VBE_BPP] = 8;
    v->vbe[VBE_MEMORY_64K] = VGA_MEMORY_SIZE >> 16;
}

/* ---- Ports: sixteen bits wide, at addresses one apart ---- */

static u64 vbe_port_read(void *device, u64 offset, unsigned width)
{
    struct vga *v = device;

    (void)width;
    return offset == 0 ? v->vbe_index : offset <= 2 ? vbe_read(v, v->vbe_index) : 0xFFFF;
}

static void vbe_port_write(void *device, u64 offset, u64 value, unsigned width)
{
    struct vga *v = device;

    (void)width;
    if (offset == 0)
        v->vbe_index = (u16)value;
    else if (offset <= 2)
        vbe_write(v, v->vbe_index, (u16)value);
}

const struct region_ops vga_vbe_ops = {vbe_port_read, vbe_port_write, 1, 2, "VBE registers"};

/* ---- BAR 2 ---- */

static u64 mmio_read(void *device, u64 offset, unsigned width)
{
    struct vga *v = device;

    if (offset - MMIO_LEGACY < 0x20 && width == 1)
        return vga_port_read(v, (unsigned)(offset - MMIO_LEGACY) + 0x3C0);
    if (offset - MMIO_LEGACY < 0x1F && width == 2)
        return mmio_read(device, offset, 1) | mmio_read(device, offset + 1, 1) << 8;
    if (offset - MMIO_VBE < 2 * VBE_COUNT)
        return vbe_read(v, (unsigned)(offset - MMIO_VBE) / 2) >> (8 * (offset & 1));
    if (offset - MMIO_BYTE_ORDER < 4)
        return LITTLE_ENDIAN_ORDER & (width == 2 ? 0xFFFF : 0xFF);
    return width == 2 ? 0xFFFF : 0xFF;
}

static void mmio_write(void *device, u64 offset, u64 value, unsigned width)
{
    struct vga *v = device;

    if (offset - MMIO_LEGACY < 0x20) {
        vga_port_write(v, (unsigned)(offset - MMIO_LEGACY) + 0x3C0, (u8)value);
        if (width == 2 && offset - MMIO_LEGACY < 0x1F)
            vga_port_write(v, (unsigned)(offset - MMIO_LEGACY) + 0x3C1, (u8)(value >> 8));
    } else if (offset - MMIO_VBE < 2 * VBE_COUNT && !(offset & 1) && width == 2) {
        vbe_write(v, (unsigned)(offset - MMIO_VBE) / 2, (u16)value);
    }
}

const struct region_ops vga_mmio_ops = {mmio_read, mmio_write, 1, 2, "VGA registers"};

bool vbe_is_sound(const struct vga *v)
{
    const u16 *r = v->vbe;
    struct vga settled = *v;

    if (r[VBE_XRES] > VGA_MAX_WIDTH || r[VBE_YRES] > VGA_MAX_HEIGHT || !depth_exists(r[VBE_BPP]) ||
        r[VBE_BANK] >= VGA_MEMORY_SIZE >> 16)
        return false;
    if (!vbe_is_on(v))
        return true;
    if (!r[VBE_XRES] || !r[VBE_YRES])
        return false;
    settle(&settled);
    return !memcmp(settled.vbe, v->vbe, sizeof(v->vbe));
}
