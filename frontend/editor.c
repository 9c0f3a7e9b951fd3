/* SPDX-License-Identifier: MIT */
/*
 * libedit in its unbuffered mode, where el_gets() takes one key and comes back. Its own reader waits for a descriptor;
 * ours hands out what was read already, so that the guest goes on running between two keys.
 */
#include "frontend/editor.h"

#include <histedit.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#define HISTORY 500
#define LINE_MAX_SIZE 1024
#define CANDIDATES 200u
#define ESCAPE_MS 100 /* the keys of a sequence follow each other so fast */

struct editor {
    EditLine *el;
    History *history;
    const char *prompt;
    struct editor_events events;
    const u8 *keys;
    size_t left;
    bool active;
    bool has_modes; /* of the terminal while it is not ours: libedit would leave it with echo */
    struct termios modes;
};

static struct editor *editor_of(EditLine *el)
{
    void *data = NULL;

    el_get(el, EL_CLIENTDATA, &data);
    return data;
}

static char *prompt_of(EditLine *el) { return (char *)(uintptr_t)editor_of(el)->prompt; }

/* The next key; the rest of an escape sequence may be on its way. */
static int next_key(EditLine *el, wchar_t *key)
{
    struct editor *e = editor_of(el);
    struct pollfd ready = {.fd = STDIN_FILENO, .events = POLLIN};
    u8 byte;

    if (e->left) {
        *key = *e->keys++;
        e->left--;
        return 1;
    }
    if (poll(&ready, 1, ESCAPE_MS) <= 0 || read(STDIN_FILENO, &byte, 1) != 1)
        return 0;
    *key = byte;
    return 1;
}

/* ---- Completion ---- */

static size_t common(const char *a, const char *b)
{
    size_t n = 0;

    while (a[n] && a[n] == b[n])
        n++;
    return n;
}

static unsigned char complete(EditLine *el, int key)
{
    struct editor *e = editor_of(el);
    const LineInfo *info = el_line(el);
    size_t length = (size_t)(info->cursor - info->buffer), word = 0, same = 0;
    char line[LINE_MAX_SIZE], candidate[128], first[128] = "";
    unsigned n = 0;

    (void)key;
    if (!e->events.complete || length >= sizeof(line))
        return CC_ERROR;
    memcpy(line, info->buffer, length);
    line[length] = '\0';
    while (word < length && line[length - 1 - word] != ' ' && line[length - 1 - word] != '\t')
        word++;
    for (; n < CANDIDATES && e->events.complete(e->events.ctx, line, n, candidate, sizeof(candidate)); n++) {
        if (n == 0)
            strcpy(first, candidate);
        same = n == 0 ? strlen(first) : common(first, candidate) < same ? common(first, candidate) : same;
    }
    if (n == 0 || same < word)
        return CC_ERROR;
    first[same] = '\0';
    if (n == 1)
        strcat(first, " ");
    if (strlen(first) > word)
        return el_insertstr(el, first + word) == 0 ? CC_REFRESH : CC_ERROR;
    fputc('\n', stdout);
    for (unsigned i = 0; i < n && e->events.complete(e->events.ctx, line, i, candidate, sizeof(candidate)); i++)
        printf("%s%s", candidate, i % 6 == 5 || i + 1 == n ? "\n" : "  ");
    return CC_REDISPLAY;
}

/* ---- Life ---- */

struct editor *editor_create(const char *prompt, const struct editor_events *events)
{
    struct editor *e = calloc(1, sizeof(*e));
    HistEvent event;

    if (!e)
        return NULL;
    e->prompt = prompt;
    e->events = *events;
    e->has_modes = tcgetattr(STDIN_FILENO, &e->modes) == 0;
    e->el = el_init("faultline", stdin, stdout, stderr);
    e->history = history_init();
    if (!e->el || !e->history) {
        editor_destroy(e);
        return NULL;
    }
    history(e->history, &event, H_SETSIZE, HISTORY);
    history(e->history, &event, H_SETUNIQUE, 1);
    el_set(e->el, EL_CLIENTDATA, e);
    el_set(e->el, EL_PROMPT, prompt_of);
    el_set(e->el, EL_EDITOR, "emacs");
    el_set(e->el, EL_SIGNAL, 0);
    el_set(e->el, EL_GETCFN, next_key);
    el_set(e->el, EL_HIST, history, e->history);
    el_set(e->el, EL_ADDFN, "complete", "Complete the word", complete);
    el_set(e->el, EL_BIND, "^I", "complete", NULL);
    return e;
}

void editor_destroy(struct editor *e)
{
    if (!e)
        return;
    editor_suspend(e);
    if (e->history)
        history_end(e->history);
    if (e->el)
        el_end(e->el);
    free(e);
}

void editor_resume(struct editor *e)
{
    if (e->active)
        return;
    e->active = true;
    el_set(e->el, EL_UNBUFFERED, 1);
    fflush(stdout);
}

void editor_suspend(struct editor *e)
{
    if (!e->active)
        return;
    e->active = false;
    el_set(e->el, EL_UNBUFFERED, 0);
    if (e->has_modes)
        tcsetattr(STDIN_FILENO, TCSANOW, &e->modes);
    fflush(stdout);
}

static void finish_line(struct editor *e, const char *text, int size)
{
    char line[LINE_MAX_SIZE];
    HistEvent event;

    snprintf(line, sizeof(line), "%.*s", size, text);
    if (line[strspn(line, " \t")])
        history(e->history, &event, H_ENTER, line);
    editor_suspend(e);
    e->events.line(e->events.ctx, line);
}

size_t editor_keys(struct editor *e, const u8 *keys, size_t n)
{
    e->keys = keys;
    e->left = n;
    while (e->left && e->active) {
        int count = 0;
        const char *text = el_gets(e->el, &count);

        if (!text || count <= 0)
            continue;
        if (count == 1 && text[0] == 4) {
            e->events.ended(e->events.ctx);
            break;
        }
        if (text[count - 1] == '\n' || text[count - 1] == '\r')
            finish_line(e, text, count - 1);
    }
    fflush(stdout);
    n -= e->left;
    e->left = 0;
    return n;
}
