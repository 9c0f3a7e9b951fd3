/* SPDX-License-Identifier: MIT */
/* Events and their moments. The file's format: events_file.c. */
#include "frontend/events.h"

#include <stdlib.h>
#include <string.h>

#include "frontend/events_file.h"
#include "frontend/keys.h"

#define STALLED_MAX 100u   /* polls */
#define PASTE_NS 20000000u /* of guest time, a stroke of pasted text */

/* ---- Striking ---- */

/* A user's change that cannot be is no event; one that was recorded must be again. */
static bool change_medium(struct events *e, struct input_event *ev)
{
    char why[200] = "there is no drive";
    bool done = e->media && e->media(e->media_ctx, ev, why, sizeof(why));

    if (done)
        snprintf(e->said, sizeof(e->said), "%s: %s", ev->drive, ev->path ? ev->path : "empty");
    else
        snprintf(e->said, sizeof(e->said), "%s", why);
    e->says++;
    if (done)
        return true;
    fprintf(stderr, "faultline: %s%s%s\n", e->replaying ? e->name : "", e->replaying ? ": " : "", why);
    if (e->replaying) {
        e->failed = true;
        machine_end_run(e->machine);
    }
    return false;
}

/* False if nothing came of it. */
static bool strike(struct events *e, struct input_event *ev)
{
    struct machine *m = e->machine;

    switch (ev->kind) {
    case EVENT_KEY: ps2_keyboard_key(machine_keyboard(m), ev->key, ev->down); break;
    case EVENT_MOUSE: ps2_mouse_move(machine_mouse(m), ev->dx, ev->dy, ev->wheel, ev->buttons); break;
    case EVENT_SERIAL:
        if (e->serial)
            e->serial(e->serial_ctx, ev->byte);
        break;
    case EVENT_RESET: machine_ask_reset(m); break;
    case EVENT_POWER: acpi_pm_press_button(machine_pm(m)); break;
    case EVENT_MEDIA: return change_medium(e, ev);
    case EVENT_END: machine_end_run(m); break;
    }
    return true;
}

static void diverged(struct events *e, const struct input_event *ev)
{
    fprintf(stderr, "faultline: %s: the replay went another way: %llu instructions where %llu were recorded\n", e->name,
            (unsigned long long)cpu_icount(machine_cpu(e->machine)), (unsigned long long)ev->icount);
    e->failed = true;
    machine_end_run(e->machine);
}

/*
 * An event strikes one nanosecond after a timer of ours that armed the moment: a replay arms it at the same time, so
 * that it comes in the same order among the devices' timers.
 */
static void schedule(struct events *e)
{
    struct clock *clock = machine_clock(e->machine);
    u64 now = clock_now(clock), at;

    if (e->next == e->length)
        return;
    at = e->script[e->next].ns;
    if (at > now + 1)
        clock_arm(clock, &e->prepare, at - 1);
    else
        clock_arm(clock, &e->apply, at);
}

static void prepare_due(void *ctx, u64 now)
{
    struct events *e = ctx;

    (void)now;
    clock_arm(machine_clock(e->machine), &e->apply, e->script[e->next].ns);
}

static void replay_due(struct events *e, u64 now)
{
    u64 icount = cpu_icount(machine_cpu(e->machine));

    while (e->next < e->length && e->script[e->next].ns <= now && !e->failed) {
        struct input_event *ev = &e->script[e->next++];

        if (ev->icount != icount || ev->ns != now)
            diverged(e, ev);
        else
            strike(e, ev);
    }
    if (!e->failed)
        schedule(e);
}

/* Nobody types faster than a keyboard speaks, or clicks faster than a mouse looks: such an event waits for room, unless
 * the guest does not read at all. */
static bool must_wait(struct events *e, const struct input_event *ev)
{
    bool room = true;

    if (ev->kind == EVENT_KEY)
        room = ps2_keyboard_has_room(machine_keyboard(e->machine));
    else if (ev->kind == EVENT_MOUSE)
        room = ps2_mouse_has_reported(machine_mouse(e->machine));
    if (!room && e->stalled <= STALLED_MAX)
        return true;
    e->stalled = 0;
    return false;
}

static void apply_due(void *ctx, u64 now)
{
    struct events *e = ctx;
    u64 icount = cpu_icount(machine_cpu(e->machine));

    if (e->replaying) {
        replay_due(e, now);
        return;
    }
    while (e->count) {
        struct input_event *ev = &e->pending[e->first];

        if (must_wait(e, ev))
            return;
        ev->icount = icount;
        ev->ns = now;
        if (strike(e, ev) && e->record)
            events_write(e, ev);
        free(ev->path);
        ev->path = NULL;
        e->first = (e->first + 1) % EVENTS_PENDING;
        e->count--;
    }
}

/* ---- Coming in ---- */

static void put(struct events *e, const struct input_event *ev)
{
    if (e->replaying || e->count == EVENTS_PENDING)
        return;
    e->pending[(e->first + e->count++) % EVENTS_PENDING] = *ev;
}

void events_key(struct events *e, unsigned key, bool down)
{
    put(e, &(struct input_event){.kind = EVENT_KEY, .key = (u8)key, .down = down});
}

/* Motion is added up between two polls. */
void events_mouse(struct events *e, int dx, int dy, int wheel, unsigned buttons)
{
    struct input_event *last = &e->pending[(e->first + e->count + EVENTS_PENDING - 1) % EVENTS_PENDING];

    if (e->count && last->kind == EVENT_MOUSE && last->buttons == buttons) {
        last->dx += dx;
        last->dy += dy;
        last->wheel += wheel;
        return;
    }
    put(e, &(struct input_event){.kind = EVENT_MOUSE, .dx = dx, .dy = dy, .wheel = wheel, .buttons = (u8)buttons});
}

void events_serial(struct events *e, int byte) { put(e, &(struct input_event){.kind = EVENT_SERIAL, .byte = byte}); }

void events_power(struct events *e) { put(e, &(struct input_event){.kind = EVENT_POWER}); }

void events_reset(struct events *e) { put(e, &(struct input_event){.kind = EVENT_RESET}); }

void events_media(struct events *e, const char *drive, const char *path)
{
    struct input_event ev = {.kind = EVENT_MEDIA};

    if (e->replaying || e->count == EVENTS_PENDING || (path && !(ev.path = strdup(path))))
        return;
    snprintf(ev.drive, sizeof(ev.drive), "%s", drive);
    put(e, &ev);
}

void events_stroke(struct events *e, int key_with)
{
    if (key_with < 0)
        return;
    if (key_with & KEYS_WITH_CTRL)
        events_key(e, KEYS_CTRL, true);
    if (key_with & KEYS_WITH_SHIFT)
        events_key(e, KEYS_SHIFT, true);
    events_key(e, (u8)key_with, true);
    events_key(e, (u8)key_with, false);
    if (key_with & KEYS_WITH_SHIFT)
        events_key(e, KEYS_SHIFT, false);
    if (key_with & KEYS_WITH_CTRL)
        events_key(e, KEYS_CTRL, false);
}

void events_type(struct events *e, const char *text)
{
    free(e->paste);
    e->paste = e->replaying ? NULL : strdup(text);
    e->pasted = 0;
}

static void paste_some(struct events *e, u64 now)
{
    if (!e->paste || now < e->paste_at)
        return;
    e->paste_at = now + PASTE_NS;
    if (e->paste[e->pasted]) {
        events_stroke(e, keys_for_character((u8)e->paste[e->pasted++]));
        return;
    }
    free(e->paste);
    e->paste = NULL;
}

bool events_are_waiting(const struct events *e) { return e->count > 0; }

void events_poll(struct events *e, u64 now)
{
    paste_some(e, now);
    e->stalled += e->count > 0;
    if (e->count && e->apply.at == CLOCK_NEVER)
        clock_arm(machine_clock(e->machine), &e->apply, now + 1);
}

/* ---- Life ---- */

void events_init(struct events *e)
{
    memset(e, 0, sizeof(*e));
    e->prepare = timer_make(prepare_due, e);
    e->apply = timer_make(apply_due, e);
}

void events_attach(struct events *e, struct machine *m)
{
    e->machine = m;
    if (e->replaying)
        schedule(e);
}

bool events_skip(struct events *e, u64 struck)
{
    u64 now = clock_now(machine_clock(e->machine));

    if (struck > e->length || (struck && e->script[struck - 1].ns > now) ||
        (struck < e->length && e->script[struck].ns < now))
        return false;
    clock_disarm(machine_clock(e->machine), &e->prepare);
    clock_disarm(machine_clock(e->machine), &e->apply);
    e->next = struck;
    schedule(e);
    return true;
}

bool events_finish(struct events *e, u64 icount, u64 ns)
{
    if (e->machine) {
        clock_disarm(machine_clock(e->machine), &e->prepare);
        clock_disarm(machine_clock(e->machine), &e->apply);
    }
    if (e->record)
        events_write_end(e, icount, ns);
    e->machine = NULL;
    return !e->failed;
}

void events_free(struct events *e)
{
    for (size_t i = 0; i < e->length; i++)
        free(e->script[i].path);
    for (; e->count; e->count--, e->first = (e->first + 1) % EVENTS_PENDING)
        free(e->pending[e->first].path);
    free(e->script);
    free(e->paste);
    e->script = NULL;
    e->paste = NULL;
    e->length = 0;
}
