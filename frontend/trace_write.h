/* SPDX-License-Identifier: MIT */
/* A trace file being written, whatever its format. */
#ifndef FAULTLINE_FRONTEND_TRACE_WRITE_H
#define FAULTLINE_FRONTEND_TRACE_WRITE_H

#include "frontend/output.h"
#include "frontend/trace.h"

struct trace_writer;

/* `out` is borrowed; the schema is copied. Failures later are the output's. NULL without memory. */
struct trace_writer *trace_writer_create(struct output *out, enum trace_format, const struct trace_schema *);
/* Rows in order of seq. */
void trace_writer_row(struct trace_writer *, const struct trace_row *);
/* All that waits, and the format's end. No row may follow. */
void trace_writer_end(struct trace_writer *);
void trace_writer_destroy(struct trace_writer *);

/* perfetto.c: rows as events of the Chrome trace format. */
struct perfetto;
struct perfetto *perfetto_create(const struct trace_schema *);
void perfetto_destroy(struct perfetto *);
#define PERFETTO_ROOM 1024u /* bytes of a row's events beside trace_row_bound() */
/* Appends the row's events; false without memory. */
bool perfetto_row(struct perfetto *, struct text *, const struct trace_row *);

#endif
