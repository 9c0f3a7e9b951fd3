/* SPDX-License-Identifier: MIT */
/* 82077AA floppy disk controller (Intel 290166) with two drives, and the formats of the disks in them. */
#ifndef FAULTLINE_DEVICES_FLOPPY_H
#define FAULTLINE_DEVICES_FLOPPY_H

#include "devices/block.h"
#include "devices/chipset.h"
#include "devices/clock.h"

struct floppy_format {
    u32 bytes;                    /* of the image */
    u8 cylinders, heads, sectors; /* of 512 bytes */
    u8 rate;                      /* of data, as the CCR has it: 0 500, 1 300, 2 250, 3 1000 kb/s */
    u8 drive; /* the kind of drive that takes it, as CMOS has it: 1 360K, 2 1.2M, 3 720K, 4 1.44M, 5 2.88M */
};

/* The PC's format of an image of that size; NULL if there is none. */
const struct floppy_format *floppy_format(u64 bytes);

#define FDC_DRIVES 2
struct fdc;

/* NULL when out of memory. DREQ 2 is the controller's. */
struct fdc *fdc_create(struct clock *, struct dma *, struct wire irq);
void fdc_reset(struct fdc *);
void fdc_destroy(struct fdc *);
/* A drive 0 or 1 is there, of a kind to fit the disk, which is borrowed; without a disk it is a 1.44M drive. False if
 * the disk's size is no format's. */
bool fdc_attach(struct fdc *, int drive, struct block *);
/* Another disk, or none: the change line rises. False if its size is no format of this drive. */
bool fdc_change(struct fdc *, int drive, struct block *);
u8 fdc_cmos_type(const struct fdc *, int drive); /* 0: no drive */
bool fdc_may_interrupt(const struct fdc *);
struct block *fdc_block(const struct fdc *, int drive); /* the disk in it, or NULL */
void fdc_state(struct fdc *, struct state *);           /* with its disks */
extern const struct region_ops fdc_ops;                 /* 6 bytes: 0x3F0 */
extern const struct region_ops fdc_dir_ops;             /* 1 byte: 0x3F7 */

#endif
