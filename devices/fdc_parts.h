/* SPDX-License-Identifier: MIT */
/* The inside of the floppy disk controller: fdc.c has registers and phases, fdc_commands.c what commands do. */
#ifndef FAULTLINE_DEVICES_FDC_PARTS_H
#define FAULTLINE_DEVICES_FDC_PARTS_H

#include "devices/floppy.h"

enum {
    ST0_ABNORMAL = 0x40,
    ST0_INVALID = 0x80,
    ST0_POLLING = 0xC0,
    ST0_SEEK_END = 0x20,
    ST0_CHECK = 0x10,
    ST0_HEAD = 4
};
enum { ST1_END_OF_CYLINDER = 0x80, ST1_DATA = 0x20, ST1_NO_DATA = 0x04, ST1_NOT_WRITABLE = 0x02, ST1_NO_MARK = 0x01 };
enum { ST2_DATA = 0x20, ST2_WRONG_CYLINDER = 0x10 };
enum { DOR_DRIVE = 0x03, DOR_NOT_RESET = 0x04, DOR_DMA = 0x08, DOR_MOTOR = 0x10 };
enum { CONFIGURE_EIS = 0x40, CONFIGURE_NO_POLL = 0x10 };

/* Times of the guest's; a disk of the real world takes some fifty times as long. */
#define FDC_RESET_TIME 20000u
#define FDC_STEP_TIME 20000u
#define FDC_SECTOR_TIME 100000u
#define FDC_SEARCH_TIME 1000000u /* for a sector that is not there */

enum { FDC_MAX_CYLINDER = 84, FDC_MT = 0x80, FDC_MFM = 0x40, FDC_SK = 0x20, FDC_CHANNEL = 2 };

enum fdc_phase { FDC_COMMAND, FDC_BUSY, FDC_TRANSFER, FDC_RESULT };

/* What a data transfer is for. */
enum fdc_work { WORK_READ, WORK_WRITE, WORK_VERIFY, WORK_FORMAT, WORK_READ_ID };

struct floppy_drive {
    bool present, changed;
    struct block *block;
    const struct floppy_format *format; /* NULL: no disk */
    u8 type;                            /* as CMOS has it */
    u8 cylinder, under;                 /* where the head is; the sector that passed it last */
    bool seeking, ended;                /* a seek goes on; its end awaits SENSE INTERRUPT STATUS */
    u8 target, st0;
};

struct fdc {
    struct clock *clock;
    struct dma *dma;
    struct wire irq;
    struct timer timer, seek_timer, reset_timer;
    struct floppy_drive drive[4]; /* of which FDC_DRIVES may be present */
    u8 dor, rate, tape;
    enum fdc_phase phase;
    u8 command[9];
    unsigned have, want; /* bytes of the command */
    u8 result[16];
    unsigned at, results;
    u8 polled;  /* drives whose status after reset was not yet sensed */
    bool level; /* of the interrupt wire */
    /* SPECIFY, CONFIGURE, PERPENDICULAR MODE, LOCK */
    u8 step_and_unload, head_load, configure, pretrack, perpendicular;
    bool locked, pio;
    /* The transfer in progress */
    enum fdc_work work;
    u8 c, h, r, eot, sector_count;
    u8 st1, st2;
    unsigned position, size; /* in the buffer */
    u8 buffer[BLOCK_SECTOR];
};

static inline struct floppy_drive *fdc_drive(struct fdc *f) { return &f->drive[f->command[1] & DOR_DRIVE]; }

/* fdc.c */
void fdc_interrupt(struct fdc *, bool level);
void fdc_results(struct fdc *, unsigned count, bool interrupt); /* result[] is to be read */
void fdc_idle(struct fdc *);                                    /* the command had none */
void fdc_later(struct fdc *, u64 ns);                           /* then fdc_step() */
void fdc_exchange(struct fdc *);                                /* move the buffer, by DMA or the FIFO */

/* fdc_commands.c */
unsigned fdc_length(u8 opcode); /* of a command, bytes */
void fdc_execute(struct fdc *);
void fdc_step(struct fdc *);               /* the head has come to the sector */
void fdc_exchanged(struct fdc *, bool tc); /* the buffer was moved, whole or up to terminal count */
void fdc_seek_done(struct fdc *);

#endif
