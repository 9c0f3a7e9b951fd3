/* SPDX-License-Identifier: MIT */
#include "devices/pci.h"

#include <stdlib.h>
#include <string.h>

enum { ENABLE = 0x80000000u, FUNCTIONS = 256 };
enum { ROM_ENABLE = 0x01, ROM_MIN = 0x800, IO_SPACE = 0x01, PREFETCHABLE = 0x08 };
/* SERR#, parity response, and the four that matter. */
enum { COMMAND_WRITABLE = PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER | PCI_COMMAND_NO_INTX | 0x0140 };

struct pci {
    struct bus *io, *memory;
    struct wire pirq[4];
    bool level[4];
    u32 address;
    struct pci_function *function[FUNCTIONS], *first;
    struct share {
        unsigned offset;
        const struct region_ops *ops;
        void *device;
    } share;
};

void pci_put(u8 *config, unsigned offset, u32 value, unsigned width)
{
    for (unsigned i = 0; i < width; i++)
        config[(offset + i) & 0xFF] = (u8)(value >> (8 * i));
}

u32 pci_get(const u8 *config, unsigned offset, unsigned width)
{
    u32 value = 0;

    for (unsigned i = 0; i < width; i++)
        value |= (u32)config[(offset + i) & 0xFF] << (8 * i);
    return value;
}

void pci_identify(struct pci_function *f, u16 vendor, u16 device, u32 class, u8 revision)
{
    pci_put(f->config, PCI_VENDOR, vendor, 2);
    pci_put(f->config, PCI_DEVICE, device, 2);
    f->config[PCI_REVISION] = revision;
    pci_put(f->config, PCI_CLASS, class, 3);
    pci_put(f->config, PCI_SUBSYSTEM_VENDOR, 0x1AF4, 2);
    pci_put(f->config, PCI_SUBSYSTEM, 0x1100, 2);
}

/* ---- Interrupts ---- */

/* On boards of this kind, device 1's INTA# is PIRQA, device 2's PIRQB, and so on around. */
static unsigned pirq_of(const struct pci_function *f)
{
    return ((unsigned)(f->address >> 3) + 3 + f->config[PCI_INTERRUPT_PIN] - 1) & 3;
}

static void pci_route(struct pci *p)
{
    bool level[4] = {false};

    for (struct pci_function *f = p->first; f; f = f->next)
        if (f->config[PCI_INTERRUPT_PIN] && f->intx && !(pci_get(f->config, PCI_COMMAND, 2) & PCI_COMMAND_NO_INTX))
            level[pirq_of(f)] = true;
    for (int i = 0; i < 4; i++) {
        if (level[i] == p->level[i])
            continue;
        p->level[i] = level[i];
        wire_set(p->pirq[i], level[i]);
    }
}

void pci_set_intx(struct pci_function *f, bool level)
{
    f->intx = level;
    if (f->pci)
        pci_route(f->pci);
}

bool pci_is_master(const struct pci_function *f) { return pci_get(f->config, PCI_COMMAND, 2) & PCI_COMMAND_MASTER; }

/* ---- Base addresses ---- */

static unsigned bar_offset(unsigned n) { return n == PCI_BAR_ROM ? PCI_ROM_ADDRESS : PCI_BAR0 + 4 * n; }

/* Where the registers put a BAR. Zero is nowhere, as is the top of the space, where sizing puts it. */
static bool bar_place(const struct pci_function *f, unsigned n, u64 *base)
{
    const struct pci_bar *b = &f->bar[n];
    u32 command = pci_get(f->config, PCI_COMMAND, 2), value = pci_get(f->config, bar_offset(n), 4);

    *base = value & ~(b->size - 1);
    if (b->space == PCI_SPACE_NONE || !*base)
        return false;
    if (b->space == PCI_SPACE_IO)
        return (command & PCI_COMMAND_IO) && *base + b->size <= 0x10000;
    if (!(command & PCI_COMMAND_MEMORY) || *base + b->size > 0xFFFFFFFFu)
        return false;
    return n != PCI_BAR_ROM || (value & ROM_ENABLE);
}

static struct bus *bar_bus(const struct pci *p, const struct pci_bar *b)
{
    return b->space == PCI_SPACE_IO ? p->io : p->memory;
}

static void bar_leave(struct pci *p, struct pci_bar *b)
{
    if (b->attached)
        bus_detach(bar_bus(p, b), b->base);
    if (b->decoded && b->moved)
        b->moved(b->device, b->base, false);
    b->attached = b->decoded = false;
}

/* Takes BARs that moved off their buses, then tries all that are on none: one may have made room for another. */
static void pci_place(struct pci *p, struct pci_function *f)
{
    u64 base;

    for (unsigned n = 0; n < PCI_BARS; n++)
        if (f->bar[n].decoded && (!bar_place(f, n, &base) || base != f->bar[n].base))
            bar_leave(p, &f->bar[n]);
    for (f = p->first; f; f = f->next)
        for (unsigned n = 0; n < PCI_BARS; n++) {
            struct pci_bar *b = &f->bar[n];
            bool fresh = !b->decoded;

            if (b->attached || !bar_place(f, n, &base))
                continue;
            b->base = base;
            b->decoded = true;
            b->attached = b->ops && bus_attach(bar_bus(p, b), base, b->size, b->ops, b->device);
            if (fresh && b->moved)
                b->moved(b->device, base, true);
        }
}

static void bar_prepare(struct pci_function *f, unsigned n)
{
    const struct pci_bar *b = &f->bar[n];
    u32 mask = ~(b->size - 1);

    if (b->space == PCI_SPACE_NONE)
        return;
    if (n == PCI_BAR_ROM)
        mask |= ROM_ENABLE;
    else
        pci_put(f->config, bar_offset(n),
                b->space == PCI_SPACE_IO             ? IO_SPACE
                : b->space == PCI_SPACE_PREFETCHABLE ? PREFETCHABLE
                                                     : 0,
                4);
    pci_put(f->writable, bar_offset(n), mask, 4);
}

/* ---- Functions ---- */

bool pci_add(struct pci *p, unsigned device, unsigned function, struct pci_function *f)
{
    unsigned address = device << 3 | function;

    if (device > 31 || function > 7 || p->function[address])
        return false;
    for (unsigned n = 0; n < PCI_BARS; n++)
        bar_prepare(f, n);
    pci_put(f->writable, PCI_COMMAND, pci_get(f->writable, PCI_COMMAND, 2) | COMMAND_WRITABLE, 2);
    pci_put(f->clearable, PCI_STATUS, pci_get(f->clearable, PCI_STATUS, 2) | 0xF900, 2);
    f->writable[PCI_INTERRUPT_LINE] = 0xFF;
    f->writable[0x0C] = f->writable[0x0D] = 0xFF; /* cache line size and latency timer: kept, of no effect */
    memcpy(f->reset, f->config, sizeof(f->reset));
    f->pci = p;
    f->address = (u8)address;
    f->intx = false;
    f->next = p->first;
    p->first = p->function[address] = f;
    return true;
}

struct pci_function *pci_find(struct pci *p, unsigned device, unsigned function)
{
    return device < 32 && function < 8 ? p->function[device << 3 | function] : NULL;
}

u32 pci_config_read(struct pci *p, unsigned address, unsigned offset, unsigned width)
{
    const struct pci_function *f = p->function[address & 0xFF];

    return f ? pci_get(f->config, offset, width) : 0xFFFFFFFFu >> (32 - 8 * width);
}

static bool touches(unsigned offset, unsigned width, unsigned first, unsigned last)
{
    return offset <= last && offset + width > first;
}

void pci_config_write(struct pci *p, unsigned address, unsigned offset, u32 value, unsigned width)
{
    struct pci_function *f = p->function[address & 0xFF];

    if (!f)
        return;
    for (unsigned i = 0; i < width; i++) {
        unsigned at = (offset + i) & 0xFF;
        u8 byte = (u8)(value >> (8 * i));

        f->config[at] = (u8)((f->config[at] & ~f->writable[at]) | (byte & f->writable[at]));
        f->config[at] &= (u8) ~(byte & f->clearable[at]);
    }
    if (touches(offset, width, PCI_COMMAND, PCI_COMMAND + 1)) {
        pci_place(p, f);
        pci_route(p);
    } else if (touches(offset, width, PCI_BAR0, PCI_BAR0 + 23) ||
               touches(offset, width, PCI_ROM_ADDRESS, PCI_ROM_ADDRESS + 3)) {
        pci_place(p, f);
    }
    if (f->written)
        f->written(f, offset, width);
}

/* ---- Configuration mechanism 1 ---- */

void pci_share_address(struct pci *p, unsigned offset, const struct region_ops *ops, void *device)
{
    p->share.offset = offset;
    p->share.ops = ops;
    p->share.device = device;
}

static u64 address_read(void *device, u64 offset, unsigned width)
{
    struct pci *p = device;

    if (width == 4)
        return p->address;
    if (p->share.ops && width == 1 && offset == p->share.offset)
        return p->share.ops->read(p->share.device, 0, 1);
    return ~0ull;
}

static void address_write(void *device, u64 offset, u64 value, unsigned width)
{
    struct pci *p = device;

    if (width == 4)
        p->address = (u32)value & (ENABLE | 0x00FFFFFC);
    else if (p->share.ops && width == 1 && offset == p->share.offset)
        p->share.ops->write(p->share.device, 0, value, 1);
}

const struct region_ops pci_address_ops = {address_read, address_write, 1, 4, "PCI address"};

/* Only bus 0 exists. */
static bool data_reaches(const struct pci *p) { return (p->address & ENABLE) && !(p->address >> 16 & 0xFF); }

static u64 data_read(void *device, u64 offset, unsigned width)
{
    struct pci *p = device;

    if (!data_reaches(p))
        return ~0ull;
    return pci_config_read(p, p->address >> 8 & 0xFF, (p->address & 0xFC) + (unsigned)offset, width);
}

static void data_write(void *device, u64 offset, u64 value, unsigned width)
{
    struct pci *p = device;

    if (data_reaches(p))
        pci_config_write(p, p->address >> 8 & 0xFF, (p->address & 0xFC) + (unsigned)offset, (u32)value, width);
}

const struct region_ops pci_data_ops = {data_read, data_write, 1, 4, "PCI data"};

/* ---- In place of firmware ---- */

void pci_assign(struct pci *p, u32 io_base, u32 memory_base, const u8 irq[4])
{
    for (unsigned address = 0; address < FUNCTIONS; address++) {
        struct pci_function *f = p->function[address];
        u32 command = PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER;

        if (!f)
            continue;
        for (unsigned n = 0; n < PCI_BARS; n++) {
            const struct pci_bar *b = &f->bar[n];
            u32 *base = b->space == PCI_SPACE_IO ? &io_base : &memory_base;

            if (b->space == PCI_SPACE_NONE)
                continue;
            *base = (*base + b->size - 1) & ~(b->size - 1);
            pci_config_write(p, address, bar_offset(n), *base, 4); /* a ROM's is left disabled */
            *base += b->size;
        }
        if (f->config[PCI_INTERRUPT_PIN])
            pci_config_write(p, address, PCI_INTERRUPT_LINE, irq[pirq_of(f)], 1);
        pci_config_write(p, address, PCI_COMMAND, command, 2);
    }
}

/* ---- Life ---- */

struct pci *pci_create(struct bus *io, struct bus *memory, const struct wire pirq[4])
{
    struct pci *p = calloc(1, sizeof(*p));

    if (!p)
        return NULL;
    p->io = io;
    p->memory = memory;
    memcpy(p->pirq, pirq, sizeof(p->pirq));
    return p;
}

void pci_reset(struct pci *p)
{
    p->address = 0;
    for (struct pci_function *f = p->first; f; f = f->next) {
        memcpy(f->config, f->reset, sizeof(f->config));
        pci_place(p, f);
        if (f->written)
            f->written(f, 0, sizeof(f->config));
    }
    pci_route(p);
}

void pci_destroy(struct pci *p)
{
    if (!p)
        return;
    for (struct pci_function *f = p->first; f; f = f->next) {
        for (unsigned n = 0; n < PCI_BARS; n++)
            bar_leave(p, &f->bar[n]);
        f->pci = NULL;
    }
    free(p);
}

/* ---- State ---- */

static const struct state_field bar_fields[] = {
    STATE_WIRED(pci_bar, space),  STATE_WIRED(pci_bar, size),    STATE_WIRED(pci_bar, ops),
    STATE_WIRED(pci_bar, device), STATE_WIRED(pci_bar, moved),   STATE_ANY(pci_bar, base),
    STATE_BOOL(pci_bar, decoded), STATE_BOOL(pci_bar, attached),
};
static const struct state_table bar_table = STATE_TABLE(pci_bar, bar_fields);
static const struct state_field function_fields[] = {
    STATE_ANY(pci_function, config),      STATE_ANY(pci_function, writable),
    STATE_WIRED(pci_function, clearable), STATE_STRUCT(pci_function, bar, &bar_table),
    STATE_WIRED(pci_function, written),   STATE_WIRED(pci_function, pci),
    STATE_WIRED(pci_function, address),   STATE_WIRED(pci_function, reset),
    STATE_BOOL(pci_function, intx),       STATE_WIRED(pci_function, next),
};
static const struct state_table function_table = STATE_TABLE(pci_function, function_fields);
static const struct state_field fields[] = {
    STATE_WIRED(pci, io),    STATE_WIRED(pci, memory),   STATE_WIRED(pci, pirq),  STATE_BOOL(pci, level),
    STATE_ANY(pci, address), STATE_WIRED(pci, function), STATE_WIRED(pci, first), STATE_WIRED(pci, share),
};
static const struct state_table table = STATE_TABLE(pci, fields);

void pci_leave(struct pci *p)
{
    for (struct pci_function *f = p->first; f; f = f->next)
        for (unsigned n = 0; n < PCI_BARS; n++)
            bar_leave(p, &f->bar[n]);
}

/* What was on a bus is there again, and what was refused its place is refused it: two BARs of one address are a matter
 * of who came first. Devices that see to a BAR themselves do so in their own state. */
static void bars_return(struct pci *p, struct pci_function *f, struct state *s)
{
    bool there[PCI_BARS];

    for (unsigned n = 0; n < PCI_BARS; n++) {
        there[n] = f->bar[n].attached;
        f->bar[n].attached = false;
    }
    for (unsigned n = 0; n < PCI_BARS && !s->failed; n++) {
        struct pci_bar *b = &f->bar[n];

        if (!there[n])
            continue;
        b->attached = b->decoded && b->ops && bus_attach(bar_bus(p, b), b->base, b->size, b->ops, b->device);
        if (!b->attached)
            state_fail(s, "pci: BAR %u of function %02x cannot be at 0x%llx", n, f->address,
                       (unsigned long long)b->base);
    }
}

void pci_state(struct pci *p, struct state *s)
{
    state_struct(s, &table, p);
    for (struct pci_function *f = p->first; f && !s->failed; f = f->next) {
        state_struct(s, &function_table, f);
        if (state_is_loading(s))
            bars_return(p, f, s);
    }
}
