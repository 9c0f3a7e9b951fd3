/* SPDX-License-Identifier: MIT */
/* Physical memory gone back to, saved and loaded: which pages, who hears of it, ROMs that come and go. */
#define _GNU_SOURCE /* memmem */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "mmu/phys.h"

#define MIB (1ull << 20)
#define GIB (1ull << 30)

struct heard {
    u64 pa[16], size[16];
    unsigned count;
};

static void hear(void *ctx, u64 pa, u64 size)
{
    struct heard *h = ctx;

    if (h->count < 16) {
        h->pa[h->count] = pa;
        h->size[h->count] = size;
    }
    h->count++;
}

static bool heard_of(const struct heard *h, u64 pa, u64 size)
{
    for (unsigned i = 0; i < h->count && i < 16; i++)
        if (h->pa[i] == pa && h->size[i] == size)
            return true;
    return false;
}

static struct phys *make(u64 ram, struct heard *h)
{
    struct phys *phys = phys_create(ram);

    ck_assert_ptr_nonnull(phys);
    ck_assert(phys_on_written(phys, hear, h));
    return phys;
}

/* ---- Snapshots ---- */

/* The pages that were written come back, on both sides of 4 GiB, and no others are told of. */
START_TEST(going_back)
{
    static const u64 at[] = {0x5000, PHYS_LOW_RAM_TOP - PAGE_SIZE, 4 * GIB, 4 * GIB + MIB - PAGE_SIZE};
    struct heard h = {.count = 0};
    struct phys *phys = make(PHYS_LOW_RAM_TOP + MIB, &h);
    struct phys_snapshot *first, *second;

    ck_assert(!phys_has_snapshots(phys));
    for (unsigned i = 0; i < 4; i++)
        phys_write(phys, at[i], 0x11 + i, 8);
    first = phys_snapshot(phys);
    ck_assert_ptr_nonnull(first);
    ck_assert(phys_has_snapshots(phys));
    for (unsigned i = 0; i < 4; i++)
        phys_write(phys, at[i], 0x22 + i, 8);
    second = phys_snapshot(phys);
    ck_assert_ptr_nonnull(second);
    phys_write(phys, 0x9000, 1, 8);
    h.count = 0;
    phys_restore(phys, first);
    ck_assert_uint_eq(h.count, 5);
    ck_assert(heard_of(&h, 0x9000, PAGE_SIZE));
    for (unsigned i = 0; i < 4; i++) {
        ck_assert(heard_of(&h, at[i], PAGE_SIZE));
        ck_assert_uint_eq(phys_read(phys, at[i], 8), 0x11 + i);
    }
    ck_assert_uint_eq(phys_read(phys, 0x9000, 8), 0);
    phys_snapshot_free(phys, first); /* what is there now needs it no more */
    h.count = 0;
    phys_restore(phys, second);
    ck_assert_uint_eq(h.count, 4);
    for (unsigned i = 0; i < 4; i++)
        ck_assert_uint_eq(phys_read(phys, at[i], 8), 0x22 + i);
    h.count = 0;
    phys_restore(phys, second);
    ck_assert_uint_eq(h.count, 0);
    phys_snapshot_free(phys, NULL);
    phys_snapshot_free(phys, second);
    ck_assert(!phys_has_snapshots(phys));
    phys_destroy(phys);
}
END_TEST

/* Pages are held until they are written; other memory of the host is none of a snapshot's business. */
START_TEST(held_until_written)
{
    static u8 window[PAGE_SIZE];
    struct heard h = {.count = 0};
    struct phys *phys = make(MIB, &h);
    u8 *ram = phys_page_write(phys, 0), *last = phys_page_write(phys, MIB - PAGE_SIZE);
    struct phys_snapshot *s = phys_snapshot(phys);

    ck_assert(phys_add_window(phys, 0xA0000, PAGE_SIZE, window));
    phys_write(phys, 0xA0000, 5, 1);
    ck_assert_uint_eq(window[0], 5);
    ck_assert(!phys_is_held(phys, window));
    ck_assert(!phys_is_held(phys, ram + MIB) && !phys_is_held(phys, ram - 1));
    ck_assert(phys_is_held(phys, ram + 123) && phys_is_held(phys, last));
    phys_unshare(phys, ram, 0);
    phys_unshare(phys, ram - 1, PAGE_SIZE);
    phys_unshare(phys, ram + MIB, PAGE_SIZE);
    for (u64 at = 0; at < MIB; at += PAGE_SIZE)
        ck_assert(phys_is_held(phys, ram + at));
    phys_will_write(phys, ram + 2 * PAGE_SIZE - 1, 2); /* over two pages */
    ck_assert(phys_is_held(phys, ram) && !phys_is_held(phys, ram + PAGE_SIZE));
    ck_assert(!phys_is_held(phys, ram + 2 * PAGE_SIZE) && phys_is_held(phys, ram + 3 * PAGE_SIZE));
    phys_unshare(phys, last + 8, 2 * PAGE_SIZE); /* up to the end, and beyond */
    ck_assert(!phys_is_held(phys, last));
    memset(last, 9, PAGE_SIZE);
    phys_restore(phys, s);
    ck_assert_uint_eq(last[0], 0);
    ck_assert(phys_is_held(phys, last));
    phys_snapshot_free(phys, s);
    phys_will_write(phys, last, 8); /* without a snapshot nothing to be done */
    phys_destroy(phys);
}
END_TEST

/* ---- States ---- */

static u8 image[2 * PAGE_SIZE];

static struct state_memory save(struct phys *phys)
{
    struct state_memory bytes = {.bytes = NULL};
    struct state out = {.section = "memory", .stream = state_memory_writer(&bytes)};

    phys_state(phys, &out);
    ck_assert_msg(!out.failed, "%s", out.why);
    return bytes;
}

static struct state load(struct phys *phys, struct state_memory *bytes)
{
    struct state in = {.section = "memory", .stream = state_memory_reader(bytes)};

    phys_state(phys, &in);
    return in;
}

/* The state's ROMs take the place of those that were there; holes stay, as they are others' business. */
START_TEST(roms_come_and_go)
{
    struct heard ha = {.count = 0}, hb = {.count = 0};
    struct phys *a = make(MIB, &ha), *b = make(MIB, &hb);
    struct state_memory bytes;
    struct state in;

    memset(image, 0x5A, sizeof(image));
    ck_assert(phys_add_hole(a, 0xA0000, PAGE_SIZE));
    ck_assert(phys_add_rom(a, 0xFE000, image, 2 * PAGE_SIZE));
    ck_assert(phys_add_rom(a, 4 * GIB - PAGE_SIZE, image, PAGE_SIZE));
    phys_shadow(a, 0xFE000, PAGE_SIZE, PHYS_SHADOW_WRITE);
    phys_write(a, 0x4000, 0x44, 1);
    memset(image, 0x77, sizeof(image));
    ck_assert(phys_add_rom(b, 0x10000, image, PAGE_SIZE));
    ck_assert(phys_add_hole(b, 0x20000, PAGE_SIZE));
    ck_assert(phys_add_rom(b, 0xFF000, image, PAGE_SIZE));
    phys_write(b, 0x8000, 0x88, 1);
    bytes = save(a);
    hb.count = 0;
    in = load(b, &bytes);
    ck_assert_msg(!in.failed, "%s", in.why);
    ck_assert_uint_eq(bytes.at, bytes.size);
    ck_assert_uint_eq(phys_read(b, 0x10000, 1), 0);
    ck_assert_ptr_nonnull(phys_page_write(b, 0x10000));
    ck_assert_uint_eq(phys_read(b, 0x20000, 1), 0xFF);
    ck_assert_uint_eq(phys_read(b, 0xA0000, 1), 0);
    ck_assert_uint_eq(phys_read(b, 0xFDFFF, 2), 0x5A00);
    ck_assert_uint_eq(phys_read(b, 0xFFFFF, 1), 0x5A);
    ck_assert_uint_eq(phys_read(b, 4 * GIB - 1, 1), 0x5A);
    ck_assert(phys_page_write(b, 0xFE000) && !phys_page_write(b, 0xFF000)); /* steered, and not */
    ck_assert_uint_eq(phys_read(b, 0x4000, 1), 0x44);
    ck_assert_uint_eq(phys_read(b, 0x8000, 1), 0);
    ck_assert(heard_of(&hb, 0x10000, PAGE_SIZE) && heard_of(&hb, 0xFF000, PAGE_SIZE));
    ck_assert(heard_of(&hb, 0xFE000, 2 * PAGE_SIZE) && heard_of(&hb, 4 * GIB - PAGE_SIZE, PAGE_SIZE));
    ck_assert(heard_of(&hb, 0x4000, PAGE_SIZE) && heard_of(&hb, 0x8000, PAGE_SIZE));
    ck_assert(heard_of(&hb, PHYS_SHADOW_BASE, PHYS_SHADOW_SIZE));
    ck_assert_uint_eq(phys_ram_hash(a), phys_ram_hash(b));
    state_memory_free(&bytes);
    phys_destroy(a);
    phys_destroy(b);
}
END_TEST

/* Where there is no place for a ROM, or it is none, the state is refused with the place. */
START_TEST(roms_that_do_not_fit)
{
    struct heard h = {.count = 0};
    struct phys *a = make(MIB, &h), *b = make(MIB, &h);
    struct state_memory bytes;
    const u64 base = 0x123456789000, odd = base + 8, none = 0;
    struct state in;
    u8 *at;

    ck_assert(phys_add_rom(a, base, image, 2 * PAGE_SIZE));
    ck_assert(phys_add_hole(b, base + PAGE_SIZE, PAGE_SIZE));
    bytes = save(a);
    in = load(b, &bytes);
    ck_assert(in.failed);
    ck_assert_str_eq(in.why, "memory.rom: 8192 bytes at 0x123456789000 do not fit");
    ck_assert(phys_remove_hole(b, base + PAGE_SIZE));
    ck_assert(!load(b, &bytes).failed);
    ck_assert_uint_eq(phys_read(b, base, 1), image[0]);
    at = memmem(bytes.bytes, bytes.size, &base, 8);
    ck_assert_ptr_nonnull(at);
    memcpy(at, &odd, 8);
    in = load(b, &bytes);
    ck_assert_str_eq(in.why, "memory.rom: 8192 bytes at 0x123456789008 do not fit");
    ck_assert_uint_eq(phys_read(b, base, 1), 0xFF);
    memcpy(at, &base, 8);
    memcpy(at + 8, &none, 8); /* its size */
    in = load(b, &bytes);
    ck_assert_str_eq(in.why, "memory.rom: 0 bytes at 0x123456789000 do not fit");
    memset(at + 8, 0x7F, 8);
    in = load(b, &bytes);
    ck_assert_str_eq(in.why, "memory.rom.image: 9187201950435737471 is not between 0 and 67108864");
    memset(at - 8, 0x7F, 8); /* how many there are */
    in = load(b, &bytes);
    ck_assert_str_eq(in.why, "memory.roms: 9187201950435737471 is not between 0 and 16");
    state_memory_free(&bytes);
    phys_destroy(a);
    phys_destroy(b);
}
END_TEST

/* More ROMs than a state may have: it is not written that nobody could load it. */
START_TEST(more_roms_than_a_state_has)
{
    struct heard h = {.count = 0};
    struct phys *phys = make(MIB, &h);
    struct state_memory bytes = {.bytes = NULL};
    struct state out = {.section = "memory", .stream = state_memory_writer(&bytes)};

    for (u64 i = 0; i < 17; i++)
        ck_assert(phys_add_rom(phys, 0xC0000 + i * PAGE_SIZE, image, PAGE_SIZE));
    phys_state(phys, &out);
    ck_assert(out.failed);
    ck_assert_str_eq(out.why, "memory.roms: 17 is not between 0 and 16");
    state_memory_free(&bytes);
    phys_destroy(phys);
}
END_TEST

/* Cut off at any byte it is refused; memory that half a state was loaded into takes the whole one after that. */
START_TEST(states_cut_off)
{
    struct heard h = {.count = 0};
    struct phys *a = make(MIB, &h), *b = make(MIB, &h);
    struct state_memory bytes;
    struct state in;
    size_t size;

    ck_assert(phys_add_rom(a, 0xFE000, image, PAGE_SIZE));
    ck_assert(phys_add_rom(a, 0xFF000, image, PAGE_SIZE));
    phys_write(a, MIB / 2, 1, 8);
    bytes = save(a);
    size = bytes.size;
    for (bytes.size = 0; bytes.size < size; bytes.size++) {
        in = load(b, &bytes);
        ck_assert_str_eq(in.why, "memory: the state ends too early");
    }
    in = load(b, &bytes);
    ck_assert_msg(!in.failed, "%s", in.why);
    ck_assert_uint_eq(phys_ram_hash(a), phys_ram_hash(b));
    ck_assert_uint_eq(phys_read(b, 0xFF000, 1), image[0]);
    state_memory_free(&bytes);
    phys_destroy(a);
    phys_destroy(b);
}
END_TEST

/* A disk that is full between two ROMs. */
static bool room_for(void *ctx, const void *bytes, size_t size)
{
    size_t *room = ctx;

    (void)bytes;
    if (size > *room)
        return false;
    *room -= size;
    return true;
}

START_TEST(no_room_to_save)
{
    struct heard h = {.count = 0};
    struct phys *phys = make(MIB, &h);
    struct state_memory bytes;

    ck_assert(phys_add_rom(phys, 0xFE000, image, PAGE_SIZE));
    ck_assert(phys_add_hole(phys, 0xA0000, PAGE_SIZE));
    ck_assert(phys_add_rom(phys, 0xFF000, image, PAGE_SIZE));
    bytes = save(phys);
    for (size_t n = 0; n <= bytes.size; n++) {
        size_t room = n;
        struct state out = {.section = "memory", .stream = {.write = room_for, .ctx = &room}};

        phys_state(phys, &out);
        ck_assert_str_eq(out.why, n < bytes.size ? "memory: cannot be written" : "");
    }
    ck_assert_uint_eq(phys_read(phys, 0xFF000, 1), image[0]);
    state_memory_free(&bytes);
    phys_destroy(phys);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("phys_state");
    TCase *cases = tcase_create("cases");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_set_timeout(cases, 120);
    tcase_add_test(cases, going_back);
    tcase_add_test(cases, held_until_written);
    tcase_add_test(cases, roms_come_and_go);
    tcase_add_test(cases, roms_that_do_not_fit);
    tcase_add_test(cases, more_roms_than_a_state_has);
    tcase_add_test(cases, states_cut_off);
    tcase_add_test(cases, no_room_to_save);
    suite_add_tcase(suite, cases);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
