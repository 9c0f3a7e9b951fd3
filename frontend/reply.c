/* SPDX-License-Identifier: MIT */
#include "frontend/reply.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_MAX 32

/* ---- Bytes ---- */

static bool grow(char **bytes, size_t *room, size_t wanted)
{
    size_t larger = *room ? *room : 1024;
    char *grown;

    if (wanted <= *room)
        return true;
    while (larger < wanted)
        larger *= 2;
    grown = realloc(*bytes, larger);
    if (!grown)
        return false;
    *bytes = grown;
    *room = larger;
    return true;
}

static void put(struct reply *r, const char *bytes, size_t size)
{
    if (r->cut || !size)
        return;
    if (r->used + size > REPLY_MAX || !grow(&r->bytes, &r->room, r->used + size + 64)) {
        r->cut = true;
        return;
    }
    memcpy(r->bytes + r->used, bytes, size);
    r->used += size;
}

static void put_string(struct reply *r, const char *s) { put(r, s, strlen(s)); }

static void put_padding(struct reply *r, size_t n)
{
    while (n--)
        put(r, " ", 1);
}

/* A JSON string. What a guest says is bytes: those that are not ASCII come as Latin-1. */
static void put_quoted(struct reply *r, const char *s)
{
    put(r, "\"", 1);
    for (; *s; s++) {
        unsigned char c = (unsigned char)*s;
        char escape[8];

        if (c == '"' || c == '\\') {
            put(r, (char[]){'\\', *s}, 2);
        } else if (c < 0x20 || c >= 0x7f) {
            snprintf(escape, sizeof(escape), "\\u%04x", c);
            put_string(r, escape);
        } else {
            put(r, s, 1);
        }
    }
    put(r, "\"", 1);
}

/* ---- Life ---- */

void reply_init(struct reply *r, bool json)
{
    *r = (struct reply){.json = json};
    if (json)
        put(r, "{", 1);
}

void reply_free(struct reply *r)
{
    free(r->bytes);
    free(r->cells);
    *r = (struct reply){.json = r->json};
}

const char *reply_text(struct reply *r)
{
    static const char short_of[] = "\n(cut off here)\n";

    if (r->json && r->cut) { /* half an object is none */
        r->cut = false;
        reply_error(r, "the answer is longer than %u MiB", REPLY_MAX >> 20);
    }
    if (!r->json)
        reply_newline(r);
    if (!grow(&r->bytes, &r->room, r->used + sizeof(short_of) + 4))
        return "out of memory\n";
    if (r->cut)
        memcpy(r->bytes + r->used, short_of, sizeof(short_of));
    else
        strcpy(r->bytes + r->used, r->json ? "}\n" : "");
    return r->bytes;
}

bool reply_error(struct reply *r, const char *format, ...)
{
    char line[512];
    va_list args;

    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    for (char *c = line; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '?';
    r->error = true;
    r->used = 0;
    r->cut = r->comma = r->in_line = r->in_list = r->in_table = false;
    if (r->json) {
        put_string(r, "{\"error\":");
        put_quoted(r, line);
    } else {
        put_string(r, line);
        r->in_line = true;
    }
    return false;
}

/* ---- Values ---- */

static void put_cell(struct reply *r, const char *value)
{
    size_t size = strlen(value) + 1;

    if (r->cell >= r->columns || !grow(&r->cells, &r->cells_room, r->cells_used + size))
        return;
    memcpy(r->cells + r->cells_used, value, size);
    r->cells_used += size;
    r->filled[r->cell] |= size > 1;
    if (size - 1 > r->width[r->cell])
        r->width[r->cell] = size - 1;
    r->cell++;
}

static void begin_json(struct reply *r, const char *key)
{
    if (r->comma)
        put(r, ",", 1);
    if (key) {
        put_quoted(r, key);
        put(r, ":", 1);
    }
    r->comma = true;
}

/* The text of a value that is not a table's. */
static void put_field(struct reply *r, const char *key, const char *value)
{
    if (r->in_line)
        put_string(r, "  ");
    put_string(r, key);
    put(r, "=", 1);
    put_string(r, value);
    r->in_line = true;
}

static void put_text(struct reply *r, const char *key, const char *value)
{
    if (r->in_table)
        put_cell(r, value);
    else
        put_field(r, key, value);
}

void reply_hex(struct reply *r, const char *key, u64 value, unsigned digits)
{
    char number[NUMBER_MAX];

    if (r->json) {
        snprintf(number, sizeof(number), "0x%llx", (unsigned long long)value);
        begin_json(r, key);
        put_quoted(r, number);
        return;
    }
    snprintf(number, sizeof(number), digits ? "%0*llx" : "0x%.*llx", digits ? (int)digits : 1,
             (unsigned long long)value);
    put_text(r, key, number);
}

void reply_number(struct reply *r, const char *key, u64 value)
{
    char number[NUMBER_MAX];

    snprintf(number, sizeof(number), "%llu", (unsigned long long)value);
    if (!r->json) {
        put_text(r, key, number);
        return;
    }
    begin_json(r, key);
    put_string(r, number);
}

void reply_boolean(struct reply *r, const char *key, bool value)
{
    if (!r->json) {
        put_text(r, key, value ? "yes" : "no");
        return;
    }
    begin_json(r, key);
    put_string(r, value ? "true" : "false");
}

void reply_string(struct reply *r, const char *key, const char *value)
{
    if (!r->json) {
        put_text(r, key, value);
        return;
    }
    begin_json(r, key);
    put_quoted(r, value);
}

void reply_null(struct reply *r, const char *key)
{
    if (r->json) {
        begin_json(r, key);
        put_string(r, "null");
    } else if (r->in_table) {
        put_cell(r, "");
    }
}

void reply_say(struct reply *r, const char *key, const char *format, ...)
{
    char line[1024];
    va_list args;

    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    if (r->json) {
        begin_json(r, key);
        put_quoted(r, line);
        return;
    }
    reply_newline(r);
    put_string(r, line);
    r->in_line = true;
    reply_newline(r);
}

/* ---- Lists ---- */

void reply_list(struct reply *r, const char *key)
{
    r->listed = 0;
    r->in_list = true;
    if (r->json) {
        begin_json(r, key);
        put(r, "[", 1);
        r->comma = false;
    } else if (r->in_table) {
        if (r->cell < r->columns && grow(&r->cells, &r->cells_room, r->cells_used + 1))
            r->cells[r->cells_used] = '\0';
    } else {
        put_string(r, r->in_line ? " [" : "[");
        r->in_line = true;
    }
}

/* The cell is being written at the end of `cells`. */
static void add_to_cell(struct reply *r, const char *word)
{
    size_t have = strlen(r->cells + r->cells_used);

    if (!grow(&r->cells, &r->cells_room, r->cells_used + have + strlen(word) + 2))
        return;
    if (have)
        r->cells[r->cells_used + have++] = ' ';
    strcpy(r->cells + r->cells_used + have, word);
}

void reply_item(struct reply *r, const char *word)
{
    if (r->json) {
        begin_json(r, NULL);
        put_quoted(r, word);
    } else if (r->in_table) {
        if (r->cell < r->columns && r->cells)
            add_to_cell(r, word);
    } else {
        if (r->listed)
            put(r, " ", 1);
        put_string(r, word);
    }
    r->listed++;
}

void reply_list_end(struct reply *r)
{
    r->in_list = false;
    if (r->json) {
        put(r, "]", 1);
        r->comma = true;
    } else if (r->in_table) {
        size_t size;

        if (r->cell >= r->columns || !r->cells)
            return;
        size = strlen(r->cells + r->cells_used);
        if (size > r->width[r->cell])
            r->width[r->cell] = size;
        r->filled[r->cell] |= size > 0;
        r->cells_used += size + 1;
        r->cell++;
    } else {
        put(r, "]", 1);
    }
}

/* ---- Layout ---- */

void reply_label(struct reply *r, const char *format, ...)
{
    char line[256];
    va_list args;

    if (r->json || r->in_table)
        return;
    va_start(args, format);
    vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    if (r->in_line)
        put_string(r, "  ");
    put_string(r, line);
    r->in_line = true;
}

void reply_newline(struct reply *r)
{
    if (!r->json && r->in_line)
        put(r, "\n", 1);
    r->in_line = false;
}

void reply_object(struct reply *r, const char *key)
{
    if (!r->json)
        return;
    begin_json(r, key);
    put(r, "{", 1);
    r->comma = false;
}

void reply_object_end(struct reply *r)
{
    if (!r->json)
        return;
    put(r, "}", 1);
    r->comma = true;
}

/* ---- Tables ---- */

static const char *title_of(const char *column) { return column + (*column == '>'); }

void reply_table(struct reply *r, const char *key, const char *const *columns)
{
    r->column = columns;
    r->columns = r->rows = r->cell = 0;
    r->cells_used = 0;
    for (; r->columns < REPLY_COLUMNS && columns[r->columns]; r->columns++)
        r->width[r->columns] = strlen(title_of(columns[r->columns])), r->filled[r->columns] = false;
    r->in_table = true;
    if (r->json) {
        begin_json(r, key);
        put(r, "[", 1);
        r->comma = false;
    }
}

static void end_row(struct reply *r)
{
    if (!r->rows)
        return;
    if (r->json) {
        put(r, "}", 1);
        r->comma = true;
        return;
    }
    while (r->cell < r->columns) {
        size_t before = r->cells_used;

        put_cell(r, "");
        if (r->cells_used == before)
            return; /* out of memory: the table ends here */
    }
}

void reply_row(struct reply *r)
{
    end_row(r);
    r->rows++;
    r->cell = 0;
    if (r->json) {
        begin_json(r, NULL);
        put(r, "{", 1);
        r->comma = false;
    }
}

/* A line of cells; blanks at its end are not written. */
static const char *put_row(struct reply *r, const char *cell, const char *const *titles)
{
    size_t owed = 0;

    for (unsigned i = 0; i < r->columns; i++) {
        const char *value = titles ? title_of(titles[i]) : cell;
        size_t size = strlen(value), pad = r->width[i] - size;
        bool right = r->column[i][0] == '>';

        if (!r->filled[i]) {
            /* not shown */
        } else if (size) {
            put_padding(r, owed + (right ? pad : 0));
            put(r, value, size);
            owed = 2 + (right ? 0 : pad);
        } else {
            owed += r->width[i] + 2;
        }
        if (!titles)
            cell += size + 1;
    }
    put(r, "\n", 1);
    return cell;
}

void reply_table_end(struct reply *r)
{
    const char *cell = r->cells, *end = r->cells + r->cells_used;

    end_row(r);
    end = r->cells + r->cells_used;
    cell = r->cells;
    r->in_table = false;
    if (r->json) {
        put(r, "]", 1);
        r->comma = true;
        return;
    }
    reply_newline(r);
    if (!r->rows) {
        put_string(r, "none\n");
        return;
    }
    put_row(r, NULL, r->column);
    for (unsigned i = 0; i < r->rows && cell && cell < end; i++)
        cell = put_row(r, cell, NULL);
}
