/* SPDX-License-Identifier: MIT */
/*
 * The bus master of an IDE channel, and its PCI function in the PIIX3. The table of physical region descriptors is the
 * guest's: it may point anywhere. RAM is written as every device writes it; of what is not RAM nothing is seen.
 */
#include "devices/chipset.h"
#include "devices/ide_parts.h"

#include <stdlib.h>

enum { MASTER_COMMAND = 0, MASTER_STATUS = 2, MASTER_TABLE = 4 };
enum { COMMAND_START = 0x01, COMMAND_TO_MEMORY = 0x08 };
enum { MASTER_ACTIVE = 0x01, MASTER_ERROR = 0x02, MASTER_IRQ = 0x04, MASTER_DRIVES = 0x60 };
enum { PRD_SIZE = 8, PRD_LAST = 0x80000000u };

/* "The table must not cross a 64K boundary": one that goes on longer has no end. */
enum { PRD_MAX = 65536 / PRD_SIZE };

bool master_begin(struct ide *c, struct ide_drive *d, bool write)
{
    if (!(c->master.command & COMMAND_START) || c->master.denied) {
        d->step = STEP_DMA;
        d->dma_write = write;
        c->master.waiting = true;
        return false;
    }
    c->master.waiting = false;
    c->prd = (struct prd){.table = c->master.table};
    return true;
}

static bool next_prd(struct ide *c)
{
    struct prd *p = &c->prd;
    u32 entry[2], count;

    if (p->last || p->entries++ == PRD_MAX)
        return false;
    phys_copy_out(c->phys, p->table, entry, sizeof(entry));
    p->address = entry[0] & ~1u;
    count = entry[1];
    p->table += PRD_SIZE;
    p->left = count & 0xFFFE ? count & 0xFFFE : 0x10000;
    p->last = count & PRD_LAST;
    return true;
}

bool master_move(struct ide *c, u8 *bytes, u32 size, bool to_memory)
{
    struct prd *p = &c->prd;

    while (size) {
        u32 n;

        if (!p->left && !next_prd(c))
            return false;
        n = size < p->left ? size : p->left;
        if (to_memory)
            phys_copy_in(c->phys, p->address, bytes, n);
        else
            phys_copy_out(c->phys, p->address, bytes, n);
        p->address += n;
        p->left -= n;
        bytes += n;
        size -= n;
    }
    return true;
}

/* "Interrupt, Active": 1,0 the end of both; 1,1 the drive ended before the table; 0,0 the table ended first, and the
 * drive waits for the rest of its data until it is reset. */
void master_end(struct ide *c, struct ide_drive *d, bool moved)
{
    if (!moved || (!c->prd.left && c->prd.last))
        c->master.status &= (u8)~MASTER_ACTIVE;
    if (!moved)
        d->status = STATUS_READY | STATUS_DRQ;
}

void master_saw_irq(struct ide *c) { c->master.status |= MASTER_IRQ; }

void master_reset(struct ide *c)
{
    c->master.command = c->master.status = 0;
    c->master.table = 0;
    c->master.waiting = false;
}

/* ---- Registers ---- */

static u8 master_read_byte(const struct ide *c, unsigned at)
{
    switch (at) {
    case MASTER_COMMAND: return c->master.command;
    case MASTER_STATUS: return c->master.status;
    case 1:
    case 3: return 0;
    default: return (u8)(c->master.table >> (8 * (at - MASTER_TABLE)));
    }
}

/* A drive that waits for its transfer may have it now. */
static void master_kick(struct ide *c)
{
    if (!c->master.waiting || c->master.denied || !(c->master.command & COMMAND_START))
        return;
    for (int i = 0; i < 2; i++)
        if (c->drive[i].step == STEP_DMA)
            ide_schedule(c, &c->drive[i], STEP_DMA, IDE_BLOCK_TIME);
}

void ide_allow_master(struct ide *c, bool allowed)
{
    c->master.denied = !allowed;
    master_kick(c);
}

static void master_start(struct ide *c, u8 value)
{
    bool was = c->master.command & COMMAND_START, is = value & COMMAND_START;

    c->master.command = value & (COMMAND_START | COMMAND_TO_MEMORY);
    if (!is)
        c->master.status &= (u8)~MASTER_ACTIVE;
    if (!is || was)
        return;
    c->master.status |= MASTER_ACTIVE;
    master_kick(c);
}

static void master_write_byte(struct ide *c, unsigned at, u8 value)
{
    unsigned shift = 8 * (at & 3);

    switch (at) {
    case MASTER_COMMAND: master_start(c, value); break;
    case MASTER_STATUS:
        c->master.status = (u8)((c->master.status & ~MASTER_DRIVES) | (value & MASTER_DRIVES));
        c->master.status &= (u8) ~(value & (MASTER_ERROR | MASTER_IRQ));
        break;
    case 1:
    case 3: break;
    default: c->master.table = ((c->master.table & ~(0xFFu << shift)) | (u32)value << shift) & ~3u; break;
    }
}

static u64 master_read(void *device, u64 offset, unsigned width)
{
    u64 value = 0;

    for (unsigned i = 0; i < width; i++)
        value |= (u64)master_read_byte(device, ((unsigned)offset + i) & 7) << (8 * i);
    return value;
}

static void master_write(void *device, u64 offset, u64 value, unsigned width)
{
    for (unsigned i = 0; i < width; i++)
        master_write_byte(device, ((unsigned)offset + i) & 7, (u8)(value >> (8 * i)));
}

const struct region_ops ide_master_ops = {master_read, master_write, 1, 4, "IDE bus master"};

/* ---- The PCI function ---- */

enum { IDETIM = 0x40, IDETIM_DECODE = 0x80, BMIBA = 4, MASTER_SIZE = 8 };

static const struct {
    u16 command, control;
} legacy[2] = {{0x1F0, 0x3F6}, {0x170, 0x376}};

struct piix_ide {
    struct pci_function pci;
    struct bus *io;
    struct ide *channel[2];
    struct legacy_ports {
        bool decoded, command, control; /* wanted; and what of it is on the bus */
    } legacy[2];
};

static u64 both_read(void *device, u64 offset, unsigned width)
{
    struct piix_ide *p = device;

    return master_read(p->channel[offset / MASTER_SIZE & 1], offset % MASTER_SIZE, width);
}

static void both_write(void *device, u64 offset, u64 value, unsigned width)
{
    struct piix_ide *p = device;

    master_write(p->channel[offset / MASTER_SIZE & 1], offset % MASTER_SIZE, value, width);
}

static const struct region_ops both_ops = {both_read, both_write, 1, 4, "IDE bus masters"};

/* The legacy ports of a channel are decoded with I/O space on and "IDE Decode Enable" of its IDETIM register. */
static void decode(struct piix_ide *p, int n)
{
    bool wanted = (pci_get(p->pci.config, PCI_COMMAND, 2) & PCI_COMMAND_IO) &&
                  (p->pci.config[IDETIM + 2 * n + 1] & IDETIM_DECODE);

    if (wanted == p->legacy[n].decoded)
        return;
    p->legacy[n].decoded = wanted;
    if (p->legacy[n].command)
        bus_detach(p->io, legacy[n].command);
    if (p->legacy[n].control)
        bus_detach(p->io, legacy[n].control);
    p->legacy[n].command = wanted && bus_attach(p->io, legacy[n].command, 8, &ide_command_ops, p->channel[n]);
    p->legacy[n].control = wanted && bus_attach(p->io, legacy[n].control, 1, &ide_control_ops, p->channel[n]);
}

static void written(struct pci_function *f, unsigned offset, unsigned width)
{
    struct piix_ide *p = (struct piix_ide *)f;

    (void)offset;
    (void)width;
    for (int n = 0; n < 2; n++) {
        decode(p, n);
        ide_allow_master(p->channel[n], pci_is_master(f));
    }
}

struct piix_ide *piix_ide_create(struct pci *pci, struct bus *io, struct ide *const channel[2])
{
    struct piix_ide *p = calloc(1, sizeof(*p));
    struct pci_function *f;

    if (!p)
        return NULL;
    for (int i = 0; i < 2; i++)
        ide_allow_master(channel[i], false);
    p->io = io;
    p->channel[0] = channel[0];
    p->channel[1] = channel[1];
    f = &p->pci;
    pci_identify(f, 0x8086, 0x7010, 0x010180, 0x00);
    pci_put(f->config, PCI_STATUS, 0x0280, 2);
    for (unsigned i = IDETIM; i <= IDETIM + 4; i++)
        f->writable[i] = 0xFF;
    f->bar[BMIBA] = (struct pci_bar){.space = PCI_SPACE_IO, .size = 2 * MASTER_SIZE, .ops = &both_ops, .device = p};
    f->written = written;
    if (pci_add(pci, 1, 1, f))
        return p;
    free(p);
    return NULL;
}

void piix_ide_destroy(struct piix_ide *p) { free(p); }

/* ---- State ---- */

static const struct state_field legacy_fields[] = {
    STATE_BOOL(legacy_ports, decoded),
    STATE_BOOL(legacy_ports, command),
    STATE_BOOL(legacy_ports, control),
};
static const struct state_table legacy_table = STATE_TABLE(legacy_ports, legacy_fields);
static const struct state_field fields[] = {
    STATE_WIRED(piix_ide, pci),
    STATE_WIRED(piix_ide, io),
    STATE_WIRED(piix_ide, channel),
    STATE_STRUCT(piix_ide, legacy, &legacy_table),
};
static const struct state_table table = STATE_TABLE(piix_ide, fields);

void piix_ide_leave(struct piix_ide *p)
{
    for (int n = 0; n < 2; n++) {
        if (p->legacy[n].command)
            bus_detach(p->io, legacy[n].command);
        if (p->legacy[n].control)
            bus_detach(p->io, legacy[n].control);
        p->legacy[n].command = p->legacy[n].control = false;
    }
}

void piix_ide_state(struct piix_ide *p, struct state *s)
{
    struct legacy_ports there[2];

    state_struct(s, &table, p);
    if (!state_is_loading(s))
        return;
    for (int n = 0; n < 2; n++) {
        there[n] = p->legacy[n];
        p->legacy[n].command = p->legacy[n].control = false;
    }
    for (int n = 0; n < 2 && !s->failed; n++) {
        struct legacy_ports *l = &p->legacy[n];

        l->command = there[n].command && bus_attach(p->io, legacy[n].command, 8, &ide_command_ops, p->channel[n]);
        l->control = there[n].control && bus_attach(p->io, legacy[n].control, 1, &ide_control_ops, p->channel[n]);
        if (l->command != there[n].command || l->control != there[n].control)
            state_fail(s, "piix_ide: the ports of channel %d are another device's", n);
    }
}
