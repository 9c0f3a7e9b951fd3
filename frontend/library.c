/* SPDX-License-Identifier: MIT */
/* The library's surface: a machine, its recorder and its monitor behind one opaque pointer. */
#include "frontend/faultline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bios/boot.h"
#include "frontend/drives.h"
#include "frontend/image.h"
#include "frontend/monitor.h"
#include "frontend/run.h"
#include "frontend/saved.h"
#include "frontend/trace.h"
#include "frontend/watch.h"
#include "frontend/writers.h"

#define VERSION "0.1.0"
#define WORDS_MAX 1024u
#define LOOK_NS 10000000u /* of guest time, between looks at what commands put into the guest */
#define LINE TRACE_SCRATCH
#define DEBUG_EXIT_PORT 0xf4

struct line {
    struct faultline *owner;
    int port;
};

struct faultline {
    struct faultline_callbacks tell;
    struct options options;
    char **words; /* what options point into */
    size_t count;
    FILE *nowhere; /* notes about options */
    struct machine *machine;
    struct boot_config boot;
    struct drives drives;
    struct watch watch;
    struct trace_schema schema; /* of a fault as JSON, */
    struct trace_row row;       /* and the last one told */
    struct events events;
    struct monitor monitor;
    struct reply reply;
    struct timer look;
    struct line line[MACHINE_COMS];
    struct machine_end end;
    bool over;    /* it cannot go on */
    bool running; /* who calls now is a callback */
    struct faultline_snapshot *snapshots;
};

struct faultline_snapshot {
    struct faultline *owner;
    struct faultline_snapshot *next;
    struct machine_snapshot *machine;
    struct state_memory watch; /* who wrote entries until then */
    struct machine_end end;
    bool over;
};

int faultline_api(void) { return FAULTLINE_API; }

const char *faultline_version(void) { return VERSION; }

/* ---- What it tells ---- */

static void serial_put(void *ctx, u8 byte)
{
    struct line *l = ctx;

    if (l->owner->tell.serial)
        l->owner->tell.serial(l->owner->tell.ctx, l->port, byte);
}

static int serial_get(void *ctx)
{
    struct line *l = ctx;

    return l->owner->tell.serial_input(l->owner->tell.ctx, l->port);
}

static void debug_told(void *ctx, u32 value)
{
    struct faultline *f = ctx;

    f->tell.debug(f->tell.ctx, (u8)value);
}

static void post_told(void *ctx, u32 value)
{
    struct faultline *f = ctx;

    f->tell.post(f->tell.ctx, (u8)value);
}

static void tell_fault(struct faultline *f, const struct record *r, void (*to)(void *, const struct faultline_fault *))
{
    const struct disasm_line *insn = record_line(f->watch.disasm, r);
    char why[512], cure[512], json[LINE], scratch[TRACE_SCRATCH];
    struct text t = TEXT_OVER(why), u = TEXT_OVER(cure), v = TEXT_OVER(json);
    struct faultline_fault fault = {
        .size = sizeof(fault),
        .seq = r->seq,
        .icount = r->icount,
        .ns = r->time_ns,
        .address = r->cr2,
        .rip = r->rip,
        .cr3 = r->cr3,
        .error = r->error,
        .cs = r->cs,
        .cpl = r->cpl,
        .access = access_name(r->access.kind),
        .mode = cpu_mode_name(r->mode),
        .cause = fault_cause_name(r->walk.cause),
        .why = why,
        .cure = cure,
        .insn = insn ? insn->text : "",
        .outcome = record_outcome(r) == OUTCOME_NONE ? NULL : outcome_name(record_outcome(r)),
        .json = json,
    };

    if (r->vector != 14 || !to)
        return;
    verdict_why(&t, r);
    text_end(&t);
    verdict_cure(&u, r);
    text_end(&u);
    trace_row_of(&f->row, r, insn, scratch);
    json_row(&v, &f->schema, &f->row);
    text_end(&v);
    json[strcspn(json, "\n")] = '\0';
    to(f->tell.ctx, &fault);
}

static void on_raised(void *ctx, const struct record *r)
{
    struct faultline *f = ctx;

    tell_fault(f, r, f->tell.raised);
}

static void on_decided(void *ctx, const struct record *r)
{
    struct faultline *f = ctx;

    tell_fault(f, r, f->tell.decided);
}

/* ---- Making one ---- */

/* Options say where a command's user sits; here that is the caller. */
static const char *unfit(const struct options *o)
{
    for (int i = 0; i < MACHINE_COMS; i++)
        if (o->serial[i].kind == ENDPOINT_FILE || o->serial[i].kind == ENDPOINT_UNIX)
            return "-serial: its bytes go to the callback";
    if (o->help || o->version || o->log_help || o->log.items || o->log_file)
        return "-help, -version, -d and -D are the command's";
    if (o->debugcon.kind >= ENDPOINT_STDIO)
        return "-debugcon: its bytes go to the callback";
    if (o->display > DISPLAY_NONE || o->nographic || o->screenshot)
        return "-display, -nographic, -screenshot: there is no screen (the command screendump takes pictures)";
    if (o->monitor.kind >= ENDPOINT_STDIO || o->gdb || o->stopped)
        return "-monitor, -gdb, -S: faultline_command() is the monitor";
    if (o->trace || o->explain || o->expects || o->fail_on_unexpected || o->fail_on_triple_fault)
        return "faults go to the callbacks, not to -trace-faults, -explain, -expect and -fail-on";
    if (o->record || o->replay)
        return "-record-input, -replay-input: not here";
    if (o->max_instructions || o->stop_on || o->expect_post)
        return "the run's end is faultline_run()'s and faultline_stop()'s";
    return NULL;
}

static bool copy_words(struct faultline *f, const char *const *options, size_t count)
{
    f->words = calloc(count + 2, sizeof(*f->words));
    if (!f->words)
        return false;
    for (f->count = 0; f->count <= count; f->count++) {
        f->words[f->count] = strdup(f->count ? options[f->count - 1] : "faultline");
        if (!f->words[f->count])
            return false;
    }
    return true;
}

static bool parse(struct faultline *f, const char *const *options, size_t count, char *why, size_t size)
{
    const char *complaint;

    for (size_t i = 0; i < count; i++)
        if (!options[i] || count > WORDS_MAX) {
            snprintf(why, size, "options: %s", options[i] ? "too many" : "one is NULL");
            return false;
        }
    f->nowhere = fopen("/dev/null", "w");
    if (!f->nowhere || !copy_words(f, options, count)) {
        snprintf(why, size, "out of memory");
        return false;
    }
    if (!options_parse(&f->options, (int)f->count, f->words, f->nowhere, why, size))
        return false;
    complaint = unfit(&f->options);
    if (complaint)
        snprintf(why, size, "%s", complaint);
    return !complaint;
}

static bool choose_image(struct faultline *f, char *why, size_t size)
{
    struct options *o = &f->options;
    enum image_kind kind;

    if (!o->image)
        return true;
    if (!image_detect(o->image, &kind, why, size))
        return false;
    if (kind == IMAGE_ROM)
        o->rom = o->image;
    else if (kind == IMAGE_KERNEL)
        o->kernel = o->image;
    else
        return options_plug_image(o, o->image,
                                  kind == IMAGE_DISK    ? DRIVE_DISK
                                  : kind == IMAGE_CDROM ? DRIVE_CDROM
                                                        : DRIVE_FLOPPY,
                                  why, size);
    return true;
}

static bool make_machine(struct faultline *f, char *why, size_t size)
{
    const struct options *o = &f->options;
    u8 *video_bios = NULL;
    struct machine_config config = {
        .ram_bytes = o->ram_bytes,
        .cpu_model = o->cpu_model,
        .seed = o->seed,
        .rtc_base_set = o->rtc_base_set,
        .rtc_base = o->rtc_base,
        .no_reboot = o->no_reboot,
        .no_vga = o->no_vga,
        .debug_exit_port = o->debug_exit_port ? o->debug_exit_port : DEBUG_EXIT_PORT,
        .testdev = o->testdev,
        .debugcon_port = o->debugcon_port,
        .debugcon = {f->tell.debug ? debug_told : NULL, f},
        .post = {f->tell.post ? post_told : NULL, f},
        .post190 = {f->tell.post ? post_told : NULL, f},
    };

    for (int i = 0; i < MACHINE_COMS; i++) {
        f->line[i] = (struct line){f, i};
        config.com[i] = o->serial[i].kind != ENDPOINT_UNSET;
        config.serial[i] = (struct uart_backend){
            .put = serial_put, .get = f->tell.serial_input ? serial_get : NULL, .ctx = &f->line[i]};
    }
    if (!drives_open(&f->drives, o, &config, why, size))
        return false;
    if (!o->no_vga && !o->kernel)
        video_bios = boot_video_bios(&config.vga_rom_size);
    config.vga_rom = video_bios;
    f->machine = machine_create(&config, why, size);
    free(video_bios);
    return f->machine;
}

static bool boot(struct faultline *f, char *why, size_t size)
{
    const struct options *o = &f->options;

    f->boot = (struct boot_config){.kernel = o->kernel, .initrd = o->initrd, .append = o->append, .rom = o->rom};
    f->boot.text_screen = !o->no_vga;
    f->boot.firmware = !o->kernel && !o->rom;
    return boot_load(f->machine, &f->boot, why, size);
}

/* Commands that press keys leave them with the events. */
static void look_due(void *ctx, u64 now)
{
    struct faultline *f = ctx;

    events_poll(&f->events, now);
    clock_arm(machine_clock(f->machine), &f->look, now + LOOK_NS);
}

static bool listen_to(struct faultline *f)
{
    struct clock *clock = machine_clock(f->machine);

    f->watch.listener = (struct watch_listener){
        .ctx = f,
        .raised = f->tell.raised ? on_raised : NULL,
        .decided = f->tell.decided ? on_decided : NULL,
        .quiet = true,
    };
    if (!watch_begin(&f->watch, f->machine, &f->options, NULL, NULL, NULL) || !monitor_init(&f->monitor, f->machine))
        return false;
    events_init(&f->events);
    events_attach(&f->events, f->machine);
    f->drives.machine = f->machine;
    f->events.media = drives_change;
    f->events.media_ctx = &f->drives;
    f->monitor.events = &f->events;
    f->monitor.tables = f->watch.tables;
    f->look = timer_make(look_due, f);
    clock_arm(clock, &f->look, clock_now(clock) + LOOK_NS);
    reply_init(&f->reply, false);
    return true;
}

struct faultline *faultline_create(const char *const *options, size_t count,
                                   const struct faultline_callbacks *callbacks, char *why, size_t why_size)
{
    struct faultline *f = calloc(1, sizeof(*f));
    char line[512] = "out of memory";
    bool made = false;

    if (f)
        trace_schema_init(&f->schema);
    if (f && callbacks) /* what an older caller does not know stays NULL */
        memcpy(&f->tell, callbacks, callbacks->size < sizeof(f->tell) ? callbacks->size : sizeof(f->tell));
    if (f && parse(f, options, count, line, sizeof(line)) && choose_image(f, line, sizeof(line)) &&
        make_machine(f, line, sizeof(line)) && boot(f, line, sizeof(line))) {
        snprintf(line, sizeof(line), "out of memory");
        made = listen_to(f);
    }
    if (made)
        return f;
    options_one_line(line);
    if (why && why_size)
        snprintf(why, why_size, "%s", line);
    faultline_destroy(f);
    return NULL;
}

void faultline_destroy(struct faultline *f)
{
    if (!f)
        return;
    if (f->watch.machine)
        watch_finish(&f->watch);
    watch_end(&f->watch);
    while (f->snapshots)
        faultline_snapshot_free(f->snapshots);
    if (f->events.machine) {
        clock_disarm(machine_clock(f->machine), &f->look);
        events_finish(&f->events, 0, 0);
        events_free(&f->events);
    }
    monitor_free(&f->monitor);
    reply_free(&f->reply);
    machine_destroy(f->machine);
    drives_close(&f->drives);
    if (f->nowhere)
        fclose(f->nowhere);
    for (size_t i = 0; i < f->count; i++)
        free(f->words[i]);
    free(f->words);
    free(f);
}

/* ---- Running ---- */

static enum faultline_end end_of(const struct machine_end *end)
{
    static const enum faultline_end ends[END_COUNT] = {
        [END_BUDGET] = FAULTLINE_BUDGET,
        [END_DEBUG_EXIT] = FAULTLINE_DEBUG_EXIT,
        [END_SHUTDOWN] = FAULTLINE_SHUTDOWN,
        [END_RESET] = FAULTLINE_RESET,
        [END_TRIPLE_FAULT] = FAULTLINE_TRIPLE_FAULT,
        [END_DEAD_HALT] = FAULTLINE_DEAD_HALT,
        [END_REQUESTED] = FAULTLINE_STOPPED,
        [END_INTERRUPTED] = FAULTLINE_STOPPED,
        [END_BOOT_FAILED] = FAULTLINE_FAILED,
    };

    return (unsigned)end->reason < END_COUNT ? ends[end->reason] : FAULTLINE_FAILED;
}

enum faultline_end faultline_run(struct faultline *f, uint64_t instructions, struct faultline_run *result)
{
    u64 now = cpu_icount(machine_cpu(f->machine));
    struct machine_limits limits = {0};
    struct faultline_run r = {.size = sizeof(r)};

    if (instructions)
        limits.max_instructions = instructions < UINT64_MAX - now ? now + instructions : UINT64_MAX;
    if (!f->over) {
        f->running = true;
        f->end = machine_run(f->machine, limits);
        f->running = false;
    }
    f->over = f->end.reason == END_TRIPLE_FAULT || f->end.reason == END_DEAD_HALT || f->end.reason == END_BOOT_FAILED;
    r.end = end_of(&f->end);
    r.exit_status = f->end.exit_code;
    r.value = f->end.value;
    r.icount = f->end.icount;
    r.ns = f->end.ns;
    r.text = machine_end_text(f->end.reason);
    if (result) {
        size_t size = result->size < sizeof(r) ? result->size : sizeof(r);

        r.size = result->size;
        memcpy(result, &r, size);
    }
    return r.end;
}

void faultline_stop(struct faultline *f) { machine_end_run(f->machine); }

void faultline_interrupt(struct faultline *f) { machine_request_stop(f->machine); }

/* ---- Looking, and changing ---- */

int faultline_get_register(struct faultline *f, const char *name, uint64_t *value)
{
    struct expression_context context = {.cpu = machine_cpu(f->machine)};
    char why[256];

    return expression_is_register(name) && expression_value(&context, name, value, why, sizeof(why)) ? 0 : -1;
}

int faultline_set_register(struct faultline *f, const char *name, uint64_t value)
{
    static const char *const names[] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                                        "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};
    struct cpu_state s;

    cpu_get_state(machine_cpu(f->machine), &s);
    if (!strcmp(name, "rip"))
        s.rip = value;
    else if (!strcmp(name, "rflags"))
        s.rflags = value;
    else {
        unsigned i = 0;

        while (i < 16 && strcmp(name, names[i]) != 0)
            i++;
        if (i == 16)
            return -1;
        s.gpr[i] = value;
    }
    cpu_set_registers(machine_cpu(f->machine), &s);
    return 0;
}

size_t faultline_read(struct faultline *f, uint64_t linear, void *to, size_t size)
{
    return cpu_peek(machine_cpu(f->machine), linear, to, size);
}

size_t faultline_write(struct faultline *f, uint64_t linear, const void *from, size_t size)
{
    return cpu_poke(machine_cpu(f->machine), linear, from, size);
}

size_t faultline_read_physical(struct faultline *f, uint64_t physical, void *to, size_t size)
{
    size_t done = 0;

    while (done < size) {
        u64 pa = physical + done;
        const u8 *page = phys_page_read(machine_phys(f->machine), pa);
        size_t n = PAGE_SIZE - (pa & ~PAGE_MASK);

        if (!page)
            break;
        if (n > size - done)
            n = size - done;
        memcpy((u8 *)to + done, page + (pa & ~PAGE_MASK), n);
        done += n;
    }
    return done;
}

size_t faultline_write_physical(struct faultline *f, uint64_t physical, const void *from, size_t size)
{
    return cpu_poke_physical(machine_cpu(f->machine), physical, from, size);
}

/* ---- Going back ---- */

static bool refuse(char *why, size_t size, const char *text)
{
    if (why && size)
        snprintf(why, size, "%s", text);
    return false;
}

/* Between runs alone. */
static bool at_rest(const struct faultline *f, char *why, size_t size)
{
    return !f->running || refuse(why, size, "the machine is running: not from a callback");
}

static bool take_snapshot(struct faultline *f, struct faultline_snapshot *s, char *why, size_t size)
{
    struct state watch = {.stream = state_memory_writer(&s->watch)};

    watch_save(&f->watch, &watch);
    if (watch.failed)
        return refuse(why, size, watch.why);
    s->machine = machine_snapshot(f->machine, why, size);
    s->end = f->end;
    s->over = f->over;
    return s->machine;
}

struct faultline_snapshot *faultline_snapshot(struct faultline *f, char *why, size_t why_size)
{
    struct faultline_snapshot *s = at_rest(f, why, why_size) ? calloc(1, sizeof(*s)) : NULL;

    if (!s) {
        if (!f->running)
            refuse(why, why_size, "out of memory");
        return NULL;
    }
    s->owner = f;
    s->next = f->snapshots;
    f->snapshots = s;
    if (take_snapshot(f, s, why, why_size))
        return s;
    faultline_snapshot_free(s);
    return NULL;
}

int faultline_restore(struct faultline *f, const struct faultline_snapshot *s, char *why, size_t why_size)
{
    struct state_memory memory = s->watch; /* bytes are borrowed; `at` is ours */
    struct state watch = {.stream = state_memory_reader(&memory)};

    if (!at_rest(f, why, why_size) || (s->owner != f && !refuse(why, why_size, "the snapshot is of another machine")))
        return -1;
    watch_forget(&f->watch);
    if (!machine_restore(f->machine, s->machine, why, why_size))
        return -1;
    watch_load(&f->watch, &watch, false);
    f->end = s->end;
    f->over = s->over;
    return 0;
}

void faultline_snapshot_free(struct faultline_snapshot *s)
{
    struct faultline_snapshot **link = s ? &s->owner->snapshots : NULL;

    if (!s)
        return;
    while (*link != s)
        link = &(*link)->next;
    *link = s->next;
    machine_snapshot_free(s->owner->machine, s->machine);
    state_memory_free(&s->watch);
    free(s);
}

static struct saved_run saved_run(struct faultline *f)
{
    return (struct saved_run){.o = &f->options, .machine = f->machine, .watch = &f->watch};
}

/* Reasons name the file; a caller may want none. */
static int told(bool ok, char *line, char *why, size_t size)
{
    options_one_line(line);
    if (!ok)
        refuse(why, size, line);
    return ok ? 0 : -1;
}

int faultline_save_state(struct faultline *f, const char *path, char *why, size_t why_size)
{
    struct saved_run run = saved_run(f);
    char line[512] = "";

    return told(at_rest(f, line, sizeof(line)) && saved_write(&run, path, line, sizeof(line)), line, why, why_size);
}

int faultline_load_state(struct faultline *f, const char *path, char *why, size_t why_size)
{
    struct saved_run run = saved_run(f);
    char line[512] = "";
    bool ok = at_rest(f, line, sizeof(line)) && saved_replace(&run, path, line, sizeof(line));

    if (ok) {
        f->end = (struct machine_end){.reason = END_BUDGET, .icount = cpu_icount(machine_cpu(f->machine))};
        f->over = false;
    }
    return told(ok, line, why, why_size);
}

const char *faultline_command(struct faultline *f, const char *line)
{
    reply_free(&f->reply);
    reply_init(&f->reply, false);
    monitor_command(&f->monitor, line, &f->reply);
    return reply_text(&f->reply);
}
