/* SPDX-License-Identifier: MIT */
/*
 * The I/O APIC: Intel 290566, "82093AA I/O Advanced Programmable Interrupt Controller", with the EOI register of its
 * successors (version 20h). And the IMCR: "MultiProcessor Specification", "PIC Mode".
 */
#include "devices/apic.h"

#include <stdlib.h>
#include <string.h>

enum { REG_ID = 0x00, REG_VERSION = 0x01, REG_ARBITRATION = 0x02, REG_ENTRIES = 0x10 };
enum { AT_SELECT = 0x00, AT_WINDOW = 0x10, AT_EOI = 0x40 };

#define VERSION (0x20u | (IOAPIC_LINES - 1) << 16)

/* A redirection entry. */
#define ENTRY_LOGICAL BIT(11)
#define ENTRY_STATUS BIT(12)
#define ENTRY_LOW BIT(13)
#define ENTRY_REMOTE_IRR BIT(14)
#define ENTRY_LEVEL BIT(15)
#define ENTRY_MASKED BIT(16)
#define ENTRY_READ_ONLY (ENTRY_STATUS | ENTRY_REMOTE_IRR)
#define ENTRY_DEFINED (0xFF00000000000000ull | 0x1FFFF)

struct ioapic {
    struct apic_bus *bus;
    u8 select;
    u32 id, arbitration; /* in bits 27:24 */
    u32 line;            /* levels of the inputs */
    u64 entry[IOAPIC_LINES];
};

static unsigned entry_mode(u64 entry) { return entry >> 8 & 7; }

static bool entry_extint(u64 entry) { return entry_mode(entry) == APIC_EXTINT; }

/* Only fixed and lowest-priority interrupts can be level triggered: NMI and the rest are edges whatever TM says. */
static bool entry_level(u64 entry)
{
    return (entry & ENTRY_LEVEL) && (entry_mode(entry) == APIC_FIXED || entry_mode(entry) == APIC_LOWEST);
}

static struct apic_message entry_message(u64 entry)
{
    u32 destination = (u32)(entry >> 56);

    return (struct apic_message){
        .destination = destination,
        .broadcast = destination == 0xFF,
        .logical = entry & ENTRY_LOGICAL,
        .mode = entry_mode(entry),
        .vector = (u8)entry,
        .level = entry_level(entry),
    };
}

static bool asserted(const struct ioapic *io, int n)
{
    return (io->line >> n & 1) != ((io->entry[n] & ENTRY_LOW) != 0);
}

static void send(struct ioapic *io, int n)
{
    struct apic_message m = entry_message(io->entry[n]);
    bool taken;

    /* before, since the acceptance may already come back with an EOI */
    if (m.level)
        io->entry[n] |= ENTRY_REMOTE_IRR;
    taken = apic_bus_send(io->bus, &m);
    if (m.level && !taken)
        io->entry[n] &= ~ENTRY_REMOTE_IRR;
}

/* A level that no APIC has in service, or an 8259's request, which stands until its INTA. */
static void evaluate(struct ioapic *io, int n)
{
    u64 e = io->entry[n];

    if (e & ENTRY_MASKED || !asserted(io, n))
        return;
    if (entry_extint(e) || (entry_level(e) && !(e & ENTRY_REMOTE_IRR)))
        send(io, n);
}

static void set_line(void *listener, int n, bool level)
{
    struct ioapic *io = listener;
    bool was = asserted(io, n);
    u64 e = io->entry[n];

    io->line = level ? io->line | 1u << n : io->line & ~(1u << n);
    if (!entry_level(e) && !entry_extint(e) && !(e & ENTRY_MASKED) && !was && asserted(io, n))
        send(io, n);
    else
        evaluate(io, n);
}

struct wire ioapic_input(struct ioapic *io, int line) { return (struct wire){set_line, io, line}; }

bool ioapic_hears(const struct ioapic *io, int line, bool interrupts_on)
{
    struct apic_message m = entry_message(io->entry[line]);

    if (io->entry[line] & (ENTRY_MASKED | ENTRY_REMOTE_IRR))
        return false;
    return apic_bus_hears(io->bus, &m, interrupts_on);
}

static void end_of_interrupt(void *ctx, u8 vector)
{
    struct ioapic *io = ctx;

    for (int n = 0; n < IOAPIC_LINES; n++)
        if ((u8)io->entry[n] == vector && (io->entry[n] & ENTRY_REMOTE_IRR)) {
            io->entry[n] &= ~ENTRY_REMOTE_IRR;
            evaluate(io, n);
        }
}

/* ---- Registers ---- */

static u32 read_register(const struct ioapic *io)
{
    unsigned n = (io->select - REG_ENTRIES) / 2u;

    switch (io->select) {
    case REG_ID: return io->id;
    case REG_VERSION: return VERSION;
    case REG_ARBITRATION: return io->arbitration;
    }
    if (io->select < REG_ENTRIES || n >= IOAPIC_LINES)
        return 0;
    return (u32)(io->entry[n] >> (io->select & 1 ? 32 : 0));
}

/* An entry made edge triggered forgets its remote IRR: what chipsets with a version below 20h need to end an interrupt
 * without a broadcast, and what software therefore does. */
static void write_entry(struct ioapic *io, int n, u32 value, bool high)
{
    u64 e = io->entry[n], mask = high ? 0xFFFFFFFF00000000ull : 0xFFFFFFFFull;

    mask &= ENTRY_DEFINED & ~ENTRY_READ_ONLY;
    e = (e & ~mask) | ((high ? (u64)value << 32 : value) & mask);
    if (!entry_level(e))
        e &= ~ENTRY_REMOTE_IRR;
    io->entry[n] = e;
    evaluate(io, n);
}

static void write_register(struct ioapic *io, u32 value)
{
    unsigned n = (io->select - REG_ENTRIES) / 2u;

    if (io->select == REG_ID)
        io->id = io->arbitration = value & 0x0F000000; /* "loaded when the I/O APIC ID register is written" */
    else if (io->select >= REG_ENTRIES && n < IOAPIC_LINES)
        write_entry(io, (int)n, value, io->select & 1);
}

struct ioapic_look ioapic_look(const struct ioapic *io)
{
    struct ioapic_look look = {.id = (u8)(io->id >> 24), .version = (u8)VERSION, .line = io->line};

    memcpy(look.entry, io->entry, sizeof(look.entry));
    return look;
}

static u64 page_read(void *device, u64 offset, unsigned width)
{
    struct ioapic *io = device;
    u32 value = (offset & 0xFC) == AT_SELECT ? io->select : (offset & 0xFC) == AT_WINDOW ? read_register(io) : 0;

    (void)width;
    return value >> (8 * (offset & 3));
}

/* "IOREGSEL, IOWIN are accessed by Dwords": the selector has only a byte that counts. The page's 16 bits above
 * offset FFh are not decoded. */
static void page_write(void *device, u64 offset, u64 value, unsigned width)
{
    struct ioapic *io = device;

    if ((offset & 0xFF) == AT_SELECT)
        io->select = (u8)value;
    else if ((offset & 0xFF) == AT_WINDOW && width == 4)
        write_register(io, (u32)value);
    else if ((offset & 0xFF) == AT_EOI)
        end_of_interrupt(io, (u8)value);
}

const struct region_ops ioapic_ops = {page_read, page_write, 1, 4, "I/O APIC"};

/* ---- Life ---- */

void ioapic_reset(struct ioapic *io)
{
    io->select = 0;
    io->id = io->arbitration = 0;
    for (int n = 0; n < IOAPIC_LINES; n++)
        io->entry[n] = ENTRY_MASKED;
}

struct ioapic *ioapic_create(struct apic_bus *bus)
{
    struct ioapic *io = calloc(1, sizeof(*io));

    if (!io || !apic_bus_on_eoi(bus, end_of_interrupt, io)) {
        free(io);
        return NULL;
    }
    io->bus = bus;
    ioapic_reset(io);
    return io;
}

void ioapic_destroy(struct ioapic *io) { free(io); }

/* ---- IMCR ---- */

enum { IMCR_REGISTER = 0x70, IMCR_APIC = 0x01 };

struct imcr {
    struct wire apic_mode;
    u8 select, value;
};

static u64 imcr_read(void *device, u64 offset, unsigned width)
{
    struct imcr *r = device;

    (void)width;
    if (!offset)
        return r->select;
    return r->select == IMCR_REGISTER ? r->value : 0xFF;
}

static void imcr_write(void *device, u64 offset, u64 value, unsigned width)
{
    struct imcr *r = device;

    (void)width;
    if (!offset) {
        r->select = (u8)value;
    } else if (r->select == IMCR_REGISTER) {
        r->value = value & IMCR_APIC;
        wire_set(r->apic_mode, r->value);
    }
}

const struct region_ops imcr_ops = {imcr_read, imcr_write, 1, 1, "IMCR"};

void imcr_reset(struct imcr *r)
{
    r->select = r->value = 0;
    wire_set(r->apic_mode, false);
}

struct imcr *imcr_create(struct wire apic_mode)
{
    struct imcr *r = calloc(1, sizeof(*r));

    if (!r)
        return NULL;
    r->apic_mode = apic_mode;
    imcr_reset(r);
    return r;
}

void imcr_destroy(struct imcr *r) { free(r); }

/* ---- State ---- */

static const struct state_field ioapic_fields[] = {
    STATE_WIRED(ioapic, bus),       STATE_ANY(ioapic, select), STATE_ANY(ioapic, id),
    STATE_ANY(ioapic, arbitration), STATE_ANY(ioapic, line),   STATE_ANY(ioapic, entry),
};
static const struct state_table ioapic_table = STATE_TABLE(ioapic, ioapic_fields);

void ioapic_state(struct ioapic *io, struct state *s) { state_struct(s, &ioapic_table, io); }

static const struct state_field imcr_fields[] = {
    STATE_WIRED(imcr, apic_mode),
    STATE_ANY(imcr, select),
    STATE_ANY(imcr, value),
};
static const struct state_table imcr_table = STATE_TABLE(imcr, imcr_fields);

void imcr_state(struct imcr *r, struct state *s) { state_struct(s, &imcr_table, r); }
