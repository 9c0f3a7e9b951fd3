/* SPDX-License-Identifier: MIT */
/*
 * Saved state: one description of each struct serves saving and loading, so that the two cannot differ. A table lists
 * every member: what is kept, with the values it may have, and what is not, and why. Loading believes nothing: a value
 * outside its range is refused by name before it is stored, so that no state file can lead an index astray.
 *
 * A state is a stream in one direction. What is not a plain struct is a function of an object and a stream, the same
 * for both ways: state_is_loading() tells which. After a failure nothing more is read, written or stored, so that
 * callers may go on and look at the end.
 */
#ifndef FAULTLINE_MMU_STATE_H
#define FAULTLINE_MMU_STATE_H

#include "mmu/base.h"

struct state;
struct state_table;

enum state_kind {
    STATE_KIND_BYTES,  /* whatever it holds is valid */
    STATE_KIND_NUMBER, /* elements of `width` bytes, from low to high */
    STATE_KIND_STRUCT, /* elements described by `table` */
    STATE_KIND_CUSTOM, /* the function's business */
    STATE_KIND_WIRED,  /* made with the machine, the same in every machine of its configuration */
    STATE_KIND_CACHE,  /* recomputed from the rest, or not to be seen by a guest */
};

struct state_field {
    const char *name;
    u32 offset, size; /* bytes */
    enum state_kind kind;
    u32 width;
    s64 low, high;
    const struct state_table *table;
    void (*custom)(struct state *, void *at);
};

struct state_table {
    const char *name; /* of the struct */
    u32 size;
    u32 fields;
    const struct state_field *field;
};

#define STATE_MEMBER_(S, member) \
    .name = #member, .offset = offsetof(struct S, member), .size = sizeof(((struct S *)0)->member)
/* Integers, or arrays of them, of which every value is valid. */
#define STATE_ANY(S, member)                               \
    {                                                      \
        STATE_MEMBER_(S, member), .kind = STATE_KIND_BYTES \
    }
/* One integer or enum from `lowest` to `highest`; from 0. */
#define STATE_RANGE(S, member, lowest, highest)                                                                       \
    {                                                                                                                 \
        STATE_MEMBER_(S, member), .kind = STATE_KIND_NUMBER, .width = sizeof(((struct S *)0)->member), .low = lowest, \
                                  .high = highest                                                                     \
    }
#define STATE_UPTO(S, member, highest) STATE_RANGE(S, member, 0, highest)
/* An array of such. */
#define STATE_EACH(S, member, highest)                                                                    \
    {                                                                                                     \
        STATE_MEMBER_(S, member), .kind = STATE_KIND_NUMBER, .width = sizeof(((struct S *)0)->member[0]), \
                                  .high = highest                                                         \
    }
/* A bool, or an array of bools. */
#define STATE_BOOL(S, member)                                                      \
    {                                                                              \
        STATE_MEMBER_(S, member), .kind = STATE_KIND_NUMBER, .width = 1, .high = 1 \
    }
/* A struct, or an array of structs. */
#define STATE_STRUCT(S, member, of)                                      \
    {                                                                    \
        STATE_MEMBER_(S, member), .kind = STATE_KIND_STRUCT, .table = of \
    }
#define STATE_CUSTOM(S, member, function)                                       \
    {                                                                           \
        STATE_MEMBER_(S, member), .kind = STATE_KIND_CUSTOM, .custom = function \
    }
#define STATE_WIRED(S, member)                             \
    {                                                      \
        STATE_MEMBER_(S, member), .kind = STATE_KIND_WIRED \
    }
#define STATE_CACHE(S, member)                             \
    {                                                      \
        STATE_MEMBER_(S, member), .kind = STATE_KIND_CACHE \
    }
#define STATE_TABLE(S, list)                                         \
    {                                                                \
#S, sizeof(struct S), sizeof(list) / sizeof((list)[0]), list \
    }

/* Where the bytes go, or come from. False when they cannot: the stream has then failed. */
struct state_stream {
    bool (*write)(void *ctx, const void *bytes, size_t size); /* NULL: this is a load */
    bool (*read)(void *ctx, void *bytes, size_t size);
    void *ctx;
};

struct state {
    struct state_stream stream;
    bool in_memory; /* a snapshot: RAM and media are kept by other means, and are not in the stream; ROM is */
    bool failed;
    char why[256];    /* of a failure, one line: "vga.crtc_index: 77 is not between 0 and 24" */
    char section[32]; /* being read or written */
    void *timers;     /* who restores the order of timers: the clock */
    /* Tests: hears of every table that passes. May be NULL. */
    void (*visit)(void *ctx, const struct state_table *);
    void *visit_ctx;
};

static inline bool state_is_loading(const struct state *s) { return !s->stream.write; }
bool state_fail(struct state *, const char *format, ...) __attribute__((format(printf, 2, 3))); /* returns false */

/* What follows belongs to `name`; a load expects the same name there. */
void state_section(struct state *, const char *name);
void state_struct(struct state *, const struct state_table *, void *object);
/* Single values, for what is no member. */
void state_number(struct state *, const char *name, u64 *value, u64 highest);
void state_bytes(struct state *, const char *name, void *bytes, size_t size);
/* A block of a size that varies, at most `highest`: loading allocates it (to be freed; NULL if `*size` is 0). */
void state_block(struct state *, const char *name, u8 **bytes, size_t *size, size_t highest);
/* A string in a buffer of `size` bytes. */
void state_text(struct state *, const char *name, char *text, size_t size);
/* Large memory, a multiple of 4 KiB: pages of zeros are not in the stream, and are only touched where they are not zero
 * already. `changed`, if not NULL, is told of each page before a load writes to it. */
void state_pages(struct state *, const char *name, u8 *memory, u64 size, void (*changed)(void *ctx, u64 offset),
                 void *ctx);

/* A 64-bit hash of a stream of bytes; begin with 0. The pieces must be the same to give the same. */
u64 state_hash(u64 hash, const void *bytes, size_t size);

/* A growing block of memory as a stream. */
struct state_memory {
    u8 *bytes;
    size_t size, room, at; /* used; allocated; read so far */
};
struct state_stream state_memory_writer(struct state_memory *);
struct state_stream state_memory_reader(struct state_memory *);
void state_memory_free(struct state_memory *);

#endif
