/* SPDX-License-Identifier: MIT */
#include "frontend/text.h"

static const char digits[16] = "0123456789abcdef";

void text_decimal(struct text *t, u64 value)
{
    char buffer[20], *p = buffer + sizeof(buffer);

    do
        *--p = (char)('0' + value % 10);
    while (value /= 10);
    text_bytes(t, p, (size_t)(buffer + sizeof(buffer) - p));
}

/* Eight digits at once: nibbles are spread over the bytes of a word, most significant first in memory. */
static u64 hex_digits(u32 value)
{
    u64 x = value;

    x = (x | x << 16) & 0x0000ffff0000ffffull;
    x = (x | x << 8) & 0x00ff00ff00ff00ffull;
    x = (x | x << 4) & 0x0f0f0f0f0f0f0f0full;
    x += 0x3030303030303030ull + ((x + 0x0606060606060606ull) >> 4 & 0x0101010101010101ull) * ('a' - '0' - 10);
    return __builtin_bswap64(x);
}

void text_hex(struct text *t, u64 value)
{
    unsigned n = value ? (67 - (unsigned)__builtin_clzll(value)) / 4 : 1;
    u64 high = hex_digits((u32)(value >> 32)), low = hex_digits((u32)value);
    char buffer[18];

    memcpy(buffer + 2, &high, 8);
    memcpy(buffer + 10, &low, 8);
    buffer[16 - n] = '0';
    buffer[17 - n] = 'x';
    text_bytes(t, buffer + 16 - n, n + 2);
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
