/* SPDX-License-Identifier: MIT */
/* Images, shadow RAM, PCI, IDE and its bus master, CD drives: by register, and with what a hostile guest would write.
 */
#include "devices/chipset.h"
#include "devices/ide.h"
#include "tests/unit/device_bench.h"

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

enum { MIB = 1 << 20, IRQ = 0, SECTORS = 4096, TABLE = 0x1000, DATA = 0x100000 };

/* ---- Images ---- */

static char image_path[] = "/tmp/faultline-image-XXXXXX";

/* An image in which each sector says its number in its first four bytes. */
static void image_make(u64 bytes)
{
    FILE *f = fopen(image_path, "wb");

    ck_assert_ptr_nonnull(f);
    for (u64 at = 0; at < bytes; at += BLOCK_SECTOR) {
        u32 sector[BLOCK_SECTOR / 4] = {(u32)(at / BLOCK_SECTOR), 0x12345678};

        fwrite(sector, 1, bytes - at < BLOCK_SECTOR ? bytes - at : BLOCK_SECTOR, f);
    }
    fclose(f);
}

static struct block *image_open(bool read_only, bool snapshot)
{
    struct block_config config = {.path = image_path, .read_only = read_only, .snapshot = snapshot};
    char why[256];
    struct block *b = block_open(&config, why, sizeof(why));

    ck_assert_msg(b != NULL, "%s", why);
    return b;
}

START_TEST(images_are_read_and_written)
{
    u32 sector[BLOCK_SECTOR / 4];
    struct block *b;

    image_make(10 * BLOCK_SECTOR + 100);
    b = image_open(false, false);
    ck_assert_uint_eq(block_sectors(b), 11);
    ck_assert(block_read(b, 10, 1, sector));
    ck_assert_uint_eq(sector[0], 10);
    ck_assert_uint_eq(sector[25], 0); /* behind the end */
    ck_assert(!block_read(b, 11, 1, sector));
    ck_assert(!block_read(b, 5, ~0ull, sector));
    ck_assert(!block_write(b, ~0ull, 2, sector));
    memset(sector, 0x5A, sizeof(sector));
    ck_assert(block_write(b, 10, 1, sector));
    ck_assert(block_flush(b));
    block_close(b);
    b = image_open(true, false);
    ck_assert_uint_eq(block_bytes(b), 11 * BLOCK_SECTOR);
    ck_assert(block_read(b, 10, 1, sector));
    ck_assert_uint_eq(sector[127], 0x5A5A5A5A);
    ck_assert(!block_write(b, 0, 1, sector));
    block_close(b);
}
END_TEST

START_TEST(snapshots_forget)
{
    u8 *many = malloc(300 * BLOCK_SECTOR), *back = malloc(300 * BLOCK_SECTOR);
    u32 sector[BLOCK_SECTOR / 4];
    struct block *b;

    image_make(1000 * BLOCK_SECTOR);
    b = image_open(false, true);
    memset(many, 0xA5, 300 * BLOCK_SECTOR);
    ck_assert(block_write(b, 100, 300, many));
    ck_assert(block_read(b, 100, 300, back));
    ck_assert_mem_eq(many, back, 300 * BLOCK_SECTOR);
    ck_assert(block_read(b, 99, 1, sector));
    ck_assert_uint_eq(sector[0], 99);
    ck_assert(block_read(b, 400, 1, sector));
    ck_assert_uint_eq(sector[0], 400);
    block_close(b);
    b = image_open(false, false);
    ck_assert(block_read(b, 100, 1, sector));
    ck_assert_uint_eq(sector[0], 100);
    block_close(b);
    free(many);
    free(back);
}
END_TEST

START_TEST(images_are_locked)
{
    struct block_config config = {.path = image_path};
    struct block *first, *second;
    char why[256] = "";

    image_make(SECTORS);
    first = image_open(false, false);
    ck_assert_ptr_null(block_open(&config, why, sizeof(why)));
    ck_assert_ptr_nonnull(strstr(why, "in use"));
    block_close(first);
    first = image_open(true, false);
    second = image_open(false, true); /* a snapshot only reads */
    ck_assert_ptr_null(block_open(&config, why, sizeof(why)));
    block_close(first);
    block_close(second);
}
END_TEST

static void count_line(void *ctx, const char *line)
{
    ++*(unsigned *)ctx;
    ck_assert_ptr_nonnull(strstr(line, "faultline-image"));
}

/* The host's limit on file sizes stands for a full disk: an error for the guest, and one line. */
START_TEST(host_errors_are_told)
{
    unsigned lines = 0;
    struct block_config config = {.path = image_path, .complain = count_line, .ctx = &lines};
    struct rlimit old, limit;
    char why[256];
    u8 sector[BLOCK_SECTOR] = {0};
    struct block *b;

    image_make(100 * BLOCK_SECTOR);
    b = block_open(&config, why, sizeof(why));
    ck_assert_ptr_nonnull(b);
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &old);
    limit = (struct rlimit){50 * BLOCK_SECTOR, old.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
    ck_assert(block_write(b, 49, 1, sector));
    ck_assert(!block_write(b, 50, 1, sector));
    ck_assert(!block_write(b, 51, 1, sector));
    setrlimit(RLIMIT_FSIZE, &old);
    ck_assert_uint_eq(lines, 1);
    ck_assert_int_eq(truncate(image_path, 10 * BLOCK_SECTOR), 0);
    ck_assert(!block_read(b, 20, 1, sector)); /* it has become shorter meanwhile */
    block_close(b);
}
END_TEST

/* ---- PCI and shadow RAM ---- */

struct board {
    struct bench bench;
    struct phys *phys;
    struct bus *io;
    struct pci *pci;
    struct piix3 *piix3;
    struct i440fx *host;
    struct piix_ide *function;
    struct ide *ide[2];
    struct block *block;
    unsigned moved;
};

static void note_moved(void *ctx) { ++*(unsigned *)ctx; }

static void board_open(struct board *b)
{
    struct wire pirq[4], isa[16];

    memset(b, 0, sizeof(*b));
    bench_open(&b->bench);
    b->phys = phys_create(4 * MIB);
    b->io = bus_create(0xFF);
    b->piix3 = piix3_create();
    for (int i = 0; i < 4; i++)
        pirq[i] = piix3_pirq(b->piix3, i);
    for (int i = 0; i < 16; i++)
        isa[i] = bench_wire(&b->bench, i);
    b->pci = pci_create(b->io, phys_mmio(b->phys), pirq);
    ck_assert(piix3_add(b->piix3, b->pci, isa));
    b->host = i440fx_create(b->pci, b->phys, note_moved, &b->moved);
    for (int i = 0; i < 2; i++)
        b->ide[i] = ide_create(b->bench.clock, b->phys, bench_wire(&b->bench, 14 + i));
    b->function = piix_ide_create(b->pci, b->io, b->ide);
    ck_assert(bus_attach(b->io, 0xCF8, 4, &pci_address_ops, b->pci));
    ck_assert(bus_attach(b->io, 0xCFC, 4, &pci_data_ops, b->pci));
}

static void board_close(struct board *b)
{
    pci_destroy(b->pci);
    piix_ide_destroy(b->function);
    ide_destroy(b->ide[0]);
    ide_destroy(b->ide[1]);
    i440fx_destroy(b->host);
    piix3_destroy(b->piix3);
    block_close(b->block);
    bus_destroy(b->io);
    phys_destroy(b->phys);
    clock_destroy(b->bench.clock);
}

static u32 config_read(struct board *b, u32 address, unsigned width)
{
    bus_write(b->io, 0xCF8, 0x80000000 | (address & ~3u), 4);
    return (u32)bus_read(b->io, 0xCFC + (address & 3), width);
}

static void config_write(struct board *b, u32 address, u32 value, unsigned width)
{
    bus_write(b->io, 0xCF8, 0x80000000 | (address & ~3u), 4);
    bus_write(b->io, 0xCFC + (address & 3), value, width);
}

START_TEST(configuration_mechanism)
{
    struct board b;

    board_open(&b);
    ck_assert_uint_eq(config_read(&b, 0x0000, 4), 0x12378086);
    ck_assert_uint_eq(config_read(&b, 0x0002, 2), 0x1237);
    ck_assert_uint_eq(config_read(&b, 0x0003, 1), 0x12);
    ck_assert_uint_eq(config_read(&b, 0x0800, 4), 0x70008086);
    ck_assert_uint_eq(config_read(&b, 0x080E, 1), 0x80);
    ck_assert_uint_eq(config_read(&b, 0x0900, 4), 0x70108086);
    ck_assert_uint_eq(config_read(&b, 0x1000, 4), 0xFFFFFFFF);  /* no such function */
    ck_assert_uint_eq(config_read(&b, 0x10000, 4), 0xFFFFFFFF); /* no such bus */
    config_write(&b, 0x0000, 0, 4);                             /* read-only */
    ck_assert_uint_eq(config_read(&b, 0x0000, 4), 0x12378086);
    bus_write(b.io, 0xCF8, 0, 4); /* not enabled */
    ck_assert_uint_eq(bus_read(b.io, 0xCFC, 4), 0xFFFFFFFF);
    bus_write(b.io, 0xCF8, 0x80000008, 4);
    bus_write(b.io, 0xCF8, 0x55, 1); /* not the address register */
    ck_assert_uint_eq(bus_read(b.io, 0xCF8, 4), 0x80000008);
    for (u32 i = 0; i < 256; i++) /* whatever is written anywhere, nothing breaks */
        for (u32 f = 0; f < 0x1000; f += 0x100)
            config_write(&b, f | i, 0xFFFFFFFF, 1u << i % 3);
    pci_reset(b.pci);
    ck_assert_uint_eq(config_read(&b, 0x0860, 1), 0x80);
    board_close(&b);
}
END_TEST

START_TEST(bars_move)
{
    struct board b;

    board_open(&b);
    config_write(&b, 0x0920, 0xFFFFFFFF, 4);
    ck_assert_uint_eq(config_read(&b, 0x0920, 4), 0xFFFFFFF1); /* 16 ports */
    ck_assert_uint_eq(bus_read(b.io, 0xC002, 1), 0xFF);
    config_write(&b, 0x0920, 0xC001, 4);
    ck_assert_uint_eq(bus_read(b.io, 0xC002, 1), 0xFF); /* not decoded yet */
    config_write(&b, 0x0904, PCI_COMMAND_IO | PCI_COMMAND_MASTER, 2);
    ck_assert_uint_eq(bus_read(b.io, 0xC002, 1), 0x00);
    config_write(&b, 0x0920, 0xD001, 4);
    ck_assert_uint_eq(bus_read(b.io, 0xC002, 1), 0xFF);
    ck_assert_uint_eq(bus_read(b.io, 0xD00A, 1), 0x00);
    config_write(&b, 0x0920, 0x0CF1, 4); /* onto somebody else: it is not seen there */
    ck_assert_uint_eq(config_read(&b, 0x0000, 4), 0x12378086);
    config_write(&b, 0x0920, 0xD001, 4);
    ck_assert_uint_eq(bus_read(b.io, 0xD00A, 1), 0x00);
    /* The legacy ports need IDETIM's decode bit as well. */
    ck_assert_uint_eq(bus_read(b.io, 0x1F7, 1), 0xFF);
    config_write(&b, 0x0940, 0x8000, 2);
    ck_assert_uint_eq(bus_read(b.io, 0x1F7, 1), 0x7F);
    ck_assert_uint_eq(bus_read(b.io, 0x177, 1), 0xFF);
    pci_reset(b.pci);
    ck_assert_uint_eq(bus_read(b.io, 0x1F7, 1), 0xFF);
    ck_assert_uint_eq(bus_read(b.io, 0xD00A, 1), 0xFF);
    board_close(&b);
}
END_TEST

START_TEST(interrupts_are_routed)
{
    struct board b;
    struct pci_function f = {.config = {[PCI_INTERRUPT_PIN] = 1}};

    board_open(&b);
    ck_assert(pci_add(b.pci, 3, 0, &f)); /* INTA# of device 3 is PIRQC */
    ck_assert(!pci_add(b.pci, 3, 0, &f));
    pci_set_intx(&f, true);
    config_write(&b, 0x0862, 11, 1);
    ck_assert(b.bench.level[11]);
    config_write(&b, 0x0862, 13, 1); /* reserved */
    ck_assert(!b.bench.level[11] && !b.bench.level[13]);
    config_write(&b, 0x0862, 5, 1);
    ck_assert(b.bench.level[5]);
    config_write(&b, 0x1804, PCI_COMMAND_NO_INTX, 2);
    ck_assert(!b.bench.level[5]);
    config_write(&b, 0x1804, 0, 2);
    pci_set_intx(&f, false);
    ck_assert(!b.bench.level[5]);
    board_close(&b);
}
END_TEST

/* Every segment with every setting: reads and writes go where the PAM registers say. */
START_TEST(shadow_ram)
{
    static u8 rom[0x20000];
    struct board b;

    memset(rom, 0xBB, sizeof(rom));
    board_open(&b);
    ck_assert(phys_add_rom(b.phys, 0xE0000, rom, sizeof(rom)));
    for (unsigned segment = 0; segment < 13; segment++) {
        u32 at = segment == 12 ? 0xF0000 : 0xC0000 + segment * 0x4000, size = segment == 12 ? 0x10000 : 0x4000;
        unsigned reg = segment == 12 ? 0x59 : 0x5A + segment / 2, shift = segment == 12 || segment & 1 ? 4 : 0;
        u8 covered = at >= 0xE0000 ? 0xBB : 0xFF;

        for (u32 edge = at; edge < at + size; edge += size - 1) {
            config_write(&b, reg, 0x3u << shift, 1);
            phys_write(b.phys, edge, 0x11, 1);
            ck_assert_uint_eq(phys_read(b.phys, edge, 1), 0x11);
            config_write(&b, reg, 0x1u << shift, 1); /* read-only RAM */
            phys_write(b.phys, edge, 0x22, 1);
            ck_assert_uint_eq(phys_read(b.phys, edge, 1), 0x11);
            ck_assert(phys_page_split(b.phys, edge));
            config_write(&b, reg, 0x2u << shift, 1); /* writes go under what is read */
            phys_write(b.phys, edge, 0x33, 1);
            ck_assert_uint_eq(phys_read(b.phys, edge, 1), covered);
            ck_assert(phys_page_split(b.phys, edge));
            config_write(&b, reg, 0, 1);
            phys_write(b.phys, edge, 0x44, 1);
            ck_assert_uint_eq(phys_read(b.phys, edge, 1), covered);
            config_write(&b, reg, 0x3u << shift, 1);
            ck_assert_uint_eq(phys_read(b.phys, edge, 1), 0x33);
            config_write(&b, reg, 0, 1);
        }
    }
    ck_assert_uint_ge(b.moved, 13 * 2 * 6);
    board_close(&b);
}
END_TEST

/* ---- IDE ---- */

enum { REG_DATA, REG_FEATURE, REG_COUNT, REG_LOW, REG_MID, REG_HIGH, REG_DEVICE, REG_COMMAND };

static void disk_open(struct board *b, u64 sectors)
{
    image_make(sectors * BLOCK_SECTOR);
    board_open(b);
    b->block = image_open(false, false);
    ide_attach_disk(b->ide[0], 0, b->block);
    ide_allow_master(b->ide[0], true);
}

static u8 in(struct board *b, unsigned reg) { return rd(&ide_command_ops, b->ide[0], reg); }
static void out(struct board *b, unsigned reg, u8 v) { wr(&ide_command_ops, b->ide[0], reg, v); }

static u8 wait(struct board *b)
{
    bench_run(&b->bench, b->bench.now + 10000000);
    return in(b, REG_COMMAND);
}

/* A 28-bit command on drive 0. */
static u8 command(struct board *b, u8 cmd, u32 lba, u8 count)
{
    out(b, REG_DEVICE, (u8)(0xE0 | lba >> 24));
    out(b, REG_COUNT, count);
    out(b, REG_LOW, (u8)lba);
    out(b, REG_MID, (u8)(lba >> 8));
    out(b, REG_HIGH, (u8)(lba >> 16));
    out(b, REG_COMMAND, cmd);
    ck_assert_uint_eq(in(b, REG_COMMAND) & 0x80, 0x80);
    return wait(b);
}

static void get_sector(struct board *b, u32 sector[BLOCK_SECTOR / 4])
{
    for (unsigned i = 0; i < BLOCK_SECTOR / 4; i++)
        sector[i] = (u32)ide_command_ops.read(b->ide[0], 0, 4);
}

START_TEST(disk_by_pio)
{
    struct board b;
    u32 sector[BLOCK_SECTOR / 4];

    disk_open(&b, SECTORS);
    ck_assert_uint_eq(command(&b, 0xEC, 0, 0), 0x58);
    get_sector(&b, sector);
    ck_assert_uint_eq(sector[30], SECTORS);
    ck_assert_uint_eq(sector[50], SECTORS);
    ck_assert_uint_eq(in(&b, REG_COMMAND), 0x50);
    ck_assert_uint_eq(command(&b, 0x20, 7, 3), 0x58);
    for (u32 i = 7; i < 10; i++) {
        get_sector(&b, sector);
        ck_assert_uint_eq(sector[0], i);
        ck_assert_uint_eq(wait(&b), i < 9 ? 0x58 : 0x50);
    }
    ck_assert_uint_eq(command(&b, 0x30, 5, 1), 0x58); /* WRITE: DRQ without interrupt, then one */
    for (unsigned i = 0; i < 256; i++)
        ide_command_ops.write(b.ide[0], 0, 0xABCD, 2);
    ck_assert_uint_eq(wait(&b), 0x50);
    ck_assert(block_read(b.block, 5, 1, sector));
    ck_assert_uint_eq(sector[127], 0xABCDABCD);
    ck_assert_uint_eq(command(&b, 0x20, SECTORS, 1), 0x51); /* not there */
    ck_assert_uint_eq(in(&b, REG_FEATURE), 0x10);
    ck_assert_uint_eq(command(&b, 0xC4, 0, 1), 0x51); /* READ MULTIPLE before SET MULTIPLE */
    ck_assert_uint_eq(in(&b, REG_FEATURE), 0x04);
    ck_assert_uint_eq(command(&b, 0xC6, 0, 3), 0x51);
    ck_assert_uint_eq(command(&b, 0xC6, 0, 8), 0x50);
    ck_assert_uint_eq(command(&b, 0xC4, 100, 9), 0x58);
    for (u32 i = 100; i < 108; i++)
        get_sector(&b, sector);
    ck_assert_uint_eq(sector[0], 107);
    ck_assert_uint_eq(wait(&b), 0x58);
    get_sector(&b, sector);
    ck_assert_uint_eq(sector[0], 108);
    ck_assert_uint_eq(in(&b, REG_COMMAND), 0x50);
    board_close(&b);
}
END_TEST

START_TEST(disk_interrupts)
{
    struct board b;

    disk_open(&b, SECTORS);
    out(&b, REG_DEVICE, 0xE0);
    out(&b, REG_COMMAND, 0xE7); /* FLUSH */
    ck_assert(!b.bench.level[14]);
    ck_assert(ide_may_interrupt(b.ide[0]));
    bench_run(&b.bench, b.bench.now + 1000000);
    ck_assert(b.bench.level[14]);
    ck_assert_uint_eq(rd(&ide_control_ops, b.ide[0], 0), 0x50); /* the alternate status leaves it */
    ck_assert(b.bench.level[14]);
    out(&b, REG_DEVICE, 0xF0); /* not the selected drive's any more */
    ck_assert(!b.bench.level[14]);
    ck_assert_uint_eq(in(&b, REG_COMMAND), 0); /* device 1 is not there, and device 0 says so */
    out(&b, REG_DEVICE, 0xE0);
    ck_assert(b.bench.level[14]);
    ck_assert_uint_eq(in(&b, REG_COMMAND), 0x50);
    ck_assert(!b.bench.level[14]);
    wr(&ide_control_ops, b.ide[0], 0, 0x02); /* nIEN */
    out(&b, REG_COMMAND, 0xE7);
    bench_run(&b.bench, b.bench.now + 1000000);
    ck_assert(!b.bench.level[14]);
    wr(&ide_control_ops, b.ide[0], 0, 0x00);
    ck_assert(b.bench.level[14]);
    wr(&ide_control_ops, b.ide[0], 0, 0x04); /* SRST */
    ck_assert_uint_eq(in(&b, REG_COMMAND), 0x80);
    wr(&ide_control_ops, b.ide[0], 0, 0x00);
    ck_assert_uint_eq(wait(&b), 0x50);
    ck_assert_uint_eq(in(&b, REG_COUNT) | in(&b, REG_LOW) << 8 | in(&b, REG_MID) << 16 | in(&b, REG_HIGH) << 24, 0x101);
    board_close(&b);
}
END_TEST

static void prd(struct board *b, unsigned n, u32 address, u32 count)
{
    phys_write(b->phys, TABLE + 8 * n, address, 4);
    phys_write(b->phys, TABLE + 8 * n + 4, count, 4);
}

static void master(struct board *b, u8 cmd)
{
    ide_master_ops.write(b->ide[0], 4, TABLE, 4);
    wr(&ide_master_ops, b->ide[0], 0, cmd);
}

START_TEST(disk_by_dma)
{
    struct board b;
    u32 word;

    disk_open(&b, SECTORS);
    prd(&b, 0, DATA, 700 & ~1);
    prd(&b, 1, DATA + 0x10000, 0x80000000 | (1024 - 700));
    ck_assert_uint_eq(command(&b, 0xC8, 11, 2) & 0x80, 0x80); /* waits for the engine */
    ck_assert(!b.bench.level[14]);
    master(&b, 0x09);
    ck_assert_uint_eq(rd(&ide_master_ops, b.ide[0], 2), 0x01);
    bench_run(&b.bench, b.bench.now + 1000000);
    ck_assert(b.bench.level[14]);
    ck_assert_uint_eq(rd(&ide_master_ops, b.ide[0], 2), 0x04); /* both ended */
    ck_assert_uint_eq(phys_read(b.phys, DATA, 4), 11);
    ck_assert_uint_eq(phys_read(b.phys, DATA + 512, 4), 12);
    ck_assert_uint_eq(in(&b, REG_COMMAND), 0x50);
    wr(&ide_master_ops, b.ide[0], 0, 0);
    wr(&ide_master_ops, b.ide[0], 2, 0x04);
    ck_assert_uint_eq(rd(&ide_master_ops, b.ide[0], 2), 0x00);
    phys_write(b.phys, DATA, 0xC0FFEE, 4); /* and back, with a table longer than the transfer */
    prd(&b, 0, DATA, 0x80000000);
    master(&b, 0x01);
    ck_assert_uint_eq(command(&b, 0xCA, 20, 1), 0x50);
    ck_assert_uint_eq(rd(&ide_master_ops, b.ide[0], 2), 0x05);
    ck_assert(block_read(b.block, 20, 1, (u32[BLOCK_SECTOR / 4]){0}));
    word = 0;
    {
        u32 sector[BLOCK_SECTOR / 4];

        ck_assert(block_read(b.block, 20, 1, sector));
        word = sector[0];
    }
    ck_assert_uint_eq(word, 0xC0FFEE);
    board_close(&b);
}
END_TEST

/* 48-bit addresses: the previous values of the registers count. */
START_TEST(disk_by_48_bits)
{
    struct board b;
    u32 sector[BLOCK_SECTOR / 4];

    disk_open(&b, SECTORS);
    out(&b, REG_DEVICE, 0x40);
    for (unsigned reg = REG_COUNT; reg <= REG_HIGH; reg++) {
        static const u8 high[] = {0, 0, 0, 0}, low[] = {2, 0x34, 0x0C, 0};

        out(&b, reg, high[reg - REG_COUNT]);
        out(&b, reg, low[reg - REG_COUNT]);
    }
    out(&b, REG_COMMAND, 0x24);
    ck_assert_uint_eq(wait(&b), 0x58);
    get_sector(&b, sector);
    ck_assert_uint_eq(sector[0], 0xC34);
    wait(&b);
    get_sector(&b, sector);
    wr(&ide_control_ops, b.ide[0], 0, 0x80); /* HOB */
    ck_assert_uint_eq(in(&b, REG_COUNT), 0);
    out(&b, REG_LOW, 1); /* a write takes HOB away; this one makes the address 2^24 too high */
    out(&b, REG_LOW, 0);
    out(&b, REG_COMMAND, 0x24);
    ck_assert_uint_eq(wait(&b), 0x51);
    ck_assert_uint_eq(in(&b, REG_FEATURE), 0x10);
    board_close(&b);
}
END_TEST

/* Tables that end early, never, in themselves, in no memory at all; lengths of nothing. */
START_TEST(hostile_tables)
{
    static const struct {
        u32 address, count;
    } entries[] = {{DATA, 2},
                   {0, 0},
                   {0xFFFFFFFE, 0x80000000},
                   {TABLE, 0x1000},
                   {0xFEE00000, 0x80000200},
                   {4 * MIB - 2, 0x8000FFFE},
                   {0xA0000, 1}};
    struct board b;

    disk_open(&b, SECTORS);
    for (int i = 0; i < COUNT(entries); i++) {
        for (unsigned n = 0; n < 8192; n++)
            prd(&b, n, entries[i].address, entries[i].count);
        for (int write = 0; write < 2; write++) {
            master(&b, write ? 1 : 9);
            command(&b, write ? 0xCA : 0xC8, 0, 255);
            wr(&ide_master_ops, b.ide[0], 0, 0);
            wr(&ide_control_ops, b.ide[0], 0, 4);
            wr(&ide_control_ops, b.ide[0], 0, 0);
            ck_assert_uint_eq(wait(&b), 0x50);
        }
    }
    for (u32 table = 0xFFFFFFF0; table; table += 4) {
        ide_master_ops.write(b.ide[0], 4, table, 4);
        wr(&ide_master_ops, b.ide[0], 0, 9);
        command(&b, 0xC8, 0, 1);
        wr(&ide_master_ops, b.ide[0], 0, 0);
        wr(&ide_control_ops, b.ide[0], 0, 4);
        wr(&ide_control_ops, b.ide[0], 0, 0);
        wait(&b);
    }
    board_close(&b);
}
END_TEST

static u32 noise(u32 *state) { return *state = *state * 1664525 + 1013904223; }

/* Registers written at random, with a disk and a CD: it must only go on. */
START_TEST(noise_on_the_registers)
{
    struct board b;
    u32 state = (u32)_i + 1;

    disk_open(&b, 100);
    ide_attach_cdrom(b.ide[0], 1, b.block);
    for (unsigned i = 0; i < 200000; i++) {
        u32 r = noise(&state) >> 8;

        if (r % 16 < 9)
            ide_command_ops.write(b.ide[0], r >> 4 & 7, r >> 7, 1u << (r >> 15) % 3);
        else if (r % 16 < 11)
            ide_command_ops.read(b.ide[0], r >> 4 & 7, 1u << (r >> 15) % 3);
        else if (r % 16 < 12)
            ide_master_ops.write(b.ide[0], r >> 4 & 7, r >> 7, 1);
        else if (r % 16 < 13)
            out(&b, REG_COMMAND, (const u8[]){0x20, 0x30, 0xA0, 0xC8, 0xCA, 0xC4, 0xC5, 0x25}[r >> 4 & 7]);
        else
            bench_run(&b.bench, b.bench.now + 30000);
        if (r % 4096 == 0)
            wr(&ide_control_ops, b.ide[0], 0, (u8)(r >> 12 & 6));
    }
    wr(&ide_control_ops, b.ide[0], 0, 4);
    wr(&ide_control_ops, b.ide[0], 0, 0);
    ck_assert_uint_eq(wait(&b), 0x50);
    board_close(&b);
}
END_TEST

/* ---- CD ---- */

static void cd_open(struct board *b)
{
    image_make(SECTORS * BLOCK_SECTOR);
    board_open(b);
    b->block = image_open(true, false);
    ide_attach_cdrom(b->ide[0], 0, b->block);
    ide_allow_master(b->ide[0], true);
}

/* Sends a packet; the status when the drive has done with it, or has data. */
static u8 packet(struct board *b, const u8 *bytes, u8 features, unsigned limit)
{
    out(b, REG_DEVICE, 0xA0);
    out(b, REG_FEATURE, features);
    out(b, REG_MID, (u8)limit);
    out(b, REG_HIGH, (u8)(limit >> 8));
    out(b, REG_COMMAND, 0xA0);
    ck_assert_uint_eq(wait(b) & 0x88, 0x08);
    ck_assert_uint_eq(in(b, REG_COUNT) & 3, 1);
    for (unsigned i = 0; i < 12; i += 2)
        ide_command_ops.write(b->ide[0], 0, bytes[i] | (u32)bytes[i + 1] << 8, 2);
    return wait(b);
}

/* All of an answer, in blocks no longer than the limit. */
static unsigned answer(struct board *b, u8 *to, unsigned limit)
{
    unsigned size = 0;

    while (in(b, REG_COMMAND) & 0x08) {
        unsigned n = in(b, REG_MID) | (unsigned)in(b, REG_HIGH) << 8;

        ck_assert_uint_eq(in(b, REG_COUNT) & 3, 2);
        ck_assert_uint_le(n, limit);
        for (unsigned i = 0; i < n; i += 2) {
            u32 word = (u32)ide_command_ops.read(b->ide[0], 0, 2);

            to[size++] = (u8)word;
            if (i + 1 < n)
                to[size++] = (u8)(word >> 8);
        }
        wait(b);
    }
    ck_assert_uint_eq(in(b, REG_COUNT) & 3, 3);
    return size;
}

START_TEST(cd_commands)
{
    static const u8 inquiry[12] = {0x12, 0, 0, 0, 36}, capacity[12] = {0x25}, read[12] = {0x28, 0, 0, 0, 0, 5, 0, 0, 3};
    static const u8 beyond[12] = {0x28, 0, 0, 0, 4, 0, 0, 0, 1}, sense[12] = {0x03, 0, 0, 0, 18}, bad[12] = {0xFF};
    static const u8 toc[12] = {0x43, 0, 0, 0, 0, 0, 0, 0xFF}, eject[12] = {0x1B, 0, 0, 0, 2}, ready[12] = {0};
    static const u8 lock[12] = {0x1E, 0, 0, 0, 1}, event[12] = {0x4A, 1, 0, 0, 0x10, 0, 0, 0, 8};
    static u8 data[65536 * 2];
    struct board b;

    cd_open(&b);
    ck_assert_uint_eq(in(&b, REG_MID) | in(&b, REG_HIGH) << 8, 0xEB14);
    ck_assert_uint_eq(packet(&b, inquiry, 0, 0xFFFE) & 0x09, 0x08);
    ck_assert_uint_eq(answer(&b, data, 36), 36);
    ck_assert_uint_eq(data[0], 5);
    packet(&b, capacity, 0, 8);
    ck_assert_uint_eq(answer(&b, data, 8), 8);
    ck_assert_uint_eq(data[2] << 8 | data[3], SECTORS / 4 - 1);
    for (unsigned limit = 512; limit <= 0xFFFE; limit = limit == 512    ? 2048
                                                        : limit == 2048 ? 2049
                                                                        : 0xFFFE + (limit == 0xFFFE)) {
        packet(&b, read, 0, limit);
        ck_assert_uint_eq(answer(&b, data, limit), 3 * 2048);
        ck_assert_uint_eq(data[0], 20);
        ck_assert_uint_eq(data[2048], 24);
    }
    prd(&b, 0, DATA, 0x80000000 | 3 * 2048);
    master(&b, 9);
    ck_assert_uint_eq(packet(&b, read, 1, 0), 0x50);
    ck_assert_uint_eq(phys_read(b.phys, DATA + 4096, 4), 28);
    wr(&ide_master_ops, b.ide[0], 0, 0);
    ck_assert_uint_eq(packet(&b, beyond, 0, 0xFFFE) & 1, 1);
    ck_assert_uint_eq(in(&b, REG_FEATURE) >> 4, 5);
    packet(&b, sense, 0, 18);
    answer(&b, data, 18);
    ck_assert_uint_eq(data[12], 0x21);
    ck_assert_uint_eq(packet(&b, bad, 0, 18) & 1, 1);
    packet(&b, toc, 0, 0xFFFE);
    ck_assert_uint_eq(answer(&b, data, 0xFFFE), 20);
    ck_assert_uint_eq(data[14], 0xAA);
    packet(&b, lock, 0, 0);
    ck_assert_uint_eq(packet(&b, eject, 0, 0) & 1, 1); /* locked */
    ck_assert(ide_disc_locked(b.ide[0], 0));
    packet(&b, (const u8[12]){0x1E}, 0, 0);
    ck_assert(!ide_disc_locked(b.ide[0], 0));
    ck_assert_uint_eq(packet(&b, eject, 0, 0) & 1, 0);
    ck_assert_uint_eq(packet(&b, ready, 0, 0) & 1, 1);
    packet(&b, (const u8[12]){0x1B, 0, 0, 0, 3}, 0, 0);
    packet(&b, event, 0, 8);
    ck_assert_uint_eq(answer(&b, data, 8), 8);
    ck_assert_uint_eq(data[4], 2);                     /* new media */
    ck_assert_uint_eq(packet(&b, ready, 0, 0) & 1, 1); /* UNIT ATTENTION, once */
    ck_assert_uint_eq(in(&b, REG_FEATURE) >> 4, 6);
    ck_assert_uint_eq(packet(&b, ready, 0, 0) & 1, 0);
    ide_change_disc(b.ide[0], 0, NULL);
    ck_assert_uint_eq(packet(&b, ready, 0, 0) & 1, 1);
    ck_assert_uint_eq(in(&b, REG_FEATURE) >> 4, 2);
    /* The guest opens the tray, and its user lays a disc in: not ready, changed, ready. */
    packet(&b, eject, 0, 0);
    ide_change_disc(b.ide[0], 0, b.block);
    ck_assert_uint_eq(packet(&b, ready, 0, 0) & 1, 1);
    ck_assert_uint_eq(in(&b, REG_FEATURE) >> 4, 2);
    ck_assert_uint_eq(packet(&b, ready, 0, 0) & 1, 1);
    ck_assert_uint_eq(in(&b, REG_FEATURE) >> 4, 6);
    ck_assert_uint_eq(packet(&b, ready, 0, 0) & 1, 0);
    board_close(&b);
}
END_TEST

/* Every packet of one byte, with parameters of noise, by PIO and DMA: an end, or data to a bounded length. */
START_TEST(hostile_packets)
{
    static u8 data[1 << 22];
    struct board b;
    u32 state = 99;

    cd_open(&b);
    for (unsigned n = 0; n < 4 * 256; n++) {
        u8 bytes[12] = {(u8)n};
        u8 status;

        for (unsigned i = 1; i < 12; i++)
            bytes[i] = n < 256 ? 0 : n < 512 ? 0xFF : (u8)(noise(&state) >> 24);
        if (bytes[0] == 0xA8)
            bytes[6] = bytes[7] = 0;
        for (unsigned i = 0; i < 16; i++)
            prd(&b, i, noise(&state), noise(&state) & 0xFFFF);
        master(&b, 9);
        status = packet(&b, bytes, n & 1, noise(&state) >> 16);
        if (!(n & 1) && status & 8 && in(&b, REG_COUNT) & 2)
            answer(&b, data, 0xFFFF);
        wr(&ide_master_ops, b.ide[0], 0, 0);
        out(&b, REG_COMMAND, 0x08); /* DEVICE RESET, whatever it was at */
        wait(&b);
    }
    board_close(&b);
}
END_TEST

static void make_path(void)
{
    int fd = mkstemp(image_path);

    if (fd >= 0)
        close(fd);
}

int main(void)
{
    Suite *suite = suite_create("storage");
    TCase *tc = tcase_create("storage");
    int status;

    make_path();
    tcase_add_test(tc, images_are_read_and_written);
    tcase_add_test(tc, snapshots_forget);
    tcase_add_test(tc, images_are_locked);
    tcase_add_test(tc, host_errors_are_told);
    tcase_add_test(tc, configuration_mechanism);
    tcase_add_test(tc, bars_move);
    tcase_add_test(tc, interrupts_are_routed);
    tcase_add_test(tc, shadow_ram);
    tcase_add_test(tc, disk_by_pio);
    tcase_add_test(tc, disk_interrupts);
    tcase_add_test(tc, disk_by_dma);
    tcase_add_test(tc, disk_by_48_bits);
    tcase_add_test(tc, hostile_tables);
    tcase_add_loop_test(tc, noise_on_the_registers, 0, 4);
    tcase_add_test(tc, cd_commands);
    tcase_add_test(tc, hostile_packets);
    status = bench_finish(suite, tc);
    unlink(image_path);
    return status;
}
