/* SPDX-License-Identifier: MIT */
/* A line of input being written at a terminal, by libedit: keys come in as they are typed, whole lines go out. */
#ifndef FAULTLINE_FRONTEND_EDITOR_H
#define FAULTLINE_FRONTEND_EDITOR_H

#include "mmu/base.h"

struct editor;
struct editor_events {
    void (*line)(void *ctx, const char *line); /* without its end; the editor is suspended */
    void (*ended)(void *ctx);                                                         /* ^D on an empty line */
    bool (*complete)(void *ctx, const char *line, unsigned n, char *to, size_t size); /* as monitor_complete() */
    void *ctx;
};

/* Over standard input and output. NULL if there can be none. Nothing is shown until editor_resume. */
struct editor *editor_create(const char *prompt, const struct editor_events *);
void editor_destroy(struct editor *);
/* The terminal is the editor's: it shows the prompt and what was typed. And no longer. */
void editor_resume(struct editor *);
void editor_suspend(struct editor *);
/* Keys that were read. Calls `line` for each that is finished. How many were taken: a suspended editor takes none. */
size_t editor_keys(struct editor *, const u8 *keys, size_t n);

#endif
