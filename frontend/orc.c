/* SPDX-License-Identifier: MIT */
/*
 * .orc_unwind_ip is a sorted list of places in the code, each as its distance from the list's own item; .orc_unwind,
 * right behind it, says in six bytes each how to find the caller from there on. Nothing points at them, but no other
 * data of a kernel is ten thousands of distances that lead, in order, through its code.
 */
#include "frontend/orc.h"

#include <stdlib.h>
#include <string.h>

#include "mmu/host_memory.h"

#define REACH (64ull << 20) /* how far from a handler the code and its tables may lie */
#define ITEMS_LEAST 4096u
#define SAMPLE 64u /* items in a row by which a list is noticed */
#define ITEMS_MOST (4u << 20)
#define ENTRY_BYTES ORC_ENTRY_BYTES
#define CHANCE 16u /* items too many at either end */

enum orc_reg { ORC_UNDEFINED, ORC_PREV_SP, ORC_DX, ORC_DI, ORC_BP, ORC_SP, ORC_R10, ORC_R13, ORC_BP_IND, ORC_SP_IND };
enum orc_type { TYPE_CALL, TYPE_REGS, TYPE_PARTIAL, TYPE_NONE };

/* Offsets into struct pt_regs, in bytes: what the entry code pushes, r15 first. */
enum { PT_BP = 4 * 8, PT_IP = 16 * 8, PT_CS = 17 * 8, PT_SP = 19 * 8, IRET_CS = 8, IRET_SP = 24 };

struct orc {
    u64 first; /* linear address of item 0 */
    s32 *item;
    u8 *entry;
    size_t count;
    bool named; /* since 6.4 types are numbered from "undefined" and "end of stack" on */
};

/* ---- Finding the tables ---- */

struct image {
    const u8 *memory;
    size_t size;
    u64 va; /* of its first byte */
};

static s32 item_at(const struct image *m, size_t at)
{
    s32 v;

    memcpy(&v, m->memory + at, 4);
    return v;
}

/* Can the item at `at` be one, and follow on one that leads to `last`? The code comes before its tables, what runs only
 * at boot behind them. */
static bool is_item(const struct image *m, size_t at, u64 last, u64 *place)
{
    s32 v = item_at(m, at);

    *place = m->va + at + (u64)(s64)v;
    return v && v >= -(s32)REACH && v <= (s32)REACH && *place >= last;
}

/* How many items of such a list stand at `at`, at most. */
static size_t run_at(const struct image *m, size_t at, size_t most)
{
    size_t n = 0;
    u64 last = 0;

    while (n < most && at + 4 <= m->size && is_item(m, at, last, &last)) {
        at += 4;
        n++;
    }
    return n;
}

/* How many stand before `at`. */
static size_t run_before(const struct image *m, size_t at, size_t most)
{
    u64 next = ~0ull, place;
    size_t n = 0;

    while (n < most && at >= 4 && is_item(m, at - 4, 0, &place) && place <= next) {
        next = place;
        at -= 4;
        n++;
    }
    return n;
}

/* The longest list: one of ITEMS_LEAST has an item wherever one looks that often. What stands before and behind it may
 * look like more of it by chance: see find_in. */
static size_t longest(const struct image *m, size_t *count)
{
    size_t best = 0;

    *count = 0;
    for (size_t at = 0; at + 4 <= m->size; at += ITEMS_LEAST * 2) {
        size_t before, n;

        if (run_at(m, at, SAMPLE) < SAMPLE)
            continue;
        before = run_before(m, at, ITEMS_MOST);
        n = before + run_at(m, at, ITEMS_MOST);
        if (n > *count) {
            *count = n;
            best = at - before * 4;
        }
        at += (n - before) * 4 & ~(size_t)3;
    }
    return best;
}

static unsigned reg_of(const u8 *entry) { return entry[4] & 15; }
static unsigned type_bits(const u8 *entry) { return entry[5] & 7; }

static size_t find_item(const struct image *m, size_t at, size_t count, u64 ip)
{
    size_t low = 0, high = count;

    while (low < high) {
        size_t middle = low + (high - low) / 2, item = at + middle * 4;

        if (m->va + item + (u64)(s64)item_at(m, item) <= ip)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* How many of the functions begin as functions do: with nothing but the return address on the stack. */
static unsigned agreeing(const struct image *m, size_t at, size_t count, const u64 *function, unsigned functions)
{
    unsigned n = 0;

    for (unsigned i = 0; i < functions; i++) {
        size_t after = find_item(m, at, count, function[i]);
        size_t entry = at + count * 4 + (after - 1) * ENTRY_BYTES;

        n += after && entry + ENTRY_BYTES <= m->size && reg_of(m->memory + entry) == ORC_SP && m->memory[entry] == 8 &&
             m->memory[entry + 1] == 0;
    }
    return n;
}

static struct orc *make(const struct image *m, size_t at, size_t count, size_t entries)
{
    struct orc *o = calloc(1, sizeof(*o));
    size_t calls = 0;

    if (!o)
        return NULL;
    *o = (struct orc){
        .first = m->va + at, .count = count, .item = host_alloc(count * 4), .entry = host_alloc(count * ENTRY_BYTES)};
    if (!o->item || !o->entry) {
        orc_destroy(o);
        return NULL;
    }
    memcpy(o->item, m->memory + at, count * 4);
    memcpy(o->entry, m->memory + entries, count * ENTRY_BYTES);
    for (size_t i = 0; i < count; i++)
        calls += type_bits(o->entry + i * ENTRY_BYTES) == 2;
    o->named = calls > count / 2;
    return o;
}

/* The list may begin later and end earlier than it seems, by the items that chance added; then each place has another's
 * entry, unless both are right. */
static struct orc *find_in(const struct image *m, const u64 *function, unsigned functions)
{
    size_t count, at = longest(m, &count), best_at = 0, best_count = 0;
    unsigned best = functions / 2;

    if (count < ITEMS_LEAST)
        return NULL;
    for (unsigned early = 0; early < CHANCE; early++)
        for (unsigned late = 0; late < CHANCE; late++) {
            size_t from = at + early * 4ull, n = count - early - late;
            unsigned good = agreeing(m, from, n, function, functions);

            if (good > best && from + n * (4 + ENTRY_BYTES) <= m->size) {
                best = good;
                best_at = from;
                best_count = n;
            }
        }
    return best_count ? make(m, best_at, best_count, best_at + best_count * 4) : NULL;
}

struct orc *orc_find(struct phys *phys, u64 va, u64 pa, const u64 *function, unsigned functions)
{
    u64 size = REACH; /* behind the code */
    struct image m = {.memory = phys_look(phys, pa & PAGE_MASK, &size), .size = size, .va = va & PAGE_MASK};

    return m.memory ? find_in(&m, function, functions) : NULL;
}

struct orc *orc_copy(const struct orc *kernel, u64 first, const u8 *items, const u8 *entries, size_t count)
{
    struct orc *o = calloc(1, sizeof(*o));

    if (!o)
        return NULL;
    *o = (struct orc){.first = first,
                      .count = count,
                      .item = malloc(count * ORC_ITEM_BYTES),
                      .entry = malloc(count * ENTRY_BYTES),
                      .named = kernel->named};
    if (!o->item || !o->entry) {
        orc_destroy(o);
        return NULL;
    }
    memcpy(o->item, items, count * ORC_ITEM_BYTES);
    memcpy(o->entry, entries, count * ENTRY_BYTES);
    return o;
}

void orc_destroy(struct orc *o)
{
    if (!o)
        return;
    free(o->item);
    free(o->entry);
    free(o);
}

/* ---- Unwinding ---- */

static u64 place_of(const struct orc *o, size_t i) { return o->first + i * 4 + (u64)(s64)o->item[i]; }

static const u8 *entry_of(const struct orc *o, u64 ip)
{
    size_t low = 0, high = o->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (place_of(o, middle) <= ip)
            low = middle + 1;
        else
            high = middle;
    }
    return low && low < o->count ? o->entry + (low - 1) * ENTRY_BYTES : NULL;
}

static bool peek(struct cpu *cpu, u64 at, u64 *value) { return cpu_peek(cpu, at, value, 8) == 8; }

static s64 offset(const u8 *entry, unsigned at)
{
    s16 v;

    memcpy(&v, entry + at, 2);
    return v;
}

static enum orc_type type_of(const struct orc *o, const u8 *entry)
{
    unsigned type = type_bits(entry);

    if (!o->named)
        type &= 3; /* bit 2 was "end" */
    else
        type = type >= 2 ? type - 2 : TYPE_NONE;
    return type < TYPE_NONE ? (enum orc_type)type : TYPE_NONE;
}

/* The caller's stack pointer, as it was before the CALL pushed. */
static bool previous_sp(struct cpu *cpu, const u8 *entry, const struct orc_frame *f, u64 *sp)
{
    s64 off = offset(entry, 0);
    static const u8 gpr_of[] = {[ORC_DX] = REG_RDX, [ORC_DI] = REG_RDI, [ORC_R10] = 10, [ORC_R13] = 13};
    unsigned reg = reg_of(entry);

    switch (reg) {
    case ORC_SP: *sp = f->sp + (u64)off; return true;
    case ORC_BP: *sp = f->bp + (u64)off; return true;
    case ORC_BP_IND: return peek(cpu, f->bp + (u64)off, sp);
    case ORC_SP_IND:
        if (!peek(cpu, f->sp, sp))
            return false;
        *sp += (u64)off;
        return true;
    case ORC_DX:
    case ORC_DI:
    case ORC_R10:
    case ORC_R13: *sp = f->gpr ? f->gpr[gpr_of[reg]] : 0; return f->gpr != NULL;
    default: return false;
    }
}

static bool previous_bp(struct cpu *cpu, const u8 *entry, struct orc_frame *f, u64 sp)
{
    switch (entry[4] >> 4) {
    case ORC_UNDEFINED: return true;
    case ORC_PREV_SP: return peek(cpu, sp + (u64)offset(entry, 2), &f->bp);
    case ORC_BP: return peek(cpu, f->bp + (u64)offset(entry, 2), &f->bp);
    default: return false;
    }
}

/* Registers that an interrupt or exception saved; the user's are another stack's matter. */
static bool saved(struct cpu *cpu, struct orc_frame *f, u64 ip, u64 cs, u64 sp)
{
    u64 selector;

    if (!peek(cpu, cs, &selector) || (selector & 3) || !peek(cpu, ip, &f->ip) || !peek(cpu, sp, &f->sp))
        return false;
    f->interrupted = true;
    return true;
}

bool orc_step(const struct orc *o, struct cpu *cpu, struct orc_frame *f)
{
    const u8 *entry = entry_of(o, f->interrupted ? f->ip : f->ip - 1);
    u64 sp, ip;

    if (!entry || !previous_sp(cpu, entry, f, &sp))
        return false;
    switch (type_of(o, entry)) {
    case TYPE_CALL:
        if (!peek(cpu, sp - 8, &ip) || sp <= f->sp || !previous_bp(cpu, entry, f, sp))
            return false;
        f->ip = ip;
        f->sp = sp;
        f->interrupted = false;
        break;
    case TYPE_REGS:
        if (!saved(cpu, f, sp + PT_IP, sp + PT_CS, sp + PT_SP) || !peek(cpu, sp + PT_BP, &f->bp))
            return false;
        break;
    case TYPE_PARTIAL:
        if (!saved(cpu, f, sp, sp + IRET_CS, sp + IRET_SP))
            return false;
        break;
    default: return false;
    }
    f->gpr = NULL;
    return true;
}
