/* SPDX-License-Identifier: MIT */
/* The display adapter, and a PCI bus with the chipset and it, for fuzz_device.c. */
#include <stdlib.h>
#include <string.h>

#include "devices/chipset.h"
#include "devices/ide.h"
#include "devices/vga.h"
#include "tests/fuzz/device.h"

enum { LOOKS = 2 };

/* ---- VGA (part 0) and somebody who looks (part 1): looking changes nothing ---- */

static void on_window(void *board, u8 *host)
{
    struct board *b = board;

    board_see(b, host ? 1 + (u64)(host - vga_memory(b->part[0])) : 0);
    phys_set_window(b->phys, VGA_WINDOW, host);
}

bool make_vga(struct board *b)
{
    if (!phys_add_window(b->phys, VGA_WINDOW, 0x10000, NULL) ||
        !phys_add_window(b->phys, VGA_WINDOW + 0x10000, 0x10000, NULL))
        return false;
    b->part[0] = vga_create(b->clock, &(struct vga_wires){on_window, b});
    b->part[1] = calloc(1, sizeof(struct vga_view));
    return b->part[0] && b->part[1] && vga_view_open(b->part[1]);
}

void reset_vga(struct board *b) { vga_reset(b->part[0]); }

void destroy_vga(struct board *b)
{
    vga_view_close(b->part[1]);
    free(b->part[1]);
    vga_destroy(b->part[0]);
}

static void look(struct board *b)
{
    struct vga_view *view = b->part[1];

    if (b->again || b->looks++ >= LOOKS)
        return;
    if (!vga_render(b->part[0], view, b->now))
        fuzz_found("out of memory");
    if (view->surface.width > 4096 || view->surface.height > 4096)
        fuzz_found("a picture of %ux%u", view->surface.width, view->surface.height);
}

/* Somebody looks; pixels are drawn through the frame buffer; registers are set up as by a list. */
void happen_vga(struct board *b, struct input *in)
{
    u8 what = input_byte(in);

    switch (what & 3) {
    case 0: look(b); break;
    case 1: {
        u64 at = input_take(in, 3) % VGA_MEMORY_SIZE;

        memset(vga_memory(b->part[0]) + at, what, at + 4096 <= VGA_MEMORY_SIZE ? 4096 : VGA_MEMORY_SIZE - at);
        break;
    }
    case 2: {
        static const u16 index_ports[4] = {0x3C4, 0x3CE, 0x3D4, 0x1CE};
        u16 port = index_ports[what >> 2 & 3];

        for (unsigned i = 0; i <= what >> 4; i++) {
            bus_write(b->io, port, i, port == 0x1CE ? 2 : 1);
            bus_write(b->io, port + 1u, input_take(in, port == 0x1CE ? 2 : 1), port == 0x1CE ? 2 : 1);
        }
        break;
    }
    default:
        if (what & 4)
            vga_set_text_mode(b->part[0]);
    }
}

u64 ask_vga(struct board *b)
{
    struct vga_text t = vga_text_size(b->part[0]);

    return t.columns ? (u64)vga_text_cell(b->part[0], t.columns - 1, t.rows - 1) + vga_text_colour(b->part[0], 7) : 0;
}

/* ---- PCI: host bridge, ISA bridge, IDE, power management, display ---- */

enum { PCI, PIIX3, I440FX, PIIX4, PM, IDE0, IDE1, PIIX_IDE, VGA, VGA_PCI, RESET };

static void on_moved(void *board) { board_see(board, 1); }

bool make_pci(struct board *b)
{
    static const u8 rom[4096] = {0x55, 0xAA, 8};
    struct wire pirq[4], lines[16];

    for (int i = 0; i < 16; i++)
        lines[i] = board_wire(b, i);
    if (!(b->part[PIIX3] = piix3_create()))
        return false;
    for (int i = 0; i < 4; i++)
        pirq[i] = piix3_pirq(b->part[PIIX3], i);
    b->part[PCI] = pci_create(b->io, phys_mmio(b->phys), pirq);
    b->part[PM] = acpi_pm_create(b->clock, board_wire(b, 9), board_tell(b));
    b->part[IDE0] = ide_create(b->clock, b->phys, board_wire(b, 14));
    b->part[IDE1] = ide_create(b->clock, b->phys, board_wire(b, 15));
    b->part[VGA] = vga_create(b->clock, &(struct vga_wires){NULL, NULL});
    b->part[RESET] = reset_control_create(board_wire(b, 32));
    if (!b->part[PCI] || !b->part[PM] || !b->part[IDE0] || !b->part[IDE1] || !b->part[VGA] || !b->part[RESET])
        return false;
    pci_share_address(b->part[PCI], 1, &reset_control_ops, b->part[RESET]);
    b->part[I440FX] = i440fx_create(b->part[PCI], b->phys, on_moved, b);
    b->part[PIIX4] = piix4_pm_create(b->part[PCI], b->io, 12, &acpi_pm_ops, b->part[PM]);
    b->part[PIIX_IDE] = piix_ide_create(b->part[PCI], b->io, (struct ide *const[2]){b->part[IDE0], b->part[IDE1]});
    b->part[VGA_PCI] = vga_pci_create(&(struct vga_pci_config){.pci = b->part[PCI],
                                                               .phys = b->phys,
                                                               .vga = b->part[VGA],
                                                               .rom = rom,
                                                               .rom_size = sizeof rom,
                                                               .moved = board_tell(b)});
    return b->part[I440FX] && b->part[PIIX4] && b->part[PIIX_IDE] && b->part[VGA_PCI] &&
           piix3_add(b->part[PIIX3], b->part[PCI], lines);
}

void reset_pci(struct board *b) { pci_reset(b->part[PCI]); }

void destroy_pci(struct board *b)
{
    pci_destroy(b->part[PCI]);
    piix_ide_destroy(b->part[PIIX_IDE]);
    vga_pci_destroy(b->part[VGA_PCI]);
    vga_destroy(b->part[VGA]);
    ide_destroy(b->part[IDE0]);
    ide_destroy(b->part[IDE1]);
    piix4_pm_destroy(b->part[PIIX4]);
    acpi_pm_destroy(b->part[PM]);
    i440fx_destroy(b->part[I440FX]);
    piix3_destroy(b->part[PIIX3]);
    reset_control_destroy(b->part[RESET]);
}

void happen_pci(struct board *b, struct input *in)
{
    static const u8 address[8] = {0, 8, 9, 11, 16, 10, 24, 0xFF};
    static const u8 irq[4] = {10, 10, 11, 11};
    u8 what = input_byte(in);
    unsigned width = 1u << (what >> 4) % 3, offset;

    switch (what & 3) {
    case 0:
        offset = input_byte(in) & ~(width - 1);
        board_see(b, pci_config_read(b->part[PCI], address[what >> 2 & 7], offset, width));
        break;
    case 1:
    case 2:
        offset = input_byte(in) & ~(width - 1);
        pci_config_write(b->part[PCI], address[what >> 2 & 7], offset, (u32)input_take(in, width), width);
        break;
    default:
        if (what & 4)
            pci_assign(b->part[PCI], 0xC000, 0xE0000000, irq);
        else
            wire_set(piix3_pirq(b->part[PIIX3], what >> 4 & 3), what >> 3 & 1);
    }
}

u64 ask_pci(struct board *b) { return b != NULL; }
