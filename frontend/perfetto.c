/* SPDX-License-Identifier: MIT */
/*
 * The .json trace: events of the Chrome trace format, which Perfetto and chrome://tracing draw. A fault is a slice from
 * its instruction to the one with which its context went on; an address space is a process, a privilege level in it a
 * thread. Slices of a thread must nest there: faults that overlap otherwise, since their program has several threads,
 * go to further threads, the lanes.
 */
#include <stdlib.h>

#include "frontend/trace_write.h"

#define LANES 8u  /* of a privilege level; the last takes what overlaps further */
#define NESTED 8u /* slices within each other */
#define LEVELS 4u /* CPL 0 to 3 */

struct lane {
    u64 end[NESTED]; /* of the slices begun, outermost first */
    unsigned open;
    bool named;
};

struct space {
    u64 cr3;
    bool used;
    u32 process;
    struct lane lane[LEVELS][LANES];
};

struct perfetto {
    struct trace_schema schema;
    struct space *space; /* a hash table */
    u32 spaces, room;    /* room: a power of two */
    bool any;            /* an event was written */
    int cr3, cpl, time, insns, cause, access, vector;
};

#define TEXT(literal) text_bytes(t, literal, sizeof(literal) - 1)

struct perfetto *perfetto_create(const struct trace_schema *schema)
{
    struct perfetto *p = calloc(1, sizeof(*p));

    if (!p)
        return NULL;
    p->schema = *schema;
    p->cr3 = trace_number_column(schema, "cr3");
    p->cpl = trace_number_column(schema, "cpl");
    p->time = trace_number_column(schema, "time_ns");
    p->insns = trace_number_column(schema, "handler_instructions");
    p->vector = trace_number_column(schema, "vector");
    p->cause = trace_text_column(schema, "cause");
    p->access = trace_text_column(schema, "access");
    return p;
}

void perfetto_destroy(struct perfetto *p)
{
    if (!p)
        return;
    free(p->space);
    free(p);
}

/* ---- Address spaces ---- */

static struct space *slot_of(struct space *table, u32 room, u64 cr3)
{
    u32 at = (u32)(cr3 * 0x9e3779b97f4a7c15ull >> 32);

    while (table[at & (room - 1)].used && table[at & (room - 1)].cr3 != cr3)
        at++;
    return &table[at & (room - 1)];
}

static bool grow(struct perfetto *p)
{
    u32 room = p->room ? p->room * 2 : 16;
    struct space *table = calloc(room, sizeof(*table));

    if (!table)
        return false;
    for (u32 i = 0; i < p->room; i++)
        if (p->space[i].used)
            *slot_of(table, room, p->space[i].cr3) = p->space[i];
    free(p->space);
    p->space = table;
    p->room = room;
    return true;
}

static void put_separator(struct perfetto *p, struct text *t)
{
    text_string(t, p->any ? ",\n" : "\n");
    p->any = true;
}

/* The address space of a CR3, with an event that names it when it is new. NULL without memory. */
static struct space *space_of(struct perfetto *p, struct text *t, u64 cr3)
{
    struct space *s;

    if (p->spaces * 2 >= p->room && !grow(p))
        return NULL;
    s = slot_of(p->space, p->room, cr3);
    if (s->used)
        return s;
    s->used = true;
    s->cr3 = cr3;
    s->process = ++p->spaces;
    put_separator(p, t);
    TEXT("{\"name\":\"process_name\",\"ph\":\"M\",\"pid\":");
    text_decimal(t, s->process);
    TEXT(",\"args\":{\"name\":\"CR3 ");
    text_hex(t, cr3);
    TEXT("\"}}");
    return s;
}

/* ---- Lanes ---- */

/* Does [begin, end] lie behind, or within, what the lane has? Then it is put there. */
static bool lane_takes(struct lane *l, u64 begin, u64 end)
{
    while (l->open && l->end[l->open - 1] <= begin)
        l->open--;
    if (l->open == NESTED || (l->open && l->end[l->open - 1] < end))
        return false;
    l->end[l->open++] = end;
    return true;
}

static unsigned choose_lane(struct space *s, unsigned cpl, u64 begin, u64 end)
{
    unsigned lane = 0;

    while (lane + 1 < LANES && !lane_takes(&s->lane[cpl][lane], begin, end))
        lane++;
    return lane;
}

static void name_lane(struct perfetto *p, struct text *t, struct space *s, unsigned cpl, unsigned lane)
{
    if (s->lane[cpl][lane].named)
        return;
    s->lane[cpl][lane].named = true;
    put_separator(p, t);
    TEXT("{\"name\":\"thread_name\",\"ph\":\"M\",\"pid\":");
    text_decimal(t, s->process);
    TEXT(",\"tid\":");
    text_decimal(t, cpl * 10 + lane);
    TEXT(",\"args\":{\"name\":\"CPL ");
    text_decimal(t, cpl);
    if (lane) {
        TEXT(" (");
        text_decimal(t, lane + 1);
        TEXT(")");
    }
    TEXT("\"}}");
}

/* ---- Faults ---- */

/* Microseconds, as the format has them, to the nanosecond. */
static void put_time(struct text *t, u64 ns)
{
    char digits[3] = {(char)('0' + ns / 100 % 10), (char)('0' + ns / 10 % 10), (char)('0' + ns % 10)};

    text_decimal(t, ns / 1000);
    text_char(t, '.');
    text_bytes(t, digits, 3);
}

/* A word of ours, or of a file that calls it one. */
static void put_word(struct text *t, const struct trace_row *row, int column)
{
    const struct trace_cell *c = column >= 0 ? &row->cell[column] : NULL;

    for (u32 i = 0; c && c->known && i < c->size && i < 64; i++)
        text_char(t, c->text[i] == '"' || c->text[i] == '\\' ? '?' : c->text[i]);
}

static void put_name(struct perfetto *p, struct text *t, const struct trace_row *row)
{
    if (p->vector >= 0 && trace_number(row, p->vector) != 14) {
        TEXT("vector ");
        text_decimal(t, trace_number(row, p->vector));
        return;
    }
    put_word(t, row, p->cause);
    text_char(t, ' ');
    put_word(t, row, p->access);
}

bool perfetto_row(struct perfetto *p, struct text *t, const struct trace_row *row)
{
    u64 begin = trace_number(row, p->time), length = trace_number(row, p->insns);
    unsigned cpl = trace_number(row, p->cpl) & 3, lane;
    bool handled = trace_known(row, p->insns);
    struct space *s = space_of(p, t, trace_number(row, p->cr3) & BITS(51, 12));

    if (!s)
        return false;
    lane = handled ? choose_lane(s, cpl, begin, begin + length) : 0;
    name_lane(p, t, s, cpl, lane);
    put_separator(p, t);
    TEXT("{\"name\":\"");
    put_name(p, t, row);
    TEXT("\",\"cat\":\"fault\",\"ph\":\"");
    text_string(t, handled ? "X\",\"dur\":" : "i\",\"s\":\"t\"");
    if (handled)
        put_time(t, length);
    TEXT(",\"ts\":");
    put_time(t, begin);
    TEXT(",\"pid\":");
    text_decimal(t, s->process);
    TEXT(",\"tid\":");
    text_decimal(t, cpl * 10 + lane);
    TEXT(",\"args\":");
    json_row(t, &p->schema, row);
    t->at--; /* its newline */
    text_char(t, '}');
    return true;
}
