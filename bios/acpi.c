/* SPDX-License-Identifier: MIT */
/*
 * ACPI tables of what there is: "ACPI Specification" 3.0, "ACPI Software Programming Model"; "IA-PC HPET
 * Specification", "HPET Description Table".
 */
#include "bios/firmware.h"

#include <string.h>

enum { HEADER = 36, RSDP_SIZE = 36, FADT_SIZE = 244, FACS_SIZE = 64, HPET_SIZE = 56, MADT_SIZE = 128, TABLES = 4 };
enum { SPACE_MEMORY = 0, SPACE_IO = 1 };

/* A table whose header says what it is, its length and checksum. */
static u64 put_table(struct firmware *f, u8 *table, size_t size, const char *signature, u8 revision)
{
    memcpy(table, signature, 4);
    boot_put32(table + 4, (u32)size);
    table[8] = revision;
    memcpy(table + 10, "FAULTL", 6);
    memcpy(table + 16, "FAULTLIN", 8);
    boot_put32(table + 24, 1);
    memcpy(table + 28, "FLTL", 4);
    boot_put32(table + 32, 1);
    firmware_checksum(table, size, 9);
    return firmware_place(f, table, size, 16);
}

/* "Generic Address Structure". */
static void put_address(u8 *at, u8 space, u8 bits, u8 access, u64 address)
{
    at[0] = space;
    at[1] = bits;
    at[3] = access; /* 1 byte, 2 word, 3 dword */
    boot_put64(at + 4, address);
}

static u64 put_dsdt(struct firmware *f)
{
    u8 table[HEADER + sizeof(((struct aml *)0)->bytes)] = {0};
    struct aml aml;

    acpi_definition_block(&aml);
    memcpy(table + HEADER, aml.bytes, aml.size);
    return put_table(f, table, HEADER + aml.size, "DSDT", 1);
}

/* "Firmware ACPI Control Structure": aligned on 64 bytes, without a checksum. */
static u64 put_facs(struct firmware *f)
{
    u8 table[FACS_SIZE] = {'F', 'A', 'C', 'S'};

    boot_put32(table + 4, FACS_SIZE);
    table[32] = 1; /* version */
    return firmware_place(f, table, sizeof(table), 64);
}

enum {
    ARCH_LEGACY_DEVICES = 0x01,
    ARCH_8042 = 0x02,
    ARCH_NO_VGA = 0x04,
    FLAG_WBINVD = 0x0001,
    FLAG_PROC_C1 = 0x0004,
    FLAG_NO_FIXED_SLEEP_BUTTON = 0x0020,
    FLAG_NO_FIXED_RTC = 0x0040,
    FLAG_RESET_REGISTER = 0x0400,
    NO_C2 = 101,
    NO_C3 = 1001,
    CMOS_CENTURY = 0x32,
    RESET_PORT = 0xCF9,
    RESET_VALUE = 0x06,
};

/* "Fixed ACPI Description Table". No SMI command port: the machine is in ACPI mode always. */
static u64 put_fadt(struct firmware *f, u64 facs, u64 dsdt)
{
    u8 t[FADT_SIZE] = {0};

    boot_put32(t + 36, (u32)facs);
    boot_put32(t + 40, (u32)dsdt);
    boot_put16(t + 46, MACHINE_SCI_IRQ);
    boot_put32(t + 56, MACHINE_PM_BASE);
    boot_put32(t + 64, MACHINE_PM_BASE + 4);
    boot_put32(t + 76, MACHINE_PM_BASE + 8);
    t[88] = 4; /* lengths of these: PM1 events, */
    t[89] = 2; /* control, */
    t[91] = 4; /* timer */
    boot_put16(t + 96, NO_C2);
    boot_put16(t + 98, NO_C3);
    t[108] = CMOS_CENTURY;
    boot_put16(t + 109, ARCH_LEGACY_DEVICES | ARCH_8042 | (f->text_screen ? 0 : ARCH_NO_VGA));
    boot_put32(t + 112,
               FLAG_WBINVD | FLAG_PROC_C1 | FLAG_NO_FIXED_SLEEP_BUTTON | FLAG_NO_FIXED_RTC | FLAG_RESET_REGISTER);
    put_address(t + 116, SPACE_IO, 8, 1, RESET_PORT);
    t[128] = RESET_VALUE;
    boot_put64(t + 140, dsdt);
    put_address(t + 148, SPACE_IO, 32, 2, MACHINE_PM_BASE);
    put_address(t + 172, SPACE_IO, 16, 2, MACHINE_PM_BASE + 4);
    put_address(t + 208, SPACE_IO, 32, 3, MACHINE_PM_BASE + 8);
    return put_table(f, t, sizeof(t), "FACP", 3);
}

/* Entries of the MADT are appended at *size. */
static u8 *madt_entry(u8 *table, size_t *size, u8 type, u8 length)
{
    u8 *entry = table + *size;

    entry[0] = type;
    entry[1] = length;
    *size += length;
    return entry;
}

static void madt_override(u8 *table, size_t *size, u8 irq, u32 line, u16 flags)
{
    u8 *e = madt_entry(table, size, 2, 10);

    e[3] = irq;
    boot_put32(e + 4, line);
    boot_put16(e + 8, flags);
}

/* "Multiple APIC Description Table": a processor, an I/O APIC, the lines that are not as on an AT, NMI at LINT1. */
static u64 put_madt(struct firmware *f)
{
    u8 t[MADT_SIZE] = {0}, *e;
    size_t size = HEADER + 8;

    boot_put32(t + HEADER, 0xFEE00000);
    boot_put32(t + HEADER + 4, 1); /* there are 8259s, too */
    e = madt_entry(t, &size, 0, 8);
    boot_put32(e + 4, 1); /* enabled */
    e = madt_entry(t, &size, 1, 12);
    e[2] = MACHINE_IOAPIC_ID;
    boot_put32(e + 4, MACHINE_IOAPIC);
    madt_override(t, &size, 0, 2, 0);
    for (u8 irq = MACHINE_SCI_IRQ; irq <= 11; irq++) /* the SCI, and where PCI interrupts are routed */
        madt_override(t, &size, irq, irq, 0xD);      /* active high, level */
    e = madt_entry(t, &size, 4, 6);
    e[2] = 0xFF; /* of all processors */
    e[5] = 1;
    return put_table(f, t, size, "APIC", 1);
}

static u64 put_hpet(struct firmware *f)
{
    u8 t[HPET_SIZE] = {0};

    boot_put32(t + 36, (u32)phys_read(machine_phys(f->machine), MACHINE_HPET, 4)); /* its capabilities */
    put_address(t + 40, SPACE_MEMORY, 64, 0, MACHINE_HPET);
    boot_put16(t + 53, 0x80); /* the least period in ticks that loses no interrupts */
    return put_table(f, t, sizeof(t), "HPET", 1);
}

/* "Root System Description Pointer", on a 16-byte boundary. */
static u64 put_rsdp(struct firmware *f, u64 rsdt, u64 xsdt)
{
    u8 t[RSDP_SIZE] = {0};

    memcpy(t, "RSD PTR ", 8);
    memcpy(t + 9, "FAULTL", 6);
    t[15] = 2;
    boot_put32(t + 16, (u32)rsdt);
    boot_put32(t + 20, RSDP_SIZE);
    boot_put64(t + 24, xsdt);
    firmware_checksum(t, 20, 8);
    firmware_checksum(t, RSDP_SIZE, 32);
    return f->rsdp = firmware_place(f, t, sizeof(t), 16);
}

bool firmware_put_acpi(struct firmware *f)
{
    u64 facs = put_facs(f), dsdt = put_dsdt(f), list[TABLES];
    u8 rsdt[HEADER + 4 * TABLES] = {0}, xsdt[HEADER + 8 * TABLES] = {0};
    unsigned n = 0;
    bool ok = facs && dsdt;

    list[n++] = put_fadt(f, facs, dsdt);
    list[n++] = put_hpet(f);
    if (machine_has_apic(f->machine))
        list[n++] = put_madt(f);
    for (unsigned i = 0; i < n; i++) {
        ok = ok && list[i];
        boot_put32(rsdt + HEADER + 4 * i, (u32)list[i]);
        boot_put64(xsdt + HEADER + 8 * i, list[i]);
    }
    return ok &&
           put_rsdp(f, put_table(f, rsdt, HEADER + 4 * n, "RSDT", 1), put_table(f, xsdt, HEADER + 8 * n, "XSDT", 1));
}
