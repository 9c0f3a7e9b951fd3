/* SPDX-License-Identifier: MIT */
/* 82371SB PIIX3: the PCI to ISA bridge with its interrupt routing; and the power management function of the 82371AB. */
#include "devices/chipset.h"

#include <stdlib.h>
#include <string.h>

/* ---- "PIRQRC[A:D]: PIRQx Route Control Registers" ---- */

enum { PIRQRC = 0x60, ROUTE_OFF = 0x80, ROUTE_IRQ = 0x0F };
/* 0, 1, 2, 8 and 13 are reserved. */
#define ROUTABLE 0xDEF8u

struct piix3 {
    struct pci_function pci;
    struct wire isa[16];
    u16 driven; /* ISA lines held up */
    bool pirq[4];
};

static void route(struct piix3 *p)
{
    u16 wanted = 0;

    for (int i = 0; i < 4; i++) {
        u8 rc = p->pci.config[PIRQRC + i];

        if (p->pirq[i] && !(rc & ROUTE_OFF))
            wanted |= (u16)(1u << (rc & ROUTE_IRQ) & ROUTABLE);
    }
    for (int irq = 0; irq < 16; irq++) {
        if (!((wanted ^ p->driven) >> irq & 1))
            continue;
        p->driven ^= (u16)(1u << irq);
        wire_set(p->isa[irq], wanted >> irq & 1);
    }
}

static void pirq_set(void *listener, int line, bool level)
{
    struct piix3 *p = listener;

    p->pirq[line & 3] = level;
    route(p);
}

struct wire piix3_pirq(struct piix3 *p, int n) { return (struct wire){pirq_set, p, n}; }

static void piix3_written(struct pci_function *f, unsigned offset, unsigned width)
{
    if (offset <= PIRQRC + 3 && offset + width > PIRQRC)
        route((struct piix3 *)f);
}

struct piix3 *piix3_create(void) { return calloc(1, sizeof(struct piix3)); }

bool piix3_add(struct piix3 *p, struct pci *pci, const struct wire isa[16])
{
    struct pci_function *f = &p->pci;

    memcpy(p->isa, isa, sizeof(p->isa));
    pci_identify(f, 0x8086, 0x7000, 0x060100, 0x00);
    pci_put(f->config, PCI_COMMAND, 0x0007, 2); /* "hardwired to 1" */
    pci_put(f->config, PCI_STATUS, 0x0200, 2);
    f->config[PCI_HEADER] = PCI_HEADER_MULTI;
    pci_put(f->config, 0x4C, 0x4D, 1);   /* IORT: ISA I/O recovery timer */
    pci_put(f->config, 0x4E, 0x0003, 2); /* XBCS: keyboard controller and RTC decoded */
    f->writable[0x4C] = f->writable[0x4E] = f->writable[0x4F] = 0xFF;
    for (unsigned i = 0; i < 4; i++) {
        f->config[PIRQRC + i] = ROUTE_OFF;
        f->writable[PIRQRC + i] = ROUTE_OFF | ROUTE_IRQ;
    }
    f->config[0x69] = 0x02; /* TOM: top of memory */
    f->writable[0x69] = 0xFE;
    f->config[0x70] = 0x80;                   /* MBIRQ0 */
    f->config[0x76] = f->config[0x77] = 0x0C; /* MBDMA */
    f->config[0x78] = 0x02;
    f->writable[0x70] = f->writable[0x76] = f->writable[0x77] = f->writable[0x78] = f->writable[0x79] = 0xFF;
    f->config[0xA0] = 0x08; /* SMICNTL */
    f->config[0xA8] = 0x0F;
    for (unsigned i = 0xA0; i <= 0xAF; i++)
        f->writable[i] = 0xFF;
    f->written = piix3_written;
    return pci_add(pci, 1, 0, f);
}

void piix3_destroy(struct piix3 *p) { free(p); }

/* ---- "PMBA: Power Management Base Address", "PMREGMISC" ---- */

enum { PMBA = 0x40, PMREGMISC = 0x80, SMBBA = 0x90, SMBHSTCFG = 0xD2, PMIOSE = 0x01, PMBA_MASK = 0xFFC0 };

struct piix4_pm {
    struct pci_function pci;
    struct bus *io;
    u32 size;
    const struct region_ops *ops;
    void *device;
    u16 base; /* where it is on the bus, 0: nowhere */
};

static void pm_written(struct pci_function *f, unsigned offset, unsigned width)
{
    struct piix4_pm *p = (struct piix4_pm *)f;
    u16 wanted = f->config[PMREGMISC] & PMIOSE ? (u16)(pci_get(f->config, PMBA, 2) & PMBA_MASK) : 0;

    (void)offset;
    (void)width;
    if (wanted == p->base)
        return;
    if (p->base)
        bus_detach(p->io, p->base);
    p->base = wanted && bus_attach(p->io, wanted, p->size, p->ops, p->device) ? wanted : 0;
}

u16 piix4_pm_base(const struct piix4_pm *p) { return p->base; }

struct piix4_pm *piix4_pm_create(struct pci *pci, struct bus *io, u32 size, const struct region_ops *ops, void *device)
{
    struct piix4_pm *p = calloc(1, sizeof(*p));
    struct pci_function *f;

    if (!p)
        return NULL;
    p->io = io;
    p->size = size;
    p->ops = ops;
    p->device = device;
    f = &p->pci;
    pci_identify(f, 0x8086, 0x7113, 0x068000, 0x03);
    pci_put(f->config, PCI_STATUS, 0x0280, 2);
    f->config[PCI_INTERRUPT_LINE] = 9;
    f->config[PCI_INTERRUPT_PIN] = 1;
    f->config[PMBA] = 0x01;
    f->config[SMBBA] = 0x01;
    pci_put(f->writable, PMBA, PMBA_MASK, 2);
    pci_put(f->writable, SMBBA, 0xFFF0, 2);
    f->writable[PMREGMISC] = PMIOSE;
    for (unsigned i = 0x44; i <= 0x7C; i++)
        f->writable[i] = 0xFF; /* counts, device activity and resources: kept */
    /* APMC_EN: to firmware, system management mode has been set up already; there is none. */
    f->config[0x5B] = 0x02;
    /* SMBHSTCFG reads 0, disabled, for good: there is nothing on that bus, and no host controller. */
    f->written = pm_written;
    if (pci_add(pci, 1, 3, f))
        return p;
    free(p);
    return NULL;
}

void piix4_pm_destroy(struct piix4_pm *p) { free(p); }

/* ---- State ---- */

static const struct state_field piix3_fields[] = {
    STATE_WIRED(piix3, pci),
    STATE_WIRED(piix3, isa),
    STATE_ANY(piix3, driven),
    STATE_BOOL(piix3, pirq),
};
static const struct state_table piix3_table = STATE_TABLE(piix3, piix3_fields);

void piix3_state(struct piix3 *p, struct state *s) { state_struct(s, &piix3_table, p); }

static const struct state_field piix4_fields[] = {
    STATE_WIRED(piix4_pm, pci), STATE_WIRED(piix4_pm, io),     STATE_WIRED(piix4_pm, size),
    STATE_WIRED(piix4_pm, ops), STATE_WIRED(piix4_pm, device), STATE_ANY(piix4_pm, base),
};
static const struct state_table piix4_table = STATE_TABLE(piix4_pm, piix4_fields);

void piix4_pm_leave(struct piix4_pm *p)
{
    if (p->base)
        bus_detach(p->io, p->base);
    p->base = 0;
}

void piix4_pm_state(struct piix4_pm *p, struct state *s)
{
    u16 base;

    state_struct(s, &piix4_table, p);
    if (!state_is_loading(s))
        return;
    base = p->base;
    p->base = 0;
    if (s->failed || !base)
        return;
    if (bus_attach(p->io, base, p->size, p->ops, p->device))
        p->base = base;
    else
        state_fail(s, "piix4_pm.base: cannot be at 0x%x", base);
}
