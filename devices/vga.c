/* SPDX-License-Identifier: MIT */
/* The VGA's life, and the text mode a PC's firmware leaves. */
#include "devices/vga_state.h"
#include "mmu/host_memory.h"

#include <stdlib.h>
#include <string.h>

u8 *vga_memory(struct vga *v) { return v->memory; }

void vga_reset(struct vga *v)
{
    v->misc = v->feature = 0;
    v->seq_index = v->gfx_index = v->crtc_index = v->attr_index = 0;
    memset(v->seq, 0, sizeof(v->seq));
    memset(v->gfx, 0, sizeof(v->gfx));
    memset(v->crtc, 0, sizeof(v->crtc));
    memset(v->attr, 0, sizeof(v->attr));
    memset(v->dac, 0, sizeof(v->dac));
    v->attr_data = v->dac_reading = false;
    v->dac_mask = 0xFF;
    v->dac_read = v->dac_write = v->dac_component = 0;
    v->latch = 0;
    vbe_reset(v);
    vga_remap(v);
}

struct vga *vga_create(struct clock *clock, const struct vga_wires *wires)
{
    struct vga *v = calloc(1, sizeof(*v));
    void *memory = host_reserve(VGA_MEMORY_SIZE);

    if (!v || !memory) {
        free(v);
        host_release(memory, VGA_MEMORY_SIZE);
        return NULL;
    }
    v->clock = clock;
    v->wires = *wires;
    v->memory = memory;
    vga_reset(v);
    return v;
}

void vga_destroy(struct vga *v)
{
    if (!v)
        return;
    host_release(v->memory, VGA_MEMORY_SIZE);
    free(v);
}

/* ---- 80x25 text (IBM VGA Technical Reference, "BIOS mode 3": the values its BIOS sets) ---- */

static void set_colours(struct vga *v)
{
    for (unsigned i = 0; i < 64; i++)
        for (unsigned c = 0; c < 3; c++)
            v->dac[i][c] = (u8)((i >> (2 - c) & 1 ? 0x2A : 0) + (i >> (5 - c) & 1 ? 0x15 : 0));
    for (unsigned i = 0; i < 16; i++)
        v->attr[i] = (u8)(i == 6 ? 0x14 : i < 8 ? i : i + 0x30);
}

void vga_set_text_mode(struct vga *v)
{
    static const u8 seq[] = {0x03, 0x00, 0x03, 0x00, 0x02}, gfx[] = {0, 0, 0, 0, 0, 0x10, 0x0E, 0x0F, 0xFF};
    static const u8 crtc[CRTC_COUNT] = {0x5F, 0x4F, 0x50, 0x82, 0x55, 0x81, 0xBF, 0x1F, 0x00, 0x4F, 0x0D, 0x0E, 0x00,
                                        0x00, 0x00, 0x00, 0x9C, 0x8E, 0x8F, 0x28, 0x1F, 0x96, 0xB9, 0xA3, 0xFF};
    static const u8 attr[] = {0x0C, 0x00, 0x0F, 0x08, 0x00};
    u8 rows[16];

    vga_reset(v);
    v->misc = 0x67;
    memcpy(v->seq, seq, sizeof(seq));
    memcpy(v->gfx, gfx, sizeof(gfx));
    memcpy(v->crtc, crtc, sizeof(crtc));
    memcpy(v->attr + ATTR_MODE, attr, sizeof(attr));
    v->attr_index = 0x20;
    set_colours(v);
    memset(v->memory, 0, 4 * 0x10000);
    for (unsigned i = 0; i < 0x4000; i++) {
        v->memory[4 * i] = ' ';
        v->memory[4 * i + 1] = 0x07;
    }
    for (unsigned code = 0; code < 256; code++) {
        vga_font_glyph((u8)code, rows);
        for (unsigned y = 0; y < 16; y++)
            v->memory[4 * (32 * code + y) + 2] = rows[y];
    }
    vga_remap(v);
}

/* ---- State ---- */

static const struct state_field fields[] = {
    STATE_WIRED(vga, clock),
    STATE_WIRED(vga, wires),
    STATE_WIRED(vga, memory),
    STATE_CACHE(vga, window),
    STATE_ANY(vga, misc),
    STATE_ANY(vga, feature),
    STATE_UPTO(vga, seq_index, SEQ_COUNT - 1),
    STATE_ANY(vga, seq),
    STATE_UPTO(vga, gfx_index, GFX_COUNT - 1),
    STATE_ANY(vga, gfx),
    STATE_ANY(vga, crtc_index),
    STATE_ANY(vga, crtc),
    STATE_ANY(vga, attr_index),
    STATE_ANY(vga, attr),
    STATE_BOOL(vga, attr_data),
    STATE_ANY(vga, dac),
    STATE_ANY(vga, dac_mask),
    STATE_ANY(vga, dac_read),
    STATE_ANY(vga, dac_write),
    STATE_UPTO(vga, dac_component, 2),
    STATE_ANY(vga, dac_latch),
    STATE_BOOL(vga, dac_reading),
    STATE_ANY(vga, latch),
    STATE_ANY(vga, vbe_index),
    STATE_ANY(vga, vbe),
};
static const struct state_table table = STATE_TABLE(vga, fields);

void vga_state(struct vga *v, struct state *s)
{
    state_struct(s, &table, v);
    state_pages(s, "memory", v->memory, VGA_MEMORY_SIZE, NULL, NULL);
    if (!state_is_loading(s) || s->failed)
        return;
    if (vbe_is_sound(v))
        vga_remap(v);
    else
        state_fail(s, "vga.vbe: is no mode that can be set");
}
