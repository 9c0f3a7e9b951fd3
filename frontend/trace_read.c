/* SPDX-License-Identifier: MIT */
#include "frontend/trace_read.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "frontend/flt.h"
#include "frontend/options.h"

#define READ_AHEAD (256u << 10)

struct trace_reader {
    const char *path;
    int fd;
    char *buffer;
    size_t at, used, room; /* of the buffer: what is next, what is there */
    u64 offset;            /* of the buffer's beginning in the file */
    bool eof;
    enum trace_format format;
    struct trace_schema schema;
    struct trace_row row;
    u64 records, lines;
    /* .flt */
    struct flt_block *block;
    u8 *raw;
    size_t raw_room;
    u32 block_left;
    bool has_schema, ended;
    char fault[512], note[512];
};

/* ---- What all formats share ---- */

/* A control character is below 20H: eight at once, by their upper three bits. */
bool trace_is_plain(const char *text, size_t size)
{
    u64 word;

    for (; size >= 8; text += 8, size -= 8) {
        memcpy(&word, text, 8);
        word = (word >> 5 | word >> 6 | word >> 7) & 0x0101010101010101ull;
        if (word != 0x0101010101010101ull)
            return false;
    }
    for (; size; text++, size--)
        if ((unsigned char)*text < 0x20)
            return false;
    return true;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

bool trace_hex(const char *digits, size_t size, u64 *value)
{
    *value = 0;
    if (!size || size > 16)
        return false;
    for (size_t i = 0; i < size; i++) {
        int d = hex_digit(digits[i]);

        if (d < 0)
            return false;
        *value = *value << 4 | (u64)d;
    }
    return true;
}

bool trace_decimal(const char *text, size_t size, u64 *value)
{
    *value = 0;
    for (size_t i = 0; i < size; i++)
        if (text[i] < '0' || text[i] > '9' || __builtin_mul_overflow(*value, 10, value) ||
            __builtin_add_overflow(*value, (u64)(text[i] - '0'), value))
            return false;
    return size;
}

const char *trace_cell_fault(enum column_type type, const struct trace_cell *c)
{
    const char *end = c->text + c->size;

    if (type == COLUMN_BYTES) {
        for (const char *s = c->text; s < end; s++)
            if (hex_digit(*s) < 0)
                return "not hexadecimal digits";
        return c->size % 2 ? "an odd number of digits" : NULL;
    }
    return type == COLUMN_JSON && json_skip(c->text, end) != end ? "not a JSON value" : NULL;
}

void trace_row_clear(const struct trace_schema *schema, struct trace_row *row)
{
    for (unsigned i = 0; i < schema->count; i++) {
        enum column_type type = schema->column[i].type;

        row->cell[i] = (struct trace_cell){
            .known = type == COLUMN_LIST || type == COLUMN_BYTES || type == COLUMN_WALK,
            .text = "",
        };
    }
    row->walk.steps = 0;
}

/* ---- The file ---- */

static bool failed(struct trace_reader *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool failed(struct trace_reader *t, const char *format, ...)
{
    int n = snprintf(t->fault, sizeof(t->fault), "%.255s: ", t->path);
    va_list args;

    va_start(args, format);
    vsnprintf(t->fault + n, sizeof(t->fault) - (size_t)n, format, args);
    va_end(args);
    options_one_line(t->fault);
    return false;
}

/* Reads on until `wanted` bytes lie ahead, or the file ends. False if it cannot be read. */
static bool fill(struct trace_reader *t, size_t wanted)
{
    if (t->used - t->at >= wanted || t->eof)
        return true;
    if (t->at)
        memmove(t->buffer, t->buffer + t->at, t->used - t->at);
    t->offset += t->at;
    t->used -= t->at;
    t->at = 0;
    if (wanted + READ_AHEAD > t->room) {
        char *buffer = realloc(t->buffer, wanted + READ_AHEAD);

        if (!buffer)
            return failed(t, "out of memory");
        t->buffer = buffer;
        t->room = wanted + READ_AHEAD;
    }
    while (t->used < wanted) {
        ssize_t n = read(t->fd, t->buffer + t->used, t->room - t->used);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return failed(t, "%s", strerror(errno));
        if (n == 0) {
            t->eof = true;
            break;
        }
        t->used += (size_t)n;
    }
    return true;
}

static void cut_off(struct trace_reader *t, const char *how)
{
    snprintf(t->note, sizeof(t->note), "%.255s: %s; %llu whole records were read", t->path, how,
             (unsigned long long)t->records);
    options_one_line(t->note);
}

/* ---- Lines ---- */

/* The next line without its end; NULL at the end of the file, or with a fault. `whole`: it ended with a newline. */
static char *next_line(struct trace_reader *t, char **end, bool *whole)
{
    size_t seen = 0;

    for (;;) {
        char *from = t->buffer + t->at, *newline = memchr(from + seen, '\n', t->used - t->at - seen);

        *whole = newline;
        if (newline || (t->eof && t->used > t->at)) {
            *end = newline ? newline : t->buffer + t->used;
            t->at = (size_t)(*end - t->buffer) + (newline ? 1 : 0);
            t->lines++;
            return from;
        }
        seen = t->used - t->at;
        if (t->eof)
            return NULL;
        if (seen > TRACE_LINE_MAX) {
            failed(t, "line %llu: longer than %u MiB", (unsigned long long)t->lines + 1, TRACE_LINE_MAX >> 20);
            return NULL;
        }
        if (!fill(t, seen + 1 > READ_AHEAD ? 2 * seen : READ_AHEAD))
            return NULL;
    }
}

static bool next_of_lines(struct trace_reader *t)
{
    char *text, *end, why[256];
    bool whole, ok;

    do {
        text = next_line(t, &end, &whole);
        if (!text)
            return false;
    } while (text == end);
    if (t->format == TRACE_CSV && !t->has_schema) {
        t->has_schema = true;
        if (!csv_read_header(&t->schema, text, end, why, sizeof(why)))
            return failed(t, "line %llu: %s", (unsigned long long)t->lines, why);
        return next_of_lines(t);
    }
    ok = t->format == TRACE_CSV ? csv_read_row(&t->schema, &t->row, text, end, why, sizeof(why))
                                : json_read_row(&t->schema, &t->row, text, end, why, sizeof(why));
    /* A .csv line may be cut off within its last cell, and look whole. */
    if (!whole && (!ok || t->format == TRACE_CSV)) {
        cut_off(t, "ends in the middle of a line");
        return false;
    }
    return ok || failed(t, "line %llu: %s", (unsigned long long)t->lines, why);
}

/* ---- Blocks ---- */

static u32 u32_at(const char *p)
{
    const u8 *b = (const u8 *)p;

    return b[0] | (u32)b[1] << 8 | (u32)b[2] << 16 | (u32)b[3] << 24;
}

/* What a block stores, as it was before it was compressed: into t->raw. */
static bool unpack(struct trace_reader *t, const char *stored, u32 size, u32 raw_size)
{
    z_stream z = {.next_in = (Bytef *)(uintptr_t)stored, .avail_in = size};
    int status;

    if (raw_size > t->raw_room) {
        u8 *raw = realloc(t->raw, raw_size);

        if (!raw)
            return failed(t, "out of memory");
        t->raw = raw;
        t->raw_room = raw_size;
    }
    if (size == raw_size) {
        memcpy(t->raw, stored, size);
        return true;
    }
    z.next_out = t->raw;
    z.avail_out = raw_size;
    if (inflateInit2(&z, -15) != Z_OK)
        return failed(t, "out of memory");
    status = inflate(&z, Z_FINISH);
    inflateEnd(&z);
    return (status == Z_STREAM_END && !z.avail_out) || failed(t, "a block cannot be inflated");
}

static bool load_end(struct trace_reader *t, u32 size)
{
    u64 total = 0;

    for (u32 i = 0; i < size && i < 9; i++)
        total |= (u64)(t->raw[i] & 127) << (7 * i);
    t->ended = true;
    if (total != t->records)
        return failed(t, "has %llu records, but its end mark says %llu", (unsigned long long)t->records,
                      (unsigned long long)total);
    return true;
}

static bool load_block(struct trace_reader *t, u32 tag, u32 raw_size, u32 rows)
{
    const char *why = "a block of unknown kind";

    if (tag == FLT_END)
        return load_end(t, raw_size);
    if (tag == FLT_SCHEMA && !t->has_schema) {
        why = flt_schema_load(&t->schema, t->raw, raw_size);
        t->has_schema = true;
    } else if (tag == FLT_RECORDS && t->has_schema) {
        why = flt_block_load(t->block, &t->schema, t->raw, raw_size, rows);
        t->block_left = rows;
    }
    return !why || failed(t, "block at byte %llu: %s", (unsigned long long)(t->offset + t->at), why);
}

/* Loads the next block. False at the end, or with a fault. */
static bool next_block(struct trace_reader *t)
{
    u32 tag, stored, raw, rows, crc;
    const char *head;

    if (t->ended || !fill(t, FLT_BLOCK_HEADER))
        return false;
    if (t->used - t->at < FLT_BLOCK_HEADER) {
        cut_off(t,
                t->used == t->at ? "has no end mark, as after a run that was killed" : "ends in the middle of a block");
        return false;
    }
    head = t->buffer + t->at;
    tag = u32_at(head);
    stored = u32_at(head + 4);
    raw = u32_at(head + 8);
    rows = u32_at(head + 12);
    crc = u32_at(head + 16);
    if (raw > FLT_RAW_MAX || stored > raw || (tag != FLT_SCHEMA && tag != FLT_RECORDS && tag != FLT_END))
        return failed(t, "no block begins at byte %llu", (unsigned long long)(t->offset + t->at));
    if (!fill(t, FLT_BLOCK_HEADER + (size_t)stored))
        return false;
    if (t->used - t->at < FLT_BLOCK_HEADER + (size_t)stored) {
        cut_off(t, "ends in the middle of a block");
        return false;
    }
    head = t->buffer + t->at;
    if ((u32)crc32(crc32(0, (const Bytef *)head, 16), (const Bytef *)head + FLT_BLOCK_HEADER, stored) != crc)
        return failed(t, "block at byte %llu: its checksum is wrong", (unsigned long long)(t->offset + t->at));
    if (!unpack(t, head + FLT_BLOCK_HEADER, stored, raw) || !load_block(t, tag, raw, rows))
        return false;
    t->at += FLT_BLOCK_HEADER + (size_t)stored;
    if (!t->ended)
        return true;
    return fill(t, 1) && (t->used == t->at || failed(t, "something follows its end mark"));
}

static bool next_of_blocks(struct trace_reader *t)
{
    const char *why;

    while (!t->block_left)
        if (!next_block(t))
            return false;
    t->block_left--;
    why = flt_block_row(t->block, &t->row);
    return !why || failed(t, "record %llu: %s", (unsigned long long)t->records + 1, why);
}

/* ---- Which format ---- */

static bool begin_flt(struct trace_reader *t)
{
    u32 version;

    if (!fill(t, FLT_FILE_HEADER))
        return false;
    if (t->used - t->at < FLT_FILE_HEADER) {
        cut_off(t, "ends in its first bytes");
        t->ended = true;
        return true;
    }
    version = u32_at(t->buffer + 8);
    if (version != FLT_VERSION)
        return failed(t, "a .flt trace of version %u; this program reads version %u", version, FLT_VERSION);
    if (u32_at(t->buffer + 12))
        return failed(t, "a .flt trace with flags that this program does not know");
    t->at = FLT_FILE_HEADER;
    t->block = flt_block_create();
    return t->block || failed(t, "out of memory");
}

static bool begin(struct trace_reader *t)
{
    struct stat st;
    char first;

    t->fd = open(t->path, O_RDONLY | O_CLOEXEC);
    if (t->fd < 0)
        return failed(t, "%s", strerror(errno));
    if (fstat(t->fd, &st) == 0 && S_ISDIR(st.st_mode))
        return failed(t, "%s", strerror(EISDIR));
    trace_schema_init(&t->schema);
    t->format = TRACE_JSONL;
    if (!fill(t, READ_AHEAD))
        return false;
    if (!t->used)
        return true; /* a run without a fault */
    first = t->buffer[0];
    if (t->used >= 8 ? !memcmp(t->buffer, FLT_MAGIC, 8) : !memcmp(t->buffer, FLT_MAGIC, t->used)) {
        t->format = TRACE_FLT;
        return begin_flt(t);
    }
    if (first == '[')
        return failed(t, "a trace for Perfetto has only what that draws; give a .jsonl, .csv or .flt trace");
    if (first != '{' && first != ' ')
        t->format = TRACE_CSV;
    return true;
}

/* ---- The reader ---- */

struct trace_reader *trace_reader_open(const char *path, char *why, size_t size)
{
    struct trace_reader *t = calloc(1, sizeof(*t));

    if (!t) {
        snprintf(why, size, "out of memory");
        return NULL;
    }
    t->path = path;
    t->fd = -1;
    if (begin(t))
        return t;
    snprintf(why, size, "%s", t->fault);
    trace_reader_close(t);
    return NULL;
}

void trace_reader_close(struct trace_reader *t)
{
    if (!t)
        return;
    if (t->fd >= 0)
        close(t->fd);
    flt_block_destroy(t->block);
    free(t->raw);
    free(t->buffer);
    free(t);
}

const struct trace_row *trace_reader_next(struct trace_reader *t)
{
    if (t->fault[0] || t->note[0] || !(t->format == TRACE_FLT ? next_of_blocks(t) : next_of_lines(t)))
        return NULL;
    t->records++;
    return &t->row;
}

const char *trace_reader_fault(const struct trace_reader *t) { return t->fault[0] ? t->fault : NULL; }
const char *trace_reader_note(const struct trace_reader *t) { return t->note[0] ? t->note : NULL; }
const struct trace_schema *trace_reader_schema(const struct trace_reader *t) { return &t->schema; }
bool trace_reader_may_grow(const struct trace_reader *t) { return t->format == TRACE_JSONL; }
u64 trace_reader_records(const struct trace_reader *t) { return t->records; }
