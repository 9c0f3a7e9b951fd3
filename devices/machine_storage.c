/* SPDX-License-Identifier: MIT */
/* The chipset and the drives of a machine: what is on its PCI bus, and which wires lead where. */
#include "devices/machine_parts.h"

#include <string.h>

#include "devices/pci.h"

enum { ACPI_PM_SIZE = 12 };

/* Where direct boot puts BARs; QEMU's firmware has its windows about there. */
#define ASSIGN_IO 0xC000u
#define ASSIGN_MEMORY 0xE0000000u
static const u8 assign_irq[4] = MACHINE_PIRQ_IRQS;

static void memory_moved(void *ctx)
{
    struct machine *m = ctx;

    if (m->cpu)
        cpu_memory_moved(m->cpu);
}

static bool create_chipset(struct machine *m)
{
    struct wire pirq[4], lines[16];

    if (!(m->piix3 = piix3_create()))
        return false;
    for (int i = 0; i < 4; i++)
        pirq[i] = piix3_pirq(m->piix3, i);
    for (int i = 0; i < 16; i++)
        lines[i] = machine_pirq(m, i);
    if (!(m->pci = pci_create(m->io, phys_mmio(m->phys), pirq)))
        return false;
    m->i440fx = i440fx_create(m->pci, m->phys, memory_moved, m);
    m->piix4_pm = piix4_pm_create(m->pci, m->io, ACPI_PM_SIZE, &acpi_pm_ops, m->pm);
    return m->i440fx && m->piix4_pm && piix3_add(m->piix3, m->pci, lines);
}

static bool create_drives(struct machine *m)
{
    for (int i = 0; i < 2; i++)
        if (!(m->ide[i] = ide_create(m->clock, m->phys, machine_isa(m, i ? IRQ_IDE1 : IRQ_IDE0))))
            return false;
    for (int i = 0; i < MACHINE_DRIVES; i++) {
        const struct machine_drive *d = &m->config.drive[i];

        if (d->kind == MACHINE_DISK)
            ide_attach_disk(m->ide[i / 2], i % 2, d->block);
        else if (d->kind == MACHINE_CDROM)
            ide_attach_cdrom(m->ide[i / 2], i % 2, d->block);
    }
    m->piix_ide = piix_ide_create(m->pci, m->io, m->ide);
    return m->piix_ide != NULL;
}

static bool create_floppies(struct machine *m)
{
    m->dma = dma_create(m->phys);
    if (!m->dma || !(m->fdc = fdc_create(m->clock, m->dma, machine_isa(m, IRQ_FLOPPY))))
        return false;
    for (int i = 0; i < MACHINE_FLOPPIES; i++)
        if (m->config.floppy[i].present && !fdc_attach(m->fdc, i, m->config.floppy[i].block))
            return false;
    return true;
}

bool machine_create_storage(struct machine *m)
{
    m->lpt = lpt_create(m->clock, machine_isa(m, IRQ_LPT), m->config.printer);
    return m->lpt && create_chipset(m) && create_drives(m) && create_floppies(m);
}

bool machine_attach_storage(struct machine *m)
{
    pci_share_address(m->pci, 1, &reset_control_ops, m->reset_control);
    const struct {
        u16 base, size;
        const struct region_ops *ops;
        void *device;
    } ports[] = {
        {0x0000, 16, &dma_low_ops, m->dma},    {0x0081, 15, &dma_page_ops, m->dma}, {0x00C0, 32, &dma_high_ops, m->dma},
        {0x0378, 3, &lpt_ops, m->lpt},         {0x03F0, 6, &fdc_ops, m->fdc},       {0x03F7, 1, &fdc_dir_ops, m->fdc},
        {0x0CF8, 4, &pci_address_ops, m->pci}, {0x0CFC, 4, &pci_data_ops, m->pci},
    };

    for (size_t i = 0; i < sizeof(ports) / sizeof(ports[0]); i++)
        if (!bus_attach(m->io, ports[i].base, ports[i].size, ports[i].ops, ports[i].device))
            return false;
    return true;
}

const char *machine_change_medium(struct machine *m, int drive, struct block *medium)
{
    int floppy = drive - MACHINE_DRIVES;

    if (drive >= 0 && drive < MACHINE_DRIVES && m->config.drive[drive].kind == MACHINE_CDROM) {
        if (ide_disc_locked(m->ide[drive / 2], drive % 2))
            return "the guest has locked the drive";
        ide_change_disc(m->ide[drive / 2], drive % 2, medium);
        return NULL;
    }
    if (floppy < 0 || floppy >= MACHINE_FLOPPIES || !m->config.floppy[floppy].present)
        return "there is no such drive";
    return fdc_change(m->fdc, floppy, medium) ? NULL : "the disk does not fit into the drive";
}

bool machine_drive_look(struct machine *m, int drive, struct machine_drive_look *look)
{
    int floppy = drive - MACHINE_DRIVES;

    *look = (struct machine_drive_look){.floppy = floppy >= 0};
    if (drive < 0 || floppy >= MACHINE_FLOPPIES)
        return false;
    if (look->floppy) {
        look->medium = fdc_block(m->fdc, floppy);
        return m->config.floppy[floppy].present;
    }
    look->cdrom = m->config.drive[drive].kind == MACHINE_CDROM;
    look->locked = look->cdrom && ide_disc_locked(m->ide[drive / 2], drive % 2);
    look->medium = ide_block(m->ide[drive / 2], drive % 2);
    return m->config.drive[drive].kind != MACHINE_NO_DRIVE;
}

void machine_reset_storage(struct machine *m)
{
    for (int i = 0; i < 2; i++)
        ide_reset(m->ide[i]);
    fdc_reset(m->fdc);
    dma_reset(m->dma);
    lpt_reset(m->lpt);
    pci_reset(m->pci);
    machine_describe_boot(m, true);
}

void machine_destroy_storage(struct machine *m)
{
    fdc_destroy(m->fdc);
    dma_destroy(m->dma);
    lpt_destroy(m->lpt);
    pci_destroy(m->pci);
    piix_ide_destroy(m->piix_ide);
    for (int i = 0; i < 2; i++)
        ide_destroy(m->ide[i]);
    piix4_pm_destroy(m->piix4_pm);
    i440fx_destroy(m->i440fx);
    piix3_destroy(m->piix3);
}

/* The order in which QEMU's firmware tries its drives: 1 floppy, 2 disk, 3 CD, a digit each. */
static unsigned boot_digits(const char *order)
{
    static const char kinds[] = "acd";
    unsigned digits = 0;

    if (!*order)
        order = "cad";
    for (unsigned shift = 0; *order && shift < 12; order++, shift += 4)
        digits |= (unsigned)(strchr(kinds, *order) - kinds + 1) << shift;
    return digits;
}

void machine_describe_boot(struct machine *m, bool again)
{
    enum { BOOT_ORDER = 0x3D, BOOT_ORDER_THIRD = 0x38, NO_SIGNATURE_CHECK = 0x01 };
    unsigned digits = boot_digits(*m->config.boot_once && !again ? m->config.boot_once : m->config.boot_order);

    rtc_set_nvram(m->rtc, BOOT_ORDER, (u8)digits);
    rtc_set_nvram(m->rtc, BOOT_ORDER_THIRD,
                  (u8)(digits >> 4 & 0xF0) | (m->config.any_floppy_boots ? NO_SIGNATURE_CHECK : 0));
}

/* RAM everywhere below 1 MiB, PIRQs on level-triggered lines, BARs assigned, IDE decoded. */
void machine_chipset_as_firmware_leaves_it(struct machine *m)
{
    enum {
        HOST = 0,
        ISA = 8,
        IDE = 9,
        PM = 11,
        PAM0 = 0x59,
        PIRQRC = 0x60,
        IDETIM = 0x40,
        PMBA = 0x40,
        PMREGMISC = 0x80,
        LEVEL_10_11 = 0x0C
    };

    bus_write(m->io, 0xD6, 0xC0, 1); /* DMA channel 4 cascades */
    bus_write(m->io, 0xD4, 0x00, 1);
    pci_config_write(m->pci, HOST, PAM0, 0x30, 1);
    for (unsigned i = 1; i <= 6; i++)
        pci_config_write(m->pci, HOST, PAM0 + i, 0x33, 1);
    for (unsigned i = 0; i < 4; i++)
        pci_config_write(m->pci, ISA, PIRQRC + i, assign_irq[i], 1);
    bus_write(m->io, 0x4D1, LEVEL_10_11, 1);
    pci_config_write(m->pci, IDE, IDETIM, 0x80008000, 4);
    pci_config_write(m->pci, PM, PMBA, MACHINE_PM_BASE, 4);
    pci_config_write(m->pci, PM, PMREGMISC, 1, 1);
    pci_assign(m->pci, ASSIGN_IO, ASSIGN_MEMORY, assign_irq);
}

/* Would one of the drives raise its line, if that were heard? */
bool machine_storage_may_interrupt(struct machine *m, int irq)
{
    switch (irq) {
    case IRQ_IDE0: return ide_may_interrupt(m->ide[0]);
    case IRQ_IDE1: return ide_may_interrupt(m->ide[1]);
    case IRQ_FLOPPY: return fdc_may_interrupt(m->fdc);
    case IRQ_LPT: return lpt_may_interrupt(m->lpt);
    default: return false;
    }
}

/* The floppy drives' kinds, a digit each, and their number in the equipment byte. */
void machine_describe_floppies(struct machine *m)
{
    enum { FLOPPIES = 0x10, EQUIPMENT = 0x14, HAS_FLOPPY = 0x01, NUMBER_SHIFT = 6 };
    u8 type[MACHINE_FLOPPIES], equipment = rtc_get_nvram(m->rtc, EQUIPMENT);
    int n = 0;

    for (int i = 0; i < MACHINE_FLOPPIES; i++) {
        type[i] = fdc_cmos_type(m->fdc, i);
        n += type[i] != 0;
    }
    if (n)
        equipment |= (u8)(HAS_FLOPPY | (n - 1) << NUMBER_SHIFT);
    rtc_set_nvram(m->rtc, FLOPPIES, (u8)(type[0] << 4 | type[1]));
    rtc_set_nvram(m->rtc, EQUIPMENT, equipment);
}
