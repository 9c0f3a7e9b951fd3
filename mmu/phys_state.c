/* SPDX-License-Identifier: MIT */
/*
 * Physical memory saved and loaded, and snapshots of it. A snapshot holds each page by reference. As long as nobody
 * writes to a page it needs no copy: its bytes are RAM's own. The first write after a snapshot passes phys_unshare(),
 * which copies the page for those who hold it.
 */
#include "mmu/phys_parts.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCK_PAGES = 4096, ROMS_MAX = 16, ROM_MAX = 64 << 20 };

static u64 ram_pages(const struct phys *phys) { return phys->ram_bytes / PAGE_SIZE; }

static u64 address_of(u64 offset)
{
    return offset < PHYS_LOW_RAM_TOP ? offset : HIGH_RAM_BASE + (offset - PHYS_LOW_RAM_TOP);
}

/* ---- Pages held ---- */

static bool pool_grow(struct phys_pool *pool)
{
    struct phys_block *block = calloc(1, sizeof(*block) + BLOCK_PAGES * sizeof(*block->page));

    if (!block)
        return false;
    block->next = pool->block;
    pool->block = block;
    for (unsigned i = 0; i < BLOCK_PAGES; i++) {
        block->page[i].next = pool->unused;
        pool->unused = &block->page[i];
    }
    return true;
}

void phys_pool_free(struct phys_pool *pool)
{
    while (pool->block) {
        struct phys_block *next = pool->block->next;

        free(pool->block);
        pool->block = next;
    }
    pool->unused = NULL;
}

static struct phys_page *page_take(struct phys_pool *pool)
{
    struct phys_page *page;

    if (!pool->unused && !pool_grow(pool))
        return NULL;
    page = pool->unused;
    pool->unused = page->next;
    *page = (struct phys_page){.refs = 0};
    return page;
}

static void page_release(struct phys_pool *pool, struct phys_page *page)
{
    if (!page || --page->refs)
        return;
    free(page->bytes);
    page->next = pool->unused;
    pool->unused = page;
}

/* RAM's page `n` is about to change: those who hold it get a copy, and RAM no longer counts as one of them. Without
 * memory there is no going on: what snapshots hold would be lost unseen. */
static void page_leave(struct phys *phys, u64 n)
{
    struct phys_page *page = phys->map.kept[n];

    if (!page)
        return;
    if (page->refs > 1 && !page->bytes) {
        page->bytes = malloc(PAGE_SIZE);
        if (!page->bytes)
            abort();
        memcpy(page->bytes, phys->map.ram + n * PAGE_SIZE, PAGE_SIZE);
    }
    phys->map.kept[n] = NULL;
    page_release(&phys->pool, page);
}

/* Of memory that is not RAM, on either side of it, no offset within RAM. */
static u64 offset_of(const struct phys *phys, const u8 *host)
{
    return (u64)((uintptr_t)host - (uintptr_t)phys->map.ram);
}

void phys_unshare(struct phys *phys, const u8 *host, u64 size)
{
    u64 offset = offset_of(phys, host);

    if (offset >= phys->ram_bytes || !size)
        return;
    for (u64 n = offset / PAGE_SIZE; n <= (offset + size - 1) / PAGE_SIZE && n < ram_pages(phys); n++)
        page_leave(phys, n);
}

bool phys_is_held(const struct phys *phys, const u8 *host)
{
    u64 offset = offset_of(phys, host);

    return offset < phys->ram_bytes && phys->map.kept[offset / PAGE_SIZE];
}

/* ---- Snapshots ---- */

struct phys_snapshot {
    struct phys_page *page[1]; /* as many as RAM has */
};

static bool keep_all(struct phys *phys, struct phys_snapshot *s)
{
    for (u64 n = 0; n < ram_pages(phys); n++) {
        struct phys_page **kept = &phys->map.kept[n];

        if (!*kept) {
            *kept = page_take(&phys->pool);
            if (!*kept)
                return false;
            (*kept)->refs = 1;
        }
        (*kept)->refs++;
        s->page[n] = *kept;
    }
    return true;
}

struct phys_snapshot *phys_snapshot(struct phys *phys)
{
    struct phys_snapshot *taken = calloc(ram_pages(phys), sizeof(taken->page[0]));

    if (!taken)
        return NULL;
    if (!phys->pool.snapshots++)
        phys->map.kept = calloc(ram_pages(phys), sizeof(*phys->map.kept));
    if (phys->map.kept && keep_all(phys, taken))
        return taken;
    phys_snapshot_free(phys, taken);
    return NULL;
}

void phys_restore(struct phys *phys, const struct phys_snapshot *s)
{
    for (u64 n = 0; n < ram_pages(phys); n++) {
        struct phys_page *page = s->page[n];

        if (page == phys->map.kept[n])
            continue;
        page_leave(phys, n);
        memcpy(phys->map.ram + n * PAGE_SIZE, page->bytes, PAGE_SIZE);
        page->refs++;
        phys->map.kept[n] = page;
        phys_written(phys, address_of(n * PAGE_SIZE), PAGE_SIZE);
    }
}

void phys_snapshot_free(struct phys *phys, struct phys_snapshot *s)
{
    if (!s)
        return;
    for (u64 n = 0; n < ram_pages(phys); n++)
        page_release(&phys->pool, s->page[n]);
    free(s);
    if (--phys->pool.snapshots || !phys->map.kept)
        return;
    for (u64 n = 0; n < ram_pages(phys); n++)
        page_release(&phys->pool, phys->map.kept[n]);
    free(phys->map.kept);
    phys->map.kept = NULL;
    phys_pool_free(&phys->pool);
}

/* ---- State ---- */

static void page_changes(void *ctx, u64 offset)
{
    struct phys *phys = ctx;

    phys_will_write(phys, phys->map.ram + offset, PAGE_SIZE);
    phys_written(phys, address_of(offset), PAGE_SIZE);
}

static u64 count_roms(const struct phys *phys)
{
    u64 n = 0;

    for (size_t i = 0; i < phys->covers; i++)
        n += phys->cover[i].image != NULL;
    return n;
}

static void forget_roms(struct phys *phys)
{
    size_t kept = 0;

    for (size_t i = 0; i < phys->covers; i++) {
        struct cover *c = &phys->cover[i];

        if (c->image) {
            phys_written(phys, c->base, c->size);
            free(c->image);
        } else {
            phys->cover[kept++] = *c;
        }
    }
    phys->covers = kept;
}

static void load_rom(struct phys *phys, struct state *s)
{
    u64 base = 0;
    u8 *image = NULL;
    size_t size = 0;

    state_number(s, "rom.base", &base, UINT64_MAX);
    state_block(s, "rom.image", &image, &size, ROM_MAX);
    if (!s->failed && !phys_add_rom(phys, base, image, size))
        state_fail(s, "memory.rom: %zu bytes at 0x%llx do not fit", size, (unsigned long long)base);
    else if (!s->failed)
        phys_written(phys, base, size);
    free(image);
}

static void rom_state(struct phys *phys, struct state *s)
{
    u64 roms = count_roms(phys);

    state_number(s, "roms", &roms, ROMS_MAX);
    if (state_is_loading(s) && !s->failed) {
        forget_roms(phys);
        for (u64 i = 0; i < roms && !s->failed; i++)
            load_rom(phys, s);
        return;
    }
    for (size_t i = 0; i < phys->covers && !s->failed; i++) {
        struct cover *c = &phys->cover[i];
        size_t size = c->size;

        if (!c->image)
            continue;
        state_number(s, "rom.base", &c->base, UINT64_MAX);
        state_block(s, "rom.image", &c->image, &size, ROM_MAX);
    }
}

static const struct state_field fields[] = {
    STATE_WIRED(phys, map), /* but the range that hides, recomputed, and what snapshots hold, which is not the guest's
                             */
    STATE_WIRED(phys, ram_bytes), STATE_WIRED(phys, mmio),
    STATE_WIRED(phys, cover), /* ROM below; holes and windows by their owners */
    STATE_WIRED(phys, covers),    STATE_EACH(phys, shadow, STEERED | PHYS_SHADOW_READ | PHYS_SHADOW_WRITE),
    STATE_BOOL(phys, steered),    STATE_WIRED(phys, listener),
    STATE_WIRED(phys, listeners), STATE_WIRED(phys, pool),
};
static const struct state_table table = STATE_TABLE(phys, fields);

/* Before anything else that a guest may see through the map. */
void phys_state(struct phys *phys, struct state *s)
{
    state_struct(s, &table, phys);
    rom_state(phys, s);
    if (!s->in_memory)
        state_pages(s, "ram", phys->map.ram, phys->ram_bytes, page_changes, phys);
    if (!state_is_loading(s))
        return;
    phys_hide_again(phys);
    phys_written(phys, PHYS_SHADOW_BASE, PHYS_SHADOW_SIZE);
}

u64 phys_ram_hash(const struct phys *phys) { return state_hash(0, phys->map.ram, phys->ram_bytes); }
