/* SPDX-License-Identifier: MIT */
/* A file we write: buffered, and an error is remembered, told once and never forgotten. */
#ifndef FAULTLINE_FRONTEND_OUTPUT_H
#define FAULTLINE_FRONTEND_OUTPUT_H

#include "frontend/text.h"

#define OUTPUT_BLOCK 65536u /* files are written in blocks of this */
#define OUTPUT_ROOM 8192u   /* what output_reserve always has */

struct output {
    const char *name; /* for messages */
    int fd;
    bool prompt; /* a terminal or pipe: flushed at each newline */
    int error;   /* errno of the first failure; nothing is written after it */
    size_t used;
    void (*failed)(void *ctx, struct output *); /* called at the first failure; may be NULL */
    void *ctx;
    char *buffer;
};

/* Creates or truncates a file. False with the reason (not the name) in `why`. */
bool output_open(struct output *, const char *path, char *why, size_t size);
/* Over a descriptor that stays the caller's. */
bool output_over(struct output *, int fd, const char *name, char *why, size_t size);

void output_byte(struct output *, u8);
/* Room for OUTPUT_ROOM bytes; write there, then say how far. */
struct text output_reserve(struct output *);
void output_commit(struct output *, const struct text *);
/* Any number of bytes. */
void output_bytes(struct output *, const void *, size_t);
/* A failure that is not the file's: as if `error` had come from writing. */
void output_fail(struct output *, int error);
void output_flush(struct output *);
/* Flushes and, if we opened it, closes. False if anything was ever lost. */
bool output_close(struct output *);

#endif
