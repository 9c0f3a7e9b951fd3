/* SPDX-License-Identifier: MIT */
/*
 * Multiboot2 Specification 2.0: "OS image format", "I386 machine state", "Boot information". Header tags that are
 * demanded (not optional) and unknown refuse the kernel; the framebuffer there can be is 80x25 text.
 */
#include <stdlib.h>
#include <string.h>

#include "bios/image.h"

enum { HEADER_AREA = 32768, HEADER_SIZE = 16, ARCHITECTURE_I386 = 0, TAG_OPTIONAL = 1 };
enum {
    HTAG_END,
    HTAG_REQUEST,
    HTAG_ADDRESS,
    HTAG_ENTRY,
    HTAG_CONSOLE,
    HTAG_FRAMEBUFFER,
    HTAG_ALIGN,
    HTAG_EFI_SERVICES
};
enum { HTAG_RELOCATABLE = 10 };
enum {
    TAG_END,
    TAG_CMDLINE,
    TAG_LOADER,
    TAG_MODULE,
    TAG_MEMINFO,
    TAG_BOOTDEV,
    TAG_MMAP,
    TAG_VBE,
    TAG_FRAMEBUFFER,
    TAG_SECTIONS,
    TAG_APM
};
enum { MMAP_ENTRY = 24, FB_EGA_TEXT = 2, TEXT_BASE = 0xB8000, INFO_MAX = 1 << 19 };
#define HEADER_MAGIC 0xE85250D6u
#define LOADER_MAGIC 0x36D76289u

struct loading {
    struct machine *machine;
    const struct boot_config *config;
    const struct boot_file *file;
    struct boot_map map;
    struct multiboot_image image;
    struct multiboot_addresses addresses;
    struct boot_modules modules;
    bool has_addresses, has_entry;
    u8 *info; /* INFO_MAX bytes */
    u32 used;
    char *why;
    size_t size;
};

long multiboot2_find_header(const u8 *b, size_t size)
{
    for (size_t at = 0; at < HEADER_AREA && boot_within(at, HEADER_SIZE, size); at += 8)
        if (boot_get32(b + at) == HEADER_MAGIC &&
            (u32)(boot_get32(b + at) + boot_get32(b + at + 4) + boot_get32(b + at + 8) + boot_get32(b + at + 12)) == 0)
            return (long)at;
    return -1;
}

/* ---- The header ---- */

static bool known_request(u32 type)
{
    return type == TAG_CMDLINE || type == TAG_LOADER || type == TAG_MODULE || type == TAG_MEMINFO || type == TAG_MMAP ||
           type == TAG_FRAMEBUFFER || type == TAG_SECTIONS;
}

static bool check_requests(struct loading *l, const u8 *tag, u32 size)
{
    for (u32 at = 8; at + 4 <= size; at += 4)
        if (!known_request(boot_get32(tag + at)))
            return boot_fail(l->why, l->size, l->file->name, "Multiboot 2 header demands information of type %u",
                             boot_get32(tag + at));
    return true;
}

/* One tag of `size` bytes, all inside the file. */
static bool take_tag(struct loading *l, const u8 *tag, u32 size, u64 header)
{
    unsigned type = boot_get16(tag);
    bool optional = boot_get16(tag + 2) & TAG_OPTIONAL;

    switch (type) {
    case HTAG_REQUEST: return optional || check_requests(l, tag, size);
    case HTAG_ADDRESS:
        if (size < 24)
            break;
        l->addresses.header = boot_get32(tag + 8);
        l->addresses.load = boot_get32(tag + 12);
        if (l->addresses.load == 0xFFFFFFFFu) /* from the beginning of the file */
            l->addresses.load = l->addresses.header - header;
        l->addresses.load_end = boot_get32(tag + 16);
        l->addresses.bss_end = boot_get32(tag + 20);
        l->has_addresses = true;
        return true;
    case HTAG_ENTRY:
        if (size < 12)
            break;
        l->addresses.entry = boot_get32(tag + 8);
        l->has_entry = true;
        return true;
    case HTAG_CONSOLE:
    case HTAG_FRAMEBUFFER:
    case HTAG_ALIGN:
    case HTAG_RELOCATABLE: return true; /* modules are page-aligned; the preferred place is where it goes */
    default: return optional || boot_fail(l->why, l->size, l->file->name, "Multiboot 2 header demands tag %u", type);
    }
    return boot_fail(l->why, l->size, l->file->name, "Multiboot 2 header tag %u is too short", type);
}

static bool read_header(struct loading *l, u64 at)
{
    const u8 *b = l->file->bytes;
    u64 length = boot_get32(b + at + 8), end = at + length;

    if (boot_get32(b + at + 4) != ARCHITECTURE_I386)
        return boot_fail(l->why, l->size, l->file->name, "Multiboot 2 header for architecture %u, not i386",
                         boot_get32(b + at + 4));
    if (length < HEADER_SIZE || !boot_within(at, length, l->file->size))
        return boot_fail(l->why, l->size, l->file->name,
                         "cut short: the Multiboot 2 header lies beyond the file's end");
    for (u64 tag = at + HEADER_SIZE; boot_within(tag, 8, end);) {
        u32 size = boot_get32(b + tag + 4);

        if (boot_get16(b + tag) == HTAG_END)
            return true;
        if (size < 8 || !boot_within(tag, size, end))
            return boot_fail(l->why, l->size, l->file->name, "Multiboot 2 header: a tag of %u bytes does not fit",
                             size);
        if (!take_tag(l, b + tag, size, at))
            return false;
        tag += (size + 7ull) & ~7ull;
    }
    return boot_fail(l->why, l->size, l->file->name, "Multiboot 2 header: no end tag");
}

static bool load_image(struct loading *l)
{
    long at = multiboot2_find_header(l->file->bytes, l->file->size);

    if (at < 0)
        return boot_fail(l->why, l->size, l->file->name, "no Multiboot 2 header in the first 32 KiB");
    if (!read_header(l, (u64)at))
        return false;
    if (l->has_addresses) {
        if (!l->has_entry)
            return boot_fail(l->why, l->size, l->file->name, "Multiboot 2 address tag without an entry address");
        return multiboot_load_addresses(l->machine, l->file, &l->addresses, (u64)at, &l->map, &l->image, l->why,
                                        l->size);
    }
    if (l->has_entry)
        l->image.entry = l->addresses.entry;
    if (!boot_load_elf(l->machine, l->file, &l->map, &l->image, l->why, l->size))
        return false;
    if ((l->has_entry && !l->addresses.entry) || boot_map_free(&l->map, l->image.entry, 1)) /* only segments yet */
        return boot_fail(l->why, l->size, l->file->name, "entry 0x%llx is not in the image",
                         (unsigned long long)l->image.entry);
    return true;
}

/* ---- The information ---- */

/* A tag of `size` bytes, its head filled in; NULL if there is no more room. */
static u8 *add_tag(struct loading *l, u32 type, u64 size)
{
    u64 padded = (size + 7) & ~7ull;
    u8 *tag = l->info + l->used;

    if (padded > INFO_MAX - l->used) {
        boot_fail(l->why, l->size, l->file->name, "too much Multiboot 2 information");
        return NULL;
    }
    boot_put32(tag, type);
    boot_put32(tag + 4, (u32)size);
    l->used += (u32)padded;
    return tag;
}

static bool add_string(struct loading *l, u32 type, unsigned offset, const char *text, u8 **tag)
{
    *tag = add_tag(l, type, offset + strlen(text) + 1);
    if (*tag)
        strcpy((char *)*tag + offset, text);
    return *tag != NULL;
}

static bool add_command_line(struct loading *l)
{
    char *text = boot_command_line(l->config);
    u8 *tag;
    bool ok =
        text ? add_string(l, TAG_CMDLINE, 8, text, &tag) : boot_fail(l->why, l->size, l->file->name, "out of memory");

    free(text);
    return ok;
}

static bool add_modules(struct loading *l)
{
    if (!boot_load_modules(l->machine, &l->map, l->image.top, l->config->initrd, &l->modules, l->why, l->size))
        return false;
    for (u32 i = 0; i < l->modules.count; i++) {
        const struct boot_module *module = &l->modules.module[i];
        u8 *tag;

        if (!add_string(l, TAG_MODULE, 16, module->text, &tag))
            return false;
        boot_put32(tag + 8, (u32)module->begin);
        boot_put32(tag + 12, (u32)module->end);
    }
    return true;
}

static bool add_memory(struct loading *l)
{
    struct boot_e820 map[E820_ENTRIES];
    unsigned n = boot_e820(l->machine, map);
    u8 *tag = add_tag(l, TAG_MEMINFO, 16);

    if (!tag)
        return false;
    boot_put32(tag + 8, MACHINE_EBDA / 1024);
    boot_put32(tag + 12, (u32)((machine_low_ram(l->machine) - 0x100000) / 1024));
    tag = add_tag(l, TAG_MMAP, 16 + (u64)n * MMAP_ENTRY);
    if (!tag)
        return false;
    boot_put32(tag + 8, MMAP_ENTRY);
    for (unsigned i = 0; i < n; i++) {
        u8 *entry = tag + 16 + i * MMAP_ENTRY;

        boot_put64(entry, map[i].base);
        boot_put64(entry + 8, map[i].size);
        boot_put32(entry + 16, map[i].type);
    }
    return true;
}

static bool add_screen(struct loading *l)
{
    u8 *tag;

    if (!l->config->text_screen)
        return true;
    tag = add_tag(l, TAG_FRAMEBUFFER, 32);
    if (!tag)
        return false;
    boot_put64(tag + 8, TEXT_BASE);
    boot_put32(tag + 16, 160);
    boot_put32(tag + 20, 80);
    boot_put32(tag + 24, 25);
    tag[28] = 16;
    tag[29] = FB_EGA_TEXT;
    return true;
}

static bool add_sections(struct loading *l)
{
    struct boot_sections s;
    u8 *tag;

    if (l->has_addresses ||
        !boot_elf_sections(l->machine, l->file, &l->map, l->image.top > 0x100000 ? l->image.top : 0x100000, &s))
        return true;
    tag = add_tag(l, TAG_SECTIONS, 20 + (u64)s.size);
    if (tag) {
        boot_put32(tag + 8, s.count);
        boot_put32(tag + 12, s.entry_size);
        boot_put32(tag + 16, s.names);
        memcpy(tag + 20, s.bytes, s.size);
    }
    free(s.bytes);
    return tag != NULL;
}

static bool load_all(struct loading *l)
{
    u8 gdt_room[BOOT_GDT_SIZE] = {0}, *tag;
    struct cpu_state s;
    u64 info, gdt;

    if (!load_image(l))
        return false;
    boot_reserve_low(&l->map);
    l->used = 8;
    if (!add_command_line(l) || !add_string(l, TAG_LOADER, 8, "Faultline", &tag) || !add_modules(l) || !add_memory(l) ||
        !add_screen(l) || !add_sections(l) || !add_tag(l, TAG_END, 8))
        return false;
    boot_put32(l->info, l->used);
    if (!boot_put_low(l->machine, &l->map, l->file->name, l->info, l->used, 8, &info, l->why, l->size) ||
        !boot_put_low(l->machine, &l->map, l->file->name, gdt_room, sizeof(gdt_room), 8, &gdt, l->why, l->size))
        return false;
    boot_enter32(l->machine, gdt, l->image.entry, &s);
    s.gpr[REG_RAX] = LOADER_MAGIC;
    s.gpr[REG_RBX] = info;
    cpu_set_state(machine_cpu(l->machine), &s);
    return true;
}

bool boot_multiboot2(struct machine *m, const struct boot_config *c, const struct boot_file *file, char *why,
                     size_t size)
{
    struct loading *l = calloc(1, sizeof(*l));
    bool ok = false;

    if (l) {
        *l = (struct loading){.machine = m, .config = c, .file = file, .why = why, .size = size};
        l->info = calloc(1, INFO_MAX);
    }
    if (!l || !l->info) {
        boot_fail(why, size, file->name, "out of memory");
    } else {
        ok = load_all(l);
        boot_free_modules(&l->modules);
        free(l->info);
    }
    free(l);
    return ok;
}
