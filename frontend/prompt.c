/* SPDX-License-Identifier: MIT */
#include "frontend/prompt.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define LOOK_NS 10000000u    /* of guest time */
#define WAIT_MS 50           /* while stopped: signals and windows are looked at as well */
#define SLEEP_NS 1000000000u /* a guest that sleeps so long will not step */
#define PACE_LEAST 200000u
#define PACE_MOST 100000000u

/* ---- Answers ---- */

/* A client that does not read must not hold up the machine for ever. */
static void send_all(struct prompt *p, const char *text, size_t size)
{
    while (size && p->client >= 0) {
        ssize_t n = send(p->client, text, size, MSG_NOSIGNAL);
        struct pollfd ready = {.fd = p->client, .events = POLLOUT};

        if (n > 0) {
            text += n;
            size -= (size_t)n;
        } else if (n < 0 && (errno == EAGAIN || errno == EINTR) && poll(&ready, 1, 2000) > 0) {
            continue;
        } else {
            close(p->client);
            p->client = -1;
        }
    }
}

static void tell(struct prompt *p, const char *text)
{
    if (p->kind == PROMPT_SOCKET) {
        send_all(p, text, strlen(text));
    } else {
        output_flush(p->console->out ? p->console->out : &(struct output){.fd = -1});
        fputs(text, stdout);
        fflush(stdout);
    }
}

static void tell_reply(struct prompt *p, struct reply *r)
{
    const char *text = reply_text(r);

    tell(p, text);
    reply_free(r);
}

/* Where it stands, after a step. */
static void tell_where(struct prompt *p)
{
    struct reply r;

    reply_init(&r, false);
    monitor_where(p->monitor, &r);
    tell_reply(p, &r);
}

/* ---- Control ---- */

static bool is_stopped(void *ctx) { return ((struct prompt *)ctx)->control->stopped; }

static void stop(void *ctx)
{
    struct prompt *p = ctx;

    p->waiting = !p->control->stopped;
    if (p->control->stopped)
        tell_where(p);
    control_stop(p->control);
}

static void go(void *ctx, u64 instructions)
{
    struct prompt *p = ctx;
    struct clock *clock = machine_clock(p->machine);
    u64 now = clock_now(clock), until = now + SLEEP_NS + instructions;

    if (instructions > 1)
        control_go_through(p->control, instructions);
    else
        control_go(p->control, instructions);
    p->waiting = instructions != 0;
    if (p->waiting)
        clock_arm(clock, &p->asleep, until > now ? until : CLOCK_NEVER - 1);
}

/* A step has taken very long, in guest time: if it is because the guest sleeps, it ends here. */
static void asleep_due(void *ctx, u64 now)
{
    struct prompt *p = ctx;

    if (!p->control->pause_at)
        return;
    if (cpu_halted(machine_cpu(p->machine)))
        control_stop(p->control);
    else
        clock_arm(machine_clock(p->machine), &p->asleep, now + SLEEP_NS);
}

static void wait_for_stop(void *ctx)
{
    struct prompt *p = ctx;

    p->waiting = !p->control->stopped;
}

static void quit(void *ctx) { control_quit(((struct prompt *)ctx)->control); }

/* ---- Commands ---- */

static void command(void *ctx, const char *line)
{
    struct prompt *p = ctx;
    struct reply r;

    reply_init(&r, false);
    monitor_command(p->monitor, line, &r);
    tell_reply(p, &r);
    if (p->editor && !p->waiting && !p->control->quit)
        editor_resume(p->editor);
}

/* No more commands: one that nobody else can let go on ends here. */
static void input_ended(void *ctx)
{
    struct prompt *p = ctx;

    p->ended = true;
    if (p->control->stopped)
        quit(p);
}

static bool complete(void *ctx, const char *line, unsigned n, char *to, size_t size)
{
    return monitor_complete(((struct prompt *)ctx)->monitor, line, n, to, size);
}

static void drop(struct prompt *p, size_t n)
{
    memmove(p->buffer, p->buffer + n, p->used - n);
    p->used -= n;
}

/* Whole lines of the buffer, as far as they may be carried out now. */
static void run_lines(struct prompt *p)
{
    size_t from = 0;
    char *end;

    if (p->editor) {
        if (p->used)
            drop(p, editor_keys(p->editor, (const u8 *)p->buffer, p->used));
        return;
    }
    while (!p->control->quit && !p->waiting && (end = memchr(p->buffer + from, '\n', p->used - from))) {
        *end = '\0';
        command(p, p->buffer + from);
        from = (size_t)(end - p->buffer) + 1;
    }
    drop(p, from);
    if (p->used == sizeof(p->buffer) && !memchr(p->buffer, '\n', p->used)) {
        tell(p, "a line that long is no command\n");
        p->used = 0;
    }
}

/* ---- Input ---- */

static void take_bytes(void *ctx, const u8 *bytes, size_t n)
{
    struct prompt *p = ctx;
    size_t room = sizeof(p->buffer) - p->used;

    if (n > room)
        n = room;
    memcpy(p->buffer + p->used, bytes, n);
    p->used += n;
}

static void set_wake(struct prompt *p)
{
    p->console->wake_fd = p->kind == PROMPT_SOCKET ? p->client >= 0 ? p->client : p->listener
                          : p->kind == PROMPT_STDIO && p->interactive && !p->ended ? STDIN_FILENO
                                                                                   : -1;
}

static void accept_client(struct prompt *p)
{
    if (p->client >= 0 || (p->client = accept(p->listener, NULL, NULL)) < 0)
        return;
    fcntl(p->client, F_SETFL, fcntl(p->client, F_GETFL) | O_NONBLOCK);
    fcntl(p->client, F_SETFD, FD_CLOEXEC);
}

/* Reads what there is, if there is room. False at the end of the input. */
static bool read_some(struct prompt *p, int fd)
{
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    u8 bytes[4096];
    size_t room = sizeof(p->buffer) - p->used;
    ssize_t n;

    if (!room || poll(&ready, 1, 0) <= 0)
        return true;
    n = read(fd, bytes, room < sizeof(bytes) ? room : sizeof(bytes));
    if (n > 0)
        take_bytes(p, bytes, (size_t)n);
    return n > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN));
}

static void pump(struct prompt *p)
{
    if (p->kind == PROMPT_SOCKET) {
        accept_client(p);
        if (p->client >= 0 && !read_some(p, p->client)) {
            run_lines(p);
            close(p->client);
            p->client = -1;
            p->used = 0;
        }
    } else if (p->kind == PROMPT_STDIO && !p->ended && !read_some(p, STDIN_FILENO)) {
        p->ended = true;
        if (p->used && p->used < sizeof(p->buffer))
            p->buffer[p->used++] = '\n'; /* a last line without its end */
    }
    run_lines(p);
    if (p->ended && p->control->stopped && !p->waiting)
        quit(p);
    set_wake(p);
}

static bool begin_editing(struct prompt *p)
{
    struct editor_events events = {.line = command, .ended = input_ended, .complete = complete, .ctx = p};

    if (!p->editor)
        p->editor = editor_create("(faultline) ", &events);
    if (p->editor)
        editor_resume(p->editor);
    return p->editor;
}

static void switch_focus(void *ctx)
{
    struct prompt *p = ctx;

    p->focus = !p->focus;
    p->console->monitor_focus = p->focus;
    if (p->focus) {
        fputs("\n", stdout);
        begin_editing(p);
    } else if (p->editor) {
        editor_suspend(p->editor);
        fputs("\n", stdout);
        fflush(stdout);
    }
}

/* ---- As a user of the control ---- */

static unsigned descriptors(void *ctx, int fd[CONTROL_FDS])
{
    struct prompt *p = ctx;

    if (p->ended && p->kind != PROMPT_SOCKET)
        return 0;
    fd[0] = p->kind == PROMPT_SOCKET ? p->client >= 0 ? p->client : p->listener : STDIN_FILENO;
    return 1;
}

/* At first the terminal was not ours yet. */
static void poll_input(void *ctx)
{
    struct prompt *p = ctx;

    if (p->kind == PROMPT_STDIO && p->terminal && !p->editor)
        begin_editing(p);
    if (p->kind == PROMPT_SHARED && p->control->stopped && !p->editor)
        switch_focus(p);
    pump(p);
}

static void tell_break(struct prompt *p)
{
    const struct cpu_break *b = cpu_broke(machine_cpu(p->machine));
    char line[600];
    struct text t = TEXT_OVER(line);

    if (b->kind == CPU_BREAK_EVENT && p->monitor->catches)
        catches_tell(p->monitor->catches, &t);
    else if (b->kind != CPU_BREAK_EVENT)
        catches_tell_point(b, &t);
    text_end(&t);
    tell(p, line);
}

static void has_stopped(void *ctx, enum control_why why)
{
    struct prompt *p = ctx;

    if (p->kind == PROMPT_SHARED && !p->focus)
        return;
    if (p->editor)
        editor_suspend(p->editor);
    if (why == CONTROL_BREAK)
        tell_break(p);
    else if (why == CONTROL_END)
        tell(p, cpu_halted(machine_cpu(p->machine)) ? "the run has ended: HLT that nothing can end\n"
                                                    : "the run has ended: triple fault\n");
    p->waiting = false;
    if (why == CONTROL_END) /* nothing can let it go on */
        p->monitor->control.go = NULL, p->monitor->events = NULL;
    tell_where(p);
    if (p->editor)
        editor_resume(p->editor);
}

static bool holds(void *ctx)
{
    const struct prompt *p = ctx;

    return (p->kind == PROMPT_STDIO && (!p->ended || p->used)) || (p->kind == PROMPT_SOCKET && p->client >= 0) ||
           (p->kind == PROMPT_SHARED && p->focus);
}

/* ---- Time ---- */

static void look_due(void *ctx, u64 now)
{
    struct prompt *p = ctx;
    struct pace *pace = p->console->pace;
    struct pollfd ready = {.events = POLLIN};
    u64 ahead;
    int fd[CONTROL_FDS];

    if (p->monitor->events)
        events_poll(p->monitor->events, now);
    if (p->interactive && pace && (ahead = pace_ahead(pace, now)) >= PACE_LEAST) {
        ready.fd = descriptors(p, fd) ? fd[0] : -1;
        poll(&ready, 1, (int)((ahead < PACE_MOST ? ahead : PACE_MOST) / 1000000u));
    }
    clock_arm(machine_clock(p->machine), &p->look, now + LOOK_NS);
}

/* ---- Life ---- */

static bool open_socket(struct prompt *p, char *why, size_t size)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct stat st;

    if (strlen(p->path) >= sizeof(address.sun_path)) {
        snprintf(why, size, "-monitor: %s: the name of a socket ends at %zu characters", p->path,
                 sizeof(address.sun_path) - 1);
        return false;
    }
    strcpy(address.sun_path, p->path);
    if (lstat(p->path, &st) == 0 && S_ISSOCK(st.st_mode)) /* what an earlier run left behind */
        unlink(p->path);
    p->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (p->listener >= 0 && bind(p->listener, (struct sockaddr *)&address, sizeof(address)) == 0 &&
        listen(p->listener, 1) == 0)
        return true;
    snprintf(why, size, "-monitor: %s: %s", p->path, strerror(errno));
    if (p->listener >= 0)
        close(p->listener);
    p->listener = -1;
    return false;
}

bool prompt_open(struct prompt *p, const struct options *o, struct console *c, char *why, size_t size)
{
    *p = (struct prompt){.console = c, .listener = -1, .client = -1};
    if (o->monitor.kind == ENDPOINT_UNIX) {
        p->kind = PROMPT_SOCKET;
        p->path = o->monitor.path;
        p->interactive = true;
        return open_socket(p, why, size);
    }
    if (o->monitor.kind == ENDPOINT_STDIO) {
        p->kind = PROMPT_STDIO;
        p->interactive = isatty(STDIN_FILENO);
        p->terminal = p->interactive && tcgetpgrp(STDIN_FILENO) == getpgrp();
    } else if (o->nographic && o->monitor.kind == ENDPOINT_UNSET && c->input.escapes) {
        p->kind = PROMPT_SHARED;
        p->terminal = true;
        c->monitor_switch = switch_focus;
        c->monitor_bytes = take_bytes;
        c->monitor = p;
    }
    return true;
}

bool prompt_attach(struct prompt *p, struct monitor *monitor, struct control *control)
{
    struct clock *clock = machine_clock(monitor->machine);

    p->machine = monitor->machine;
    p->monitor = monitor;
    p->control = control;
    monitor->control = (struct monitor_control){p, is_stopped, stop, go, wait_for_stop, quit};
    p->look = timer_make(look_due, p);
    p->asleep = timer_make(asleep_due, p);
    if (p->kind == PROMPT_NONE)
        return true;
    clock_arm(clock, &p->look, clock_now(clock));
    set_wake(p);
    return control_add(control,
                       (struct control_user){
                           .ctx = p, .fds = descriptors, .poll = poll_input, .stopped = has_stopped, .holds = holds});
}

void prompt_detach(struct prompt *p)
{
    if (p->machine) {
        clock_disarm(machine_clock(p->machine), &p->look);
        clock_disarm(machine_clock(p->machine), &p->asleep);
    }
    editor_destroy(p->editor);
    p->editor = NULL;
    p->console->wake_fd = -1;
    p->console->monitor_focus = false;
    p->machine = NULL;
}

void prompt_close(struct prompt *p)
{
    if (!p->console) /* it was never opened */
        return;
    if (p->client >= 0)
        close(p->client);
    if (p->listener >= 0) {
        close(p->listener);
        unlink(p->path);
    }
    p->client = p->listener = -1;
}
