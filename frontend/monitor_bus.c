/* SPDX-License-Identifier: MIT */
/* info mtree and block: what answers where, as the machine is wired now, and what is in the drives. */
#include <stdio.h>

#include "devices/pci.h"
#include "frontend/drives.h"
#include "frontend/monitor.h"

/* ---- What answers where ---- */

static const char *const kinds[] = {
    [PHYS_BUS] = "bus", [PHYS_RAM] = "RAM", [PHYS_ROM] = "ROM", [PHYS_WINDOW] = "device memory"};

static bool each_memory(void *ctx, const struct phys_range *g)
{
    struct reply *r = ctx;

    reply_row(r);
    reply_hex(r, "first", g->first, 16);
    reply_hex(r, "last", g->last, 16);
    reply_number(r, "KiB", (g->last - g->first) / 1024 + 1);
    reply_string(r, "reads", kinds[g->reads]);
    reply_string(r, "writes", g->writes == PHYS_ROM ? "dropped" : kinds[g->writes]);
    return !r->cut;
}

struct putting {
    struct reply *r;
    struct phys *phys; /* what may lie over the region; NULL: nothing, these are ports */
};

/* How much of a region on the memory bus is seen by reads: RAM, ROM and windows hide it. */
static const char *seen(struct phys *phys, const struct bus_region *g)
{
    bool any = false, all = true;

    for (u64 page = g->base & PAGE_MASK; page <= g->last; page += PAGE_SIZE) {
        bool bus = !phys_page_read(phys, page);

        any |= bus;
        all &= bus;
        if (page + PAGE_SIZE < page)
            break;
    }
    return all ? "yes" : any ? "in part" : "no";
}

static bool each_region(void *ctx, const struct bus_region *g)
{
    struct putting *p = ctx;
    unsigned digits = p->phys ? 16 : 4;

    reply_row(p->r);
    reply_hex(p->r, "first", g->base, digits);
    reply_hex(p->r, "last", g->last, digits);
    if (p->phys)
        reply_string(p->r, "seen", seen(p->phys, g));
    reply_string(p->r, "device", g->name);
    return !p->r->cut;
}

/* ---- The 440FX's PAM registers and SMRAM ---- */

enum { HOST_BRIDGE = 0, PAM0 = 0x59, PAM_SEGMENTS = 13, SMRAM = 0x72, D_OPEN = 0x40, D_CLOSED = 0x20, D_LOCK = 0x10 };
enum { G_SMRAME = 0x08, SEGMENT = 0x4000, BIOS = 0xF0000, BIOS_SIZE = 0x10000 };

static void put_pam(struct reply *r, const u8 *config)
{
    static const char *const columns[] = {">first", ">last", "reads", "writes", NULL};

    reply_label(r, "PAM");
    reply_newline(r);
    reply_table(r, "pam", columns);
    for (unsigned i = 0; i < PAM_SEGMENTS; i++) {
        bool bios = i == PAM_SEGMENTS - 1;
        unsigned to_ram = bios ? config[PAM0] >> 4 : config[PAM0 + 1 + i / 2] >> (4 * (i & 1));
        u64 first = bios ? BIOS : PHYS_SHADOW_BASE + i * SEGMENT;

        reply_row(r);
        reply_hex(r, "first", first, 5);
        reply_hex(r, "last", first + (bios ? BIOS_SIZE : SEGMENT) - 1, 5);
        reply_string(r, "reads", to_ram & PHYS_SHADOW_READ ? "RAM" : "PCI");
        reply_string(r, "writes", to_ram & PHYS_SHADOW_WRITE ? "RAM" : "PCI");
    }
    reply_table_end(r);
}

static void put_smram(struct reply *r, u8 smram)
{
    static const char *const bits[8] = {[3] = "G_SMRAME", [4] = "D_LCK", [5] = "D_CLS", [6] = "D_OPEN"};

    reply_object(r, "smram");
    reply_hex(r, r->json ? "register" : "smram", smram, 2);
    monitor_bits(r, "bits", smram, bits, 8);
    reply_object_end(r);
    reply_label(r, "opens nothing: there is no system management mode");
    reply_newline(r);
}

static void put_vbe(struct monitor *m, struct reply *r)
{
    const struct pci_function *f = pci_find(machine_pci(m->machine), VGA_PCI_SLOT, 0);
    struct vga_vbe v;

    if (!machine_vga(m->machine) || !f) {
        reply_null(r, "vbe");
        return;
    }
    v = vga_vbe(machine_vga(m->machine));
    reply_label(r, "vbe:");
    reply_object(r, "vbe");
    reply_boolean(r, "enabled", v.enabled);
    reply_boolean(r, "linear", v.linear);
    reply_number(r, "width", v.width);
    reply_number(r, "height", v.height);
    reply_number(r, "depth", v.depth);
    reply_number(r, "virtual_width", v.virtual_width);
    reply_number(r, "x", v.x);
    reply_number(r, "y", v.y);
    reply_number(r, "bank", v.bank);
    if (f->bar[0].decoded)
        reply_hex(r, "framebuffer", f->bar[0].base, 0);
    else if (r->json)
        reply_null(r, "framebuffer");
    else
        reply_string(r, "framebuffer", "not decoded");
    reply_object_end(r);
    reply_newline(r);
}

void monitor_info_mtree(struct monitor *m, const char *arguments, struct reply *r)
{
    static const char *const memory[] = {">first", ">last", ">KiB", "reads", "writes", NULL};
    static const char *const mmio[] = {">first", ">last", "seen", "device", NULL};
    static const char *const ports[] = {">first", ">last", "device", NULL};
    const struct pci_function *host = pci_find(machine_pci(m->machine), HOST_BRIDGE, 0);
    struct phys *phys = machine_phys(m->machine);

    (void)arguments;
    reply_label(r, "memory; what is not listed goes to the bus");
    reply_newline(r);
    reply_table(r, "memory", memory);
    phys_each(phys, each_memory, r);
    reply_table_end(r);
    reply_label(r, "memory bus");
    reply_newline(r);
    reply_table(r, "mmio", mmio);
    bus_each(phys_mmio(phys), each_region, &(struct putting){r, phys});
    reply_table_end(r);
    reply_label(r, "ports");
    reply_newline(r);
    reply_table(r, "ports", ports);
    bus_each(machine_io(m->machine), each_region, &(struct putting){r, NULL});
    reply_table_end(r);
    put_pam(r, host->config);
    put_smram(r, host->config[SMRAM]);
    put_vbe(m, r);
}

/* ---- Drives ---- */

static void put_medium(struct reply *r, const struct machine_drive_look *d)
{
    if (!d->medium) {
        reply_null(r, "image");
        return;
    }
    reply_string(r, "image", block_path(d->medium));
    reply_number(r, "bytes", block_bytes(d->medium));
    reply_boolean(r, "read_only", d->cdrom || block_read_only(d->medium));
    reply_boolean(r, "snapshot", block_has_snapshot(d->medium));
}

void monitor_info_block(struct monitor *m, const char *arguments, struct reply *r)
{
    static const char *const columns[] = {"drive",  "kind",      "medium",   "locked", "image",
                                          ">bytes", "read_only", "snapshot", NULL};

    (void)arguments;
    reply_table(r, "drives", columns);
    for (int i = 0; i < MACHINE_ALL_DRIVES; i++) {
        struct machine_drive_look d;

        if (!machine_drive_look(m->machine, i, &d))
            continue;
        reply_row(r);
        reply_string(r, "drive", drives_name(i, d.floppy || d.cdrom));
        reply_string(r, "kind", d.floppy ? "floppy" : d.cdrom ? "CD" : "disk");
        reply_string(r, "medium", d.medium ? "in" : "none");
        reply_boolean(r, "locked", d.locked);
        put_medium(r, &d);
    }
    reply_table_end(r);
}
