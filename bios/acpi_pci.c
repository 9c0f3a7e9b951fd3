/* SPDX-License-Identifier: MIT */
/*
 * The definition block of the DSDT: what an ACPI system cannot find by itself. The PCI host bridge with its windows,
 * and which interrupt each slot's pins lead to ("ACPI Machine Language (AML) Specification", "_CRS", "_PRT").
 */
#include "bios/firmware.h"

#include <string.h>

enum { NAME_OP = 0x08, SCOPE_OP = 0x10, BUFFER_OP = 0x11, PACKAGE_OP = 0x12, EXT_OP = 0x5B, DEVICE_OP = 0x82 };
enum { BYTE_PREFIX = 0x0A, WORD_PREFIX = 0x0B, DWORD_PREFIX = 0x0C };
enum { RESOURCE_MEMORY = 0, RESOURCE_IO = 1, RESOURCE_BUS = 2 };
enum { SLOTS = 8, PINS = 4 };

static void put8(struct aml *a, u8 byte)
{
    if (a->size < sizeof(a->bytes))
        a->bytes[a->size++] = byte;
}

static void put_bytes(struct aml *a, const void *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        put8(a, ((const u8 *)bytes)[i]);
}

static void put_number(struct aml *a, u64 value, unsigned width)
{
    for (unsigned i = 0; i < width; i++)
        put8(a, (u8)(value >> (8 * i)));
}

/* "PkgLength" in its two-byte form, filled in by end(): it counts itself. */
static size_t begin(struct aml *a)
{
    put_number(a, 0, 2);
    return a->size - 2;
}

static void end(struct aml *a, size_t at)
{
    size_t length = a->size - at;

    a->bytes[at] = (u8)(0x40 | (length & 0x0F));
    a->bytes[at + 1] = (u8)(length >> 4);
}

static void put_name(struct aml *a, const char *name)
{
    put8(a, NAME_OP);
    put_bytes(a, name, 4);
}

/* ---- Resources ---- */

/* "Word/DWord Address Space Descriptor": producer, positive decode, both ends fixed. */
static void put_window(struct aml *a, u8 type, u8 flags, u32 first, u32 last, unsigned width)
{
    put8(a, width == 2 ? 0x88 : 0x87);
    put_number(a, 3 + 5 * width, 2);
    put8(a, type);
    put8(a, 0x0C);
    put8(a, flags);
    put_number(a, 0, width);
    put_number(a, first, width);
    put_number(a, last, width);
    put_number(a, 0, width);
    put_number(a, (u64)last - first + 1, width);
}

static void put_resources(struct aml *a)
{
    static const u8 config_ports[8] = {0x47, 0x01, 0xF8, 0x0C, 0xF8, 0x0C, 0x01, 0x08};
    size_t package, start;

    put_name(a, "_CRS");
    put8(a, BUFFER_OP);
    package = begin(a);
    put8(a, WORD_PREFIX);
    start = a->size;
    put_number(a, 0, 2);
    put_window(a, RESOURCE_BUS, 0, 0, 0xFF, 2);
    put_bytes(a, config_ports, sizeof(config_ports));
    put_window(a, RESOURCE_IO, 0x03, 0x0000, 0x0CF7, 2);
    put_window(a, RESOURCE_IO, 0x03, 0x0D00, 0xFFFF, 2);
    put_window(a, RESOURCE_MEMORY, 0x03, 0x000A0000, 0x000BFFFF, 4);
    put_window(a, RESOURCE_MEMORY, 0x01, (u32)PHYS_LOW_RAM_TOP, 0xFEBFFFFF, 4);
    put_number(a, 0x0079, 2); /* end tag */
    boot_put16(a->bytes + start, (u16)(a->size - start - 2));
    end(a, package);
}

/* ---- Devices that cannot be found safely ---- */

/* SeaBIOS, too, looks for the keyboard controller here before it touches it. */
struct isa_device {
    char name[5];
    u32 id; /* EISAID */
    u16 port[2];
    u8 irq;
};

static void put_isa_device(struct aml *a, const struct isa_device *d)
{
    size_t device, package, start;

    put8(a, EXT_OP);
    put8(a, DEVICE_OP);
    device = begin(a);
    put_bytes(a, d->name, 4);
    put_name(a, "_HID");
    put8(a, DWORD_PREFIX);
    put_number(a, d->id, 4);
    put_name(a, "_CRS");
    put8(a, BUFFER_OP);
    package = begin(a);
    put8(a, BYTE_PREFIX);
    start = a->size;
    put8(a, 0);
    for (int i = 0; i < 2 && d->port[i]; i++) {
        put_number(a, 0x0147, 2); /* "I/O Port Descriptor", 16-bit decode */
        put_number(a, d->port[i], 2);
        put_number(a, d->port[i], 2);
        put_number(a, 0x0101, 2);
    }
    put8(a, 0x22); /* "IRQ Descriptor" */
    put_number(a, 1u << d->irq, 2);
    put_number(a, 0x0079, 2);
    a->bytes[start] = (u8)(a->size - start - 1);
    end(a, package);
    end(a, device);
}

static void put_isa_devices(struct aml *a)
{
    static const struct isa_device devices[] = {
        {"KBD_", 0x0303D041, {0x60, 0x64}, 1}, /* PNP0303 */
        {"MOU_", 0x130FD041, {0}, 12},         /* PNP0F13 */
    };

    for (size_t i = 0; i < sizeof(devices) / sizeof(devices[0]); i++)
        put_isa_device(a, &devices[i]);
}

/* ---- Interrupts ---- */

/* Each slot's pins lead to lines of their own, without a link device: firmware's routing stands. */
static void put_route(struct aml *a, u32 slot, u8 pin, u8 irq)
{
    size_t package;

    put8(a, PACKAGE_OP);
    package = begin(a);
    put8(a, 4);
    put8(a, DWORD_PREFIX);
    put_number(a, slot << 16 | 0xFFFF, 4);
    put8(a, BYTE_PREFIX);
    put8(a, pin);
    put8(a, 0); /* Zero: no source */
    put8(a, BYTE_PREFIX);
    put8(a, irq);
    end(a, package);
}

static void put_routes(struct aml *a)
{
    static const u8 irq[PINS] = MACHINE_PIRQ_IRQS;
    size_t package;

    put_name(a, "_PRT");
    put8(a, PACKAGE_OP);
    package = begin(a);
    put8(a, (SLOTS - 1) * PINS);
    for (u32 slot = 1; slot < SLOTS; slot++)
        for (u8 pin = 0; pin < PINS; pin++)
            put_route(a, slot, pin, irq[(slot + 3 + pin) % PINS]);
    end(a, package);
}

/* ---- The whole ---- */

/* Name (_S5, Package (4) {SLP_TYP of PM1a, of PM1b, 0, 0}): the number 0 is an opcode. */
static void put_s5(struct aml *a)
{
    static const u8 package[] = {PACKAGE_OP, 0x06, 0x04, MACHINE_SLP_TYP_S5, MACHINE_SLP_TYP_S5, 0, 0};

    _Static_assert(MACHINE_SLP_TYP_S5 == 0, "another number needs a BytePrefix");
    put_name(a, "_S5_");
    put_bytes(a, package, sizeof(package));
}

void acpi_definition_block(struct aml *a)
{
    size_t scope, device;

    a->size = 0;
    put_s5(a);
    put8(a, SCOPE_OP);
    scope = begin(a);
    put_bytes(a, "\\_SB_", 5);
    put8(a, EXT_OP);
    put8(a, DEVICE_OP);
    device = begin(a);
    put_bytes(a, "PCI0", 4);
    put_name(a, "_HID");
    put8(a, DWORD_PREFIX);
    put_number(a, 0x030AD041, 4); /* EISAID ("PNP0A03") */
    put_name(a, "_UID");
    put8(a, 0);
    put_resources(a);
    put_routes(a);
    put_isa_devices(a);
    end(a, device);
    end(a, scope);
}
