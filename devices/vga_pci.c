/* SPDX-License-Identifier: MIT */
/* The display adapter's place on the PCI bus: QEMU's "VGA" 1234:1111, with the frame buffer in BAR 0, the registers in
 * BAR 2 and the video BIOS in the expansion ROM. What it answers at the VGA's own addresses is not up to PCI, as with
 * QEMU. */
#include <stdlib.h>
#include <string.h>

#include "devices/devices.h"
#include "devices/pci.h"
#include "devices/vga.h"
#include "mmu/phys.h"

enum { BAR_FRAMEBUFFER = 0, BAR_REGISTERS = 2 };
enum { ROM_MIN = 2048, MMIO_SIZE = 4096, RAM_HIGH_SHIFT = 32 };

struct vga_pci {
    struct pci_function function;
    struct vga *vga;
    struct phys *phys;
    struct tell moved;
    u64 mapped; /* where the frame buffer is, or 0 */
    u8 *rom;
    u32 rom_size; /* a power of two */
};

static u64 rom_read(void *device, u64 offset, unsigned width)
{
    const struct vga_pci *p = device;
    u64 value = 0;

    for (unsigned i = 0; i < width; i++)
        value |= (u64)(offset + i < p->rom_size ? p->rom[offset + i] : 0xFF) << (8 * i);
    return value;
}

static void rom_write(void *device, u64 offset, u64 value, unsigned width)
{
    (void)device;
    (void)offset;
    (void)value;
    (void)width;
}

static const struct region_ops rom_ops = {rom_read, rom_write, 1, 8, "VGA BIOS"};

/* RAM and other devices win, as on a 440FX: the frame buffer is not seen where they are. */
static bool is_free(const struct vga_pci *p, u64 base)
{
    u64 ram = phys_ram_bytes(p->phys);

    return base >= (ram < PHYS_LOW_RAM_TOP ? ram : PHYS_LOW_RAM_TOP) &&
           base <= (1ull << RAM_HIGH_SHIFT) - VGA_MEMORY_SIZE && !bus_claims(phys_mmio(p->phys), base, VGA_MEMORY_SIZE);
}

static void framebuffer_moved(void *device, u64 base, bool decoded)
{
    struct vga_pci *p = device;

    if (p->mapped)
        phys_remove_hole(p->phys, p->mapped);
    p->mapped = 0;
    if (decoded && is_free(p, base) && phys_add_window(p->phys, base, VGA_MEMORY_SIZE, vga_memory(p->vga)))
        p->mapped = base;
    if (p->moved.fn)
        p->moved.fn(p->moved.ctx, decoded);
}

static bool take_rom(struct vga_pci *p, const u8 *rom, size_t size)
{
    u32 whole = ROM_MIN;

    if (!size || size > 1 << 20)
        return true;
    while (whole < size)
        whole *= 2;
    p->rom = malloc(whole);
    if (!p->rom)
        return false;
    memset(p->rom, 0xFF, whole);
    memcpy(p->rom, rom, size);
    p->rom_size = whole;
    p->function.bar[PCI_BAR_ROM] =
        (struct pci_bar){.space = PCI_SPACE_MEMORY, .size = whole, .ops = &rom_ops, .device = p};
    return true;
}

struct vga_pci *vga_pci_create(const struct vga_pci_config *c)
{
    struct vga_pci *p = calloc(1, sizeof(*p));

    if (!p)
        return NULL;
    p->vga = c->vga;
    p->phys = c->phys;
    p->moved = c->moved;
    pci_identify(&p->function, 0x1234, 0x1111, 0x030000, 2);
    p->function.bar[BAR_FRAMEBUFFER] = (struct pci_bar){
        .space = PCI_SPACE_PREFETCHABLE, .size = VGA_MEMORY_SIZE, .device = p, .moved = framebuffer_moved};
    p->function.bar[BAR_REGISTERS] =
        (struct pci_bar){.space = PCI_SPACE_MEMORY, .size = MMIO_SIZE, .ops = &vga_mmio_ops, .device = c->vga};
    if (take_rom(p, c->rom, c->rom_size) && pci_add(c->pci, VGA_PCI_SLOT, 0, &p->function))
        return p;
    vga_pci_destroy(p);
    return NULL;
}

void vga_pci_destroy(struct vga_pci *p)
{
    if (!p)
        return;
    free(p->rom);
    free(p);
}

const u8 *vga_pci_rom(const struct vga_pci *p, size_t *size)
{
    *size = p->rom_size;
    return p->rom;
}

/* ---- State ---- */

static const struct state_field fields[] = {
    STATE_WIRED(vga_pci, function), STATE_WIRED(vga_pci, vga),  STATE_WIRED(vga_pci, phys),
    STATE_WIRED(vga_pci, moved),    STATE_ANY(vga_pci, mapped), STATE_WIRED(vga_pci, rom),
    STATE_WIRED(vga_pci, rom_size),
};
static const struct state_table table = STATE_TABLE(vga_pci, fields);

void vga_pci_leave(struct vga_pci *p)
{
    if (p->mapped)
        phys_remove_hole(p->phys, p->mapped);
    p->mapped = 0;
}

void vga_pci_state(struct vga_pci *p, struct state *s)
{
    u64 base;

    state_struct(s, &table, p);
    if (!state_is_loading(s))
        return;
    base = p->mapped;
    p->mapped = 0;
    if (s->failed || !base)
        return;
    if (is_free(p, base) && phys_add_window(p->phys, base, VGA_MEMORY_SIZE, vga_memory(p->vga)))
        p->mapped = base;
    else
        state_fail(s, "vga_pci.mapped: the frame buffer cannot be at 0x%llx", (unsigned long long)base);
}
