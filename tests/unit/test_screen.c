/* SPDX-License-Identifier: MIT */
/* Keys, pacing and the fault overlay's map. */
#include "frontend/keys.h"
#include "frontend/overlay.h"
#include "frontend/pace.h"
#include "frontend/screenshot.h"
#include "tests/unit/device_bench.h"
#include "tests/unit/vga_reference.h"

#include <png.h>
#include <stdio.h>
#include <unistd.h>

/* ---- Keys ---- */

START_TEST(keys)
{
    static const struct {
        const char *name;
        unsigned usage;
        int key;
    } table[] = {{"a", 0x04, 0x1E},        {"z", 0x1D, 0x2C},        {"1", 0x1E, 0x02},      {"0", 0x27, 0x0B},
                 {"ret", 0x28, 0x1C},      {"esc", 0x29, 0x01},      {"spc", 0x2C, 0x39},    {"slash", 0x38, 0x35},
                 {"f1", 0x3A, 0x3B},       {"f10", 0x43, 0x44},      {"f12", 0x45, 0x58},    {"print", 0x46, 0xB7},
                 {"pause", 0x48, 0xC6},    {"home", 0x4A, 0xC7},     {"delete", 0x4C, 0xD3}, {"up", 0x52, 0xC8},
                 {"num_lock", 0x53, 0x45}, {"kp_enter", 0x58, 0x9C}, {"kp_1", 0x59, 0x4F},   {"kp_decimal", 0x63, 0x53},
                 {"less", 0x64, 0x56},     {"menu", 0x65, 0xDD},     {"ctrl", 0xE0, 0x1D},   {"shift_r", 0xE5, 0x36},
                 {"alt_r", 0xE6, 0xB8},    {"meta_l", 0xE3, 0xDB}};

    for (int i = 0; i < COUNT(table); i++) {
        ck_assert_int_eq(keys_by_name(table[i].name), table[i].key);
        ck_assert_int_eq(keys_by_usage(table[i].usage), table[i].key);
        ck_assert_str_eq(keys_name((unsigned)table[i].key), table[i].name);
    }
    ck_assert_int_eq(keys_by_name("nonsense"), -1);
    ck_assert_ptr_null(keys_name(0x7F));
    ck_assert_int_eq(keys_by_usage(0), -1);
    ck_assert_int_eq(keys_by_usage(0xE8), -1);
    for (unsigned usage = 0x04; usage < 0x66; usage++) /* each is a key that there is */
        ck_assert_ptr_nonnull(keys_name((unsigned)keys_by_usage(usage)));
}
END_TEST

START_TEST(characters)
{
    static const struct {
        char character;
        int key;
    } table[] = {{'a', 0x1E},
                 {'A', 0x1E | KEYS_WITH_SHIFT},
                 {'1', 0x02},
                 {'!', 0x02 | KEYS_WITH_SHIFT},
                 {'/', 0x35},
                 {'?', 0x35 | KEYS_WITH_SHIFT},
                 {'\\', 0x2B},
                 {'|', 0x2B | KEYS_WITH_SHIFT},
                 {'`', 0x29},
                 {'~', 0x29 | KEYS_WITH_SHIFT},
                 {'"', 0x28 | KEYS_WITH_SHIFT},
                 {' ', 0x39},
                 {'\r', 0x1C},
                 {'\n', 0x1C},
                 {'\t', 0x0F},
                 {'\b', 0x0E},
                 {0x7F, 0x0E},
                 {0x1B, 0x01},
                 {3, 0x2E | KEYS_WITH_CTRL}};
    bool seen[0x400] = {false};

    for (int i = 0; i < COUNT(table); i++)
        ck_assert_int_eq(keys_for_character((u8)table[i].character), table[i].key);
    for (unsigned c = 0x20; c < 0x7F; c++) { /* each has a stroke of its own */
        int key = keys_for_character(c);

        ck_assert_int_ge(key, 0);
        ck_assert(!seen[key]);
        seen[key] = true;
    }
    ck_assert_int_eq(keys_for_character(0x80), -1);
    ck_assert_int_eq(keys_for_character(0), -1);
}
END_TEST

/* ---- Pacing ---- */

static u64 told_time(void *ctx) { return *(u64 *)ctx; }

START_TEST(pace)
{
    u64 host = 1000000000;
    struct pace p = {.speed = 2, .host_now = told_time, .ctx = &host};

    ck_assert_uint_eq(pace_ahead(&p, 500), 0); /* the same moment */
    ck_assert_uint_eq(pace_ahead(&p, 500 + 20000000), 10000000);
    host += 10000000;
    ck_assert_uint_eq(pace_ahead(&p, 500 + 20000000), 0);
    host += 30000000; /* behind, but not far: it catches up */
    ck_assert_uint_eq(pace_ahead(&p, 500 + 60000000), 0);
    ck_assert_uint_eq(pace_ahead(&p, 500 + 82000000), 1000000);
    host += 10000000000; /* far behind: it goes on from here */
    ck_assert_uint_eq(pace_ahead(&p, 500 + 82000000), 0);
    ck_assert_uint_eq(pace_ahead(&p, 500 + 84000000), 1000000);
    pace_forget(&p);
    ck_assert_uint_eq(pace_ahead(&p, 99000000), 0);
    p.speed = 0;
    ck_assert_uint_eq(pace_ahead(&p, 1ull << 60), 0);
}
END_TEST

/* ---- Screenshots ---- */

START_TEST(screenshot)
{
    char path[] = "/tmp/faultline-shot-XXXXXX", why[256] = "";
    struct surface s = reference_surface(21, 13);
    png_image image = {.version = PNG_IMAGE_VERSION};
    u8 bytes[21 * 13 * 3];

    close(mkstemp(path));
    for (u32 i = 0; i < 21 * 13; i++)
        s.pixels[i] = i * 0x010307 & 0xFFFFFF;
    ck_assert_msg(screenshot_write(&s, path, why, sizeof(why)), "%s", why);
    ck_assert(png_image_begin_read_from_file(&image, path));
    ck_assert_uint_eq(image.width, 21);
    ck_assert_uint_eq(image.height, 13);
    image.format = PNG_FORMAT_RGB;
    ck_assert(png_image_finish_read(&image, NULL, bytes, 0, NULL));
    for (u32 i = 0; i < 21 * 13; i++)
        ck_assert_uint_eq((u32)bytes[3 * i] << 16 | bytes[3 * i + 1] << 8 | bytes[3 * i + 2], s.pixels[i]);
    unlink(path);
    free(s.pixels);
    s = reference_surface(8, 8);
    ck_assert(!screenshot_write(&s, "/nonexistent/a.png", why, sizeof(why)));
    free(s.pixels);
}
END_TEST

/* ---- The overlay ---- */

#define CR0_PE 0x1u
#define CR0_PG 0x80000000u
#define CR4_PAE 0x20u

static struct machine *make_machine(u64 cr3, u64 cr4)
{
    struct machine_config config = {.ram_bytes = 8 << 20, .debug_exit_port = 0xF4};
    char why[256] = "";
    struct machine *m = machine_create(&config, why, sizeof(why));
    struct cpu_state s;

    ck_assert_msg(m != NULL, "%s", why);
    cpu_get_state(machine_cpu(m), &s);
    s.cr0 |= CR0_PE | (cr3 ? CR0_PG : 0);
    s.cr3 = cr3;
    s.cr4 = cr4;
    cpu_set_state(machine_cpu(m), &s);
    return m;
}

static void entry(struct machine *m, u64 table, unsigned index, u32 value)
{
    phys_write(machine_phys(m), table + 4 * index, value, 4);
}

START_TEST(overlay_regions)
{
    static struct overlay o;
    struct overlay_region r[OVERLAY_ROWS];
    struct machine *m = make_machine(0x1000, 0);
    unsigned n;

    /* Three user pages that can be written at 4 MiB, one that cannot behind them; the kernel's 8 KiB at 3 GiB. */
    entry(m, 0x1000, 1, 0x2007);
    entry(m, 0x1000, 0x300, 0x3003);
    for (u32 i = 0; i < 3; i++)
        entry(m, 0x2000, i, (0x10 + i) << 12 | 7);
    entry(m, 0x2000, 3, 0x20005);
    entry(m, 0x3000, 0, 0x30003);
    entry(m, 0x3000, 1, 0x31003);
    n = overlay_map(&o, m, r, OVERLAY_ROWS);
    ck_assert_uint_eq(n, 3);
    ck_assert_uint_eq(r[0].base, 0x400000);
    ck_assert_uint_eq(r[0].last, 0x402FFF);
    ck_assert(r[0].user && r[0].writable && r[0].mapped);
    ck_assert_uint_eq(r[1].base, 0x403000);
    ck_assert(r[1].user && !r[1].writable);
    ck_assert_uint_eq(r[2].base, 0xC0000000);
    ck_assert_uint_eq(r[2].last, 0xC0001FFF);
    ck_assert(!r[2].user && r[2].writable);
    /* A fault where nothing is mapped is on the map too. */
    overlay_raised(&o, &(struct record){.vector = 14, .cr2 = 0x900123, .walk.cause = CAUSE_NOT_PRESENT});
    n = overlay_map(&o, m, r, OVERLAY_ROWS);
    ck_assert_uint_eq(n, 4);
    ck_assert_uint_eq(r[2].base, 0x900000);
    ck_assert(!r[2].mapped);
    n = overlay_map(&o, m, r, 2); /* joined with their neighbours */
    ck_assert_uint_eq(n, 2);
    ck_assert_uint_eq(r[0].base, 0x400000);
    ck_assert_uint_eq(r[1].last, 0xC0001FFF);
    machine_destroy(m);
    m = make_machine(0, 0);
    n = overlay_map(&(struct overlay){.count = 0}, m, r, OVERLAY_ROWS);
    ck_assert_uint_eq(n, 1);
    ck_assert_uint_eq(r[0].last, (8 << 20) - 1);
    machine_destroy(m);
}
END_TEST

/* Tables of noise, which lead to themselves, to devices and to nowhere, in each mode. */
START_TEST(overlay_hostile)
{
    static struct overlay o;
    struct surface guest = reference_surface(640, 480), mix = {0};
    struct machine *m = make_machine(0x1000, _i & 1 ? CR4_PAE : 0);
    u32 state = 1234567u + (u32)_i, lit = 0;

    for (u64 at = 0x1000; at < 0x9000; at += 4) {
        state = state * 1664525 + 1013904223;
        phys_write(machine_phys(m), at, state & 0x80000FFF ? (state & 0x8FFF) | (_i & 2) : state, 4);
    }
    for (unsigned i = 0; i < 100; i++) {
        struct record r = {.vector = 14, .seq = i, .cr2 = (u64)state << (i % 33), .cpl = (u8)(i & 3)};

        state = state * 1664525 + 1013904223;
        r.walk.cause = (enum fault_cause)(1 + i % (CAUSE_COUNT - 1));
        r.walk.level = 1;
        r.walk.steps = (u8)(i % 5);
        overlay_raised(&o, &r);
        if (i & 1)
            overlay_decided(&o, &r, "what became of it");
    }
    ck_assert(overlay_fit(&mix, &guest));
    for (int y = -20; y < 500; y += 13)
        overlay_draw(&o, m, &guest, &mix, y * 2, y, (u64)(y + 30) * 100000000);
    for (size_t i = 0; i < (size_t)mix.width * mix.height; i++)
        lit += mix.pixels[i] != 0;
    ck_assert_uint_gt(lit, 1000);
    free(mix.pixels);
    free(guest.pixels);
    machine_destroy(m);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("screen");
    TCase *tc = tcase_create("screen");

    tcase_add_test(tc, keys);
    tcase_add_test(tc, characters);
    tcase_add_test(tc, pace);
    tcase_add_test(tc, screenshot);
    tcase_add_test(tc, overlay_regions);
    tcase_add_loop_test(tc, overlay_hostile, 0, 4);
    return bench_finish(suite, tc);
}
