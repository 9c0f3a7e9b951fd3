/* SPDX-License-Identifier: MIT */
/* The .csv trace (RFC 4180 but for the line ends): the same keys as columns, null is empty, lists are joined by ";". */
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

static void put_writer(struct text *t, const struct record *r)
{
    const struct table_change *c = &r->writer;
    bool known = r->past == PAST_KNOWN, inside = known && c->write.by != WRITER_OUTSIDE;

    text_char(t, ',');
    put_name(t, known                     ? table_writer_name((enum table_writer)c->write.by)
                : r->past == PAST_UNKNOWN ? "unknown"
                : r->past == PAST_NEVER   ? "never"
                                          : NULL);
    text_char(t, ',');
    put_hex(t, c->write.rip, inside);
    text_char(t, ',');
    put_number(t, c->write.icount, known);
    text_char(t, ',');
    put_hex(t, c->write.la, known && c->write.la != TABLES_NO_ADDRESS);
    text_char(t, ',');
    put_hex(t, c->was, known);
    text_char(t, ',');
    put_hex(t, c->is, known);
    text_char(t, ',');
    put_number(t, r->writes, known);
}

/* at:old:new:rip;... */
static void put_changes(struct text *t, const struct record *r)
{
    for (unsigned i = 0; i < r->changes; i++) {
        const struct table_change *c = &r->change[i];

        if (i)
            text_char(t, ';');
        text_hex(t, c->at);
        text_char(t, ':');
        text_hex(t, c->was);
        text_char(t, ':');
        text_hex(t, c->is);
        text_char(t, ':');
        put_hex(t, c->write.rip, c->write.by != WRITER_OUTSIDE);
    }
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
#define WRITER(key)  \
    COLUMN(key##_by) \
    COLUMN(key##_rip) COLUMN(key##_icount) COLUMN(key##_la) COLUMN(key##_old) COLUMN(key##_new) COLUMN(key##_count)
#define CHANGES(key) COLUMN(key)
#include "frontend/fields.def"
#undef NUMBER
#undef HEX
#undef NAME
#undef QUOTED
#undef LIST
#undef PROSE
#undef BYTES
#undef WALK
#undef WRITER
#undef CHANGES
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
#define WRITER(key) put_writer(t, r);
#define CHANGES(key) separate(t, begin), put_changes(t, r);
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
