/* SPDX-License-Identifier: MIT */
#include "frontend/trail.h"

#include <stdlib.h>
#include <string.h>

#define ATTR_DB BIT(14)

struct trail *trail_create(unsigned room)
{
    struct trail *t = calloc(1, sizeof(*t));

    if (!t)
        return NULL;
    t->room = room;
    t->entry = calloc(room, sizeof(*t->entry));
    if (t->entry)
        return t;
    free(t);
    return NULL;
}

void trail_destroy(struct trail *t)
{
    if (!t)
        return;
    free(t->entry);
    free(t);
}

void trail_follow(struct trail *t, struct cpu *cpu)
{
    (void)t;
    cpu_tune(cpu, (struct cpu_tuning){.all_step = true});
}

void trail_forget(struct trail *t) { t->count = 0; }

const struct trail_entry *trail_last(const struct trail *t, u64 n)
{
    return n && n <= t->count && n <= t->room ? &t->entry[(t->count - n) % t->room] : NULL;
}

static struct trail_entry place_of(struct cpu *cpu)
{
    struct trail_entry e = {.icount = cpu_icount(cpu), .mode = (u8)cpu_mode(cpu), .cpl = (u8)cpu_cpl(cpu), .times = 1};
    struct cpu_state s;

    cpu_get_state(cpu, &s);
    e.rip = s.rip;
    e.cs = s.seg[SEG_CS].selector;
    e.bits = e.mode == MODE_LONG64 ? 64 : s.seg[SEG_CS].attributes & ATTR_DB ? 32 : 16;
    e.pc = e.bits == 64 ? s.rip : (u32)(s.seg[SEG_CS].base + s.rip);
    return e;
}

static void add(struct trail *t, const struct trail_entry *e) { t->entry[t->count++ % t->room] = *e; }

/* The same instruction in the same place; bytes count, since code may change itself. */
static bool is_again(const struct trail_entry *a, const struct trail_entry *b)
{
    return a->size == b->size && a->rip == b->rip && a->pc == b->pc && a->mode == b->mode && a->cpl == b->cpl &&
           a->cs == b->cs && a->bits == b->bits && !memcmp(a->bytes, b->bytes, a->size);
}

void trail_decoded(struct trail *t, struct cpu *cpu, const u8 *bytes, unsigned size)
{
    struct trail_entry e = place_of(cpu);
    struct trail_entry *last = t->count ? &t->entry[(t->count - 1) % t->room] : NULL;

    e.size = (u8)(size < sizeof(e.bytes) ? size : sizeof(e.bytes));
    memcpy(e.bytes, bytes, e.size);
    if (last && is_again(last, &e))
        last->times++;
    else
        add(t, &e);
}

void trail_event(struct trail *t, struct cpu *cpu, const struct cpu_event *ev)
{
    struct trail_entry e = place_of(cpu);

    e.event = *ev;
    add(t, &e);
}
