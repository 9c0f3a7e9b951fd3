/* SPDX-License-Identifier: MIT */
/*
 * What an address space maps, as a list of ranges: neighbouring pages with the same effective rights are one. It is
 * read from the tables as the walk reads them (SDM Vol. 3A, "Paging"), in every mode; nothing is written.
 */
#ifndef FAULTLINE_MMU_RANGES_H
#define FAULTLINE_MMU_RANGES_H

#include "mmu/paging.h"

struct range {
    u64 first, last;         /* linear addresses, both within; canonical in long mode */
    u64 pa;                  /* physical address of `first` */
    u64 page_size;           /* of each of its pages; for a range that is `bad`, what one of its entries covers */
    u64 at, entry;           /* the leaf of `first`: its physical address and value */
    u8 level;                /* of the leaves */
    bool bad;                /* reserved bits: every access is refused; pa and rights mean nothing */
    bool user, writable, nx; /* effective: combined from all levels */
    bool global;
    u8 key;
};

struct ranges_query {
    u64 first, last; /* only what overlaps these, both within; 0 and ~0 for everything */
    bool by_frame;   /* one range is contiguous in physical memory too */
    u64 budget; /* entries to be looked at; 0: RANGES_BUDGET. Tables may lead to themselves: 2^36 leaves are legal */
};
#define RANGES_BUDGET (1ull << 24)

enum ranges_end { RANGES_ALL, RANGES_STOPPED /* by the caller */, RANGES_OUT_OF_BUDGET };

/*
 * Calls `each` with the ranges in ascending order (from 0 up; the upper canonical half comes last); it returns false to
 * stop. Without paging there is one range: everything up to 4 GiB. Rights are those of the tables: CR0.WP, SMEP, SMAP
 * and protection-key registers are the walk's business.
 */
enum ranges_end ranges_each(const struct paging *, struct walk_reader, const struct ranges_query *,
                            bool (*each)(void *ctx, const struct range *), void *ctx);

/* Alike but for where they are: size of pages, rights, global, key. */
bool range_same_rights(const struct range *, const struct range *);

#endif
