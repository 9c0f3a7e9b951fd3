/* SPDX-License-Identifier: MIT */
#include "frontend/ptdump.h"

#include <stdlib.h>

static bool take(void *ctx, const struct range *r)
{
    struct ptdump *d = ctx;

    if (d->count == PTDUMP_MOST)
        return false;
    if (d->count == d->room) {
        size_t room = d->room ? 2 * d->room : 256;
        struct range *more = realloc(d->range, room * sizeof(*more));

        if (!more)
            return false;
        d->range = more;
        d->room = room;
    }
    d->range[d->count++] = *r;
    return true;
}

void ptdump_take(struct ptdump *d, struct cpu *cpu, u64 first, u64 last)
{
    struct ranges_query query = {.first = first, .last = last, .by_frame = true};

    *d = (struct ptdump){0};
    d->complete = ranges_each(cpu_paging(cpu), cpu_table_reader(cpu), &query, take, d) == RANGES_ALL;
}

void ptdump_free(struct ptdump *d)
{
    free(d->range);
    *d = (struct ptdump){0};
}

/* ---- Text ---- */

static void put_padded(struct text *t, const char *s, size_t size, size_t width)
{
    for (size_t i = size; i < width; i++)
        text_char(t, ' ');
    text_bytes(t, s, size);
}

/* 332K, 2M: the largest unit that leaves no remainder. */
static void put_size(struct text *t, u64 size, size_t width)
{
    static const char unit[] = "BKMGTPE";
    unsigned u = 0;
    char digits[32];
    struct text d = TEXT_OVER(digits);

    while (size && size % 1024 == 0 && u < 6)
        size /= 1024, u++;
    text_decimal(&d, size);
    text_char(&d, unit[u]);
    put_padded(t, digits, (size_t)(d.at - digits), width);
}

static void put_address(struct text *t, u64 la)
{
    for (int shift = 60; shift >= 0; shift -= 4)
        text_char(t, "0123456789abcdef"[la >> shift & 15]);
}

void ptdump_range(struct text *t, const struct range *r, bool frames)
{
    put_address(t, r->first);
    text_char(t, '-');
    put_address(t, r->last);
    put_size(t, r->last - r->first + 1, 7); /* never the whole 2^64: half of it is not canonical */
    put_size(t, r->page_size, 4);
    text_string(t, "  ");
    if (r->bad) {
        text_string(t, "reserved bits in the entry at ");
        text_hex(t, r->at);
        text_string(t, ": ");
        text_hex(t, r->entry);
        return;
    }
    text_char(t, r->user ? 'u' : '-');
    text_char(t, 'r');
    text_char(t, r->writable ? 'w' : '-');
    text_char(t, r->nx ? '-' : 'x');
    text_char(t, r->global ? 'g' : '-');
    if (r->key) {
        text_string(t, " key ");
        text_decimal(t, r->key);
    }
    if (frames) {
        text_string(t, " -> ");
        text_hex(t, r->pa);
    }
}

/* ---- The difference ---- */

/* The part of `r` that begins at `la`. */
static struct range part(const struct range *r, u64 la, u64 last)
{
    struct range p = *r;
    u64 skipped = la - r->first;

    p.pa = r->bad ? 0 : r->pa + skipped;
    p.first = la;
    p.last = last;
    return p;
}

static bool is_same(const struct range *a, const struct range *b)
{
    return range_same_rights(a, b) && (a->bad ? a->entry == b->entry : a->pa == b->pa);
}

/* A list, and how far it has been read. */
struct cursor {
    const struct ptdump *dump;
    size_t i;
};

static const struct range *cursor_at(struct cursor *c, u64 la)
{
    while (c->i < c->dump->count && c->dump->range[c->i].last < la)
        c->i++;
    return c->i < c->dump->count ? &c->dump->range[c->i] : NULL;
}

void ptdiff_each(const struct ptdump *before, const struct ptdump *after,
                 void (*each)(void *ctx, const struct ptdiff_change *), void *ctx)
{
    struct cursor a = {before, 0}, b = {after, 0};
    u64 la = 0;

    for (;;) {
        const struct range *ra = cursor_at(&a, la), *rb = cursor_at(&b, la);
        struct range was, is;
        struct ptdiff_change change;
        u64 last = ~0ull;
        bool in_a, in_b;

        if (!ra && !rb)
            return;
        if ((!ra || ra->first > la) && (!rb || rb->first > la))
            la = ra && rb ? (ra->first < rb->first ? ra->first : rb->first) : ra ? ra->first : rb->first;
        in_a = ra && ra->first <= la;
        in_b = rb && rb->first <= la;
        if (ra)
            last = in_a ? ra->last : ra->first - 1;
        if (rb && (in_b ? rb->last : rb->first - 1) < last)
            last = in_b ? rb->last : rb->first - 1;
        if (in_a)
            was = part(ra, la, last);
        if (in_b)
            is = part(rb, la, last);
        change = (struct ptdiff_change){in_a ? &was : NULL, in_b ? &is : NULL};
        if (in_a != in_b || !is_same(&was, &is))
            each(ctx, &change);
        if (last == ~0ull)
            return;
        la = last + 1;
    }
}
