/* SPDX-License-Identifier: MIT */
/* Appending to a buffer of fixed size, without printf: a record takes half a microsecond. Cut off at the end, never
 * beyond. */
#ifndef FAULTLINE_FRONTEND_TEXT_H
#define FAULTLINE_FRONTEND_TEXT_H

#include <string.h>

#include "mmu/base.h"

struct text {
    char *at, *end; /* the next byte; one past the last */
};

#define TEXT_OVER(array) ((struct text){(array), (array) + sizeof(array)})

/* Inline, so that literals become plain stores. */
static inline void text_bytes(struct text *t, const char *bytes, size_t size)
{
    size_t room = (size_t)(t->end - t->at);

    if (unlikely(size > room))
        size = room;
    memcpy(t->at, bytes, size);
    t->at += size;
}

static inline void text_string(struct text *t, const char *s) { text_bytes(t, s, strlen(s)); }

static inline void text_char(struct text *t, char c)
{
    if (likely(t->at < t->end))
        *t->at++ = c;
}

void text_decimal(struct text *, u64);
void text_hex(struct text *, u64);                          /* 0x1f */
void text_hex_bytes(struct text *, const u8 *, unsigned n); /* 48c7 */
void text_grouped(struct text *, u64);                      /* 1,234,567 */
void text_end(struct text *);                               /* puts a NUL, over the last byte if the buffer is full */

#endif
