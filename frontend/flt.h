/* SPDX-License-Identifier: MIT */
/*
 * The .flt trace: records by column, in blocks of up to FLT_ROWS, each with a checksum and readable without the others
 * but for the schema. docs/trace-format.md is its description; flt_write.c and flt_read.c are its two sides.
 */
#ifndef FAULTLINE_FRONTEND_FLT_H
#define FAULTLINE_FRONTEND_FLT_H

#include "frontend/trace.h"

#define FLT_MAGIC "FAULTLN\x1a"
#define FLT_VERSION 1u
#define FLT_FILE_HEADER 16u  /* magic, version, 0 */
#define FLT_BLOCK_HEADER 20u /* tag, stored size, raw size, rows, CRC-32 of those and what follows */
#define FLT_ROWS 1024u       /* that a writer puts into a block */
#define FLT_ROWS_MAX 8192u   /* that a reader takes */
#define FLT_RAW_MAX (16u << 20)
#define FLT_RAW_AIM 65536u /* a block of this size is not filled further */
#define FLT_STRINGS 4096u  /* different texts in a block, at most */

#define FLT_TAG(a, b, c, d) ((u32)(a) | (u32)(b) << 8 | (u32)(c) << 16 | (u32)(d) << 24)
#define FLT_SCHEMA FLT_TAG('C', 'O', 'L', 'S')
#define FLT_RECORDS FLT_TAG('R', 'O', 'W', 'S')
#define FLT_END FLT_TAG('D', 'O', 'N', 'E')

/* How a lane, a sequence of numbers, is coded. */
enum {
    LANE_EMPTY,    /* no number, or no row has one */
    LANE_CONSTANT, /* one, for all */
    LANE_DELTA,    /* each as its difference from the one before */
    LANE_TABLE,    /* the different ones, then which */
    LANE_MODE = 15,
    LANE_NULLS = 16,   /* a bitmap says which rows have one */
    LANE_BASED = 32,   /* each has another column's value of its row subtracted */
    LANE_ROTATED = 64, /* each was rotated left by one bit: the entries' XD comes lowest */
    LANE_FLAGS = 127,
};
#define LANE_BASE_LEAF 255u /* LANE_BASED on the last entry of the walk */

/*
 * Texts with numbers in them (COLUMN_PROSE, COLUMN_JSON) are stored with these in place of their numbers. All others of
 * a text's characters are >= 20H.
 */
enum {
    SLOT_HEX = 1,   /* 0x and digits: the next number of the row's text */
    SLOT_DECIMAL,   /* the same, without 0x */
    SLOT_NEAR,      /* 0x: the next number, and the address of the walk's last entry: its linear address, say */
    SLOT_COUNT,     /* without 0x: the next number, and the row's icount */
    SLOT_CR2 = 8,   /* 0x and the row's cr2: no number of its own, as all that follow */
    SLOT_AFTER,     /* pte_after */
    SLOT_AT = 16,   /* the address of the walk's step 0, and so on */
    SLOT_ENTRY = 24 /* the entry of the walk's step 0, and so on */
};
#define FLT_SLOTS 80u        /* numbers taken out of one text, at most */
#define FLT_DECIMAL_LEAST 3u /* digits of a decimal number that is taken out */
#define FLT_COUNT_LEAST 6u   /* ... and is taken for an instruction count */

/* Where the walk's entry of `level` should be: `base` is CR3 or the entry above; entries have 4 or 8 bytes. */
u64 flt_expected_at(u64 base, u64 la, unsigned level, bool wide);

struct flt_writer;
/* Takes over nothing; the schema is copied. NULL without memory. */
struct flt_writer *flt_writer_create(const struct trace_schema *, bool compress);
void flt_writer_destroy(struct flt_writer *);
/* Adds a row. False without memory. */
bool flt_write(struct flt_writer *, const struct trace_row *);
bool flt_is_full(const struct flt_writer *);
/*
 * What is ready to be written: the file's beginning when asked first, and the rows since, as a block. `last` adds the
 * end mark. The bytes are the writer's, until it is called again. NULL without memory.
 */
const u8 *flt_take(struct flt_writer *, bool last, size_t *size);

/* One block's columns. */
struct flt_block;
struct flt_block *flt_block_create(void);
void flt_block_destroy(struct flt_block *);
/* Decodes it: NULL, or what is wrong. `raw` and the schema are borrowed until the next load. */
const char *flt_block_load(struct flt_block *, const struct trace_schema *, const u8 *raw, size_t size, u32 rows);
/* The next row; there are as many as were loaded. Its texts are valid until it is asked again. NULL, or what is wrong.
 */
const char *flt_block_row(struct flt_block *, struct trace_row *);
/* Reads a schema. NULL, or what is wrong. */
const char *flt_schema_load(struct trace_schema *, const u8 *raw, size_t size);

#endif
