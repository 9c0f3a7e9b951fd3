/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a trace file: records or one line of refusal, and what was read can be written in every format. The first
 * byte says whether the checksums of a .flt file's blocks are made right first, so that what lies behind them is met.
 */
#define _GNU_SOURCE /* memfd_create */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#include "frontend/flt.h"
#include "frontend/trace_read.h"
#include "frontend/trace_write.h"
#include "tests/fuzz/fuzz.h"

static u32 u32_at(const u8 *b) { return b[0] | (u32)b[1] << 8 | (u32)b[2] << 16 | (u32)b[3] << 24; }

static void right_checksums(u8 *bytes, size_t size)
{
    for (size_t at = FLT_FILE_HEADER; size - at >= FLT_BLOCK_HEADER && at < size;) {
        u32 stored = u32_at(bytes + at + 4), crc;

        if (stored > size - at - FLT_BLOCK_HEADER)
            return;
        crc = (u32)crc32(crc32(0, bytes + at, 16), bytes + at + FLT_BLOCK_HEADER, stored);
        for (int i = 0; i < 4; i++)
            bytes[at + 16 + (size_t)i] = (u8)(crc >> 8 * i);
        at += FLT_BLOCK_HEADER + (size_t)stored;
    }
}

static void check_line(const char *line)
{
    if (!*line || strchr(line, '\n'))
        fuzz_found("not one line: '%s'", line);
}

static void read_all(struct trace_reader *reader)
{
    static const enum trace_format formats[] = {TRACE_JSONL, TRACE_CSV, TRACE_FLT, TRACE_PERFETTO};
    const struct trace_row *row = trace_reader_next(reader);
    struct trace_writer *writer[4] = {NULL};
    struct output out[4];
    unsigned columns = trace_reader_schema(reader)->count;
    char why[256];

    for (int i = 0; row && i < 4; i++) {
        if (!output_open(&out[i], "/dev/null", why, sizeof(why)))
            fuzz_found("no /dev/null");
        writer[i] = trace_writer_create(&out[i], formats[i], trace_reader_schema(reader));
        if (!writer[i])
            fuzz_found("no memory");
    }
    for (; row && trace_reader_schema(reader)->count == columns; row = trace_reader_next(reader))
        for (int i = 0; i < 4; i++)
            trace_writer_row(writer[i], row);
    while (row)
        row = trace_reader_next(reader);
    for (int i = 0; i < 4 && writer[i]; i++) {
        trace_writer_end(writer[i]);
        trace_writer_destroy(writer[i]);
        if (!output_close(&out[i]))
            fuzz_found("a row cannot be written");
    }
    if (trace_reader_fault(reader))
        check_line(trace_reader_fault(reader));
    if (trace_reader_note(reader))
        check_line(trace_reader_note(reader));
}

int LLVMFuzzerTestOneInput(const u8 *bytes, size_t size)
{
    char path[32], why[640] = "";
    struct trace_reader *reader;
    u8 *copy;
    int fd;

    if (size < 2)
        return 0;
    fd = memfd_create("trace", 0);
    copy = malloc(size);
    if (fd < 0 || !copy)
        fuzz_found("no memory");
    memcpy(copy, bytes + 1, size - 1);
    if (bytes[0] & 1)
        right_checksums(copy, size - 1);
    if (write(fd, copy, size - 1) != (ssize_t)size - 1)
        fuzz_found("no memory");
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    reader = trace_reader_open(path, why, sizeof(why));
    if (reader)
        read_all(reader);
    else
        check_line(why);
    trace_reader_close(reader);
    free(copy);
    close(fd);
    return 0;
}
