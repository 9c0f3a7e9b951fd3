/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE /* memmem */
#include "frontend/summary.h"

#include <stdlib.h>
#include <string.h>

#define VEC_PF 14

void summary_init(struct summary *s)
{
    *s = (struct summary){.first_ns = UINT64_MAX, .first_icount = UINT64_MAX};
    s->schema.walk = -1;
}

/* ---- Columns ---- */

static void look_up(struct summary *s, const struct trace_schema *schema)
{
    s->schema = *schema;
    s->seq = trace_number_column(schema, "seq");
    s->icount = trace_number_column(schema, "icount");
    s->time = trace_number_column(schema, "time_ns");
    s->cpl = trace_number_column(schema, "cpl");
    s->vector = trace_number_column(schema, "vector");
    s->cr2 = trace_number_column(schema, "cr2");
    s->cr3 = trace_number_column(schema, "cr3");
    s->rip = trace_number_column(schema, "rip");
    s->error = trace_number_column(schema, "error");
    s->insns = trace_number_column(schema, "handler_instructions");
    s->cause = trace_text_column(schema, "cause");
    s->outcome = trace_text_column(schema, "outcome");
    s->then = trace_text_column(schema, "then");
    s->access = trace_text_column(schema, "access");
    s->insn = trace_text_column(schema, "insn");
    s->symbol = trace_text_column(schema, "symbol");
    s->writer = trace_text_column(schema, "writer");
    s->why = trace_text_column(schema, "why");
}

static bool is_text(const struct trace_row *row, int column, const char *text)
{
    size_t n = strlen(text);

    return trace_known(row, column) && row->cell[column].size == n && !memcmp(row->cell[column].text, text, n);
}

static void put_cell(struct text *t, const struct trace_row *row, int column)
{
    if (trace_known(row, column))
        text_bytes(t, row->cell[column].text, row->cell[column].size);
}

/* ---- Counting ---- */

static unsigned name_number(struct names *names, const struct trace_row *row, int column)
{
    char name[32];
    struct text t = TEXT_OVER(name);

    if (trace_known(row, column))
        put_cell(&t, row, column);
    else
        text_string(&t, "none");
    text_end(&t);
    for (unsigned i = 0; i < names->count; i++)
        if (!strcmp(names->name[i], name))
            return i;
    if (names->count == SUMMARY_NAMES)
        return SUMMARY_NAMES - 1;
    strcpy(names->name[names->count], names->count == SUMMARY_NAMES - 1 ? "others" : name);
    return names->count++;
}

static struct counter *slot_of(struct counter *table, u32 room, u64 key)
{
    u32 at = (u32)(key * 0x9e3779b97f4a7c15ull >> 32);

    while (table[at & (room - 1)].used && table[at & (room - 1)].key != key)
        at++;
    return &table[at & (room - 1)];
}

static bool grow(struct counters *c)
{
    u32 room = c->room ? c->room * 2 : 64;
    struct counter *table = calloc(room, sizeof(*table));

    if (!table)
        return false;
    for (u32 i = 0; i < c->room; i++)
        if (c->table[i].used)
            *slot_of(table, room, c->table[i].key) = c->table[i];
    free(c->table);
    c->table = table;
    c->room = room;
    return true;
}

static struct counter *count(struct summary *s, struct counters *c, u64 key, const struct trace_row *row)
{
    u64 ns = trace_number(row, s->time);
    struct counter *at;

    if (c->count * 2 >= c->room && !grow(c))
        return NULL;
    at = slot_of(c->table, c->room, key);
    if (!at->used) {
        *at = (struct counter){.used = true, .key = key, .first_ns = ns};
        c->count++;
    }
    at->faults++;
    at->user += trace_number(row, s->cpl) == 3;
    at->handled += trace_known(row, s->insns);
    at->instructions += trace_number(row, s->insns);
    at->last_ns = ns;
    return at;
}

static bool count_place(struct summary *s, const struct trace_row *row)
{
    struct counter *c = count(s, &s->places, trace_number(row, s->rip), row);
    struct text t;

    if (c && !c->label[0]) {
        t = TEXT_OVER(c->label);
        put_cell(&t, row, s->symbol);
        if (trace_known(row, s->symbol) && trace_known(row, s->insn))
            text_string(&t, ": ");
        put_cell(&t, row, s->insn);
        text_end(&t);
    }
    return c;
}

/* The text of a member of an object, or nothing: {"rip":"0x1234"}. */
static const char *member_text(const struct trace_cell *c, const char *quoted, u32 *size)
{
    const char *end = c->text + c->size, *at = memmem(c->text, c->size, quoted, strlen(quoted)), *close;

    if (!at)
        return NULL;
    at += strlen(quoted);
    close = memchr(at, '"', (size_t)(end - at));
    *size = close ? (u32)(close - at) : 0;
    return close ? at : NULL;
}

/* By the place in the code, or by what kind of writer it was; a word stands for itself. */
static bool count_writer(struct summary *s, const struct trace_row *row)
{
    u64 hash = 14695981039346656037ull;
    const struct trace_cell *cell = &row->cell[s->writer];
    const char *key;
    struct counter *c;
    struct text t;
    u32 size;

    if (!trace_known(row, s->writer))
        return true;
    if (!(key = member_text(cell, "\"symbol\":\"", &size)) && !(key = member_text(cell, "\"rip\":\"", &size)) &&
        !(key = member_text(cell, "\"by\":\"", &size))) {
        key = cell->text;
        size = cell->size;
    }
    for (u32 i = 0; i < size; i++)
        hash = (hash ^ (u8)key[i]) * 1099511628211ull;
    c = count(s, &s->writers, hash, row);
    if (c && !c->label[0]) {
        t = TEXT_OVER(c->label);
        text_bytes(&t, key, size);
        text_end(&t);
    }
    return c;
}

static bool note_cost(struct summary *s, const struct trace_row *row)
{
    if (!trace_known(row, s->insns))
        return true;
    if (s->costs == s->cost_room) {
        u64 room = s->cost_room ? s->cost_room * 2 : 1024, *at = realloc(s->cost, room * sizeof(*at));

        if (!at)
            return false;
        s->cost = at;
        s->cost_room = room;
    }
    s->cost[s->costs++] = trace_number(row, s->insns);
    return true;
}

static void tell(struct summary *s, const struct trace_row *row)
{
    struct text t;

    if (s->stories == SUMMARY_STORY)
        return;
    t = TEXT_OVER(s->story[s->stories++]);
    text_char(&t, '#');
    text_decimal(&t, trace_number(row, s->seq));
    text_string(&t, " at ");
    text_hex(&t, trace_number(row, s->rip));
    text_string(&t, ": ");
    put_cell(&t, row, s->why);
    text_end(&t);
}

bool summary_add(struct summary *s, const struct trace_schema *schema, const struct trace_row *row)
{
    u64 icount, ns;
    bool switched;

    if (schema->count != s->schema.count || memcmp(schema->column, s->schema.column, sizeof(schema->column[0])))
        look_up(s, schema);
    icount = trace_number(row, s->icount);
    ns = trace_number(row, s->time);
    s->records++;
    if (is_text(row, s->outcome, "triple-fault"))
        tell(s, row);
    if (trace_known(row, s->vector) && trace_number(row, s->vector) != VEC_PF)
        return true;
    s->faults++;
    s->user += trace_number(row, s->cpl) == 3;
    s->first_icount = icount < s->first_icount ? icount : s->first_icount;
    s->last_icount = icount > s->last_icount ? icount : s->last_icount;
    s->first_ns = ns < s->first_ns ? ns : s->first_ns;
    s->last_ns = ns > s->last_ns ? ns : s->last_ns;
    switched = is_text(row, s->outcome, "switched");
    s->count[name_number(&s->causes, row, s->cause)][name_number(&s->outcomes, row, switched ? s->then : s->outcome)]++;
    return count_place(s, row) && count_writer(s, row) && note_cost(s, row) &&
           count(s, &s->spaces, trace_number(row, s->cr3) & BITS(51, 12), row);
}

/* ---- In order ---- */

static int by_faults(const void *a, const void *b)
{
    const struct counter *x = a, *y = b;

    if (x->faults != y->faults)
        return x->faults < y->faults ? 1 : -1;
    return x->key < y->key ? -1 : x->key > y->key;
}

static int by_value(const void *a, const void *b)
{
    const u64 *x = a, *y = b;

    return *x < *y ? -1 : *x > *y;
}

static void settle(struct counters *c)
{
    u32 n = 0;

    for (u32 i = 0; i < c->room; i++)
        if (c->table[i].used)
            c->table[n++] = c->table[i];
    if (n)
        qsort(c->table, n, sizeof(c->table[0]), by_faults);
}

void summary_settle(struct summary *s)
{
    settle(&s->places);
    settle(&s->spaces);
    settle(&s->writers);
    if (s->costs)
        qsort(s->cost, s->costs, sizeof(s->cost[0]), by_value);
}

void summary_free(struct summary *s)
{
    free(s->places.table);
    free(s->spaces.table);
    free(s->writers.table);
    free(s->cost);
}
