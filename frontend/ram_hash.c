/* SPDX-License-Identifier: MIT */
#include "frontend/ram_hash.h"

#include <string.h>

#include "frontend/events.h"

#define FNV_PRIME 0x100000001B3ull
enum { WORDS = PAGE_SIZE / 8 };

static u64 hash_page(struct phys *phys, u64 pa, u64 hash)
{
    u64 words[WORDS], any = 0;

    phys_copy_out(phys, pa, words, sizeof(words));
    for (unsigned i = 0; i < WORDS; i++)
        any |= words[i];
    if (!any)
        return hash;
    hash = (hash ^ pa) * FNV_PRIME;
    for (unsigned i = 0; i < WORDS; i++)
        hash = (hash ^ words[i]) * FNV_PRIME;
    return hash;
}

u64 ram_hash(struct machine *m)
{
    struct phys *phys = machine_phys(m);
    u64 hash = EVENTS_HASH;

    for (u64 pa = 0; pa < machine_low_ram(m); pa += PAGE_SIZE)
        hash = hash_page(phys, pa, hash);
    for (u64 pa = 0; pa < machine_high_ram(m); pa += PAGE_SIZE)
        hash = hash_page(phys, MACHINE_HIGH_RAM + pa, hash);
    return hash;
}
