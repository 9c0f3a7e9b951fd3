/* SPDX-License-Identifier: MIT */
/* Which protocol a file speaks, the map of guest memory, the entry states, and the way to the loader. */
#include "bios/firmware.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Detection ---- */

enum { EI_CLASS = 4, ELFCLASS64 = 2, PT_NOTE = 4, XEN_ELFNOTE_PHYS32_ENTRY = 18 };

static bool is_bzimage(const u8 *b, size_t size)
{
    return size >= 0x206 && boot_get16(b + 0x1FE) == 0xAA55 && !memcmp(b + 0x202, "HdrS", 4);
}

/* A PT_NOTE segment with a note of name "Xen" and type PHYS32_ENTRY, whose descriptor is the entry's address. */
static bool notes_have_pvh(const u8 *b, size_t size, u64 offset, u64 length, u64 *entry)
{
    while (length >= 12 && boot_within(offset, 12, size)) {
        u64 name = boot_get32(b + offset), desc = boot_get32(b + offset + 4);
        u64 step = 12 + ((name + 3) & ~3ull) + ((desc + 3) & ~3ull);

        if (boot_get32(b + offset + 8) == XEN_ELFNOTE_PHYS32_ENTRY && name == 4 && desc >= 4 &&
            boot_within(offset + 12, 4 + desc, size) && !memcmp(b + offset + 12, "Xen", 4)) {
            *entry = desc >= 8 ? boot_get64(b + offset + 16) : boot_get32(b + offset + 16);
            return true;
        }
        if (step > length)
            return false;
        offset += step;
        length -= step;
    }
    return false;
}

static bool is_pvh(const u8 *b, size_t size, u64 *entry)
{
    bool wide = size > EI_CLASS && b[EI_CLASS] == ELFCLASS64;
    u64 phoff, phentsize, phnum;

    if (size < 64)
        return false;
    phoff = wide ? boot_get64(b + 32) : boot_get32(b + 28);
    phentsize = boot_get16(b + (wide ? 54 : 42));
    phnum = boot_get16(b + (wide ? 56 : 44));
    for (u64 i = 0; i < phnum && phentsize >= (wide ? 56u : 32u); i++) {
        const u8 *p;

        if (phoff > size || !boot_within(phoff + i * phentsize, phentsize, size))
            return false;
        p = b + phoff + i * phentsize;
        if (boot_get32(p) == PT_NOTE && notes_have_pvh(b, size, wide ? boot_get64(p + 8) : boot_get32(p + 4),
                                                       wide ? boot_get64(p + 32) : boot_get32(p + 16), entry))
            return true;
    }
    return false;
}

enum boot_kind boot_detect(const u8 *bytes, size_t size)
{
    bool elf = size >= 4 && !memcmp(bytes, "\177ELF", 4);
    u64 entry;

    if (size >= 2 && bytes[0] == 0x1F && bytes[1] == 0x8B)
        return BOOT_GZIP;
    if (is_bzimage(bytes, size))
        return BOOT_BZIMAGE;
    if (multiboot_find_header(bytes, size) >= 0)
        return BOOT_MULTIBOOT;
    if (multiboot2_find_header(bytes, size) >= 0)
        return BOOT_MULTIBOOT2;
    if (elf)
        return is_pvh(bytes, size, &entry) ? BOOT_PVH : BOOT_ELF;
    return BOOT_UNKNOWN;
}

const char *boot_kind_name(enum boot_kind kind)
{
    static const char *const names[] = {
        [BOOT_UNKNOWN] = "unknown",
        [BOOT_BZIMAGE] = "Linux bzImage",
        [BOOT_MULTIBOOT] = "Multiboot kernel",
        [BOOT_MULTIBOOT2] = "Multiboot 2 kernel",
        [BOOT_PVH] = "PVH ELF kernel",
        [BOOT_ELF] = "ELF file",
        [BOOT_GZIP] = "gzip file",
    };

    return (unsigned)kind < sizeof(names) / sizeof(names[0]) ? names[kind] : "unknown";
}

/* ---- The map ---- */

/* The first used stretch that meets [begin, begin + size), or NULL. */
static const u64 *boot_map_obstacle(const struct boot_map *m, u64 begin, u64 size, u64 *end)
{
    for (unsigned i = 0; i < m->count; i++)
        if (m->used[i].begin < begin + size && begin < m->used[i].end) {
            *end = m->used[i].end;
            return &m->used[i].begin;
        }
    return NULL;
}

bool boot_map_free(const struct boot_map *m, u64 begin, u64 size)
{
    u64 end;

    return !boot_map_obstacle(m, begin, size, &end);
}

bool boot_map_use(struct boot_map *m, u64 begin, u64 size)
{
    if (m->count == BOOT_MAX_USED)
        return false;
    m->used[m->count].begin = begin;
    m->used[m->count++].end = begin + size;
    return true;
}

bool boot_map_lowest(struct boot_map *m, u64 from, u64 to, u64 size, u64 align, u64 *at)
{
    u64 begin = (from + align - 1) & ~(align - 1), end;

    while (begin <= to && size <= to - begin) {
        if (!boot_map_obstacle(m, begin, size, &end)) {
            *at = begin;
            return boot_map_use(m, begin, size);
        }
        begin = (end + align - 1) & ~(align - 1);
    }
    return false;
}

bool boot_map_highest(struct boot_map *m, u64 from, u64 to, u64 size, u64 align, u64 *at)
{
    u64 begin, end;

    if (to < size)
        return false;
    begin = (to - size) & ~(align - 1);
    while (begin >= from) {
        const u64 *obstacle = boot_map_obstacle(m, begin, size, &end);

        if (!obstacle) {
            *at = begin;
            return boot_map_use(m, begin, size);
        }
        if (*obstacle < size)
            return false;
        begin = (*obstacle - size) & ~(align - 1);
    }
    return false;
}

unsigned boot_e820(struct machine *m, struct boot_e820 out[E820_ENTRIES])
{
    u64 high = machine_high_ram(m);
    unsigned n = 0;

    out[n++] = (struct boot_e820){0, MACHINE_EBDA, E820_RAM};
    out[n++] = (struct boot_e820){MACHINE_EBDA, 0xA0000 - MACHINE_EBDA, E820_RESERVED};
    out[n++] = (struct boot_e820){0xF0000, 0x10000, E820_RESERVED};
    if (machine_low_ram(m) > 0x100000)
        out[n++] = (struct boot_e820){0x100000, machine_low_ram(m) - 0x100000, E820_RAM};
    if (high)
        out[n++] = (struct boot_e820){MACHINE_HIGH_RAM, high, E820_RAM};
    return n;
}

/* ---- Entry states ---- */

enum { SELECTOR_CODE = 0x10, SELECTOR_DATA = 0x18, ATTR_CODE32 = 0xC09B, ATTR_CODE64 = 0xA09B, ATTR_DATA = 0xC093 };
enum { CR0_PE = 0x01, CR0_ET = 0x10, EFER_LME = 0x100, EFER_LMA = 0x400, CR4_PAE = 0x20, ATTR_TSS_BUSY = 0x008B };
#define CR0_PG 0x80000000u

static struct cpu_segment flat(u16 selector, u16 attributes)
{
    return (struct cpu_segment){.selector = selector, .attributes = attributes, .limit = 0xFFFFFFFFu, .base = 0};
}

static void put_gdt(struct machine *m, u64 gdt, u16 code)
{
    u64 descriptor = 0x000F00000000FFFFull;
    u8 table[BOOT_GDT_SIZE] = {0};

    boot_put64(table + SELECTOR_CODE, descriptor | (u64)code << 40);
    boot_put64(table + SELECTOR_DATA, descriptor | (u64)ATTR_DATA << 40);
    phys_copy_in(machine_phys(m), gdt, table, sizeof(table));
}

static void flat_state(struct machine *m, u64 gdt, u64 entry, u16 code, struct cpu_state *s)
{
    put_gdt(m, gdt, code);
    cpu_get_state(machine_cpu(m), s);
    memset(s->gpr, 0, sizeof(s->gpr));
    s->rip = entry;
    s->rflags = 0x2;
    for (int i = SEG_ES; i <= SEG_GS; i++)
        s->seg[i] = flat(SELECTOR_DATA, ATTR_DATA);
    s->seg[SEG_CS] = flat(SELECTOR_CODE, code);
    s->seg[SEG_LDTR] = (struct cpu_segment){.attributes = 0x0000};
    s->seg[SEG_TR] = (struct cpu_segment){.attributes = ATTR_TSS_BUSY, .limit = 0xFFFF};
    s->gdt_base = gdt;
    s->gdt_limit = BOOT_GDT_SIZE - 1;
    s->idt_base = 0;
    s->idt_limit = 0;
    s->cr0 = CR0_PE | CR0_ET;
    s->cr3 = s->cr4 = s->efer = 0;
}

void boot_enter32(struct machine *m, u64 gdt, u64 entry, struct cpu_state *s)
{
    flat_state(m, gdt, entry, ATTR_CODE32, s);
}

/* A PML4, a PDPT and four page directories of 2 MiB pages: the first 4 GiB, present and writable. */
void boot_enter64(struct machine *m, u64 gdt, u64 tables, u64 entry, struct cpu_state *s)
{
    struct phys *phys = machine_phys(m);
    u64 pdpt = tables + PAGE_SIZE, pd = tables + 2 * PAGE_SIZE;

    flat_state(m, gdt, entry, ATTR_CODE64, s);
    phys_fill(phys, tables, 0, BOOT_TABLES_SIZE);
    phys_write(phys, tables, pdpt | PTE_P | PTE_W, 8);
    for (u64 i = 0; i < 4; i++)
        phys_write(phys, pdpt + 8 * i, (pd + i * PAGE_SIZE) | PTE_P | PTE_W, 8);
    for (u64 i = 0; i < 4 * 512; i++)
        phys_write(phys, pd + 8 * i, i << 21 | PTE_P | PTE_W | PTE_PS, 8);
    s->cr0 |= CR0_PG;
    s->cr3 = tables;
    s->cr4 = CR4_PAE;
    s->efer = EFER_LME | EFER_LMA;
}

/* ---- The way in ---- */

/* The kernel file: from the disk, or a copy of what is in memory already. */
static bool kernel_file(struct boot_file *file, const struct boot_config *c, char *why, size_t size)
{
    if (!c->image)
        return boot_file_load(file, c->kernel, true, why, size);
    *file = (struct boot_file){.name = c->kernel, .bytes = malloc(c->image_size), .size = c->image_size};
    if (!file->bytes)
        return boot_fail(why, size, c->kernel, "out of memory");
    memcpy(file->bytes, c->image, c->image_size);
    return true;
}

static bool load_kernel(struct machine *m, const struct boot_config *c, char *why, size_t size)
{
    struct boot_file file;
    enum boot_kind kind;
    u64 entry;
    bool ok;

    if (!kernel_file(&file, c, why, size))
        return false;
    kind = boot_detect(file.bytes, file.size);
    machine_as_firmware_leaves_it(m);
    if (!firmware_put(m, c->text_screen))
        ok = boot_fail(why, size, c->kernel, "the tables of the firmware do not fit");
    else if (kind == BOOT_BZIMAGE)
        ok = boot_bzimage(m, c, &file, why, size);
    else if (kind == BOOT_MULTIBOOT)
        ok = boot_multiboot(m, c, &file, why, size);
    else if (kind == BOOT_MULTIBOOT2)
        ok = boot_multiboot2(m, c, &file, why, size);
    else if (kind == BOOT_PVH && is_pvh(file.bytes, file.size, &entry))
        ok = boot_pvh(m, c, &file, entry, why, size);
    else if (kind == BOOT_UNKNOWN)
        ok = boot_fail(why, size, c->kernel, "neither a Linux bzImage nor a Multiboot or PVH kernel");
    else
        ok = boot_fail(why, size, c->kernel, "%s: only Linux bzImage, Multiboot and PVH kernels can be started",
                       boot_kind_name(kind));
    boot_file_free(&file);
    return ok;
}

/* After a reset: a ROM is still there, a kernel must be loaded afresh. */
static bool load_again(void *ctx, struct machine *m, char *why, size_t size)
{
    const struct boot_config *c = ctx;

    return c->kernel ? load_kernel(m, c, why, size) : true;
}

void boot_again_after_reset(struct machine *m, const struct boot_config *c)
{
    machine_on_reset(m, load_again, (void *)(uintptr_t)c);
}

bool boot_load(struct machine *m, const struct boot_config *c, char *why, size_t size)
{
    const char *rom = c->rom;

    if (!rom && !c->kernel && !c->firmware) {
        snprintf(why, size, "nothing to boot: no kernel and no ROM image was named");
        return false;
    }
    if (!rom && !c->kernel && !(rom = boot_find_firmware(why, size)))
        return false;
    if (rom && (!boot_rom(m, rom, why, size) || !boot_offer(m, why, size)))
        return false;
    if (c->kernel && !load_kernel(m, c, why, size))
        return false;
    boot_again_after_reset(m, c);
    return true;
}
