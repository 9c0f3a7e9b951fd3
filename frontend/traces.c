/* SPDX-License-Identifier: MIT */
#include "frontend/report.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* A column that several files have must be of one kind in all; those that we know always are. */
static bool merge(struct traces *t, const struct trace_schema *from, const char *path)
{
    for (unsigned i = 0; i < from->count; i++) {
        const struct trace_column *c = &from->column[i];
        int at = trace_schema_find(&t->schema, c->name, strlen(c->name));

        if (at < 0 ? trace_schema_add(&t->schema, c->name, strlen(c->name), c->type)
                   : t->schema.column[at].type == c->type)
            continue;
        snprintf(t->why, sizeof(t->why), "%.255s: its column %s does not fit beside the other files'", path, c->name);
        return false;
    }
    return true;
}

static bool open_reader(struct traces *t, const char *path)
{
    t->reader = trace_reader_open(path, t->why, sizeof(t->why));
    t->mapped = 0;
    return t->reader;
}

static bool faulty(struct traces *t)
{
    const char *fault = trace_reader_fault(t->reader);

    if (fault)
        snprintf(t->why, sizeof(t->why), "%s", fault);
    return fault;
}

static bool look_at(struct traces *t, const char *path)
{
    struct stat st;
    bool ok;

    if (stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)) {
        snprintf(t->why, sizeof(t->why), "%.255s: not a file, but a trace is read twice", path);
        return false;
    }
    if (!open_reader(t, path))
        return false;
    while (trace_reader_next(t->reader))
        if (!trace_reader_may_grow(t->reader))
            break;
    ok = !faulty(t) && merge(t, trace_reader_schema(t->reader), path);
    trace_reader_close(t->reader);
    t->reader = NULL;
    return ok;
}

bool traces_begin(struct traces *t)
{
    t->schema.count = 0;
    t->schema.walk = -1;
    t->current = 0;
    t->reader = NULL;
    t->why[0] = '\0';
    for (unsigned i = 0; i < t->count; i++)
        if (!look_at(t, t->path[i]))
            return false;
    t->name_column = -1;
    if (t->count > 1 && trace_schema_add(&t->schema, "trace", 5, COLUMN_QUOTED))
        t->name_column = (int)t->schema.count - 1;
    return true;
}

/* The reader's row with the columns in our order. */
static const struct trace_row *arrange(struct traces *t, const struct trace_row *from)
{
    const struct trace_schema *theirs = trace_reader_schema(t->reader);
    const char *path = t->path[t->current];

    for (; t->mapped < theirs->count; t->mapped++) {
        const char *name = theirs->column[t->mapped].name;

        t->column[t->mapped] = trace_schema_find(&t->schema, name, strlen(name));
    }
    trace_row_clear(&t->schema, &t->row);
    for (unsigned i = 0; i < theirs->count; i++)
        if (t->column[i] >= 0)
            t->row.cell[t->column[i]] = from->cell[i];
    t->row.walk = from->walk;
    if (t->name_column >= 0)
        t->row.cell[t->name_column] = (struct trace_cell){.known = true, .size = (u32)strlen(path), .text = path};
    return &t->row;
}

const struct trace_row *traces_next(struct traces *t)
{
    while (t->current < t->count && !t->why[0]) {
        const struct trace_row *row;

        if (!t->reader && !open_reader(t, t->path[t->current]))
            return NULL;
        row = trace_reader_next(t->reader);
        if (row)
            return arrange(t, row);
        if (faulty(t))
            return NULL;
        if (trace_reader_note(t->reader))
            fprintf(stderr, "faultline: %s\n", trace_reader_note(t->reader));
        trace_reader_close(t->reader);
        t->reader = NULL;
        t->current++;
    }
    return NULL;
}

void traces_end(struct traces *t)
{
    trace_reader_close(t->reader);
    t->reader = NULL;
}
