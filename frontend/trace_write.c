/* SPDX-License-Identifier: MIT */
#include "frontend/trace_write.h"

#include <errno.h>
#include <stdlib.h>

#include "frontend/flt.h"

struct trace_writer {
    struct output *out;
    enum trace_format format;
    struct trace_schema schema;
    struct flt_writer *flt;
    struct perfetto *perfetto;
    char *line; /* for a row that takes more than OUTPUT_ROOM */
    size_t line_room;
};

struct trace_writer *trace_writer_create(struct output *out, enum trace_format format,
                                         const struct trace_schema *schema)
{
    struct trace_writer *w = calloc(1, sizeof(*w));
    struct text t = output_reserve(out);

    if (!w)
        return NULL;
    w->out = out;
    w->format = format;
    w->schema = *schema;
    if (format == TRACE_FLT && !(w->flt = flt_writer_create(schema, true)))
        goto no_memory;
    if (format == TRACE_PERFETTO && !(w->perfetto = perfetto_create(schema)))
        goto no_memory;
    if (format == TRACE_CSV)
        csv_columns(&t, schema);
    /* An array: its end may be missing, as after a run that was killed. */
    if (format == TRACE_PERFETTO)
        text_char(&t, '[');
    output_commit(out, &t);
    return w;
no_memory:
    trace_writer_destroy(w);
    return NULL;
}

/* A block goes to the file at once: what a killed run loses is the block that it was filling. */
static void write_block(struct trace_writer *w, bool last)
{
    size_t size;
    const u8 *bytes = flt_take(w->flt, last, &size);

    if (!bytes) {
        output_fail(w->out, ENOMEM);
        return;
    }
    output_bytes(w->out, bytes, size);
    output_flush(w->out);
}

static void put_row(struct trace_writer *w, struct text *t, const struct trace_row *row)
{
    if (w->format == TRACE_CSV)
        csv_row(t, &w->schema, row);
    else if (w->format == TRACE_JSONL)
        json_row(t, &w->schema, row);
    else if (!perfetto_row(w->perfetto, t, row))
        output_fail(w->out, ENOMEM);
}

static void write_long_row(struct trace_writer *w, const struct trace_row *row, size_t bound)
{
    struct text t;

    if (bound > w->line_room) {
        free(w->line);
        w->line = malloc(bound);
        w->line_room = w->line ? bound : 0;
    }
    if (!w->line) {
        output_fail(w->out, ENOMEM);
        return;
    }
    t = (struct text){w->line, w->line + w->line_room};
    put_row(w, &t, row);
    output_bytes(w->out, w->line, (size_t)(t.at - w->line));
}

void trace_writer_row(struct trace_writer *w, const struct trace_row *row)
{
    size_t bound;
    struct text t;

    if (w->out->error)
        return;
    if (w->flt) {
        if (!flt_write(w->flt, row))
            output_fail(w->out, ENOMEM);
        else if (flt_is_full(w->flt))
            write_block(w, false);
        return;
    }
    bound = trace_row_bound(&w->schema, row) + PERFETTO_ROOM;
    if (bound > OUTPUT_ROOM) {
        write_long_row(w, row, bound);
        return;
    }
    t = output_reserve(w->out);
    put_row(w, &t, row);
    output_commit(w->out, &t);
}

void trace_writer_end(struct trace_writer *w)
{
    if (w->flt)
        write_block(w, true);
    if (w->format == TRACE_PERFETTO)
        output_bytes(w->out, "\n]\n", 3);
}

void trace_writer_destroy(struct trace_writer *w)
{
    if (!w)
        return;
    flt_writer_destroy(w->flt);
    perfetto_destroy(w->perfetto);
    free(w->line);
    free(w);
}
