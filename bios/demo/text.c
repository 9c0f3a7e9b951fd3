/* SPDX-License-Identifier: MIT */
#include "text.h"

/* The compiler may call these two where it sees a loop or an assignment that does the same. */
void *memcpy(void *restrict to, const void *restrict from, size_t size)
{
    void *at = to;

    __asm__ volatile("rep movsb" : "+D"(at), "+S"(from), "+c"(size) : : "memory");
    return to;
}

void *memset(void *to, int byte, size_t size)
{
    void *at = to;

    __asm__ volatile("rep stosb" : "+D"(at), "+c"(size) : "a"(byte) : "memory");
    return to;
}

struct output {
    char *at, *end;
};

static void put(struct output *o, char c)
{
    if (o->at < o->end)
        *o->at++ = c;
}

static void put_padded(struct output *o, const char *s, size_t length, size_t width, bool left)
{
    if (!left)
        for (size_t i = length; i < width; i++)
            put(o, ' ');
    for (size_t i = 0; i < length; i++)
        put(o, s[i]);
    if (left)
        for (size_t i = length; i < width; i++)
            put(o, ' ');
}

static void put_number(struct output *o, u64 value, unsigned base, size_t width)
{
    char digits[24], *first = digits + sizeof(digits);

    do
        *--first = "0123456789abcdef"[value % base];
    while (value /= base);
    if (base == 16) {
        *--first = 'x';
        *--first = '0';
    }
    put_padded(o, first, (size_t)(digits + sizeof(digits) - first), width, false);
}

size_t text_length(const char *s)
{
    size_t n = 0;

    while (s[n])
        n++;
    return n;
}

size_t text_format(char *out, size_t size, const char *format, va_list args)
{
    struct output o = {out, out + size - 1};

    for (const char *f = format; *f; f++) {
        size_t width = 0;
        bool is_long = false;

        if (*f != '%') {
            put(&o, *f);
            continue;
        }
        while (*++f >= '0' && *f <= '9')
            width = width * 10 + (size_t)(*f - '0');
        if (*f == 'l') {
            is_long = true;
            f++;
        }
        if (*f == 's') {
            const char *s = va_arg(args, const char *);

            put_padded(&o, s, text_length(s), width, true);
        } else if (*f == 'u' || *f == 'x') {
            put_number(&o, is_long ? va_arg(args, u64) : va_arg(args, unsigned), *f == 'x' ? 16 : 10, width);
        } else if (*f == 'c') {
            put(&o, (char)va_arg(args, int));
        } else {
            put(&o, *f);
        }
    }
    *o.at = '\0';
    return (size_t)(o.at - out);
}
