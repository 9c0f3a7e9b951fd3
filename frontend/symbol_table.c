/* SPDX-License-Identifier: MIT */
#include "frontend/symbol_table.h"

#include <stdlib.h>
#include <string.h>

#include "mmu/host_memory.h"

/* A symbol without a size does not reach further than this: what lies behind the last one is nobody's. */
#define REACH (1u << 20)
#define NAME_MOST 200u    /* characters of a name that are kept */
#define NAME_EXPECTED 24u /* on average, with its end */

static bool grow(void **array, size_t *room, size_t need, size_t item)
{
    size_t more = *room ? *room : 4096;
    void *p;

    if (need <= *room)
        return true;
    while (more < need)
        more *= 2;
    p = realloc(*array, more * item);
    if (!p)
        return false;
    *array = p;
    *room = more;
    return true;
}

void table_expect(struct symbol_table *t, size_t symbols)
{
    if (t->room || t->strings_room)
        return;
    t->symbol = host_alloc(symbols * sizeof(t->symbol[0]));
    t->strings = host_alloc(symbols * NAME_EXPECTED);
    t->room = t->symbol ? symbols : 0;
    t->strings_room = t->strings ? symbols * NAME_EXPECTED : 0;
}

/* Names are put into lists, JSON and CSV as they are, and may come from anywhere: printable ASCII without what is
 * quoted in one of those. */
static const bool plain[256] = {
    ['!'] = true, ['#' ... '%'] = true, ['(' ... '+'] = true, ['-' ... ':'] = true,
    ['='] = true, ['?' ... '['] = true, [']' ... '~'] = true,
};

void table_add(struct symbol_table *t, u64 address, u64 size, const char *name, size_t length, enum symbol_rank rank)
{
    struct symbol *s;

    if (t->exhausted || !length)
        return;
    if (length > NAME_MOST)
        length = NAME_MOST;
    if (t->used + length + 1 > UINT32_MAX || !grow((void **)&t->symbol, &t->room, t->count + 1, sizeof(t->symbol[0])) ||
        !grow((void **)&t->strings, &t->strings_room, t->used + length + 1, 1)) {
        t->exhausted = true;
        return;
    }
    s = &t->symbol[t->count++];
    *s = (struct symbol){.address = address, .size = size, .name = (u32)t->used, .rank = rank};
    for (size_t i = 0; i < length; i++)
        t->strings[t->used + i] = plain[(u8)name[i]] ? name[i] : '?';
    t->strings[t->used + length] = 0;
    t->used += length + 1;
}

/* By address; the highest rank first, then the first that came. */
static int compare(const void *left, const void *right)
{
    const struct symbol *a = left, *b = right;

    if (a->address != b->address)
        return a->address < b->address ? -1 : 1;
    if (a->rank != b->rank)
        return a->rank > b->rank ? -1 : 1;
    return a->name < b->name ? -1 : a->name > b->name;
}

/* As a kernel's own list mostly is. */
static bool is_sorted(const struct symbol_table *t)
{
    size_t i = 1;

    while (i < t->count && t->symbol[i - 1].address <= t->symbol[i].address)
        i++;
    return i >= t->count;
}

bool table_finish(struct symbol_table *t)
{
    size_t kept = 0;
    const struct symbol *last;

    if (t->exhausted || !t->count)
        return false;
    if (!is_sorted(t))
        qsort(t->symbol, t->count, sizeof(t->symbol[0]), compare);
    for (size_t i = 0; i < t->count; i++)
        if (!kept || t->symbol[i].address != t->symbol[kept - 1].address)
            t->symbol[kept++] = t->symbol[i];
        else if (compare(&t->symbol[i], &t->symbol[kept - 1]) < 0)
            t->symbol[kept - 1] = t->symbol[i];
    t->count = kept;
    last = &t->symbol[kept - 1];
    t->low = t->symbol[0].address;
    t->high = last->address + (last->size ? last->size : REACH);
    if (t->high < last->address)
        t->high = ~0ull;
    return true;
}

void table_free(struct symbol_table *t)
{
    if (t->lines)
        lines_close(t->lines);
    free(t->path);
    free(t->symbol);
    free(t->strings);
    *t = (struct symbol_table){0};
}

const struct symbol *table_find(const struct symbol_table *t, u64 address)
{
    size_t low = 0, high = t->count;
    const struct symbol *s;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (t->symbol[middle].address <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (!low)
        return NULL;
    s = &t->symbol[low - 1];
    return address - s->address < (s->size ? s->size : REACH) ? s : NULL;
}
