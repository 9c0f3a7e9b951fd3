/* SPDX-License-Identifier: MIT */
/*
 * QEMU's firmware configuration device ("QEMU Firmware Configuration (fw_cfg) Device", Specification): a selector names
 * an item, and its bytes are read one after the other, by the data port or by DMA. Items are copied in; files (keys
 * from 20h) are listed in the directory.
 */
#include "devices/devices.h"
#include "mmu/phys.h"

#include <stdlib.h>
#include <string.h>

enum { KEY_SIGNATURE = 0x00, KEY_ID = 0x01, KEY_FILE_DIR = 0x19, KEY_FILES = 0x20, KEYS = 0x60 };
enum { ARCH_LOCAL = 0x8000, WRITE_CHANNEL = 0x4000, ID_TRADITIONAL = 1, ID_DMA = 2 };
enum { DIRECTORY_ENTRY = 64, NAME_SIZE = 56 };

struct item {
    u8 *bytes;
    size_t size;
    char name[NAME_SIZE]; /* of a file */
};

struct fw_cfg {
    struct item item[2][KEYS]; /* generic, and architecture-local */
    unsigned files;
    u16 select;
    size_t at;
    struct phys *phys; /* NULL: no DMA */
    u64 address;       /* of the DMA request being written */
};

static struct item *item_of(struct fw_cfg *f, u16 key)
{
    unsigned number = key & ~(unsigned)(ARCH_LOCAL | WRITE_CHANNEL);

    return number < KEYS ? &f->item[(key & ARCH_LOCAL) != 0][number] : NULL;
}

bool fw_cfg_set(struct fw_cfg *f, u16 key, const void *bytes, size_t size)
{
    struct item *item = item_of(f, key);
    u8 *copy = malloc(size ? size : 1);

    if (!item || !copy) {
        free(copy);
        return false;
    }
    memcpy(copy, bytes, size);
    free(item->bytes);
    item->bytes = copy;
    item->size = size;
    return true;
}

bool fw_cfg_set_number(struct fw_cfg *f, u16 key, u64 value, unsigned width)
{
    u8 bytes[8];

    for (unsigned i = 0; i < 8; i++)
        bytes[i] = (u8)(value >> (8 * i));
    return width <= 8 && fw_cfg_set(f, key, bytes, width);
}

static void put_be(u8 *to, u32 value, unsigned width)
{
    for (unsigned i = 0; i < width; i++)
        to[i] = (u8)(value >> (8 * (width - 1 - i)));
}

/* "FWCfgFiles": a count, then entries of size, key, reserved, name; all big-endian. */
static bool make_directory(struct fw_cfg *f)
{
    size_t size = 4 + (size_t)f->files * DIRECTORY_ENTRY;
    u8 *bytes = calloc(1, size);
    bool ok;

    if (!bytes)
        return false;
    put_be(bytes, f->files, 4);
    for (unsigned i = 0; i < f->files; i++) {
        const struct item *item = &f->item[0][KEY_FILES + i];
        u8 *entry = bytes + 4 + (size_t)i * DIRECTORY_ENTRY;

        put_be(entry, (u32)item->size, 4);
        put_be(entry + 4, KEY_FILES + i, 2);
        memcpy(entry + 8, item->name, NAME_SIZE);
    }
    ok = fw_cfg_set(f, KEY_FILE_DIR, bytes, size);
    free(bytes);
    return ok;
}

bool fw_cfg_add_file(struct fw_cfg *f, const char *name, const void *bytes, size_t size)
{
    u16 key = (u16)(KEY_FILES + f->files);

    if (key >= KEYS || strlen(name) >= NAME_SIZE || size > UINT32_MAX || !fw_cfg_set(f, key, bytes, size))
        return false;
    strcpy(f->item[0][key].name, name);
    f->files++;
    return make_directory(f);
}

/* ---- Ports: the selector, 16 bits, and the data, 8 bits ---- */

/* The next byte; 0 past the end, and of what is not there. Shared with whatever else may read items. */
static u8 next_byte(struct fw_cfg *f)
{
    const struct item *item = item_of(f, f->select);

    return item && f->at < item->size ? item->bytes[f->at++] : 0;
}

static u64 fw_cfg_read(void *device, u64 offset, unsigned width)
{
    struct fw_cfg *f = device;

    if (width == 1 && offset == 1)
        return next_byte(f);
    return 0; /* the selector is write-only */
}

static void fw_cfg_write(void *device, u64 offset, u64 value, unsigned width)
{
    struct fw_cfg *f = device;

    if (offset != 0 || width != 2)
        return; /* writes of data have been ignored since QEMU 2.4 */
    f->select = (u16)value;
    f->at = 0;
}

const struct region_ops fw_cfg_ops = {fw_cfg_read, fw_cfg_write, 1, 2, "fw_cfg"};

/* ---- DMA: the address of a request is written big-endian, the low half starts it ---- */

enum { DMA_ERROR = 0x01, DMA_READ = 0x02, DMA_SKIP = 0x04, DMA_SELECT = 0x08, DMA_WRITE = 0x10, DMA_REQUEST = 16 };
#define DMA_SIGNATURE 0x51454D5520434647ull /* "QEMU CFG" */
/* Behind an item's end there are zeros without end; so many of them are to be had at a time. */
#define DMA_ZEROS 0x10000u

static u64 get_be(const u8 *from, unsigned width)
{
    u64 value = 0;

    for (unsigned i = 0; i < width; i++)
        value = value << 8 | from[i];
    return value;
}

static bool dma_read(struct fw_cfg *f, u64 to, u32 length)
{
    const struct item *item = item_of(f, f->select);
    size_t left = item && f->at < item->size ? item->size - f->at : 0, n = length < left ? length : left;

    if (length - n > DMA_ZEROS)
        return false;
    if (n) {
        phys_copy_in(f->phys, to, item->bytes + f->at, n);
        f->at += n;
    }
    if (length > n)
        phys_fill(f->phys, to + n, 0, length - n);
    return true;
}

static void dma_skip(struct fw_cfg *f, u32 length)
{
    const struct item *item = item_of(f, f->select);
    size_t left = item && f->at < item->size ? item->size - f->at : 0;

    f->at += length < left ? length : left;
}

/* No item here may be written. */
static void dma_execute(struct fw_cfg *f)
{
    u8 request[DMA_REQUEST], done[4];
    u32 control, length;
    u64 at = f->address;
    bool ok = true;

    f->address = 0;
    if (!f->phys || !phys_copy_out(f->phys, at, request, sizeof(request)))
        return;
    control = (u32)get_be(request, 4);
    length = (u32)get_be(request + 4, 4);
    if (control & DMA_SELECT) {
        f->select = (u16)(control >> 16);
        f->at = 0;
    }
    if (control & DMA_READ)
        ok = dma_read(f, get_be(request + 8, 8), length);
    else if (control & DMA_WRITE)
        ok = false;
    else if (control & DMA_SKIP)
        dma_skip(f, length);
    put_be(done, ok ? 0 : DMA_ERROR, 4);
    phys_copy_in(f->phys, at, done, sizeof(done));
}

static u64 swap(u64 value, unsigned width) { return __builtin_bswap64(value) >> (64 - 8 * width); }

static u64 dma_port_read(void *device, u64 offset, unsigned width)
{
    const struct fw_cfg *f = device;
    u64 big = DMA_SIGNATURE << (8 * offset) >> (64 - 8 * width);

    return f->phys ? swap(big, width) : ~0ull;
}

static void dma_port_write(void *device, u64 offset, u64 value, unsigned width)
{
    struct fw_cfg *f = device;

    if (width != 4)
        return;
    value = swap(value, 4);
    if (offset == 0) {
        f->address = value << 32;
    } else if (offset == 4) {
        f->address |= value;
        dma_execute(f);
    }
}

const struct region_ops fw_cfg_dma_ops = {dma_port_read, dma_port_write, 1, 4, "fw_cfg DMA"};

bool fw_cfg_allow_dma(struct fw_cfg *f, struct phys *phys)
{
    f->phys = phys;
    return fw_cfg_set_number(f, KEY_ID, ID_TRADITIONAL | ID_DMA, 4);
}

void fw_cfg_reset(struct fw_cfg *f)
{
    f->address = 0;
    f->select = 0;
    f->at = 0;
}

struct fw_cfg *fw_cfg_create(void)
{
    struct fw_cfg *f = calloc(1, sizeof(*f));

    if (f && fw_cfg_set(f, KEY_SIGNATURE, "QEMU", 4) && fw_cfg_set_number(f, KEY_ID, ID_TRADITIONAL, 4) &&
        make_directory(f))
        return f;
    fw_cfg_destroy(f);
    return NULL;
}

void fw_cfg_destroy(struct fw_cfg *f)
{
    if (!f)
        return;
    for (int space = 0; space < 2; space++)
        for (int key = 0; key < KEYS; key++)
            free(f->item[space][key].bytes);
    free(f);
}

/* ---- State ---- */

enum { ITEM_MAX = 64 << 20 };

static void item_state(struct item *item, struct state *s)
{
    u8 *bytes = item->bytes;
    size_t size = item->size;
    bool present = bytes;
    u64 there = present;

    state_number(s, "item", &there, 1);
    if (!there && state_is_loading(s) && !s->failed) {
        free(item->bytes);
        *item = (struct item){.bytes = NULL};
    }
    if (!there || s->failed)
        return;
    state_text(s, "item.name", item->name, sizeof(item->name));
    state_block(s, "item.bytes", &bytes, &size, ITEM_MAX);
    if (!state_is_loading(s) || s->failed)
        return;
    free(item->bytes);
    item->bytes = bytes ? bytes : calloc(1, 1); /* an empty item is there */
    item->size = size;
}

static void items_state(struct state *s, void *at)
{
    struct item *item = at;

    for (unsigned i = 0; i < 2 * KEYS && !s->failed; i++)
        item_state(&item[i], s);
}

static void at_state(struct state *s, void *at)
{
    u64 value = *(size_t *)at;

    state_number(s, "at", &value, UINT32_MAX);
    if (!s->failed)
        *(size_t *)at = value;
}

static const struct state_field fields[] = {
    STATE_CUSTOM(fw_cfg, item, items_state),
    STATE_UPTO(fw_cfg, files, KEYS - KEY_FILES),
    STATE_ANY(fw_cfg, select),
    STATE_CUSTOM(fw_cfg, at, at_state),
    STATE_WIRED(fw_cfg, phys),
    STATE_ANY(fw_cfg, address),
};
static const struct state_table table = STATE_TABLE(fw_cfg, fields);

void fw_cfg_state(struct fw_cfg *f, struct state *s) { state_struct(s, &table, f); }
