/* SPDX-License-Identifier: MIT */
/* The inside of physical memory: shared by phys.c and phys_state.c. */
#ifndef FAULTLINE_MMU_PHYS_PARTS_H
#define FAULTLINE_MMU_PHYS_PARTS_H

#include "mmu/phys.h"

#define HIGH_RAM_BASE (1ull << 32)

struct cover {
    u64 base, size;
    u8 *image;  /* NULL: a hole */
    u8 *window; /* a hole through which this is seen, or NULL */
};

/* How shadow RAM is steered; 0: not at all, RAM shows where nothing lies over it. */
enum { STEERED = 4, SHADOW_PAGES = PHYS_SHADOW_SIZE / PAGE_SIZE };

struct listener {
    phys_written_fn *fn;
    void *ctx;
};

/* Pages that snapshots hold, and their contents, both from lists of unused ones. */
struct phys_page {
    u32 refs; /* snapshots, and phys_map.kept */
    union {
        u8 *bytes;              /* NULL: RAM still has them */
        struct phys_page *next; /* unused */
    };
};

struct phys_block {
    struct phys_block *next;
    struct phys_page page[];
};

struct phys_pool {
    struct phys_block *block;
    struct phys_page *unused;
    size_t snapshots;
};
void phys_pool_free(struct phys_pool *);

struct phys {
    struct phys_map map; /* first: phys_page_ram() in the header finds it there */
    u64 ram_bytes;
    struct bus *mmio;
    struct cover *cover;
    size_t covers;
    u8 shadow[SHADOW_PAGES];
    bool steered; /* any of them */
    struct listener *listener;
    size_t listeners;
    struct phys_pool pool;
};

/* The range that hides RAM, from covers and shadow RAM. */
void phys_hide_again(struct phys *);
void phys_written(struct phys *, u64 pa, u64 size);

#endif
