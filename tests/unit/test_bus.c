/* SPDX-License-Identifier: MIT */
/* The bus: where regions may lie, what devices see of wide, narrow and crossing accesses, and a million random ones. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mmu/bus.h"

#define LOG_SIZE 16

/* A device with 64 bytes of memory that keeps a log of its accesses. */
struct device {
    u8 byte[64];
    struct {
        char op;
        u64 offset, value;
        unsigned width;
    } log[LOG_SIZE];
    unsigned accesses;
    bool astray; /* an access that the region does not allow */
    unsigned size, min, max;
};

static void device_note(struct device *d, char op, u64 offset, u64 value, unsigned width)
{
    unsigned i = d->accesses++ % LOG_SIZE;

    if (width < d->min || width > d->max || (width & (width - 1)) || offset + width > d->size || offset >= d->size)
        d->astray = true;
    d->log[i].op = op;
    d->log[i].offset = offset;
    d->log[i].value = value;
    d->log[i].width = width;
}

static u64 device_read(void *device, u64 offset, unsigned width)
{
    struct device *d = device;
    u64 value = 0;

    device_note(d, 'r', offset, 0, width);
    if (!d->astray)
        memcpy(&value, d->byte + offset, width);
    return width < 8 ? value | ~0ull << (8 * width) : value; /* rubbish above the width, which the bus must drop */
}

static void device_write(void *device, u64 offset, u64 value, unsigned width)
{
    struct device *d = device;

    device_note(d, 'w', offset, value, width);
    if (!d->astray)
        memcpy(d->byte + offset, &value, width);
}

static struct device *device_attach(struct bus *bus, u64 base, unsigned size, u8 min, u8 max)
{
    struct device *d = calloc(1, sizeof(*d));
    struct region_ops ops = {device_read, device_write, min, max, "test"};

    ck_assert_ptr_nonnull(d);
    d->size = size;
    d->min = min;
    d->max = max;
    for (unsigned i = 0; i < sizeof(d->byte); i++)
        d->byte[i] = (u8)(i + 1);
    ck_assert(bus_attach(bus, base, size, &ops, d));
    return d;
}

#define ck_log(d, i, o, at, v, w)                    \
    do {                                             \
        ck_assert_int_eq((d)->log[i].op, (o));       \
        ck_assert_uint_eq((d)->log[i].offset, (at)); \
        ck_assert_uint_eq((d)->log[i].value, (v));   \
        ck_assert_uint_eq((d)->log[i].width, (w));   \
    } while (0)

START_TEST(nobody_home)
{
    struct bus *bus = bus_create(0xA5);

    ck_assert_uint_eq(bus_read(bus, 0, 1), 0xA5);
    ck_assert_uint_eq(bus_read(bus, 0xFFFF, 4), 0xA5A5A5A5);
    ck_assert_uint_eq(bus_read(bus, ~0ull, 8), 0xA5A5A5A5A5A5A5A5);
    bus_write(bus, 0x80, 1, 1);
    bus_write(bus, ~0ull, 1, 8);
    ck_assert(!bus_claims(bus, 0, ~0ull));
    bus_destroy(bus);
    bus_destroy(NULL);
}
END_TEST

START_TEST(straight_through)
{
    struct bus *bus = bus_create(0xFF);
    struct device *d = device_attach(bus, 0x3F8, 8, 1, 4);

    ck_assert_uint_eq(bus_read(bus, 0x3F9, 1), 0x02);
    ck_log(d, 0, 'r', 1, 0, 1);
    ck_assert_uint_eq(bus_read(bus, 0x3FB, 4), 0x07060504);
    ck_log(d, 1, 'r', 3, 0, 4);
    bus_write(bus, 0x3FF, 0x1234, 1); /* no bits above the width reach the device */
    ck_log(d, 2, 'w', 7, 0x34, 1);
    ck_assert_uint_eq(bus_read(bus, 0x3F7, 1), 0xFF);
    ck_assert_uint_eq(bus_read(bus, 0x400, 1), 0xFF);
    ck_assert_uint_eq(d->accesses, 3);
    bus_destroy(bus);
    free(d);
}
END_TEST

START_TEST(wide_is_split)
{
    struct bus *bus = bus_create(0xFF);
    struct device *d = device_attach(bus, 0x40, 4, 1, 1);
    struct device *e = device_attach(bus, 0xFEC00000, 16, 4, 4);

    ck_assert_uint_eq(bus_read(bus, 0x40, 4), 0x04030201);
    ck_assert_uint_eq(d->accesses, 4);
    for (unsigned i = 0; i < 4; i++)
        ck_log(d, i, 'r', i, 0, 1);
    bus_write(bus, 0x42, 0xBBAA, 2);
    ck_log(d, 4, 'w', 2, 0xAA, 1);
    ck_log(d, 5, 'w', 3, 0xBB, 1);
    ck_assert_uint_eq(bus_read(bus, 0xFEC00008, 8), 0x100F0E0D0C0B0A09);
    ck_log(e, 0, 'r', 8, 0, 4);
    ck_log(e, 1, 'r', 12, 0, 4);
    bus_destroy(bus);
    free(d);
    free(e);
}
END_TEST

START_TEST(narrow_is_widened)
{
    struct bus *bus = bus_create(0xFF);
    struct device *d = device_attach(bus, 0xFEE00000, 16, 4, 4);

    ck_assert_uint_eq(bus_read(bus, 0xFEE00006, 1), 0x07);
    ck_log(d, 0, 'r', 4, 0, 4);
    ck_assert_uint_eq(bus_read(bus, 0xFEE00007, 2), 0x0908); /* two units */
    ck_log(d, 1, 'r', 4, 0, 4);
    ck_log(d, 2, 'r', 8, 0, 4);
    bus_write(bus, 0xFEE00005, 0xEE, 1); /* the bytes beside it keep their value */
    ck_log(d, 3, 'r', 4, 0, 4);
    ck_log(d, 4, 'w', 4, 0x0807EE05, 4);
    bus_write(bus, 0xFEE00006, 0x44332211, 4); /* fits the width: an offset is a multiple of nothing */
    ck_log(d, 5, 'w', 6, 0x44332211, 4);
    ck_assert(!d->astray);
    bus_destroy(bus);
    free(d);
}
END_TEST

START_TEST(crossing_regions)
{
    struct bus *bus = bus_create(0xFF);
    struct device *d = device_attach(bus, 0x60, 1, 1, 1);
    struct device *e = device_attach(bus, 0x62, 2, 2, 2);

    ck_assert_uint_eq(bus_read(bus, 0x5F, 4), 0x01FF01FF);
    ck_log(d, 0, 'r', 0, 0, 1);
    ck_log(e, 0, 'r', 0, 0, 2);
    bus_write(bus, 0x60, 0x88776655, 4);
    ck_log(d, 1, 'w', 0, 0x55, 1);
    ck_log(e, 1, 'w', 0, 0x8877, 2);
    ck_assert_uint_eq(e->accesses, 2);
    bus_destroy(bus);
    free(d);
    free(e);
}
END_TEST

START_TEST(overlaps_are_errors)
{
    struct bus *bus = bus_create(0xFF);
    struct device *d = device_attach(bus, 0x100, 0x10, 1, 4);
    struct region_ops ops = {device_read, device_write, 1, 4, "test"};

    ck_assert(!bus_attach(bus, 0x100, 0x10, &ops, d));
    ck_assert(!bus_attach(bus, 0x10F, 1, &ops, d));
    ck_assert(!bus_attach(bus, 0xF0, 0x11, &ops, d));
    ck_assert(!bus_attach(bus, 0, ~0ull, &ops, d));
    ck_assert(!bus_attach(bus, 0x104, 2, &ops, d));
    ck_assert(!bus_attach(bus, 0x200, 0, &ops, d));
    ck_assert(!bus_attach(bus, ~0ull, 2, &ops, d)); /* wraps */
    ck_assert(bus_attach(bus, 0xF0, 0x10, &ops, d));
    ck_assert(bus_attach(bus, 0x110, 1, &ops, d));
    ck_assert(bus_attach(bus, ~0ull, 1, &ops, d)); /* the last byte does not */
    bus_destroy(bus);
    free(d);
}
END_TEST

START_TEST(useless_operations_are_errors)
{
    struct bus *bus = bus_create(0xFF);
    struct region_ops ops[] = {
        {NULL, device_write, 1, 4, NULL},         {device_read, NULL, 1, 4, NULL},
        {device_read, device_write, 0, 4, NULL},  {device_read, device_write, 4, 2, NULL},
        {device_read, device_write, 1, 16, NULL}, {device_read, device_write, 3, 4, NULL},
        {device_read, device_write, 8, 8, NULL}, /* a region of 4 bytes has no access of 8 */
    };

    for (size_t i = 0; i < sizeof(ops) / sizeof(*ops); i++)
        ck_assert(!bus_attach(bus, 0, 4, &ops[i], NULL));
    ck_assert(!bus_claims(bus, 0, 4));
    bus_destroy(bus);
}
END_TEST

START_TEST(top_of_the_address_space)
{
    struct bus *bus = bus_create(0xFF);
    struct device *top = device_attach(bus, ~0ull - 3, 4, 1, 4);
    struct device *zero = device_attach(bus, 0, 4, 1, 4);

    ck_assert_uint_eq(bus_read(bus, ~0ull - 1, 4), 0x02010403);
    bus_write(bus, ~0ull, 0xCCBBAA99, 4);
    ck_assert_uint_eq(top->byte[3], 0x99);
    ck_assert_uint_eq(zero->byte[0], 0xAA);
    ck_assert_uint_eq(zero->byte[2], 0xCC);
    ck_assert_uint_eq(zero->byte[3], 4);
    ck_assert(!top->astray && !zero->astray);
    bus_destroy(bus);
    free(top);
    free(zero);
}
END_TEST

START_TEST(claims)
{
    struct bus *bus = bus_create(0xFF);
    struct device *d = device_attach(bus, 0xFFFE, 8, 1, 4); /* across the end of the table */

    ck_assert(bus_claims(bus, 0xFFFE, 1));
    ck_assert(bus_claims(bus, 0, 0xFFFF));
    ck_assert(!bus_claims(bus, 0, 0xFFFE));
    ck_assert(bus_claims(bus, 0x10005, 100));
    ck_assert(!bus_claims(bus, 0x10006, 100));
    ck_assert(!bus_claims(bus, 0x10000, 0));
    ck_assert(!bus_claims(bus, ~0ull, 0xFFFE));
    ck_assert(bus_claims(bus, ~0ull, 0x10000)); /* wraps */
    ck_assert_uint_eq(bus_read(bus, 0xFFFE, 4), 0x04030201);
    ck_assert_uint_eq(bus_read(bus, 0x10002, 4), 0x08070605);
    struct device *top = device_attach(bus, ~0ull - 0x1F, 8, 1, 4);
    ck_assert(bus_claims(bus, ~0ull - 0x18, 0x20)); /* wraps, and its first part is claimed */
    ck_assert(!bus_claims(bus, ~0ull - 0x17, 0x20));
    bus_destroy(bus);
    bus_destroy(NULL);
    free(top);
    free(d);
}
END_TEST

/* A fixed sequence of pseudo-random numbers. */
static u64 next(u64 *state)
{
    *state = *state * 6364136223846793005ull + 1442695040888963407ull;
    return *state >> 33 ^ *state >> 13;
}

#define SPAN 4096u

/*
 * Regions of every width and size at random places, low (table) and high (search), attached in random order. A model of
 * bytes must agree with every access, and no device may see one it did not declare.
 */
static void random_accesses(u64 base, u64 *seed, unsigned accesses)
{
    struct bus *bus = bus_create(0xFF);
    struct device *owner[SPAN] = {NULL}, *made[64];
    u64 start[64];
    unsigned count = 0, wrong = 0;

    for (unsigned tries = 0; tries < 200 && count < 64; tries++) {
        u8 min = (u8)(1u << next(seed) % 4), max = (u8)(min << next(seed) % 4);
        unsigned at = (unsigned)(next(seed) % (SPAN - 64)), size = min + (unsigned)(next(seed) % (64 - min));
        bool taken = bus_claims(bus, base + at, size), expected = false;

        for (unsigned i = at; i < at + size; i++)
            expected |= owner[i] != NULL;
        ck_assert_int_eq(taken, expected);
        if (taken)
            continue;
        made[count] = device_attach(bus, base + at, size, min, max > 8 ? 8 : max);
        start[count] = at;
        for (unsigned i = at; i < at + size; i++)
            owner[i] = made[count];
        count++;
    }
    ck_assert_uint_gt(count, 20);
    for (unsigned n = 0; n < accesses; n++) {
        unsigned width = 1u << next(seed) % 4, at = (unsigned)(next(seed) % (SPAN - 8));
        u64 value = next(seed) << 32 ^ next(seed), expected = 0, got;
        bool write = next(seed) & 1;

        if (write)
            bus_write(bus, base + at, value, width);
        got = bus_read(bus, base + at, width);
        for (unsigned i = 0; i < width; i++) {
            u64 byte = 0xFF;

            for (unsigned d = 0; owner[at + i] && d < count; d++)
                if (made[d] == owner[at + i])
                    byte = made[d]->byte[at + i - start[d]];
            expected |= byte << (8 * i);
            if (write && owner[at + i])
                wrong += byte != (value >> (8 * i) & 0xFF);
        }
        wrong += got != expected;
    }
    for (unsigned d = 0; d < count; d++) {
        wrong += made[d]->astray;
        free(made[d]);
    }
    bus_destroy(bus);
    ck_assert_uint_eq(wrong, 0);
}

START_TEST(random_regions)
{
    static const u64 base[] = {0, 0x10000 - SPAN / 2, 0xFEC00000, 0xFFFFFFFFFFFFF000};
    u64 seed = 1;

    for (unsigned round = 0; round < 40; round++)
        random_accesses(base[round % 4], &seed, 25000);
}
END_TEST

/* A narrow write must not disturb bytes beside it, whatever the device's narrowest access is. */
START_TEST(writes_touch_nothing_else)
{
    for (u8 min = 1; min <= 8; min = (u8)(min * 2)) {
        for (u8 max = min; max <= 8; max = (u8)(max * 2)) {
            struct bus *bus = bus_create(0xFF);
            struct device *d = device_attach(bus, 0x1000, 20, min, max); /* 20 is no multiple of 8 */

            for (unsigned width = 1; width <= 8; width *= 2) {
                for (unsigned at = 0; at + width <= 20; at++) {
                    memset(d->byte, 0x11, sizeof(d->byte));
                    bus_write(bus, 0x1000 + at, 0xEEEEEEEEEEEEEEEE, width);
                    for (unsigned i = 0; i < 20; i++)
                        ck_assert_uint_eq(d->byte[i], i >= at && i < at + width ? 0xEE : 0x11);
                }
            }
            ck_assert(!d->astray);
            bus_destroy(bus);
            free(d);
        }
    }
}
END_TEST

/* What is taken away answers no more, in the table of low addresses and beyond; the rest does. */
START_TEST(detaching)
{
    static const u64 base[] = {0x100, 0xFEE00000};

    for (int i = 0; i < 2; i++) {
        struct bus *bus = bus_create(0xFF);
        struct device *below = device_attach(bus, base[i] - 16, 16, 1, 8), *d = device_attach(bus, base[i], 16, 1, 8),
                      *above = device_attach(bus, base[i] + 16, 16, 1, 8);

        ck_assert_uint_eq(bus_read(bus, base[i] + 2, 1), 3);
        ck_assert(!bus_detach(bus, base[i] + 1) && !bus_detach(bus, 0)); /* 0: below all */
        ck_assert(bus_detach(bus, base[i]));
        ck_assert(!bus_detach(bus, base[i]));
        ck_assert_uint_eq(bus_read(bus, base[i] + 2, 1), 0xFF);
        ck_assert_uint_eq(bus_read(bus, base[i] - 16, 1), 1);
        ck_assert_uint_eq(bus_read(bus, base[i] + 16, 1), 1);
        ck_assert(!bus_claims(bus, base[i], 16));
        ck_assert(bus_detach(bus, base[i] - 16) && bus_detach(bus, base[i] + 16));
        ck_assert_uint_eq(bus_read(bus, base[i] - 16, 4), 0xFFFFFFFF);
        ck_assert(!below->astray && !d->astray && !above->astray);
        free(below);
        free(d);
        free(above);
        bus_destroy(bus);
    }
}
END_TEST

struct seen {
    struct bus_region region[4];
    unsigned count, wanted;
};

static bool see(void *ctx, const struct bus_region *r)
{
    struct seen *s = ctx;

    s->region[s->count++] = *r;
    return s->count < s->wanted;
}

START_TEST(looking)
{
    struct bus *bus = bus_create(0xFF);
    struct region_ops ops = {device_read, device_write, 1, 4, NULL};
    struct seen seen = {.wanted = 4};
    struct device *top = device_attach(bus, ~0ull - 3, 4, 1, 4), *low = device_attach(bus, 0x10, 4, 1, 4);

    ck_assert(bus_attach(bus, 0x20, 8, &ops, low));
    bus_each(bus, see, &seen);
    ck_assert_uint_eq(seen.count, 3);
    ck_assert_uint_eq(seen.region[0].base, 0x10);
    ck_assert_uint_eq(seen.region[0].last, 0x13);
    ck_assert_str_eq(seen.region[0].name, "test");
    ck_assert_str_eq(seen.region[1].name, "device"); /* it has not said */
    ck_assert_uint_eq(seen.region[2].last, ~0ull);
    seen = (struct seen){.wanted = 2};
    bus_each(bus, see, &seen);
    ck_assert_uint_eq(seen.count, 2);
    bus_destroy(bus);
    free(top);
    free(low);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("bus");
    TCase *cases = tcase_create("cases");
    SRunner *runner;
    int failed;

    tcase_set_timeout(cases, 120);
    tcase_add_test(cases, nobody_home);
    tcase_add_test(cases, detaching);
    tcase_add_test(cases, looking);
    tcase_add_test(cases, straight_through);
    tcase_add_test(cases, wide_is_split);
    tcase_add_test(cases, narrow_is_widened);
    tcase_add_test(cases, crossing_regions);
    tcase_add_test(cases, overlaps_are_errors);
    tcase_add_test(cases, useless_operations_are_errors);
    tcase_add_test(cases, top_of_the_address_space);
    tcase_add_test(cases, claims);
    tcase_add_test(cases, random_regions);
    tcase_add_test(cases, writes_touch_nothing_else);
    suite_add_tcase(suite, cases);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
