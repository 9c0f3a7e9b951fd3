/* SPDX-License-Identifier: MIT */
/* The DMA controllers, the floppy disk controller, the printer port and fw_cfg's DMA, by register. */
#include "devices/floppy.h"
#include "tests/unit/device_bench.h"

#include <stdio.h>
#include <unistd.h>

enum { MIB = 1 << 20, DATA = 0x20000, FLOPPY = 1474560, IRQ = 6 };
enum { DOR = 2, MSR = 4, FIFO = 5 };

static char image_path[] = "/tmp/faultline-floppy-XXXXXX";

struct board {
    struct bench bench;
    struct phys *phys;
    struct dma *dma;
    struct fdc *fdc;
    struct block *block;
};

static void board_open(struct board *b, u64 bytes, bool read_only)
{
    struct block_config config = {.path = image_path, .read_only = read_only};
    FILE *f = fopen(image_path, "wb");
    char why[256];

    for (u64 at = 0; at < bytes; at += 4) {
        u32 word = (u32)(at / BLOCK_SECTOR);

        fwrite(&word, 4, 1, f);
    }
    fclose(f);
    memset(b, 0, sizeof(*b));
    bench_open(&b->bench);
    b->phys = phys_create(2 * MIB);
    b->dma = dma_create(b->phys);
    b->fdc = fdc_create(b->bench.clock, b->dma, bench_wire(&b->bench, IRQ));
    b->block = block_open(&config, why, sizeof(why));
    ck_assert_ptr_nonnull(b->block);
    ck_assert(fdc_attach(b->fdc, 0, b->block));
    wr(&dma_high_ops, b->dma, 0x16, 0xC0);
    wr(&dma_high_ops, b->dma, 0x14, 0x00);
}

static void board_close(struct board *b)
{
    fdc_destroy(b->fdc);
    dma_destroy(b->dma);
    block_close(b->block);
    phys_destroy(b->phys);
    clock_destroy(b->bench.clock);
}

static void pass(struct board *b) { bench_run(&b->bench, b->bench.now + 50000000); }

static void dma_program(struct board *b, u8 mode, u32 address, unsigned bytes)
{
    wr(&dma_low_ops, b->dma, 0x0A, 6);
    wr(&dma_low_ops, b->dma, 0x0C, 0);
    wr(&dma_low_ops, b->dma, 0x0B, mode | 2);
    wr(&dma_low_ops, b->dma, 4, (u8)address);
    wr(&dma_low_ops, b->dma, 4, (u8)(address >> 8));
    wr(&dma_page_ops, b->dma, 0, (u8)(address >> 16));
    wr(&dma_low_ops, b->dma, 5, (u8)(bytes - 1));
    wr(&dma_low_ops, b->dma, 5, (u8)((bytes - 1) >> 8));
    wr(&dma_low_ops, b->dma, 0x0A, 2);
}

static void send(struct board *b, const u8 *bytes, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        ck_assert_uint_eq(rd(&fdc_ops, b->fdc, MSR) & 0xC0, 0x80);
        wr(&fdc_ops, b->fdc, FIFO, bytes[i]);
    }
}

#define SEND(b, ...) send(b, (const u8[]){__VA_ARGS__}, sizeof((const u8[]){__VA_ARGS__}))

/* The result bytes; their number. */
static unsigned results(struct board *b, u8 *to)
{
    unsigned n = 0;

    while ((rd(&fdc_ops, b->fdc, MSR) & 0xC0) == 0xC0 && n < 16)
        to[n++] = rd(&fdc_ops, b->fdc, FIFO);
    return n;
}

/* Out of reset, four polled drives sensed, 500 kb/s, DMA, at track 0. */
static void start(struct board *b, u8 rate)
{
    u8 r[16];

    wr(&fdc_ops, b->fdc, DOR, 0x1C);
    pass(b);
    ck_assert(b->bench.level[IRQ]);
    for (u8 i = 0; i < 4; i++) {
        SEND(b, 0x08);
        ck_assert_uint_eq(results(b, r), 2);
        ck_assert_uint_eq(r[0], 0xC0 | i);
    }
    SEND(b, 0x08);
    ck_assert_uint_eq(results(b, r), 1);
    ck_assert_uint_eq(r[0], 0x80);
    wr(&fdc_dir_ops, b->fdc, 0, rate);
    SEND(b, 0x03, 0xAF, 0x02);
    SEND(b, 0x07, 0x00);
    pass(b);
    SEND(b, 0x08);
    ck_assert_uint_eq(results(b, r), 2);
    ck_assert_uint_eq(r[0], 0x20);
}

static const struct {
    u64 bytes;
    u8 rate, sectors;
} disks[] = {{163840, 2, 8},   {184320, 2, 9},   {327680, 2, 8},   {368640, 2, 9},  {737280, 2, 9},
             {1228800, 0, 15}, {1474560, 0, 18}, {1720320, 0, 21}, {2949120, 3, 36}};

START_TEST(formats)
{
    struct board b;
    u8 r[16], eot = disks[_i].sectors;

    board_open(&b, disks[_i].bytes, false);
    start(&b, disks[_i].rate);
    ck_assert_uint_eq(rd(&fdc_dir_ops, b.fdc, 0) & 0x80, 0x80); /* changed: no step yet */
    SEND(&b, 0x0F, 0x00, 5);
    pass(&b);
    SEND(&b, 0x08);
    results(&b, r);
    ck_assert_uint_eq(r[1], 5);
    ck_assert_uint_eq(rd(&fdc_dir_ops, b.fdc, 0) & 0x80, 0);
    dma_program(&b, 0x44, DATA, 2 * BLOCK_SECTOR);
    SEND(&b, 0x46, 0x00, 5, 0, 3, 2, eot, 0x1B, 0xFF);
    pass(&b);
    ck_assert_uint_eq(results(&b, r), 7);
    ck_assert_uint_eq(r[0] | r[1] << 8 | r[2] << 16, 0);
    ck_assert_uint_eq(r[5], 5);
    ck_assert_uint_eq(phys_read(b.phys, DATA, 4), (5u * (disks[_i].bytes < 300000 ? 1 : 2)) * eot + 2);
    SEND(&b, 0x4A, 0x00);
    pass(&b);
    ck_assert_uint_eq(results(&b, r), 7);
    ck_assert_uint_eq(r[0], 0);
    wr(&fdc_dir_ops, b.fdc, 0, disks[_i].rate ^ 1); /* the wrong rate finds nothing */
    SEND(&b, 0x4A, 0x00);
    pass(&b);
    results(&b, r);
    ck_assert_uint_eq(r[0] & 0xC0, 0x40);
    ck_assert_uint_eq(r[1], 0x01);
    board_close(&b);
}
END_TEST

START_TEST(writes_and_both_heads)
{
    struct board b;
    u32 sector[BLOCK_SECTOR / 4];
    u8 r[16];

    board_open(&b, FLOPPY, false);
    start(&b, 0);
    phys_fill(b.phys, DATA, 0x77, 4 * BLOCK_SECTOR);
    dma_program(&b, 0x48, DATA, 2 * BLOCK_SECTOR);
    SEND(&b, 0xC5, 0x00, 0, 0, 18, 2, 18, 0x1B, 0xFF); /* multi-track: from head 0's last to head 1's first */
    pass(&b);
    ck_assert_uint_eq(results(&b, r), 7);
    ck_assert_uint_eq(r[0], 0x04);
    ck_assert_uint_eq(r[4] << 8 | r[5], 0x0102);
    for (u64 i = 16; i < 20; i++) {
        ck_assert(block_read(b.block, i, 1, sector));
        ck_assert_uint_eq(sector[5], i == 17 || i == 18 ? 0x77777777 : (u32)i);
    }
    dma_program(&b, 0x44, DATA, 4 * BLOCK_SECTOR); /* past the end of the track, without multi-track */
    SEND(&b, 0x46, 0x00, 0, 0, 18, 2, 18, 0x1B, 0xFF);
    pass(&b);
    results(&b, r);
    ck_assert_uint_eq(r[0], 0x40);
    ck_assert_uint_eq(r[1], 0x80);
    wr(&fdc_ops, b.fdc, FIFO, 0x4D); /* FORMAT TRACK */
    SEND(&b, 0x04, 2, 18, 0x54, 0xE5);
    for (u32 i = 0; i < 18; i++)
        phys_write(b.phys, DATA + 4 * i, 0x02000100u | (i + 1) << 16, 4);
    dma_program(&b, 0x48, DATA, 72);
    pass(&b);
    ck_assert_uint_eq(results(&b, r), 7);
    ck_assert_uint_eq(r[0], 0x04);
    ck_assert(block_read(b.block, 35, 1, sector));
    ck_assert_uint_eq(sector[9], 0xE5E5E5E5);
    board_close(&b);
}
END_TEST

START_TEST(without_dma)
{
    struct board b;
    u8 r[16];

    board_open(&b, FLOPPY, true);
    start(&b, 0);
    SEND(&b, 0x03, 0xAF, 0x03); /* non-DMA */
    SEND(&b, 0x46, 0x00, 0, 0, 4, 2, 4, 0x1B, 0xFF);
    pass(&b);
    ck_assert(b.bench.level[IRQ]);
    for (unsigned i = 0; i < BLOCK_SECTOR; i++) {
        ck_assert_uint_eq(rd(&fdc_ops, b.fdc, MSR), 0xF0);
        ck_assert_uint_eq(rd(&fdc_ops, b.fdc, FIFO), i % 4 ? 0 : 3);
    }
    pass(&b);
    ck_assert_uint_eq(results(&b, r), 7);
    ck_assert_uint_eq(r[1], 0x80); /* there was no terminal count to end it */
    SEND(&b, 0x45, 0x00, 0, 0, 4, 2, 4, 0x1B, 0xFF);
    pass(&b);
    results(&b, r);
    ck_assert_uint_eq(r[1], 0x02); /* not writable */
    SEND(&b, 0x04, 0x00);
    ck_assert_uint_eq(results(&b, r), 1);
    ck_assert_uint_eq(r[0], 0x78);
    SEND(&b, 0x10);
    results(&b, r);
    ck_assert_uint_eq(r[0], 0x90);
    SEND(&b, 0x0E);
    ck_assert_uint_eq(results(&b, r), 10);
    SEND(&b, 0x1F);
    ck_assert_uint_eq(results(&b, r), 1);
    ck_assert_uint_eq(r[0], 0x80);
    board_close(&b);
}
END_TEST

static u32 noise(u32 *state) { return *state = *state * 1664525 + 1013904223; }

START_TEST(noise_on_the_registers)
{
    struct board b;
    u32 state = (u32)_i + 7;

    board_open(&b, FLOPPY, false);
    start(&b, 0);
    for (unsigned i = 0; i < 200000; i++) {
        u32 v = noise(&state) >> 8;

        switch (v % 8) {
        case 0:
        case 1:
        case 2: wr(&fdc_ops, b.fdc, FIFO, (u8)(v >> 3)); break;
        case 3: rd(&fdc_ops, b.fdc, FIFO); break;
        case 4: wr(&dma_low_ops, b.dma, v >> 3 & 15, (u8)(v >> 7)); break;
        case 5: wr(&dma_high_ops, b.dma, v >> 3 & 31, (u8)(v >> 8)); break;
        case 6: bench_run(&b.bench, b.bench.now + 200000); break;
        default:
            if (v % 64 == 7)
                wr(&fdc_ops, b.fdc, DOR, (u8)(v >> 8));
            else
                SEND(&b, 0x08), rd(&fdc_ops, b.fdc, FIFO);
            break;
        }
        if ((rd(&fdc_ops, b.fdc, MSR) & 0xC0) != 0x80) { /* go on, so that SEND may */
            wr(&fdc_ops, b.fdc, DOR, 0x18);
            wr(&fdc_ops, b.fdc, DOR, 0x1C);
        }
    }
    board_close(&b);
}
END_TEST

START_TEST(dma_modes)
{
    struct board b;
    u8 bytes[64], back[64];
    bool tc;

    board_open(&b, FLOPPY, false);
    for (unsigned i = 0; i < sizeof(bytes); i++)
        bytes[i] = (u8)i;
    dma_program(&b, 0x44, 0x2FFFE, 8); /* wraps within its page */
    ck_assert_uint_eq(dma_to_memory(b.dma, 2, bytes, 64, &tc), 8);
    ck_assert(tc);
    ck_assert_uint_eq(phys_read(b.phys, 0x2FFFE, 2), 0x0100);
    ck_assert_uint_eq(phys_read(b.phys, 0x20000, 4), 0x05040302);
    ck_assert_uint_eq(dma_to_memory(b.dma, 2, bytes, 64, &tc), 0); /* masked by its end */
    ck_assert_uint_eq(rd(&dma_low_ops, b.dma, 8) & 0x0F, 0x04);
    ck_assert_uint_eq(rd(&dma_low_ops, b.dma, 8) & 0x0F, 0x00);
    dma_program(&b, 0x64, DATA + 7, 8); /* downwards */
    ck_assert_uint_eq(dma_to_memory(b.dma, 2, bytes, 8, &tc), 8);
    ck_assert_uint_eq(phys_read(b.phys, DATA, 4), 0x04050607);
    dma_program(&b, 0x54, DATA, 8); /* again and again */
    for (unsigned i = 0; i < 5; i++) {
        ck_assert_uint_eq(dma_to_memory(b.dma, 2, bytes + i, 8, &tc), 8);
        ck_assert(tc);
        ck_assert_uint_eq(phys_read(b.phys, DATA, 1), i);
    }
    dma_program(&b, 0x40, DATA, 8); /* verify: counts, and moves nothing */
    ck_assert_uint_eq(dma_to_memory(b.dma, 2, bytes + 9, 8, &tc), 8);
    ck_assert_uint_eq(phys_read(b.phys, DATA, 1), 4);
    dma_program(&b, 0x48, DATA, 8);
    ck_assert_uint_eq(dma_to_memory(b.dma, 2, bytes, 8, &tc), 0); /* the other direction */
    ck_assert_uint_eq(dma_from_memory(b.dma, 2, back, 64, &tc), 8);
    ck_assert_mem_eq(back, bytes + 4, 8);
    /* Words: channel 5 at 2 * address, page 8Bh. */
    wr(&dma_high_ops, b.dma, 0x18, 0);
    wr(&dma_high_ops, b.dma, 0x16, 0x45);
    wr(&dma_high_ops, b.dma, 0x04, 0x00), wr(&dma_high_ops, b.dma, 0x04, 0x80);
    wr(&dma_high_ops, b.dma, 0x06, 0x03), wr(&dma_high_ops, b.dma, 0x06, 0x00);
    wr(&dma_page_ops, b.dma, 0x0A, 0x03);
    wr(&dma_high_ops, b.dma, 0x14, 0x01);
    ck_assert_uint_eq(dma_to_memory(b.dma, 5, bytes, 64, &tc), 8);
    ck_assert_uint_eq(phys_read(b.phys, 0x30000, 8), 0x0706050403020100);
    board_close(&b);
}
END_TEST

/* ---- The printer ---- */

static void printed(void *ctx, u32 value)
{
    char text[2] = {(char)value, 0};

    strcat(ctx, text);
}

START_TEST(printer)
{
    struct bench b;
    char paper[16] = "";
    struct lpt *l;

    bench_open(&b);
    l = lpt_create(b.clock, bench_wire(&b, 7), (struct tell){printed, paper});
    wr(&lpt_ops, l, 2, 0x1C); /* interrupts on */
    for (const char *p = "ink"; *p; p++) {
        unsigned rises = b.rises[7];

        wr(&lpt_ops, l, 0, (u8)*p);
        ck_assert_uint_eq(rd(&lpt_ops, l, 1), 0xDF);
        wr(&lpt_ops, l, 2, 0x1D);
        wr(&lpt_ops, l, 2, 0x1C);
        ck_assert_uint_eq(rd(&lpt_ops, l, 1) & 0x80, 0); /* busy */
        bench_run(&b, b.now + 100000);
        ck_assert_uint_eq(b.rises[7], rises + 1);
    }
    ck_assert_str_eq(paper, "ink");
    lpt_destroy(l);
    clock_destroy(b.clock);
}
END_TEST

/* ---- fw_cfg ---- */

static u32 request(struct phys *phys, struct fw_cfg *f, u32 control, u32 length, u64 to)
{
    phys_write(phys, 0x1000, __builtin_bswap32(control), 4);
    phys_write(phys, 0x1004, __builtin_bswap32(length), 4);
    phys_write(phys, 0x1008, __builtin_bswap64(to), 8);
    fw_cfg_dma_ops.write(f, 0, 0, 4);
    fw_cfg_dma_ops.write(f, 4, __builtin_bswap32(0x1000), 4);
    return __builtin_bswap32((u32)phys_read(phys, 0x1000, 4));
}

START_TEST(fw_cfg_by_dma)
{
    struct phys *phys = phys_create(2 * MIB);
    struct fw_cfg *f = fw_cfg_create();

    ck_assert_uint_eq((u32)fw_cfg_dma_ops.read(f, 0, 4), 0xFFFFFFFF);
    ck_assert(fw_cfg_allow_dma(f, phys) && fw_cfg_add_file(f, "etc/test", "0123456789", 10));
    ck_assert_uint_eq(fw_cfg_dma_ops.read(f, 0, 4), 0x554D4551);
    ck_assert_uint_eq(fw_cfg_dma_ops.read(f, 4, 4), 0x47464320);
    ck_assert_uint_eq(request(phys, f, 0x20 << 16 | 0x0A, 4, 0x2000), 0);
    ck_assert_uint_eq(phys_read(phys, 0x2000, 4), 0x33323130);
    ck_assert_uint_eq(request(phys, f, 0x04, 2, 0), 0); /* skip two */
    ck_assert_uint_eq(request(phys, f, 0x02, 8, 0x2000), 0);
    ck_assert_uint_eq(phys_read(phys, 0x2000, 8), 0x39383736); /* and zeros behind the end */
    ck_assert_uint_eq(request(phys, f, 0x10, 4, 0x2000), 1);   /* not writable */
    ck_assert_uint_eq(request(phys, f, 0x02, 0xFFFFFFFF, 0), 1);
    request(phys, f, 0x20 << 16 | 0x0A, 10, ~0ull);
    request(phys, f, 0xFFFFu << 16 | 0x0A, 10, 0x2000);
    fw_cfg_dma_ops.write(f, 4, 0xFFFFFFFF, 4);
    fw_cfg_destroy(f);
    phys_destroy(phys);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("floppy");
    TCase *tc = tcase_create("floppy");
    int fd = mkstemp(image_path), status;

    if (fd >= 0)
        close(fd);
    tcase_add_loop_test(tc, formats, 0, COUNT(disks));
    tcase_add_test(tc, writes_and_both_heads);
    tcase_add_test(tc, without_dma);
    tcase_add_loop_test(tc, noise_on_the_registers, 0, 4);
    tcase_add_test(tc, dma_modes);
    tcase_add_test(tc, printer);
    tcase_add_test(tc, fw_cfg_by_dma);
    status = bench_finish(suite, tc);
    unlink(image_path);
    return status;
}
