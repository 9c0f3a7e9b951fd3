/* SPDX-License-Identifier: MIT */
/*
 * What a command of the monitor answers: fields and tables, put down once and shown as text or as one JSON object.
 *
 * A field is `key=value` in text and `"key":value` in JSON; text fields stand two blanks apart until reply_newline().
 * Within a table the same calls put cells, whose keys must be those of the columns, in order; text columns are as wide
 * as they must be. Addresses and register values are hex strings in JSON, since they exceed 2^53. Labels and newlines
 * are the text's alone; objects are JSON's alone. An error takes the place of all that was put down.
 */
#ifndef FAULTLINE_FRONTEND_REPLY_H
#define FAULTLINE_FRONTEND_REPLY_H

#include "mmu/base.h"

#define REPLY_COLUMNS 12u
#define REPLY_MAX (16u << 20) /* bytes; what comes after is cut off, and says so */

struct reply {
    bool json;
    bool error;  /* reply_error() was called */
    char *bytes; /* owned; not terminated until reply_text() */
    size_t used, room;
    bool cut, comma, in_line; /* in_line: text stands on the last line */
    bool in_list, in_table;
    unsigned listed; /* items of the list so far */
    /* The table: text cells wait until it is whole. */
    const char *const *column;
    unsigned columns, cell, rows;
    char *cells; /* owned: strings, one after the other */
    size_t cells_used, cells_room;
    size_t width[REPLY_COLUMNS];
    bool filled[REPLY_COLUMNS]; /* a column without anything in it is not shown */
};

void reply_init(struct reply *, bool json);
void reply_free(struct reply *);
/* All of it, ended by a newline (nothing at all is nothing). Valid until reply_free. */
const char *reply_text(struct reply *);

void reply_hex(struct reply *, const char *key, u64 value,
               unsigned digits); /* digits: padded to so many, no 0x; 0: 0x1f */
void reply_number(struct reply *, const char *key, u64 value);
void reply_boolean(struct reply *, const char *key, bool); /* yes, no */
void reply_string(struct reply *, const char *key, const char *value);
void reply_null(struct reply *, const char *key); /* nothing to say: an empty cell, or no field */
/* A sentence: in text without its key, on a line of its own. */
void reply_say(struct reply *, const char *key, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* Words: [A B] in text (in a table: A B). */
void reply_list(struct reply *, const char *key);
void reply_item(struct reply *, const char *word);
void reply_list_end(struct reply *);

void reply_label(struct reply *, const char *format, ...) __attribute__((format(printf, 2, 3)));
void reply_newline(struct reply *);
void reply_object(struct reply *, const char *key);
void reply_object_end(struct reply *);

/* `columns`: keys, NULL after the last; one that begins with '>' is aligned to the right. The array must stay. */
void reply_table(struct reply *, const char *key, const char *const *columns);
void reply_row(struct reply *); /* begins one */
void reply_table_end(struct reply *);

/* One line, without newline. False, for the convenience of `return reply_error(...)`. */
bool reply_error(struct reply *, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
