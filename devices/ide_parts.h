/* SPDX-License-Identifier: MIT */
/* The inside of an IDE channel, shared by ide.c (registers and data), ide_disk.c, atapi*.c (commands), ide_dma.c. */
#ifndef FAULTLINE_DEVICES_IDE_PARTS_H
#define FAULTLINE_DEVICES_IDE_PARTS_H

#include "devices/ide.h"

enum {
    STATUS_ERR = 0x01,
    STATUS_DRQ = 0x08,
    STATUS_DSC = 0x10, /* seek complete; SERV with overlapped commands, of which there are none */
    STATUS_DF = 0x20,
    STATUS_DRDY = 0x40,
    STATUS_BSY = 0x80,
    STATUS_READY = STATUS_DRDY | STATUS_DSC,
};
enum { ERROR_ABRT = 0x04, ERROR_IDNF = 0x10, ERROR_UNC = 0x40 };
enum { CONTROL_NIEN = 0x02, CONTROL_SRST = 0x04 };
enum { DEVICE_LBA = 0x40, DEVICE_DEV = 0x10, DEVICE_HEAD = 0x0F };
enum { REASON_CD = 0x01, REASON_IO = 0x02 };

/* Between a command, or the last word of a block, and what the drive makes of it; in ns. */
#define IDE_COMMAND_TIME 20000u
#define IDE_BLOCK_TIME 2000u
#define IDE_RESET_TIME 2000000u

enum {
    IDE_MULTIPLE = 16, /* sectors per DRQ block at most */
    IDE_BUFFER = 65536,
    CD_SECTOR = 2048,
};

enum ide_kind { IDE_ABSENT, IDE_DISK, IDE_CDROM };

/* What a PIO buffer is for when it is full, or empty. */
enum ide_flow {
    FLOW_NONE,
    FLOW_READ,       /* sectors to the host; more may follow */
    FLOW_WRITE,      /* sectors from the host */
    FLOW_DATA_IN,    /* one block, and that is it (IDENTIFY) */
    FLOW_PACKET,     /* the twelve bytes of a packet command */
    FLOW_PACKET_IN,  /* a packet command's answer */
    FLOW_PACKET_OUT, /* a packet command's parameters */
};

/* What happens when the drive's time is up. */
enum ide_step {
    STEP_NONE,
    STEP_COMMAND,  /* execute the command register */
    STEP_READ,     /* the next block of sectors into the buffer */
    STEP_WRITE,    /* the buffer onto the disk */
    STEP_DMA,      /* data through the bus master */
    STEP_PACKET,   /* execute the packet */
    STEP_REPLY,    /* the next block of the answer */
    STEP_ACCEPTED, /* the parameters are in */
    STEP_RESET,    /* ready again */
};

/* A register that keeps its previous value too, for 48-bit commands. */
struct twice {
    u8 now, before;
};

struct cd_state {
    u8 packet[12];
    bool dma; /* this packet's data goes through the bus master */
    u8 key, asc, ascq;
    bool changed;  /* UNIT ATTENTION is due */
    bool changing; /* first "not ready", then "changed" */
    u8 event;      /* of GET EVENT STATUS NOTIFICATION, media class */
    bool locked, tray_open;
    struct block *disc;
    u64 lba, left; /* sectors of a READ still to come */
    u32 reply;     /* bytes of the answer in the buffer, */
    u32 sent;      /* and how many of them the host has */
    u16 expected;  /* bytes of parameters */
};

struct ide_drive {
    enum ide_kind kind;
    struct block *block; /* a disk's */
    u8 status, error, device, command, feature_now;
    struct twice feature, count, low, mid, high;
    enum ide_flow flow;
    enum ide_step step;
    bool irq;                                       /* INTRQ, before nIEN and selection */
    bool dma_write;                                 /* STEP_DMA: from memory to the drive */
    u64 lba, left;                                  /* of the transfer in progress, sectors */
    bool ext;                                       /* addressed with 48 bits */
    unsigned block_sectors, multiple;               /* per DRQ now; as set */
    unsigned at, size;                              /* PIO position and end in the buffer, bytes */
    unsigned cylinders, heads, sectors;             /* the geometry of CHS addresses */
    unsigned all_cylinders, all_heads, all_sectors; /* as shipped */
    u8 mwdma, udma;
    bool write_cache, look_ahead;
    struct cd_state cd;
    u8 buffer[IDE_BUFFER];
};

/* Where a bus master transfer is in its PRD table. */
struct prd {
    u32 table, address, left, entries;
    bool last;
};

struct ide {
    struct clock *clock;
    struct phys *phys;
    struct wire irq;
    bool level; /* of the wire */
    struct timer timer;
    struct ide_drive drive[2];
    u8 selected, control;
    struct ide_master {
        u8 command, status;
        u32 table;
        bool denied;  /* the PCI function may not master the bus */
        bool waiting; /* the drive has asked for data transfer, and the engine is not started */
    } master;
    struct prd prd;
};

static inline struct ide_drive *ide_selected(struct ide *c) { return &c->drive[c->selected]; }
static inline bool ide_is_present(const struct ide_drive *d) { return d->kind != IDE_ABSENT; }

/* ide.c */
void ide_update_irq(struct ide *);
void ide_raise(struct ide *, struct ide_drive *);
void ide_schedule(struct ide *, struct ide_drive *, enum ide_step, u64 ns);
void ide_offer(struct ide *, struct ide_drive *, enum ide_flow, unsigned size); /* DRQ, `size` bytes */
void ide_succeed(struct ide *, struct ide_drive *);
void ide_fail(struct ide *, struct ide_drive *, u8 error);
void ide_signature(struct ide_drive *);

/* ide_disk.c */
void disk_execute(struct ide *, struct ide_drive *);
void disk_read_block(struct ide *, struct ide_drive *);
void disk_write_block(struct ide *, struct ide_drive *);
void disk_dma(struct ide *, struct ide_drive *);
void disk_defaults(struct ide_drive *);
void ide_set_features(struct ide *, struct ide_drive *);
void identify_string(u8 *to, const char *text, unsigned size);
void identify_word(u8 *to, unsigned word, unsigned value);
void identify_modes(const struct ide_drive *, u8 *to);

/* atapi.c */
void atapi_execute(struct ide *, struct ide_drive *); /* the command register of a CD-ROM drive */
void atapi_packet(struct ide *, struct ide_drive *);
void atapi_reply(struct ide *, struct ide_drive *);    /* the next PIO block */
void atapi_accepted(struct ide *, struct ide_drive *); /* the parameters are in the buffer */
void atapi_dma(struct ide *, struct ide_drive *);
void atapi_reset(struct ide_drive *);

/* atapi_commands.c */
enum atapi_result { ATAPI_DONE, ATAPI_DATA, ATAPI_READ, ATAPI_PARAMETERS, ATAPI_FAILED };
/* Executes the packet: nothing to transfer; cd.reply bytes in the buffer; cd.left sectors; or sense data are set. */
enum atapi_result atapi_command(struct ide_drive *);
bool atapi_select(struct ide_drive *, unsigned size);          /* MODE SELECT's parameters */
bool atapi_sense(struct ide_drive *, u8 key, u8 asc, u8 ascq); /* returns false */

/* ide_dma.c: false when the PRD table ended, or is wrong, before `size` bytes were moved. */
bool master_begin(struct ide *, struct ide_drive *, bool write); /* false: not started yet; will call back */
bool master_move(struct ide *, u8 *bytes, u32 size, bool to_memory);
void master_end(struct ide *, struct ide_drive *, bool moved);
void master_reset(struct ide *);
void master_saw_irq(struct ide *);

#endif
