/* SPDX-License-Identifier: MIT */
#include "frontend/run_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "frontend/core.h"
#include "bios/demo/demo_image.h"
#include "frontend/image.h"
#include "frontend/twice.h"

/* isa-debug-exit is always there, where kernels' test runners put it, unless -device moves it. */
#define DEBUG_EXIT_PORT 0xf4

/* ---- Outputs ---- */

static void output_lost(void *ctx, struct output *o)
{
    struct run *r = ctx;

    if (!r->failed)
        fprintf(stderr, "faultline: %s: %s\n", o->name, strerror(o->error));
    r->failed = true;
    if (r->machine)
        machine_end_run(r->machine);
}

static bool open_file(struct run *r, struct output *o, const char *path)
{
    char reason[256];

    if (!output_open(o, path, reason, sizeof(reason))) {
        snprintf(r->why, sizeof(r->why), "%s: %s", path, reason);
        return false;
    }
    o->failed = output_lost;
    o->ctx = r;
    return true;
}

static bool open_standard(struct run *r, struct output *o, int fd, const char *name)
{
    if (!output_over(o, fd, name, r->why, sizeof(r->why)))
        return false;
    o->failed = output_lost;
    o->ctx = r;
    return true;
}

static bool open_port(struct run *r, int n, const struct endpoint *e)
{
    struct port *p = &r->port[n];

    p->run = r;
    p->matched = n == 0 && r->o->stop_on;
    if (e->kind == ENDPOINT_FILE) {
        p->out = &r->file[n];
        return open_file(r, p->out, e->path);
    }
    if (e->kind == ENDPOINT_STDIO) {
        p->out = &r->standard;
        r->console.out = p->out;
        if (n != DEBUGCON)
            console_take_input(&r->console, r->o->nographic);
    }
    return true;
}

static bool open_outputs(struct run *r)
{
    const struct options *o = r->o;

    if ((o->trace && !open_file(r, &r->trace, o->trace)) || (o->log_file && !open_file(r, &r->log_file, o->log_file)))
        return false;
    if (!open_standard(r, &r->standard, STDOUT_FILENO, "standard output") ||
        !open_standard(r, &r->errors, STDERR_FILENO, "standard error"))
        return false;
    for (int i = 0; i < MACHINE_COMS; i++)
        if (!open_port(r, i, &o->serial[i]))
            return false;
    return open_port(r, DEBUGCON, &o->debugcon) && open_port(r, PRINTER, &o->parallel);
}

/* ---- What the guest says ---- */

static void port_put(void *ctx, u8 byte)
{
    struct port *p = ctx;
    struct run *r = p->run;

    if (p->out) {
        output_byte(p->out, byte);
        if (p->out == &r->standard)
            console_wrote(&r->console);
    }
    if (p->matched && matcher_byte(&r->matcher, byte))
        machine_end_run(r->machine);
}

static int port_get(void *ctx)
{
    struct port *p = ctx;

    return console_get(&p->run->console);
}

static void debugcon_told(void *ctx, u32 value) { port_put(ctx, (u8)value); }

static void post_told(void *ctx, u32 value)
{
    struct run *r = ctx;

    if (r->host->report) {
        r->host->report->posted = true;
        r->host->report->post = (u8)value;
    }
    if (r->o->expect_post && (u8)value == r->o->post)
        machine_end_run(r->machine);
}

/* ---- The machine ---- */

static bool make_machine(struct run *r)
{
    const struct options *o = r->o;
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
        .debugcon = {o->debugcon.kind == ENDPOINT_UNSET ? NULL : debugcon_told, &r->port[DEBUGCON]},
        .printer = {debugcon_told, &r->port[PRINTER]},
        .post = {post_told, r},
        .post190 = {post_told, r},
        .idle = console_idle,
        .idle_ctx = &r->console,
    };

    for (int i = 0; i < MACHINE_COMS; i++) {
        config.com[i] = o->serial[i].kind != ENDPOINT_UNSET;
        config.serial[i] = (struct uart_backend){
            .put = port_put,
            .get = o->serial[i].kind == ENDPOINT_STDIO ? port_get : NULL, /* one at most */
            .ctx = &r->port[i],
        };
    }
    if (!drives_open(&r->drives, o, &config, r->why, sizeof(r->why)))
        return false;
    if (!r->saved && !o->no_vga && !o->kernel && !o->demo) /* somebody may be there to run it */
        video_bios = boot_video_bios(&config.vga_rom_size);
    config.vga_rom = r->saved ? r->saved->machine.vga_rom : video_bios;
    if (r->saved)
        config.vga_rom_size = r->saved->machine.config.vga_rom_size;
    r->machine = machine_create(&config, r->why, sizeof(r->why));
    free(video_bios);
    return r->machine != NULL;
}

static bool choose_image(struct run *r)
{
    struct options *o = r->o;
    enum image_kind kind;

    if (!o->image)
        return true;
    if (!image_detect(o->image, &kind, r->why, sizeof(r->why)))
        return false;
    if (kind == IMAGE_ROM && o->rom) {
        snprintf(r->why, sizeof(r->why), "%s: is a ROM image, and %s is one already", o->image, o->rom);
        return false;
    }
    if (kind == IMAGE_ROM && (o->append || o->initrd)) {
        snprintf(r->why, sizeof(r->why), "%s: is a ROM image, which takes no -append or -initrd", o->image);
        return false;
    }
    switch (kind) {
    case IMAGE_ROM: o->rom = o->image; return true;
    case IMAGE_KERNEL: o->kernel = o->image; return true;
    case IMAGE_DISK: return options_plug_image(o, o->image, DRIVE_DISK, r->why, sizeof(r->why));
    case IMAGE_CDROM: return options_plug_image(o, o->image, DRIVE_CDROM, r->why, sizeof(r->why));
    default: return options_plug_image(o, o->image, DRIVE_FLOPPY, r->why, sizeof(r->why));
    }
}

static struct saved_run saved_run(struct run *r)
{
    return (struct saved_run){r->o, r->machine, &r->console, &r->screen.events, &r->watch};
}

static bool boot(struct run *r)
{
    const struct options *o = r->o;
    struct saved_run s;

    r->boot = (struct boot_config){.kernel = o->kernel, .initrd = o->initrd, .append = o->append, .rom = o->rom};
    r->boot.text_screen = !o->no_vga;
    r->boot.firmware = !o->kernel && !o->rom && !o->demo;
    if (o->demo) {
        r->boot.kernel = "demo";
        r->boot.image = demo_image;
        r->boot.image_size = demo_image_size;
    }
    if (!r->saved)
        return boot_load(r->machine, &r->boot, r->why, sizeof(r->why));
    boot_again_after_reset(r->machine, &r->boot);
    s = saved_run(r);
    return saved_load(r->saved, &s, r->why, sizeof(r->why));
}

/* The state's options are this run's. */
static bool open_state(struct run *r)
{
    if (!r->o->load_state)
        return true;
    r->saved = calloc(1, sizeof(*r->saved));
    if (!r->saved) {
        snprintf(r->why, sizeof(r->why), "out of memory");
        return false;
    }
    return saved_open(r->saved, r->o->load_state, r->why, sizeof(r->why)) &&
           saved_settle(r->saved, r->o, r->why, sizeof(r->why));
}

static bool go_on(struct run *r)
{
    struct saved_run s = saved_run(r);

    return !r->saved || saved_attach(r->saved, &s, r->why, sizeof(r->why));
}

/*
 * Names are wanted where faults are told. A kernel that is an ELF file brings its own, and a Linux that is not carries
 * a list; neither is asked for, so that it may be missing.
 */
static bool open_symbols(struct run *r)
{
    const struct options *o = r->o;
    bool told = o->explain || o->trace || o->expects || o->fail_on_unexpected || o->symbol_files ||
                o->check[CHECK_STALE_TLB] || o->check[CHECK_LINT] || o->check[CHECK_STRICT] || o->who ||
                r->prompt.kind != PROMPT_NONE || r->gdb || o->log.items || o->history_insns;
    char why[256];

    if (o->no_symbols || !told)
        return true;
    r->symbols = symbols_create();
    if (!r->symbols) {
        snprintf(r->why, sizeof(r->why), "out of memory");
        return false;
    }
    for (unsigned i = 0; i < o->symbol_files; i++)
        if (!symbols_add(r->symbols, o->symbols[i], r->why, sizeof(r->why)))
            return false;
    if (o->kernel && !o->symbol_files)
        symbols_add(r->symbols, o->kernel, why, sizeof(why));
    symbols_ask_guest(r->symbols);
    watch_name(&r->watch, r->symbols);
    return true;
}

/* What must go on while the guest stands still. */
static void stand_still(void *ctx)
{
    struct run *r = ctx;

    pace_forget(&r->screen.pace);
    console_still(&r->console);
    if (r->screen.display.ops)
        display_still(&r->screen.display);
    if (r->console.quit || r->screen.display.quit)
        control_quit(&r->control);
}

/* The monitor's commands at gdb's prompt. Who runs the machine is gdb. */
static bool gdb_asks(void *ctx, const char *line, struct text *out)
{
    struct run *r = ctx;
    struct monitor_control control = r->monitor.control;
    struct reply reply;

    r->monitor.control.stop = r->monitor.control.wait = NULL;
    r->monitor.control.go = NULL;
    reply_init(&reply, false);
    monitor_command(&r->monitor, line, &reply);
    text_string(out, reply_text(&reply));
    reply_free(&reply);
    r->monitor.control = control;
    return true;
}

static bool save_now(void *ctx, const char *path, char *why, size_t size)
{
    struct saved_run s = saved_run(ctx);

    return saved_write(&s, path, why, size);
}

static bool load_now(void *ctx, const char *path, char *why, size_t size)
{
    struct saved_run s = saved_run(ctx);

    if (((struct run *)ctx)->trail)
        trail_forget(((struct run *)ctx)->trail);
    return saved_replace(&s, path, why, size);
}

static bool take_control(struct run *r)
{
    control_init(&r->control, r->machine, &r->host->signal);
    r->control.stopped = r->o->stopped;
    if (!control_add(&r->control, (struct control_user){.ctx = r, .still = stand_still}) ||
        (r->gdb && !gdb_server_attach(r->gdb, &r->control)) || !monitor_init(&r->monitor, r->machine))
        return false;
    r->monitor.events = &r->screen.events;
    r->monitor.save = save_now;
    r->monitor.load = load_now;
    r->monitor.state_ctx = r;
    r->monitor.history = r->history.fault ? &r->history : NULL;
    r->monitor.trail = r->trail;
    r->monitor.symbols = r->symbols;
    r->monitor.tables = r->watch.tables;
    r->monitor.catches = r->gdb ? gdb_catches(gdb_server_gdb(r->gdb)) : &r->catches;
    if (!r->gdb && !catches_init(&r->catches, machine_cpu(r->machine), r->machine))
        return false;
    if (r->gdb)
        gdb_on_command(gdb_server_gdb(r->gdb), gdb_asks, r);
    return prompt_attach(&r->prompt, &r->monitor, &r->control);
}

static bool keep_history(struct run *r)
{
    if (!r->o->history && r->prompt.kind != PROMPT_STDIO && r->prompt.kind != PROMPT_SOCKET)
        return true; /* behind ^A c it would cost every run with -nographic something */
    if (!faults_begin(&r->history)) {
        snprintf(r->why, sizeof(r->why), "out of memory");
        return false;
    }
    r->watch.listener = (struct watch_listener){.ctx = &r->history, .raised = faults_raised, .decided = faults_decided};
    return true;
}

static bool keep_trail(struct run *r)
{
    r->watch.trail = r->trail = r->o->history_insns ? trail_create(r->o->history_insns) : NULL;
    return r->trail || !r->o->history_insns;
}

static bool open_log(struct run *r)
{
    if (!r->o->log.items)
        return true;
    r->log = log_create(&r->o->log, r->o->log_file ? &r->log_file : &r->errors, machine_phys(r->machine));
    r->watch.log = r->log;
    return r->log;
}

static bool prepare(struct run *r)
{
    bool explain = r->o->explain;

    if (r->o->save_state && !state_file_may_save(r->o->save_state, r->why, sizeof(r->why)))
        return false;
    if (!open_state(r) || (!r->saved && !choose_image(r)) || !open_outputs(r))
        return false;
    if (r->o->junit && !(r->junit = fopen(r->o->junit, "we"))) {
        snprintf(r->why, sizeof(r->why), "%s: %s", r->o->junit, strerror(errno));
        return false;
    }
    if (r->o->gdb && !(r->gdb = gdb_server_open(r->o->gdb, r->why, sizeof(r->why))))
        return false;
    if (r->o->stop_on && !matcher_init(&r->matcher, r->o->stop_on)) {
        snprintf(r->why, sizeof(r->why), "out of memory");
        return false;
    }
    if (!prompt_open(&r->prompt, r->o, &r->console, r->why, sizeof(r->why)))
        return false;
    if (!screen_open(&r->screen, r->o, r->why, sizeof(r->why)) || !make_machine(r))
        return false;
    r->drives.machine = r->machine;
    r->screen.events.media = drives_change;
    r->screen.events.media_ctx = &r->drives;
    if (!keep_history(r))
        return false;
    snprintf(r->why, sizeof(r->why), "out of memory");
    /* Before the loader writes: the tables it makes have a writer too. */
    if (!open_log(r) || !keep_trail(r))
        return false;
    if (!watch_begin(&r->watch, r->machine, r->o, r->o->trace ? &r->trace : NULL, explain ? &r->errors : NULL,
                     screen_overlay(&r->screen)))
        return false;
    if (!boot(r))
        return false;
    snprintf(r->why, sizeof(r->why), "out of memory");
    if (r->log)
        log_begin(r->log, machine_cpu(r->machine));
    return screen_attach(&r->screen, r->machine, &r->console) && go_on(r) && open_symbols(r) && take_control(r);
}

/* ---- The run ---- */

/* Processor time: what the machine costs, whoever else uses the host, and while nobody types. */
static u64 host_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (u64)t.tv_sec * 1000000000u + (u64)t.tv_nsec;
}

/* Before the events are finished, and whatever has ended the run. */
static void save_state(struct run *r)
{
    struct saved_run s = saved_run(r);
    char why[512];

    if (!r->o->save_state || saved_write(&s, r->o->save_state, why, sizeof(why)))
        return;
    options_one_line(why);
    fprintf(stderr, "faultline: %s\n", why);
    r->failed = true;
}

static void run_machine(struct run *r)
{
    struct machine_limits limits = {.max_instructions = r->o->max_instructions};

    console_attach(&r->console, r->machine);
    if (screen_has_terminal(&r->screen) || (r->console.input.kind != INPUT_NONE && !r->o->replay) || r->prompt.terminal)
        terminal_enter(&r->host->terminal, STDIN_FILENO, r->o->nographic || screen_has_terminal(&r->screen));
    r->host->machine = r->machine;
    r->host->armed();
    r->host_ns = host_ns();
    r->end = control_run(&r->control, limits);
    r->host_ns = host_ns() - r->host_ns;
    if (r->o->dump_core && !core_write(r->machine, r->o->dump_core, r->why, sizeof(r->why))) {
        fprintf(stderr, "faultline: %s: %s\n", r->o->dump_core, r->why);
        r->failed = true;
    }
    prompt_detach(&r->prompt);
    save_state(r);
    r->failed |= !screen_finish(&r->screen, r->machine, &r->end);
    r->host->machine = NULL;
    r->host->disarmed();
    screen_close(&r->screen);
    terminal_leave(&r->host->terminal);
    console_detach(&r->console);
    output_flush(&r->standard);
}

int run_guest(struct options *o, struct host *host)
{
    struct run *r = calloc(1, sizeof(*r));
    int status = EXIT_FILES;

    if (!r) {
        fputs("faultline: out of memory\n", stderr);
        return EXIT_INTERNAL;
    }
    if (o->who && !o->who_lists && !twice_first(o, run_guest, host, r->why, sizeof(r->why))) {
        fprintf(stderr, "faultline: %s\n", r->why);
        free(r);
        return EXIT_FILES;
    }
    r->o = o;
    r->host = host;
    console_init(&r->console, &host->signal);
    if (prepare(r)) {
        run_machine(r);
        status = run_finish(r);
    } else {
        options_one_line(r->why);
        fprintf(stderr, "faultline: %s\n", r->why);
        run_close_outputs(r);
        screen_close(&r->screen);
    }
    gdb_server_close(r->gdb, status);
    prompt_close(&r->prompt);
    monitor_free(&r->monitor);
    faults_end(&r->history);
    if (r->catches.cpu)
        catches_free(&r->catches);
    watch_end(&r->watch);
    log_destroy(r->log);
    trail_destroy(r->trail);
    symbols_destroy(r->symbols);
    matcher_free(&r->matcher);
    machine_destroy(r->machine);
    drives_close(&r->drives);
    if (r->saved)
        saved_close(r->saved);
    free(r->saved);
    free(r);
    return status;
}
