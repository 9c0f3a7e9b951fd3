/* SPDX-License-Identifier: MIT */
/* Options of the screen and of who sits before it. */
#include <stdlib.h>
#include <string.h>

#include "frontend/options.h"
#include "frontend/screenshot.h"

/* QEMU's other types of window are windows too; its servers are not there. */
bool option_display(struct setting *s, const char *value)
{
    size_t n = strcspn(value, ",");
    static const struct {
        const char *name;
        enum display_kind kind;
    } kinds[] = {{"none", DISPLAY_NONE},
                 {"sdl", DISPLAY_SDL},
                 {"gtk", DISPLAY_SDL},
                 {"ansi", DISPLAY_ANSI},
                 {"curses", DISPLAY_ANSI}};

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
        if (strlen(kinds[i].name) == n && !memcmp(kinds[i].name, value, n)) {
            s->o->display = kinds[i].kind;
            return true;
        }
    return option_refuse(s, "'%s' is not sdl, ansi or none", value);
}

/* Other adapters' drivers fall back on what every one of them has. */
bool option_vga(struct setting *s, const char *value)
{
    s->o->no_vga = !strcmp(value, "none");
    s->note = !s->o->no_vga && strcmp(value, "std") != 0;
    return true;
}

bool option_screenshot(struct setting *s, const char *value)
{
    if (!screenshot_is_picture(value) && !screenshot_is_text(value))
        return option_refuse(s, "'%s' does not end in .png or .txt", value);
    s->o->screenshot = value;
    return true;
}

bool option_speed(struct setting *s, const char *value)
{
    char *end;
    double speed = strtod(value, &end);

    s->o->speed_set = true;
    if (!strcmp(value, "max"))
        return true;
    if (end == value || *end || !(speed >= 0.001 && speed <= 1000))
        return option_refuse(s, "'%s' is not max, or a number from 0.001 to 1000", value);
    s->o->speed = speed;
    return true;
}

bool option_record_input(struct setting *s, const char *value)
{
    s->o->record = value;
    return *value || option_refuse(s, "the file name is empty");
}

bool option_replay_input(struct setting *s, const char *value)
{
    s->o->replay = value;
    return *value || option_refuse(s, "the file name is empty");
}

bool option_script(struct setting *s, const char *value)
{
    s->o->script = value;
    return *value || option_refuse(s, "the file name is empty");
}

bool option_monitor(struct setting *s, const char *value)
{
    struct endpoint *e = &s->o->monitor;

    if (!strncmp(value, "unix:", 5)) {
        const char *comma = strchr(value, ','); /* QEMU's ",server,nowait" is what this always is */

        if (comma && strncmp(comma, ",server", 7) != 0)
            return option_refuse(s, "'%s': ',%s' is not known; a socket's name has no comma", value, comma + 1);
        if (comma)
            s->note = true;
        e->kind = ENDPOINT_UNIX;
        e->path = value + 5;
        return *e->path || option_refuse(s, "'%s' names no socket", value);
    }
    if (!strcmp(value, "stdio"))
        e->kind = ENDPOINT_STDIO;
    else if (!strcmp(value, "none") || !strcmp(value, "null"))
        e->kind = ENDPOINT_NONE;
    else
        return option_refuse(s, "'%s' is not stdio, none or unix:PATH", value);
    return true;
}
