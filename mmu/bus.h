/* SPDX-License-Identifier: MIT */
/*
 * A bus: an address space in which devices occupy regions. One type serves memory-mapped and
 * port I/O. A device does not know where it is attached; it sees offsets into its region, and only
 * the widths it declared: the bus splits wider accesses, lowest byte first, and widens narrower ones (a
 * narrow write to a device without one becomes a read and a write of the aligned unit around it).
 */
#ifndef FAULTLINE_MMU_BUS_H
#define FAULTLINE_MMU_BUS_H

#include "mmu/base.h"

struct region_ops {
    /* width is 1, 2, 4 or 8 bytes within [min_width, max_width]; offset is a multiple of nothing in particular */
    u64 (*read)(void *device, u64 offset, unsigned width);
    void (*write)(void *device, u64 offset, u64 value, unsigned width);
    u8 min_width, max_width; /* bytes */
    const char *name;        /* what it is, for whoever looks at the bus; may be NULL. Borrowed */
};

struct bus;

/* `floating` is what every unclaimed byte reads (0xFF on a PC). NULL when out of memory. */
struct bus *bus_create(u8 floating);
void bus_destroy(struct bus *);

/*
 * False, attaching nothing, if the region is empty, wraps, or overlaps one already there; also if the operations
 * are no use: one missing, a width that is none of 1, 2, 4, 8, a region smaller than min_width. `ops` is copied,
 * `device` is borrowed.
 */
bool bus_attach(struct bus *, u64 base, u64 size, const struct region_ops *, void *device);

/* Takes the region that begins at `base` away again; false if none does. Not from within one of its own operations. */
bool bus_detach(struct bus *, u64 base);

/*
 * Total: any address, width 1, 2, 4 or 8. Bytes nobody claims read as floating and swallow writes; an access over the
 * top of the address space goes on at 0. Values have no bits above their width, whatever the device or caller gave.
 */
u64 bus_read(struct bus *, u64 addr, unsigned width);
void bus_write(struct bus *, u64 addr, u64 value, unsigned width);

/* True if some region covers any of [addr, addr + size); the range may wrap. */
bool bus_claims(const struct bus *, u64 addr, u64 size);

/* Looking: the regions in the order of their addresses, until `each` says false. No device is asked anything. */
struct bus_region {
    u64 base, last;   /* inclusive */
    const char *name; /* of its operations; never NULL */
};
void bus_each(const struct bus *, bool (*each)(void *ctx, const struct bus_region *), void *ctx);

#endif
