/* SPDX-License-Identifier: MIT */
#include "frontend/saved.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- What is in the file, in order ---- */

static const struct state_field drive_fields[] = {
    STATE_BOOL(saved_drive, used),      STATE_BOOL(saved_drive, cdrom),
    STATE_BOOL(saved_drive, read_only), STATE_BOOL(saved_drive, snapshot),
    STATE_BOOL(saved_drive, raw),       STATE_CACHE(saved_drive, file), /* texts follow */
    STATE_CACHE(saved_drive, place),
};
static const struct state_table drive_table = STATE_TABLE(saved_drive, drive_fields);

static void options_state(struct saved_options *o, struct state *s)
{
    const struct {
        const char *name;
        char *text;
    } texts[] = {
        {"image", o->image}, {"kernel", o->kernel}, {"initrd", o->initrd}, {"append", o->append}, {"rom", o->rom}};
    bool *const flags[] = {&o->demo, &o->bios_none, &o->no_reboot};

    state_section(s, "options");
    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        u64 flag = *flags[i];

        state_number(s, "flag", &flag, 1);
        *flags[i] = flag;
    }
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        state_text(s, texts[i].name, texts[i].text, SAVED_PATH);
    for (int i = 0; i < MACHINE_DRIVES + MACHINE_FLOPPIES; i++) {
        state_struct(s, &drive_table, &o->drive[i]);
        state_text(s, "file", o->drive[i].file, SAVED_PATH);
        state_text(s, "place", o->drive[i].place, SAVED_PATH);
    }
}

static const struct state_field input_fields[] = {
    STATE_BOOL(saved_input, ended),
    STATE_UPTO(saved_input, taken, INT64_MAX),
    STATE_UPTO(saved_input, waiting, sizeof(((struct saved_input *)0)->bytes)),
    STATE_ANY(saved_input, bytes),
    STATE_ANY(saved_input, replayed),
};
static const struct state_table input_table = STATE_TABLE(saved_input, input_fields);

static void input_state(struct saved_input *in, struct state *s)
{
    state_section(s, "input");
    state_struct(s, &input_table, in);
}

/* ---- Saving ---- */

static void copy(char *to, const char *from) { snprintf(to, SAVED_PATH, "%s", from ? from : ""); }

static void take_drive(struct saved_drive *to, const struct drive_option *d, bool snapshot)
{
    char *place = NULL;

    to->used = d->used;
    to->cdrom = d->cdrom;
    to->read_only = d->read_only;
    to->snapshot = d->snapshot || snapshot;
    to->raw = d->raw;
    if (!d->used || !d->file)
        return;
    drives_path(d, to->file, sizeof(to->file));
    place = realpath(to->file, NULL);
    copy(to->place, place);
    free(place);
}

static void take_options(struct saved_options *to, const struct options *o)
{
    to->demo = o->demo;
    to->bios_none = o->bios_none;
    to->no_reboot = o->no_reboot;
    copy(to->image, o->image);
    copy(to->kernel, o->kernel);
    copy(to->initrd, o->initrd);
    copy(to->append, o->append);
    copy(to->rom, o->rom);
    for (int i = 0; i < MACHINE_DRIVES; i++)
        take_drive(&to->drive[i], &o->drive[i], o->snapshot);
    for (int i = 0; i < MACHINE_FLOPPIES; i++)
        take_drive(&to->drive[MACHINE_DRIVES + i], &o->floppy[i], o->snapshot);
}

static void take_input(struct saved_input *to, const struct saved_run *r)
{
    const struct console_input *in;

    if (!r->console)
        return;
    in = &r->console->input;
    to->ended = in->ended;
    to->taken = in->kind == INPUT_FILE ? in->taken : 0;
    to->waiting = in->count;
    for (unsigned i = 0; i < in->count; i++)
        to->bytes[i] = in->buffer[(in->first + i) % sizeof(in->buffer)];
    to->replayed = r->events && r->events->replaying ? r->events->next : 0;
}

bool saved_write(const struct saved_run *r, const char *path, char *why, size_t size)
{
    struct saved *saved = calloc(1, sizeof(*saved));
    struct state_file *file = saved ? state_file_create(path, why, size) : NULL;
    bool ok = false;

    if (!saved)
        snprintf(why, size, "%s: out of memory", path);
    if (file) {
        saved->state.stream = state_file_stream(file);
        take_options(&saved->options, r->o);
        take_input(&saved->input, r);
        machine_config_save(r->machine, &saved->state);
        options_state(&saved->options, &saved->state);
        input_state(&saved->input, &saved->state);
        machine_state(r->machine, &saved->state);
        watch_save(r->watch, &saved->state);
        ok = state_file_finish(file, &saved->state, why, size);
    }
    free(saved);
    return ok;
}

/* ---- Loading ---- */

static bool refuse(const struct saved *s, char *why, size_t size, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
static bool refuse(const struct saved *s, char *why, size_t size, const char *format, ...)
{
    va_list args;
    int n = snprintf(why, size, "%s: ", s->path);

    va_start(args, format);
    if (n >= 0 && (size_t)n < size)
        vsnprintf(why + n, size - (size_t)n, format, args);
    va_end(args);
    return false;
}

static bool went_well(const struct saved *s, char *why, size_t size)
{
    return !s->state.failed || refuse(s, why, size, "%s", s->state.why);
}

bool saved_open(struct saved *s, const char *path, char *why, size_t size)
{
    *s = (struct saved){.path = path};
    s->file = state_file_open(path, why, size);
    if (!s->file)
        return false;
    s->state.stream = state_file_stream(s->file);
    machine_config_load(&s->machine, &s->state);
    options_state(&s->options, &s->state);
    input_state(&s->input, &s->state);
    return went_well(s, why, size);
}

/* An option that names something: the state's, unless it says the same. */
static bool settle_text(const struct saved *s, const char **option, const char *saved, const char *name, char *why,
                        size_t size)
{
    if (*option && strcmp(*option, saved) != 0)
        return refuse(s, why, size, "was saved %s%s%s; leave out %s %s", *saved ? "with " : "without ", name,
                      *saved ? saved : "", name, *option);
    *option = *saved ? saved : NULL;
    return true;
}

static bool settle_guest(struct saved *s, struct options *o, char *why, size_t size)
{
    struct saved_options *saved = &s->options;
    const struct {
        const char **option, *saved, *name;
    } texts[] = {{&o->image, saved->image, "IMAGE "},
                 {&o->initrd, saved->initrd, "-initrd "},
                 {&o->append, saved->append, "-append "}};

    if (o->demo && !saved->demo)
        return refuse(s, why, size, "was not saved of the embedded guest; leave out demo");
    o->demo = saved->demo;
    o->bios_none = saved->bios_none;
    o->no_reboot |= saved->no_reboot;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (!settle_text(s, texts[i].option, texts[i].saved, texts[i].name, why, size))
            return false;
    return settle_text(s, &o->kernel, saved->kernel, "-kernel ", why, size) &&
           settle_text(s, &o->rom, saved->rom, "-rom ", why, size);
}

/* Another name for the same image is allowed, for images move; that it is the same shows when it is loaded. */
static bool settle_drive(const struct saved *s, struct drive_option *d, struct saved_drive *saved, char *why,
                         size_t size)
{
    if (d->used && (!saved->used || d->cdrom != saved->cdrom))
        return refuse(s, why, size, "was saved with another set of drives; leave %s out", d->file ? d->file : "it");
    if (!d->used && saved->used) {
        bool moved = *saved->place && access(saved->file, F_OK) != 0;

        *d = (struct drive_option){
            .used = true, .cdrom = saved->cdrom, .read_only = saved->read_only, .raw = saved->raw};
        d->file = !*saved->file ? NULL : moved ? saved->place : saved->file;
    }
    d->snapshot |= saved->snapshot;
    return true;
}

static bool settle_drives(struct saved *s, struct options *o, char *why, size_t size)
{
    for (int i = 0; i < MACHINE_DRIVES; i++) {
        const struct saved_drive *d = &s->options.drive[i];

        if (d->used && !d->cdrom && !*d->file)
            return refuse(s, why, size, "is damaged: it has a disk without an image");
        if (!settle_drive(s, &o->drive[i], &s->options.drive[i], why, size))
            return false;
    }
    for (int i = 0; i < MACHINE_FLOPPIES; i++)
        if (!settle_drive(s, &o->floppy[i], &s->options.drive[MACHINE_DRIVES + i], why, size))
            return false;
    return true;
}

static bool settle_machine(struct saved *s, struct options *o, char *why, size_t size)
{
    const struct machine_config *c = &s->machine.config;

    if (o->ram_set && o->ram_bytes != c->ram_bytes)
        return refuse(s, why, size, "was saved with -m %lluK; leave out -m", (unsigned long long)c->ram_bytes >> 10);
    if (o->cpu_model && strcmp(o->cpu_model, c->cpu_model) != 0)
        return refuse(s, why, size, "was saved with -cpu %s; leave out -cpu", c->cpu_model);
    if (o->seed_set && o->seed != c->seed)
        return refuse(s, why, size, "was saved with -seed %llu; leave out -seed", (unsigned long long)c->seed);
    if (o->rtc_base_set && (!c->rtc_base_set || o->rtc_base != c->rtc_base))
        return refuse(s, why, size, "was saved with another date; leave out -rtc");
    if (o->no_vga && !c->no_vga)
        return refuse(s, why, size, "was saved with a display adapter; leave out -vga");
    if ((o->debug_exit_port && o->debug_exit_port != c->debug_exit_port) || (o->testdev && !c->testdev))
        return refuse(s, why, size, "was saved with other devices; leave out -device");
    if (o->debugcon_port && o->debugcon_port != c->debugcon_port)
        return refuse(s, why, size, "was saved with the debug console elsewhere; leave out -global");
    return true;
}

/* Who listens is this run's to say; which ports there are is the state's. */
static bool settle_ends(struct saved *s, struct options *o, char *why, size_t size)
{
    for (int i = 1; i < MACHINE_COMS; i++) {
        if (o->serial[i].kind != ENDPOINT_UNSET && !s->machine.config.com[i])
            return refuse(s, why, size, "was saved with fewer serial ports; leave out -serial");
        if (s->machine.config.com[i] && o->serial[i].kind == ENDPOINT_UNSET)
            o->serial[i].kind = ENDPOINT_NONE;
    }
    if (o->debugcon.kind == ENDPOINT_UNSET && s->machine.has_debugcon)
        o->debugcon.kind = ENDPOINT_NONE;
    if (o->debugcon.kind != ENDPOINT_UNSET && !s->machine.has_debugcon && s->machine.config.testdev)
        return refuse(s, why, size, "was saved without a debug console; leave out -debugcon");
    return true;
}

bool saved_settle(struct saved *s, struct options *o, char *why, size_t size)
{
    const struct machine_config *c = &s->machine.config;

    if (!settle_machine(s, o, why, size) || !settle_guest(s, o, why, size) || !settle_drives(s, o, why, size) ||
        !settle_ends(s, o, why, size))
        return false;
    o->ram_bytes = c->ram_bytes;
    o->cpu_model = c->cpu_model;
    o->seed = c->seed;
    o->rtc_base_set = c->rtc_base_set;
    o->rtc_base = c->rtc_base;
    o->no_vga = c->no_vga;
    o->debug_exit_port = c->debug_exit_port;
    o->testdev = c->testdev;
    o->debugcon_port = c->debugcon_port;
    memcpy(o->boot_order, c->boot_order, sizeof(o->boot_order));
    memcpy(o->boot_once, c->boot_once, sizeof(o->boot_once));
    o->boot_menu = c->boot_menu;
    o->any_floppy_boots = c->any_floppy_boots;
    return true;
}

static void load_machine(struct saved *s, const struct saved_run *r, bool goes_on)
{
    machine_config_check(r->machine, &s->machine, &s->state);
    watch_forget(r->watch);
    machine_state(r->machine, &s->state);
    watch_load(r->watch, &s->state, goes_on);
    if (!s->state.failed && !state_file_at_end(s->file))
        state_fail(&s->state, "is damaged: it goes on after its end");
}

bool saved_load(struct saved *s, const struct saved_run *r, char *why, size_t size)
{
    load_machine(s, r, true);
    return went_well(s, why, size);
}

/* ---- Input goes on ---- */

/* Of a file, what the guest had read is skipped. */
static bool skip(u64 bytes)
{
    u8 buffer[4096];

    if (lseek(STDIN_FILENO, (off_t)bytes, SEEK_CUR) >= 0)
        return true;
    while (bytes) {
        ssize_t n = read(STDIN_FILENO, buffer, bytes < sizeof(buffer) ? bytes : sizeof(buffer));

        if (n <= 0)
            return false;
        bytes -= (u64)n;
    }
    return true;
}

static bool attach_input(struct saved *s, struct console *c, char *why, size_t size)
{
    struct console_input *in = &c->input;
    const struct saved_input *saved = &s->input;

    if (in->kind == INPUT_FILE && !skip(saved->taken))
        return refuse(s, why, size, "had read more of standard input than there is");
    in->taken = saved->taken;
    memcpy(in->buffer, saved->bytes, sizeof(in->buffer));
    in->first = 0;
    in->count = (unsigned)saved->waiting;
    if (in->as_events)
        in->ended = saved->ended;
    return true;
}

bool saved_attach(struct saved *s, const struct saved_run *r, char *why, size_t size)
{
    bool live = r->console->input.kind == INPUT_TERMINAL && !r->o->replay;

    if (!attach_input(s, r->console, why, size))
        return false;
    if (live && machine_com(r->machine, 0))
        uart_input_again(machine_com(r->machine, 0));
    if (!r->o->replay || events_skip(r->events, s->input.replayed))
        return true;
    return refuse(s, why, size, "was not saved in a run of the recording %s", r->o->replay);
}

void saved_close(struct saved *s)
{
    state_file_close(s->file);
    machine_saved_free(&s->machine);
    s->file = NULL;
}

/* ---- In a run ---- */

static bool replace_from(struct saved *s, const struct saved_run *r, const struct machine_snapshot *before, char *why,
                         size_t size)
{
    char ignored[256];

    load_machine(s, r, false);
    if (went_well(s, why, size))
        return true;
    machine_restore(r->machine, before, ignored, sizeof(ignored));
    return false;
}

bool saved_replace(const struct saved_run *r, const char *path, char *why, size_t size)
{
    struct saved *s = malloc(sizeof(*s));
    struct machine_snapshot *before = NULL;
    bool ok = false;

    if (!s) {
        snprintf(why, size, "%s: out of memory", path);
        return false;
    }
    if (saved_open(s, path, why, size)) {
        machine_config_check(r->machine, &s->machine, &s->state);
        before = went_well(s, why, size) ? machine_snapshot(r->machine, why, size) : NULL;
        ok = before && replace_from(s, r, before, why, size);
        machine_snapshot_free(r->machine, before);
    }
    saved_close(s);
    free(s);
    return ok;
}
