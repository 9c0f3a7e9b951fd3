/* SPDX-License-Identifier: MIT */
/* Blocks are checked as they are decoded: nothing in a file is believed, checksum or not. */
#include "frontend/flt.h"

#include <stdlib.h>
#include <string.h>

#include "frontend/trace_read.h"

struct input {
    const u8 *at, *end;
    bool bad; /* something was not there, or too large; everything read since is 0 */
};

/* One lane's numbers, and how far rows have taken them. */
struct lane {
    u32 count, next;
    bool based;
    u8 base;
    const u8 *nulls; /* NULL: all rows have a number, or, if there are none, no row */
    u64 value[FLT_ROWS_MAX];
};

struct string {
    const char *text;
    u32 size;
    bool plain; /* without control characters */
};

enum { PART_STEPS, PART_LEVEL, PART_AT = PART_LEVEL + WALK_MAX_STEPS, PART_ENTRY = PART_AT + WALK_MAX_STEPS };
enum { PARTS = PART_ENTRY + WALK_MAX_STEPS };

struct flt_block {
    const struct trace_schema *schema;
    int cr2, cr3, icount, after;
    u32 rows, row;
    bool wide;
    struct lane *part[PARTS], *column[TRACE_COLUMNS], *slot[TRACE_COLUMNS][FLT_SLOTS];
    unsigned slots[TRACE_COLUMNS];
    struct string *string;
    u32 strings, string_room;
    char *text;
    size_t text_room;
};

/* ---- Numbers ---- */

static u8 get_byte(struct input *in)
{
    if (in->at < in->end)
        return *in->at++;
    in->bad = true;
    return 0;
}

static u64 get_varint(struct input *in)
{
    u64 v = 0;

    for (unsigned shift = 0; shift < 64; shift += 7) {
        u8 byte = get_byte(in);

        v |= (u64)(byte & 127) << shift;
        if (!(byte & 128))
            return v;
    }
    in->bad = true;
    return 0;
}

/* At most `max`. */
static u32 get_count(struct input *in, u32 max)
{
    u64 v = get_varint(in);

    if (v <= max)
        return (u32)v;
    in->bad = true;
    return 0;
}

static const u8 *get_bytes(struct input *in, size_t n)
{
    const u8 *at = in->at;

    if (n > (size_t)(in->end - at)) {
        in->bad = true;
        return NULL;
    }
    in->at += n;
    return at;
}

/* A part of its own, which begins with its size. */
static struct input get_part(struct input *in)
{
    u32 size = get_count(in, FLT_RAW_MAX);
    const u8 *at = get_bytes(in, size);

    return (struct input){at, at ? at + size : NULL, !at};
}

static u64 unzigzag(u64 v) { return v >> 1 ^ (0 - (v & 1)); }

static void get_deltas(struct input *in, u64 *to, u32 n)
{
    u64 v = 0;

    for (u32 i = 0; i < n && !in->bad; i++)
        to[i] = v += unzigzag(get_varint(in));
}

/* ---- Lanes ---- */

static bool lane_room(struct lane **l)
{
    if (!*l)
        *l = malloc(sizeof(**l));
    return *l;
}

static void get_table(struct input *in, struct lane *l)
{
    u64 table[256];
    u32 n = get_count(in, 256);

    get_deltas(in, table, n);
    for (u32 i = 0; i < l->count && !in->bad; i++) {
        u64 which = get_varint(in);

        if (which >= n)
            in->bad = true;
        else
            l->value[i] = table[which];
    }
}

static u32 bits_in(const u8 *bitmap, u32 n)
{
    u32 count = 0;

    for (u32 i = 0; i < n; i++)
        count += bitmap[i / 8] >> (i % 8) & 1;
    return count;
}

/* A lane of as many numbers as rows, less those that it says are null. */
static void get_lane(struct input *in, struct lane *l, u32 rows)
{
    u8 mode = get_byte(in);

    l->count = rows;
    l->next = 0;
    l->nulls = NULL;
    l->based = mode & LANE_BASED;
    if ((mode & LANE_MODE) == LANE_EMPTY) {
        l->count = 0;
        return;
    }
    l->base = l->based ? get_byte(in) : 0;
    if (mode & LANE_NULLS && (l->nulls = get_bytes(in, (rows + 7) / 8)))
        l->count = bits_in(l->nulls, rows);
    switch (mode & LANE_MODE) {
    case LANE_CONSTANT:
        l->value[0] = get_varint(in);
        for (u32 i = 1; i < l->count; i++)
            l->value[i] = l->value[0];
        break;
    case LANE_DELTA: get_deltas(in, l->value, l->count); break;
    case LANE_TABLE: get_table(in, l); break;
    default: in->bad = true;
    }
    for (u32 i = 0; mode & LANE_ROTATED && i < l->count && !in->bad; i++)
        l->value[i] = l->value[i] >> 1 | l->value[i] << 63;
}

static bool lane_has(const struct lane *l, u32 row)
{
    return l->nulls ? l->nulls[row / 8] >> (row % 8) & 1 : l->count > 0;
}

/* Its next number; false if it has no more. */
static bool lane_take(struct lane *l, u64 *value)
{
    if (l->next >= l->count)
        return false;
    *value = l->value[l->next++];
    return true;
}

/* ---- Loading ---- */

static const char *load_strings(struct flt_block *b, struct input *in)
{
    const char *text;
    size_t total = 0;
    u32 n = get_count(in, (u32)(in->end - in->at));

    if (n > b->string_room) {
        struct string *at = realloc(b->string, n * sizeof(*at));

        if (!at)
            return "out of memory";
        b->string = at;
        b->string_room = n;
    }
    for (u32 i = 0; i < n && !in->bad; i++)
        total += b->string[i].size = get_count(in, FLT_RAW_MAX);
    text = (const char *)get_bytes(in, in->bad ? 0 : total);
    if (in->bad)
        return "its texts are cut off";
    b->strings = n;
    for (u32 i = 0; i < n; i++) {
        struct string *s = &b->string[i];

        s->text = text;
        s->plain = trace_is_plain(text, s->size);
        text += s->size;
    }
    return NULL;
}

static const char *load_lane_part(struct input *in, struct lane **l, u32 rows)
{
    u32 count = get_count(in, rows);

    if (!lane_room(l))
        return "out of memory";
    get_lane(in, *l, count);
    return in->bad || (*l)->based || (*l)->nulls ? "a column is damaged" : NULL;
}

static const char *load_walks(struct flt_block *b, struct input *in)
{
    struct input part = get_part(in);
    u8 width = get_byte(&part);
    const char *why = load_lane_part(&part, &b->part[PART_STEPS], b->rows);

    if (!why && width != 4 && width != 8)
        why = "its walks are damaged";
    b->wide = width == 8;
    for (unsigned i = 0; i < WALK_MAX_STEPS && !why; i++) {
        why = load_lane_part(&part, &b->part[PART_LEVEL + i], b->rows);
        why = why ? why : load_lane_part(&part, &b->part[PART_AT + i], b->rows);
        why = why ? why : load_lane_part(&part, &b->part[PART_ENTRY + i], b->rows);
    }
    return why;
}

static const char *load_column(struct flt_block *b, unsigned i, struct input *in)
{
    struct input part = get_part(in);
    enum column_type type = b->schema->column[i].type;
    const struct lane *l;
    const char *why = NULL;

    if (!lane_room(&b->column[i]))
        return "out of memory";
    l = b->column[i];
    get_lane(&part, b->column[i], b->rows);
    b->slots[i] = 0;
    if (part.bad)
        return "a column is damaged";
    if (l->based && (!column_is_number(type) || (l->base == LANE_BASE_LEAF ? b->schema->walk < 0 : l->base >= i)))
        return "a column is based on one that is not there";
    if (type != COLUMN_PROSE && type != COLUMN_JSON)
        return NULL;
    b->slots[i] = get_count(&part, FLT_SLOTS);
    for (unsigned k = 0; k < b->slots[i] && !why; k++)
        why = load_lane_part(&part, &b->slot[i][k], b->rows);
    return part.bad ? "a column is damaged" : why;
}

const char *flt_block_load(struct flt_block *b, const struct trace_schema *schema, const u8 *raw, size_t size, u32 rows)
{
    struct input in = {raw, raw + size, false};
    const char *why;

    b->schema = schema;
    b->cr2 = trace_number_column(schema, "cr2");
    b->cr3 = trace_number_column(schema, "cr3");
    b->icount = trace_number_column(schema, "icount");
    b->after = trace_number_column(schema, "pte_after");
    b->rows = rows;
    b->row = 0;
    if (!rows || rows > FLT_ROWS_MAX)
        return "a block of no records, or of too many";
    why = load_strings(b, &in);
    if (!why && schema->walk >= 0)
        why = load_walks(b, &in);
    for (unsigned i = 0; i < schema->count && !why; i++)
        if (schema->column[i].type != COLUMN_WALK)
            why = load_column(b, i, &in);
    return why;
}

/* ---- Rows ---- */

static bool take_part(struct flt_block *b, unsigned part, u64 *value) { return lane_take(b->part[part], value); }

static const char *take_walk(struct flt_block *b, struct trace_row *row)
{
    u64 base = trace_number(row, b->cr3), la = trace_number(row, b->cr2), steps, level;

    if (!take_part(b, PART_STEPS, &steps) || steps > WALK_MAX_STEPS)
        return "a walk is damaged";
    row->cell[b->schema->walk] = (struct trace_cell){.known = true};
    row->walk.steps = (unsigned)steps;
    for (unsigned i = 0; i < steps; i++) {
        struct walk_step *s = &row->walk.step[i];

        if (!take_part(b, PART_LEVEL + i, &level) || level > 255 || !take_part(b, PART_AT + i, &s->at) ||
            !take_part(b, PART_ENTRY + i, &s->entry))
            return "a walk is damaged";
        s->level = (u8)level;
        s->at += flt_expected_at(base, la, s->level, b->wide);
        base = s->entry;
    }
    return NULL;
}

/* The number of a row that a slot stands for. */
static bool slot_value(struct flt_block *b, unsigned column, u8 slot, unsigned *literals, const struct trace_row *row,
                       u64 *value)
{
    const struct trace_walk *w = &row->walk;

    if (slot >= SLOT_HEX && slot <= SLOT_COUNT) {
        if (*literals >= b->slots[column] || !lane_take(b->slot[column][(*literals)++], value))
            return false;
        if (slot == SLOT_NEAR)
            *value += w->steps ? w->step[w->steps - 1].at : 0;
        else if (slot == SLOT_COUNT)
            *value += trace_number(row, b->icount);
        return true;
    }
    if (slot == SLOT_CR2 || slot == SLOT_AFTER)
        *value = trace_number(row, slot == SLOT_CR2 ? b->cr2 : b->after);
    else if (slot >= SLOT_AT && slot - SLOT_AT < (int)w->steps)
        *value = w->step[slot - SLOT_AT].at;
    else if (slot >= SLOT_ENTRY && slot - SLOT_ENTRY < (int)w->steps)
        *value = w->step[slot - SLOT_ENTRY].entry;
    else
        return false;
    return true;
}

/* Puts a text's numbers back, appending to `t`, which has room. */
static bool fill_slots(struct flt_block *b, unsigned column, const struct string *s, const struct trace_row *row,
                       struct text *t)
{
    unsigned literals = 0;

    for (u32 i = 0; i < s->size; i++) {
        u8 c = (u8)s->text[i];
        u64 value;

        if (c >= 0x20) {
            text_char(t, (char)c);
            continue;
        }
        if (!slot_value(b, column, c, &literals, row, &value))
            return false;
        if (c == SLOT_DECIMAL || c == SLOT_COUNT)
            text_decimal(t, value);
        else
            text_hex(t, value);
    }
    return true;
}

static const char *take_text(struct flt_block *b, unsigned column, struct trace_row *row, struct text *t)
{
    struct trace_cell *c = &row->cell[column];
    enum column_type type = b->schema->column[column].type;
    const struct string *s;
    const char *begin = t->at;
    u64 which;

    if (!lane_take(b->column[column], &which) || which >= b->strings)
        return "a text is missing";
    s = &b->string[which];
    if (s->plain) {
        c->text = s->text;
        c->size = s->size;
    } else {
        if ((type != COLUMN_PROSE && type != COLUMN_JSON) || !fill_slots(b, column, s, row, t))
            return "a text is damaged";
        c->text = begin;
        c->size = (u32)(t->at - begin);
    }
    return trace_cell_fault(type, c);
}

static const char *take_cell(struct flt_block *b, unsigned i, struct trace_row *row, struct text *t)
{
    struct trace_cell *c = &row->cell[i];
    enum column_type type = b->schema->column[i].type;
    struct lane *l = b->column[i];

    *c = (struct trace_cell){.known = lane_has(l, b->row)};
    if (!c->known) {
        c->known = type == COLUMN_LIST || type == COLUMN_BYTES; /* which are never null */
        c->text = "";
        return NULL;
    }
    if (!column_is_number(type))
        return take_text(b, i, row, t);
    if (!lane_take(l, &c->number))
        return "a number is missing";
    if (l->based && l->base != LANE_BASE_LEAF)
        c->number += trace_number(row, l->base);
    return NULL;
}

/* Room for the longest that the row's texts may become. */
static bool text_room(struct flt_block *b)
{
    size_t room = 0;
    char *at;

    for (unsigned i = 0; i < b->schema->count; i++) {
        const struct lane *l = b->column[i];
        u64 which;

        if (b->schema->column[i].type == COLUMN_WALK || column_is_number(b->schema->column[i].type) ||
            l->next >= l->count)
            continue;
        which = l->value[l->next];
        if (which < b->strings && !b->string[which].plain)
            room += b->string[which].size * (size_t)20;
    }
    if (room <= b->text_room)
        return true;
    at = realloc(b->text, room * 2);
    if (!at)
        return false;
    b->text = at;
    b->text_room = room * 2;
    return true;
}

/* Numbers first, since walks and texts are told by them; those based on the walk get theirs when it is known. */
const char *flt_block_row(struct flt_block *b, struct trace_row *row)
{
    const struct trace_schema *schema = b->schema;
    const char *why = NULL;
    struct text t;

    if (!text_room(b))
        return "out of memory";
    t = (struct text){b->text, b->text + b->text_room};
    row->walk.steps = 0;
    for (unsigned i = 0; i < schema->count && !why; i++)
        if (column_is_number(schema->column[i].type))
            why = take_cell(b, i, row, &t);
    if (!why && schema->walk >= 0)
        why = take_walk(b, row);
    for (unsigned i = 0; i < schema->count && !why; i++) {
        struct trace_cell *c = &row->cell[i];

        if (schema->column[i].type == COLUMN_WALK)
            continue;
        if (!column_is_number(schema->column[i].type))
            why = take_cell(b, i, row, &t);
        else if (c->known && b->column[i]->based && b->column[i]->base == LANE_BASE_LEAF)
            c->number += row->walk.steps ? row->walk.step[row->walk.steps - 1].entry : 0;
    }
    b->row++;
    return why;
}

/* ---- The schema ---- */

const char *flt_schema_load(struct trace_schema *schema, const u8 *raw, size_t size)
{
    static const char types[] = {COLUMN_NUMBER, COLUMN_HEX,   COLUMN_NAME, COLUMN_QUOTED, COLUMN_PROSE,
                                 COLUMN_LIST,   COLUMN_BYTES, COLUMN_WALK, COLUMN_JSON};
    struct input in = {raw, raw + size, false};
    u32 n = get_count(&in, TRACE_COLUMNS);

    schema->count = 0;
    schema->walk = -1;
    for (u32 i = 0; i < n && !in.bad; i++) {
        u8 type = get_byte(&in);
        u32 length = get_count(&in, TRACE_NAME);
        const char *name = (const char *)get_bytes(&in, length);

        if (!name || !memchr(types, type, sizeof(types)) || !trace_is_plain(name, length) ||
            !trace_schema_add(schema, name, length, (enum column_type)type))
            return "a column's name or type is none";
    }
    return in.bad || !n ? "the list of columns is damaged" : NULL;
}

/* ---- Life ---- */

struct flt_block *flt_block_create(void) { return calloc(1, sizeof(struct flt_block)); }

void flt_block_destroy(struct flt_block *b)
{
    if (!b)
        return;
    for (unsigned i = 0; i < PARTS; i++)
        free(b->part[i]);
    for (unsigned i = 0; i < TRACE_COLUMNS; i++) {
        free(b->column[i]);
        for (unsigned k = 0; k < FLT_SLOTS; k++)
            free(b->slot[i][k]);
    }
    free(b->string);
    free(b->text);
    free(b);
}
