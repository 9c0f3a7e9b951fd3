/* SPDX-License-Identifier: MIT */
/* What the loaders share: files in memory, little-endian fields, the map of used guest memory, the entry state. */
#ifndef FAULTLINE_BIOS_IMAGE_H
#define FAULTLINE_BIOS_IMAGE_H

#include "bios/boot.h"

/* Nothing a loader takes is larger than this, compressed or not. */
#define BOOT_FILE_MAX (1ull << 30)

struct boot_file {
    const char *name;
    u8 *bytes;
    size_t size;
};

/* The whole file, decompressed if `inflate` and it is gzip. False with one line in `why`. */
bool boot_file_load(struct boot_file *, const char *name, bool inflate, char *why, size_t size);
void boot_file_free(struct boot_file *);

/* Formats "name: reason" into `why`; returns false. */
bool boot_fail(char *why, size_t size, const char *name, const char *format, ...) __attribute__((format(printf, 4, 5)));

/* Unaligned little-endian fields; the caller has checked the bounds. */
u16 boot_get16(const u8 *);
u32 boot_get32(const u8 *);
u64 boot_get64(const u8 *);
void boot_put16(u8 *, u16);
void boot_put32(u8 *, u32);
void boot_put64(u8 *, u64);

/* True if [offset, offset + length) lies in `size` bytes, whatever the numbers. */
bool boot_within(u64 offset, u64 length, u64 size);

/* Pieces of a list "a,b,,c": copies the next one, with ",," made ",", into a new string; NULL at the end or without
 * memory. */
char *boot_next_item(const char **list);

/* Used stretches of guest memory below 4 GiB. */
#define BOOT_MAX_USED 128
struct boot_map {
    struct {
        u64 begin, end;
    } used[BOOT_MAX_USED];
    unsigned count;
};
bool boot_map_free(const struct boot_map *, u64 begin, u64 size);
bool boot_map_use(struct boot_map *, u64 begin, u64 size); /* false when the map is full */
/* The lowest, or highest, free place of `size` bytes in [from, to), aligned and then marked used. False if none. */
bool boot_map_lowest(struct boot_map *, u64 from, u64 to, u64 size, u64 align, u64 *at);
bool boot_map_highest(struct boot_map *, u64 from, u64 to, u64 size, u64 align, u64 *at);

/* The system memory map as firmware would report it (ACPI, "INT 15H, E820H"). */
enum { E820_RAM = 1, E820_RESERVED = 2, E820_ENTRIES = 5 };
struct boot_e820 {
    u64 base, size;
    u32 type;
};
unsigned boot_e820(struct machine *, struct boot_e820 out[E820_ENTRIES]);

/* Entry states: flat segments with CS = 10h and the rest 18h, the GDT to match at `gdt` in guest memory (BOOT_GDT_SIZE
 * bytes), interrupts off. The 32-bit one has paging off; the 64-bit one maps the first 4 GiB to itself with tables at
 * `tables` (BOOT_TABLES_SIZE bytes, page-aligned). */
#define BOOT_GDT_SIZE 32u
#define BOOT_TABLES_SIZE (6u * PAGE_SIZE)
void boot_enter32(struct machine *, u64 gdt, u64 entry, struct cpu_state *);
void boot_enter64(struct machine *, u64 gdt, u64 tables, u64 entry, struct cpu_state *);

/* The protocols. */
bool boot_bzimage(struct machine *, const struct boot_config *, const struct boot_file *, char *why, size_t size);
bool boot_multiboot(struct machine *, const struct boot_config *, const struct boot_file *, char *why, size_t size);
bool boot_multiboot2(struct machine *, const struct boot_config *, const struct boot_file *, char *why, size_t size);
bool boot_pvh(struct machine *, const struct boot_config *, const struct boot_file *, u64 entry, char *why,
              size_t size);
bool boot_rom(struct machine *, const char *name, char *why, size_t size);

/* Where the firmware of this host is; NULL with one line in `why`. */
const char *boot_find_firmware(char *why, size_t size);
/* Fills fw_cfg with what firmware is to find there. */
bool boot_offer(struct machine *, char *why, size_t size);

/* Kernel images of Multiboot and PVH (multiboot_image.c). */
struct multiboot_image {
    u32 flags; /* of the header */
    u64 entry; /* physical; boot_load_elf takes the file's if this is 0 */
    u64 top;   /* the end of the image in memory */
};
/* An ELF32 or ELF64 file's segments, at their physical addresses. */
bool boot_load_elf(struct machine *, const struct boot_file *, struct boot_map *, struct multiboot_image *, char *why,
                   size_t size);
/* The address fields of a header at file offset `at`. */
struct multiboot_addresses {
    u64 header, load, load_end, bss_end, entry;
};
bool multiboot_load_addresses(struct machine *, const struct boot_file *, const struct multiboot_addresses *, u64 at,
                              struct boot_map *, struct multiboot_image *, char *why, size_t size);
/*
 * The section headers of an ELF file, with the addresses where those sections are now that are not part of the image:
 * put into memory from `from` on, or 0 where there was no room. The caller frees `bytes`. False if there are none.
 */
struct boot_sections {
    u32 count, entry_size, names, size; /* names: index of the section of names; size of all in bytes */
    u8 *bytes;
};
bool boot_elf_sections(struct machine *, const struct boot_file *, struct boot_map *, u64 from, struct boot_sections *);

/* Modules (modules.c): "FILE args" of a list; the file is what stands before the first space, and goes to the next free
 * page from `from` on. */
#define BOOT_MODULES_MAX 32
struct boot_module {
    u64 begin, end;
    char *text; /* the whole item */
};
struct boot_modules {
    struct boot_module module[BOOT_MODULES_MAX];
    u32 count;
};
bool boot_load_modules(struct machine *, struct boot_map *, u64 from, const char *list, struct boot_modules *,
                       char *why, size_t size);
void boot_free_modules(struct boot_modules *);
/* "KERNEL args", as GRUB and QEMU give it; NULL without memory. */
char *boot_command_line(const struct boot_config *);

/*
 * Low memory where a kernel is told things: below 640 KiB, away from page 0 and from 8000h..DFFFh, where kernels keep
 * early code of their own. False with `why` if there is no room.
 */
void boot_reserve_low(struct boot_map *);
bool boot_put_low(struct machine *, struct boot_map *, const char *name, const void *bytes, u64 length, u64 align,
                  u64 *at, char *why, size_t size);

/* The header's offset in the file, or -1. */
long multiboot_find_header(const u8 *bytes, size_t size);
long multiboot2_find_header(const u8 *bytes, size_t size);
bool multiboot_load_image(struct machine *, const struct boot_file *, struct boot_map *, struct multiboot_image *,
                          char *why, size_t size);

#endif
