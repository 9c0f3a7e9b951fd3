/* SPDX-License-Identifier: MIT */
/*
 * 82441FX PCI and memory controller. What a guest can notice of it is its identity and "PAM: Programmable Attribute
 * Map Registers"; DRAM timing and sizes are kept as written. SMRAM can be written and locked, and opens nothing: this
 * processor has no system management mode.
 */
#include "devices/chipset.h"

#include <stdlib.h>

enum { PAM0 = 0x59, PAM6 = 0x5F, SMRAM = 0x72, SMRAM_OPEN = 0x40, SMRAM_CLOSED = 0x20, SMRAM_LOCK = 0x10 };
enum { SMRAM_WRITABLE = 0x78, SMRAM_RESET = 0x02 };
enum { SEGMENT = 0x4000 };

struct i440fx {
    struct pci_function pci;
    struct phys *phys;
    void (*moved)(void *ctx);
    void *ctx;
    u8 pam[PAM6 - PAM0 + 1]; /* as last obeyed */
};

static struct i440fx *of(struct pci_function *f) { return (struct i440fx *)f; }

/* The high half of PAM0 is the BIOS segment; then each half register is 16 KiB from C0000h on. Bit 0 of each half leads
 * reads to RAM, bit 1 writes, which are the bits of phys_shadow(). */
static void obey_pam(struct i440fx *h)
{
    const u8 *pam = &h->pci.config[PAM0];
    bool changed = false;

    for (unsigned i = 0; i <= PAM6 - PAM0; i++) {
        changed |= pam[i] != h->pam[i];
        h->pam[i] = pam[i];
    }
    if (!changed)
        return;
    phys_shadow(h->phys, 0xF0000, 0x10000, pam[0] >> 4 & 3);
    for (unsigned i = 0; i < 12; i++)
        phys_shadow(h->phys, PHYS_SHADOW_BASE + i * SEGMENT, SEGMENT, pam[1 + i / 2] >> (4 * (i & 1)) & 3);
    h->moved(h->ctx);
}

static void written(struct pci_function *f, unsigned offset, unsigned width)
{
    struct i440fx *h = of(f);

    if (offset <= PAM6 && offset + width > PAM0)
        obey_pam(h);
    if (offset <= SMRAM && offset + width > SMRAM) {
        bool locked = f->config[SMRAM] & SMRAM_LOCK;

        if (locked)
            f->config[SMRAM] &= (u8)~SMRAM_OPEN; /* "When D_LCK is set, D_OPEN is reset to 0" */
        f->writable[SMRAM] = locked ? 0 : SMRAM_WRITABLE;
    }
}

struct i440fx *i440fx_create(struct pci *pci, struct phys *phys, void (*moved)(void *ctx), void *ctx)
{
    struct i440fx *h = calloc(1, sizeof(*h));
    struct pci_function *f;

    if (!h)
        return NULL;
    h->phys = phys;
    h->moved = moved;
    h->ctx = ctx;
    f = &h->pci;
    pci_identify(f, 0x8086, 0x1237, 0x060000, 0x02);
    pci_put(f->config, PCI_COMMAND, 0x0006, 2); /* bus master and memory are always on */
    pci_put(f->config, PCI_STATUS, 0x0280, 2);
    f->config[SMRAM] = SMRAM_RESET;
    f->config[0x57] = 0x01; /* DRAMC: refresh on */
    f->writable[SMRAM] = SMRAM_WRITABLE;
    for (unsigned i = 0x50; i <= 0x71; i++)
        f->writable[i] = 0xFF; /* DRAM and cache controls */
    for (unsigned i = PAM0; i <= PAM6; i++)
        f->writable[i] = i == PAM0 ? 0x30 : 0x33;
    f->written = written;
    phys_shadow(phys, PHYS_SHADOW_BASE, PHYS_SHADOW_SIZE, 0);
    if (pci_add(pci, 0, 0, f))
        return h;
    free(h);
    return NULL;
}

void i440fx_destroy(struct i440fx *h) { free(h); }

/* ---- State ---- */

static const struct state_field fields[] = {
    STATE_WIRED(i440fx, pci), STATE_WIRED(i440fx, phys), STATE_WIRED(i440fx, moved),
    STATE_WIRED(i440fx, ctx), STATE_ANY(i440fx, pam),
};
static const struct state_table table = STATE_TABLE(i440fx, fields);

/* Which memory shows where is physical memory's own state. */
void i440fx_state(struct i440fx *h, struct state *s) { state_struct(s, &table, h); }
