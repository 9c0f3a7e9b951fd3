/* SPDX-License-Identifier: MIT */
/*
 * One IDE channel (ATA/ATAPI-6, T13 1410D) with up to two drives, disks or CD-ROM drives, and the bus master that
 * moves their data ("Programming Interface for Bus Master IDE Controller" 1.0). Commands take a fixed time of the
 * guest's: what a drive does never depends on the host.
 */
#ifndef FAULTLINE_DEVICES_IDE_H
#define FAULTLINE_DEVICES_IDE_H

#include "devices/block.h"
#include "devices/clock.h"
#include "devices/irq.h"
#include "mmu/bus.h"
#include "mmu/phys.h"

struct ide;

/* NULL when out of memory. */
struct ide *ide_create(struct clock *, struct phys *, struct wire irq);
void ide_reset(struct ide *); /* RESET# */
void ide_destroy(struct ide *);

/* Drive 0 or 1 becomes a disk. The block device is borrowed. */
void ide_attach_disk(struct ide *, int drive, struct block *);
/* ... a CD-ROM drive, with a disc in it unless NULL. */
void ide_attach_cdrom(struct ide *, int drive, struct block *disc);
/* Another disc, or none, in a CD-ROM drive: the guest is told of the change. */
void ide_change_disc(struct ide *, int drive, struct block *disc);
/* The guest prevents the removal of the medium: the drive's button would do nothing. */
bool ide_disc_locked(const struct ide *, int drive);

/* May the bus master move data? At first it may. */
void ide_allow_master(struct ide *, bool);

bool ide_may_interrupt(const struct ide *);
struct block *ide_block(const struct ide *, int drive); /* its disk or disc, or NULL */
void ide_state(struct ide *, struct state *);           /* with its media */

extern const struct region_ops ide_command_ops; /* 8 bytes: 0x1F0, 0x170 */
extern const struct region_ops ide_control_ops; /* 1 byte: 0x3F6, 0x376 */
extern const struct region_ops ide_master_ops;  /* 8 bytes: BMIBA, BMIBA + 8 */

#endif
