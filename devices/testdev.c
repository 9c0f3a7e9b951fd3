/* SPDX-License-Identifier: MIT */
/*
 * QEMU's pc-testdev, which kvm-unit-tests drives: latches on ports, interrupt lines moved by hand, and a window of
 * memory that is a device.
 */
#include "devices/devices.h"

#include <stdlib.h>
#include <string.h>

struct testdev {
    struct wire line; /* `line` is the number of the first */
    u32 latch;
    u8 memory[TESTDEV_MEMORY];
};

static u64 latch_read(void *device, u64 offset, unsigned width)
{
    struct testdev *t = device;

    (void)width;
    return t->latch >> (8 * (offset & 3));
}

static void latch_write(void *device, u64 offset, u64 value, unsigned width)
{
    struct testdev *t = device;
    unsigned shift = 8 * (offset & 3);
    u32 mask = 0xFFFFFFFFu >> (32 - 8 * width) << shift;

    t->latch = (t->latch & ~mask) | ((u32)value << shift & mask);
}

const struct region_ops testdev_latch_ops = {latch_read, latch_write, 1, 4, "testdev latch"};

/* QEMU unmaps the page named here from its host and lets it be faulted in again: a guest sees nothing of it. */
static u64 flush_read(void *device, u64 offset, unsigned width)
{
    (void)device;
    (void)offset;
    (void)width;
    return 0;
}

static void flush_write(void *device, u64 offset, u64 value, unsigned width)
{
    (void)device;
    (void)offset;
    (void)value;
    (void)width;
}

const struct region_ops testdev_flush_ops = {flush_read, flush_write, 1, 4, "testdev flush"};

/* A device of bytes: the bus takes wider accesses apart, and each byte goes to the same latch as QEMU's, at its
 * offset in the 32-bit one. */
const struct region_ops testdev_byte_ops = {latch_read, latch_write, 1, 1, "testdev bytes"};

static void line_write(void *device, u64 offset, u64 value, unsigned width)
{
    struct testdev *t = device;
    struct wire w = t->line;

    (void)width;
    w.line += (int)offset;
    wire_set(w, value != 0);
}

const struct region_ops testdev_line_ops = {flush_read, line_write, 1, 1, "testdev lines"};

static u64 memory_read(void *device, u64 offset, unsigned width)
{
    struct testdev *t = device;
    u64 value = 0;

    memcpy(&value, t->memory + offset, width);
    return value;
}

static void memory_write(void *device, u64 offset, u64 value, unsigned width)
{
    struct testdev *t = device;

    memcpy(t->memory + offset, &value, width);
}

const struct region_ops testdev_memory_ops = {memory_read, memory_write, 1, 8, "testdev memory"};

struct testdev *testdev_create(struct wire line)
{
    struct testdev *t = calloc(1, sizeof(*t));

    if (t)
        t->line = line;
    return t;
}

void testdev_destroy(struct testdev *t) { free(t); }

/* ---- State ---- */

static const struct state_field fields[] = {
    STATE_WIRED(testdev, line),
    STATE_ANY(testdev, latch),
    STATE_ANY(testdev, memory),
};
static const struct state_table table = STATE_TABLE(testdev, fields);

void testdev_state(struct testdev *t, struct state *s) { state_struct(s, &table, t); }
