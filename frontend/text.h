/* SPDX-License-Identifier: MIT */
/* Appending to a buffer of fixed size, without printf: what writes a record a microsecond. Cut off at the end, never beyond. */
#ifndef FAULTLINE_FRONTEND_TEXT_H
#define FAULTLINE_FRONTEND_TEXT_H

#include "mmu/base.h"

struct text {
    char *at, *end; /* the next byte; one past the last */
};

#define TEXT_OVER(array) ((struct text){(array), (array) + sizeof(array)})

void text_bytes(struct text *, const char *bytes, size_t size);
void text_char(struct text *, char);
void text_string(struct text *, const char *);
void text_decimal(struct text *, u64);
void text_hex(struct text *, u64);                          /* 0x1f */
void text_hex_bytes(struct text *, const u8 *, unsigned n); /* 48c7 */
void text_grouped(struct text *, u64);                      /* 1,234,567 */
void text_end(struct text *); /* puts a NUL, over the last byte if the buffer is full */

#endif
