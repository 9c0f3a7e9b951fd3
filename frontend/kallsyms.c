/* SPDX-License-Identifier: MIT */
/*
 * The list of symbols a Linux kernel carries (CONFIG_KALLSYMS), found and read in its memory. Nothing says where it is,
 * but its parts give themselves away: names are strings of tokens; the tokens of the characters '0' to '9' stand one
 * behind the other in the token table, whose index follows it; before them are the markers (where each 256th name
 * begins), and before those the names. Addresses are offsets from a base that the kernel itself has corrected for where
 * it runs. Layouts, by scripts/kallsyms.c:
 *
 *     4.20 to 6.1   offsets, base, number, names, markers, token table, token index
 *     6.2, 6.3      ... markers, sequence numbers, token table, token index
 *     6.4 on        number, names, markers, token table, token index, offsets, base
 */
#define _GNU_SOURCE /* memmem */
#include <stdlib.h>
#include <string.h>

#include "frontend/symbol_table.h"

#define REACH (96ull << 20) /* how far behind a handler the list may lie */
#define LOWEST (1u << 20)   /* below are holes */
#define SYMBOLS_MAX 2000000u
#define WORK_MOST (200u << 20)
#define CHUNK 256u /* names from marker to marker */
#define NAME_MAX_BYTES 1024u
#define TOKEN_COPIED 16u
#define GAP_MAX (8u << 20) /* markers to token table: the sequence numbers */

static const char digits[] = "0\0001\0002\0003\0004\0005\0006\0007\0008\0009"; /* NULs between, and behind */

struct token {
    size_t at, size;
    char text[TOKEN_COPIED]; /* as far as it goes */
};

/* What was found, as offsets into the kernel's memory. */
struct kallsyms {
    const u8 *memory;
    size_t size;
    unsigned word;
    struct token token[256];
    size_t tokens, index_end;
    size_t markers, marker_count;
    size_t names;
    u32 count;
    size_t offsets;
    u64 base;
    u64 work; /* steps that may still be made: a guest may have put thousands of beginnings there */
};

static u32 get32(const struct kallsyms *k, size_t at)
{
    u32 v = 0;

    if (k->size >= 4 && at <= k->size - 4)
        memcpy(&v, k->memory + at, 4);
    return v;
}

static u64 get_word(const struct kallsyms *k, size_t at)
{
    u64 v = 0;

    if (k->size >= k->word && at <= k->size - k->word)
        memcpy(&v, k->memory + at, k->word);
    return v;
}

static size_t align(const struct kallsyms *k, size_t at) { return (at + k->word - 1) & ~(size_t)(k->word - 1); }

static void take_token(const struct kallsyms *k, struct token *token, size_t at)
{
    const char *text = (const char *)k->memory + at;

    *token = (struct token){.at = at, .size = strnlen(text, k->size - at)};
    memcpy(token->text, text, token->size < TOKEN_COPIED ? token->size : TOKEN_COPIED);
}

/* The index behind the table tells how far before the digits it begins; each string must begin where it says. */
static bool tokens_at(struct kallsyms *k, size_t found)
{
    size_t at = found;
    u16 index[256];

    for (unsigned i = '0'; i < 256 && at < k->size; i++)
        at += strnlen((const char *)k->memory + at, k->size - at) + 1;
    at = align(k, at);
    if (at + sizeof(index) > k->size)
        return false;
    memcpy(index, k->memory + at, sizeof(index));
    if (index[0] != 0 || index['0'] > found)
        return false;
    k->tokens = found - index['0'];
    k->index_end = at + sizeof(index);
    at = k->tokens;
    for (unsigned i = 0; i < 256; i++) {
        if (at != k->tokens + index[i])
            return false;
        take_token(k, &k->token[i], at);
        at += k->token[i].size + 1;
        if (at > k->size)
            return false;
    }
    return true;
}

/* The markers end at `end`: ever smaller, back to 0. */
static bool markers_before(struct kallsyms *k, size_t end)
{
    size_t at = end, n = 0;
    u32 last = 0;

    while (at >= 4 && k->work) {
        u32 v = get32(k, at - 4);

        if (n && (v >= last || last - v < CHUNK * 2 || last - v > CHUNK * NAME_MAX_BYTES))
            return false;
        at -= 4;
        n++;
        k->work--;
        last = v;
        if (!v)
            break;
    }
    if (n < 4 || last)
        return false;
    k->markers = at;
    k->marker_count = n;
    return true;
}

/* The length of the compressed name at `at`, and how many bytes tell it. 128 and more take two (since 6.1). */
static unsigned name_length(const struct kallsyms *k, size_t at, unsigned *head)
{
    unsigned n = at < k->size ? k->memory[at] : 0;

    *head = 1;
    if (n & 0x80 && at + 1 < k->size) {
        n = (n & 0x7f) | (unsigned)k->memory[at + 1] << 7;
        *head = 2;
    }
    return n;
}

static size_t name_skip(const struct kallsyms *k, size_t at)
{
    unsigned head, n = name_length(k, at, &head);

    return at + head + n;
}

/* Names begin at `at`: each 256th is where its marker says, and the last ends before the markers. */
static bool names_at(struct kallsyms *k, size_t at, u32 count)
{
    size_t name = at;

    if ((count + CHUNK - 1) / CHUNK != k->marker_count)
        return false;
    for (u32 i = 0; i < count; i++) {
        if (i % CHUNK == 0 && name != at + get32(k, k->markers + i / CHUNK * 4))
            return false;
        name = name_skip(k, name);
        if (name > k->markers || !k->work)
            return false;
        k->work--;
    }
    if (k->markers - name >= k->word)
        return false;
    k->names = at;
    k->count = count;
    return true;
}

/* The number of symbols stands, aligned as a word, before the names. */
static bool names_before_markers(struct kallsyms *k)
{
    size_t last = get32(k, k->markers + (k->marker_count - 1) * 4);

    for (size_t tail = 0; tail < CHUNK * 64 && last + tail + k->word <= k->markers && k->work; tail++, k->work--) {
        size_t at = k->markers - last - tail;
        u32 count = get32(k, at - k->word);

        if (at % k->word == 0 && count && count < SYMBOLS_MAX && names_at(k, at, count))
            return true;
    }
    return false;
}

static bool find_markers(struct kallsyms *k)
{
    size_t lowest = k->tokens > GAP_MAX ? k->tokens - GAP_MAX : 0;

    for (size_t end = k->tokens & ~(size_t)3; end > lowest && k->work; end -= 4, k->work--)
        if (get32(k, end - 4) > get32(k, end - 8) && markers_before(k, end) && names_before_markers(k))
            return true;
    return false;
}

/* SMP kernels of x86-64 keep addresses of per-processor variables as they are: those offsets are positive. */
static u64 address_of(const struct kallsyms *k, u32 i, bool percpu)
{
    s32 offset = (s32)get32(k, k->offsets + i * 4ull);

    if (!percpu)
        return k->base + (u32)offset;
    return offset >= 0 ? (u64)offset : k->base - 1 - (u64)(s64)offset;
}

/* The handlers are addresses of symbols, most of them. */
static bool addresses_fit(const struct kallsyms *k, bool percpu, const u64 *handlers, unsigned count)
{
    unsigned found = 0;

    for (u32 i = 0; i < k->count; i++) {
        u64 address = address_of(k, i, percpu);

        for (unsigned h = 0; h < count; h++)
            if (handlers[h] == address && (!i || address_of(k, i - 1, percpu) != address))
                found++;
    }
    return found >= 3 && found * 2 >= count;
}

static bool find_addresses(struct kallsyms *k, bool *percpu, const u64 *handlers, unsigned count)
{
    size_t room = align(k, k->count * 4ull);
    size_t before = k->names - 2 * k->word; /* the base, before the number */

    for (int layout = 0; layout < 2; layout++) {
        k->offsets = layout ? align(k, k->index_end) : before - room;
        if ((!layout && k->names < 2 * k->word + room) || k->offsets + room + k->word > k->size)
            continue;
        k->base = get_word(k, k->offsets + room);
        for (int p = 0; p < 2; p++) {
            *percpu = p;
            if (addresses_fit(k, *percpu, handlers, count))
                return true;
        }
    }
    return false;
}

/* `n` tokens as text, of at most NAME_MAX_BYTES; there is room for TOKEN_COPIED more, since that is quicker than to
 * copy the few bytes that most tokens have. How many bytes. */
static size_t expand(const struct kallsyms *k, const u8 *tokens, unsigned n, char *name)
{
    size_t used = 0;

    for (unsigned i = 0; i < n && used + k->token[tokens[i]].size <= NAME_MAX_BYTES; i++) {
        const struct token *t = &k->token[tokens[i]];

        if (likely(t->size <= TOKEN_COPIED))
            memcpy(name + used, t->text, TOKEN_COPIED);
        else
            memcpy(name + used, k->memory + t->at, t->size);
        used += t->size;
    }
    return used;
}

/* A name's first character is its kind, as nm has it. */
static void add_names(struct symbol_table *t, const struct kallsyms *k, bool percpu)
{
    size_t at = k->names;

    table_expect(t, k->count);
    for (u32 i = 0; i < k->count; i++) {
        char name[NAME_MAX_BYTES + TOKEN_COPIED];
        unsigned head, n = name_length(k, at, &head);
        size_t used = expand(k, k->memory + at + head, n, name);

        if (used > 1 && name[0] != 'A' && name[0] != 'a')
            table_add(t, address_of(k, i, percpu), 0, name + 1, used - 1,
                      name[0] == 'T' || name[0] == 'W' ? SYMBOL_GLOBAL
                      : name[0] == 't'                 ? SYMBOL_LOCAL
                                                       : SYMBOL_DATA);
        at += head + n;
    }
}

static bool look_in(struct symbol_table *t, struct kallsyms *k, const u64 *handlers, unsigned count)
{
    const u8 *p = k->memory, *end = k->memory + k->size;

    while (k->work && (p = memmem(p, (size_t)(end - p), digits, sizeof(digits))) != NULL) {
        bool percpu;

        if (tokens_at(k, (size_t)(p - k->memory)) && find_markers(k) && find_addresses(k, &percpu, handlers, count)) {
            add_names(t, k, percpu);
            return table_finish(t);
        }
        p += sizeof(digits);
    }
    return false;
}

bool table_read_kallsyms(struct symbol_table *t, struct phys *phys, u64 near, unsigned word, const u64 *handlers,
                         unsigned count)
{
    u64 size = REACH; /* its data are behind its code */
    struct kallsyms k = {
        .memory = phys_look(phys, near & PAGE_MASK, &size), .size = size, .word = word, .work = WORK_MOST};

    if (k.memory && look_in(t, &k, handlers, count))
        return true;
    table_free(t);
    return false;
}
