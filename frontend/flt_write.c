/* SPDX-License-Identifier: MIT */
/* A block fills lanes, one for each column and for each part of a walk; when it is full, each lane is coded the way
 * that takes the least room. */
#include "frontend/flt.h"
#include "frontend/flt_code.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define HASH_SLOTS (2 * FLT_STRINGS) /* a power of two */

struct lane {
    u64 *value;
    u32 count, room;
};

struct string {
    u32 offset, size, hash;
};

struct flt_writer {
    struct trace_schema schema;
    int cr2, cr3, icount, after;
    bool compress, begun;
    z_stream deflate;
    u64 total;
    /* the block */
    u32 rows;
    bool narrow; /* 32-bit paging: entries have 4 bytes */
    struct lane column[TRACE_COLUMNS], slot[TRACE_COLUMNS][FLT_SLOTS];
    struct lane steps, level[WALK_MAX_STEPS], at[WALK_MAX_STEPS], entry[WALK_MAX_STEPS], leaf;
    u8 known[TRACE_COLUMNS][FLT_ROWS];
    struct string string[FLT_STRINGS];
    u32 strings;
    u16 hash[HASH_SLOTS];    /* string + 1 */
    u32 last[TRACE_COLUMNS]; /* a column's string of the row before, + 1 */
    struct bytes text, raw, out, template;
    bool failed;
};

/* ---- Texts and lanes ---- */

static bool lane_add(struct lane *l, u64 value)
{
    if (l->count == l->room) {
        u32 room = l->room ? l->room * 2 : 64;
        u64 *at = realloc(l->value, room * sizeof(*at));

        if (!at)
            return false;
        l->value = at;
        l->room = room;
    }
    l->value[l->count++] = value;
    return true;
}

static u32 hash_of(const char *s, size_t size)
{
    u64 h = size * 0x9e3779b97f4a7c15ull, word;

    for (; size >= 8; s += 8, size -= 8) {
        memcpy(&word, s, 8);
        h = (h ^ word) * 0x9fb21c651e98df25ull;
        h ^= h >> 32;
    }
    word = 0;
    memcpy(&word, s, size);
    h = (h ^ word) * 0x9fb21c651e98df25ull;
    return (u32)(h >> 32);
}

static bool is_string(const struct flt_writer *w, u32 n, const char *s, size_t size)
{
    return w->string[n].size == size && !memcmp(w->text.at + w->string[n].offset, s, size);
}

/* The string's number in the block; ~0 if there is no room. */
static u32 intern(struct flt_writer *w, unsigned column, const char *s, size_t size)
{
    u32 last = w->last[column], hash, at;

    if (!bytes_room(&w->text, size + 1)) /* so that there is a place even for an empty one */
        return ~0u;
    if (last && is_string(w, last - 1, s, size))
        return last - 1;
    hash = hash_of(s, size);
    for (at = hash & (HASH_SLOTS - 1); w->hash[at]; at = (at + 1) & (HASH_SLOTS - 1)) {
        u32 n = w->hash[at] - 1u;

        if (w->string[n].hash == hash && is_string(w, n, s, size))
            return (w->last[column] = n + 1) - 1;
    }
    if (w->strings == FLT_STRINGS || w->text.size > FLT_RAW_MAX)
        return ~0u;
    w->string[w->strings] = (struct string){(u32)w->text.size, (u32)size, hash};
    bytes_put(&w->text, s, size);
    w->hash[at] = (u16)++w->strings;
    w->last[column] = w->strings;
    return w->strings - 1;
}

static bool is_word(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

/* The digits of a number as we would write it, at most `end`: how many, or 0; its value. */
static unsigned scan_hex(const char *s, const char *end, u64 *value)
{
    unsigned n = 0;

    *value = 0;
    for (; s + n < end && n < 17; n++) {
        char c = s[n];

        if (c >= '0' && c <= '9')
            *value = *value << 4 | (u64)(c - '0');
        else if (c >= 'a' && c <= 'f')
            *value = *value << 4 | (u64)(c - 'a' + 10);
        else
            break;
    }
    return n > 16 || (n > 1 && s[0] == '0') ? 0 : n;
}

static unsigned scan_decimal(const char *s, const char *end, u64 *value)
{
    unsigned n = 0;

    *value = 0;
    for (; s + n < end && n < 20 && s[n] >= '0' && s[n] <= '9'; n++)
        *value = *value * 10 + (u64)(s[n] - '0');
    return n < FLT_DECIMAL_LEAST || n > 19 || s[0] == '0' ? 0 : n;
}

/* How a text names a number: by what else the row holds, if it can. `value` becomes what remains of it. */
static u8 slot_of(const struct flt_writer *w, const struct trace_row *row, u64 *value, bool hex)
{
    const struct trace_walk *walk = &row->walk;
    unsigned steps = w->schema.walk >= 0 ? walk->steps : 0;

    if (!hex) {
        *value -= trace_number(row, w->icount);
        return SLOT_COUNT;
    }
    if (trace_known(row, w->cr2) && trace_number(row, w->cr2) == *value)
        return SLOT_CR2;
    for (unsigned i = 0; i < steps; i++)
        if (walk->step[i].at == *value)
            return (u8)(SLOT_AT + i);
    if (trace_known(row, w->after) && trace_number(row, w->after) == *value)
        return SLOT_AFTER;
    for (unsigned i = steps; i-- > 0;)
        if (walk->step[i].entry == *value)
            return (u8)(SLOT_ENTRY + i);
    if (!steps || (*value ^ walk->step[steps - 1].at) & BITS(11, 0))
        return SLOT_HEX;
    *value -= walk->step[steps - 1].at;
    return SLOT_NEAR;
}

/* Takes the numbers out of a text. */
static bool take_numbers(struct flt_writer *w, unsigned column, const struct trace_row *row, const struct trace_cell *c)
{
    const char *s = c->text, *end = s + c->size, *from = s;
    unsigned slots = 0;

    w->template.size = 0;
    if (!bytes_room(&w->template, c->size + 1))
        return false;
    while (s < end && slots < FLT_SLOTS) {
        bool hex = s[0] == '0' && end - s > 2 && s[1] == 'x';
        bool begins = *s >= '0' && *s <= '9' && (s == c->text || !is_word(s[-1]));
        u64 value;
        unsigned n = !begins ? 0 : hex ? scan_hex(s + 2, end, &value) : scan_decimal(s, end, &value);
        u8 slot;

        if (!n) {
            s++;
            continue;
        }
        slot = !hex && n < FLT_COUNT_LEAST ? SLOT_DECIMAL : slot_of(w, row, &value, hex);
        bytes_put(&w->template, from, (size_t)(s - from));
        bytes_put_byte(&w->template, slot);
        s = from = s + n + (hex ? 2 : 0);
        if (slot < SLOT_CR2 && !lane_add(&w->slot[column][slots++], value))
            return false;
    }
    bytes_put(&w->template, from, (size_t)(end - from));
    return !w->template.failed;
}

static bool add_text(struct flt_writer *w, unsigned column, const struct trace_row *row, const struct trace_cell *c)
{
    enum column_type type = w->schema.column[column].type;
    const char *text = c->text;
    size_t size = c->size;
    u32 n;

    if (type == COLUMN_PROSE || type == COLUMN_JSON) {
        if (!take_numbers(w, column, row, c))
            return false;
        text = (const char *)w->template.at;
        size = w->template.size;
    }
    n = intern(w, column, text, size);
    return n != ~0u && lane_add(&w->column[column], n);
}

/* ---- A row ---- */

u64 flt_expected_at(u64 base, u64 la, unsigned level, bool wide)
{
    unsigned bits = wide ? 9 : 10, shift = 12 + bits * (level - 1);

    if (level - 1 >= WALK_MAX_STEPS)
        return 0;
    return (base & (wide ? BITS(51, 12) : BITS(31, 12))) | (la >> shift & ((1u << bits) - 1)) << (wide ? 3 : 2);
}

static bool add_walk(struct flt_writer *w, const struct trace_row *row)
{
    u64 base = trace_number(row, w->cr3), la = trace_number(row, w->cr2);
    bool ok = lane_add(&w->steps, row->walk.steps);

    if (!w->rows)
        w->narrow = row->walk.steps && row->walk.step[0].level == 2;
    for (unsigned i = 0; i < row->walk.steps; i++) {
        const struct walk_step *s = &row->walk.step[i];

        ok = ok && lane_add(&w->level[i], s->level);
        ok = ok && lane_add(&w->at[i], s->at - flt_expected_at(base, la, s->level, !w->narrow));
        ok = ok && lane_add(&w->entry[i], s->entry);
        base = s->entry;
    }
    return ok && lane_add(&w->leaf, row->walk.steps ? base : 0);
}

static bool add_cells(struct flt_writer *w, const struct trace_row *row)
{
    for (unsigned i = 0; i < w->schema.count; i++) {
        const struct trace_cell *c = &row->cell[i];
        enum column_type type = w->schema.column[i].type;

        w->known[i][w->rows] = c->known;
        if (type == COLUMN_WALK || !c->known)
            continue;
        if (column_is_number(type) ? !lane_add(&w->column[i], c->number) : !add_text(w, i, row, c))
            return false;
    }
    return w->schema.walk < 0 || add_walk(w, row);
}

bool flt_is_full(const struct flt_writer *w)
{
    /* A row adds at most one text for each column. */
    return w->rows == FLT_ROWS || w->strings + TRACE_COLUMNS > FLT_STRINGS || w->text.size > FLT_RAW_AIM;
}

bool flt_write(struct flt_writer *w, const struct trace_row *row)
{
    if (w->failed || !add_cells(w, row)) {
        w->failed = true;
        return false;
    }
    w->rows++;
    w->total++;
    return true;
}

/* A lane that is not a column's has its own count. */
static void put_part(struct bytes *b, const struct lane *l, unsigned flags)
{
    bytes_put_varint(b, l->count);
    bytes_put_lane(b, l->value, l->count, flags, 0, NULL, l->count);
}

static void rotate(struct lane *l)
{
    for (u32 i = 0; i < l->count; i++)
        l->value[i] = l->value[i] << 1 | l->value[i] >> 63;
}

/* ---- A block ---- */

/* Columns that follow another: their difference is coded, where that is known in every row. */
static int base_of(const struct trace_schema *schema, unsigned column)
{
    static const char *const follows[][2] = {{"time_ns", "icount"}, {"parent", "seq"}};

    for (size_t i = 0; i < sizeof(follows) / sizeof(follows[0]); i++) {
        int base = strcmp(schema->column[column].name, follows[i][0]) ? -1 : trace_number_column(schema, follows[i][1]);

        if (base >= 0 && base < (int)column)
            return base;
    }
    if (!strcmp(schema->column[column].name, "pte_before") && schema->walk >= 0)
        return LANE_BASE_LEAF;
    return -1;
}

static void put_number_column(struct flt_writer *w, unsigned i)
{
    struct lane *l = &w->column[i];
    int base = base_of(&w->schema, i);
    const struct lane *from = base == (int)LANE_BASE_LEAF ? &w->leaf : base >= 0 ? &w->column[base] : NULL;
    unsigned flags = 0;
    u64 *v = NULL;

    /* Walk entries; an entry of another name is as well off with it as without. */
    if (!strcmp(w->schema.column[i].name, "pte_after")) {
        flags = LANE_ROTATED;
        rotate(l);
    }
    if (l->count && from && from->count == w->rows && (v = malloc(l->count * sizeof(*v)))) {
        u32 n = 0;

        for (u32 row = 0; row < w->rows; row++)
            if (w->known[i][row])
                v[n] = l->value[n] - from->value[row], n++;
        bytes_put_lane(&w->raw, v, l->count, LANE_BASED, (unsigned)base, w->known[i], w->rows);
        free(v);
        return;
    }
    bytes_put_lane(&w->raw, l->value, l->count, flags, 0, w->known[i], w->rows);
}

static void put_text_column(struct flt_writer *w, unsigned i)
{
    enum column_type type = w->schema.column[i].type;
    unsigned slots = 0;

    bytes_put_lane(&w->raw, w->column[i].value, w->column[i].count, 0, 0, w->known[i], w->rows);
    if (type != COLUMN_PROSE && type != COLUMN_JSON)
        return;
    while (slots < FLT_SLOTS && w->slot[i][slots].count)
        slots++;
    bytes_put_varint(&w->raw, slots);
    for (unsigned k = 0; k < slots; k++)
        put_part(&w->raw, &w->slot[i][k], 0);
}

static void put_walks(struct flt_writer *w)
{
    bytes_put_byte(&w->raw, w->narrow ? 4 : 8);
    put_part(&w->raw, &w->steps, 0);
    for (unsigned i = 0; i < WALK_MAX_STEPS; i++) {
        put_part(&w->raw, &w->level[i], 0);
        put_part(&w->raw, &w->at[i], 0);
        rotate(&w->entry[i]);
        put_part(&w->raw, &w->entry[i], LANE_ROTATED);
    }
}

/* Each part with its size before it, so that a reader can pass over it. */
static void put_sized(struct flt_writer *w, size_t from)
{
    size_t size = w->raw.size - from;
    struct bytes prefix = {.at = (u8[10]){0}, .room = 10};

    bytes_put_varint(&prefix, size);
    if (!bytes_room(&w->raw, prefix.size))
        return;
    memmove(w->raw.at + from + prefix.size, w->raw.at + from, size);
    memcpy(w->raw.at + from, prefix.at, prefix.size);
    w->raw.size += prefix.size;
}

static void put_columns(struct flt_writer *w)
{
    size_t from;

    bytes_put_varint(&w->raw, w->strings);
    for (u32 i = 0; i < w->strings; i++)
        bytes_put_varint(&w->raw, w->string[i].size);
    bytes_put(&w->raw, w->text.at, w->text.size);
    /* The walk comes first: others are based on it. */
    if (w->schema.walk >= 0) {
        from = w->raw.size;
        put_walks(w);
        put_sized(w, from);
    }
    for (unsigned i = 0; i < w->schema.count; i++) {
        from = w->raw.size;
        if (column_is_number(w->schema.column[i].type))
            put_number_column(w, i);
        else if (w->schema.column[i].type != COLUMN_WALK)
            put_text_column(w, i);
        else
            continue;
        put_sized(w, from);
    }
}

/* What `raw` holds becomes a block of `out`. */
static void put_block(struct flt_writer *w, u32 tag, u32 rows, bool compress)
{
    size_t at = w->out.size, room = deflateBound(&w->deflate, w->raw.size);
    u32 stored = (u32)w->raw.size, crc;
    u8 *to;

    bytes_put_u32(&w->out, tag);
    bytes_put_u32(&w->out, 0);
    bytes_put_u32(&w->out, (u32)w->raw.size);
    bytes_put_u32(&w->out, rows);
    bytes_put_u32(&w->out, 0);
    to = bytes_room(&w->out, room > w->raw.size ? room : w->raw.size);
    if (!to || w->raw.failed)
        return;
    if (compress) {
        w->deflate.next_in = w->raw.at;
        w->deflate.avail_in = (uInt)w->raw.size;
        w->deflate.next_out = to;
        w->deflate.avail_out = (uInt)room;
        if (deflate(&w->deflate, Z_FINISH) == Z_STREAM_END && w->deflate.total_out < w->raw.size)
            stored = (u32)w->deflate.total_out;
        deflateReset(&w->deflate);
    }
    if (stored == w->raw.size && stored)
        memcpy(to, w->raw.at, stored);
    w->out.size += stored;
    memcpy(w->out.at + at + 4, (u8[4]){(u8)stored, (u8)(stored >> 8), (u8)(stored >> 16), (u8)(stored >> 24)}, 4);
    crc = (u32)crc32(crc32(0, w->out.at + at, 16), w->out.at + at + FLT_BLOCK_HEADER, stored);
    memcpy(w->out.at + at + 16, (u8[4]){(u8)crc, (u8)(crc >> 8), (u8)(crc >> 16), (u8)(crc >> 24)}, 4);
}

static void put_beginning(struct flt_writer *w)
{
    bytes_put(&w->out, FLT_MAGIC, 8);
    bytes_put_u32(&w->out, FLT_VERSION);
    bytes_put_u32(&w->out, 0);
    w->raw.size = 0;
    bytes_put_varint(&w->raw, w->schema.count);
    for (unsigned i = 0; i < w->schema.count; i++) {
        const struct trace_column *c = &w->schema.column[i];

        bytes_put_byte(&w->raw, (u8)c->type);
        bytes_put_varint(&w->raw, strlen(c->name));
        bytes_put(&w->raw, c->name, strlen(c->name));
    }
    put_block(w, FLT_SCHEMA, 0, false);
    w->begun = true;
}

static void empty_block(struct flt_writer *w)
{
    for (unsigned i = 0; i < w->schema.count; i++) {
        w->column[i].count = 0;
        for (unsigned k = 0; k < FLT_SLOTS; k++)
            w->slot[i][k].count = 0;
    }
    for (unsigned i = 0; i < WALK_MAX_STEPS; i++)
        w->level[i].count = w->at[i].count = w->entry[i].count = 0;
    w->steps.count = w->leaf.count = 0;
    w->rows = w->strings = 0;
    w->text.size = 0;
    memset(w->hash, 0, sizeof(w->hash));
    memset(w->last, 0, sizeof(w->last));
}

const u8 *flt_take(struct flt_writer *w, bool last, size_t *size)
{
    w->out.size = 0;
    if (!w->begun)
        put_beginning(w);
    if (w->rows) {
        w->raw.size = 0;
        put_columns(w);
        put_block(w, FLT_RECORDS, w->rows, w->compress);
        empty_block(w);
    }
    if (last) {
        w->raw.size = 0;
        bytes_put_varint(&w->raw, w->total);
        put_block(w, FLT_END, 0, false);
    }
    *size = w->out.size;
    return w->failed || w->raw.failed || w->out.failed || w->text.failed ? NULL : w->out.at;
}

/* ---- Life ---- */

struct flt_writer *flt_writer_create(const struct trace_schema *schema, bool compress)
{
    struct flt_writer *w = calloc(1, sizeof(*w));

    if (!w)
        return NULL;
    /* The first level of effort: it takes a quarter of the next one's time and misses a tenth of what that finds. */
    if (deflateInit2(&w->deflate, 1, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
        free(w);
        return NULL;
    }
    w->schema = *schema;
    w->compress = compress;
    w->cr2 = trace_number_column(schema, "cr2");
    w->cr3 = trace_number_column(schema, "cr3");
    w->icount = trace_number_column(schema, "icount");
    w->after = trace_number_column(schema, "pte_after");
    return w;
}

void flt_writer_destroy(struct flt_writer *w)
{
    if (!w)
        return;
    for (unsigned i = 0; i < TRACE_COLUMNS; i++) {
        free(w->column[i].value);
        for (unsigned k = 0; k < FLT_SLOTS; k++)
            free(w->slot[i][k].value);
    }
    for (unsigned i = 0; i < WALK_MAX_STEPS; i++) {
        free(w->level[i].value);
        free(w->at[i].value);
        free(w->entry[i].value);
    }
    free(w->steps.value);
    free(w->leaf.value);
    free(w->text.at);
    free(w->raw.at);
    free(w->out.at);
    free(w->template.at);
    deflateEnd(&w->deflate);
    free(w);
}
