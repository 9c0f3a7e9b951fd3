/* SPDX-License-Identifier: MIT */
/* The direct-boot loaders: what good images find on entry, and that every bad one is refused with one line that names
 * the file and the reason. Images are made here, from a base image and patches. */
#include "bios/image.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#define MIB (1ull << 20)
#define COUNT(table) ((int)(sizeof(table) / sizeof((table)[0])))

enum { IMAGE_SIZE = 16384, SETUP = 5 * 512, RAM_MIB = 64 };

/* ---- Files and machines ---- */

static char directory[64];

static const char *file_path(const char *name)
{
    static char path[128];

    snprintf(path, sizeof(path), "%s/%s", directory, name);
    return path;
}

static char *file_make(const char *name, const void *bytes, size_t size)
{
    char *path = strdup(file_path(name));
    FILE *f = fopen(path, "wb");

    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(bytes, 1, size, f), size);
    fclose(f);
    return path;
}

static void directory_make(void)
{
    strcpy(directory, "/tmp/faultline-loaders-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(directory));
}

static void directory_remove(void)
{
    static const char *const names[] = {"kernel", "module1", "module2", "rom"};

    for (int i = 0; i < COUNT(names); i++)
        unlink(file_path(names[i]));
    rmdir(directory);
}

static struct machine *machine_make(u64 mib, const char *model)
{
    struct machine_config config = {.ram_bytes = mib * MIB, .cpu_model = model};
    char why[256] = "";
    struct machine *m = machine_create(&config, why, sizeof(why));

    ck_assert_msg(m != NULL, "%s", why);
    return m;
}

static u32 guest32(struct machine *m, u64 pa) { return (u32)phys_read(machine_phys(m), pa, 4); }

static const char *guest_text(struct machine *m, u64 pa)
{
    static char text[256];

    memset(text, 0, sizeof(text));
    phys_copy_out(machine_phys(m), pa, text, sizeof(text) - 1);
    return text;
}

static void load(struct machine *m, const struct boot_config *c)
{
    char why[256] = "";
    bool ok = boot_load(m, c, why, sizeof(why));

    ck_assert_msg(ok, "%s", why);
}

/* ---- Base images ---- */

static void put(u8 *p, unsigned at, unsigned width, u64 v)
{
    for (unsigned i = 0; i < width; i++)
        p[at + i] = (u8)(v >> (8 * i));
}

/* The kernel proper is bytes 7, 8, 9 ...; a 64-bit relocatable kernel of protocol 2.15 that prefers 16 MiB. */
static void make_bzimage(u8 *p)
{
    memset(p, 0, IMAGE_SIZE);
    for (unsigned i = SETUP; i < IMAGE_SIZE; i++)
        p[i] = (u8)(i - SETUP + 7);
    put(p, 0x1F1, 1, 4);
    put(p, 0x1F4, 4, (IMAGE_SIZE - SETUP) / 16);
    put(p, 0x1FE, 2, 0xAA55);
    put(p, 0x200, 2, 0x66EB);
    memcpy(p + 0x202, "HdrS", 4);
    put(p, 0x206, 2, 0x20F);
    put(p, 0x211, 1, 1);
    put(p, 0x214, 4, 0x100000);
    put(p, 0x22C, 4, 0x7FFFFFFF);
    put(p, 0x230, 4, 0x200000);
    put(p, 0x234, 1, 1);
    put(p, 0x236, 2, 3);
    put(p, 0x238, 4, 2047);
    put(p, 0x258, 8, 0x1000000);
    put(p, 0x260, 4, 0x200000);
}

static void put_multiboot_header(u8 *p, unsigned at, u32 flags)
{
    put(p, at, 4, 0x1BADB002);
    put(p, at + 4, 4, flags);
    put(p, at + 8, 4, 0u - 0x1BADB002u - flags);
}

/* Two segments: file 0x1000..0x2000 at 1 MiB (virtual C0100000), with 0x800 of bss; and 0x2000..0x2800 at 0x180000. */
static void make_elf32(u8 *p)
{
    static const u32 segments[2][8] = {
        {1, 0x1000, 0xC0100000, 0x100000, 0x1000, 0x1800, 5, 0x1000},
        {1, 0x2000, 0xC0180000, 0x180000, 0x800, 0x800, 6, 0x1000},
    };

    memset(p, 0x5A, IMAGE_SIZE);
    memset(p, 0, 0x200);
    memcpy(p, "\177ELF\1\1\1", 7);
    put(p, 16, 2, 2);
    put(p, 18, 2, 3);
    put(p, 24, 4, 0xC0100010);
    put(p, 28, 4, 52);
    put(p, 42, 2, 32);
    put(p, 44, 2, 2);
    for (unsigned i = 0; i < 16; i++)
        put(p, 52 + 4 * i, 4, segments[i / 8][i % 8]);
    put_multiboot_header(p, 0x100, 3);
}

static void make_elf64(u8 *p)
{
    static const u64 segment[6] = {0x1000, 0xFFFFFFFF80100000, 0x100000, 0x1000, 0x1800, 0x1000};

    memset(p, 0x5A, IMAGE_SIZE);
    memset(p, 0, 0x200);
    memcpy(p, "\177ELF\2\1\1", 7);
    put(p, 16, 2, 2);
    put(p, 18, 2, 62);
    put(p, 24, 8, 0xFFFFFFFF80100020);
    put(p, 32, 8, 64);
    put(p, 54, 2, 56);
    put(p, 56, 2, 1);
    put(p, 64, 4, 1);
    put(p, 68, 4, 5);
    for (unsigned i = 0; i < 6; i++)
        put(p, 72 + 8 * i, 8, segment[i]);
    put_multiboot_header(p, 0x100, 3);
}

/* Address fields: header at file offset 0x20 is at 0x200020; the file from 0x10 on is loaded at 0x200010. */
static void make_addresses(u8 *p)
{
    memset(p, 0x5A, IMAGE_SIZE);
    put_multiboot_header(p, 0x20, 0x10003);
    put(p, 0x2C, 4, 0x200020);
    put(p, 0x30, 4, 0x200010);
    put(p, 0x34, 4, 0x201010);
    put(p, 0x38, 4, 0x202000);
    put(p, 0x3C, 4, 0x200100);
}

/* The ELF64 kernel with a Multiboot 2 header at 0x100 instead: an optional request, console flags, the end. */
static void make_multiboot2(u8 *p)
{
    make_elf64(p);
    memset(p + 0x100, 0, 0x100);
    put(p, 0x100, 4, 0xE85250D6);
    put(p, 0x108, 4, 64);
    put(p, 0x10C, 4, 0u - 0xE85250D6u - 64u);
    put(p, 0x110, 4, 1 | 1 << 16); /* type 1, optional: request */
    put(p, 0x114, 4, 12);
    put(p, 0x118, 4, 99);
    put(p, 0x120, 4, 4);
    put(p, 0x124, 4, 12);
    put(p, 0x134, 4, 8); /* the end */
}

/* The ELF32 kernel, its second segment a Xen note that names 0x100040. */
static void make_pvh(u8 *p)
{
    make_elf32(p);
    memset(p + 0x100, 0, 0x100);
    put(p, 84, 4, 4);
    put(p, 88, 4, 0x180);
    put(p, 100, 4, 20);
    put(p, 0x180, 4, 4);
    put(p, 0x184, 4, 4);
    put(p, 0x188, 4, 18);
    memcpy(p + 0x18C, "Xen", 4);
    put(p, 0x190, 4, 0x100040);
}

/* Two section headers at 0x2900 of an ELF32 file: nothing, and 16 bytes at 0x2000 that are not loaded. */
static void put_sections32(u8 *p)
{
    put(p, 32, 4, 0x2900);
    put(p, 46, 2, 40);
    put(p, 48, 2, 2);
    put(p, 50, 2, 1);
    memset(p + 0x2900, 0, 80);
    put(p, 0x2928 + 4, 4, 3);
    put(p, 0x2928 + 16, 4, 0x2000);
    put(p, 0x2928 + 20, 4, 16);
}

static void make_nothing(u8 *p) { memset(p, 0x5A, IMAGE_SIZE); }

/* ---- Linux ---- */

/* Modes: 64-bit on "max"; 32-bit by a model without long mode or by choice; 16 MiB of RAM, where it must go lower. */
static const struct {
    const char *model;
    u64 mib;
    int entry;
    u64 load, rip;
    bool wide;
} linux_entries[] = {
    {NULL, RAM_MIB, BOOT_ENTRY_AUTO, 0x1000000, 0x1000200, true},
    {"max,-lm", RAM_MIB, BOOT_ENTRY_AUTO, 0x1000000, 0x1000000, false},
    {"486", RAM_MIB, BOOT_ENTRY_AUTO, 0x1000000, 0x1000000, false},
    {"Opteron_G1", RAM_MIB, BOOT_ENTRY_AUTO, 0x1000000, 0x1000200, true},
    {NULL, RAM_MIB, BOOT_ENTRY_32, 0x1000000, 0x1000000, false},
    {NULL, 16, BOOT_ENTRY_AUTO, 0x200000, 0x200200, true},
};

static void check_flat(const struct cpu_state *s, u16 code)
{
    ck_assert_uint_eq(s->seg[SEG_CS].selector, 0x10);
    ck_assert_uint_eq(s->seg[SEG_CS].attributes & 0xF0FE, code & 0xF0FE);
    for (int i = SEG_ES; i <= SEG_GS; i++) {
        ck_assert_uint_eq(s->seg[i].base, 0);
        ck_assert_uint_eq(s->seg[i].limit, 0xFFFFFFFF);
        if (i != SEG_CS)
            ck_assert_uint_eq(s->seg[i].selector, 0x18);
    }
    ck_assert_uint_eq(s->rflags & 0x20200, 0);
}

START_TEST(linux_entry)
{
    u8 image[IMAGE_SIZE];
    struct machine *m = machine_make(linux_entries[_i].mib, linux_entries[_i].model);
    struct boot_config c = {.append = "console=ttyS0 quiet", .entry = linux_entries[_i].entry, .text_screen = true};
    struct cpu_state s;
    u64 params;

    make_bzimage(image);
    c.kernel = file_make("kernel", image, sizeof(image));
    load(m, &c);
    cpu_get_state(machine_cpu(m), &s);
    params = s.gpr[REG_RSI];
    ck_assert_uint_eq(s.rip, linux_entries[_i].rip);
    check_flat(&s, linux_entries[_i].wide ? 0xA09B : 0xC09B);
    ck_assert_uint_eq(s.gpr[REG_RBX] | s.gpr[REG_RBP] | s.gpr[REG_RDI], 0);
    ck_assert_uint_eq(phys_read(machine_phys(m), linux_entries[_i].load, 4), 0x0A090807);
    ck_assert_uint_eq(s.cr0 & 0x80000001, linux_entries[_i].wide ? 0x80000001 : 1);
    ck_assert_uint_eq(s.efer, linux_entries[_i].wide ? 0x500 : 0);
    if (linux_entries[_i].wide) { /* the identity map, at its first and last 2 MiB */
        u64 pdpt = phys_read(machine_phys(m), s.cr3, 8) & PAGE_MASK;
        u64 last = phys_read(machine_phys(m), pdpt + 24, 8) & PAGE_MASK;

        ck_assert_uint_eq(phys_read(machine_phys(m), last + 511 * 8, 8), 0xFFE00083);
    }
    ck_assert_uint_eq(phys_read(machine_phys(m), s.gdt_base + 0x18, 8), 0x00CF93000000FFFF);
    ck_assert_str_eq(guest_text(m, guest32(m, params + 0x228)), c.append);
    ck_assert_uint_eq(guest32(m, params + 0x202), 0x53726448);
    ck_assert_uint_eq(phys_read(machine_phys(m), params + 0x210, 1), 0xFF);
    ck_assert_uint_eq(phys_read(machine_phys(m), params + 0x1EF, 1), 0); /* the sentinel is not copied */
    ck_assert_uint_eq(guest32(m, params + 0x214), (u32)linux_entries[_i].load);
    ck_assert_uint_eq(phys_read(machine_phys(m), params + 7, 1), 80);
    ck_assert_uint_eq(guest32(m, params + 0x218), 0);
    machine_destroy(m);
    free((char *)(uintptr_t)c.kernel);
}
END_TEST

START_TEST(linux_memory_map)
{
    static const u64 expected[][3] = {{0, 0x9FC00, 1},
                                      {0x9FC00, 0x400, 2},
                                      {0xF0000, 0x10000, 2},
                                      {0x100000, 0xBFF00000, 1},
                                      {0x100000000, 0x40000000, 1}};
    u8 image[IMAGE_SIZE];
    struct machine *m = machine_make(4096, NULL);
    struct boot_config c = {0};
    struct cpu_state s;
    u64 map;

    make_bzimage(image);
    c.kernel = file_make("kernel", image, sizeof(image));
    load(m, &c);
    cpu_get_state(machine_cpu(m), &s);
    map = s.gpr[REG_RSI] + 0x2D0;
    ck_assert_uint_eq(phys_read(machine_phys(m), s.gpr[REG_RSI] + 0x1E8, 1), COUNT(expected));
    for (int i = 0; i < COUNT(expected); i++, map += 20) {
        ck_assert_uint_eq(phys_read(machine_phys(m), map, 8), expected[i][0]);
        ck_assert_uint_eq(phys_read(machine_phys(m), map + 8, 8), expected[i][1]);
        ck_assert_uint_eq(guest32(m, map + 16), expected[i][2]);
    }
    machine_destroy(m);
    free((char *)(uintptr_t)c.kernel);
}
END_TEST

/* Two files become one initrd, below initrd_addr_max or below the end of RAM, whichever is lower. */
START_TEST(linux_initrd)
{
    u64 ends[2] = {RAM_MIB * MIB, 0x3000000};
    u8 image[IMAGE_SIZE];
    struct boot_config c = {0};
    char list[256], *one = file_make("module1", "abcde", 5), *two = file_make("module2", "xyz", 3);
    struct machine *m = machine_make(RAM_MIB, NULL);
    struct cpu_state s;
    u64 at;

    make_bzimage(image);
    if (_i)
        put(image, 0x22C, 4, ends[1] - 1);
    c.kernel = file_make("kernel", image, sizeof(image));
    snprintf(list, sizeof(list), "%s,%s", one, two);
    c.initrd = list;
    load(m, &c);
    cpu_get_state(machine_cpu(m), &s);
    at = guest32(m, s.gpr[REG_RSI] + 0x218);
    ck_assert_uint_eq(at, ends[_i] - PAGE_SIZE);
    ck_assert_uint_eq(guest32(m, s.gpr[REG_RSI] + 0x21C), 11);
    ck_assert_mem_eq(phys_page_read(machine_phys(m), at), "abcde\0\0\0xyz", 11);
    machine_destroy(m);
    free((char *)(uintptr_t)c.kernel);
    free(one);
    free(two);
}
END_TEST

/* Protocol 2.01 has no cmd_line_ptr, and the command line is found through 0x90020. */
START_TEST(linux_old_protocol)
{
    u8 image[IMAGE_SIZE];
    struct boot_config c = {.append = "root=/dev/fd0"};
    struct machine *m = machine_make(8, NULL);
    struct cpu_state s;

    make_bzimage(image);
    put(image, 0x206, 2, 0x201);
    c.kernel = file_make("kernel", image, sizeof(image));
    load(m, &c);
    cpu_get_state(machine_cpu(m), &s);
    ck_assert_uint_eq(s.rip, 0x100000);
    ck_assert_uint_eq(guest32(m, 0x90020) & 0xFFFF, 0xA33F);
    ck_assert_str_eq(guest_text(m, 0x90000 + (guest32(m, 0x90020) >> 16)), c.append);
    machine_destroy(m);
    free((char *)(uintptr_t)c.kernel);
}
END_TEST

static size_t gzip(u8 *to, size_t room, const u8 *from, size_t size)
{
    z_stream z = {0};

    ck_assert_int_eq(deflateInit2(&z, 9, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (u8 *)(uintptr_t)from;
    z.avail_in = (uInt)size;
    z.next_out = to;
    z.avail_out = (uInt)room;
    ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    deflateEnd(&z);
    return z.total_out;
}

START_TEST(compressed_kernels)
{
    u8 image[IMAGE_SIZE], small[2 * IMAGE_SIZE];
    struct boot_config c = {0};
    struct machine *m = machine_make(RAM_MIB, NULL);
    struct cpu_state s;

    (_i ? make_elf32 : make_bzimage)(image);
    c.kernel = file_make("kernel", small, gzip(small, sizeof(small), image, sizeof(image)));
    load(m, &c);
    cpu_get_state(machine_cpu(m), &s);
    ck_assert_uint_eq(s.rip, _i ? 0x100010 : 0x1000200);
    machine_destroy(m);
    free((char *)(uintptr_t)c.kernel);
}
END_TEST

/* ---- Multiboot ---- */

static const struct {
    void (*make)(u8 *p);
    u64 entry, first, past, top; /* the first byte of the image, the first byte of bss, the end */
} multiboot_images[] = {
    {make_elf32, 0x100010, 0x100000, 0x101000, 0x101800},
    {make_elf64, 0x100020, 0x100000, 0x101000, 0x101800},
    {make_addresses, 0x200100, 0x200050, 0x201010, 0x202000},
};

START_TEST(multiboot_entry)
{
    u8 image[IMAGE_SIZE];
    char line[256];
    struct machine *m = machine_make(RAM_MIB, NULL);
    struct boot_config c = {.append = "one two"};
    struct cpu_state s;
    u64 info;

    phys_fill(machine_phys(m), MIB, 0xCC, 4 * MIB);
    multiboot_images[_i].make(image);
    c.kernel = file_make("kernel", image, sizeof(image));
    load(m, &c);
    cpu_get_state(machine_cpu(m), &s);
    check_flat(&s, 0xC09B);
    info = s.gpr[REG_RBX];
    ck_assert_uint_eq(s.rip, multiboot_images[_i].entry);
    ck_assert_uint_eq(s.gpr[REG_RAX], 0x2BADB002);
    ck_assert_uint_eq(s.cr0 & 0x80000001, 1);
    ck_assert_uint_eq(phys_read(machine_phys(m), multiboot_images[_i].first, 1), 0x5A);
    ck_assert_uint_eq(phys_read(machine_phys(m), multiboot_images[_i].past - 1, 2), 0x005A);
    ck_assert_uint_eq(phys_read(machine_phys(m), multiboot_images[_i].top - 1, 2), 0xCC00);
    ck_assert_uint_ge(info, 0xE000);
    ck_assert_uint_lt(info, 0x9FC00);
    ck_assert_uint_eq(guest32(m, info), 0x24D);
    ck_assert_uint_eq(guest32(m, info + 4), 639);
    ck_assert_uint_eq(guest32(m, info + 8), (RAM_MIB - 1) * 1024);
    snprintf(line, sizeof(line), "%s one two", c.kernel);
    ck_assert_str_eq(guest_text(m, guest32(m, info + 16)), line);
    ck_assert_uint_eq(guest32(m, info + 20), 0);
    ck_assert_uint_eq(guest32(m, info + 44), 4 * 24);
    ck_assert_uint_eq(guest32(m, guest32(m, info + 48)), 20);
    ck_assert_uint_eq(guest32(m, guest32(m, info + 48) + 3 * 24 + 4), 0x100000);
    ck_assert_str_eq(guest_text(m, guest32(m, info + 64)), "Faultline");
    machine_destroy(m);
    free((char *)(uintptr_t)c.kernel);
}
END_TEST

START_TEST(multiboot_modules)
{
    u8 image[IMAGE_SIZE];
    char list[256], *one = file_make("module1", "abcde", 5), *two = file_make("module2", "xyz", 3);
    struct machine *m = machine_make(RAM_MIB, NULL);
    struct boot_config c = {.initrd = list};
    struct cpu_state s;
    u64 mods;

    make_elf32(image);
    put(image, 52 + 12, 4, 0x8000); /* as kvm-unit-tests' realmode: an image at 8000h */
    c.kernel = file_make("kernel", image, sizeof(image));
    snprintf(list, sizeof(list), "%s a=1,%s b,,c", one, two);
    load(m, &c);
    cpu_get_state(machine_cpu(m), &s);
    ck_assert_uint_eq(s.rip, 0x8010);
    ck_assert_uint_eq(guest32(m, s.gpr[REG_RBX] + 20), 2);
    mods = guest32(m, s.gpr[REG_RBX] + 24);
    ck_assert_uint_eq(guest32(m, mods), 0x181000);
    ck_assert_uint_eq(guest32(m, mods + 4), 0x181005);
    ck_assert_uint_eq(guest32(m, mods + 16), 0x182000);
    ck_assert_mem_eq(phys_page_read(machine_phys(m), 0x182000), "xyz", 3);
    snprintf(list, sizeof(list), "%s b,c", two);
    ck_assert_str_eq(guest_text(m, guest32(m, mods + 24)), list);
    machine_destroy(m);
    free((char *)(uintptr_t)c.kernel);
    free(one);
    free(two);
}
END_TEST

START_TEST(multiboot_sections)
{
    u8 image[IMAGE_SIZE];
    struct machine *m = machine_make(RAM_MIB, NULL);
    struct boot_config c = {.initrd = NULL};
    struct cpu_state s;
    u64 info, table;

    make_elf32(image);
    put_sections32(image);
    c.kernel = file_make("kernel", image, sizeof(image));
    load(m, &c);
    cpu_get_state(machine_cpu(m), &s);
    info = s.gpr[REG_RBX];
    ck_assert_uint_eq(guest32(m, info), 0x26D);
    ck_assert_uint_eq(guest32(m, info + 28), 2);
    ck_assert_uint_eq(guest32(m, info + 32), 40);
    ck_assert_uint_eq(guest32(m, info + 40), 1);
    table = guest32(m, info + 36);
    ck_assert_uint_ge(guest32(m, table + 40 + 12), 0x180800);
    ck_assert_mem_eq(phys_page_read(machine_phys(m), guest32(m, table + 40 + 12)) +
                         (guest32(m, table + 40 + 12) & 0xFFF),
                     image + 0x2000, 16);
    machine_destroy(m);
    free((char *)(uintptr_t)c.kernel);
}
END_TEST

/* The address of the first tag of a type, or 0. */
static u64 tag_find(struct machine *m, u64 info, u32 type)
{
    u64 end = info + guest32(m, info), at = info + 8;

    for (; at < end; at += (guest32(m, at + 4) + 7ull) & ~7ull) {
        if (guest32(m, at) == type)
            return at;
        ck_assert_uint_ge(guest32(m, at + 4), 8);
    }
    return 0;
}

START_TEST(multiboot2_entry)
{
    u8 image[IMAGE_SIZE];
    char line[256], list[256], *one = file_make("module1", "abcde", 5);
    struct machine *m = machine_make(RAM_MIB, NULL);
    struct boot_config c = {.append = "one two", .initrd = list};
    struct cpu_state s;
    u64 info, tag;

    make_multiboot2(image);
    c.kernel = file_make("kernel", image, sizeof(image));
    snprintf(list, sizeof(list), "%s a=1", one);
    load(m, &c);
    cpu_get_state(machine_cpu(m), &s);
    check_flat(&s, 0xC09B);
    ck_assert_uint_eq(s.rip, 0x100020);
    ck_assert_uint_eq(s.gpr[REG_RAX], 0x36D76289);
    info = s.gpr[REG_RBX];
    ck_assert_uint_eq(info % 8, 0);
    snprintf(line, sizeof(line), "%s one two", c.kernel);
    ck_assert_str_eq(guest_text(m, tag_find(m, info, 1) + 8), line);
    ck_assert_str_eq(guest_text(m, tag_find(m, info, 2) + 8), "Faultline");
    tag = tag_find(m, info, 3);
    ck_assert_uint_eq(guest32(m, tag + 12) - guest32(m, tag + 8), 5);
    ck_assert_mem_eq(phys_page_read(machine_phys(m), guest32(m, tag + 8)), "abcde", 5);
    ck_assert_str_eq(guest_text(m, tag + 16), list);
    ck_assert_uint_eq(guest32(m, tag_find(m, info, 4) + 8), 639);
    tag = tag_find(m, info, 6);
    ck_assert_uint_eq(guest32(m, tag + 8), 24);
    ck_assert_uint_eq(guest32(m, tag + 16 + 3 * 24), 0x100000);
    ck_assert_uint_eq(tag_find(m, info, 9), 0);
    tag = tag_find(m, info, 0);
    ck_assert_uint_eq(tag + 8, info + guest32(m, info));
    machine_destroy(m);
    free((char *)(uintptr_t)c.kernel);
    free(one);
}
END_TEST

START_TEST(pvh_entry)
{
    u8 image[IMAGE_SIZE];
    char list[256], *one = file_make("module1", "abcde", 5);
    struct machine *m = machine_make(RAM_MIB, NULL);
    struct boot_config c = {.append = "one two", .initrd = list};
    struct cpu_state s;
    u64 info, at;

    make_pvh(image);
    c.kernel = file_make("kernel", image, sizeof(image));
    snprintf(list, sizeof(list), "%s a=1", one);
    load(m, &c);
    cpu_get_state(machine_cpu(m), &s);
    check_flat(&s, 0xC09B);
    ck_assert_uint_eq(s.rip, 0x100040);
    info = s.gpr[REG_RBX];
    ck_assert_uint_eq(guest32(m, info), 0x336EC578);
    ck_assert_uint_eq(guest32(m, info + 4), 1);
    ck_assert_uint_eq(guest32(m, info + 12), 1);
    at = guest32(m, info + 16);
    ck_assert_uint_eq(guest32(m, at + 8), 5);
    ck_assert_mem_eq(phys_page_read(machine_phys(m), guest32(m, at)), "abcde", 5);
    ck_assert_str_eq(guest_text(m, guest32(m, at + 16)), list);
    ck_assert_str_eq(guest_text(m, guest32(m, info + 24)), "one two");
    ck_assert_uint_eq(guest32(m, info + 48), 4);
    ck_assert_uint_eq(guest32(m, guest32(m, info + 40) + 3 * 24), 0x100000);
    machine_destroy(m);
    free((char *)(uintptr_t)c.kernel);
    free(one);
}
END_TEST

/* ---- ROMs ---- */

static const struct {
    size_t size;
    bool good;
} roms[] = {
    {65536, true},    {131072, true}, {262144, true},
    {16 << 20, true}, {65535, false}, {65537, false},
    {512, false},     {98304, false}, {(16 << 20) + 65536, false},
};

START_TEST(rom_images)
{
    u8 *image = malloc(roms[_i].size);
    struct machine *m = machine_make(2, NULL);
    struct boot_config c = {0};
    char why[256] = "";

    for (size_t i = 0; i < roms[_i].size; i++)
        image[i] = (u8)(i >> 16 ^ i);
    c.rom = file_make("rom", image, roms[_i].size);
    ck_assert_int_eq(boot_load(m, &c, why, sizeof(why)), roms[_i].good);
    if (roms[_i].good) {
        ck_assert_uint_eq(phys_read(machine_phys(m), 0xFFFFFFF0, 1), image[roms[_i].size - 16]);
        ck_assert_uint_eq(phys_read(machine_phys(m), 0x100000000 - roms[_i].size, 1), image[0]);
        ck_assert_uint_eq(phys_read(machine_phys(m), 0xFFFF0, 1), image[roms[_i].size - 16]);
        ck_assert_uint_eq(phys_read(machine_phys(m), 0xE0000, 1),
                          roms[_i].size > 65536 ? image[roms[_i].size - 131072] : 0xFF);
        phys_write(machine_phys(m), 0xFFFF0, ~image[roms[_i].size - 16], 1);
        ck_assert_uint_eq(phys_read(machine_phys(m), 0xFFFF0, 1), image[roms[_i].size - 16]);
    } else {
        ck_assert_ptr_nonnull(strstr(why, c.rom));
    }
    machine_destroy(m);
    free((char *)(uintptr_t)c.rom);
    free(image);
}
END_TEST

/* ---- Bad images ---- */

struct patch {
    unsigned at, width;
    u64 value;
};

static const struct {
    void (*make)(u8 *p);
    size_t size; /* 0: all of it */
    struct patch patch[3];
    const char *reason;
} bad[] = {
    {make_nothing, 0, {{0}}, "neither a Linux bzImage nor a Multiboot"},
    {make_nothing, 1, {{0}}, "neither a Linux bzImage nor a Multiboot"},
    {make_bzimage, 0, {{0x1FE, 2, 0x55AA}}, "neither a Linux"},
    {make_bzimage, 0, {{0x202, 1, 'h'}}, "neither a Linux"},
    {make_bzimage, 0x205, {{0}}, "neither a Linux"},
    {make_bzimage, 0x206, {{0}}, "cut short"},
    {make_bzimage, 0x280, {{0}}, "cut short"},
    {make_bzimage, SETUP, {{0}}, "cut short"},
    {make_bzimage, SETUP + 1, {{0}}, "cut short"},
    {make_bzimage, IMAGE_SIZE - 512, {{0}}, "cut short"},
    {make_bzimage, 0, {{0x1F1, 1, 0xFF}}, "cut short"},
    {make_bzimage, 0, {{0x1F4, 4, 0xFFFFFFFF}}, "cut short"},
    {make_bzimage, 0, {{0x206, 2, 0x1FF}}, "older than 2.00"},
    {make_bzimage, 0, {{0x211, 1, 0}}, "zImage"},
    {make_bzimage, 0, {{0x230, 4, 0}}, "not a power of two"},
    {make_bzimage, 0, {{0x230, 4, 0x300000}}, "not a power of two"},
    {make_bzimage, 0, {{0x230, 4, 0x80000000}}, "needs"},
    {make_bzimage, 0, {{0x260, 4, 0xFFFFFFFF}}, "needs"},
    {make_bzimage, 0, {{0x260, 4, 0x4000000}, {0x258, 8, 0xFFFFFFFFFFFFF000}}, "needs"},
    {make_bzimage, 0, {{0x238, 4, 5}}, "command line"},
    {make_bzimage, 0, {{0x22C, 4, 0x1100000}}, "does not fit"},
    {make_bzimage, 0, {{0x22C, 4, 0}}, "does not fit"},
    {make_elf32, 0x100, {{0}}, ": ELF file: only"},
    {make_elf32, 0x180, {{0}}, "cut short: the segment"},
    {make_elf32, 0x27FF, {{0}}, "cut short: the segment"},
    {make_elf32, 0, {{0x104, 4, 0x0B}, {0x108, 4, 0u - 0x1BADB002u - 0x0B}}, "unknown features (flags 0xb)"},
    {make_elf32, 0, {{0x104, 4, 0x8000}, {0x108, 4, 0u - 0x1BADB002u - 0x8000}}, "unknown features"},
    {make_elf32, 0, {{0x108, 4, 0}}, "ELF file"},
    {make_elf32, 0, {{0, 1, 0}}, "not an ELF file"},
    {make_elf32, 0, {{4, 1, 3}}, "ELF class 3"},
    {make_elf32, 0, {{5, 1, 2}}, "data encoding 2"},
    {make_elf32, 0, {{16, 2, 1}}, "not an executable"},
    {make_elf32, 0, {{18, 2, 40}}, "not an x86"},
    {make_elf32, 0, {{24, 4, 0xC0101800}}, "entry 0xc0101800 is not in a segment"},
    {make_elf32, 0, {{24, 4, 0}}, "not in a segment"},
    {make_elf32, 0, {{28, 4, 0xFFFFFFF0}}, "program headers lie beyond"},
    {make_elf32, 0, {{42, 2, 31}}, "too small"},
    {make_elf32, 0, {{44, 2, 0}}, "no ELF program headers"},
    {make_elf32, 0, {{44, 2, 0xFFFF}}, "program headers lie beyond"},
    {make_elf32, 0, {{52, 4, 2}, {84, 4, 0}}, "no ELF segment"},
    {make_elf32, 0, {{52 + 4, 4, 0xFFFFFFFF}}, "cut short"},
    {make_elf32, 0, {{52 + 16, 4, 0xFFFFFFFF}, {52 + 20, 4, 0xFFFFFFFF}}, "cut short"},
    {make_elf32, 0, {{52 + 20, 4, 0xFFF}}, "less than in the file"},
    {make_elf32, 0, {{52 + 20, 4, 0xFFFFFFFF}}, "outside memory"},
    {make_elf32, 0, {{52 + 12, 4, 0xFFFFF800}}, "outside memory"},
    {make_elf32, 0, {{52 + 12, 4, RAM_MIB *MIB - 0x1000}}, "outside memory"},
    {make_elf32, 0, {{52 + 12, 4, 0x9F000}, {52 + 20, 4, 0x3000}}, "is not all memory"},
    {make_elf32, 0, {{84 + 12, 4, 0x1017FF}}, "overlaps"},
    {make_elf32, 0, {{84 + 12, 4, 0x100000}}, "overlaps"},
    {make_elf64, 0, {{32, 8, 0xFFFFFFFFFFFFFFC8}}, "program headers lie beyond"},
    {make_elf64, 0, {{72, 8, 0xFFFFFFFFFFFFF000}}, "cut short"},
    {make_elf64, 0, {{96, 8, ~0ull}, {104, 8, ~0ull}}, "cut short"},
    {make_elf64, 0, {{88, 8, 0xFFFFFFFFFFFFF000}}, "outside memory"},
    {make_elf64, 0, {{104, 8, ~0ull}}, "outside memory"},
    {make_elf64, 0, {{88, 8, 0x100000000}}, "outside memory"},
    {make_elf64, 0, {{24, 8, ~0ull}}, "not in a segment"},
    {make_elf64, 0, {{54, 2, 55}}, "too small"},
    {make_addresses, 0x38, {{0}}, "no room for its address fields"},
    {make_addresses, 0x800, {{0}}, "cut short"},
    {make_addresses, 0, {{0x30, 4, 0x200021}}, "before the file begins"},
    {make_addresses, 0, {{0x30, 4, 0x1FFF00}}, "before the file begins"},
    {make_addresses, 0, {{0x34, 4, 0x200000}}, "not in order"},
    {make_addresses, 0, {{0x38, 4, 0x201000}}, "not in order"},
    {make_addresses, 0, {{0x38, 4, 0xFFFFFFFF}}, "outside memory"},
    {make_addresses, 0, {{0x3C, 4, 0x202000}}, "entry 0x202000 is not in the image"},
    {make_addresses, 0, {{0x2C, 4, 0xFFFFFFF0}, {0x30, 4, 0xFFFFFFF0}}, "not in order"},
    {make_nothing, 0, {{0, 4, 0xE85250D6}, {4, 8, 0x1000000000}, {12, 4, 0u - 0xE85250D6u - 16u}}, "no end tag"},
    {make_multiboot2, 0, {{0x104, 4, 4}, {0x10C, 4, 0u - 0xE85250D6u - 68u}}, "architecture 4"},
    {make_multiboot2, 0, {{0x108, 4, 0xFFFFFF00}, {0x10C, 4, 0u - 0xE85250D6u - 0xFFFFFF00u}}, "cut short"},
    {make_multiboot2, 0, {{0x114, 4, 7}}, "does not fit"},
    {make_multiboot2, 0, {{0x114, 4, 0xFFFFFFFF}}, "does not fit"},
    {make_multiboot2, 0, {{0x112, 2, 0}}, "information of type 99"},
    {make_multiboot2, 0, {{0x120, 4, 7}}, "demands tag 7"},
    {make_multiboot2, 0, {{0x120, 4, 2}}, "too short"},
    {make_multiboot2, 0, {{0x120, 4, 3}, {0x128, 4, 0x300000}}, "not in the image"},
    {make_multiboot2, 0, {{0x120, 4, 3}}, "entry 0x"},
    {make_pvh, 0, {{0x190, 4, 0xFFFFFFF0}}, "not in the image"},
    {make_pvh, 0, {{0x190, 4, 0}}, "not in the image"},
    {make_nothing, 0, {{0, 2, 0x8B1F}}, "gzip"},
    {make_nothing, 2, {{0, 2, 0x8B1F}}, "cut short"},
};

START_TEST(bad_images)
{
    u8 image[IMAGE_SIZE];
    struct machine *m = machine_make(RAM_MIB, NULL);
    char why[256] = "", *module = file_make("module1", image, 8192);
    struct boot_config c = {.append = "123456", .initrd = module};
    bool ok;

    bad[_i].make(image);
    for (const struct patch *p = bad[_i].patch; p < bad[_i].patch + 3 && p->width; p++)
        put(image, p->at, p->width, p->value);
    c.kernel = file_make("kernel", image, bad[_i].size ? bad[_i].size : IMAGE_SIZE);
    ok = boot_load(m, &c, why, sizeof(why));
    ck_assert_msg(!ok, "row %d (%s) was loaded", _i, bad[_i].reason);
    ck_assert_msg(strstr(why, bad[_i].reason) != NULL, "row %d: %s", _i, why);
    ck_assert(strstr(why, c.kernel) == why || strstr(why, module) == why);
    ck_assert_ptr_null(strchr(why, '\n'));
    machine_destroy(m);
    free((char *)(uintptr_t)c.kernel);
    free(module);
}
END_TEST

START_TEST(bad_files)
{
    u8 image[IMAGE_SIZE], small[2 * IMAGE_SIZE];
    struct machine *m = machine_make(RAM_MIB, NULL);
    char why[256], *kernel, *empty = file_make("module1", "", 0);
    char absent[] = "/nonexistent/kernel", list[300];
    size_t size;

    make_elf32(image);
    kernel = file_make("kernel", image, sizeof(image));
    snprintf(list, sizeof(list), "%s args,", kernel);
    const struct {
        struct boot_config c;
        const char *reason;
    } rows[] = {
        {{0}, "nothing to boot"},
        {{.kernel = absent}, "No such file"},
        {{.kernel = directory}, "is a directory"},
        {{.kernel = empty}, "empty"},
        {{.rom = absent}, "No such file"},
        {{.rom = empty}, "empty"},
        {{.kernel = kernel, .initrd = absent}, "No such file"},
        {{.kernel = kernel, .initrd = empty}, "empty"},
        {{.kernel = kernel, .initrd = list}, "No such file"},
    };

    for (int i = 0; i < COUNT(rows); i++) {
        ck_assert(!boot_load(m, &rows[i].c, why, sizeof(why)));
        ck_assert_msg(strstr(why, rows[i].reason) != NULL, "row %d: %s", i, why);
    }
    free(kernel);
    size = gzip(small, sizeof(small), image, sizeof(image));
    kernel = file_make("kernel", small, size - 9);
    ck_assert(!boot_load(m, &(struct boot_config){.kernel = kernel}, why, sizeof(why)));
    ck_assert_ptr_nonnull(strstr(why, "cut short"));
    free(kernel);
    small[size - 6] ^= 1; /* the checksum */
    kernel = file_make("kernel", small, size);
    ck_assert(!boot_load(m, &(struct boot_config){.kernel = kernel}, why, sizeof(why)));
    ck_assert_ptr_nonnull(strstr(why, "damaged gzip"));
    ck_assert(!boot_load(m, &(struct boot_config){.kernel = kernel}, why, 8)); /* a short `why` is cut, not overrun */
    ck_assert_uint_eq(strlen(why), 7);
    machine_destroy(m);
    free(kernel);
    free(empty);
}
END_TEST

/* Random damage of a good image: loaded or refused, never a crash, and a refusal gives a reason. */
START_TEST(damaged_images)
{
    static void (*const makes[])(u8 * p) = {make_bzimage,   make_elf32,      make_elf64,
                                            make_addresses, make_multiboot2, make_pvh};
    u8 image[IMAGE_SIZE];
    struct machine *m = machine_make(2, NULL);
    u64 seed = 0x9E3779B97F4A7C15ull * (u64)(_i + 1);

    for (int round = 0; round < 400; round++) {
        char why[256] = "", *kernel;
        size_t size = IMAGE_SIZE;

        makes[_i](image);
        if (_i == 1)
            put_sections32(image);
        for (int n = 0; n < 4; n++) {
            seed = seed * 6364136223846793005ull + 1442695040888963407ull;
            image[(_i == 0 ? 0x1F0 : 0) + (seed >> 33) % (_i == 5 ? 0x1A0 : 0x140)] = (u8)(seed >> 24);
        }
        if (seed >> 60 == 0)
            size = 1 + (seed >> 20) % IMAGE_SIZE;
        kernel = file_make("kernel", image, size);
        if (!boot_load(m, &(struct boot_config){.kernel = kernel}, why, sizeof(why)))
            ck_assert_str_ne(why, "");
        free(kernel);
    }
    machine_destroy(m);
}
END_TEST

START_TEST(detection)
{
    static const struct {
        void (*make)(u8 *p);
        enum boot_kind kind;
    } rows[] = {{make_bzimage, BOOT_BZIMAGE},     {make_elf32, BOOT_MULTIBOOT},       {make_elf64, BOOT_MULTIBOOT},
                {make_addresses, BOOT_MULTIBOOT}, {make_multiboot2, BOOT_MULTIBOOT2}, {make_pvh, BOOT_PVH},
                {make_nothing, BOOT_UNKNOWN}};
    u8 image[IMAGE_SIZE];

    for (int i = 0; i < COUNT(rows); i++) {
        rows[i].make(image);
        ck_assert_int_eq(boot_detect(image, sizeof(image)), rows[i].kind);
        for (size_t size = 0; size < 0x300; size++)
            boot_detect(image, size);
    }
    make_elf32(image);
    put(image, 0x100, 4, 0);
    ck_assert_int_eq(boot_detect(image, sizeof(image)), BOOT_ELF);
    put(image, 84, 4, 4); /* the second segment becomes a note */
    put(image, 84 + 4, 4, 0x180);
    put(image, 84 + 16, 4, 20);
    put(image, 0x180, 8, 4ull << 32 | 4);
    put(image, 0x188, 4, 18);
    memcpy(image + 0x18C, "Xen", 4);
    ck_assert_int_eq(boot_detect(image, sizeof(image)), BOOT_PVH);
    put(image, 0x180, 8, ~0ull);
    ck_assert_int_eq(boot_detect(image, sizeof(image)), BOOT_ELF);
    ck_assert_int_eq(boot_detect((const u8 *)"\x1F\x8B", 2), BOOT_GZIP);
    ck_assert_int_eq(boot_detect(NULL, 0), BOOT_UNKNOWN);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("loaders");
    TCase *tc = tcase_create("images");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_checked_fixture(tc, directory_make, directory_remove);
    tcase_add_loop_test(tc, linux_entry, 0, COUNT(linux_entries));
    tcase_add_test(tc, linux_memory_map);
    tcase_add_loop_test(tc, linux_initrd, 0, 2);
    tcase_add_test(tc, linux_old_protocol);
    tcase_add_loop_test(tc, compressed_kernels, 0, 2);
    tcase_add_loop_test(tc, multiboot_entry, 0, COUNT(multiboot_images));
    tcase_add_test(tc, multiboot_modules);
    tcase_add_test(tc, multiboot_sections);
    tcase_add_test(tc, multiboot2_entry);
    tcase_add_test(tc, pvh_entry);
    tcase_add_loop_test(tc, rom_images, 0, COUNT(roms));
    tcase_add_loop_test(tc, bad_images, 0, COUNT(bad));
    tcase_add_test(tc, bad_files);
    tcase_add_loop_test(tc, damaged_images, 0, 6);
    tcase_add_test(tc, detection);
    tcase_set_timeout(tc, 60);
    suite_add_tcase(suite, tc);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
