/* SPDX-License-Identifier: MIT */
/*
 * The bus. Regions are kept sorted by base and never overlap. An address is looked up in one step below 64 KiB (all of
 * the port space: an IN or OUT is a table load and an indirect call), and elsewhere by the region hit last or a binary
 * search.
 *
 * An access that fits one region and the widths of its device goes straight through. Any other is taken apart from its
 * lowest byte up: into pieces no wider than the device allows, and where the device has no access as narrow as the
 * piece, into the naturally aligned access that holds it. A narrow write to such a device is a read, a merge and a
 * write, so that the bytes beside it keep their value, as they do on a bus with byte enables.
 */
#include "mmu/bus.h"

#include <stdlib.h>
#include <string.h>

#define TABLE_SIZE 0x10000u /* SDM Vol. 1 "I/O Port Addressing": 64K ports */

struct region {
    u64 base, last; /* inclusive, so that the top of the address space needs no special case */
    u64 (*read)(void *device, u64 offset, unsigned width);
    void (*write)(void *device, u64 offset, u64 value, unsigned width);
    void *device;
    u8 min_width, max_width;
    const char *name;
};

struct bus {
    struct region *region; /* sorted */
    size_t count, capacity;
    size_t last_hit; /* always a valid index once a region is attached */
    u8 floating;
    u16 table[TABLE_SIZE]; /* 1 + index of the region at this address, 0: none */
};

struct bus *bus_create(u8 floating)
{
    struct bus *bus = calloc(1, sizeof(*bus));

    if (bus)
        bus->floating = floating;
    return bus;
}

void bus_destroy(struct bus *bus)
{
    if (!bus)
        return;
    free(bus->region);
    free(bus);
}

/* The number of regions with base <= addr: the only one that can hold addr is the one before that. */
static size_t bus_upper_bound(const struct bus *bus, u64 addr)
{
    size_t low = 0, high = bus->count;

    while (low < high) {
        size_t mid = low + (high - low) / 2;

        if (bus->region[mid].base <= addr)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static NOINLINE const struct region *bus_search(struct bus *bus, u64 addr)
{
    size_t above = bus_upper_bound(bus, addr);

    if (above == 0 || addr > bus->region[above - 1].last)
        return NULL;
    bus->last_hit = above - 1;
    return &bus->region[above - 1];
}

ALWAYS_INLINE const struct region *bus_find(struct bus *bus, u64 addr)
{
    const struct region *r;

    if (likely(addr < TABLE_SIZE)) {
        unsigned slot = bus->table[addr];

        return slot ? &bus->region[slot - 1] : NULL;
    }
    if (bus->count == 0)
        return NULL;
    r = &bus->region[bus->last_hit];
    if (addr - r->base <= r->last - r->base)
        return r;
    return bus_search(bus, addr);
}

/* True if some region touches [first, last], which does not wrap. */
static bool bus_touches(const struct bus *bus, u64 first, u64 last)
{
    size_t above = bus_upper_bound(bus, last);

    return above > 0 && bus->region[above - 1].last >= first;
}

bool bus_claims(const struct bus *bus, u64 addr, u64 size)
{
    u64 last = addr + size - 1;

    if (size == 0)
        return false;
    if (last >= addr)
        return bus_touches(bus, addr, last);
    return bus_touches(bus, addr, ~0ull) || bus_touches(bus, 0, last);
}

void bus_each(const struct bus *bus, bool (*each)(void *ctx, const struct bus_region *), void *ctx)
{
    for (size_t i = 0; i < bus->count; i++) {
        const struct region *r = &bus->region[i];

        if (!each(ctx, &(struct bus_region){.base = r->base, .last = r->last, .name = r->name}))
            return;
    }
}

static bool width_valid(unsigned width) { return width == 1 || width == 2 || width == 4 || width == 8; }

static bool ops_valid(const struct region_ops *ops, u64 size)
{
    return ops->read && ops->write && width_valid(ops->min_width) && width_valid(ops->max_width) &&
           ops->min_width <= ops->max_width && size >= ops->min_width;
}

static bool bus_grow(struct bus *bus)
{
    size_t capacity = bus->capacity ? 2 * bus->capacity : 16;
    struct region *region;

    if (bus->count < bus->capacity)
        return true;
    region = realloc(bus->region, capacity * sizeof(*region));
    if (!region)
        return false;
    bus->region = region;
    bus->capacity = capacity;
    return true;
}

/* Regions from `index` on have moved: their table entries follow. */
static void bus_retable(struct bus *bus, size_t index)
{
    for (; index < bus->count && bus->region[index].base < TABLE_SIZE; index++) {
        u64 last = bus->region[index].last;

        if (last >= TABLE_SIZE)
            last = TABLE_SIZE - 1;
        for (u64 addr = bus->region[index].base; addr <= last; addr++)
            bus->table[addr] = (u16)(index + 1);
    }
}

bool bus_attach(struct bus *bus, u64 base, u64 size, const struct region_ops *ops, void *device)
{
    u64 last = base + size - 1;
    size_t index;

    if (size == 0 || last < base || !ops_valid(ops, size) || bus_touches(bus, base, last))
        return false;
    if (bus->count >= UINT16_MAX || !bus_grow(bus))
        return false;
    index = bus_upper_bound(bus, base);
    memmove(&bus->region[index + 1], &bus->region[index], (bus->count - index) * sizeof(*bus->region));
    bus->region[index] = (struct region){
        .base = base,
        .last = last,
        .read = ops->read,
        .write = ops->write,
        .device = device,
        .min_width = ops->min_width,
        .max_width = ops->max_width,
        .name = ops->name ? ops->name : "device",
    };
    bus->count++;
    bus_retable(bus, index);
    return true;
}

bool bus_detach(struct bus *bus, u64 base)
{
    size_t above = bus_upper_bound(bus, base);
    struct region *r;

    if (above == 0 || bus->region[above - 1].base != base)
        return false;
    r = &bus->region[above - 1];
    for (u64 addr = base; addr < TABLE_SIZE && addr <= r->last; addr++)
        bus->table[addr] = 0;
    memmove(r, r + 1, (bus->count - above) * sizeof(*r));
    bus->count--;
    bus->last_hit = 0;
    bus_retable(bus, above - 1);
    return true;
}

static u64 width_mask(unsigned width) { return ~0ull >> (64 - 8 * width); }

/* Part of an access, as one device access: bytes [skip, skip + bytes) of the `width` bytes at `offset`. */
struct piece {
    u64 offset;
    unsigned width, skip, bytes;
};

/* The first piece of an access to `left` bytes at `addr`, which lies in region r. */
static struct piece bus_piece(const struct region *r, u64 addr, unsigned left)
{
    u64 offset = addr - r->base, room = r->last - addr;
    struct piece piece = {.offset = offset, .width = r->max_width};

    if (room < left)
        left = (unsigned)room + 1;
    while (piece.width > left)
        piece.width /= 2;
    if (piece.width >= r->min_width) {
        piece.bytes = piece.width;
        return piece;
    }
    /* Too narrow: the aligned unit around it, or the last whole one when the region ends in the middle of a unit. */
    piece.width = r->min_width;
    piece.offset = offset & ~(u64)(piece.width - 1);
    if (piece.offset > r->last - r->base - (piece.width - 1))
        piece.offset = r->last - r->base - (piece.width - 1);
    piece.skip = (unsigned)(offset - piece.offset);
    piece.bytes = piece.width - piece.skip < left ? piece.width - piece.skip : left;
    return piece;
}

static NOINLINE u64 bus_read_split(struct bus *bus, u64 addr, unsigned width)
{
    u64 value = 0;

    for (unsigned done = 0; done < width;) {
        const struct region *r = bus_find(bus, addr + done);
        u64 part = bus->floating;
        unsigned bytes = 1;

        if (r) {
            struct piece piece = bus_piece(r, addr + done, width - done);

            part = r->read(r->device, piece.offset, piece.width) >> (8 * piece.skip);
            bytes = piece.bytes;
        }
        value |= (part & width_mask(bytes)) << (8 * done);
        done += bytes;
    }
    return value;
}

static NOINLINE void bus_write_split(struct bus *bus, u64 addr, u64 value, unsigned width)
{
    for (unsigned done = 0; done < width;) {
        const struct region *r = bus_find(bus, addr + done);
        struct piece piece;
        struct region to;
        u64 part;

        if (!r) {
            done++;
            continue;
        }
        to = *r; /* the region may move if the device attaches another one */
        piece = bus_piece(r, addr + done, width - done);
        part = (value >> (8 * done)) & width_mask(piece.bytes);
        if (piece.bytes < piece.width) {
            u64 hole = width_mask(piece.bytes) << (8 * piece.skip);
            u64 beside = to.read(to.device, piece.offset, piece.width) & width_mask(piece.width);

            part = (beside & ~hole) | (part << (8 * piece.skip));
        }
        to.write(to.device, piece.offset, part, piece.width);
        done += piece.bytes;
    }
}

/* The device takes this access as it is. */
ALWAYS_INLINE bool bus_fits(const struct region *r, u64 addr, unsigned width)
{
    return r && width >= r->min_width && width <= r->max_width && r->last - addr >= width - 1;
}

u64 bus_read(struct bus *bus, u64 addr, unsigned width)
{
    const struct region *r = bus_find(bus, addr);

    if (likely(bus_fits(r, addr, width)))
        return r->read(r->device, addr - r->base, width) & width_mask(width);
    return bus_read_split(bus, addr, width);
}

void bus_write(struct bus *bus, u64 addr, u64 value, unsigned width)
{
    const struct region *r = bus_find(bus, addr);

    if (likely(bus_fits(r, addr, width)))
        r->write(r->device, addr - r->base, value & width_mask(width), width);
    else
        bus_write_split(bus, addr, value, width);
}
