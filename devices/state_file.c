/* SPDX-License-Identifier: MIT */
#include "devices/state_file.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

enum { PIECE = 65536, LEVEL = 1 };

static const char magic[8] = {'F', 'L', 'T', 'S', 'T', 'A', 'T', 'E'};

struct head {
    char magic[8];
    u32 version, zero;
    u64 size, hash;
};

struct state_file {
    FILE *file;
    char *path, *temporary; /* as named; where it is written */
    ZSTD_CCtx *pack;
    ZSTD_DCtx *unpack;
    struct head head; /* size and hash as they come */
    u8 in[PIECE], out[PIECE];
    size_t used;          /* of `in`, for packing; of `out`, filled with compressed bytes to write */
    ZSTD_inBuffer source; /* unpacking */
    bool whole;           /* the frame has ended */
    int error;            /* of the host, writing */
};

static void tell(char *why, size_t size, const char *path, const char *reason)
{
    snprintf(why, size, "%s: %s", path, reason);
}

/* ---- Writing ---- */

/* Compressed bytes go out in whole pieces, as the checksum has them. */
static bool put_out(struct state_file *f)
{
    f->head.hash = state_hash(f->head.hash, f->out, f->used);
    f->head.size += f->used;
    if (fwrite(f->out, 1, f->used, f->file) != f->used) {
        f->error = errno;
        return false;
    }
    f->used = 0;
    return true;
}

static bool pack(struct state_file *f, const void *bytes, size_t size, ZSTD_EndDirective end)
{
    ZSTD_inBuffer in = {bytes, size, 0};
    size_t left;

    do {
        ZSTD_outBuffer out = {f->out, sizeof(f->out), f->used};

        left = ZSTD_compressStream2(f->pack, &out, &in, end);
        f->used = out.pos;
        if (ZSTD_isError(left) || (f->used == sizeof(f->out) && !put_out(f)))
            return false;
    } while (in.pos < in.size || (end == ZSTD_e_end && left));
    return true;
}

static bool stream_write(void *ctx, const void *bytes, size_t size) { return pack(ctx, bytes, size, ZSTD_e_continue); }

/* The file that a link leads to is replaced, not the link. */
static char *place_of(const char *path)
{
    char *real = realpath(path, NULL);

    return real ? real : strdup(path);
}

static FILE *open_beside(const char *place, char **temporary, char *why, size_t size, const char *path)
{
    mode_t mask = umask(0);
    struct stat st;
    int fd;

    umask(mask);
    if (stat(place, &st) == 0 && !S_ISREG(st.st_mode)) {
        tell(why, size, path, "is not a regular file");
        return NULL;
    }
    *temporary = malloc(strlen(place) + 8);
    if (!*temporary) {
        tell(why, size, path, "out of memory");
        return NULL;
    }
    sprintf(*temporary, "%s.XXXXXX", place);
    fd = mkstemp(*temporary);
    if (fd < 0 || fchmod(fd, 0666 & ~mask) != 0) {
        tell(why, size, path, strerror(errno));
        if (fd >= 0)
            close(fd);
        free(*temporary);
        *temporary = NULL;
        return NULL;
    }
    return fdopen(fd, "wb");
}

bool state_file_may_save(const char *path, char *why, size_t size)
{
    struct state_file *f = state_file_create(path, why, size);

    if (!f)
        return false;
    state_file_close(f);
    return true;
}

struct state_file *state_file_create(const char *path, char *why, size_t size)
{
    struct state_file *f = calloc(1, sizeof(*f));

    if (!f || !(f->path = place_of(path)) || !(f->pack = ZSTD_createCCtx())) {
        tell(why, size, path, "out of memory");
        state_file_close(f);
        return NULL;
    }
    ZSTD_CCtx_setParameter(f->pack, ZSTD_c_compressionLevel, LEVEL);
    memcpy(f->head.magic, magic, sizeof(magic));
    f->head.version = STATE_FILE_VERSION;
    f->file = open_beside(f->path, &f->temporary, why, size, path);
    if (!f->file) {
        state_file_close(f);
        return NULL;
    }
    if (fwrite(&f->head, sizeof(f->head), 1, f->file) == 1) /* in its final form at the end */
        return f;
    tell(why, size, path, strerror(errno));
    state_file_close(f);
    return NULL;
}

/* The last bytes, the head, and all of it on the medium before the name is. */
static bool complete(struct state_file *f)
{
    bool ok;

    errno = 0;
    ok = pack(f, NULL, 0, ZSTD_e_end) && (!f->used || put_out(f)) && fseek(f->file, 0, SEEK_SET) == 0 &&
         fwrite(&f->head, sizeof(f->head), 1, f->file) == 1 && fflush(f->file) == 0 && fsync(fileno(f->file)) == 0;
    ok = fclose(f->file) == 0 && ok;
    f->file = NULL;
    ok = ok && rename(f->temporary, f->path) == 0;
    f->error = ok ? 0 : errno ? errno : EIO;
    return ok;
}

bool state_file_finish(struct state_file *f, const struct state *s, char *why, size_t size)
{
    bool ok = !s->failed && complete(f);

    if (ok) {
        free(f->temporary);
        f->temporary = NULL;
    } else {
        tell(why, size, f->path, f->error ? strerror(f->error) : s->why);
    }
    state_file_close(f);
    return ok;
}

/* ---- Reading ---- */

static bool refuse(struct state_file *f, char *why, size_t size, const char *reason)
{
    tell(why, size, f->path, reason);
    return false;
}

static bool check_head(struct state_file *f, char *why, size_t size)
{
    struct stat st;
    size_t n = fread(&f->head, 1, sizeof(f->head), f->file);

    if (n < sizeof(f->head) && ferror(f->file))
        return refuse(f, why, size, strerror(errno));
    if (n < sizeof(magic) || memcmp(f->head.magic, magic, sizeof(magic)) != 0)
        return refuse(f, why, size, "is not a saved state");
    if (n < sizeof(f->head))
        return refuse(f, why, size, "is damaged: it ends too early");
    if (f->head.version != STATE_FILE_VERSION) {
        snprintf(why, size, "%s: has version %u of the format, made by a newer faultline; this one reads version %u",
                 f->path, f->head.version, STATE_FILE_VERSION);
        return false;
    }
    if (f->head.zero || fstat(fileno(f->file), &st) != 0 || (u64)st.st_size != sizeof(f->head) + f->head.size)
        return refuse(f, why, size, "is damaged: it is not as long as it says");
    return true;
}

static bool check_sum(struct state_file *f, char *why, size_t size)
{
    u64 hash = 0, total = 0;
    size_t n;

    while ((n = fread(f->in, 1, sizeof(f->in), f->file)) > 0) {
        hash = state_hash(hash, f->in, n);
        total += n;
    }
    if (ferror(f->file))
        return refuse(f, why, size, strerror(errno));
    if (hash != f->head.hash || total != f->head.size)
        return refuse(f, why, size, "is damaged: its checksum is wrong");
    return fseek(f->file, sizeof(f->head), SEEK_SET) == 0 || refuse(f, why, size, strerror(errno));
}

struct state_file *state_file_open(const char *path, char *why, size_t size)
{
    struct state_file *f = calloc(1, sizeof(*f));

    if (!f || !(f->path = strdup(path)) || !(f->unpack = ZSTD_createDCtx())) {
        tell(why, size, path, "out of memory");
    } else if (!(f->file = fopen(path, "rb"))) {
        tell(why, size, path, strerror(errno));
    } else if (check_head(f, why, size) && check_sum(f, why, size)) {
        f->source = (ZSTD_inBuffer){f->in, 0, 0};
        return f;
    }
    state_file_close(f);
    return NULL;
}

static bool stream_read(void *ctx, void *bytes, size_t size)
{
    struct state_file *f = ctx;
    ZSTD_outBuffer out = {bytes, size, 0};

    while (out.pos < out.size) {
        size_t before = out.pos, left;

        if (f->whole)
            return false;
        if (f->source.pos == f->source.size) {
            f->source.pos = 0;
            f->source.size = fread(f->in, 1, sizeof(f->in), f->file);
        }
        left = ZSTD_decompressStream(f->unpack, &out, &f->source);
        if (ZSTD_isError(left) || (out.pos == before && !f->source.size))
            return false;
        f->whole = left == 0;
    }
    return true;
}

bool state_file_at_end(struct state_file *f)
{
    u8 byte;

    return !stream_read(f, &byte, 1) && f->whole && f->source.pos == f->source.size;
}

/* ---- Both ---- */

struct state_stream state_file_stream(struct state_file *f)
{
    return f->pack ? (struct state_stream){.write = stream_write, .ctx = f}
                   : (struct state_stream){.read = stream_read, .ctx = f};
}

void state_file_close(struct state_file *f)
{
    if (!f)
        return;
    if (f->file)
        fclose(f->file);
    if (f->temporary)
        unlink(f->temporary);
    ZSTD_freeCCtx(f->pack);
    ZSTD_freeDCtx(f->unpack);
    free(f->temporary);
    free(f->path);
    free(f);
}
