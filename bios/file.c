/* SPDX-License-Identifier: MIT */
/* Reading a boot file whole, decompressing it if need be, and the small tools every loader uses. */
#include "bios/image.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

bool boot_fail(char *why, size_t size, const char *name, const char *format, ...)
{
    va_list ap;
    int n = snprintf(why, size, "%s: ", name);

    va_start(ap, format);
    if (n >= 0 && (size_t)n < size)
        vsnprintf(why + n, size - (size_t)n, format, ap);
    va_end(ap);
    for (char *p = why; size && *p; p++)
        if (*p == '\n' || *p == '\r') /* a file name may contain anything, a reason is one line */
            *p = '?';
    return false;
}

/* ---- Fields ---- */

u16 boot_get16(const u8 *p) { return (u16)(p[0] | p[1] << 8); }

u32 boot_get32(const u8 *p) { return boot_get16(p) | (u32)boot_get16(p + 2) << 16; }

u64 boot_get64(const u8 *p) { return boot_get32(p) | (u64)boot_get32(p + 4) << 32; }

void boot_put16(u8 *p, u16 v)
{
    p[0] = (u8)v;
    p[1] = (u8)(v >> 8);
}

void boot_put32(u8 *p, u32 v)
{
    boot_put16(p, (u16)v);
    boot_put16(p + 2, (u16)(v >> 16));
}

void boot_put64(u8 *p, u64 v)
{
    boot_put32(p, (u32)v);
    boot_put32(p + 4, (u32)(v >> 32));
}

bool boot_within(u64 offset, u64 length, u64 size) { return offset <= size && length <= size - offset; }

char *boot_next_item(const char **list)
{
    const char *p = *list;
    char *item;
    size_t n = 0;

    if (!p)
        return NULL;
    item = malloc(strlen(p) + 1);
    if (!item)
        return NULL;
    for (; *p; p++) {
        if (*p == ',' && p[1] != ',')
            break;
        p += *p == ',';
        item[n++] = *p;
    }
    item[n] = '\0';
    *list = *p ? p + 1 : NULL;
    return item;
}

/* ---- Files ---- */

/* A buffer that doubles, up to BOOT_FILE_MAX and one byte more. */
struct buffer {
    u8 *bytes;
    size_t used, room;
};

static bool buffer_grow(struct buffer *b)
{
    size_t room = b->room ? b->room * 2 : 1 << 20;
    u8 *bytes;

    if (room > BOOT_FILE_MAX + 1)
        room = BOOT_FILE_MAX + 1;
    bytes = realloc(b->bytes, room);
    if (!bytes)
        return false;
    b->bytes = bytes;
    b->room = room;
    return true;
}

static bool read_all(FILE *f, const char *name, struct buffer *b, char *why, size_t size)
{
    size_t n;

    do {
        if (b->used == b->room && !buffer_grow(b))
            return boot_fail(why, size, name, "out of memory");
        errno = 0;
        n = fread(b->bytes + b->used, 1, b->room - b->used, f);
        b->used += n;
        if (b->used > BOOT_FILE_MAX)
            return boot_fail(why, size, name, "larger than %llu MiB", BOOT_FILE_MAX >> 20);
    } while (n > 0);
    if (ferror(f))
        return boot_fail(why, size, name, "%s", strerror(errno));
    if (!b->used)
        return boot_fail(why, size, name, "the file is empty");
    return true;
}

static bool inflate_into(z_stream *z, const char *name, struct buffer *out, char *why, size_t size)
{
    for (;;) {
        int r;

        if (out->used == out->room && !buffer_grow(out))
            return boot_fail(why, size, name, "out of memory");
        z->next_out = out->bytes + out->used;
        z->avail_out = (uInt)(out->room - out->used);
        r = inflate(z, Z_NO_FLUSH);
        out->used = out->room - z->avail_out;
        if (out->used > BOOT_FILE_MAX)
            return boot_fail(why, size, name, "larger than %llu MiB when decompressed", BOOT_FILE_MAX >> 20);
        if (r == Z_STREAM_END)
            return out->used ? true : boot_fail(why, size, name, "empty when decompressed");
        if (r == Z_BUF_ERROR || (r == Z_OK && !z->avail_in && z->avail_out))
            return boot_fail(why, size, name, "compressed data is cut short");
        if (r != Z_OK)
            return boot_fail(why, size, name, "damaged gzip data (%s)", z->msg ? z->msg : "no detail");
    }
}

/* "1F 8B" (RFC 1952, "Member header and trailer"). What follows the first member is ignored, as by boot loaders. */
static bool decompress(struct buffer *b, const char *name, char *why, size_t size)
{
    struct buffer out = {0};
    z_stream z = {0};
    bool ok;

    if (inflateInit2(&z, 16 + MAX_WBITS) != Z_OK)
        return boot_fail(why, size, name, "out of memory");
    z.next_in = b->bytes;
    z.avail_in = (uInt)b->used;
    ok = inflate_into(&z, name, &out, why, size);
    inflateEnd(&z);
    if (!ok) {
        free(out.bytes);
        return false;
    }
    free(b->bytes);
    *b = out;
    return true;
}

bool boot_file_load(struct boot_file *file, const char *name, bool inflate_it, char *why, size_t size)
{
    struct buffer b = {0};
    struct stat st;
    FILE *f = fopen(name, "rb");
    bool ok;

    *file = (struct boot_file){.name = name};
    if (!f)
        return boot_fail(why, size, name, "%s", strerror(errno));
    if (fstat(fileno(f), &st) == 0 && S_ISDIR(st.st_mode)) {
        fclose(f);
        return boot_fail(why, size, name, "is a directory");
    }
    ok = read_all(f, name, &b, why, size);
    fclose(f);
    if (ok && inflate_it && b.used >= 2 && b.bytes[0] == 0x1F && b.bytes[1] == 0x8B)
        ok = decompress(&b, name, why, size);
    if (!ok) {
        free(b.bytes);
        return false;
    }
    file->bytes = b.bytes;
    file->size = b.used;
    return true;
}

void boot_file_free(struct boot_file *file)
{
    free(file->bytes);
    file->bytes = NULL;
    file->size = 0;
}
