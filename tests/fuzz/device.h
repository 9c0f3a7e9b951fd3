/* SPDX-License-Identifier: MIT */
/*
 * One device on a bench, for fuzz_device.c: a clock turned by hand, two buses, memory where the device moves data
 * itself, and wires that are written down. A row of the table says how to make the device, where its registers are and
 * what can happen to it from outside.
 */
#ifndef FAULTLINE_TESTS_FUZZ_DEVICE_H
#define FAULTLINE_TESTS_FUZZ_DEVICE_H

#include "devices/devices.h"
#include "mmu/phys.h"
#include "tests/fuzz/fuzz.h"

enum { BOARD_PARTS = 12, BOARD_BLOCKS = 4, BOARD_TYPED = 64, ROW_PLACES = 8 };

struct board {
    u64 now;
    struct clock *clock;
    struct bus *io;
    struct phys *phys; /* 1 MiB, and the memory-mapped registers behind it */
    u64 seen;          /* hash of all that came out of the device, each with its moment */
    bool again;        /* the second run of the same input: it must show the same */
    void *part[BOARD_PARTS];
    struct block *block[BOARD_BLOCKS];
    u8 typed[BOARD_TYPED]; /* what waits at the other end of a serial line */
    unsigned typed_first, typed_count;
    bool typed_ended;
    unsigned looks; /* pictures drawn */
};

/* Part of the board that the device under test consists of, on a bus. `ops` NULL: an address that is worth trying. */
struct place {
    bool memory;
    u64 base;
    u32 size; /* 0: no more places */
    const struct region_ops *ops;
    unsigned part;
};

struct row {
    const char *name;
    bool (*make)(struct board *); /* false: out of memory */
    void (*reset)(struct board *);
    void (*destroy)(struct board *);
    void (*happen)(struct board *, struct input *); /* from outside; may be NULL */
    u64 (*ask)(struct board *);                     /* questions that change nothing; may be NULL */
    struct place place[ROW_PLACES];
};

extern const struct row device_rows[];
extern const unsigned device_row_count;

/* Written down: a value that came out. */
void board_see(struct board *, u64 value);
/* A wire that is written down. */
struct wire board_wire(struct board *, int line);
struct tell board_tell(struct board *);
/* A disk, CD or floppy image of so many bytes, in block[n]: what is written to it is forgotten. */
bool board_block(struct board *, int n, u64 bytes, bool read_only);

/* A driver waits so long; timers that never come to rest do not keep it. */
void board_wait(struct board *, u64 ns);

/* device_basic.c, device_drives.c, device_interrupts.c, device_video.c: what the rows are made of */
#define DEVICE_MAKER(name)                              \
    bool make_##name(struct board *);                   \
    void reset_##name(struct board *);                  \
    void destroy_##name(struct board *);                \
    void happen_##name(struct board *, struct input *); \
    u64 ask_##name(struct board *);
#define DEVICE_MAKERS(F)                                                                                          \
    F(uart)                                                                                                       \
    F(pic)                                                                                                        \
    F(pit)                                                                                                        \
    F(rtc) F(ps2) F(hpet) F(pm) F(fw_cfg) F(lpt) F(testdev) F(ports) F(vga) F(ide) F(atapi) F(fdc) F(dma) F(apic) \
        F(pci)
DEVICE_MAKERS(DEVICE_MAKER)

#endif
