/* SPDX-License-Identifier: MIT */
/*
 * Physical memory. RAM is one block of host address space that the host kernel fills with pages as they are touched.
 * Over it lie covers: ROM images, and holes where the MMIO bus answers. Physical addresses come from guests that mean
 * harm: comparisons here are of differences, so that no 64-bit value can wrap into a range it is not in.
 */
#include "mmu/phys_parts.h"
#include "mmu/host_memory.h"

#include <stdlib.h>
#include <string.h>

#define MIN_RAM (1ull << 20)
#define FLOATING 0xFF

struct phys *phys_create(u64 ram_bytes)
{
    struct phys *phys;

    if (ram_bytes < MIN_RAM || ram_bytes > PHYS_MAX_RAM || ram_bytes % PAGE_SIZE)
        return NULL;
    phys = calloc(1, sizeof(*phys));
    if (!phys)
        return NULL;
    phys->mmio = bus_create(FLOATING);
    phys->ram_bytes = ram_bytes;
    phys->map.ram = host_reserve(ram_bytes);
    phys->map.low_size = ram_bytes < PHYS_LOW_RAM_TOP ? ram_bytes : PHYS_LOW_RAM_TOP;
    phys->map.high_size = ram_bytes - phys->map.low_size;
    if (!phys->mmio || !phys->map.ram) {
        phys_destroy(phys);
        return NULL;
    }
    return phys;
}

void phys_destroy(struct phys *phys)
{
    if (!phys)
        return;
    for (size_t i = 0; i < phys->covers; i++)
        free(phys->cover[i].image);
    free(phys->cover);
    free(phys->listener);
    bus_destroy(phys->mmio);
    host_release(phys->map.ram, phys->ram_bytes);
    phys_pool_free(&phys->pool);
    free(phys);
}

const u8 *phys_look(struct phys *phys, u64 pa, u64 *size)
{
    const struct phys_map *map = &phys->map;
    const u8 *page = phys_page_ram(phys, pa);
    u64 end = pa < map->low_size ? map->low_size : HIGH_RAM_BASE + map->high_size;

    if (!page)
        return NULL;
    if (pa < map->hide_base && end > map->hide_base) /* the base is 0 where nothing hides */
        end = map->hide_base;
    if (end - pa < *size)
        *size = end - pa;
    return page + (pa & ~PAGE_MASK);
}

u64 phys_ram_bytes(const struct phys *phys) { return phys->ram_bytes; }

struct bus *phys_mmio(struct phys *phys) { return phys->mmio; }

/* Grow [hide_base, hide_base + hide_size) over this cover if there is RAM under it. */
static void phys_hide(struct phys *phys, u64 base, u64 size)
{
    struct phys_map *map = &phys->map;
    u64 last = base + size - 1, hide_last = map->hide_base + map->hide_size - 1;
    u64 ram_last = HIGH_RAM_BASE + map->high_size - 1;
    bool low = base < map->low_size;
    bool high = map->high_size && last >= HIGH_RAM_BASE && base < HIGH_RAM_BASE + map->high_size;

    if (!low && !high)
        return;
    if (last > ram_last)
        last = ram_last; /* the size of the whole address space would not fit */
    if (map->hide_size) {
        if (base > map->hide_base)
            base = map->hide_base;
        if (last < hide_last)
            last = hide_last;
    }
    map->hide_base = base;
    map->hide_size = last - base + 1;
}

void phys_hide_again(struct phys *phys)
{
    phys->map.hide_base = phys->map.hide_size = 0;
    if (phys->steered)
        phys_hide(phys, PHYS_SHADOW_BASE, PHYS_SHADOW_SIZE);
    for (size_t i = 0; i < phys->covers; i++)
        phys_hide(phys, phys->cover[i].base, phys->cover[i].size);
}

/* Takes the image over, also when it fails. */
static bool phys_add_cover(struct phys *phys, u64 base, u8 *image, u64 size)
{
    struct cover *cover = realloc(phys->cover, (phys->covers + 1) * sizeof(*cover));

    if (!cover) {
        free(image);
        return false;
    }
    phys->cover = cover;
    cover[phys->covers++] = (struct cover){.base = base, .size = size, .image = image};
    phys_hide(phys, base, size);
    return true;
}

static bool phys_cover_fits(const struct phys *phys, u64 base, u64 size)
{
    u64 last = base + size - 1;

    if (size == 0 || last < base || base % PAGE_SIZE || size % PAGE_SIZE)
        return false;
    for (size_t i = 0; i < phys->covers; i++) {
        const struct cover *c = &phys->cover[i];

        if (base <= c->base + (c->size - 1) && c->base <= last)
            return false;
    }
    return true;
}

bool phys_add_rom(struct phys *phys, u64 base, const u8 *image, u64 size)
{
    u8 *copy;

    if (!phys_cover_fits(phys, base, size))
        return false;
    copy = aligned_alloc(PAGE_SIZE, size);
    if (!copy)
        return false;
    memcpy(copy, image, size);
    return phys_add_cover(phys, base, copy, size);
}

bool phys_add_hole(struct phys *phys, u64 base, u64 size)
{
    return phys_cover_fits(phys, base, size) && phys_add_cover(phys, base, NULL, size);
}

bool phys_add_window(struct phys *phys, u64 base, u64 size, u8 *host)
{
    if (!phys_add_hole(phys, base, size))
        return false;
    phys->cover[phys->covers - 1].window = host;
    return true;
}

bool phys_remove_hole(struct phys *phys, u64 base)
{
    size_t i = 0;

    while (i < phys->covers && (phys->cover[i].base != base || phys->cover[i].image))
        i++;
    if (i == phys->covers)
        return false;
    phys->covers--;
    memmove(&phys->cover[i], &phys->cover[i + 1], (phys->covers - i) * sizeof(*phys->cover));
    phys_hide_again(phys);
    return true;
}

static const struct cover *phys_find_cover(const struct phys *phys, u64 pa)
{
    for (size_t i = 0; i < phys->covers; i++)
        if (pa - phys->cover[i].base < phys->cover[i].size)
            return &phys->cover[i];
    return NULL;
}

/* The steering of a page, with STEERED set; 0 for pages that are not. */
static unsigned phys_shadow_of(const struct phys *phys, u64 pa)
{
    return pa - PHYS_SHADOW_BASE < PHYS_SHADOW_SIZE ? phys->shadow[(pa - PHYS_SHADOW_BASE) / PAGE_SIZE] : 0;
}

/* The part of phys_page_read() and phys_page_write() that looks everywhere. */
u8 *phys_page_search(struct phys *phys, u64 pa, bool write)
{
    const struct phys_map *map = &phys->map;
    const struct cover *c = phys_find_cover(phys, pa);
    unsigned shadow = phys_shadow_of(phys, pa);

    pa &= PAGE_MASK;
    if (shadow & (write ? PHYS_SHADOW_WRITE : PHYS_SHADOW_READ))
        return map->ram + pa;
    if (c && c->window)
        return c->window + (pa - c->base);
    if (c)
        return c->image && !write ? c->image + (pa - c->base) : NULL;
    if (shadow)
        return NULL;
    if (pa < map->low_size)
        return map->ram + pa;
    if (pa - HIGH_RAM_BASE < map->high_size)
        return map->ram + PHYS_LOW_RAM_TOP + (pa - HIGH_RAM_BASE);
    return NULL;
}

bool phys_on_written(struct phys *phys, phys_written_fn *fn, void *ctx)
{
    struct listener *grown;
    size_t i = 0;

    while (i < phys->listeners && phys->listener[i].ctx != ctx)
        i++;
    if (!fn) {
        if (i < phys->listeners) {
            phys->listeners--;
            memmove(&phys->listener[i], &phys->listener[i + 1], (phys->listeners - i) * sizeof(*phys->listener));
        }
        return true;
    }
    if (i == phys->listeners) {
        grown = realloc(phys->listener, (phys->listeners + 1) * sizeof(*grown));
        if (!grown)
            return false;
        phys->listener = grown;
        phys->listeners++;
    }
    phys->listener[i] = (struct listener){.fn = fn, .ctx = ctx};
    return true;
}

void phys_written(struct phys *phys, u64 pa, u64 size)
{
    for (size_t i = 0; i < phys->listeners; i++)
        phys->listener[i].fn(phys->listener[i].ctx, pa, size);
}

bool phys_set_window(struct phys *phys, u64 base, u8 *host)
{
    for (size_t i = 0; i < phys->covers; i++) {
        struct cover *c = &phys->cover[i];

        if (c->base != base || c->image)
            continue;
        c->window = host;
        phys_written(phys, base, c->size);
        return true;
    }
    return false;
}

void phys_shadow(struct phys *phys, u64 base, u64 size, unsigned to_ram)
{
    if (base - PHYS_SHADOW_BASE >= PHYS_SHADOW_SIZE || size > PHYS_SHADOW_BASE + PHYS_SHADOW_SIZE - base)
        return;
    phys->steered = true;
    phys_hide(phys, PHYS_SHADOW_BASE, PHYS_SHADOW_SIZE);
    for (u64 at = base; at < base + size; at += PAGE_SIZE) {
        u8 *page = &phys->shadow[(at - PHYS_SHADOW_BASE) / PAGE_SIZE];
        u8 now = (u8)(STEERED | (to_ram & (PHYS_SHADOW_READ | PHYS_SHADOW_WRITE)));

        if (*page == now)
            continue;
        *page = now;
        phys_written(phys, at, PAGE_SIZE);
    }
}

/* Fixed-size copies, which compile to one load or store. The guest's bytes are little-endian, like the host's. */
static u64 load(const u8 *from, unsigned width)
{
    u64 value = 0;

    switch (width) {
    case 1: return *from;
    case 2: memcpy(&value, from, 2); return value;
    case 4: memcpy(&value, from, 4); return value;
    default: memcpy(&value, from, 8); return value;
    }
}

static void store(u8 *to, u64 value, unsigned width)
{
    switch (width) {
    case 1: *to = (u8)value; break;
    case 2: memcpy(to, &value, 2); break;
    case 4: memcpy(to, &value, 4); break;
    default: memcpy(to, &value, 8); break;
    }
}

/* 1, 2 or 4 bytes at a time: the widest piece that `left` bytes (1..7) begin with. */
static unsigned phys_piece(unsigned left) { return left >= 4 ? 4 : left >= 2 ? 2 : 1; }

/* An access whose first `head` bytes end a page, at least one side of it being RAM or ROM. */
static NOINLINE u64 phys_read_crossing(struct phys *phys, u64 pa, unsigned width, unsigned head)
{
    u64 value = 0;

    for (unsigned done = 0, bytes; done < width; done += bytes) {
        const u8 *page = phys_page_read(phys, pa + done);

        bytes = phys_piece(done < head ? head - done : width - done);
        value |= (page ? load(page + (pa + done) % PAGE_SIZE, bytes) : bus_read(phys->mmio, pa + done, bytes))
                 << (8 * done);
    }
    return value;
}

static NOINLINE u64 phys_read_slow(struct phys *phys, u64 pa, unsigned width)
{
    unsigned offset = pa % PAGE_SIZE;
    const u8 *page = phys_page_read(phys, pa);

    if (offset + width <= PAGE_SIZE) {
        if (page)
            return load(page + offset, width);
    } else if (page || phys_page_read(phys, pa + width - 1)) {
        return phys_read_crossing(phys, pa, width, PAGE_SIZE - offset);
    }
    return bus_read(phys->mmio, pa, width);
}

u64 phys_read(struct phys *phys, u64 pa, unsigned width)
{
    unsigned offset = pa % PAGE_SIZE;
    const u8 *page = phys_page_ram(phys, pa);

    if (likely(page && offset + width <= PAGE_SIZE))
        return load(page + offset, width);
    return phys_read_slow(phys, pa, width);
}

/* ROM: nothing is stored, and no device sees the write either. */
static bool phys_is_rom(const struct phys *phys, u64 pa)
{
    const struct cover *c = phys_find_cover(phys, pa);

    return c && c->image;
}

static NOINLINE void phys_write_piece(struct phys *phys, u64 pa, u64 value, unsigned width)
{
    u8 *page = phys_page_write(phys, pa);

    if (page) {
        phys_will_write(phys, page, PAGE_SIZE);
        store(page + pa % PAGE_SIZE, value, width);
        phys_written(phys, pa, width);
    } else if (!phys_is_rom(phys, pa)) {
        bus_write(phys->mmio, pa, value, width);
    }
}

static NOINLINE void phys_write_crossing(struct phys *phys, u64 pa, u64 value, unsigned width, unsigned head)
{
    for (unsigned done = 0, bytes; done < width; done += bytes) {
        bytes = phys_piece(done < head ? head - done : width - done);
        phys_write_piece(phys, pa + done, value >> (8 * done), bytes);
    }
}

void phys_write(struct phys *phys, u64 pa, u64 value, unsigned width)
{
    unsigned offset = pa % PAGE_SIZE;

    if (likely(offset + width <= PAGE_SIZE))
        phys_write_piece(phys, pa, value, width);
    else if (phys_page_read(phys, pa) || phys_page_read(phys, pa + width - 1))
        phys_write_crossing(phys, pa, value, width, PAGE_SIZE - offset);
    else
        bus_write(phys->mmio, pa, value, width);
}

/* How far from pa on the same kind of memory goes, in one block on the host; at most `size`. */
static u64 phys_run(const struct phys *phys, u64 pa, u64 size)
{
    const struct phys_map *map = &phys->map;
    const u64 edge[] = {map->low_size, HIGH_RAM_BASE, HIGH_RAM_BASE + map->high_size};

    if (pa && size > -pa)
        size = -pa; /* the top of the address space */
    for (size_t i = 0; i < sizeof(edge) / sizeof(*edge); i++)
        if (edge[i] > pa && edge[i] - pa < size)
            size = edge[i] - pa;
    for (size_t i = 0; i < phys->covers; i++) {
        const struct cover *c = &phys->cover[i];

        if (c->base > pa && c->base - pa < size)
            size = c->base - pa;
        if (pa - c->base < c->size && c->size - (pa - c->base) < size)
            size = c->size - (pa - c->base);
    }
    if (pa < PHYS_SHADOW_BASE && PHYS_SHADOW_BASE - pa < size)
        size = PHYS_SHADOW_BASE - pa;
    if (phys->steered && pa - PHYS_SHADOW_BASE < PHYS_SHADOW_SIZE && PAGE_SIZE - pa % PAGE_SIZE < size)
        size = PAGE_SIZE - pa % PAGE_SIZE;
    return size;
}

static bool phys_is_ram(const struct phys *phys, u64 pa)
{
    return pa < phys->map.low_size || pa - HIGH_RAM_BASE < phys->map.high_size;
}

/* As phys_page_search() decides. */
static enum phys_kind phys_kind_of(const struct phys *phys, u64 pa, bool write)
{
    const struct cover *c = phys_find_cover(phys, pa);
    unsigned shadow = phys_shadow_of(phys, pa);

    if (shadow & (write ? PHYS_SHADOW_WRITE : PHYS_SHADOW_READ))
        return PHYS_RAM;
    if (c)
        return c->window ? PHYS_WINDOW : c->image ? PHYS_ROM : PHYS_BUS;
    return !shadow && phys_is_ram(phys, pa) ? PHYS_RAM : PHYS_BUS;
}

static bool phys_tell(const struct phys_range *r, bool (*each)(void *ctx, const struct phys_range *), void *ctx)
{
    return (r->reads == PHYS_BUS && r->writes == PHYS_BUS) || each(ctx, r);
}

void phys_each(const struct phys *phys, bool (*each)(void *ctx, const struct phys_range *), void *ctx)
{
    const u64 top = 1ull << 52; /* where physical addresses end */
    struct phys_range r = {0};

    for (u64 pa = 0, run; pa < top; pa += run) {
        enum phys_kind reads = phys_kind_of(phys, pa, false), writes = phys_kind_of(phys, pa, true);

        run = phys_run(phys, pa, top - pa);
        if (pa && (reads != r.reads || writes != r.writes)) {
            if (!phys_tell(&r, each, ctx))
                return;
            r.first = pa;
        }
        r.reads = reads;
        r.writes = writes;
        r.last = pa + run - 1;
    }
    phys_tell(&r, each, ctx);
}

bool phys_copy_out(struct phys *phys, u64 pa, void *to, u64 size)
{
    bool all = true;

    for (u64 done = 0, run; done < size; done += run) {
        const u8 *page = phys_page_read(phys, pa + done);

        run = phys_run(phys, pa + done, size - done);
        if (page)
            memcpy((u8 *)to + done, page + (pa + done) % PAGE_SIZE, run);
        else
            memset((u8 *)to + done, FLOATING, run);
        all = all && page;
    }
    return all;
}

bool phys_copy_in(struct phys *phys, u64 pa, const void *from, u64 size)
{
    bool all = true;

    for (u64 done = 0, run; done < size; done += run) {
        u8 *page = phys_page_write(phys, pa + done);

        run = phys_run(phys, pa + done, size - done);
        if (page) {
            phys_will_write(phys, page + (pa + done) % PAGE_SIZE, run);
            memcpy(page + (pa + done) % PAGE_SIZE, (const u8 *)from + done, run);
            phys_written(phys, pa + done, run);
        }
        all = all && page;
    }
    return all;
}

bool phys_fill(struct phys *phys, u64 pa, u8 byte, u64 size)
{
    bool all = true;

    for (u64 done = 0, run; done < size; done += run) {
        u8 *page = phys_page_write(phys, pa + done);

        run = phys_run(phys, pa + done, size - done);
        if (page) {
            phys_will_write(phys, page + (pa + done) % PAGE_SIZE, run);
            memset(page + (pa + done) % PAGE_SIZE, byte, run);
            phys_written(phys, pa + done, run);
        }
        all = all && page;
    }
    return all;
}
