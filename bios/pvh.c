/* SPDX-License-Identifier: MIT */
/*
 * PVH: "x86/HVM direct boot ABI" of the Xen documentation. An ELF file whose note names a 32-bit entry point, which is
 * given a start-of-day structure in EBX.
 */
#include <stdlib.h>
#include <string.h>

#include "bios/image.h"

enum { START_INFO_SIZE = 56, MODULE_SIZE = 32, MAP_ENTRY_SIZE = 24, START_INFO_VERSION = 1 };
#define START_INFO_MAGIC 0x336EC578u

struct loading {
    struct machine *machine;
    const struct boot_config *config;
    struct boot_map map;
    struct multiboot_image image;
    struct boot_modules modules;
    u8 info[START_INFO_SIZE];
    char *why;
    size_t size;
};

static bool put(struct loading *l, const void *bytes, u64 length, u8 *field)
{
    u64 at;

    if (!boot_put_low(l->machine, &l->map, l->config->kernel, bytes, length, 8, &at, l->why, l->size))
        return false;
    boot_put64(field, at);
    return true;
}

static bool put_modules(struct loading *l)
{
    u8 list[BOOT_MODULES_MAX * MODULE_SIZE] = {0};

    if (!boot_load_modules(l->machine, &l->map, l->image.top, l->config->initrd, &l->modules, l->why, l->size))
        return false;
    if (!l->modules.count)
        return true;
    for (u32 i = 0; i < l->modules.count; i++) {
        const struct boot_module *module = &l->modules.module[i];
        u8 *entry = list + i * MODULE_SIZE;

        boot_put64(entry, module->begin);
        boot_put64(entry + 8, module->end - module->begin);
        if (!put(l, module->text, strlen(module->text) + 1, entry + 16))
            return false;
    }
    boot_put32(l->info + 12, l->modules.count);
    return put(l, list, (u64)l->modules.count * MODULE_SIZE, l->info + 16);
}

/* The arguments alone: the kernel's own name is no part of a Linux command line. */
static bool put_command_line(struct loading *l)
{
    const char *text = l->config->append ? l->config->append : "";

    return put(l, text, strlen(text) + 1, l->info + 24);
}

static bool put_memory_map(struct loading *l)
{
    struct boot_e820 map[E820_ENTRIES];
    unsigned n = boot_e820(l->machine, map);
    u8 bytes[E820_ENTRIES * MAP_ENTRY_SIZE] = {0};

    for (unsigned i = 0; i < n; i++) {
        u8 *entry = bytes + i * MAP_ENTRY_SIZE;

        boot_put64(entry, map[i].base);
        boot_put64(entry + 8, map[i].size);
        boot_put32(entry + 16, map[i].type);
    }
    boot_put32(l->info + 48, n);
    return put(l, bytes, (u64)n * MAP_ENTRY_SIZE, l->info + 40);
}

static bool load_all(struct loading *l, const struct boot_file *file, u64 entry)
{
    u8 gdt_room[BOOT_GDT_SIZE] = {0}, gdt[8], info[8];
    struct cpu_state s;

    l->image.entry = entry;
    if (!entry)
        return boot_fail(l->why, l->size, file->name, "PVH entry 0x0 is not in the image");
    if (!boot_load_elf(l->machine, file, &l->map, &l->image, l->why, l->size))
        return false;
    if (boot_map_free(&l->map, entry, 1)) /* only segments are in the map yet */
        return boot_fail(l->why, l->size, file->name, "PVH entry 0x%llx is not in the image",
                         (unsigned long long)entry);
    boot_reserve_low(&l->map);
    boot_put32(l->info, START_INFO_MAGIC);
    boot_put32(l->info + 4, START_INFO_VERSION);
    if (!put_modules(l) || !put_command_line(l) || !put_memory_map(l) || !put(l, l->info, START_INFO_SIZE, info) ||
        !put(l, gdt_room, sizeof(gdt_room), gdt))
        return false;
    boot_enter32(l->machine, boot_get64(gdt), entry, &s);
    s.gpr[REG_RBX] = boot_get64(info);
    cpu_set_state(machine_cpu(l->machine), &s);
    return true;
}

bool boot_pvh(struct machine *m, const struct boot_config *c, const struct boot_file *file, u64 entry, char *why,
              size_t size)
{
    struct loading *l = calloc(1, sizeof(*l));
    bool ok;

    if (!l)
        return boot_fail(why, size, file->name, "out of memory");
    l->machine = m;
    l->config = c;
    l->why = why;
    l->size = size;
    ok = load_all(l, file, entry);
    boot_free_modules(&l->modules);
    free(l);
    return ok;
}
