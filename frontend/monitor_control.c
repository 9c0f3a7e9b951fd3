/* SPDX-License-Identifier: MIT */
/* Commands that act: on the run, and on the guest's keyboard, mouse and buttons. */
#include <stdio.h>
#include <string.h>

#include "frontend/keys.h"
#include "frontend/monitor.h"
#include "frontend/screenshot.h"

#define KEYS_MAX 16u

/* ---- The run ---- */

static bool stopped(const struct monitor *m) { return m->control.stopped && m->control.stopped(m->control.ctx); }

static bool may(bool possible, struct reply *r, const char *what)
{
    return possible || reply_error(r, "%s: not from here: who runs the machine decides that", what);
}

void monitor_stop(struct monitor *m, const char *arguments, struct reply *r)
{
    (void)arguments;
    if (may(m->control.stop, r, "stop"))
        m->control.stop(m->control.ctx);
}

void monitor_cont(struct monitor *m, const char *arguments, struct reply *r)
{
    (void)arguments;
    if (may(m->control.go, r, "cont"))
        m->control.go(m->control.ctx, 0);
}

void monitor_step(struct monitor *m, const char *arguments, struct reply *r)
{
    u64 n = 1;

    if (!may(m->control.go, r, "step") || (*arguments && !monitor_value(m, arguments, &n, r)))
        return;
    if (!n)
        reply_error(r, "step: 0 instructions");
    else if (!stopped(m))
        reply_error(r, "step: the guest is running; stop it first");
    else
        m->control.go(m->control.ctx, n);
}

void monitor_wait(struct monitor *m, const char *arguments, struct reply *r)
{
    (void)arguments;
    if (may(m->control.wait, r, "wait"))
        m->control.wait(m->control.ctx);
}

void monitor_quit(struct monitor *m, const char *arguments, struct reply *r)
{
    (void)arguments;
    if (may(m->control.quit, r, "quit"))
        m->control.quit(m->control.ctx);
}

/* ---- Input ---- */

static bool can_be_put(struct monitor *m, struct reply *r, const char *what)
{
    if (!m->events)
        return reply_error(r, "%s: this machine takes no input", what);
    if (m->events->replaying)
        return reply_error(r, "%s: a recording is replayed: its input is all there is", what);
    return true;
}

void monitor_system_reset(struct monitor *m, const char *arguments, struct reply *r)
{
    (void)arguments;
    if (can_be_put(m, r, "system_reset"))
        events_reset(m->events);
}

void monitor_system_powerdown(struct monitor *m, const char *arguments, struct reply *r)
{
    (void)arguments;
    if (can_be_put(m, r, "system_powerdown"))
        events_power(m->events);
}

static int key_of(const char *name)
{
    unsigned number;
    char rest;

    if (sscanf(name, "0x%x%c", &number, &rest) == 1)
        return number <= 0xff && keys_name(number) ? (int)number : -1;
    if (!strcmp(name, "minus"))
        return keys_for_character('-');
    return keys_by_name(name);
}

/* QEMU's syntax: names with dashes between, numbers are those of scan code set 1. */
void monitor_sendkey(struct monitor *m, const char *arguments, struct reply *r)
{
    int key[KEYS_MAX];
    unsigned keys = 0;

    if (!can_be_put(m, r, "sendkey"))
        return;
    for (const char *at = arguments; at;) {
        size_t n = strcspn(at, "-");
        char name[32];

        if (n >= sizeof(name) || keys == KEYS_MAX) {
            reply_error(r, "sendkey: %s", keys == KEYS_MAX ? "more than 16 keys" : "no key has such a name");
            return;
        }
        snprintf(name, sizeof(name), "%.*s", (int)n, at);
        if ((key[keys++] = key_of(name)) < 0) {
            reply_error(r, "sendkey: '%s' is no key", name);
            return;
        }
        at = at[n] ? at + n + 1 : NULL;
    }
    for (unsigned i = 0; i < keys; i++)
        events_key(m->events, (u8)key[i], true);
    while (keys)
        events_key(m->events, (u8)key[--keys], false);
}

void monitor_type(struct monitor *m, const char *arguments, struct reply *r)
{
    char text[MONITOR_LINE];
    size_t n = 0;

    if (!can_be_put(m, r, "type"))
        return;
    for (const char *c = arguments; *c && n + 1 < sizeof(text); c++) {
        bool escape = c[0] == '\\' && (c[1] == 'n' || c[1] == 't' || c[1] == '\\');

        c += escape;
        text[n++] = !escape || *c == '\\' ? *c : *c == 'n' ? '\n' : '\t';
    }
    text[n] = '\0';
    events_type(m->events, text);
}

/* A number that may be negative and is small, as a mouse moves. */
static bool small(struct monitor *m, const char **text, int *value, struct reply *r)
{
    u64 v;

    if (!monitor_word(m, text, &v, r))
        return false;
    if ((s64)v < -32768 || (s64)v > 32767)
        return reply_error(r, "mouse_move: %lld is not between -32768 and 32767", (long long)v);
    *value = (int)(s64)v;
    return true;
}

void monitor_mouse_move(struct monitor *m, const char *arguments, struct reply *r)
{
    int dx = 0, dy = 0, wheel = 0;

    if (!can_be_put(m, r, "mouse_move") || !small(m, &arguments, &dx, r) || !small(m, &arguments, &dy, r) ||
        (*arguments && !small(m, &arguments, &wheel, r)))
        return;
    if (*arguments)
        reply_error(r, "mouse_move: '%s' is left over", arguments);
    else
        events_mouse(m->events, dx, dy, wheel, m->buttons);
}

void monitor_mouse_button(struct monitor *m, const char *arguments, struct reply *r)
{
    u64 mask;

    if (!can_be_put(m, r, "mouse_button") || !monitor_value(m, arguments, &mask, r))
        return;
    if (mask > 31) {
        reply_error(r, "mouse_button: a sum of 1 left, 2 right, 4 middle, 8 and 16 the further ones");
        return;
    }
    m->buttons = (u8)mask;
    events_mouse(m->events, 0, 0, 0, m->buttons);
}

/* ---- Output ---- */

void monitor_screendump(struct monitor *m, const char *arguments, struct reply *r)
{
    size_t n = strlen(arguments);
    char why[256];

    if (n < 4 || strcmp(arguments + n - 4, ".png") != 0)
        reply_error(r, "screendump: '%s': the name must end in .png", arguments);
    else if (!machine_vga(m->machine))
        reply_error(r, "screendump: there is no display adapter");
    else if (!screenshot_take(machine_vga(m->machine), machine_time(m->machine), arguments, why, sizeof(why)))
        reply_error(r, "screendump: %s: %s", arguments, why);
}
