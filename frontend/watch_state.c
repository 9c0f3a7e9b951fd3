/* SPDX-License-Identifier: MIT */
/*
 * What was seen of the guest so far, in its saved state: who wrote the entries of its tables, and which faults are
 * being handled. A run that watches saves it; one that goes on and watches, too, takes it up, and tells the rest as one
 * run would have told it.
 */
#include "cpu/cpu.h"
#include "frontend/twice.h"
#include "frontend/watch.h"

#define PART_MOST (1ull << 30) /* bytes */

/* A part that may be missing, and that nobody may want: a block of its own. */
static void part_save(struct state *s, const char *name, void (*part)(void *, struct state *), void *object)
{
    struct state_memory memory = {.bytes = NULL};
    struct state inner = {.stream = state_memory_writer(&memory)};

    if (object)
        part(object, &inner);
    if (inner.failed)
        state_fail(s, "%s", inner.why);
    state_block(s, name, &memory.bytes, &memory.size, PART_MOST);
    state_memory_free(&memory);
}

/* False if there is none. */
static bool part_load(struct state *s, const char *name, void (*part)(void *, struct state *), void *object)
{
    struct state_memory memory = {.bytes = NULL};
    struct state inner = {.failed = false};
    bool there;

    state_block(s, name, &memory.bytes, &memory.size, PART_MOST);
    there = !s->failed && memory.size;
    if (there && object) {
        inner.stream = state_memory_reader(&memory);
        part(object, &inner);
        if (inner.failed)
            state_fail(s, "%s", inner.why);
        else if (memory.at != memory.size)
            state_fail(s, "%s: goes on after its end", name);
    }
    state_memory_free(&memory);
    return there;
}

static void tables_part(void *tables, struct state *s) { tables_state(tables, s); }
static void recorder_part(void *recorder, struct state *s) { recorder_state(recorder, s); }

void watch_save(struct watch *w, struct state *s)
{
    state_section(s, "watch");
    part_save(s, "tables", tables_part, w->tables);
    part_save(s, "recorder", recorder_part, w->recorder);
}

void watch_forget(struct watch *w)
{
    if (!w->tables)
        return;
    cpu_tables_leave(machine_cpu(w->machine));
    tables_forget(w->tables);
}

/* Tables that are known to come, from here on: what was written before is known of those that were watched before. */
static void watch_pages(struct tables *t, const u64 *bitmap)
{
    for (u64 i = 0; i < TWICE_PAGES; i++)
        if (bitmap[i / 64] >> i % 64 & 1 && !tables_watched(t, i << 12))
            tables_used(t, i << 12, 8, 0);
}

void watch_load(struct watch *w, struct state *s, bool goes_on)
{
    struct cpu_stats before;

    state_section(s, "watch");
    part_load(s, "tables", tables_part, w->tables);
    if (w->tables && w->options->who_pages && !w->options->who_lists)
        watch_pages(w->tables, w->options->who_pages);
    cpu_tables_enter(machine_cpu(w->machine));
    cpu_get_stats(machine_cpu(w->machine), &before);
    if (!part_load(s, "recorder", recorder_part, goes_on ? w->recorder : NULL) && w->recorder && goes_on)
        recorder_number_from(w->recorder, before.page_faults);
    else if (w->recorder && !goes_on)
        recorder_give_up(w->recorder);
}
