/* SPDX-License-Identifier: MIT */
/* The .csv trace (RFC 4180 but for the line ends): the same keys as columns, null is empty, lists are joined by ";". */
#include "frontend/trace.h"

static void put_quoted(struct text *t, const char *s, u32 size)
{
    u32 from = 0;

    text_char(t, '"');
    for (u32 i = 0; i < size; i++) {
        if (s[i] != '"')
            continue;
        text_bytes(t, s + from, i - from);
        text_char(t, '"');
        from = i;
    }
    text_bytes(t, s + from, size - from);
    text_char(t, '"');
}

/* Words are bare, whatever a file that we did not write calls a word. */
static void put_word(struct text *t, const char *s, u32 size)
{
    if (size && (memchr(s, ',', size) || memchr(s, '"', size)))
        put_quoted(t, s, size);
    else
        text_bytes(t, s, size);
}

static void put_walk(struct text *t, const struct trace_walk *w)
{
    for (unsigned i = 0; i < w->steps; i++) {
        if (i)
            text_char(t, ';');
        text_decimal(t, w->step[i].level);
        text_char(t, ':');
        text_hex(t, w->step[i].at);
        text_char(t, ':');
        text_hex(t, w->step[i].entry);
    }
}

static void put_cell(struct text *t, enum column_type type, const struct trace_cell *c)
{
    if (!c->known)
        return;
    switch (type) {
    case COLUMN_NUMBER: text_decimal(t, c->number); break;
    case COLUMN_HEX: text_hex(t, c->number); break;
    case COLUMN_QUOTED:
    case COLUMN_PROSE:
    case COLUMN_JSON: put_quoted(t, c->text, c->size); break;
    default: put_word(t, c->text, c->size);
    }
}

void csv_columns(struct text *t, const struct trace_schema *schema)
{
    for (unsigned i = 0; i < schema->count; i++) {
        if (i)
            text_char(t, ',');
        put_word(t, schema->column[i].name, (u32)strlen(schema->column[i].name));
    }
    text_char(t, '\n');
}

void csv_row(struct text *t, const struct trace_schema *schema, const struct trace_row *row)
{
    for (unsigned i = 0; i < schema->count; i++) {
        if (i)
            text_char(t, ',');
        if (schema->column[i].type == COLUMN_WALK)
            put_walk(t, &row->walk);
        else
            put_cell(t, schema->column[i].type, &row->cell[i]);
    }
    text_char(t, '\n');
}
