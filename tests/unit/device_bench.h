/* SPDX-License-Identifier: MIT */
/* A bench for one device: a clock turned by hand, and wires that count how often they rise. */
#ifndef FAULTLINE_TESTS_DEVICE_BENCH_H
#define FAULTLINE_TESTS_DEVICE_BENCH_H

#include "devices/devices.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

struct bench {
    u64 now;
    struct clock *clock;
    bool level[16];
    unsigned rises[16];
};

static inline u64 bench_now(void *ctx) { return ((struct bench *)ctx)->now; }

static inline void bench_line(void *listener, int line, bool level)
{
    struct bench *b = listener;

    b->rises[line] += level && !b->level[line];
    b->level[line] = level;
}

static inline struct wire bench_wire(struct bench *b, int line) { return (struct wire){bench_line, b, line}; }

static inline void bench_open(struct bench *b)
{
    memset(b, 0, sizeof(*b));
    b->clock = clock_create(bench_now, b);
    ck_assert_ptr_nonnull(b->clock);
}

/* Time passes, and timers fire exactly when due. */
static inline void bench_run(struct bench *b, u64 until)
{
    while (clock_next(b->clock) <= until) {
        if (clock_next(b->clock) > b->now)
            b->now = clock_next(b->clock);
        clock_run(b->clock);
    }
    b->now = until;
}

static inline u8 rd(const struct region_ops *ops, void *device, u64 offset) { return (u8)ops->read(device, offset, 1); }

static inline void wr(const struct region_ops *ops, void *device, u64 offset, u8 value)
{
    ops->write(device, offset, value, 1);
}

#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

/* Runs a suite's cases: the exit status of a test program. */
static inline int bench_finish(Suite *suite, TCase *tc)
{
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_set_timeout(tc, 60);
    suite_add_tcase(suite, tc);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

#endif
