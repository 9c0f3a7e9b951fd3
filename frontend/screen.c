/* SPDX-License-Identifier: MIT */
#include "frontend/screen.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "frontend/screenshot.h"

/* What must be the same for a replay: numbers, texts, and of files their names, sizes and times. */
static u64 hash_text(u64 hash, const char *text)
{
    return events_hash(hash, text ? text : "", text ? strlen(text) + 1 : 1);
}

static u64 hash_file(u64 hash, const char *path)
{
    struct stat st;

    hash = hash_text(hash, path);
    if (path && stat(path, &st) == 0) {
        const u64 facts[2] = {(u64)st.st_size, (u64)st.st_mtime};

        hash = events_hash(hash, facts, sizeof(facts));
    }
    return hash;
}

static u64 hash_options(const struct options *o)
{
    const u64 numbers[] = {o->ram_bytes, o->seed,      o->rtc_base_set, (u64)o->rtc_base, o->debug_exit_port,
                           o->no_reboot, o->bios_none, o->no_vga,       o->demo};
    u64 hash = events_hash(EVENTS_HASH, numbers, sizeof(numbers));
    const char *const files[] = {o->image, o->kernel, o->rom, o->initrd};

    for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
        hash = hash_file(hash, files[i]);
    for (int i = 0; i < MACHINE_DRIVES; i++)
        hash = hash_file(hash, o->drive[i].file);
    for (int i = 0; i < MACHINE_FLOPPIES; i++)
        hash = hash_file(hash, o->floppy[i].file);
    hash = hash_text(hash_text(hash, o->append), o->cpu_model);
    for (int i = 0; i < MACHINE_COMS; i++)
        hash = events_hash(hash, (const u8[]){o->serial[i].kind == ENDPOINT_STDIO, o->serial[i].kind != ENDPOINT_UNSET},
                           2);
    return hash;
}

static bool open_window(struct screen *s, char *why, size_t size)
{
    char reason[256];

    if (s->o->display == DISPLAY_ANSI)
        return ansi_open(&s->display, why, size);
    if (window_open(&s->display, reason, sizeof(reason)))
        return true;
    if (s->o->display == DISPLAY_SDL) {
        snprintf(why, size, "-display: %s", reason);
        return false;
    }
    fprintf(stderr, "faultline: %s; going on without\n", reason);
    return true;
}

/* A window opens where there can be one, unless the run's input and output are a terminal's, or it is a demonstration
 * that never shows anything. */
static bool wants_window(const struct options *o)
{
    if (o->display == DISPLAY_UNSET)
        return !o->nographic && !o->demo && !o->no_vga && window_is_possible();
    return o->display != DISPLAY_NONE;
}

bool screen_open(struct screen *s, const struct options *o, char *why, size_t size)
{
    bool interactive;
    u64 hash = hash_options(o);

    s->o = o;
    events_init(&s->events);
    if (wants_window(o) && !open_window(s, why, size))
        return false;
    interactive = s->display.ops != NULL;
    s->pace = pace_make(o->speed_set ? o->speed : 1);
    if (o->script && !script_open(&s->script, o->script, why, size))
        return false;
    s->listening = interactive || o->script || o->monitor.kind == ENDPOINT_STDIO || o->monitor.kind == ENDPOINT_UNIX;
    if (o->replay)
        return events_replay(&s->events, o->replay, hash, &s->listening, why, size);
    return !o->record || events_record(&s->events, o->record, hash, s->listening, why, size);
}

struct overlay *screen_overlay(struct screen *s)
{
    return s->display.ops && s->o->display != DISPLAY_ANSI ? &s->overlay : NULL;
}

bool screen_attach(struct screen *s, struct machine *m, struct console *c)
{
    c->events = &s->events;
    c->pace = s->display.ops ? NULL : &s->pace;
    c->input.as_events = s->o->record || s->o->replay;
    if (s->o->replay)
        c->input.closed = true;
    s->events.serial = console_serial;
    s->events.serial_ctx = c;
    i8042_expect_input(machine_keyboard_controller(m), s->listening);
    acpi_pm_expect_button(machine_pm(m), s->listening);
    events_attach(&s->events, m);
    script_attach(&s->script, m, &s->events);
    s->display.events = &s->events;
    s->display.stop = c->stop;
    s->display.pace = &s->pace;
    s->display.overlay = screen_overlay(s);
    return !s->display.ops || display_attach(&s->display, m);
}

/* An end that leaves something to look at. */
static bool worth_a_look(const struct machine_end *end)
{
    return end->reason == END_DEAD_HALT || end->reason == END_TRIPLE_FAULT;
}

bool screen_finish(struct screen *s, struct machine *m, const struct machine_end *end)
{
    struct display *d = &s->display;
    bool good = events_finish(&s->events, end->icount, end->ns);
    char why[256];

    s->script_unmet = !script_finish(&s->script);
    if (d->ops && d->machine) {
        display_detach(d);
        if (worth_a_look(end) && !d->quit && screen_overlay(s))
            display_linger(d, machine_end_text(end->reason));
    }
    if (!s->o->screenshot)
        return good;
    if (screenshot_take(machine_vga(m), machine_time(m), s->o->screenshot, why, sizeof(why)))
        return good;
    fprintf(stderr, "faultline: %s: %s\n", s->o->screenshot, why);
    return false;
}

void screen_close(struct screen *s)
{
    display_close(&s->display);
    script_close(&s->script);
    events_free(&s->events);
}
