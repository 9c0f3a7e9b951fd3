/* SPDX-License-Identifier: MIT */
/* The chipset: Intel 440FX host bridge, and the PIIX3 with the power management function of the PIIX4, as QEMU's "pc"
 * machine has them. Each _create puts its function on the bus, and returns NULL when memory ran out. */
#ifndef FAULTLINE_DEVICES_CHIPSET_H
#define FAULTLINE_DEVICES_CHIPSET_H

#include "devices/pci.h"
#include "mmu/phys.h"

/* 82441FX (Intel 290549, "PMC"), device 0. Its PAM registers steer shadow RAM; `moved` is told, after phys, that
 * something else may answer between C0000h and FFFFFh. */
struct i440fx;
struct i440fx *i440fx_create(struct pci *, struct phys *, void (*moved)(void *ctx), void *ctx);
void i440fx_destroy(struct i440fx *);
void i440fx_state(struct i440fx *, struct state *);

/* 82371SB (Intel 290550), device 1 function 0: the PIRQ routing. `isa` are the interrupt lines 0..15. */
struct piix3;
struct piix3 *piix3_create(void);
bool piix3_add(struct piix3 *, struct pci *, const struct wire isa[16]);
struct wire piix3_pirq(struct piix3 *, int n); /* 0..3: to be handed to pci_create() */
void piix3_destroy(struct piix3 *);
void piix3_state(struct piix3 *, struct state *);

/* 82371AB (Intel 290562), device 1 function 3: where the power management registers are. `ops` take `size` bytes. */
struct piix4_pm;
struct piix4_pm *piix4_pm_create(struct pci *, struct bus *io, u32 size, const struct region_ops *ops, void *device);
u16 piix4_pm_base(const struct piix4_pm *); /* 0 while not decoded */
void piix4_pm_destroy(struct piix4_pm *);
void piix4_pm_state(struct piix4_pm *, struct state *);
void piix4_pm_leave(struct piix4_pm *); /* before a load: off the bus */

/* 82371SB, device 1 function 1: the IDE function, two channels of ide.h. */
struct piix_ide;
struct ide;
struct piix_ide *piix_ide_create(struct pci *, struct bus *io, struct ide *const channel[2]);
void piix_ide_destroy(struct piix_ide *);
void piix_ide_state(struct piix_ide *, struct state *);
void piix_ide_leave(struct piix_ide *); /* before a load: off the bus */

/* Two 8237A (Intel 231466) cascaded on channel 4, with page registers: channels 0..3 move bytes, 5..7 words. */
struct dma;
struct dma *dma_create(struct phys *);
void dma_reset(struct dma *);
void dma_destroy(struct dma *);
void dma_state(struct dma *, struct state *);
/* DREQ. Called whenever the channel may have become able to serve a request that stands. */
void dma_connect(struct dma *, int channel, void (*ready)(void *device), void *device);
void dma_request(struct dma *, int channel, bool level);
/*
 * Serves `size` bytes of a standing request: from device to memory, from memory to device, or nowhere (verify), as the
 * guest has programmed it. Returns the bytes moved, 0 while the channel is masked or set for the other direction;
 * `*tc` says that the count ended with the last of them.
 */
size_t dma_to_memory(struct dma *, int channel, const u8 *bytes, size_t size, bool *tc);
size_t dma_from_memory(struct dma *, int channel, u8 *bytes, size_t size, bool *tc);
extern const struct region_ops dma_low_ops;  /* 16 bytes: 0x00 */
extern const struct region_ops dma_high_ops; /* 32 bytes: 0xC0 */
extern const struct region_ops dma_page_ops; /* 15 bytes: 0x81 */

#endif
