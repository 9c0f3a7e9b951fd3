/* SPDX-License-Identifier: MIT */
/*
 * Physical memory: RAM (allocated lazily by the host kernel), ROM images, and behind both the
 * memory-mapped I/O bus. Every access by processors, devices (DMA), loaders and debuggers ends here.
 */
#ifndef FAULTLINE_MMU_PHYS_H
#define FAULTLINE_MMU_PHYS_H

#include "mmu/base.h"
#include "mmu/bus.h"
#include "mmu/state.h"

#define PHYS_LOW_RAM_TOP 0xC0000000ull /* RAM beyond 3 GiB continues at 4 GiB, as on a PC */
#define PHYS_MAX_RAM (16ull << 30)

struct phys;

/* RAM of `ram_bytes` (a multiple of 4 KiB, 1 MiB..16 GiB); NULL if the host refuses the address space. */
struct phys *phys_create(u64 ram_bytes);
void phys_destroy(struct phys *);
u64 phys_ram_bytes(const struct phys *);
struct bus *phys_mmio(struct phys *); /* the bus behind RAM and ROM; owned by phys */

/* Lay a ROM image over [base, base+size) (page multiples, copied). Reads see it; writes are dropped.
 * Where it covers RAM it hides it. False if it overlaps another ROM or a hole, or is not page-aligned. */
bool phys_add_rom(struct phys *, u64 base, const u8 *image, u64 size);

/* RAM does not answer in [base, base+size) (page multiples): the range belongs to the MMIO bus. A PC with a display
 * has one at 0xA0000-0xBFFFF. Otherwise RAM hides whatever is attached behind it. False as phys_add_rom. */
bool phys_add_hole(struct phys *, u64 base, u64 size);

/* A hole through which memory of a device may be seen: `host` (borrowed, `size` bytes) is read and written like RAM,
 * and NULL leaves the range to the MMIO bus. phys_set_window changes what is seen in the window that begins at `base`,
 * and tells the listeners that its bytes changed; whoever keeps host pointers must be told by the caller. */
bool phys_add_window(struct phys *, u64 base, u64 size, u8 *host);
bool phys_set_window(struct phys *, u64 base, u8 *host);

/* The hole that begins at `base` closes again; false if there is none. As with every change of the map, whoever keeps
 * host pointers (a processor's TLB) must be told by the caller. */
bool phys_remove_hole(struct phys *, u64 base);

/*
 * Shadow RAM, as the PAM registers of a chipset steer it: in [PHYS_SHADOW_BASE, +PHYS_SHADOW_SIZE) reads and writes of
 * a page go to RAM, or else to what lies over it (ROM; without one the MMIO bus), each as told. Base and size are page
 * multiples within that range. Until told, RAM shows where no ROM or hole is. Listeners hear of the pages whose bytes
 * may look different now; whoever keeps host pointers must be told by the caller.
 */
#define PHYS_SHADOW_BASE 0xC0000ull
#define PHYS_SHADOW_SIZE 0x40000ull
enum { PHYS_SHADOW_READ = 1, PHYS_SHADOW_WRITE = 2 }; /* ... RAM */
void phys_shadow(struct phys *, u64 base, u64 size, unsigned to_ram);

/*
 * The map, exposed for the functions below alone: they are on the path of every TLB miss. RAM is [0, low_size)
 * and [4 GiB, 4 GiB + high_size), one block on the host. Every ROM and hole that covers RAM lies within
 * [hide_base, hide_base + hide_size); a page there, and one that is not RAM, is searched for.
 */
struct phys_map {
    u8 *ram;
    u64 low_size, high_size;
    u64 hide_base, hide_size;
    struct phys_page **kept; /* by page of the block: what a snapshot holds and nobody has written to since, or NULL */
};
u8 *phys_page_search(struct phys *, u64 pa, bool write);

/* Pages of RAM with no ROM or hole anywhere near; NULL for all others. */
ALWAYS_INLINE u8 *phys_page_ram(struct phys *phys, u64 pa)
{
    const struct phys_map *map = (const struct phys_map *)phys;

    if (unlikely(pa - map->hide_base < map->hide_size))
        return NULL;
    if (likely(pa < map->low_size))
        return map->ram + (pa & PAGE_MASK);
    if (likely(pa - (1ull << 32) < map->high_size))
        return map->ram + PHYS_LOW_RAM_TOP + ((pa & PAGE_MASK) - (1ull << 32));
    return NULL;
}

/* RAM from `pa` on as the host has it, to be looked at: `*size` bytes are wanted, and it is cut to what lies in a row
 * there, with no ROM or hole near. NULL where that is nothing. */
const u8 *phys_look(struct phys *, u64 pa, u64 *size);

/* Looking at the map: ranges of equal kind that are not the MMIO bus's for both reads and writes, by address, until
 * `each` says false. */
enum phys_kind {
    PHYS_BUS, /* goes on to the MMIO bus */
    PHYS_RAM,
    PHYS_ROM,    /* writes are dropped */
    PHYS_WINDOW, /* memory of a device, seen through a window */
};
struct phys_range {
    u64 first, last; /* inclusive */
    enum phys_kind reads, writes;
};
void phys_each(const struct phys *, bool (*each)(void *ctx, const struct phys_range *), void *ctx);

/* The host address of the 4 KiB page holding `pa`, for reading, or for writing; NULL where it is not
 * RAM (ROM for reading). The pointer is page-aligned and stays valid for the life of phys, though it
 * is no longer what the guest sees once a ROM or hole is laid over it. */
static inline u8 *phys_page_read(struct phys *phys, u64 pa)
{
    u8 *page = phys_page_ram(phys, pa);

    return likely(page != NULL) ? page : phys_page_search(phys, pa, false);
}

static inline u8 *phys_page_write(struct phys *phys, u64 pa)
{
    u8 *page = phys_page_ram(phys, pa);

    return likely(page != NULL) ? page : phys_page_search(phys, pa, true);
}

/* Whoever has a page for writing from phys_page_write(), and does not write at once, must come by phys_will_write()
 * before each write, or before the first after each phys_snapshot() or phys_restore(). Host memory that is not RAM is
 * ignored. */
void phys_unshare(struct phys *, const u8 *host, u64 size);
static inline bool phys_has_snapshots(const struct phys *phys)
{
    return unlikely(((const struct phys_map *)phys)->kept != NULL);
}
static inline void phys_will_write(struct phys *phys, const u8 *host, u64 size)
{
    if (phys_has_snapshots(phys))
        phys_unshare(phys, host, size);
}
/* Where there are snapshots: does one hold the page at `host`, which nobody has written to since? */
bool phys_is_held(const struct phys *, const u8 *host);

/* Reads of this page and writes to it go to different places: a pointer for the one is none for the other. */
static inline bool phys_page_split(struct phys *phys, u64 pa)
{
    const struct phys_map *map = (const struct phys_map *)phys;

    return unlikely(pa - map->hide_base < map->hide_size) &&
           phys_page_search(phys, pa, false) != phys_page_search(phys, pa, true);
}

/* Total accesses of 1, 2, 4 or 8 bytes at any address and alignment: RAM, ROM, MMIO, or floating bus. Each page of a
 * crossing access is served by what is there; over the top of the address space comes 0. */
u64 phys_read(struct phys *, u64 pa, unsigned width);
void phys_write(struct phys *, u64 pa, u64 value, unsigned width);

/* Bulk copies (loaders, DMA, debugger). True if the range was RAM (or ROM, for reading) throughout. No device is
 * touched: what is neither reads as 0xFF and swallows writes. */
bool phys_copy_out(struct phys *, u64 pa, void *to, u64 size);
bool phys_copy_in(struct phys *, u64 pa, const void *from, u64 size);
bool phys_fill(struct phys *, u64 pa, u8 byte, u64 size);

/*
 * Who must hear of RAM writes that did not come through a processor's own write tags: phys_write, phys_copy_in
 * and phys_fill call it *after* storing, once per touched range. The CPU registers itself to drop decoded code.
 * There may be several, told in order of registration, one per ctx: the same ctx again replaces its function, and NULL
 * removes it. False if memory ran out.
 */
typedef void phys_written_fn(void *ctx, u64 pa, u64 size);
bool phys_on_written(struct phys *, phys_written_fn *, void *ctx);

/* RAM, ROM images and the steering of shadow RAM. Holes and windows are their owners' business, and listeners hear of
 * what changed; whoever keeps host pointers must be told by the caller. */
void phys_state(struct phys *, struct state *);
/* A hash of all RAM. */
u64 phys_ram_hash(const struct phys *);

/*
 * RAM as it is now, to come back to. Pages are copied when they are first written to after it, once for all snapshots
 * that hold them. NULL without memory. Snapshots are independent of each other, and freed before phys.
 */
struct phys_snapshot;
struct phys_snapshot *phys_snapshot(struct phys *);
void phys_restore(struct phys *, const struct phys_snapshot *); /* listeners hear of pages that changed */
void phys_snapshot_free(struct phys *, struct phys_snapshot *);

#endif
