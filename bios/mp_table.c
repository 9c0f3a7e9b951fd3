/* SPDX-License-Identifier: MIT */
/* The MP configuration table: Intel 242016, "MultiProcessor Specification" 1.4, "MP Configuration Table". */
#include "bios/firmware.h"

#include <string.h>

enum { FLOATING_SIZE = 16, HEADER = 44, TABLE_MAX = 256, PROCESSOR_SIZE = 20, ENTRY_SIZE = 8 };
enum { PROCESSOR, BUS, IOAPIC, IO_INTERRUPT, LOCAL_INTERRUPT };
enum { INT = 0, NMI = 1, EXTINT = 3 };
enum { FLAGS_ISA = 0, FLAGS_SCI = 0x0D /* active high, level */ };
enum { ISA_BUS = 0, ISA_LINES = 16, CASCADE = 2, ALL_LAPICS = 0xFF };

struct table {
    u8 bytes[TABLE_MAX];
    size_t size;
    u16 entries;
};

static u8 *add(struct table *t, u8 type, size_t size)
{
    u8 *entry = t->bytes + t->size;

    entry[0] = type;
    t->size += size;
    t->entries++;
    return entry;
}

static void add_interrupt(struct table *t, u8 entry_type, u8 type, u16 flags, u8 irq, u8 apic, u8 line)
{
    u8 *e = add(t, entry_type, ENTRY_SIZE);

    e[1] = type;
    boot_put16(e + 2, flags);
    e[4] = ISA_BUS;
    e[5] = irq;
    e[6] = apic;
    e[7] = line;
}

static void add_processor(struct table *t, const struct firmware *f)
{
    struct cpu *cpu = machine_cpu(f->machine);
    u8 *e = add(t, PROCESSOR, PROCESSOR_SIZE);

    e[2] = 0x14; /* the version of its APIC */
    e[3] = 0x03; /* usable; the bootstrap processor */
    boot_put32(e + 4, f->cpu_signature & 0xFFF);
    boot_put32(e + 8, (cpu_has(cpu, "fpu") ? 1u : 0) | (cpu_has(cpu, "cx8") ? 1u << 8 : 0) | 1u << 9);
}

static void add_ioapic(struct table *t)
{
    u8 *e = add(t, IOAPIC, ENTRY_SIZE);

    e[1] = MACHINE_IOAPIC_ID;
    e[2] = 0x20;
    e[3] = 0x01; /* usable */
    boot_put32(e + 4, MACHINE_IOAPIC);
}

/* Entries "sorted on entry type in ascending order". */
static void fill(struct table *t, const struct firmware *f)
{
    t->size = HEADER;
    add_processor(t, f);
    memcpy(add(t, BUS, ENTRY_SIZE) + 2, "ISA   ", 6);
    add_ioapic(t);
    add_interrupt(t, IO_INTERRUPT, EXTINT, FLAGS_ISA, 0, MACHINE_IOAPIC_ID, 0);
    for (u8 irq = 0; irq < ISA_LINES; irq++)
        if (irq != CASCADE)
            add_interrupt(t, IO_INTERRUPT, INT, irq == MACHINE_SCI_IRQ ? FLAGS_SCI : FLAGS_ISA, irq, MACHINE_IOAPIC_ID,
                          irq ? irq : 2);
    add_interrupt(t, LOCAL_INTERRUPT, EXTINT, FLAGS_ISA, 0, 0, 0);
    add_interrupt(t, LOCAL_INTERRUPT, NMI, FLAGS_ISA, 0, ALL_LAPICS, 1);
}

static u64 put_configuration(struct firmware *f)
{
    struct table t = {.size = 0};
    u8 *b = t.bytes;

    fill(&t, f);
    memcpy(b, "PCMP", 4);
    boot_put16(b + 4, (u16)t.size);
    b[6] = 4; /* revision 1.4 */
    memcpy(b + 8, "FAULTLIN", 8);
    memcpy(b + 16, "Faultline   ", 12);
    boot_put16(b + 34, t.entries);
    boot_put32(b + 36, 0xFEE00000);
    firmware_checksum(b, t.size, 7);
    return firmware_place(f, b, t.size, 16);
}

/* The feature bytes are 0: a configuration table is there, and the boot loader is started in virtual wire mode. */
bool firmware_put_mp(struct firmware *f)
{
    u8 floating[FLOATING_SIZE] = {'_', 'M', 'P', '_'};
    u64 at = put_configuration(f);

    boot_put32(floating + 4, (u32)at);
    floating[8] = 1; /* length in paragraphs */
    floating[9] = 4;
    firmware_checksum(floating, FLOATING_SIZE, 10);
    return at && firmware_place(f, floating, FLOATING_SIZE, 16);
}
