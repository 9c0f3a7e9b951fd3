/* SPDX-License-Identifier: MIT */
/* A line of a .jsonl trace. Keys are expected in the order in which we write them, and found in any. */
#include "frontend/trace_read.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define DEPTH_MAX 64 /* of values in values */

struct parser {
    struct trace_schema *schema;
    struct trace_row *row;
    char *at, *end;
    char *why;
    size_t size;
};

static bool refuse(struct parser *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
static bool refuse(struct parser *p, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(p->why, p->size, format, args);
    va_end(args);
    return false;
}

static bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r'; }

static void skip_space(struct parser *p)
{
    while (p->at < p->end && is_space(*p->at))
        p->at++;
}

static bool take(struct parser *p, char c)
{
    skip_space(p);
    if (p->at == p->end || *p->at != c)
        return false;
    p->at++;
    return true;
}

static bool take_word(struct parser *p, const char *word)
{
    size_t n = strlen(word);

    skip_space(p);
    if ((size_t)(p->end - p->at) < n || memcmp(p->at, word, n))
        return false;
    p->at += n;
    return true;
}

/* ---- Strings ---- */

static bool hex4(const char *s, const char *end, u32 *value)
{
    u64 v;

    if (end - s < 4 || !trace_hex(s, 4, &v))
        return false;
    *value = (u32)v;
    return true;
}

static char *put_utf8(char *to, u32 c)
{
    if (c < 0x80) {
        *to++ = (char)c;
        return to;
    }
    if (c < 0x800) {
        *to++ = (char)(0xc0 | c >> 6);
    } else {
        if (c < 0x10000) {
            *to++ = (char)(0xe0 | c >> 12);
        } else {
            *to++ = (char)(0xf0 | c >> 18);
            *to++ = (char)(0x80 | (c >> 12 & 63));
        }
        *to++ = (char)(0x80 | (c >> 6 & 63));
    }
    *to++ = (char)(0x80 | (c & 63));
    return to;
}

/* After the backslash. What is a control character becomes '?', as everywhere in a trace. */
static char *take_escape(struct parser *p, char *to)
{
    static const char plain[] = "\"\\/";
    u32 c, low;
    char e = p->at < p->end ? *p->at++ : 0;

    if (e && strchr(plain, e)) {
        *to++ = e;
    } else if (e && strchr("bfnrt", e)) {
        *to++ = '?';
    } else if (e == 'u' && hex4(p->at, p->end, &c)) {
        p->at += 4;
        if (c >> 10 == 0xd800 >> 10 && p->end - p->at >= 6 && p->at[0] == '\\' && p->at[1] == 'u' &&
            hex4(p->at + 2, p->end, &low) && low >> 10 == 0xdc00 >> 10) {
            p->at += 6;
            c = 0x10000 + ((c & 0x3ff) << 10 | (low & 0x3ff));
        }
        to = put_utf8(to, c < 0x20 || c >> 11 == 0xd800 >> 11 ? '?' : c);
    } else {
        return NULL;
    }
    return to;
}

/* A string, unescaped in place. */
static bool take_string(struct parser *p, char **text, u32 *size)
{
    char *to;

    if (!take(p, '"'))
        return false;
    *text = to = p->at;
    while (p->at < p->end && *p->at != '"') {
        char c = *p->at++;

        if (c == '\\') {
            if (!(to = take_escape(p, to)))
                return false;
            continue;
        }
        *to++ = (unsigned char)c < 0x20 ? '?' : c;
    }
    *size = (u32)(to - *text);
    return take(p, '"');
}

/* ---- Any value ---- */

static const char *skip_spaces(const char *s, const char *end)
{
    while (s < end && is_space(*s))
        s++;
    return s;
}

static const char *skip_string(const char *s, const char *end)
{
    for (s++; s < end && *s != '"'; s++)
        if ((unsigned char)*s < 0x20 || (*s == '\\' && ++s == end))
            return NULL;
    return s < end ? s + 1 : NULL;
}

static const char *skip_number(const char *s, const char *end)
{
    const char *digits = s += s < end && *s == '-';

    while (s < end && *s >= '0' && *s <= '9')
        s++;
    if (s == digits)
        return NULL;
    while (s < end && *s && strchr("0123456789.eE+-", *s))
        s++;
    return s;
}

static const char *skip_value(const char *s, const char *end, int depth);

/* [..] or {..} */
static const char *skip_group(const char *s, const char *end, int depth)
{
    bool object = *s == '{';
    char close = object ? '}' : ']';

    s = skip_spaces(s + 1, end);
    if (s < end && *s == close)
        return s + 1;
    while (s && s < end) {
        if (object) {
            s = *s == '"' ? skip_string(s, end) : NULL;
            s = s ? skip_spaces(s, end) : NULL;
            if (!s || s == end || *s++ != ':')
                return NULL;
        }
        s = skip_value(s, end, depth + 1);
        s = s ? skip_spaces(s, end) : NULL;
        if (!s || s == end)
            return NULL;
        if (*s == close)
            return s + 1;
        if (*s != ',')
            return NULL;
        s = skip_spaces(s + 1, end);
    }
    return NULL;
}

static const char *skip_value(const char *s, const char *end, int depth)
{
    static const char *const words[] = {"null", "true", "false"};

    s = skip_spaces(s, end);
    if (s == end || depth > DEPTH_MAX)
        return NULL;
    if (*s == '"')
        return skip_string(s, end);
    if (*s == '{' || *s == '[')
        return skip_group(s, end, depth);
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        size_t n = strlen(words[i]);

        if ((size_t)(end - s) >= n && !memcmp(s, words[i], n))
            return s + n;
    }
    return skip_number(s, end);
}

const char *json_skip(const char *text, const char *end) { return skip_value(text, end, 0); }

/* ---- Cells ---- */

static bool take_number(struct parser *p, u64 *value)
{
    const char *digits;

    skip_space(p);
    digits = p->at;
    while (p->at < p->end && *p->at >= '0' && *p->at <= '9')
        p->at++;
    return trace_decimal(digits, (size_t)(p->at - digits), value);
}

static bool take_hex(struct parser *p, u64 *value)
{
    char *text;
    u32 size;

    skip_space(p);
    if (p->at < p->end && *p->at != '"')
        return take_number(p, value);
    return take_string(p, &text, &size) && size > 2 && text[0] == '0' && text[1] == 'x' &&
           trace_hex(text + 2, size - 2, value);
}

/* Joined in place: the quotes and commas leave room. */
static bool take_list(struct parser *p, struct trace_cell *c)
{
    char *to = p->at, *text;
    u32 size;

    if (!take(p, '['))
        return false;
    c->text = to;
    if (take(p, ']')) {
        c->size = 0;
        return true;
    }
    do {
        if (!take_string(p, &text, &size) || memchr(text, ';', size))
            return false;
        if (to != c->text)
            *to++ = ';';
        memmove(to, text, size);
        to += size;
    } while (take(p, ','));
    c->size = (u32)(to - c->text);
    return take(p, ']');
}

static bool take_step(struct parser *p, struct walk_step *s)
{
    u64 level = 0;
    bool ok = take(p, '{') && take_word(p, "\"level\"") && take(p, ':') && take_number(p, &level) && level < 256;

    s->level = (u8)level;
    return ok && take(p, ',') && take_word(p, "\"at\"") && take(p, ':') && take_hex(p, &s->at) && take(p, ',') &&
           take_word(p, "\"entry\"") && take(p, ':') && take_hex(p, &s->entry) && take(p, '}');
}

static bool take_walk(struct parser *p, struct trace_walk *w)
{
    w->steps = 0;
    if (!take(p, '['))
        return false;
    if (take(p, ']'))
        return true;
    do {
        if (w->steps == WALK_MAX_STEPS || !take_step(p, &w->step[w->steps]))
            return false;
        w->steps++;
    } while (take(p, ','));
    return take(p, ']');
}

/* Tabs between its parts become spaces. */
static bool take_json(struct parser *p, struct trace_cell *c)
{
    const char *end;

    skip_space(p);
    end = json_skip(p->at, p->end);
    if (!end)
        return false;
    c->text = p->at;
    c->size = (u32)(end - p->at);
    for (; p->at < end; p->at++)
        if ((unsigned char)*p->at < 0x20)
            *p->at = ' ';
    return true;
}

static bool take_text(struct parser *p, struct trace_cell *c)
{
    char *text;
    bool ok = take_string(p, &text, &c->size);

    c->text = text;
    return ok;
}

static bool take_cell(struct parser *p, unsigned i)
{
    const struct trace_column *column = &p->schema->column[i];
    struct trace_cell *c = &p->row->cell[i];
    const char *fault;
    bool ok;

    skip_space(p);
    if (p->at < p->end && *p->at == 'n' && take_word(p, "null"))
        return true; /* as trace_row_clear() left it */
    c->known = true;
    switch (column->type) {
    case COLUMN_NUMBER: ok = take_number(p, &c->number); break;
    case COLUMN_HEX: ok = take_hex(p, &c->number); break;
    case COLUMN_LIST: ok = take_list(p, c); break;
    case COLUMN_WALK: ok = take_walk(p, &p->row->walk); break;
    case COLUMN_JSON: ok = take_json(p, c); break;
    default: ok = take_text(p, c);
    }
    if (!ok)
        return refuse(p, "the value of %s is not as it should be", column->name);
    fault = column_is_number(column->type) || column->type == COLUMN_WALK ? NULL : trace_cell_fault(column->type, c);
    return !fault || refuse(p, "%s: %s", column->name, fault);
}

/* ---- A line ---- */

/* The column whose key comes, probably `expected`; -1 with the reason. */
static int take_key(struct parser *p, unsigned expected)
{
    const struct trace_schema *schema = p->schema;
    char *name;
    u32 size;
    int found;

    if (expected < schema->count) {
        const struct trace_column *c = &schema->column[expected];

        if (p->end - p->at >= c->key_size && !memcmp(p->at, c->key + 1, c->key_size - 1u)) {
            p->at += c->key_size - 1;
            return (int)expected;
        }
    }
    if (!take_string(p, &name, &size) || !take(p, ':')) {
        refuse(p, "not a key and a colon");
        return -1;
    }
    found = trace_schema_find(schema, name, size);
    if (found >= 0)
        return found;
    if (!trace_schema_add(p->schema, name, size, COLUMN_JSON)) {
        refuse(p, "a key too many, or too long");
        return -1;
    }
    p->row->cell[schema->count - 1] = (struct trace_cell){.known = false};
    return (int)schema->count - 1;
}

bool json_read_row(struct trace_schema *schema, struct trace_row *row, char *text, char *end, char *why, size_t size)
{
    struct parser p = {.schema = schema, .row = row, .at = text, .end = end, .why = why, .size = size};
    unsigned expected = 0;

    trace_row_clear(schema, row);
    if (!take(&p, '{'))
        return refuse(&p, "not a JSON object");
    if (!take(&p, '}')) {
        do {
            int column = take_key(&p, expected);

            if (column < 0 || !take_cell(&p, (unsigned)column))
                return false;
            expected = (unsigned)column + 1;
        } while (take(&p, ','));
        if (!take(&p, '}'))
            return refuse(&p, "no comma or closing brace after %s", schema->column[expected - 1].name);
    }
    skip_space(&p);
    return p.at == p.end || refuse(&p, "something follows the JSON object");
}
