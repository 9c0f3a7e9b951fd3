/* SPDX-License-Identifier: MIT */
/*
 * The stream: sections, each a marker and a name; tables, each a hash of its description and the members' bytes, low
 * byte first; single values. Nothing is aligned.
 */
#include "mmu/state.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SECTION_MARK = 0x5EC70A11, PAGES_END = 0xFFFFFFFFu };

bool state_fail(struct state *s, const char *format, ...)
{
    va_list args;

    if (s->failed)
        return false;
    s->failed = true;
    va_start(args, format);
    vsnprintf(s->why, sizeof(s->why), format, args);
    va_end(args);
    return false;
}

/* ---- Bytes ---- */

static bool transfer(struct state *s, void *bytes, size_t size)
{
    bool ok;

    if (s->failed)
        return false;
    ok = state_is_loading(s) ? s->stream.read(s->stream.ctx, bytes, size) : s->stream.write(s->stream.ctx, bytes, size);
    if (!ok)
        state_fail(s, state_is_loading(s) ? "%s: the state ends too early" : "%s: cannot be written", s->section);
    return ok;
}

static bool transfer32(struct state *s, u32 *value) { return transfer(s, value, sizeof(*value)); }

static u64 load_number(const u8 *from, u32 width, bool is_signed)
{
    u64 value = 0;

    memcpy(&value, from, width);
    if (is_signed && width < 8 && value >> (8 * width - 1))
        value |= ~0ull << (8 * width);
    return value;
}

/* ---- Descriptions ---- */

u64 state_hash(u64 hash, const void *bytes, size_t size)
{
    const u8 *p = bytes;
    u64 word;

    hash ^= 0x9e3779b97f4a7c15ull + size;
    for (; size >= sizeof(word); size -= sizeof(word), p += sizeof(word)) {
        memcpy(&word, p, sizeof(word));
        hash = (hash ^ word) * 0x9fb21c651e98df25ull;
        hash ^= hash >> 29;
    }
    for (word = 0; size; size--)
        word = word << 8 | p[size - 1];
    hash = (hash ^ word) * 0x9fb21c651e98df25ull;
    return hash ^ hash >> 32;
}

static bool is_kept(const struct state_field *f) { return f->kind != STATE_KIND_WIRED && f->kind != STATE_KIND_CACHE; }

/* Names, kinds and sizes of what is in the stream; another version's struct has another hash. */
static u64 describe(const struct state_table *t, u64 hash)
{
    hash = state_hash(hash, t->name, strlen(t->name));
    for (u32 i = 0; i < t->fields; i++) {
        const struct state_field *f = &t->field[i];
        u32 shape[3] = {f->kind, f->width, f->size};

        if (!is_kept(f))
            continue;
        if (f->kind == STATE_KIND_STRUCT) {
            shape[2] = f->size / f->table->size;
            hash = describe(f->table, hash);
        } else if (f->kind == STATE_KIND_CUSTOM) {
            shape[2] = 0;
        }
        hash = state_hash(hash, f->name, strlen(f->name));
        hash = state_hash(hash, shape, sizeof(shape));
    }
    return hash;
}

void state_section(struct state *s, const char *name)
{
    u32 mark = SECTION_MARK;
    char found[sizeof(s->section)] = {0};

    snprintf(s->section, sizeof(s->section), "%s", name);
    memcpy(found, s->section, strlen(s->section));
    if (!transfer32(s, &mark) || !transfer(s, found, sizeof(found)))
        return;
    found[sizeof(found) - 1] = '\0';
    if (mark != SECTION_MARK || strcmp(found, s->section) != 0)
        state_fail(s, "%s: is not where it should be", name);
}

/* ---- Structs ---- */

static bool load_numbers(struct state *s, const struct state_field *f, u8 *to)
{
    u8 element[8];

    for (u32 at = 0; at < f->size; at += f->width) {
        u64 value;

        if (!transfer(s, element, f->width))
            return false;
        value = load_number(element, f->width, f->low < 0);
        if ((s64)value < f->low || (s64)value > f->high)
            return state_fail(s, "%s.%s: %" PRId64 " is not between %" PRId64 " and %" PRId64, s->section, f->name,
                              (s64)value, f->low, f->high);
        memcpy(to + at, element, f->width);
    }
    return true;
}

static void state_fields(struct state *, const struct state_table *, u8 *object);

static void state_field(struct state *s, const struct state_field *f, u8 *at)
{
    switch (f->kind) {
    case STATE_KIND_BYTES: transfer(s, at, f->size); break;
    case STATE_KIND_NUMBER:
        if (state_is_loading(s))
            load_numbers(s, f, at);
        else
            transfer(s, at, f->size);
        break;
    case STATE_KIND_STRUCT:
        for (u32 done = 0; done < f->size && !s->failed; done += f->table->size)
            state_fields(s, f->table, at + done);
        break;
    case STATE_KIND_CUSTOM: f->custom(s, at); break;
    case STATE_KIND_WIRED:
    case STATE_KIND_CACHE: break;
    }
}

static void state_fields(struct state *s, const struct state_table *t, u8 *object)
{
    for (u32 i = 0; i < t->fields && !s->failed; i++)
        state_field(s, &t->field[i], object + t->field[i].offset);
}

void state_struct(struct state *s, const struct state_table *t, void *object)
{
    u64 hash = describe(t, 0), found = hash;

    if (s->visit)
        s->visit(s->visit_ctx, t);
    if (!transfer(s, &found, sizeof(found)))
        return;
    if (found != hash)
        state_fail(s, "%s: was saved by another version of faultline", s->section);
    else
        state_fields(s, t, object);
}

/* ---- Single values ---- */

void state_number(struct state *s, const char *name, u64 *value, u64 highest)
{
    u64 found = *value;

    if (!transfer(s, &found, sizeof(found)))
        return;
    if (found > highest) /* also when saving: nobody could load it */
        state_fail(s, "%s.%s: %" PRIu64 " is not between 0 and %" PRIu64, s->section, name, found, highest);
    else
        *value = found;
}

void state_bytes(struct state *s, const char *name, void *bytes, size_t size)
{
    (void)name;
    transfer(s, bytes, size);
}

void state_block(struct state *s, const char *name, u8 **bytes, size_t *size, size_t highest)
{
    u64 n = *size;

    state_number(s, name, &n, highest);
    if (s->failed)
        return;
    if (state_is_loading(s)) {
        *size = 0;
        *bytes = n ? malloc(n) : NULL;
        if (n && !*bytes) {
            state_fail(s, "out of memory");
            return;
        }
    }
    if (n && transfer(s, *bytes, n))
        *size = n;
    if (s->failed && state_is_loading(s)) {
        free(*bytes);
        *bytes = NULL;
    }
}

void state_text(struct state *s, const char *name, char *text, size_t size)
{
    u64 n = state_is_loading(s) ? 0 : strnlen(text, size);

    state_number(s, name, &n, size - 1);
    if (s->failed)
        return;
    if (transfer(s, text, n) && state_is_loading(s))
        text[n] = '\0';
    if (!s->failed && state_is_loading(s) && strlen(text) != n)
        state_fail(s, "%s.%s: is not a text", s->section, name);
}

/* ---- Memory ---- */

static bool is_zero(const u8 *page)
{
    u64 word[8];

    for (unsigned at = 0; at < PAGE_SIZE; at += sizeof(word)) {
        memcpy(word, page + at, sizeof(word));
        if (word[0] | word[1] | word[2] | word[3] | word[4] | word[5] | word[6] | word[7])
            return false;
    }
    return true;
}

struct pages {
    u8 *memory;
    u32 count;
    void (*changed)(void *ctx, u64 offset);
    void *ctx;
};

static void load_page(struct state *s, const struct pages *p, u32 number)
{
    u8 content[PAGE_SIZE], *page = p->memory + (u64)number * PAGE_SIZE;

    if (!transfer(s, content, sizeof(content)) || !memcmp(page, content, sizeof(content)))
        return;
    if (p->changed)
        p->changed(p->ctx, (u64)number * PAGE_SIZE);
    memcpy(page, content, sizeof(content));
}

static void clear_pages(const struct pages *p, u32 from, u32 to)
{
    for (; from < to; from++) {
        u8 *page = p->memory + (u64)from * PAGE_SIZE;

        if (is_zero(page))
            continue;
        if (p->changed)
            p->changed(p->ctx, (u64)from * PAGE_SIZE);
        memset(page, 0, PAGE_SIZE);
    }
}

/* Runs: the first page's number, how many, their bytes; in order. */
static void load_pages(struct state *s, const char *name, const struct pages *p)
{
    u32 at = 0, run[2];

    for (;;) {
        if (!transfer(s, run, sizeof(run)))
            return;
        if (run[0] == PAGES_END)
            break;
        if (run[0] < at || run[0] > p->count || run[1] > p->count - run[0]) {
            state_fail(s, "%s.%s: pages %" PRIu32 " on are beyond its %" PRIu32, s->section, name, run[0], p->count);
            return;
        }
        clear_pages(p, at, run[0]);
        for (at = run[0]; at < run[0] + run[1] && !s->failed; at++)
            load_page(s, p, at);
    }
    clear_pages(p, at, p->count);
}

void state_pages(struct state *s, const char *name, u8 *memory, u64 size, void (*changed)(void *ctx, u64 offset),
                 void *ctx)
{
    struct pages p = {.memory = memory, .count = (u32)(size / PAGE_SIZE), .changed = changed, .ctx = ctx};
    u32 end[2] = {PAGES_END, 0};

    if (state_is_loading(s)) {
        load_pages(s, name, &p);
        return;
    }
    for (u32 at = 0, run[2]; at < p.count && !s->failed; at += run[1]) {
        bool zero = is_zero(memory + (u64)at * PAGE_SIZE);

        run[0] = at;
        run[1] = 1;
        if (zero)
            continue;
        while (at + run[1] < p.count && run[1] < 256 && !is_zero(memory + (u64)(at + run[1]) * PAGE_SIZE))
            run[1]++;
        if (transfer(s, run, sizeof(run)))
            transfer(s, memory + (u64)at * PAGE_SIZE, (size_t)run[1] * PAGE_SIZE);
    }
    transfer(s, end, sizeof(end));
}

/* ---- Streams in memory ---- */

static bool memory_write(void *ctx, const void *bytes, size_t size)
{
    struct state_memory *m = ctx;

    if (size > m->room - m->size) {
        size_t room = 2 * m->room + size + 65536;
        u8 *grown = realloc(m->bytes, room);

        if (!grown)
            return false;
        m->bytes = grown;
        m->room = room;
    }
    memcpy(m->bytes + m->size, bytes, size);
    m->size += size;
    return true;
}

static bool memory_read(void *ctx, void *bytes, size_t size)
{
    struct state_memory *m = ctx;

    if (size > m->size - m->at)
        return false;
    memcpy(bytes, m->bytes + m->at, size);
    m->at += size;
    return true;
}

struct state_stream state_memory_writer(struct state_memory *m)
{
    return (struct state_stream){.write = memory_write, .ctx = m};
}

struct state_stream state_memory_reader(struct state_memory *m)
{
    m->at = 0;
    return (struct state_stream){.read = memory_read, .ctx = m};
}

void state_memory_free(struct state_memory *m)
{
    free(m->bytes);
    *m = (struct state_memory){.bytes = NULL};
}
