/* SPDX-License-Identifier: MIT */
/*
 * One device alone: its registers are read and written, time passes, and what can happen from outside happens. Which
 * device it is, the program's name says: fuzz_uart, replay_uart. No crash, no value wider than it was asked for, and
 * the whole again must show the same, although time then comes in smaller pieces, with questions in between.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "devices/block.h"
#include "tests/fuzz/device.h"

enum { OPERATIONS = 2000, FIRINGS = 20000, RAM = 1 << 20 };

/* ---- What a board consists of ---- */

void board_see(struct board *b, u64 value)
{
    b->seen = ((b->seen ^ value) * 0x9E3779B97F4A7C15ull) ^ b->seen >> 29 ^ b->now;
}

static void wire_moved(void *listener, int line, bool level) { board_see(listener, (u64)line << 8 | 2 | level); }

struct wire board_wire(struct board *b, int line) { return (struct wire){wire_moved, b, line}; }

static void told(void *ctx, u32 value) { board_see(ctx, value); }

struct tell board_tell(struct board *b) { return (struct tell){told, b}; }

/* The image is a file in memory alone, as sparse as it begins. */
bool board_block(struct board *b, int n, u64 bytes, bool read_only)
{
    char path[64], why[200];
    int fd = memfd_create("image", 0);

    if (fd < 0 || ftruncate(fd, (off_t)bytes) != 0)
        fuzz_found("no image of %llu bytes: %s", (unsigned long long)bytes, strerror(errno));
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    b->block[n] =
        block_open(&(struct block_config){.path = path, .read_only = read_only, .snapshot = !read_only, .raw = true},
                   why, sizeof why);
    close(fd);
    if (!b->block[n])
        fuzz_found("no image: %s", why);
    return true;
}

void board_wait(struct board *b, u64 ns)
{
    u64 until = b->now + ns;

    for (unsigned i = 0; i < FIRINGS / 10 && clock_next(b->clock) <= until; i++) {
        if (clock_next(b->clock) > b->now)
            b->now = clock_next(b->clock);
        clock_run(b->clock);
    }
    b->now = until;
}

/* Memory is written down as it is written. */
static void ram_written(void *board, u64 pa, u64 size)
{
    struct board *b = board;

    board_see(b, pa);
    for (u64 at = pa & ~7ull; at < pa + size && at < RAM; at += 8)
        board_see(b, phys_read(b->phys, at, 8));
}

static u64 now(void *board) { return ((struct board *)board)->now; }

static void open_board(struct board *b, const struct row *row, bool again)
{
    memset(b, 0, sizeof *b);
    b->again = again;
    b->clock = clock_create(now, b);
    b->io = bus_create(0xFF);
    b->phys = phys_create(RAM);
    if (!b->clock || !b->io || !b->phys || !row->make(b) || !phys_on_written(b->phys, ram_written, b))
        fuzz_found("out of memory");
    for (const struct place *p = row->place; p < row->place + ROW_PLACES && p->size; p++)
        if (p->ops && !bus_attach(p->memory ? phys_mmio(b->phys) : b->io, p->base, p->size, p->ops, b->part[p->part]))
            fuzz_found("no place at %llx", (unsigned long long)p->base);
}

static void close_board(struct board *b, const struct row *row)
{
    row->destroy(b);
    for (int i = 0; i < BOARD_BLOCKS; i++)
        block_close(b->block[i]);
    phys_destroy(b->phys);
    bus_destroy(b->io);
    clock_destroy(b->clock);
}

/* ---- What is done to it ---- */

struct session {
    struct board board;
    const struct row *row;
    struct input in;
    unsigned places, firings;
};

/* Timers fire exactly when due. One that fires again and again in no time would never let it pass. */
static void pass(struct session *s, u64 until)
{
    struct board *b = &s->board;

    while (clock_next(b->clock) <= until) {
        if (++s->firings > FIRINGS)
            return;
        if (clock_next(b->clock) > b->now)
            b->now = clock_next(b->clock);
        clock_run(b->clock);
        if (b->again && s->row->ask)
            s->row->ask(b);
    }
    b->now = until;
}

static void pass_for(struct session *s, u64 ns)
{
    u64 until = s->board.now + ns;

    if (s->board.again) {
        pass(s, s->board.now + ns / 3);
        if (s->row->ask)
            s->row->ask(&s->board);
    }
    if (s->firings <= FIRINGS)
        pass(s, until);
}

static u64 read_at(struct session *s, const struct place *p, u64 offset, unsigned width)
{
    struct board *b = &s->board;
    u64 value = p->memory ? phys_read(b->phys, p->base + offset, width) : bus_read(b->io, p->base + offset, width);

    if (width < 8 && value >> 8 * width)
        fuzz_found("a read of %u bytes at %llx gave %llx", width, (unsigned long long)(p->base + offset),
                   (unsigned long long)value);
    board_see(b, value);
    return value;
}

static void write_at(struct session *s, const struct place *p, u64 offset, u64 value, unsigned width)
{
    if (p->memory)
        phys_write(s->board.phys, p->base + offset, value, width);
    else
        bus_write(s->board.io, p->base + offset, value, width);
}

static void other(struct session *s, unsigned width)
{
    u8 what = input_byte(&s->in);

    if (what & 1) {
        u64 at = input_take(&s->in, 2);
        phys_write(s->board.phys, at, input_take(&s->in, width), width);
    } else if (what < 16) {
        s->row->reset(&s->board);
    } else if (s->row->ask) {
        board_see(&s->board, s->row->ask(&s->board));
    }
}

static void operate(struct session *s)
{
    struct input *in = &s->in;
    u8 what = input_byte(in);
    const struct place *p = &s->row->place[(what >> 5) % s->places];
    unsigned width = 1u << (what >> 3 & 3), count = 1;
    u64 offset = (what & 7) < 4 ? input_take(in, p->size > 256 ? p->size > 65536 ? 3 : 2 : 1) % p->size : 0;

    switch (what & 7) {
    case 0: read_at(s, p, offset, width); break;
    case 1: write_at(s, p, offset, input_take(in, width), width); break;
    case 2:
        for (count += input_byte(in) & 63; count; count--)
            write_at(s, p, offset, input_take(in, width), width);
        break;
    case 3:
        for (count += input_byte(in); count; count--)
            read_at(s, p, offset, width);
        break;
    case 4: pass_for(s, (1 + (what >> 5)) * (1ull << (input_byte(in) & 31))); break;
    case 5:
        if (clock_next(s->board.clock) != CLOCK_NEVER && clock_next(s->board.clock) >= s->board.now)
            pass_for(s, clock_next(s->board.clock) - s->board.now);
        break;
    case 6:
        if (s->row->happen)
            s->row->happen(&s->board, in);
        break;
    default: other(s, width);
    }
}

static u64 run(const struct row *row, const u8 *bytes, size_t size, bool again)
{
    struct session s = {.row = row, .in = {bytes, size}};
    u64 seen;

    open_board(&s.board, row, again);
    while (s.places < ROW_PLACES && row->place[s.places].size)
        s.places++;
    for (unsigned i = 0; i < OPERATIONS && s.in.left && s.firings <= FIRINGS; i++)
        operate(&s);
    seen = s.board.seen;
    close_board(&s.board, row);
    return seen;
}

/* ---- Which device ---- */

static const struct row *row_by_program(void)
{
    static const struct row *row;
    const char *name = strrchr(program_invocation_short_name, '_');

    for (unsigned i = 0; !row && name && i < device_row_count; i++)
        if (!strcmp(device_rows[i].name, name + 1))
            row = &device_rows[i];
    if (!row) {
        fprintf(stderr, "usage: fuzz_DEVICE or replay_DEVICE, where DEVICE is one of");
        for (unsigned i = 0; i < device_row_count; i++)
            fprintf(stderr, " %s", device_rows[i].name);
        fputc('\n', stderr);
        exit(2);
    }
    return row;
}

int LLVMFuzzerTestOneInput(const u8 *bytes, size_t size)
{
    const struct row *row = row_by_program();
    u64 once = run(row, bytes, size, false), again = run(row, bytes, size, true);

    if (once != again)
        fuzz_found("the same done again shows something else");
    return 0;
}
