/* SPDX-License-Identifier: MIT */
#include "frontend/console.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define CONTROL_A 1
#define REFRESH_NS 10000000u /* of guest time */
#define SLEEP_AT_LEAST 200000u
#define IDLE_AT_LEAST \
    5000000u /* a UART that listens wakes a sleeping guest each millisecond: the host need not follow */
#define SLEEP_AT_MOST 100000000u

/* ---- Looking for a text ---- */

bool matcher_init(struct matcher *m, const char *text)
{
    *m = (struct matcher){.text = text, .length = strlen(text)};
    m->back = calloc(m->length + 1, sizeof(*m->back));
    if (!m->back)
        return false;
    for (size_t i = 1, k = 0; i < m->length; i++) {
        while (k && text[i] != text[k])
            k = m->back[k - 1];
        k += text[i] == text[k];
        m->back[i] = (u32)k;
    }
    return true;
}

bool matcher_byte(struct matcher *m, u8 byte)
{
    while (m->at && (u8)m->text[m->at] != byte)
        m->at = m->back[m->at - 1];
    m->at += (u8)m->text[m->at] == byte;
    if (m->at < m->length)
        return false;
    m->at = m->back[m->at - 1];
    return true;
}

void matcher_free(struct matcher *m)
{
    free(m->back);
    m->back = NULL;
}

/* ---- Input ---- */

void console_init(struct console *c, const volatile sig_atomic_t *stop)
{
    *c = (struct console){.stop = stop, .wake_fd = -1};
    c->input.ended = true;
}

void console_take_input(struct console *c, bool escapes)
{
    struct stat st;

    if (fstat(STDIN_FILENO, &st) != 0)
        return;
    c->input.ended = false;
    c->input.kind = S_ISREG(st.st_mode) ? INPUT_FILE : isatty(STDIN_FILENO) ? INPUT_TERMINAL : INPUT_STREAM;
    c->input.escapes = escapes && c->input.kind == INPUT_TERMINAL;
}

/* ^A and then: x ends the run, c is the monitor, ^A is a ^A, h explains. False if the byte is not for the guest. */
static bool escape(struct console *c, u8 byte)
{
    struct console_input *in = &c->input;

    if (!in->escapes)
        return true;
    if (!in->escaped) {
        in->escaped = byte == CONTROL_A;
        return byte != CONTROL_A;
    }
    in->escaped = false;
    if (byte == 'x' && c->machine) {
        c->quit = true;
        machine_request_stop(c->machine);
    } else if (byte == 'c' && c->monitor_switch) {
        c->monitor_switch(c->monitor);
    } else if (byte == 'c') {
        fputs("\r\nfaultline: the monitor is elsewhere, or there is none (-monitor)\r\n", stderr);
    } else if (byte == 'h' || byte == '?') {
        fputs("\r\nfaultline: ^A x ends the run, ^A c switches between serial line and monitor, ^A ^A sends ^A\r\n",
              stderr);
    }
    return byte == CONTROL_A;
}

static void input_push(struct console *c, u8 byte)
{
    struct console_input *in = &c->input;

    if (!escape(c, byte))
        return;
    if (c->monitor_focus) {
        c->monitor_bytes(c->monitor, &byte, 1);
        return;
    }
    if (!in->as_events) {
        in->buffer[(in->first + in->count++) % sizeof(in->buffer)] = byte;
        return;
    }
    in->promised++;
    events_serial(c->events, byte);
}

void console_serial(void *console, int byte)
{
    struct console *c = console;
    struct console_input *in = &c->input;

    if (byte < 0) {
        in->ended = true;
        return;
    }
    in->promised -= in->promised > 0;
    if (in->count < sizeof(in->buffer))
        in->buffer[(in->first + in->count++) % sizeof(in->buffer)] = (u8)byte;
}

/* Reads what is there, as far as there is room. A regular file is always there: its bytes come at fixed times. */
static void input_pump(struct console *c)
{
    struct console_input *in = &c->input;
    struct pollfd ready = {.fd = STDIN_FILENO, .events = POLLIN};
    u8 bytes[1024];
    ssize_t n;

    if (in->ended || in->closed || in->count + in->promised + sizeof(bytes) > sizeof(in->buffer))
        return;
    if (in->kind != INPUT_FILE && poll(&ready, 1, 0) <= 0)
        return;
    n = read(STDIN_FILENO, bytes, sizeof(bytes));
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    if (n <= 0) {
        in->closed = true;
        if (in->as_events)
            events_serial(c->events, -1);
        else
            in->ended = true;
    }
    for (ssize_t i = 0; i < n; i++)
        input_push(c, bytes[i]);
    in->taken += n > 0 ? (u64)n : 0;
}

void console_look(struct console *c) { input_pump(c); }

int console_get(void *console)
{
    struct console *c = console;
    struct console_input *in = &c->input;
    u8 byte;

    if (!in->count && !in->as_events && in->kind != INPUT_TERMINAL) /* a terminal is looked at by refresh_due */
        input_pump(c);
    if (!in->count)
        return in->ended ? -2 : -1;
    byte = in->buffer[in->first];
    in->first = (in->first + 1) % sizeof(in->buffer);
    in->count--;
    return byte;
}

void console_still(struct console *c)
{
    if (c->out)
        output_flush(c->out);
    if (c->input.kind == INPUT_TERMINAL)
        input_pump(c);
}

/* ---- Time ---- */

/* Somebody types, or what is typed is recorded: standard input is looked at from a timer. */
static bool is_looked_at(const struct console *c)
{
    const struct console_input *in = &c->input;

    return in->kind == INPUT_TERMINAL || (in->as_events && in->kind != INPUT_NONE);
}

/* Somebody may be typing. */
static bool input_may_come(const struct console *c)
{
    return !c->input.ended && c->input.kind != INPUT_FILE && c->input.kind != INPUT_NONE;
}

static bool input_within(const struct console *c, u64 ns)
{
    struct timespec t = {.tv_sec = 0, .tv_nsec = (long)ns};
    int last = -1;
    fd_set set;

    FD_ZERO(&set);
    if (input_may_come(c))
        FD_SET(STDIN_FILENO, &set), last = STDIN_FILENO;
    if (c->wake_fd >= 0 && c->wake_fd < FD_SETSIZE)
        FD_SET(c->wake_fd, &set), last = c->wake_fd;
    return pselect(last + 1, &set, NULL, NULL, &t, NULL) > 0;
}

static void refresh_due(void *console, u64 now)
{
    struct console *c = console;
    u64 ahead;

    if (c->out)
        output_flush(c->out);
    if (!is_looked_at(c))
        return;
    input_pump(c);
    if (c->input.as_events)
        events_poll(c->events, now);
    if (c->pace && c->input.kind == INPUT_TERMINAL && (ahead = pace_ahead(c->pace, now)) >= SLEEP_AT_LEAST)
        input_within(c, ahead < SLEEP_AT_MOST ? ahead : SLEEP_AT_MOST);
    if (!c->input.closed)
        clock_arm(machine_clock(c->machine), &c->refresh, now + REFRESH_NS);
}

void console_attach(struct console *c, struct machine *m)
{
    c->machine = m;
    c->refresh = timer_make(refresh_due, c);
    if (is_looked_at(c))
        clock_arm(machine_clock(m), &c->refresh, clock_now(machine_clock(m)) + REFRESH_NS);
}

void console_detach(struct console *c)
{
    if (c->machine)
        clock_disarm(machine_clock(c->machine), &c->refresh);
    c->machine = NULL;
}

void console_wrote(struct console *c)
{
    struct clock *clock;

    if (!c->machine || !c->out || !c->out->prompt || !c->out->used || c->refresh.at != CLOCK_NEVER)
        return;
    clock = machine_clock(c->machine);
    clock_arm(clock, &c->refresh, clock_now(clock) + REFRESH_NS);
}

/*
 * The guest sleeps. If somebody may be typing, so do we, for as long; else its time just leaps. Short
 * sleeps are added up. Input ends a sleep.
 */
void console_idle(void *console, u64 ns)
{
    struct console *c = console;
    u64 until;

    if (c->out)
        output_flush(c->out);
    if (!input_may_come(c) && c->wake_fd < 0)
        return;
    if (!c->pace || c->pace->speed <= 0)
        return;
    c->debt_ns += (u64)((double)ns / c->pace->speed);
    if (c->debt_ns < IDLE_AT_LEAST)
        return;
    until = c->pace->host_now(c->pace->ctx) + c->debt_ns;
    for (u64 now = c->pace->host_now(c->pace->ctx); now < until && !*c->stop; now = c->pace->host_now(c->pace->ctx))
        if (input_within(c, until - now < SLEEP_AT_MOST ? until - now : SLEEP_AT_MOST))
            break;
    c->debt_ns = 0;
}
