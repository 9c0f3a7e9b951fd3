/* SPDX-License-Identifier: MIT */
#include "frontend/btf.h"

#include <string.h>

#define MAGIC 0xeb9fu
#define VERSION 1u
#define HEAD 24u /* of the file */
#define TYPE 12u /* of each type: name, kind and count, size or type */
#define MEMBER 12u
#define BIT_FIELDS BIT(31)    /* of a type's second word: members' offsets have a width above */
#define OFFSET_MASK 0xffffffu /* then */

/* What follows a type's head: so many bytes, and so many for each of what is counted. */
static const struct {
    u8 once, each;
} tails[] = {
    [1] = {4, 0},   /* INT */
    [3] = {12, 0},  /* ARRAY */
    [4] = {0, 12},  /* STRUCT */
    [5] = {0, 12},  /* UNION */
    [6] = {0, 8},   /* ENUM */
    [13] = {0, 8},  /* FUNC_PROTO */
    [14] = {4, 0},  /* VAR */
    [15] = {0, 12}, /* DATASEC */
    [17] = {4, 0},  /* DECL_TAG */
    [19] = {0, 12}, /* ENUM64 */
};
#define KINDS (sizeof(tails) / sizeof(tails[0]))
#define KIND_STRUCT 4u

static u32 get32(const u8 *at)
{
    u32 v;

    memcpy(&v, at, 4);
    return v;
}

static bool part(const u8 *bytes, size_t size, size_t head, u32 offset, u32 length, const u8 **to, size_t *to_size)
{
    if (offset > size - head || length > size - head - offset)
        return false;
    *to = bytes + head + offset;
    *to_size = length;
    return true;
}

bool btf_open(struct btf *b, const u8 *bytes, size_t size)
{
    u32 first, head;

    if (size < HEAD)
        return false;
    first = get32(bytes); /* magic, version, flags */
    head = get32(bytes + 4);
    return (first & 0xffff) == MAGIC && (first >> 16 & 0xff) == VERSION && head >= HEAD && head <= size &&
           part(bytes, size, head, get32(bytes + 8), get32(bytes + 12), &b->types, &b->types_size) &&
           part(bytes, size, head, get32(bytes + 16), get32(bytes + 20), &b->strings, &b->strings_size);
}

static bool is_named(const struct btf *b, u32 name, const char *want)
{
    size_t length = strlen(want) + 1;

    return name < b->strings_size && b->strings_size - name >= length && memcmp(b->strings + name, want, length) == 0;
}

static bool member_of(const struct btf *b, const u8 *type, const char *member, u32 *offset)
{
    u32 info = get32(type + 4), count = info & 0xffff;

    for (u32 i = 0; i < count; i++) {
        const u8 *m = type + TYPE + i * MEMBER;
        u32 bits = get32(m + 8);

        if (!is_named(b, get32(m), member))
            continue;
        if (info & BIT_FIELDS)
            bits &= OFFSET_MASK;
        *offset = bits / 8;
        return bits % 8 == 0;
    }
    return false;
}

bool btf_member(const struct btf *b, const char *structure, const char *member, u32 *offset)
{
    size_t at = 0;

    while (b->types_size - at >= TYPE) {
        const u8 *type = b->types + at;
        u32 kind = get32(type + 4) >> 24 & 31, count = get32(type + 4) & 0xffff;
        size_t tail = kind < KINDS ? tails[kind].once + tails[kind].each * (size_t)count : 0;

        if (kind >= KINDS || b->types_size - at - TYPE < tail) /* what is behind it cannot be told apart */
            return false;
        if (kind == KIND_STRUCT && is_named(b, get32(type), structure) && member_of(b, type, member, offset))
            return true;
        at += TYPE + tail;
    }
    return false;
}
