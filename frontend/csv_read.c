/* SPDX-License-Identifier: MIT */
/* A line of a .csv trace. */
#include "frontend/trace_read.h"

#include <stdio.h>
#include <string.h>

/* The next cell of a line, unquoted in place; `*at` becomes what follows its comma, or NULL after the last. */
static bool take_cell(char **at, char *end, struct trace_cell *c)
{
    char *s = *at, *to = s;

    c->known = s < end && *s != ',';
    c->text = s;
    if (s == end || *s != '"') {
        char *comma = memchr(s, ',', (size_t)(end - s));

        c->size = (u32)((comma ? comma : end) - s);
        *at = comma ? comma + 1 : NULL;
        return trace_is_plain(c->text, c->size);
    }
    for (s++; s < end; s++) {
        if (*s == '"' && (++s == end || *s != '"'))
            break;
        if ((unsigned char)*s < 0x20)
            return false;
        *to++ = *s;
    }
    c->size = (u32)(to - c->text);
    if (s < end && *s != ',')
        return false;
    *at = s < end ? s + 1 : NULL;
    return s == end ? s[-1] == '"' : true;
}

static char *without_return(char *text, char *end) { return end > text && end[-1] == '\r' ? end - 1 : end; }

/* A column that we do not know is text. */
bool csv_read_header(struct trace_schema *schema, char *text, char *end, char *why, size_t size)
{
    struct trace_schema ours;
    char *at = text;
    bool any = false;

    trace_schema_init(&ours);
    schema->count = 0;
    schema->walk = -1;
    end = without_return(text, end);
    while (at) {
        struct trace_cell name;
        int known;

        if (!take_cell(&at, end, &name)) {
            snprintf(why, size, "not a line of column names");
            return false;
        }
        known = trace_schema_find(&ours, name.text, name.size);
        any |= known >= 0;
        if (!trace_schema_add(schema, name.text, name.size, known < 0 ? COLUMN_QUOTED : ours.column[known].type)) {
            snprintf(why, size, "a column too many, without a name, or of a name that was there");
            return false;
        }
    }
    if (!any)
        snprintf(why, size, "neither a trace nor a line of a trace's column names");
    return any;
}

/* LEVEL:AT:ENTRY;.. */
static bool read_walk(const struct trace_cell *c, struct trace_walk *w)
{
    const char *s = c->text, *end = s + c->size;

    w->steps = 0;
    while (s < end) {
        struct walk_step *step = &w->step[w->steps];
        const char *next = memchr(s, ';', (size_t)(end - s)), *at, *entry;
        u64 level;

        if (!next)
            next = end;
        at = memchr(s, ':', (size_t)(next - s));
        entry = at ? memchr(at + 1, ':', (size_t)(next - at - 1)) : NULL;
        if (!entry || w->steps == WALK_MAX_STEPS || !trace_decimal(s, (size_t)(at - s), &level) || level > 255 ||
            entry - at < 4 || next - entry < 4 || memcmp(at, ":0x", 3) || memcmp(entry, ":0x", 3) ||
            !trace_hex(at + 3, (size_t)(entry - at - 3), &step->at) ||
            !trace_hex(entry + 3, (size_t)(next - entry - 3), &step->entry))
            return false;
        step->level = (u8)level;
        w->steps++;
        s = next + (next < end);
    }
    return true;
}

/* What the cell's text says, by the column's type. */
static const char *convert(enum column_type type, struct trace_cell *c, struct trace_row *row)
{
    struct trace_cell text = *c;

    if (type == COLUMN_WALK) {
        c->known = true;
        return read_walk(&text, &row->walk) ? NULL : "not LEVEL:AT:ENTRY;..";
    }
    if (!c->known) {
        *c = (struct trace_cell){.known = type == COLUMN_LIST || type == COLUMN_BYTES, .text = ""};
        return NULL;
    }
    if (!column_is_number(type))
        return trace_cell_fault(type, c);
    *c = (struct trace_cell){.known = true};
    if (text.size > 2 && !memcmp(text.text, "0x", 2))
        return trace_hex(text.text + 2, text.size - 2, &c->number) ? NULL : "not a hexadecimal number";
    return trace_decimal(text.text, text.size, &c->number) ? NULL : "not a number";
}

bool csv_read_row(const struct trace_schema *schema, struct trace_row *row, char *text, char *end, char *why,
                  size_t size)
{
    char *at = text;

    end = without_return(text, end);
    for (unsigned i = 0; i < schema->count; i++) {
        const char *fault;

        if (!at) {
            snprintf(why, size, "%u columns of %u", i, schema->count);
            return false;
        }
        fault = take_cell(&at, end, &row->cell[i]) ? convert(schema->column[i].type, &row->cell[i], row)
                                                   : "its quotes do not match";
        if (fault) {
            snprintf(why, size, "%s: %s", schema->column[i].name, fault);
            return false;
        }
    }
    if (at)
        snprintf(why, size, "more than %u columns", schema->count);
    return !at;
}
