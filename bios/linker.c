/* SPDX-License-Identifier: MIT */
/*
 * The ACPI tables for firmware that knows best where to put them: the tables as files of fw_cfg, and a script that
 * says how to place them and to correct what depends on the place. The format is that of QEMU's "etc/table-loader",
 * which SeaBIOS, OVMF and others execute.
 */
#include "bios/firmware.h"

#include <stdlib.h>
#include <string.h>

#define TABLES_FILE "etc/acpi/tables"
#define RSDP_FILE "etc/acpi/rsdp"

enum { ALLOCATE = 1, ADD_POINTER = 2, ADD_CHECKSUM = 3, ZONE_HIGH = 1, ZONE_FSEG = 2 };
enum { COMMAND = 128, NAME = 56, COMMANDS = 48, HEADER = 36, RSDP = 36, BLOB_START = 64, ALIGN = 64 };

struct script {
    u8 bytes[COMMANDS * COMMAND];
    unsigned count;
    const u8 *blob;
};

static u8 *next_command(struct script *s, u32 command)
{
    u8 *at = s->bytes + s->count * COMMAND;

    if (s->count == COMMANDS)
        abort(); /* the tables are ours, and so few */
    s->count++;
    boot_put32(at, command);
    return at + 4;
}

static void allocate(struct script *s, const char *file, u32 align, u8 zone)
{
    u8 *at = next_command(s, ALLOCATE);

    strcpy((char *)at, file);
    boot_put32(at + NAME, align);
    at[NAME + 4] = zone;
}

/* At `offset` of `file` stands an offset into the tables, of 4 or 8 bytes: it becomes an address. */
static void add_pointer(struct script *s, const char *file, u32 offset, u8 width)
{
    u8 *at = next_command(s, ADD_POINTER);

    strcpy((char *)at, file);
    strcpy((char *)at + NAME, TABLES_FILE);
    boot_put32(at + 2 * NAME, offset);
    at[2 * NAME + 4] = width;
}

static void add_checksum(struct script *s, const char *file, u32 offset, u32 start, u32 length)
{
    u8 *at = next_command(s, ADD_CHECKSUM);

    strcpy((char *)at, file);
    boot_put32(at + NAME, offset);
    boot_put32(at + NAME + 4, start);
    boot_put32(at + NAME + 8, length);
}

/* A table's pointers to others, and its checksum. */
static void table(struct script *s, u32 at)
{
    static const struct {
        u8 offset, width;
    } fadt[] = {{36, 4}, {40, 4}, {132, 8}, {140, 8}};
    const u8 *t = s->blob + at;

    for (size_t i = 0; !memcmp(t, "FACP", 4) && i < sizeof(fadt) / sizeof(fadt[0]); i++)
        if (boot_get32(t + fadt[i].offset))
            add_pointer(s, TABLES_FILE, at + fadt[i].offset, fadt[i].width);
    add_checksum(s, TABLES_FILE, at + 9, at, boot_get32(t + 4));
}

/* The list of tables, RSDT or XSDT. */
static void list(struct script *s, u32 at, u8 width)
{
    u32 size = boot_get32(s->blob + at + 4);

    for (u32 entry = HEADER; entry < size; entry += width) {
        if (width == 4)
            table(s, boot_get32(s->blob + at + entry));
        add_pointer(s, TABLES_FILE, at + entry, width);
    }
    add_checksum(s, TABLES_FILE, at + 9, at, size);
}

static void link_tables(struct script *s, const u8 *rsdp)
{
    allocate(s, RSDP_FILE, 16, ZONE_FSEG);
    allocate(s, TABLES_FILE, ALIGN, ZONE_HIGH);
    list(s, boot_get32(rsdp + 16), 4);
    list(s, (u32)boot_get64(rsdp + 24), 8);
    add_pointer(s, RSDP_FILE, 16, 4);
    add_pointer(s, RSDP_FILE, 24, 8);
    add_checksum(s, RSDP_FILE, 8, 0, 20);
    add_checksum(s, RSDP_FILE, 32, 0, RSDP);
}

bool firmware_offer_acpi(struct machine *m)
{
    struct firmware f = {.machine = m, .text_screen = true, .next = BLOB_START, .blob = calloc(1, FIRMWARE_BLOB)};
    struct script *s = calloc(1, sizeof(*s));
    struct fw_cfg *files = machine_fw_cfg(m);
    bool ok = f.blob && s && firmware_put_acpi(&f);

    if (ok) {
        s->blob = f.blob;
        link_tables(s, f.blob + f.rsdp);
        ok = fw_cfg_add_file(files, RSDP_FILE, f.blob + f.rsdp, RSDP) &&
             fw_cfg_add_file(files, TABLES_FILE, f.blob, f.next) &&
             fw_cfg_add_file(files, "etc/table-loader", s->bytes, (size_t)s->count * COMMAND);
    }
    free(s);
    free(f.blob);
    return ok;
}
