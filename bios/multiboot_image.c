/* SPDX-License-Identifier: MIT */
/*
 * The image of a Multiboot 1 kernel (Multiboot Specification 0.6.96, "OS image format"): found by its header, and
 * loaded by the header's address fields or, as GRUB does, as ELF32 or ELF64 at its physical addresses.
 */
#include "bios/image.h"

#include <stdlib.h>
#include <string.h>

enum { HEADER_AREA = 8192, HEADER_BASE = 12, HEADER_ADDRESSES = 32 };
enum { FLAG_ADDRESSES = 0x10000, FLAGS_KNOWN = 0x0007, FLAGS_REQUIRED = 0xFFFF };
enum { PT_LOAD = 1, EM_386 = 3, EM_X86_64 = 62, ET_EXEC = 2, ET_DYN = 3, ELF_MAX_SEGMENTS = 64 };
#define HEADER_MAGIC 0x1BADB002u

long multiboot_find_header(const u8 *bytes, size_t size)
{
    size_t area = size < HEADER_AREA ? size : HEADER_AREA;

    for (size_t at = 0; boot_within(at, HEADER_BASE, area); at += 4) {
        const u8 *h = bytes + at;

        if (boot_get32(h) == HEADER_MAGIC && (u32)(HEADER_MAGIC + boot_get32(h + 4) + boot_get32(h + 8)) == 0)
            return (long)at;
    }
    return -1;
}

/* One stretch of the image: `filesz` bytes of the file at `offset`, then zeros up to `memsz`. */
struct segment {
    u64 offset, filesz, pa, memsz;
};

static bool put_segment(struct machine *m, const struct boot_file *f, struct boot_map *map, const struct segment *s,
                        char *why, size_t size)
{
    struct phys *phys = machine_phys(m);
    unsigned long long pa = s->pa, memsz = s->memsz;

    if (s->memsz < s->filesz)
        return boot_fail(why, size, f->name, "segment at 0x%llx: its size in memory (0x%llx) is less than in the file",
                         pa, memsz);
    if (!boot_within(s->offset, s->filesz, f->size))
        return boot_fail(why, size, f->name, "cut short: the segment at 0x%llx lies beyond the end of the file", pa);
    if (!boot_within(s->pa, s->memsz, machine_low_ram(m)))
        return boot_fail(why, size, f->name, "segment at 0x%llx of 0x%llx bytes lies outside memory", pa, memsz);
    if (!boot_map_free(map, s->pa, s->memsz))
        return boot_fail(why, size, f->name, "segment at 0x%llx of 0x%llx bytes overlaps another", pa, memsz);
    if (!boot_map_use(map, s->pa, s->memsz))
        return boot_fail(why, size, f->name, "has too many segments");
    if (!phys_copy_in(phys, s->pa, f->bytes + s->offset, s->filesz) ||
        !phys_fill(phys, s->pa + s->filesz, 0, s->memsz - s->filesz))
        return boot_fail(why, size, f->name, "segment at 0x%llx of 0x%llx bytes is not all memory", pa, memsz);
    return true;
}

/* ---- "The address fields of Multiboot header" ---- */

bool multiboot_load_addresses(struct machine *m, const struct boot_file *f, const struct multiboot_addresses *a, u64 at,
                              struct boot_map *map, struct multiboot_image *image, char *why, size_t size)
{
    u64 header = a->header, load = a->load, load_end = a->load_end, bss_end = a->bss_end, offset;
    struct segment s;

    image->entry = a->entry;
    if (load > header || header - load > at)
        return boot_fail(why, size, f->name, "Multiboot load address 0x%llx lies before the file begins",
                         (unsigned long long)load);
    offset = at - (header - load);
    if (!load_end) /* "the text and data segments occupy the whole OS image file" */
        load_end = load + (f->size - offset);
    if (load_end < load || (bss_end && bss_end < load_end))
        return boot_fail(why, size, f->name,
                         "Multiboot header: load 0x%llx, load end 0x%llx, bss end 0x%llx are not in order",
                         (unsigned long long)load, (unsigned long long)load_end, (unsigned long long)bss_end);
    s = (struct segment){offset, load_end - load, load, (bss_end ? bss_end : load_end) - load};
    if (image->entry < s.pa || image->entry >= s.pa + s.memsz)
        return boot_fail(why, size, f->name, "entry 0x%llx is not in the image", (unsigned long long)image->entry);
    image->top = s.pa + s.memsz;
    return put_segment(m, f, map, &s, why, size);
}

/* ---- ELF ---- */

struct elf {
    bool wide; /* ELFCLASS64 */
    u64 entry, phoff;
    u32 phentsize, phnum;
};

struct elf_segment {
    struct segment s;
    u64 va;
    u32 type;
};

static bool read_elf(const struct boot_file *f, struct elf *e, char *why, size_t size)
{
    const u8 *b = f->bytes;
    unsigned type, machine;

    if (f->size < 4 || memcmp(b, "\177ELF", 4))
        return boot_fail(why, size, f->name, "a Multiboot header without address fields, and not an ELF file");
    if (f->size < 64)
        return boot_fail(why, size, f->name, "cut short: no whole ELF header");
    if ((b[4] != 1 && b[4] != 2) || b[5] != 1)
        return boot_fail(why, size, f->name, "ELF class %u, data encoding %u: neither 32 nor 64-bit little-endian",
                         b[4], b[5]);
    e->wide = b[4] == 2;
    type = boot_get16(b + 16);
    machine = boot_get16(b + 18);
    if (type != ET_EXEC && type != ET_DYN)
        return boot_fail(why, size, f->name, "ELF type %u is not an executable", type);
    if (machine != EM_386 && machine != EM_X86_64)
        return boot_fail(why, size, f->name, "ELF machine %u is not an x86", machine);
    e->entry = e->wide ? boot_get64(b + 24) : boot_get32(b + 24);
    e->phoff = e->wide ? boot_get64(b + 32) : boot_get32(b + 28);
    e->phentsize = boot_get16(b + (e->wide ? 54 : 42));
    e->phnum = boot_get16(b + (e->wide ? 56 : 44));
    if (!e->phnum)
        return boot_fail(why, size, f->name, "no ELF program headers");
    if (e->phentsize < (e->wide ? 56u : 32u))
        return boot_fail(why, size, f->name, "ELF program headers of %u bytes are too small", e->phentsize);
    if (!boot_within(e->phoff, (u64)e->phentsize * e->phnum, f->size))
        return boot_fail(why, size, f->name, "cut short: the ELF program headers lie beyond the end of the file");
    return true;
}

static struct elf_segment read_phdr(const struct boot_file *f, const struct elf *e, u32 i)
{
    const u8 *p = f->bytes + e->phoff + (u64)i * e->phentsize;

    if (e->wide)
        return (struct elf_segment){{boot_get64(p + 8), boot_get64(p + 32), boot_get64(p + 24), boot_get64(p + 40)},
                                    boot_get64(p + 16),
                                    boot_get32(p)};
    return (struct elf_segment){{boot_get32(p + 4), boot_get32(p + 16), boot_get32(p + 12), boot_get32(p + 20)},
                                boot_get32(p + 8),
                                boot_get32(p)};
}

/* The entry is a virtual address, translated by the segment that holds it; kernels whose entry is already physical
 * (an ENTRY() of a low symbol) are taken at their word. */
static bool translate_entry(const struct boot_file *f, const struct elf *e, u64 *entry)
{
    for (int physical = 0; physical < 2; physical++) {
        for (u32 i = 0; i < e->phnum; i++) {
            struct elf_segment p = read_phdr(f, e, i);
            u64 base = physical ? p.s.pa : p.va;

            if (p.type != PT_LOAD || e->entry < base || e->entry - base >= p.s.memsz)
                continue;
            *entry = e->entry - base + p.s.pa;
            return true;
        }
    }
    return false;
}

bool boot_load_elf(struct machine *m, const struct boot_file *f, struct boot_map *map, struct multiboot_image *image,
                   char *why, size_t size)
{
    struct elf e = {0};
    unsigned loaded = 0;

    if (!read_elf(f, &e, why, size))
        return false;
    for (u32 i = 0; i < e.phnum; i++) {
        struct elf_segment p = read_phdr(f, &e, i);

        if (p.type != PT_LOAD || (!p.s.memsz && !p.s.filesz))
            continue;
        if (++loaded > ELF_MAX_SEGMENTS)
            return boot_fail(why, size, f->name, "has more than %d segments", ELF_MAX_SEGMENTS);
        if (!put_segment(m, f, map, &p.s, why, size))
            return false;
        if (p.s.pa + p.s.memsz > image->top)
            image->top = p.s.pa + p.s.memsz;
    }
    if (!loaded)
        return boot_fail(why, size, f->name, "no ELF segment to load");
    if (!image->entry && !translate_entry(f, &e, &image->entry))
        return boot_fail(why, size, f->name, "entry 0x%llx is not in a segment", (unsigned long long)e.entry);
    return true;
}

bool multiboot_load_image(struct machine *m, const struct boot_file *f, struct boot_map *map,
                          struct multiboot_image *image, char *why, size_t size)
{
    long at = multiboot_find_header(f->bytes, f->size);
    const u8 *h = f->bytes + at;

    *image = (struct multiboot_image){0};
    if (at < 0)
        return boot_fail(why, size, f->name, "no Multiboot header in the first 8 KiB");
    image->flags = boot_get32(h + 4);
    if (image->flags & FLAGS_REQUIRED & ~FLAGS_KNOWN)
        return boot_fail(why, size, f->name, "Multiboot header demands unknown features (flags 0x%x)", image->flags);
    if (!(image->flags & FLAG_ADDRESSES))
        return boot_load_elf(m, f, map, image, why, size);
    if (!boot_within((u64)at, HEADER_ADDRESSES, f->size))
        return boot_fail(why, size, f->name, "cut short: the Multiboot header has no room for its address fields");
    return multiboot_load_addresses(m, f,
                                    &(struct multiboot_addresses){boot_get32(h + 12), boot_get32(h + 16),
                                                                  boot_get32(h + 20), boot_get32(h + 24),
                                                                  boot_get32(h + 28)},
                                    (u64)at, map, image, why, size);
}

/* ---- Section headers ---- */

enum { SHF_ALLOC = 2, SHT_NOBITS = 8, SECTIONS_MAX = 4096, ROOM_LEFT = 8 /* of the map, for what follows */ };

/* Offsets of a section header's fields. */
struct shdr_layout {
    u8 size, type, flags, addr, offset, length;
};

/* A section the program headers did not load: into memory above the image. 0 if that cannot be. */
static u64 place_section(struct machine *m, const struct boot_file *f, struct boot_map *map, u64 from, u64 offset,
                         u64 length)
{
    u64 at;

    if (!boot_within(offset, length, f->size) || length > machine_low_ram(m) ||
        !boot_map_lowest(map, from, machine_low_ram(m), length, 16, &at) ||
        !phys_copy_in(machine_phys(m), at, f->bytes + offset, length))
        return 0;
    return at;
}

static void place_sections(struct machine *m, const struct boot_file *f, struct boot_map *map, u64 from,
                           struct boot_sections *s, const struct shdr_layout *l)
{
    bool wide = l->size == 64;

    for (u32 i = 1; i < s->count; i++) {
        u8 *h = s->bytes + (u64)i * s->entry_size;
        u64 flags = wide ? boot_get64(h + l->flags) : boot_get32(h + l->flags);
        u64 length = wide ? boot_get64(h + l->length) : boot_get32(h + l->length);
        u64 offset = wide ? boot_get64(h + l->offset) : boot_get32(h + l->offset), at;

        if (map->count + ROOM_LEFT > BOOT_MAX_USED)
            return;
        if (flags & SHF_ALLOC || !length || boot_get32(h + l->type) == SHT_NOBITS)
            continue;
        at = place_section(m, f, map, from, offset, length);
        if (wide)
            boot_put64(h + l->addr, at);
        else
            boot_put32(h + l->addr, (u32)at);
    }
}

bool boot_elf_sections(struct machine *m, const struct boot_file *f, struct boot_map *map, u64 from,
                       struct boot_sections *s)
{
    static const struct shdr_layout narrow = {40, 4, 8, 12, 16, 20}, wide = {64, 4, 8, 16, 24, 32};
    const struct shdr_layout *l;
    const u8 *b = f->bytes;
    u64 shoff;

    *s = (struct boot_sections){0};
    if (f->size < 64 || memcmp(b, "\177ELF", 4) || (b[4] != 1 && b[4] != 2) || b[5] != 1)
        return false;
    l = b[4] == 2 ? &wide : &narrow;
    shoff = b[4] == 2 ? boot_get64(b + 40) : boot_get32(b + 32);
    s->entry_size = boot_get16(b + (b[4] == 2 ? 58 : 46));
    s->count = boot_get16(b + (b[4] == 2 ? 60 : 48));
    s->names = boot_get16(b + (b[4] == 2 ? 62 : 50));
    if (!s->count || s->count > SECTIONS_MAX || s->entry_size < l->size || s->entry_size > 256 ||
        !boot_within(shoff, (u64)s->count * s->entry_size, f->size))
        return false;
    s->size = s->count * s->entry_size;
    s->bytes = malloc(s->size);
    if (!s->bytes)
        return false;
    memcpy(s->bytes, b + shoff, s->size);
    place_sections(m, f, map, from, s, l);
    return true;
}
