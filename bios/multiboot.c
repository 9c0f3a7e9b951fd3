/* SPDX-License-Identifier: MIT */
/*
 * Multiboot 1 (Multiboot Specification 0.6.96): "Boot information format" and "Machine state". The kernel goes where it
 * says; modules follow it on page boundaries; the information structure and its strings lie below 640 KiB, away from
 * page 0 and from 8000h..DFFFh, where kernels keep their own early code (kvm-unit-tests' realmode, SMP trampolines).
 */
#include "bios/image.h"

#include <stdlib.h>
#include <string.h>

enum { LOADER_MAGIC = 0x2BADB002, HEADER_HAS_ADDRESSES = 0x10000 };
enum { INFO_SIZE = 120, MODULE_ENTRY = 16, MMAP_ENTRY = 24 };
enum {
    INFO_MEM = 0x001,
    INFO_CMDLINE = 0x004,
    INFO_MODS = 0x008,
    INFO_ELF_SECTIONS = 0x020,
    INFO_MMAP = 0x040,
    INFO_LOADER = 0x200,
    INFO_FRAMEBUFFER = 0x1000
};
enum {
    AT_FLAGS = 0,
    AT_MEM_LOWER = 4,
    AT_MEM_UPPER = 8,
    AT_CMDLINE = 16,
    AT_MODS_COUNT = 20,
    AT_MODS_ADDR = 24,
    AT_SYMS = 28, /* num, size, addr, shndx */
    AT_MMAP_LENGTH = 44,
    AT_MMAP_ADDR = 48,
    AT_LOADER = 64,
    AT_FB_ADDR = 88,
    AT_FB_PITCH = 96,
    AT_FB_WIDTH = 100,
    AT_FB_HEIGHT = 104,
    AT_FB_BPP = 108,
    AT_FB_TYPE = 109
};
enum { FB_EGA_TEXT = 2, TEXT_BASE = 0xB8000 };

struct loading {
    struct machine *machine;
    const char *kernel;
    struct boot_map map;
    struct multiboot_image image;
    u8 info[INFO_SIZE];
    struct boot_modules modules;
    char *why;
    size_t size;
};

/* Puts bytes into free low memory. */
static bool put_low(struct loading *l, const void *bytes, u64 size, u64 align, u64 *at)
{
    return boot_put_low(l->machine, &l->map, l->kernel, bytes, size, align, at, l->why, l->size);
}

static bool put_string(struct loading *l, const char *text, u8 *field)
{
    u64 at;

    if (!put_low(l, text, strlen(text) + 1, 4, &at))
        return false;
    boot_put32(field, (u32)at);
    return true;
}

static bool put_modules(struct loading *l, const char *list)
{
    u8 entries[BOOT_MODULES_MAX][MODULE_ENTRY] = {0};
    u64 at;

    if (!boot_load_modules(l->machine, &l->map, l->image.top, list, &l->modules, l->why, l->size))
        return false;
    boot_put32(l->info + AT_MODS_COUNT, l->modules.count);
    if (!l->modules.count)
        return true;
    for (u32 i = 0; i < l->modules.count; i++) {
        const struct boot_module *module = &l->modules.module[i];

        boot_put32(entries[i], (u32)module->begin);
        boot_put32(entries[i] + 4, (u32)module->end);
        if (!put_string(l, module->text, entries[i] + 8))
            return false;
    }
    if (!put_low(l, entries, (u64)l->modules.count * MODULE_ENTRY, 4, &at))
        return false;
    boot_put32(l->info + AT_MODS_ADDR, (u32)at);
    return true;
}

/* "syms": the section headers, where the file is an ELF file loaded as one. Returns the flag, or 0. */
static u32 put_sections(struct loading *l, const struct boot_file *file)
{
    struct boot_sections s;
    u64 from = l->image.top > 0x100000 ? l->image.top : 0x100000, at;
    bool ok;

    if (l->image.flags & HEADER_HAS_ADDRESSES || !boot_elf_sections(l->machine, file, &l->map, from, &s))
        return 0;
    ok = boot_map_lowest(&l->map, from, machine_low_ram(l->machine), s.size, 8, &at) &&
         phys_copy_in(machine_phys(l->machine), at, s.bytes, s.size);
    free(s.bytes);
    if (!ok)
        return 0;
    boot_put32(l->info + AT_SYMS, s.count);
    boot_put32(l->info + AT_SYMS + 4, s.entry_size);
    boot_put32(l->info + AT_SYMS + 8, (u32)at);
    boot_put32(l->info + AT_SYMS + 12, s.names);
    return INFO_ELF_SECTIONS;
}

/* ---- Information ---- */

static bool put_command_line(struct loading *l, const struct boot_config *c)
{
    char *text = boot_command_line(c);
    bool ok = text ? put_string(l, text, l->info + AT_CMDLINE) : boot_fail(l->why, l->size, l->kernel, "out of memory");

    free(text);
    return ok;
}

/* Entries of {size (not counting itself), base, length, type}. */
static bool put_memory_map(struct loading *l)
{
    struct boot_e820 map[E820_ENTRIES];
    unsigned n = boot_e820(l->machine, map);
    u8 bytes[E820_ENTRIES * MMAP_ENTRY];
    u64 at;

    for (unsigned i = 0; i < n; i++) {
        u8 *entry = bytes + i * MMAP_ENTRY;

        boot_put32(entry, MMAP_ENTRY - 4);
        boot_put64(entry + 4, map[i].base);
        boot_put64(entry + 12, map[i].size);
        boot_put32(entry + 20, map[i].type);
    }
    if (!put_low(l, bytes, n * MMAP_ENTRY, 4, &at))
        return false;
    boot_put32(l->info + AT_MMAP_LENGTH, n * MMAP_ENTRY);
    boot_put32(l->info + AT_MMAP_ADDR, (u32)at);
    boot_put32(l->info + AT_MEM_LOWER, MACHINE_EBDA / 1024);
    boot_put32(l->info + AT_MEM_UPPER, (u32)((machine_low_ram(l->machine) - 0x100000) / 1024));
    return true;
}

/* The only mode there can be is 80x25 text; a wish in the header for another is a wish. */
static u32 put_screen(struct loading *l, bool text_screen)
{
    if (!text_screen)
        return 0;
    boot_put64(l->info + AT_FB_ADDR, TEXT_BASE);
    boot_put32(l->info + AT_FB_PITCH, 160);
    boot_put32(l->info + AT_FB_WIDTH, 80);
    boot_put32(l->info + AT_FB_HEIGHT, 25);
    l->info[AT_FB_BPP] = 16;
    l->info[AT_FB_TYPE] = FB_EGA_TEXT;
    return INFO_FRAMEBUFFER;
}

static bool put_info(struct loading *l, const struct boot_config *c, const struct boot_file *file, u64 *at)
{
    u32 flags = INFO_MEM | INFO_CMDLINE | INFO_MODS | INFO_MMAP | INFO_LOADER;

    flags |= put_screen(l, c->text_screen) | put_sections(l, file);
    boot_put32(l->info + AT_FLAGS, flags);
    return put_string(l, "Faultline", l->info + AT_LOADER) && put_low(l, l->info, INFO_SIZE, 8, at);
}

static bool load_all(struct loading *l, const struct boot_config *c, const struct boot_file *file)
{
    struct cpu_state s;
    u64 info, gdt;
    u8 gdt_room[BOOT_GDT_SIZE] = {0};

    if (!multiboot_load_image(l->machine, file, &l->map, &l->image, l->why, l->size))
        return false;
    /* Only now, since the kernel itself may lie there. */
    boot_reserve_low(&l->map);
    if (!put_command_line(l, c) || !put_modules(l, c->initrd) || !put_memory_map(l) || !put_info(l, c, file, &info) ||
        !put_low(l, gdt_room, sizeof(gdt_room), 8, &gdt))
        return false;
    boot_enter32(l->machine, gdt, l->image.entry, &s);
    s.gpr[REG_RAX] = LOADER_MAGIC;
    s.gpr[REG_RBX] = info;
    cpu_set_state(machine_cpu(l->machine), &s);
    return true;
}

bool boot_multiboot(struct machine *m, const struct boot_config *c, const struct boot_file *file, char *why,
                    size_t size)
{
    struct loading *l = calloc(1, sizeof(*l));
    bool ok;

    if (!l)
        return boot_fail(why, size, file->name, "out of memory");
    l->machine = m;
    l->kernel = c->kernel;
    l->why = why;
    l->size = size;
    ok = load_all(l, c, file);
    boot_free_modules(&l->modules);
    free(l);
    return ok;
}
