/* SPDX-License-Identifier: MIT */
/*
 * A VGA with the Bochs VBE extension ("DISPI"), as QEMU's stdvga: PCI 1234:1111 with the frame buffer in BAR 0 and the
 * registers again in BAR 2. Drawing is apart from the device: a view looks at it, and changes nothing a guest can see.
 */
#ifndef FAULTLINE_DEVICES_VGA_H
#define FAULTLINE_DEVICES_VGA_H

#include "devices/clock.h"
#include "devices/surface.h"
#include "devices/devices.h"
#include "mmu/bus.h"
#include "mmu/phys.h"

#define VGA_MEMORY_SIZE (16u << 20)
#define VGA_WINDOW 0xA0000ull
#define VGA_MAX_WIDTH 1920u
#define VGA_MAX_HEIGHT 1200u

struct vga;

/* What is seen of the memory, as plain bytes, at A0000-AFFFF: 64 KiB, or NULL while accesses there do more than
 * that and must come to vga_window_ops. Called on each change, also from within a port access. */
struct vga_wires {
    void (*window)(void *ctx, u8 *host);
    void *ctx;
};

struct vga *vga_create(struct clock *, const struct vga_wires *);
void vga_reset(struct vga *);
void vga_destroy(struct vga *);
void vga_state(struct vga *, struct state *);
u8 *vga_memory(struct vga *); /* VGA_MEMORY_SIZE bytes: the linear frame buffer */
/* 80x25 text with a font and colours, as firmware leaves it to a boot loader. */
void vga_set_text_mode(struct vga *);

extern const struct region_ops vga_port_ops;   /* 0x30 bytes: 0x3B0 */
extern const struct region_ops vga_vbe_ops;    /* 4 bytes: 0x1CE */
extern const struct region_ops vga_window_ops; /* 0x20000 bytes: 0xA0000 */
extern const struct region_ops vga_mmio_ops;   /* 0x1000 bytes: BAR 2 */

/* What VBE is set to, for looking; sizes in dots. */
struct vga_vbe {
    bool enabled, linear; /* linear: the frame buffer was asked for, not the banks at A0000 */
    u16 width, height, depth, virtual_width, x, y, bank;
};
struct vga_vbe vga_vbe(const struct vga *);

/* On the PCI bus; `moved` is told when the frame buffer has another place, or none. */
#define VGA_PCI_SLOT 2
struct pci;
struct vga_pci_config {
    struct pci *pci;
    struct phys *phys;
    struct vga *vga;
    const u8 *rom; /* the video BIOS, copied; size 0: none */
    size_t rom_size;
    struct tell moved;
};
struct vga_pci;
struct vga_pci *vga_pci_create(const struct vga_pci_config *);
void vga_pci_destroy(struct vga_pci *);                      /* after the bus */
const u8 *vga_pci_rom(const struct vga_pci *, size_t *size); /* its video BIOS, or NULL */
void vga_pci_state(struct vga_pci *, struct state *);        /* after the bus's */
void vga_pci_leave(struct vga_pci *);                        /* before a load */

/* Somebody who looks: the picture as of the last vga_render, and what is needed to redraw only what changed. The
 * surface is as many dots and scan lines as a monitor gets: 720x400 for 80x25 text, 640x400 for mode 13h. */
struct vga_view {
    struct surface surface;
    unsigned first, last; /* the scan lines that vga_render changed; first > last: none */
    bool resized;         /* the surface has another size, and other pixels, than before */
    struct vga_picture *picture, *before;
    u8 *shadow; /* the memory each line was drawn from */
    size_t shadow_line;
};

bool vga_view_open(struct vga_view *); /* false without memory */
void vga_view_close(struct vga_view *);
/* Brings the view up to date at guest time `now`. False without memory. */
bool vga_render(const struct vga *, struct vga_view *, u64 now);

/* The text on the screen: one cell, {character, attribute}, or -1 outside the text or in a graphics mode. */
struct vga_text {
    unsigned columns, rows;        /* 0 in a graphics mode */
    int cursor_column, cursor_row; /* -1: none */
};
struct vga_text vga_text_size(const struct vga *);
int vga_text_cell(const struct vga *, unsigned column, unsigned row);
u32 vga_text_colour(const struct vga *, unsigned index); /* of attribute 0..15: 0x00RRGGBB */

/* A font of 8 by 16 in code page 437: Latin letters and line graphics, others are an empty box. */
void vga_font_glyph(u8 code, u8 rows[16]);

#endif
