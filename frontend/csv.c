/* SPDX-License-Identifier: MIT */
/* The .csv trace (RFC 4180 but for the line ends): the same keys as columns, null is empty, lists are joined by ";". */
#include "frontend/who.h"
#include "frontend/writers.h"

/* A comma before every column but the first. */
static void separate(struct text *t, const char *begin)
{
    if (t->at != begin)
        text_char(t, ',');
}

static void put_number(struct text *t, u64 value, bool known)
{
    if (known)
        text_decimal(t, value);
}

static void put_hex(struct text *t, u64 value, bool known)
{
    if (known)
        text_hex(t, value);
}

static void put_name(struct text *t, const char *name)
{
    if (name)
        text_string(t, name);
}

static void put_quoted(struct text *t, const char *s)
{
    if (!s)
        return;
    text_char(t, '"');
    for (; *s; s++) {
        if (*s == '"')
            text_char(t, '"');
        text_char(t, *s);
    }
    text_char(t, '"');
}

static void put_prose(struct text *t, const struct record *r, void (*prose)(struct text *, const struct record *),
                      bool known)
{
    if (!known)
        return;
    text_char(t, '"');
    prose(t, r);
    text_char(t, '"');
}

static void put_walk(struct text *t, const struct walk *w)
{
    for (unsigned i = 0; i < w->steps && i < WALK_MAX_STEPS; i++) {
        if (i)
            text_char(t, ';');
        text_decimal(t, w->step[i].level);
        text_char(t, ':');
        text_hex(t, w->step[i].at);
        text_char(t, ':');
        text_hex(t, w->step[i].entry);
    }
}

static void put_json(struct text *t, const struct record *r, void (*json)(struct text *, const struct record *),
                     bool known)
{
    char buffer[4096];
    struct text j = TEXT_OVER(buffer);

    if (!known)
        return;
    json(&j, r);
    text_end(&j);
    put_quoted(t, buffer);
}

void csv_header(struct text *t)
{
    const char *begin = t->at;

#define COLUMN(key) separate(t, begin), text_string(t, #key);
#define NUMBER(key, value, known) COLUMN(key)
#define HEX(key, value, known) COLUMN(key)
#define NAME(key, name) COLUMN(key)
#define QUOTED(key, name) COLUMN(key)
#define LIST(key, function, known) COLUMN(key)
#define PROSE(key, function, known) COLUMN(key)
#define BYTES(key, bytes, n) COLUMN(key)
#define WALK(key) COLUMN(key)
#define JSON(key, function, known) COLUMN(key)
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
    text_char(t, '\n');
}

void csv_record(struct text *t, const struct record *r, const struct disasm_line *line)
{
    const char *begin = t->at;
    bool pf = r->vector == 14;

#define NUMBER(key, value, known) separate(t, begin), put_number(t, value, known);
#define HEX(key, value, known) separate(t, begin), put_hex(t, value, known);
#define NAME(key, name) separate(t, begin), put_name(t, name);
#define QUOTED(key, name) separate(t, begin), put_quoted(t, name);
#define LIST(key, function, known) separate(t, begin), (known) ? function(t, r, "", ";") : (void)0;
#define PROSE(key, function, known) separate(t, begin), put_prose(t, r, function, known);
#define BYTES(key, bytes, n) separate(t, begin), text_hex_bytes(t, bytes, n);
#define WALK(key) separate(t, begin), put_walk(t, &r->walk);
#define JSON(key, function, known) separate(t, begin), put_json(t, r, function, known);
#include "frontend/fields.def"
    text_char(t, '\n');
}

/* ---- Shared by both ---- */

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
