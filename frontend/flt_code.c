/* SPDX-License-Identifier: MIT */
#include "frontend/flt_code.h"

#include <stdlib.h>
#include <string.h>

#define TABLE_TRY 128u /* more different numbers than this are not worth a table */
#define TABLE_HASH 512u

u8 *bytes_room(struct bytes *b, size_t n)
{
    if (b->size + n > b->room) {
        size_t room = (b->size + n) * 2;
        u8 *at = b->failed ? NULL : realloc(b->at, room);

        if (!at) {
            b->failed = true;
            return NULL;
        }
        b->at = at;
        b->room = room;
    }
    return b->at + b->size;
}

void bytes_put(struct bytes *b, const void *from, size_t n)
{
    u8 *to = n ? bytes_room(b, n) : NULL;

    if (!to)
        return;
    memcpy(to, from, n);
    b->size += n;
}

void bytes_put_byte(struct bytes *b, u8 byte) { bytes_put(b, &byte, 1); }

void bytes_put_varint(struct bytes *b, u64 v)
{
    u8 *to = bytes_room(b, 10);

    if (!to)
        return;
    while (v >= 128) {
        *to++ = (u8)(v | 128);
        v >>= 7;
    }
    *to++ = (u8)v;
    b->size = (size_t)(to - b->at);
}

static u64 zigzag(u64 difference) { return difference << 1 ^ (0 - (difference >> 63)); }

static unsigned varint_size(u64 v) { return (70 - (unsigned)__builtin_clzll(v | 1)) / 7; }

void bytes_put_u32(struct bytes *b, u32 v)
{
    const u8 byte[4] = {(u8)v, (u8)(v >> 8), (u8)(v >> 16), (u8)(v >> 24)};

    bytes_put(b, byte, 4);
}

/* ---- A lane ---- */

struct table {
    u64 value[TABLE_TRY];
    u32 count;
    u16 hash[TABLE_HASH]; /* which + 1 */
};

/* Which of the table's it is; adds it. TABLE_TRY if there is no room. */
static u32 table_find(struct table *t, u64 value)
{
    u32 at = (u32)(value * 0x9e3779b97f4a7c15ull >> 55);

    for (; t->hash[at]; at = (at + 1) & (TABLE_HASH - 1))
        if (t->value[t->hash[at] - 1] == value)
            return t->hash[at] - 1u;
    if (t->count == TABLE_TRY)
        return TABLE_TRY;
    t->value[t->count++] = value;
    t->hash[at] = (u16)t->count;
    return t->count - 1;
}

/* Bytes as a table, or ~0. */
static size_t table_size(struct table *t, const u64 *v, u32 n)
{
    size_t size = 2;
    u64 before = 0;

    memset(t->hash, 0, sizeof(t->hash));
    t->count = 0;
    for (u32 i = 0; i < n; i++)
        if (table_find(t, v[i]) == TABLE_TRY)
            return ~(size_t)0;
    for (u32 i = 0; i < t->count; i++) {
        size += varint_size(zigzag(t->value[i] - before));
        before = t->value[i];
    }
    return size + n;
}

static size_t delta_size(const u64 *v, u32 n, bool *constant)
{
    size_t size = 0;
    u64 before = 0;

    *constant = true;
    for (u32 i = 0; i < n; i++) {
        size += varint_size(zigzag(v[i] - before));
        *constant &= v[i] == v[0];
        before = v[i];
    }
    return size;
}

static void put_deltas(struct bytes *b, const u64 *v, u32 n)
{
    u64 before = 0;

    for (u32 i = 0; i < n; i++) {
        bytes_put_varint(b, zigzag(v[i] - before));
        before = v[i];
    }
}

void bytes_put_lane(struct bytes *b, const u64 *v, u32 n, unsigned flags, unsigned base, const u8 *known, u32 rows)
{
    struct table table;
    bool constant;
    size_t deltas = delta_size(v, n, &constant);
    unsigned mode = !n ? LANE_EMPTY : constant ? LANE_CONSTANT : LANE_DELTA;

    if (mode == LANE_DELTA && deltas > n + n / 8 && table_size(&table, v, n) < deltas)
        mode = LANE_TABLE;
    bytes_put_byte(b, (u8)(mode | flags | (n && n < rows ? LANE_NULLS : 0)));
    if (mode == LANE_EMPTY)
        return;
    if (flags & LANE_BASED)
        bytes_put_byte(b, (u8)base);
    for (u32 i = 0; n < rows && i < rows; i += 8) {
        u8 bits = 0;

        for (u32 j = i; j < i + 8 && j < rows; j++)
            bits |= (u8)(known[j] << (j - i));
        bytes_put_byte(b, bits);
    }
    if (mode == LANE_CONSTANT) {
        bytes_put_varint(b, v[0]);
    } else if (mode == LANE_DELTA) {
        put_deltas(b, v, n);
    } else {
        bytes_put_varint(b, table.count);
        put_deltas(b, table.value, table.count);
        for (u32 i = 0; i < n; i++)
            bytes_put_varint(b, table_find(&table, v[i]));
    }
}
