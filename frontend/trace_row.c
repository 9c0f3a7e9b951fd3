/* SPDX-License-Identifier: MIT */
/* The columns of a trace, and a record as a row of them. */
#include "frontend/trace.h"

#include <string.h>

#include "frontend/who.h"
#include "frontend/writers.h"

enum trace_format trace_format_of(const char *path)
{
    static const struct {
        const char *suffix;
        enum trace_format format;
    } known[] = {{".jsonl", TRACE_JSONL}, {".csv", TRACE_CSV}, {".flt", TRACE_FLT}, {".json", TRACE_PERFETTO}};
    const char *suffix = strrchr(path, '.');

    for (size_t i = 0; suffix && i < sizeof(known) / sizeof(known[0]); i++)
        if (!strcmp(suffix, known[i].suffix))
            return known[i].format;
    return TRACE_NONE;
}

bool column_is_number(enum column_type type) { return type == COLUMN_NUMBER || type == COLUMN_HEX; }

/* ---- The schema ---- */

int trace_schema_find(const struct trace_schema *schema, const char *name, size_t size)
{
    for (unsigned i = 0; i < schema->count; i++)
        if (size < TRACE_NAME && !memcmp(schema->column[i].name, name, size) && !schema->column[i].name[size])
            return (int)i;
    return -1;
}

int trace_number_column(const struct trace_schema *schema, const char *name)
{
    int column = trace_schema_find(schema, name, strlen(name));

    return column >= 0 && column_is_number(schema->column[column].type) ? column : -1;
}

int trace_text_column(const struct trace_schema *schema, const char *name)
{
    int column = trace_schema_find(schema, name, strlen(name));

    return column < 0 || column == schema->walk || column_is_number(schema->column[column].type) ? -1 : column;
}

bool trace_known(const struct trace_row *row, int column) { return column >= 0 && row->cell[column].known; }

u64 trace_number(const struct trace_row *row, int column)
{
    return trace_known(row, column) ? row->cell[column].number : 0;
}

bool trace_schema_add(struct trace_schema *schema, const char *name, size_t size, enum column_type type)
{
    struct trace_column *c = &schema->column[schema->count];
    struct text key;

    if (schema->count == TRACE_COLUMNS || !size || size >= TRACE_NAME || trace_schema_find(schema, name, size) >= 0 ||
        (type == COLUMN_WALK && schema->walk >= 0))
        return false;
    *c = (struct trace_column){.type = type};
    memcpy(c->name, name, size);
    key = TEXT_OVER(c->key);
    text_string(&key, ",\"");
    text_bytes(&key, name, size);
    text_string(&key, "\":");
    c->key_size = (u8)(key.at - c->key);
    if (type == COLUMN_WALK)
        schema->walk = (int)schema->count;
    schema->count++;
    return true;
}

void trace_schema_init(struct trace_schema *schema)
{
    schema->count = 0;
    schema->walk = -1;
#define COLUMN(key, type) trace_schema_add(schema, #key, sizeof(#key) - 1, type);
#define NUMBER(key, value, known) COLUMN(key, COLUMN_NUMBER)
#define HEX(key, value, known) COLUMN(key, COLUMN_HEX)
#define NAME(key, name) COLUMN(key, COLUMN_NAME)
#define QUOTED(key, name) COLUMN(key, COLUMN_QUOTED)
#define LIST(key, function, known) COLUMN(key, COLUMN_LIST)
#define PROSE(key, function, known) COLUMN(key, COLUMN_PROSE)
#define BYTES(key, bytes, n) COLUMN(key, COLUMN_BYTES)
#define WALK(key) COLUMN(key, COLUMN_WALK)
#define JSON(key, function, known) COLUMN(key, COLUMN_JSON)
#include "frontend/fields.def"
#undef NUMBER
#undef HEX
#undef NAME
#undef QUOTED
#undef LIST
#undef PROSE
#undef BYTES
#undef WALK
#undef JSON
}

/* ---- A record as a row ---- */

static struct trace_cell number_cell(u64 value, bool known)
{
    return (struct trace_cell){.known = known, .number = value};
}

static struct trace_cell name_cell(const char *name)
{
    return (struct trace_cell){.known = name, .size = name ? (u32)strlen(name) : 0, .text = name};
}

/* What was appended since `begin`. Symbols are the guest's words: control characters in them become '?'. */
static struct trace_cell text_cell(char *begin, const struct text *t, bool known)
{
    for (char *s = begin; s < t->at; s++)
        if ((unsigned char)*s < 0x20)
            *s = '?';
    return (struct trace_cell){.known = known, .size = (u32)(t->at - begin), .text = begin};
}

static struct trace_cell list_cell(struct text *t, const struct record *r,
                                   void (*list)(struct text *, const struct record *, const char *, const char *),
                                   bool known)
{
    char *begin = t->at;

    if (known)
        list(t, r, "", ";");
    return text_cell(begin, t, true);
}

static struct trace_cell prose_cell(struct text *t, const struct record *r,
                                    void (*prose)(struct text *, const struct record *), bool known)
{
    char *begin = t->at;

    if (known)
        prose(t, r);
    return text_cell(begin, t, known);
}

static struct trace_cell bytes_cell(struct text *t, const u8 *bytes, unsigned n)
{
    char *begin = t->at;

    text_hex_bytes(t, bytes, n);
    return text_cell(begin, t, true);
}

static struct trace_cell walk_cell(struct trace_walk *to, const struct walk *walk)
{
    to->steps = walk->steps < WALK_MAX_STEPS ? walk->steps : WALK_MAX_STEPS;
    memcpy(to->step, walk->step, to->steps * sizeof(to->step[0]));
    return (struct trace_cell){.known = true};
}

void trace_row_of(struct trace_row *row, const struct record *r, const struct disasm_line *line,
                  char scratch[TRACE_SCRATCH])
{
    struct trace_cell *c = row->cell;
    struct text t = {scratch, scratch + TRACE_SCRATCH};
    bool pf = r->vector == 14;

#define NUMBER(key, value, known) *c++ = number_cell(value, known);
#define HEX(key, value, known) *c++ = number_cell(value, known);
#define NAME(key, name) *c++ = name_cell(name);
#define QUOTED(key, name) *c++ = name_cell(name);
#define LIST(key, function, known) *c++ = list_cell(&t, r, function, known);
#define PROSE(key, function, known) *c++ = prose_cell(&t, r, function, known);
#define BYTES(key, bytes, n) *c++ = bytes_cell(&t, bytes, n);
#define WALK(key) *c++ = walk_cell(&row->walk, &r->walk);
#define JSON(key, function, known) *c++ = prose_cell(&t, r, function, known);
#include "frontend/fields.def"
}

/* ---- Shared with others who tell of records ---- */

void list_bits(struct text *t, const struct record *r, const char *quote, const char *between)
{
    error_bits(t, r->error, quote, between);
}

void list_frames(struct text *t, const struct record *r, const char *quote, const char *between)
{
    for (unsigned i = 0; i < r->frames; i++) {
        text_string(t, i ? between : "");
        text_string(t, quote);
        if (r->frame_symbol[i].name)
            symbol_text(t, &r->frame_symbol[i]);
        else
            text_hex(t, r->frame[i]);
        text_string(t, quote);
    }
}

void list_also(struct text *t, const struct record *r, const char *quote, const char *between)
{
    bool first = true;

    for (int cause = CAUSE_NOT_PRESENT; cause < CAUSE_COUNT; cause++) {
        if (!(r->walk.also & BIT(cause)))
            continue;
        if (!first)
            text_string(t, between);
        text_string(t, quote);
        text_string(t, fault_cause_name(cause));
        text_string(t, quote);
        first = false;
    }
}

const struct disasm_line *record_line(struct disasm *d, const struct record *r)
{
    const struct disasm_line *line;

    if (!d || !r->bytes_count || (r->vector == 14 && r->access.kind == ACCESS_EXECUTE && r->during < 0))
        return NULL;
    line = disasm_at(d, r->code_bits, r->rip, r->bytes, r->bytes_count);
    return line->length ? line : NULL;
}
