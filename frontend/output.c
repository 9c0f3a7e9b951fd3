/* SPDX-License-Identifier: MIT */
#include "frontend/output.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool output_init(struct output *o, int fd, const char *name, char *why, size_t size)
{
    struct stat st;

    *o = (struct output){.name = name, .fd = fd};
    o->buffer = malloc(OUTPUT_BLOCK + OUTPUT_ROOM);
    if (!o->buffer) {
        snprintf(why, size, "out of memory");
        return false;
    }
    o->prompt = fstat(fd, &st) == 0 && !S_ISREG(st.st_mode);
    return true;
}

bool output_open(struct output *o, const char *path, char *why, size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

    *o = (struct output){.name = path, .fd = -1};
    if (fd < 0) {
        snprintf(why, size, "%s", strerror(errno));
        return false;
    }
    if (!output_init(o, fd, path, why, size)) {
        close(fd);
        return false;
    }
    return true;
}

bool output_over(struct output *o, int fd, const char *name, char *why, size_t size)
{
    return output_init(o, fd, name, why, size);
}

static void output_failed(struct output *o, int error)
{
    o->error = error;
    o->used = 0;
    if (o->failed)
        o->failed(o->ctx, o);
}

/* A descriptor that somebody made non-blocking is waited for. */
static bool output_write(struct output *o, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t done = write(o->fd, p, n);

        if (done >= 0) {
            p += done;
            n -= (size_t)done;
        } else if (errno == EAGAIN) {
            struct pollfd wait = {.fd = o->fd, .events = POLLOUT};

            poll(&wait, 1, -1);
        } else if (errno != EINTR) {
            output_failed(o, errno);
            return false;
        }
    }
    return true;
}

void output_flush(struct output *o)
{
    size_t n = o->used;

    if (!n || o->error)
        return;
    if (output_write(o, o->buffer, n))
        o->used = 0;
}

/* Whole blocks go; the rest waits. */
static void output_spill(struct output *o)
{
    size_t whole = o->used - o->used % OUTPUT_BLOCK;

    if (!whole || !output_write(o, o->buffer, whole))
        return;
    o->used -= whole;
    memmove(o->buffer, o->buffer + whole, o->used);
}

void output_byte(struct output *o, u8 byte)
{
    if (o->error)
        return;
    o->buffer[o->used++] = (char)byte;
    if (o->prompt && byte == '\n')
        output_flush(o);
    else if (o->used >= OUTPUT_BLOCK)
        output_spill(o);
}

struct text output_reserve(struct output *o)
{
    return (struct text){o->buffer + o->used, o->buffer + o->used + OUTPUT_ROOM};
}

void output_commit(struct output *o, const struct text *t)
{
    if (o->error)
        return;
    o->used = (size_t)(t->at - o->buffer);
    if (o->used >= OUTPUT_BLOCK)
        output_spill(o);
}

void output_bytes(struct output *o, const void *bytes, size_t n)
{
    if (o->error)
        return;
    if (o->used + n <= OUTPUT_BLOCK) {
        memcpy(o->buffer + o->used, bytes, n);
        o->used += n;
        return;
    }
    output_flush(o);
    if (!o->error)
        output_write(o, bytes, n);
}

void output_fail(struct output *o, int error)
{
    if (!o->error)
        output_failed(o, error);
}

bool output_close(struct output *o)
{
    if (!o->buffer)
        return !o->error;
    output_flush(o);
    if (o->fd > STDERR_FILENO && close(o->fd) != 0 && !o->error)
        output_failed(o, errno);
    free(o->buffer);
    o->buffer = NULL;
    return !o->error;
}
