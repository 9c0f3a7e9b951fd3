/* SPDX-License-Identifier: MIT */
#include "frontend/text.h"

#include <string.h>

static const char digits[16] = "0123456789abcdef";

void text_bytes(struct text *t, const char *bytes, size_t size)
{
    size_t room = (size_t)(t->end - t->at);

    if (size > room)
        size = room;
    memcpy(t->at, bytes, size);
    t->at += size;
}

void text_char(struct text *t, char c)
{
    if (t->at < t->end)
        *t->at++ = c;
}

void text_string(struct text *t, const char *s)
{
    text_bytes(t, s, strlen(s));
}

void text_decimal(struct text *t, u64 value)
{
    char buffer[20], *p = buffer + sizeof(buffer);

    do
        *--p = (char)('0' + value % 10);
    while (value /= 10);
    text_bytes(t, p, (size_t)(buffer + sizeof(buffer) - p));
}

void text_hex(struct text *t, u64 value)
{
    unsigned n = value ? (67 - (unsigned)__builtin_clzll(value)) / 4 : 1;
    char buffer[18];

    buffer[0] = '0';
    buffer[1] = 'x';
    for (unsigned i = n; i > 0; i--, value >>= 4)
        buffer[1 + i] = digits[value & 15];
    text_bytes(t, buffer, n + 2);
}

void text_hex_bytes(struct text *t, const u8 *bytes, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        text_char(t, digits[bytes[i] >> 4]);
        text_char(t, digits[bytes[i] & 15]);
    }
}

void text_grouped(struct text *t, u64 value)
{
    char plain[24];
    struct text p = TEXT_OVER(plain);
    unsigned n;

    text_decimal(&p, value);
    n = (unsigned)(p.at - plain);
    for (unsigned i = 0; i < n; i++) {
        if (i && (n - i) % 3 == 0)
            text_char(t, ',');
        text_char(t, plain[i]);
    }
}

void text_end(struct text *t)
{
    if (t->at == t->end)
        t->at--;
    *t->at = '\0';
}
