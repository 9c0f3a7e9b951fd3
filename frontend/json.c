/* SPDX-License-Identifier: MIT */
/* The .jsonl trace: one JSON object a line. No string in a record ever needs an escape: all are our own words. */
#include "frontend/who.h"
#include "frontend/writers.h"

#define TEXT(literal) text_bytes(t, literal, sizeof(literal) - 1)

static void put_key(struct text *t, const char *key, size_t size) { text_bytes(t, key, size); }

static void put_number(struct text *t, u64 value, bool known)
{
    if (known)
        text_decimal(t, value);
    else
        TEXT("null");
}

static void put_hex(struct text *t, u64 value, bool known)
{
    if (!known) {
        TEXT("null");
        return;
    }
    text_char(t, '"');
    text_hex(t, value);
    text_char(t, '"');
}

static void put_name(struct text *t, const char *name)
{
    if (!name) {
        TEXT("null");
        return;
    }
    text_char(t, '"');
    text_string(t, name);
    text_char(t, '"');
}

static void put_bytes(struct text *t, const u8 *bytes, unsigned n)
{
    text_char(t, '"');
    text_hex_bytes(t, bytes, n);
    text_char(t, '"');
}

static void put_list(struct text *t, const struct record *r,
                     void (*list)(struct text *, const struct record *, const char *, const char *), bool known)
{
    text_char(t, '[');
    if (known)
        list(t, r, "\"", ",");
    text_char(t, ']');
}

static void put_prose(struct text *t, const struct record *r, void (*prose)(struct text *, const struct record *),
                      bool known)
{
    if (!known) {
        TEXT("null");
        return;
    }
    text_char(t, '"');
    prose(t, r);
    text_char(t, '"');
}

static void put_walk(struct text *t, const struct walk *w)
{
    text_char(t, '[');
    for (unsigned i = 0; i < w->steps && i < WALK_MAX_STEPS; i++) {
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

static void put_json(struct text *t, const struct record *r, void (*json)(struct text *, const struct record *),
                     bool known)
{
    if (known)
        json(t, r);
    else
        TEXT("null");
}

#define KEY(key) put_key(t, &",\"" #key "\":"[r_first], sizeof(",\"" #key "\":") - 1 - r_first), r_first = 0

void json_record(struct text *t, const struct record *r, const struct disasm_line *line)
{
    bool pf = r->vector == 14;
    size_t r_first = 1; /* no comma before the first key */

    text_char(t, '{');
#define NUMBER(key, value, known) KEY(key), put_number(t, value, known);
#define HEX(key, value, known) KEY(key), put_hex(t, value, known);
#define NAME(key, name) KEY(key), put_name(t, name);
#define QUOTED(key, name) KEY(key), put_name(t, name);
#define LIST(key, function, known) KEY(key), put_list(t, r, function, known);
#define PROSE(key, function, known) KEY(key), put_prose(t, r, function, known);
#define BYTES(key, bytes, n) KEY(key), put_bytes(t, bytes, n);
#define WALK(key) KEY(key), put_walk(t, &r->walk);
#define JSON(key, function, known) KEY(key), put_json(t, r, function, known);
#include "frontend/fields.def"
    TEXT("}\n");
}
