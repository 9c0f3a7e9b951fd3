/* SPDX-License-Identifier: MIT */
/* Drives and what moves their data, for fuzz_device.c. */
#include "devices/chipset.h"
#include "devices/floppy.h"
#include "devices/ide.h"
#include "tests/fuzz/device.h"

enum { DISK_BYTES = 3 << 20, DISC_BYTES = 2048 * 400, CHANNELS = 8, PORTION = 600 };
#define HUGE_BYTES (200ull << 30) /* for LBA48 */

/* ---- A channel with two disks, of which one is huge and cannot be written to ---- */

bool make_ide(struct board *b)
{
    if (!(b->part[0] = ide_create(b->clock, b->phys, board_wire(b, 14))))
        return false;
    board_block(b, 0, DISK_BYTES, false);
    board_block(b, 1, HUGE_BYTES, true);
    ide_attach_disk(b->part[0], 0, b->block[0]);
    ide_attach_disk(b->part[0], 1, b->block[1]);
    return true;
}

void reset_ide(struct board *b) { ide_reset(b->part[0]); }

void destroy_ide(struct board *b) { ide_destroy(b->part[0]); }

/* A command, with all its registers (those of LBA48 twice), and some words of its data. */
static void command(struct board *b, struct input *in, u8 what)
{
    static const u8 commands[] = {0x20, 0x24, 0x25, 0x29, 0x30, 0x34, 0x35, 0x39, 0xC4, 0xC5, 0xC6,
                                  0xC8, 0xCA, 0xEC, 0xEF, 0xE7, 0xEA, 0x91, 0x10, 0x90, 0x70, 0x40,
                                  0x42, 0xF8, 0x27, 0xF9, 0x37, 0xE5, 0xE0, 0xA1, 0x08, 0xB0};
    u8 which = input_byte(in);

    bus_write(b->io, 0x1F6, 0xA0 | input_byte(in), 1);
    for (int times = what & 4 ? 2 : 1; times; times--)
        for (u16 port = 0x1F1; port <= 0x1F5; port++)
            bus_write(b->io, port, input_byte(in), 1);
    bus_write(b->io, 0x1F7, commands[which % sizeof commands], 1);
    board_wait(b, 2000000);
    for (unsigned i = 0; i < (what >> 3) * 32u; i++) {
        if (which & 0x80)
            board_see(b, bus_read(b->io, 0x1F0, 2));
        else
            bus_write(b->io, 0x1F0, i, 2);
    }
    if (what & 8)
        bus_write(b->io, 0xC000, what & 16 ? 9 : 1, 1);
}

/* A command; a table of memory regions for the bus master; or its leave to use memory. */
void happen_ide(struct board *b, struct input *in)
{
    u8 what = input_byte(in);

    if ((what & 3) == 3) {
        ide_allow_master(b->part[0], what >> 2 & 1);
        return;
    }
    if (what & 1) {
        command(b, in, what);
        return;
    }
    for (u64 at = 0x1000; at < 0x1000 + 8u * (1 + (what >> 5)); at += 8) {
        phys_write(b->phys, at, input_take(in, 2) << 4, 4);
        phys_write(b->phys, at + 4, input_take(in, 2) | (u64)(input_byte(in) & 0x81) << 24, 4);
    }
    bus_write(b->io, 0xC004, 0x1000, 4);
}

u64 ask_ide(struct board *b) { return ide_may_interrupt(b->part[0]); }

/* ---- A channel with two CD drives, into and out of which discs go ---- */

bool make_atapi(struct board *b)
{
    if (!(b->part[0] = ide_create(b->clock, b->phys, board_wire(b, 14))))
        return false;
    board_block(b, 0, DISC_BYTES, true);
    board_block(b, 1, 2048 * 7 + 100, true);
    ide_attach_cdrom(b->part[0], 0, b->block[0]);
    ide_attach_cdrom(b->part[0], 1, NULL);
    return true;
}

void reset_atapi(struct board *b) { ide_reset(b->part[0]); }

void destroy_atapi(struct board *b) { ide_destroy(b->part[0]); }

/* A packet as a driver would send it, or another disc. */
void happen_atapi(struct board *b, struct input *in)
{
    u8 what = input_byte(in);

    if (what & 1) {
        ide_change_disc(b->part[0], what >> 1 & 1, what & 4 ? b->block[what >> 3 & 1] : NULL);
        return;
    }
    if (what & 2) {
        happen_ide(b, in);
        return;
    }
    bus_write(b->io, 0x1F6, what & 4 ? 0x10 : 0, 1);
    bus_write(b->io, 0x1F1, what >> 3 & 1, 1);
    bus_write(b->io, 0x1F4, input_byte(in), 1);
    bus_write(b->io, 0x1F5, input_byte(in), 1);
    bus_write(b->io, 0x1F7, 0xA0, 1);
    board_wait(b, 10000);
    for (int i = 0; i < 6; i++)
        bus_write(b->io, 0x1F0, input_take(in, 2), 2);
}

u64 ask_atapi(struct board *b) { return ide_may_interrupt(b->part[0]); }

/* ---- The floppy controller (part 0) and its DMA (part 1) ---- */

bool make_fdc(struct board *b)
{
    static const u64 sizes[BOARD_BLOCKS] = {1474560, 737280, 2949120, 368640};

    b->part[1] = dma_create(b->phys);
    if (!b->part[1] || !(b->part[0] = fdc_create(b->clock, b->part[1], board_wire(b, 6))))
        return false;
    for (int i = 0; i < BOARD_BLOCKS; i++)
        board_block(b, i, sizes[i], i == 1);
    return fdc_attach(b->part[0], 0, b->block[0]) && fdc_attach(b->part[0], 1, NULL);
}

void reset_fdc(struct board *b)
{
    fdc_reset(b->part[0]);
    dma_reset(b->part[1]);
}

void destroy_fdc(struct board *b)
{
    fdc_destroy(b->part[0]);
    dma_destroy(b->part[1]);
}

/* A command with its parameters, the time it takes, and its result. */
static void floppy_command(struct board *b, struct input *in, u8 what)
{
    static const struct {
        u8 code, length;
    } commands[] = {{0x03, 3}, {0x07, 2}, {0x08, 1}, {0x0F, 3}, {0x46, 9}, {0x06, 9}, {0x45, 9}, {0x05, 9},
                    {0x0C, 9}, {0x09, 9}, {0x42, 9}, {0x4D, 6}, {0x4A, 2}, {0x04, 2}, {0x13, 4}, {0x12, 2},
                    {0x0E, 1}, {0x10, 1}, {0x14, 1}, {0x8F, 3}, {0xCF, 3}, {0x16, 9}, {0x11, 9}, {0x1F, 1}};
    unsigned which = (what >> 2) % (sizeof commands / sizeof commands[0]);

    bus_write(b->io, 0x3F2, 0x1C | (what >> 7 ? 0x21 : 0x10), 1);
    bus_write(b->io, 0x3F5, commands[which].code, 1);
    for (u8 i = 1; i < commands[which].length; i++)
        bus_write(b->io, 0x3F5, input_byte(in), 1);
    board_wait(b, 300000000);
    for (int i = 0; i < 10 && bus_read(b->io, 0x3F4, 1) & 0x40; i++)
        board_see(b, bus_read(b->io, 0x3F5, 1));
}

/* A command; another disk; or channel 2 set up for a transfer. */
void happen_fdc(struct board *b, struct input *in)
{
    u8 what = input_byte(in);
    u64 count;

    if ((what & 3) == 2) {
        floppy_command(b, in, what);
        return;
    }
    count = input_take(in, 2);
    if (what & 1) {
        board_see(b, fdc_change(b->part[0], what >> 1 & 1, what & 4 ? b->block[what >> 3 & 3] : NULL));
        return;
    }
    bus_write(b->io, 0x0C, 0, 1);
    bus_write(b->io, 0x0B, 0x02 | (what & 0xFC), 1);
    bus_write(b->io, 0x04, 0, 1);
    bus_write(b->io, 0x04, 0x10, 1);
    bus_write(b->io, 0x81, what >> 6, 1);
    bus_write(b->io, 0x05, count & 0xFF, 1);
    bus_write(b->io, 0x05, count >> 8, 1);
    bus_write(b->io, 0x0A, 0x02, 1);
}

u64 ask_fdc(struct board *b)
{
    return fdc_may_interrupt(b->part[0]) + 2u * fdc_cmos_type(b->part[0], 0) + 32u * fdc_cmos_type(b->part[0], 1);
}

/* ---- The DMA controllers with a device on each channel ---- */

static void on_ready(void *board) { board_see(board, 7); }

bool make_dma(struct board *b)
{
    if (!(b->part[0] = dma_create(b->phys)))
        return false;
    for (int i = 0; i < CHANNELS; i++)
        if (i != 4)
            dma_connect(b->part[0], i, on_ready, b);
    return true;
}

void reset_dma(struct board *b) { dma_reset(b->part[0]); }

void destroy_dma(struct board *b) { dma_destroy(b->part[0]); }

void happen_dma(struct board *b, struct input *in)
{
    u8 what = input_byte(in), bytes[PORTION];
    size_t size = input_take(in, 2) % PORTION;
    int channel = what & 7;
    bool tc = false;

    if (channel == 4)
        return;
    memset(bytes, what, sizeof bytes);
    if (what & 8)
        dma_request(b->part[0], channel, what >> 4 & 1);
    else if (what & 16)
        size = dma_to_memory(b->part[0], channel, bytes, size, &tc);
    else
        size = dma_from_memory(b->part[0], channel, bytes, size, &tc);
    if (size > PORTION)
        fuzz_found("%zu bytes moved of %d", size, PORTION);
    board_see(b, size * 2 + tc);
    for (size_t i = 0; i < size; i++)
        board_see(b, bytes[i]);
}

u64 ask_dma(struct board *b) { return b != NULL; }
