/* SPDX-License-Identifier: MIT */
/* Physical memory: what answers where, at every border, for addresses no sane guest would use (FAULTS 33 and 56). */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "mmu/phys.h"

#define MIB (1ull << 20)
#define GIB (1ull << 30)

/* A register file that answers with the low byte of its offset, and remembers the last access. */
struct mirror {
    u64 offset, value;
    unsigned width, reads, writes;
};

static u64 mirror_read(void *device, u64 offset, unsigned width)
{
    struct mirror *m = device;
    u64 value = 0;

    m->offset = offset;
    m->width = width;
    m->reads++;
    for (unsigned i = 0; i < width; i++)
        value |= (u64)(u8)(offset + i) << (8 * i);
    return value;
}

static void mirror_write(void *device, u64 offset, u64 value, unsigned width)
{
    struct mirror *m = device;

    m->offset = offset;
    m->width = width;
    m->value = value;
    m->writes++;
}

static const struct region_ops mirror_ops = {mirror_read, mirror_write, 1, 8, "test"};

static struct phys *make(u64 size)
{
    struct phys *phys = phys_create(size);

    ck_assert_ptr_nonnull(phys);
    ck_assert_uint_eq(phys_ram_bytes(phys), size);
    return phys;
}

START_TEST(sizes)
{
    ck_assert_ptr_null(phys_create(0));
    ck_assert_ptr_null(phys_create(MIB - 4096));
    ck_assert_ptr_null(phys_create(MIB + 1));
    ck_assert_ptr_null(phys_create(PHYS_MAX_RAM + 4096));
    ck_assert_ptr_null(phys_create(~0ull));
    phys_destroy(make(MIB));
    phys_destroy(make(PHYS_MAX_RAM));
    phys_destroy(NULL);
}
END_TEST

START_TEST(ram_reads_back)
{
    struct phys *phys = make(4 * MIB);

    ck_assert_uint_eq(phys_read(phys, 0x1234, 8), 0);
    phys_write(phys, 0x1000, 0x8877665544332211, 8);
    ck_assert_uint_eq(phys_read(phys, 0x1000, 1), 0x11);
    ck_assert_uint_eq(phys_read(phys, 0x1001, 2), 0x3322);
    ck_assert_uint_eq(phys_read(phys, 0x1003, 4), 0x77665544);
    phys_write(phys, 0x1002, 0xFFFFFFFFFFFFFFAA, 1);
    ck_assert_uint_eq(phys_read(phys, 0x1000, 8), 0x8877665544AA2211);
    phys_write(phys, 0x1004, 0xFFFFFFFFFFFFBBCC, 2);
    ck_assert_uint_eq(phys_read(phys, 0x1000, 8), 0x8877BBCC44AA2211);
    ck_assert_ptr_eq(phys_page_read(phys, 0x1FFF), phys_page_write(phys, 0x1000));
    ck_assert_uint_eq(phys_page_read(phys, 0x1FFF)[0], 0x11);
    for (unsigned i = 0; i < 8; i++) { /* across pages */
        phys_write(phys, 0x3000 - i, 0x8877665544332211, 8);
        ck_assert_uint_eq(phys_read(phys, 0x3000 - i, 8), 0x8877665544332211);
        ck_assert_uint_eq(phys_read(phys, 0x3000 - i + 3, 4), 0x77665544);
    }
    phys_destroy(phys);
}
END_TEST

START_TEST(the_hole_below_4_gib)
{
    struct phys *phys = make(PHYS_LOW_RAM_TOP + 2 * MIB);
    struct mirror m = {0};

    phys_write(phys, PHYS_LOW_RAM_TOP - 4, 0x8877665544332211, 8);
    ck_assert_uint_eq(phys_read(phys, PHYS_LOW_RAM_TOP - 4, 8), 0xFFFFFFFF44332211);
    phys_write(phys, 4 * GIB - 4, 0x8877665544332211, 8);
    ck_assert_uint_eq(phys_read(phys, 4 * GIB - 4, 8), 0x88776655FFFFFFFF);
    ck_assert_uint_eq(phys_read(phys, 4 * GIB, 4), 0x88776655);
    ck_assert_ptr_eq(phys_page_read(phys, 4 * GIB), phys_page_read(phys, PHYS_LOW_RAM_TOP - 1) + 4096);
    ck_assert_ptr_null(phys_page_read(phys, PHYS_LOW_RAM_TOP));
    ck_assert_ptr_null(phys_page_write(phys, 4 * GIB - 1));
    ck_assert_ptr_nonnull(phys_page_write(phys, 4 * GIB + 2 * MIB - 1));
    ck_assert_ptr_null(phys_page_read(phys, 4 * GIB + 2 * MIB));

    ck_assert(bus_attach(phys_mmio(phys), PHYS_LOW_RAM_TOP, 4096, &mirror_ops, &m));
    ck_assert_uint_eq(phys_read(phys, PHYS_LOW_RAM_TOP - 3, 8), 0x0403020100443322);
    ck_assert_uint_eq(m.reads, 2); /* five bytes: 4 and 1 */
    phys_write(phys, PHYS_LOW_RAM_TOP - 6, 0xEEDDCCBBAA998877, 8);
    ck_assert_uint_eq(m.writes, 1);
    ck_assert_uint_eq(m.value, 0xEEDD);
    ck_assert_uint_eq(phys_read(phys, PHYS_LOW_RAM_TOP - 6, 4), 0xAA998877);
    phys_destroy(phys);
}
END_TEST

START_TEST(small_ram_has_no_high_part)
{
    struct phys *phys = make(MIB);

    ck_assert_ptr_null(phys_page_read(phys, MIB));
    ck_assert_ptr_null(phys_page_read(phys, 4 * GIB));
    ck_assert_uint_eq(phys_read(phys, 4 * GIB, 8), ~0ull);
    phys_write(phys, MIB - 2, 0x44332211, 4);
    ck_assert_uint_eq(phys_read(phys, MIB - 2, 4), 0xFFFF2211);
    phys_destroy(phys);
}
END_TEST

START_TEST(f56_any_address_is_safe)
{
    struct phys *phys = make(PHYS_LOW_RAM_TOP + MIB);
    static const u64 near[] = {0, MIB, PHYS_LOW_RAM_TOP, 4 * GIB, 4 * GIB + MIB, 1ull << 40, 1ull << 52, 1ull << 63};
    u8 image[4096] = {0};

    ck_assert(phys_add_rom(phys, 4 * GIB - 4096, image, 4096));
    ck_assert(phys_add_rom(phys, 0xF0000, image, 4096));
    for (size_t i = 0; i < sizeof(near) / sizeof(*near); i++) {
        for (int delta = -9; delta <= 9; delta++) {
            u64 pa = near[i] + (u64)(s64)delta;

            for (unsigned width = 1; width <= 8; width *= 2) {
                u64 whole = phys_read(phys, pa, width), bytes = 0;

                for (unsigned b = 0; b < width; b++)
                    bytes |= phys_read(phys, pa + b, 1) << (8 * b);
                ck_assert_uint_eq(whole, bytes);
                phys_write(phys, pa, 0x0123456789ABCDEF, width);
                ck_assert_uint_eq(phys_read(phys, pa, 1), phys_page_write(phys, pa)  ? 0xEF
                                                          : phys_page_read(phys, pa) ? 0
                                                                                     : 0xFF);
            }
        }
    }
    for (unsigned bit = 33; bit < 64; bit++) { /* 33: not the page whose address has those low 32 bits */
        ck_assert_ptr_null(phys_page_read(phys, 1ull << bit));
        ck_assert_ptr_null(phys_page_write(phys, 1ull << bit | 0x1000));
    }
    phys_destroy(phys);
}
END_TEST

START_TEST(top_of_the_address_space)
{
    struct phys *phys = make(MIB);
    struct mirror m = {0};

    ck_assert(bus_attach(phys_mmio(phys), ~0ull - 4095, 4096, &mirror_ops, &m));
    phys_write(phys, 0, 0x44332211, 4);
    ck_assert_uint_eq(phys_read(phys, ~0ull - 1, 4), 0x2211FFFE);
    phys_write(phys, ~0ull, 0xDDCCBBAA, 4);
    ck_assert_uint_eq(m.value, 0xAA);
    ck_assert_uint_eq(phys_read(phys, 0, 4), 0x44DDCCBB);
    ck_assert_uint_eq(phys_read(phys, ~0ull - 7, 8), 0xFFFEFDFCFBFAF9F8);
    ck_assert_uint_eq(m.width, 8);
    phys_destroy(phys);
}
END_TEST

START_TEST(rom_hides_ram)
{
    struct phys *phys = make(2 * MIB);
    struct mirror m = {0};
    u8 *image = malloc(0x20000), byte;

    memset(image, 0x5A, 0x20000);
    memset(phys_page_write(phys, 0xE0000), 0x77, 4096);
    ck_assert(phys_add_rom(phys, 0xE0000, image, 0x20000));
    memset(image, 0, 0x20000); /* it was copied */
    free(image);
    ck_assert_uint_eq(phys_read(phys, 0xE0000, 4), 0x5A5A5A5A);
    ck_assert_uint_eq(phys_read(phys, 0xDFFFE, 4), 0x5A5A0000);
    ck_assert_uint_eq(phys_read(phys, 0xFFFFE, 4), 0x00005A5A);
    ck_assert_ptr_null(phys_page_write(phys, 0xE0000));
    ck_assert_ptr_null(phys_page_write(phys, 0xFFFFF));
    ck_assert_ptr_nonnull(phys_page_write(phys, 0x100000));
    ck_assert_uint_eq(phys_page_read(phys, 0xFFFFF)[0xFFF], 0x5A);
    ck_assert(bus_attach(phys_mmio(phys), 0xE0000, 0x1000, &mirror_ops, &m));
    phys_write(phys, 0xE0000, 0, 8);
    phys_write(phys, 0xDFFFC, 0x8877665544332211, 8); /* the RAM half is stored, the ROM half is not */
    ck_assert_uint_eq(phys_read(phys, 0xDFFFC, 8), 0x5A5A5A5A44332211);
    phys_write(phys, 0xFFFFC, 0x8877665544332211, 8);
    ck_assert_uint_eq(phys_read(phys, 0xFFFFC, 8), 0x887766555A5A5A5A);
    ck_assert_uint_eq(m.reads + m.writes, 0);
    ck_assert(!phys_copy_in(phys, 0xE0010, "x", 1));
    ck_assert(phys_copy_out(phys, 0xE0010, &byte, 1));
    ck_assert_uint_eq(byte, 0x5A);
    phys_destroy(phys);
}
END_TEST

START_TEST(rom_outside_ram)
{
    struct phys *phys = make(2 * MIB);
    u8 image[8192];

    for (unsigned i = 0; i < sizeof(image); i++)
        image[i] = (u8)(i % 251);
    ck_assert(!phys_add_rom(phys, 0x1001, image, 4096));
    ck_assert(!phys_add_rom(phys, 0x1000, image, 4095));
    ck_assert(!phys_add_rom(phys, 0x1000, image, 0));
    ck_assert(!phys_add_rom(phys, ~0ull - 4095, image, 8192));
    ck_assert(phys_add_rom(phys, 4 * GIB - 8192, image, 8192));
    ck_assert(!phys_add_rom(phys, 4 * GIB - 4096, image, 4096));
    ck_assert(!phys_add_hole(phys, 4 * GIB - 4096, 4096));
    ck_assert(phys_add_rom(phys, 4 * GIB, image, 4096));
    ck_assert(phys_add_rom(phys, ~0ull - 4095, image, 4096));
    ck_assert_uint_eq(phys_read(phys, 4 * GIB - 16, 1), (8192 - 16) % 251);
    ck_assert_uint_eq(phys_read(phys, 4 * GIB - 1, 2), (8191 % 251));
    ck_assert_uint_eq(phys_read(phys, ~0ull, 1), 4095 % 251);
    ck_assert_uint_eq(phys_read(phys, 4 * GIB - 8193, 2), 0x00FF);
    phys_destroy(phys);
}
END_TEST

START_TEST(holes_show_the_mmio_bus)
{
    struct phys *phys = make(2 * MIB);
    struct mirror m = {0};
    u8 image[4096] = {0x55, 0xAA};

    ck_assert(bus_attach(phys_mmio(phys), 0xA0000, 0x20000, &mirror_ops, &m));
    phys_write(phys, 0xA0000, 1, 1); /* RAM hides it so far */
    ck_assert_uint_eq(m.writes, 0);
    ck_assert(phys_add_hole(phys, 0xA0000, 0x20000));
    ck_assert(phys_add_rom(phys, 0xC0000, image, 4096));
    ck_assert(!phys_add_rom(phys, 0xBF000, image, 4096));
    ck_assert_ptr_null(phys_page_read(phys, 0xA0000));
    ck_assert_ptr_null(phys_page_write(phys, 0xBFFFF));
    ck_assert_ptr_nonnull(phys_page_write(phys, 0x9FFFF));
    ck_assert_ptr_nonnull(phys_page_write(phys, 0xC1000)); /* between what hides: still RAM */
    phys_write(phys, 0xA1234, 0x4321, 2);
    ck_assert_uint_eq(m.offset, 0x1234);
    ck_assert_uint_eq(m.value, 0x4321);
    ck_assert_uint_eq(phys_read(phys, 0xBFFFE, 4), 0xAA55FFFE);
    ck_assert_uint_eq(phys_read(phys, 0xA0FFC, 8), 0x03020100FFFEFDFC);
    ck_assert_uint_eq(m.width, 8);                             /* two pages, but one device: one access */
    ck_assert(phys_add_hole(phys, 0x100000, 0ull - 0x100000)); /* the rest of the world */
    ck_assert_ptr_null(phys_page_read(phys, 0x100000));
    ck_assert_ptr_nonnull(phys_page_read(phys, 0));
    ck_assert_uint_eq(phys_read(phys, 0x1FFFFC, 8), ~0ull);
    phys_destroy(phys);
}
END_TEST

/* ROMs and holes far apart: all that lies between them is searched for, and must be found where it was. */
START_TEST(covers_far_apart)
{
    struct phys *phys = make(PHYS_LOW_RAM_TOP + MIB);
    u8 image[4096] = {0x77};
    u8 *low, *high;

    low = phys_page_read(phys, 0x5000);
    high = phys_page_read(phys, 4 * GIB + 0x5000);
    ck_assert(phys_add_rom(phys, 0, image, 4096));
    ck_assert(phys_add_hole(phys, 4 * GIB + 0x6000, 0ull - (4 * GIB + 0x6000))); /* up to the very top */
    ck_assert_ptr_eq(phys_page_read(phys, 0x5123), low);
    ck_assert_ptr_eq(phys_page_write(phys, 4 * GIB + 0x5123), high);
    ck_assert_ptr_null(phys_page_read(phys, 4 * GIB + 0x6000));
    ck_assert_ptr_null(phys_page_write(phys, 0));
    ck_assert_uint_eq(phys_read(phys, 0, 1), 0x77);
    ck_assert_uint_eq(phys_read(phys, PHYS_LOW_RAM_TOP - 1, 2), 0xFF00);
    phys_destroy(phys);
}
END_TEST

/* Added from the top down, inside each other's span, and beyond all RAM. */
START_TEST(covers_in_any_order)
{
    struct phys *phys = make(PHYS_LOW_RAM_TOP + 8 * MIB);
    u8 image[4096] = {0x77};

    ck_assert(phys_add_rom(phys, 4 * GIB + 2 * MIB, image, 4096));
    ck_assert(phys_add_rom(phys, MIB, image, 4096));
    ck_assert(phys_add_rom(phys, 2 * MIB, image, 4096));
    ck_assert(phys_add_rom(phys, 64 * GIB, image, 4096));
    ck_assert(phys_add_rom(phys, PHYS_LOW_RAM_TOP, image, 4096));
    ck_assert_uint_eq(phys_read(phys, 4 * GIB + 2 * MIB, 1), 0x77);
    ck_assert_uint_eq(phys_read(phys, MIB, 1), 0x77);
    ck_assert_uint_eq(phys_read(phys, 2 * MIB, 1), 0x77);
    ck_assert_uint_eq(phys_read(phys, 64 * GIB, 1), 0x77);
    ck_assert_uint_eq(phys_read(phys, PHYS_LOW_RAM_TOP, 1), 0x77);
    ck_assert_ptr_nonnull(phys_page_write(phys, 3 * MIB));
    ck_assert_ptr_nonnull(phys_page_write(phys, 4 * GIB + 3 * MIB));
    phys_destroy(phys);
    phys_destroy(NULL);
}
END_TEST

START_TEST(f56_fill_of_the_whole_address_space)
{
    struct phys *phys = make(2 * MIB);

    ck_assert(!phys_fill(phys, 0x17000, 9, ~0ull)); /* wraps, and takes no time over what is not there */
    ck_assert_uint_eq(phys_read(phys, 2 * MIB - 1, 2), 0xFF09);
    ck_assert_uint_eq(phys_read(phys, 0, 1), 9);
    ck_assert_uint_eq(phys_read(phys, 0x16FFF, 1), 0); /* one byte short of everything */
    phys_destroy(phys);
}
END_TEST

struct heard {
    u64 pa[8], size[8];
    unsigned count;
    u8 seen; /* the first byte, as memory had it when told */
    struct phys *phys;
};

static void hear(void *ctx, u64 pa, u64 size)
{
    struct heard *h = ctx;

    h->pa[h->count % 8] = pa;
    h->size[h->count % 8] = size;
    h->count++;
    h->seen = (u8)phys_read(h->phys, pa, 1);
}

START_TEST(listeners_hear_of_writes)
{
    struct phys *phys = make(2 * MIB);
    struct heard a = {.phys = phys}, b = {.phys = phys};

    ck_assert(phys_on_written(phys, hear, &a));
    ck_assert(phys_on_written(phys, hear, &b));
    ck_assert(phys_on_written(phys, hear, &a)); /* the same again: still once */
    phys_write(phys, 0x1000, 0x99, 4);
    ck_assert_uint_eq(a.count, 1);
    ck_assert_uint_eq(b.count, 1);
    ck_assert_uint_eq(a.pa[0], 0x1000);
    ck_assert_uint_eq(a.size[0], 4);
    ck_assert_uint_eq(a.seen, 0x99);
    ck_assert(phys_on_written(phys, NULL, &b));
    phys_write(phys, 0x1FFE, 0x44332211, 4);
    ck_assert_uint_eq(a.count, 3);
    ck_assert_uint_eq(a.size[1], 2);
    ck_assert_uint_eq(a.pa[2], 0x2000);
    ck_assert_uint_eq(a.size[2], 2);
    phys_read(phys, 0, 8);
    phys_write(phys, 2 * MIB, 1, 8); /* not RAM: nothing was written */
    ck_assert_uint_eq(a.count, 3);
    ck_assert(phys_fill(phys, 0x10, 7, 0x10000));
    ck_assert_uint_eq(a.count, 4); /* one range, not one page at a time */
    ck_assert_uint_eq(a.pa[3], 0x10);
    ck_assert_uint_eq(a.size[3], 0x10000);
    ck_assert_uint_eq(a.seen, 7);
    ck_assert(!phys_copy_in(phys, 2 * MIB - 2, "abcd", 4));
    ck_assert_uint_eq(a.count, 5);
    ck_assert_uint_eq(a.size[4], 2);
    ck_assert_uint_eq(b.count, 1);
    ck_assert(phys_on_written(phys, NULL, &b)); /* was not there */
    phys_destroy(phys);
}
END_TEST

START_TEST(bulk)
{
    struct phys *phys = make(PHYS_LOW_RAM_TOP + MIB);
    struct mirror m = {0};
    u8 *buffer = malloc(64 << 10), image[4096];

    memset(image, 0x5A, sizeof(image));
    ck_assert(phys_add_rom(phys, 0x14000, image, 4096));
    ck_assert(phys_add_hole(phys, 0x16000, 4096));
    ck_assert(bus_attach(phys_mmio(phys), 0x16000, 4096, &mirror_ops, &m));
    for (unsigned i = 0; i < 64 << 10; i++)
        buffer[i] = (u8)(i * 7 + i / 256);
    ck_assert(!phys_copy_in(phys, 0x10001, buffer, 64 << 10)); /* RAM, ROM, RAM, hole, RAM */
    ck_assert_uint_eq(phys_read(phys, 0x10001, 1), buffer[0]);
    ck_assert_uint_eq(phys_read(phys, 0x13FFF, 1), buffer[0x3FFE]);
    ck_assert_uint_eq(phys_read(phys, 0x14000, 1), 0x5A);
    ck_assert_uint_eq(phys_read(phys, 0x15000, 1), buffer[0x4FFF]);
    ck_assert_uint_eq(phys_read(phys, 0x20000, 1), buffer[0xFFFF]);
    ck_assert(phys_copy_out(phys, 0x13FF0, buffer, 0x1020)); /* ROM can be read */
    ck_assert_uint_eq(buffer[0x10], 0x5A);
    ck_assert_uint_eq(buffer[0x100F], 0x5A);
    ck_assert(!phys_copy_out(phys, 0x15FFF, buffer, 0x1002));
    ck_assert_uint_eq(buffer[1], 0xFF);
    ck_assert_uint_eq(buffer[0x1000], 0xFF);
    ck_assert_uint_eq(buffer[0x1001], phys_read(phys, 0x17000, 1));
    ck_assert_uint_eq(m.reads + m.writes, 0); /* no device is disturbed */

    memset(buffer, 0x33, 64 << 10);
    ck_assert(phys_copy_in(phys, PHYS_LOW_RAM_TOP - 0x8000, buffer, 0x8000));
    ck_assert(!phys_copy_in(phys, PHYS_LOW_RAM_TOP - 0x8000, buffer, 0x8001));
    ck_assert(phys_copy_in(phys, 4 * GIB, buffer, 0x8000));
    ck_assert(!phys_copy_in(phys, 4 * GIB - 1, buffer, 2));
    ck_assert_uint_eq(phys_read(phys, PHYS_LOW_RAM_TOP - 1, 1), 0x33);
    ck_assert_uint_eq(phys_read(phys, 4 * GIB + 0x7FFF, 2), 0x0033);
    ck_assert(!phys_copy_out(phys, ~0ull, buffer, 2)); /* wraps to 0 */
    ck_assert_uint_eq(buffer[0], 0xFF);
    ck_assert_uint_eq(buffer[1], 0);
    ck_assert(!phys_fill(phys, PHYS_LOW_RAM_TOP - 4096, 9, 2 * GIB));
    ck_assert_uint_eq(phys_read(phys, PHYS_LOW_RAM_TOP - 4096, 1), 9);
    ck_assert_uint_eq(phys_read(phys, 4 * GIB + MIB - 1, 2), 0xFF09);
    ck_assert(phys_copy_in(phys, 0, NULL, 0));
    ck_assert(phys_copy_out(phys, ~0ull, NULL, 0));
    free(buffer);
    phys_destroy(phys);
}
END_TEST

/* A hole closes again, and RAM is as it was; the others stay open. */
START_TEST(holes_close)
{
    static const u8 image[4096] = {0x55};
    struct phys *phys = phys_create(1 << 20);

    phys_write(phys, 0x5000, 0x1234, 2);
    ck_assert(phys_add_hole(phys, 0x5000, 4096) && phys_add_hole(phys, 0x9000, 4096));
    ck_assert(phys_add_rom(phys, 0xB000, image, sizeof(image)));
    ck_assert_uint_eq(phys_read(phys, 0x5000, 2), 0xFFFF);
    ck_assert(!phys_remove_hole(phys, 0x4000) && !phys_remove_hole(phys, 0xB000));
    ck_assert(phys_remove_hole(phys, 0x5000));
    ck_assert(!phys_remove_hole(phys, 0x5000));
    ck_assert_uint_eq(phys_read(phys, 0x5000, 2), 0x1234);
    ck_assert_ptr_nonnull(phys_page_ram(phys, 0x5000));
    ck_assert_uint_eq(phys_read(phys, 0x9000, 2), 0xFFFF);
    ck_assert_uint_eq(phys_read(phys, 0xB000, 1), 0x55);
    ck_assert(phys_remove_hole(phys, 0x9000));
    phys_write(phys, 0x9000, 0x77, 1);
    ck_assert_uint_eq(phys_read(phys, 0x9000, 1), 0x77);
    phys_destroy(phys);
}
END_TEST

/* A window shows host memory, another when it is told to; what is none cannot be set. */
START_TEST(windows)
{
    static u8 one[8192], other[8192];
    static const u8 image[4096] = {0x55};
    struct phys *phys = phys_create(1 << 20);

    ck_assert(!phys_set_window(phys, 0xA0000, one)); /* there is no cover at all */
    ck_assert(phys_add_rom(phys, 0xB0000, image, sizeof(image)));
    ck_assert(phys_add_window(phys, 0xA0000, sizeof(one), one));
    ck_assert(!phys_add_window(phys, 0xA1000, 4096, other));
    phys_write(phys, 0xA1000, 0x1234, 2);
    ck_assert_uint_eq(one[4096], 0x34);
    ck_assert(!phys_page_split(phys, 0xA0000) && !phys_page_split(phys, 0xB0000 + 4096) && !phys_page_split(phys, 0));
    ck_assert(phys_set_window(phys, 0xA0000, other));
    ck_assert_uint_eq(phys_read(phys, 0xA1000, 2), 0);
    ck_assert(!phys_set_window(phys, 0xA1000, one) && !phys_set_window(phys, 0xB0000, one));
    phys_destroy(phys);
}
END_TEST

/* 82441FX PAM: reads and writes of C0000..FFFFF go to RAM each for itself; other ranges are none of its business. */
START_TEST(shadow)
{
    struct phys *phys = phys_create(1 << 20);

    phys_write(phys, 0x80000, 0x11, 1);
    phys_shadow(phys, 0x80000, 0x4000, 0);
    phys_shadow(phys, 0x100000, 0x4000, 0);
    phys_shadow(phys, 0xFC000, 0x8000, 0);
    ck_assert_uint_eq(phys_read(phys, 0x80000, 1), 0x11);
    ck_assert(!phys_page_split(phys, 0x80000));
    phys_shadow(phys, 0xC0000, 0x4000, PHYS_SHADOW_WRITE);
    ck_assert(phys_page_split(phys, 0xC0000));
    phys_write(phys, 0xC0000, 0x22, 1);
    ck_assert_uint_eq(phys_read(phys, 0xC0000, 1), 0xFF);
    phys_shadow(phys, 0xC0000, 0x4000, PHYS_SHADOW_READ);
    phys_write(phys, 0xC0000, 0x33, 1);
    ck_assert_uint_eq(phys_read(phys, 0xC0000, 1), 0x22);
    phys_shadow(phys, 0xC0000, 0x4000, PHYS_SHADOW_READ | PHYS_SHADOW_WRITE);
    ck_assert(!phys_page_split(phys, 0xC0000));
    phys_write(phys, 0xC0000, 0x33, 1);
    ck_assert_uint_eq(phys_read(phys, 0xC0000, 1), 0x33);
    phys_destroy(phys);
}
END_TEST

/* ---- Looking at the map ---- */

struct seen_map {
    struct phys *phys;
    u64 next; /* the page after the last range */
    unsigned ranges;
    struct phys_range last;
};

/* A range is of the kinds that the page pointers show, and what lies between two is the bus's. */
static bool check_range(void *ctx, const struct phys_range *g)
{
    struct seen_map *s = ctx;

    ck_assert_uint_eq(g->first % PAGE_SIZE, 0);
    ck_assert_uint_eq((g->last + 1) % PAGE_SIZE, 0);
    ck_assert_uint_ge(g->first, s->next);
    if (s->ranges && g->first == s->next)
        ck_assert(g->reads != s->last.reads || g->writes != s->last.writes);
    for (u64 pa = s->next; pa < g->first && pa < 2 * MIB; pa += PAGE_SIZE)
        ck_assert(!phys_page_read(s->phys, pa) && !phys_page_write(s->phys, pa));
    for (u64 pa = g->first; pa <= g->last; pa += PAGE_SIZE) {
        ck_assert_int_eq(phys_page_read(s->phys, pa) != NULL, g->reads != PHYS_BUS);
        ck_assert_int_eq(phys_page_write(s->phys, pa) != NULL, g->writes == PHYS_RAM || g->writes == PHYS_WINDOW);
    }
    s->next = g->last + 1;
    s->last = *g;
    return ++s->ranges < 100;
}

START_TEST(looking_at_the_map)
{
    static u8 image[4 * PAGE_SIZE], window[PAGE_SIZE], copy[4 * PAGE_SIZE];
    struct phys *phys = make(MIB);
    struct seen_map seen = {.phys = phys};

    phys_each(phys, check_range, &seen);
    ck_assert_uint_eq(seen.ranges, 1);
    ck_assert_uint_eq(seen.last.last, MIB - 1);
    ck_assert(phys_add_rom(phys, 0xC0000, image, sizeof(image)));
    ck_assert(phys_add_rom(phys, 0xFFFFC000, image, sizeof(image)));
    ck_assert(phys_add_window(phys, 0xA0000, PAGE_SIZE, window));
    ck_assert(phys_add_hole(phys, 0xA1000, PAGE_SIZE));
    phys_shadow(phys, 0xC1000, PAGE_SIZE, PHYS_SHADOW_READ);
    phys_shadow(phys, 0xC2000, PAGE_SIZE, PHYS_SHADOW_WRITE);
    phys_shadow(phys, 0xD0000, PAGE_SIZE, PHYS_SHADOW_WRITE);
    phys_shadow(phys, 0xD1000, PAGE_SIZE, 0);
    seen = (struct seen_map){.phys = phys};
    phys_each(phys, check_range, &seen);
    /* RAM; window; RAM; ROM, three ways, ROM; RAM; written RAM; RAM; ROM */
    ck_assert_uint_eq(seen.ranges, 11);
    ck_assert_uint_eq(seen.last.first, 0xFFFFC000);
    ck_assert_int_eq(seen.last.writes, PHYS_ROM);
    /* Bulk copies see each page's own steering too, from a page on that has none. */
    memset(copy, 0xEE, sizeof(copy));
    phys_copy_in(phys, 0xC0000, copy, sizeof(copy));
    ck_assert(phys_copy_out(phys, 0xC0000, copy, sizeof(copy)));
    for (unsigned i = 0; i < sizeof(copy); i++)
        ck_assert_uint_eq(copy[i], phys_read(phys, 0xC0000 + i, 1));
    phys_shadow(phys, 0xC2000, PAGE_SIZE, PHYS_SHADOW_READ | PHYS_SHADOW_WRITE);
    ck_assert_uint_eq(phys_read(phys, 0xC2123, 1), 0xEE);
    ck_assert_uint_eq(phys_read(phys, 0xC1123, 1), 0);
    phys_destroy(phys);
}
END_TEST

static bool first_only(void *ctx, const struct phys_range *r)
{
    struct phys_range *first = ctx;

    ck_assert_uint_eq(first->last, 0); /* it is not called again */
    *first = *r;
    return false;
}

static bool keep_last(void *ctx, const struct phys_range *r)
{
    *(struct phys_range *)ctx = *r;
    return true;
}

/* On both sides of 4 GiB, up to where physical addresses end, and no further than is asked. */
START_TEST(looking_up_to_the_end)
{
    static const u8 image[PAGE_SIZE];
    struct phys *phys = make(PHYS_LOW_RAM_TOP + MIB);
    struct phys_range r = {0};

    phys_each(phys, keep_last, &r);
    ck_assert_uint_eq(r.first, 4 * GIB);
    ck_assert_uint_eq(r.last, 4 * GIB + MIB - 1);
    ck_assert_int_eq(r.writes, PHYS_RAM);
    ck_assert(phys_add_rom(phys, BIT(52) - PAGE_SIZE, image, sizeof(image)));
    phys_each(phys, keep_last, &r);
    ck_assert_uint_eq(r.last, BIT(52) - 1);
    ck_assert_int_eq(r.reads, PHYS_ROM);
    r = (struct phys_range){0};
    phys_each(phys, first_only, &r);
    ck_assert_uint_eq(r.last, PHYS_LOW_RAM_TOP - 1);
    phys_destroy(phys);
}
END_TEST

static u64 looked(struct phys *phys, u64 pa, u64 size, u64 at)
{
    const u8 *host = phys_look(phys, pa, &size);

    ck_assert(host ? host == phys_page_ram(phys, at) + at % PAGE_SIZE : !phys_page_ram(phys, pa));
    return host ? size : 0;
}

/* RAM in a row on the host: up to its end, or to what lies over it, or what is asked for. */
START_TEST(looking_at_ram)
{
    static const u8 image[PAGE_SIZE];
    struct phys *phys = make(PHYS_LOW_RAM_TOP + MIB);

    ck_assert_uint_eq(looked(phys, 0x1234, 0x10000, 0x1234), 0x10000);
    ck_assert_uint_eq(looked(phys, PHYS_LOW_RAM_TOP - 3, 0x10000, PHYS_LOW_RAM_TOP - 3), 3);
    ck_assert_uint_eq(looked(phys, PHYS_LOW_RAM_TOP, 1, 0), 0);
    ck_assert_uint_eq(looked(phys, 4 * GIB + 0x123, ~0ull, 4 * GIB + 0x123), MIB - 0x123);
    ck_assert_uint_eq(looked(phys, 4 * GIB + MIB, 1, 0), 0);
    ck_assert(phys_add_hole(phys, 4 * GIB + 0x1000, PAGE_SIZE)); /* beyond the end of the row that is looked at */
    ck_assert_uint_eq(looked(phys, 0, ~0ull, 0), PHYS_LOW_RAM_TOP);
    ck_assert_uint_eq(looked(phys, 4 * GIB + 1, ~0ull, 4 * GIB + 1), 0xFFF);
    ck_assert(phys_remove_hole(phys, 4 * GIB + 0x1000));
    ck_assert(phys_add_rom(phys, 0xF0000, image, sizeof(image)));
    ck_assert_uint_eq(looked(phys, 0xEFFFF, 2, 0xEFFFF), 1);
    ck_assert_uint_eq(looked(phys, 0xE0000, 2, 0xE0000), 2);
    ck_assert_uint_eq(looked(phys, 0xF0FFF, 2, 0), 0);
    ck_assert_uint_eq(looked(phys, 0xF1000, 3 * GIB, 0xF1000), PHYS_LOW_RAM_TOP - 0xF1000);
    phys_destroy(phys);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("phys");
    TCase *cases = tcase_create("cases");
    SRunner *runner;
    int failed;

    tcase_set_timeout(cases, 120);
    tcase_add_test(cases, sizes);
    tcase_add_test(cases, holes_close);
    tcase_add_test(cases, windows);
    tcase_add_test(cases, shadow);
    tcase_add_test(cases, looking_at_the_map);
    tcase_add_test(cases, looking_up_to_the_end);
    tcase_add_test(cases, looking_at_ram);
    tcase_add_test(cases, ram_reads_back);
    tcase_add_test(cases, the_hole_below_4_gib);
    tcase_add_test(cases, small_ram_has_no_high_part);
    tcase_add_test(cases, f56_any_address_is_safe);
    tcase_add_test(cases, top_of_the_address_space);
    tcase_add_test(cases, rom_hides_ram);
    tcase_add_test(cases, rom_outside_ram);
    tcase_add_test(cases, holes_show_the_mmio_bus);
    tcase_add_test(cases, listeners_hear_of_writes);
    tcase_add_test(cases, bulk);
    tcase_add_test(cases, covers_far_apart);
    tcase_add_test(cases, covers_in_any_order);
    tcase_add_test(cases, f56_fill_of_the_whole_address_space);
    suite_add_tcase(suite, cases);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
