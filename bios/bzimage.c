/* SPDX-License-Identifier: MIT */
/*
 * Linux kernels by "The Linux/x86 Boot Protocol" (Documentation/arch/x86/boot.rst), sections "32-bit Boot Protocol"
 * and "64-bit Boot Protocol": the real-mode setup code is skipped, and the loader itself fills in boot_params, the
 * "zero page".
 */
#include "bios/image.h"

#include <stdlib.h>
#include <string.h>

/* Where things go in low memory. Kernels older than protocol 2.02 look for their command line relative to 0x90000. */
enum { TABLES = 0x10000, GDT = 0x16000, PARAMS = 0x90000, COMMAND_LINE = 0x91000, COMMAND_LINE_MAX = 0x9000 };
enum { KERNEL_DEFAULT = 0x100000, ENTRY64 = 0x200, HEADER = 0x1F1, HEADER_END_MAX = 0x290, PARAMS_SIZE = 4096 };

/* Fields of the setup header and of boot_params, by offset. */
enum {
    SI_EXT_MEM_K = 0x002,
    SI_MODE = 0x006,
    SI_COLS = 0x007,
    SI_LINES = 0x00E,
    SI_IS_VGA = 0x00F,
    SI_POINTS = 0x010,
    OLD_CL_MAGIC = 0x020,
    OLD_CL_OFFSET = 0x022,
    ALT_MEM_K = 0x1E0,
    E820_COUNT = 0x1E8,
    SETUP_SECTS = 0x1F1,
    SYSSIZE = 0x1F4,
    VID_MODE = 0x1FA,
    JUMP = 0x200,
    VERSION = 0x206,
    TYPE_OF_LOADER = 0x210,
    LOADFLAGS = 0x211,
    CODE32_START = 0x214,
    RAMDISK_IMAGE = 0x218,
    RAMDISK_SIZE = 0x21C,
    HEAP_END = 0x224,
    CMD_LINE_PTR = 0x228,
    INITRD_ADDR_MAX = 0x22C,
    KERNEL_ALIGNMENT = 0x230,
    RELOCATABLE = 0x234,
    XLOADFLAGS = 0x236,
    CMDLINE_SIZE = 0x238,
    PREF_ADDRESS = 0x258,
    INIT_SIZE = 0x260,
    E820_TABLE = 0x2D0,
    E820_ENTRY = 20,
};
enum { LOADED_HIGH = 0x01, CAN_USE_HEAP = 0x80, XLF_KERNEL_64 = 0x01, LOADER_UNDEFINED = 0xFF, CL_MAGIC = 0xA33F };
enum { VID_NORMAL = 0xFFFF, HEAP_TOP = 0xE000 - 0x200 };

struct linux_image {
    const struct boot_file *file;
    u16 version;
    u64 setup_size; /* of the real-mode part of the file */
    u64 size;       /* of the protected-mode part */
    u64 load, init_size;
    u8 params[PARAMS_SIZE];
};

/* The setup header into a clean zero page, and whether this is a kernel we can start. */
static bool read_header(struct linux_image *k, char *why, size_t size)
{
    const struct boot_file *f = k->file;
    u64 sectors = f->bytes[SETUP_SECTS] ? f->bytes[SETUP_SECTS] : 4; /* "for backwards compatibility" */
    u64 end = 0x202 + (u64)f->bytes[JUMP + 1];

    k->version = boot_get16(f->bytes + VERSION);
    k->setup_size = (sectors + 1) * 512;
    if (k->version < 0x200)
        return boot_fail(why, size, f->name, "boot protocol %x.%02x is older than 2.00", k->version >> 8,
                         k->version & 0xFF);
    if (k->setup_size >= f->size)
        return boot_fail(why, size, f->name, "cut short: %zu bytes, and the setup code alone is %llu", f->size,
                         (unsigned long long)k->setup_size);
    if (!(f->bytes[LOADFLAGS] & LOADED_HIGH))
        return boot_fail(why, size, f->name, "is a zImage (loaded low), which only a BIOS can start");
    k->size = f->size - k->setup_size;
    if (k->version >= 0x204 && (u64)boot_get32(f->bytes + SYSSIZE) * 16 > ((k->size + 15) & ~15ull))
        return boot_fail(why, size, f->name, "cut short: %llu of %llu bytes of kernel", (unsigned long long)k->size,
                         (unsigned long long)boot_get32(f->bytes + SYSSIZE) * 16);
    end = end > HEADER_END_MAX ? HEADER_END_MAX : end;
    end = end > f->size ? f->size : end;
    memset(k->params, 0, sizeof(k->params));
    memcpy(k->params + HEADER, f->bytes + HEADER, end - HEADER);
    return true;
}

/* Where it is loaded: its preferred address if it fits there, else, if it can be moved, as low as possible. */
static bool choose_address(struct linux_image *k, u64 ram, char *why, size_t size)
{
    const u8 *p = k->params;
    u64 align = boot_get32(p + KERNEL_ALIGNMENT), preferred = KERNEL_DEFAULT;

    k->load = KERNEL_DEFAULT;
    k->init_size = k->version >= 0x20A ? boot_get32(p + INIT_SIZE) : 0;
    if (k->init_size < k->size)
        k->init_size = k->size;
    if (k->version >= 0x205 && p[RELOCATABLE]) {
        if (!align || align & (align - 1))
            return boot_fail(why, size, k->file->name, "kernel_alignment 0x%llx is not a power of two",
                             (unsigned long long)align);
        if (k->version >= 0x20A)
            preferred = boot_get64(p + PREF_ADDRESS);
        k->load = (KERNEL_DEFAULT + align - 1) & ~(align - 1);
        if (preferred > k->load && boot_within(preferred, k->init_size, ram))
            k->load = preferred;
    }
    if (!boot_within(k->load, k->init_size, ram))
        return boot_fail(why, size, k->file->name, "needs %llu MiB of memory at 0x%llx; the machine has %llu MiB",
                         (unsigned long long)(k->init_size >> 20) + 1, (unsigned long long)k->load,
                         (unsigned long long)(ram >> 20));
    return true;
}

static bool put_command_line(struct machine *m, struct linux_image *k, const char *text, char *why, size_t size)
{
    size_t length = strlen(text), limit = k->version >= 0x206 ? boot_get32(k->params + CMDLINE_SIZE) : 255;

    if (limit > COMMAND_LINE_MAX - 1)
        limit = COMMAND_LINE_MAX - 1;
    if (length > limit)
        return boot_fail(why, size, k->file->name, "the command line has %zu characters and this kernel takes %zu",
                         length, limit);
    phys_copy_in(machine_phys(m), COMMAND_LINE, text, length + 1);
    if (k->version >= 0x202) {
        boot_put32(k->params + CMD_LINE_PTR, COMMAND_LINE);
    } else {
        boot_put16(k->params + OLD_CL_MAGIC, CL_MAGIC);
        boot_put16(k->params + OLD_CL_OFFSET, COMMAND_LINE - PARAMS);
    }
    return true;
}

/* Several files are one initrd: cpio archives may follow each other, on 4-byte boundaries. */
static bool read_initrd(const char *list, struct boot_file *all, char *why, size_t size)
{
    char *name;

    *all = (struct boot_file){.name = list};
    while ((name = boot_next_item(&list))) {
        struct boot_file one;
        size_t padded = (all->size + 3) & ~(size_t)3;
        u8 *bytes;

        if (!boot_file_load(&one, name, false, why, size)) {
            free(name);
            return false;
        }
        bytes = realloc(all->bytes, padded + one.size);
        if (bytes) {
            memset(bytes + all->size, 0, padded - all->size);
            memcpy(bytes + padded, one.bytes, one.size);
            all->bytes = bytes;
            all->size = padded + one.size;
        }
        boot_file_free(&one);
        if (!bytes || all->size > BOOT_FILE_MAX) {
            boot_fail(why, size, name, bytes ? "the initrd is too large" : "out of memory");
            free(name);
            return false;
        }
        free(name);
    }
    return true;
}

/* "The initrd should be loaded as high in memory as possible", below initrd_addr_max. */
static bool place_initrd(struct machine *m, struct linux_image *k, const struct boot_file *f, char *why, size_t size)
{
    u64 top = k->version >= 0x203 ? (u64)boot_get32(k->params + INITRD_ADDR_MAX) + 1 : 0x38000000, at;
    u64 floor = k->load + k->init_size;

    if (top > machine_low_ram(m))
        top = machine_low_ram(m);
    at = top >= f->size ? (top - f->size) & PAGE_MASK : 0;
    if (at < floor || !phys_copy_in(machine_phys(m), at, f->bytes, f->size))
        return boot_fail(why, size, f->name, "an initrd of %zu bytes does not fit between the kernel and 0x%llx",
                         f->size, (unsigned long long)top);
    boot_put32(k->params + RAMDISK_IMAGE, (u32)at);
    boot_put32(k->params + RAMDISK_SIZE, (u32)f->size);
    return true;
}

static bool load_initrd(struct machine *m, struct linux_image *k, const char *list, char *why, size_t size)
{
    struct boot_file all;
    bool ok = read_initrd(list, &all, why, size) && place_initrd(m, k, &all, why, size);

    boot_file_free(&all);
    return ok;
}

static void put_memory_map(struct machine *m, u8 *params)
{
    struct boot_e820 map[E820_ENTRIES];
    unsigned n = boot_e820(m, map);
    u64 extended = (machine_low_ram(m) - 0x100000) / 1024;

    for (unsigned i = 0; i < n; i++) {
        u8 *entry = params + E820_TABLE + i * E820_ENTRY;

        boot_put64(entry, map[i].base);
        boot_put64(entry + 8, map[i].size);
        boot_put32(entry + 16, map[i].type);
    }
    params[E820_COUNT] = (u8)n;
    boot_put16(params + SI_EXT_MEM_K, extended > 0xFFFF ? 0xFFFF : (u16)extended);
    boot_put32(params + ALT_MEM_K, (u32)extended);
}

/* What the loader must write (boot.rst, "Details of Header Fields", type "write" or "modify"). */
static void put_header(struct linux_image *k, bool text_screen)
{
    u8 *p = k->params;

    p[TYPE_OF_LOADER] = LOADER_UNDEFINED;
    boot_put16(p + VID_MODE, VID_NORMAL);
    boot_put32(p + CODE32_START, (u32)k->load);
    if (k->version >= 0x201) {
        p[LOADFLAGS] |= CAN_USE_HEAP;
        boot_put16(p + HEAP_END, HEAP_TOP);
    }
    if (text_screen) { /* otherwise all zero: there is no screen */
        p[SI_MODE] = 3;
        p[SI_COLS] = 80;
        p[SI_LINES] = 25;
        p[SI_IS_VGA] = 1;
        boot_put16(p + SI_POINTS, 16);
    }
}

/* The 32-bit entry suits every kernel on every processor; the 64-bit one needs long mode. */
static bool use_64bit(struct machine *m, const struct boot_config *c, const struct linux_image *k)
{
    if (k->version < 0x20C || !(boot_get16(k->params + XLOADFLAGS) & XLF_KERNEL_64) || c->entry == BOOT_ENTRY_32)
        return false;
    return c->entry == BOOT_ENTRY_64 || cpu_has(machine_cpu(m), "lm");
}

static void enter(struct machine *m, const struct boot_config *c, const struct linux_image *k)
{
    struct cpu_state s;

    if (use_64bit(m, c, k))
        boot_enter64(m, GDT, TABLES, k->load + ENTRY64, &s);
    else
        boot_enter32(m, GDT, k->load, &s);
    s.gpr[REG_RSI] = PARAMS;
    cpu_set_state(machine_cpu(m), &s);
}

bool boot_bzimage(struct machine *m, const struct boot_config *c, const struct boot_file *file, char *why, size_t size)
{
    struct linux_image k = {.file = file};

    if (file->size < HEADER_END_MAX)
        return boot_fail(why, size, file->name, "cut short: %zu bytes", file->size);
    if (!read_header(&k, why, size) || !choose_address(&k, machine_low_ram(m), why, size) ||
        !put_command_line(m, &k, c->append ? c->append : "", why, size))
        return false;
    if (!phys_copy_in(machine_phys(m), k.load, file->bytes + k.setup_size, k.size))
        return boot_fail(why, size, file->name, "does not fit in memory at 0x%llx", (unsigned long long)k.load);
    boot_put32(k.params + RAMDISK_IMAGE, 0);
    boot_put32(k.params + RAMDISK_SIZE, 0);
    if (c->initrd && !load_initrd(m, &k, c->initrd, why, size))
        return false;
    put_header(&k, c->text_screen);
    put_memory_map(m, k.params);
    phys_copy_in(machine_phys(m), PARAMS, k.params, PARAMS_SIZE);
    enter(m, c, &k);
    return true;
}
