/* SPDX-License-Identifier: MIT */
/* Reading .jsonl, .csv and .flt traces, record by record. Which it is, the file's content says, not its name. */
#ifndef FAULTLINE_FRONTEND_TRACE_READ_H
#define FAULTLINE_FRONTEND_TRACE_READ_H

#include "frontend/trace.h"

#define TRACE_LINE_MAX (4u << 20) /* bytes of a line of text, at most */

struct trace_reader;

/* NULL with one line that names the file and the reason. `path` is borrowed. */
struct trace_reader *trace_reader_open(const char *path, char *why, size_t size);
void trace_reader_close(struct trace_reader *);

/*
 * The next record; valid until the next call. NULL at the end, and where the file is damaged: trace_reader_fault()
 * tells them apart.
 */
const struct trace_row *trace_reader_next(struct trace_reader *);
/* One line that names the file and what is wrong with it, or NULL. */
const char *trace_reader_fault(const struct trace_reader *);
/* At the end: one line that the file was cut off, and how many records are whole; NULL if it was not. */
const char *trace_reader_note(const struct trace_reader *);
/* Its columns. A .jsonl file's may grow with every record, at the end; a cell that a record lacks is null. */
const struct trace_schema *trace_reader_schema(const struct trace_reader *);
bool trace_reader_may_grow(const struct trace_reader *);
u64 trace_reader_records(const struct trace_reader *); /* read so far */

/* What readers share. */

/* No control characters? */
bool trace_is_plain(const char *text, size_t size);
/* NULL, or why this cannot be a cell of that type. */
const char *trace_cell_fault(enum column_type, const struct trace_cell *);
/* Every cell as it is where the file says nothing. */
void trace_row_clear(const struct trace_schema *, struct trace_row *);
/* All of a text as 0x-free decimal, or hexadecimal digits. */
bool trace_decimal(const char *text, size_t size, u64 *value);
bool trace_hex(const char *digits, size_t size, u64 *value);

/* The line [text, end) as a row. It is written into: cells are parts of it. False with the reason in `why`. */
bool json_read_row(struct trace_schema *, struct trace_row *, char *text, char *end, char *why, size_t size);
bool csv_read_header(struct trace_schema *, char *text, char *end, char *why, size_t size);
bool csv_read_row(const struct trace_schema *, struct trace_row *, char *text, char *end, char *why, size_t size);
/* Where the JSON value at `text` ends; NULL if there is none before `end`. */
const char *json_skip(const char *text, const char *end);

#endif
