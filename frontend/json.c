/* SPDX-License-Identifier: MIT */
/* The .jsonl trace: one JSON object a line. */
#include "frontend/trace.h"

#define TEXT(literal) text_bytes(t, literal, sizeof(literal) - 1)

/* Control characters do not occur in cells, and UTF-8 goes as it is. */
static void put_string(struct text *t, const char *s, u32 size)
{
    u32 from = 0;

    text_char(t, '"');
    for (u32 i = 0; i < size; i++) {
        if (likely(s[i] != '"' && s[i] != '\\'))
            continue;
        text_bytes(t, s + from, i - from);
        text_char(t, '\\');
        from = i;
    }
    text_bytes(t, s + from, size - from);
    text_char(t, '"');
}

/* A;B as "A","B". */
static void put_list(struct text *t, const char *s, u32 size)
{
    const char *end = s + size;

    text_char(t, '[');
    while (s < end) {
        const char *next = memchr(s, ';', (size_t)(end - s));

        if (!next)
            next = end;
        put_string(t, s, (u32)(next - s));
        if (next < end)
            text_char(t, ',');
        s = next + 1;
    }
    text_char(t, ']');
}

static void put_walk(struct text *t, const struct trace_walk *w)
{
    text_char(t, '[');
    for (unsigned i = 0; i < w->steps; i++) {
        if (i)
            text_char(t, ',');
        TEXT("{\"level\":");
        text_decimal(t, w->step[i].level);
        TEXT(",\"at\":\"");
        text_hex(t, w->step[i].at);
        TEXT("\",\"entry\":\"");
        text_hex(t, w->step[i].entry);
        TEXT("\"}");
    }
    text_char(t, ']');
}

static void put_cell(struct text *t, enum column_type type, const struct trace_cell *c)
{
    if (!c->known) {
        TEXT("null");
        return;
    }
    switch (type) {
    case COLUMN_NUMBER: text_decimal(t, c->number); break;
    case COLUMN_HEX:
        text_char(t, '"');
        text_hex(t, c->number);
        text_char(t, '"');
        break;
    case COLUMN_LIST: put_list(t, c->text, c->size); break;
    case COLUMN_JSON: text_bytes(t, c->text, c->size); break;
    default: put_string(t, c->text, c->size);
    }
}

void json_row(struct text *t, const struct trace_schema *schema, const struct trace_row *row)
{
    unsigned first = 1; /* no comma before the first key */

    text_char(t, '{');
    for (unsigned i = 0; i < schema->count; i++) {
        const struct trace_column *c = &schema->column[i];

        text_bytes(t, c->key + first, c->key_size - first);
        first = 0;
        if (c->type == COLUMN_WALK)
            put_walk(t, &row->walk);
        else
            put_cell(t, c->type, &row->cell[i]);
    }
    TEXT("}\n");
}

/* A number has at most 22 characters; every character of a text may need a backslash. */
size_t trace_row_bound(const struct trace_schema *schema, const struct trace_row *row)
{
    size_t bound = 64 + WALK_MAX_STEPS * 80;

    for (unsigned i = 0; i < schema->count; i++) {
        const struct trace_column *c = &schema->column[i];

        bound += c->key_size + 24u;
        if (!column_is_number(c->type) && c->type != COLUMN_WALK && row->cell[i].known)
            bound += (c->type == COLUMN_LIST ? 4u : 2u) * (size_t)row->cell[i].size;
    }
    return bound;
}
