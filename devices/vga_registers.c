/* SPDX-License-Identifier: MIT */
/* The VGA's ports (IBM VGA Technical Reference, "Registers"), and where the beam is. */
#include "devices/vga_state.h"

#define ATTR_SCREEN 0x20 /* of the index: the palette is the screen's, and no longer the processor's */
#define PROTECT 0x80     /* of CRTC 11h: registers 0 to 7 */

/* ---- Time ---- */

struct vga_beam vga_beam_at(const struct vga *v, u64 now)
{
    static const u32 clocks[4] = {25175000, 28322000, 25175000, 25175000};
    u64 clock = clocks[v->misc >> 2 & 3] >> (v->seq[SEQ_CLOCKING] >> 3 & 1);
    u64 line = (u64)(v->crtc[0] + 5) * crtc_dots(v), frame = line * crtc_total(v);
    u64 dots = (u64)((unsigned __int128)now * clock / CLOCK_SECOND);

    return (struct vga_beam){
        .frame = dots / frame,
        .line = (unsigned)(dots % frame / line),
        .character = (unsigned)(dots % line / crtc_dots(v)),
    };
}

/* 3BA or 3DA: bit 0 while nothing is displayed, bit 3 during the vertical retrace. */
static u8 input_status_1(struct vga *v)
{
    struct vga_beam beam = vga_beam_at(v, clock_now(v->clock));
    unsigned start = crtc_retrace(v), length = ((v->crtc[0x11] & 0x0Fu) - start - 1) % 16 + 1;
    bool display = beam.line < crtc_display_end(v) && beam.character <= v->crtc[1];
    bool retrace = beam.line >= start && beam.line - start < length;

    v->attr_data = false;
    return (u8)((display ? 0 : 1) | (retrace ? 8 : 0));
}

/* ---- The attribute controller ---- */

static void attr_write(struct vga *v, u8 value)
{
    /* IBM VGA Technical Reference, "Attribute Controller Registers": bits that are not there stay 0. */
    static const u8 mask[ATTR_COUNT] = {
        0x3F, 0x3F, 0x3F, 0x3F, 0x3F, 0x3F, 0x3F, 0x3F, 0x3F, 0x3F, 0x3F,
        0x3F, 0x3F, 0x3F, 0x3F, 0x3F, 0xEF, 0xFF, 0x3F, 0x0F, 0x0F,
    };
    u8 index = v->attr_index & 0x1F;

    v->attr_data = !v->attr_data;
    if (v->attr_data)
        v->attr_index = value & 0x3F;
    else if (index >= ATTR_MODE || !(v->attr_index & ATTR_SCREEN))
        v->attr[index] = value & mask[index];
}

/* ---- The DAC ---- */

static void dac_data_write(struct vga *v, u8 value)
{
    v->dac_latch[v->dac_component++] = value;
    if (v->dac_component < 3)
        return;
    v->dac_component = 0;
    for (int i = 0; i < 3; i++)
        v->dac[v->dac_write][i] = v->vbe[VBE_ENABLE] & VBE_8BIT_DAC ? v->dac_latch[i] : v->dac_latch[i] & 0x3F;
    v->dac_write++;
}

static u8 dac_data_read(struct vga *v)
{
    u8 value = v->dac[v->dac_read][v->dac_component++];

    if (v->dac_component == 3) {
        v->dac_component = 0;
        v->dac_read++;
    }
    return value;
}

static void dac_address(struct vga *v, u8 value, bool reading)
{
    v->dac_component = 0;
    v->dac_reading = reading;
    if (reading)
        v->dac_read = value;
    else
        v->dac_write = value;
}

/* ---- The others ---- */

static void seq_write(struct vga *v, u8 value)
{
    static const u8 mask[SEQ_COUNT] = {0x03, 0x3D, 0x0F, 0x3F, 0x0E};

    v->seq[v->seq_index] = value & mask[v->seq_index];
    vga_remap(v);
}

static void gfx_write(struct vga *v, u8 value)
{
    static const u8 mask[GFX_COUNT] = {0x0F, 0x0F, 0x0F, 0x1F, 0x03, 0x7B, 0x0F, 0x0F, 0xFF};

    v->gfx[v->gfx_index] = value & mask[v->gfx_index];
    vga_remap(v);
}

/* Of a protected register 7 the line-compare bit can still be written. */
static void crtc_write(struct vga *v, u8 value)
{
    u8 index = v->crtc_index;

    if (index >= CRTC_COUNT)
        return;
    if (index <= 7 && v->crtc[0x11] & PROTECT) {
        if (index == 7)
            v->crtc[7] = (u8)((v->crtc[7] & ~0x10) | (value & 0x10));
        return;
    }
    v->crtc[index] = value;
}

/* The CRTC and status ports are at 3Bx or 3Dx, as bit 0 of the miscellaneous output register says. */
static bool answers(const struct vga *v, unsigned port)
{
    return port - 0x3C0 < 16 || (port >= 0x3D0) == (v->misc & 1);
}

u8 vga_port_read(struct vga *v, unsigned port)
{
    if (!answers(v, port))
        return 0xFF;
    switch (port) {
    case 0x3C0: return v->attr_index;
    case 0x3C1: return v->attr[v->attr_index & 0x1F];
    case 0x3C2: return 0x10; /* switch sense: a colour monitor */
    case 0x3C3: return 0x01;
    case 0x3C4: return v->seq_index;
    case 0x3C5: return v->seq[v->seq_index];
    case 0x3C6: return v->dac_mask;
    case 0x3C7: return v->dac_reading ? 3 : 0;
    case 0x3C8: return v->dac_write;
    case 0x3C9: return dac_data_read(v);
    case 0x3CA: return v->feature;
    case 0x3CC: return v->misc;
    case 0x3CE: return v->gfx_index;
    case 0x3CF: return v->gfx[v->gfx_index];
    case 0x3B4:
    case 0x3D4: return v->crtc_index;
    case 0x3B5:
    case 0x3D5: return v->crtc_index < CRTC_COUNT ? v->crtc[v->crtc_index] : 0;
    case 0x3BA:
    case 0x3DA: return input_status_1(v);
    default: return 0xFF;
    }
}

void vga_port_write(struct vga *v, unsigned port, u8 value)
{
    if (!answers(v, port))
        return;
    switch (port) {
    case 0x3C0: attr_write(v, value); break;
    case 0x3C2:
        v->misc = value & 0xEF;
        vga_remap(v);
        break;
    case 0x3C4: v->seq_index = value & 7; break;
    case 0x3C5: seq_write(v, value); break;
    case 0x3C6: v->dac_mask = value; break;
    case 0x3C7: dac_address(v, value, true); break;
    case 0x3C8: dac_address(v, value, false); break;
    case 0x3C9: dac_data_write(v, value); break;
    case 0x3CE: v->gfx_index = value & 0x0F; break;
    case 0x3CF: gfx_write(v, value); break;
    case 0x3B4:
    case 0x3D4: v->crtc_index = value; break;
    case 0x3B5:
    case 0x3D5: crtc_write(v, value); break;
    case 0x3BA:
    case 0x3DA: v->feature = value; break;
    default: break;
    }
}

static u64 port_read(void *device, u64 offset, unsigned width)
{
    (void)width;
    return vga_port_read(device, (unsigned)offset + 0x3B0);
}

static void port_write(void *device, u64 offset, u64 value, unsigned width)
{
    (void)width;
    vga_port_write(device, (unsigned)offset + 0x3B0, (u8)value);
}

const struct region_ops vga_port_ops = {port_read, port_write, 1, 1, "VGA ports"};
