/* SPDX-License-Identifier: MIT */
/* Modules, the command line and the low memory that Multiboot and PVH kernels are told things in. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bios/image.h"

enum { PAGE_ZERO_END = 0x1000, KERNELS_OWN = 0x8000, KERNELS_OWN_END = 0xE000 };

void boot_reserve_low(struct boot_map *map)
{
    boot_map_use(map, 0, PAGE_ZERO_END);
    boot_map_use(map, KERNELS_OWN, KERNELS_OWN_END - KERNELS_OWN);
}

bool boot_put_low(struct machine *m, struct boot_map *map, const char *name, const void *bytes, u64 length, u64 align,
                  u64 *at, char *why, size_t size)
{
    if (!boot_map_lowest(map, KERNELS_OWN_END, MACHINE_EBDA, length, align, at) ||
        !phys_copy_in(machine_phys(m), *at, bytes, length))
        return boot_fail(why, size, name, "no room below 640 KiB for the boot information");
    return true;
}

char *boot_command_line(const struct boot_config *c)
{
    size_t room = strlen(c->kernel) + 1 + (c->append ? strlen(c->append) : 0) + 1;
    char *text = malloc(room);

    if (text)
        snprintf(text, room, "%s%s%s", c->kernel, c->append && *c->append ? " " : "", c->append ? c->append : "");
    return text;
}

/* Takes `item`. */
static bool load_module(struct machine *m, struct boot_map *map, u64 from, char *item, struct boot_modules *modules,
                        char *why, size_t size)
{
    struct boot_module *module = &modules->module[modules->count];
    size_t length = strcspn(item, " ");
    struct boot_file f;
    char *name;
    bool ok;

    if (modules->count == BOOT_MODULES_MAX) {
        boot_fail(why, size, item, "more than %d modules", BOOT_MODULES_MAX);
        free(item);
        return false;
    }
    module->text = item;
    modules->count++;
    name = strndup(item, length);
    if (!name)
        return boot_fail(why, size, item, "out of memory");
    ok = boot_file_load(&f, name, false, why, size);
    if (ok) {
        ok = boot_map_lowest(map, from, machine_low_ram(m), f.size, PAGE_SIZE, &module->begin) &&
             phys_copy_in(machine_phys(m), module->begin, f.bytes, f.size);
        if (!ok)
            boot_fail(why, size, name, "a module of %zu bytes does not fit in memory above the kernel", f.size);
        module->end = module->begin + f.size;
        boot_file_free(&f);
    }
    free(name);
    return ok;
}

bool boot_load_modules(struct machine *m, struct boot_map *map, u64 from, const char *list,
                       struct boot_modules *modules, char *why, size_t size)
{
    char *item;

    modules->count = 0;
    while ((item = boot_next_item(&list)))
        if (!load_module(m, map, from > 0x100000 ? from : 0x100000, item, modules, why, size))
            return false;
    return true;
}

void boot_free_modules(struct boot_modules *modules)
{
    for (u32 i = 0; i < modules->count; i++)
        free(modules->module[i].text);
    modules->count = 0;
}
