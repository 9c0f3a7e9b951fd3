/* SPDX-License-Identifier: MIT */
/*
 * An IDE channel: registers, data port, interrupt, reset. The register block is written to both drives, as on the
 * cable; the selected one answers. A drive is busy while its timer runs, and moves on when it is due (enum ide_step).
 */
#include "devices/ide_parts.h"

#include <stdlib.h>
#include <string.h>

enum { DATA, FEATURE, COUNT, LOW, MID, HIGH, DEVICE, COMMAND };
enum { CMD_DEVICE_RESET = 0x08, CMD_DIAGNOSTIC = 0x90 };
enum { CONTROL_HOB = 0x80, DEVICE_OBSOLETE = 0xA0 };

/* Nobody drives DD7, which the cable pulls down: a drive that is not there is not busy. */
enum { FLOATING = 0x7F };

/* ---- The interrupt ---- */

/* INTRQ is driven by the selected drive alone, and let go by nIEN. */
void ide_update_irq(struct ide *c)
{
    bool level = ide_selected(c)->irq && !(c->control & CONTROL_NIEN);

    if (level == c->level)
        return;
    c->level = level;
    if (level)
        master_saw_irq(c);
    wire_set(c->irq, level);
}

void ide_raise(struct ide *c, struct ide_drive *d)
{
    d->irq = true;
    ide_update_irq(c);
}

/* ---- What commands are made of ---- */

void ide_schedule(struct ide *c, struct ide_drive *d, enum ide_step step, u64 ns)
{
    d->status = (d->status & STATUS_READY) | STATUS_BSY;
    d->flow = FLOW_NONE;
    d->step = step;
    clock_arm(c->clock, &c->timer, clock_now(c->clock) + ns);
}

void ide_offer(struct ide *c, struct ide_drive *d, enum ide_flow flow, unsigned size)
{
    (void)c;
    d->flow = flow;
    d->at = 0;
    d->size = size;
    d->status = STATUS_READY | STATUS_DRQ;
}

void ide_succeed(struct ide *c, struct ide_drive *d)
{
    d->flow = FLOW_NONE;
    d->status = STATUS_READY;
    ide_raise(c, d);
}

void ide_fail(struct ide *c, struct ide_drive *d, u8 error)
{
    d->flow = FLOW_NONE;
    d->error = error;
    d->status = STATUS_READY | STATUS_ERR;
    ide_raise(c, d);
}

/* "Signature and persistence" */
void ide_signature(struct ide_drive *d)
{
    bool packet = d->kind == IDE_CDROM;

    d->count.now = d->low.now = 1;
    d->mid.now = packet ? 0x14 : 0;
    d->high.now = packet ? 0xEB : 0;
    d->device &= DEVICE_DEV;
}

/* ---- Reset ---- */

static void drive_stop(struct ide_drive *d)
{
    d->flow = FLOW_NONE;
    d->step = STEP_NONE;
    d->irq = false;
    d->status = ide_is_present(d) ? STATUS_BSY : 0;
}

static void drive_ready(struct ide_drive *d)
{
    if (!ide_is_present(d))
        return;
    ide_signature(d);
    d->error = 0x01; /* diagnostics passed */
    d->status = d->kind == IDE_CDROM ? 0 : STATUS_READY;
    if (d->kind == IDE_CDROM)
        atapi_reset(d);
    else
        d->multiple = 0;
}

static void soft_reset(struct ide *c)
{
    c->master.waiting = false;
    c->selected = 0;
    for (int i = 0; i < 2; i++) {
        drive_stop(&c->drive[i]);
        c->drive[i].device = 0;
    }
    ide_update_irq(c);
}

static void reset_over(struct ide *c)
{
    for (int i = 0; i < 2; i++)
        if (ide_is_present(&c->drive[i]))
            ide_schedule(c, &c->drive[i], STEP_RESET, IDE_RESET_TIME);
}

/* ---- Time ---- */

static void diagnose(struct ide *c)
{
    for (int i = 0; i < 2; i++) {
        drive_stop(&c->drive[i]);
        drive_ready(&c->drive[i]);
    }
    c->selected = 0;
    ide_raise(c, &c->drive[0]);
}

static void execute(struct ide *c, struct ide_drive *d)
{
    d->error = 0;
    if (d->command == CMD_DIAGNOSTIC)
        diagnose(c);
    else if (d->kind == IDE_CDROM)
        atapi_execute(c, d);
    else
        disk_execute(c, d);
}

static void step(struct ide *c, struct ide_drive *d, enum ide_step what)
{
    switch (what) {
    case STEP_NONE: break;
    case STEP_COMMAND: execute(c, d); break;
    case STEP_READ: disk_read_block(c, d); break;
    case STEP_WRITE: disk_write_block(c, d); break;
    case STEP_DMA:
        if (d->kind == IDE_CDROM)
            atapi_dma(c, d);
        else
            disk_dma(c, d);
        break;
    case STEP_PACKET: atapi_packet(c, d); break;
    case STEP_REPLY: atapi_reply(c, d); break;
    case STEP_ACCEPTED: atapi_accepted(c, d); break;
    case STEP_RESET: drive_ready(d); break;
    }
}

static void due(void *device, u64 now)
{
    struct ide *c = device;

    (void)now;
    for (int i = 0; i < 2; i++) {
        enum ide_step what = c->drive[i].step;

        c->drive[i].step = STEP_NONE;
        step(c, &c->drive[i], what);
    }
}

/* ---- The data port ---- */

/* The buffer is empty, or full. */
static void block_over(struct ide *c, struct ide_drive *d)
{
    enum ide_flow flow = d->flow;

    d->flow = FLOW_NONE;
    d->status &= (u8)~STATUS_DRQ;
    switch (flow) {
    case FLOW_NONE:
    case FLOW_DATA_IN: break;
    case FLOW_READ:
        if (d->left)
            ide_schedule(c, d, STEP_READ, IDE_BLOCK_TIME);
        break;
    case FLOW_WRITE: ide_schedule(c, d, STEP_WRITE, IDE_BLOCK_TIME); break;
    case FLOW_PACKET: ide_schedule(c, d, STEP_PACKET, IDE_COMMAND_TIME); break;
    case FLOW_PACKET_IN: ide_schedule(c, d, STEP_REPLY, IDE_BLOCK_TIME); break;
    case FLOW_PACKET_OUT: ide_schedule(c, d, STEP_ACCEPTED, IDE_BLOCK_TIME); break;
    }
}

static bool flows_in(const struct ide_drive *d)
{
    return d->flow == FLOW_READ || d->flow == FLOW_DATA_IN || d->flow == FLOW_PACKET_IN;
}

static u32 data_read(struct ide *c, unsigned width)
{
    struct ide_drive *d = ide_selected(c);
    u32 value = 0;

    if (!(d->status & STATUS_DRQ) || !flows_in(d))
        return 0;
    for (unsigned i = 0; i < width && d->at < d->size; i++)
        value |= (u32)d->buffer[d->at++] << (8 * i);
    if (d->at >= d->size)
        block_over(c, d);
    return value;
}

static void data_write(struct ide *c, u32 value, unsigned width)
{
    struct ide_drive *d = ide_selected(c);

    if (!(d->status & STATUS_DRQ) || flows_in(d))
        return;
    for (unsigned i = 0; i < width && d->at < d->size; i++)
        d->buffer[d->at++] = (u8)(value >> (8 * i));
    if (d->at >= d->size)
        block_over(c, d);
}

/* ---- Registers ---- */

static u8 twice_read(const struct ide *c, struct twice r) { return c->control & CONTROL_HOB ? r.before : r.now; }

static void twice_write(struct twice *r, u8 value)
{
    r->before = r->now;
    r->now = value;
}

/* Of an absent drive, the other one answers: status 0. Without any the cable floats. */
static u8 absent_read(const struct ide *c, unsigned reg)
{
    bool other = ide_is_present(&c->drive[0]); /* device 0 answers for device 1, not the other way round */

    if (!other)
        return FLOATING;
    return reg == DEVICE ? ide_selected((struct ide *)(uintptr_t)c)->device | DEVICE_OBSOLETE : 0;
}

static u8 register_read(struct ide *c, unsigned reg)
{
    struct ide_drive *d = ide_selected(c);

    if (!ide_is_present(d))
        return absent_read(c, reg);
    switch (reg) {
    case FEATURE: return d->error;
    case COUNT: return twice_read(c, d->count);
    case LOW: return twice_read(c, d->low);
    case MID: return twice_read(c, d->mid);
    case HIGH: return twice_read(c, d->high);
    case DEVICE: return d->device | DEVICE_OBSOLETE;
    default:
        d->irq = false;
        ide_update_irq(c);
        return d->status;
    }
}

static void device_reset(struct ide *c, struct ide_drive *d)
{
    if (d->kind != IDE_CDROM)
        return; /* "shall be command aborted" by others; busy ones do not even see it */
    drive_stop(d);
    drive_ready(d);
    ide_update_irq(c);
}

static void command_write(struct ide *c, u8 value)
{
    struct ide_drive *d = ide_selected(c);

    if (value == CMD_DEVICE_RESET && d->kind == IDE_CDROM) {
        device_reset(c, d);
        return;
    }
    if (value == CMD_DIAGNOSTIC && !ide_is_present(d))
        d = &c->drive[!c->selected]; /* all drives execute this one */
    if (!ide_is_present(d) || (d->status & (STATUS_BSY | STATUS_DRQ)) || c->control & CONTROL_SRST)
        return;
    d->irq = false;
    ide_update_irq(c);
    d->command = value;
    d->feature_now = d->feature.now;
    ide_schedule(c, d, STEP_COMMAND, IDE_COMMAND_TIME);
}

static void task_write(struct ide_drive *d, unsigned reg, u8 value)
{
    if (d->status & (STATUS_BSY | STATUS_DRQ) && reg != DEVICE)
        return;
    switch (reg) {
    case FEATURE: twice_write(&d->feature, value); break;
    case COUNT: twice_write(&d->count, value); break;
    case LOW: twice_write(&d->low, value); break;
    case MID: twice_write(&d->mid, value); break;
    case HIGH: twice_write(&d->high, value); break;
    default: d->device = value; break;
    }
}

static void register_write(struct ide *c, unsigned reg, u8 value)
{
    c->control &= (u8)~CONTROL_HOB;
    if (reg == COMMAND) {
        command_write(c, value);
        return;
    }
    task_write(&c->drive[0], reg, value);
    task_write(&c->drive[1], reg, value);
    if (reg == DEVICE) {
        c->selected = (value & DEVICE_DEV) != 0;
        ide_update_irq(c);
    }
}

static u64 command_block_read(void *device, u64 offset, unsigned width)
{
    struct ide *c = device;
    u64 value = 0;

    if (offset == DATA)
        return ide_is_present(ide_selected(c)) ? data_read(c, width) : absent_read(c, DATA);
    for (unsigned i = 0; i < width && offset + i <= COMMAND; i++)
        value |= (u64)register_read(c, (unsigned)offset + i) << (8 * i);
    return value;
}

static void command_block_write(void *device, u64 offset, u64 value, unsigned width)
{
    struct ide *c = device;

    if (offset == DATA) {
        data_write(c, (u32)value, width);
        return;
    }
    for (unsigned i = 0; i < width && offset + i <= COMMAND; i++)
        register_write(c, (unsigned)offset + i, (u8)(value >> (8 * i)));
}

const struct region_ops ide_command_ops = {command_block_read, command_block_write, 1, 4, "IDE command"};

/* The alternate status, which leaves the interrupt alone, and the device control register. */
static u64 control_read(void *device, u64 offset, unsigned width)
{
    struct ide *c = device;
    const struct ide_drive *d = ide_selected(c);

    (void)offset;
    (void)width;
    return ide_is_present(d) ? d->status : absent_read(c, COMMAND);
}

static void control_write(void *device, u64 offset, u64 value, unsigned width)
{
    struct ide *c = device;
    bool was = c->control & CONTROL_SRST, is = value & CONTROL_SRST;

    (void)offset;
    (void)width;
    c->control = (u8)value;
    if (is && !was)
        soft_reset(c);
    else if (was && !is)
        reset_over(c);
    ide_update_irq(c);
}

const struct region_ops ide_control_ops = {control_read, control_write, 1, 1, "IDE control"};

/* ---- Life ---- */

void ide_attach_disk(struct ide *c, int drive, struct block *block)
{
    struct ide_drive *d = &c->drive[drive];

    d->kind = IDE_DISK;
    d->block = block;
    disk_defaults(d);
    drive_ready(d);
}

void ide_attach_cdrom(struct ide *c, int drive, struct block *disc)
{
    struct ide_drive *d = &c->drive[drive];

    d->kind = IDE_CDROM;
    d->cd.disc = disc;
    drive_ready(d);
}

bool ide_may_interrupt(const struct ide *c) { return c->timer.at != CLOCK_NEVER; }

void ide_reset(struct ide *c)
{
    clock_disarm(c->clock, &c->timer);
    master_reset(c);
    c->control = 0;
    soft_reset(c);
    for (int i = 0; i < 2; i++) {
        if (c->drive[i].kind == IDE_DISK)
            disk_defaults(&c->drive[i]);
        drive_ready(&c->drive[i]);
    }
}

struct ide *ide_create(struct clock *clock, struct phys *phys, struct wire irq)
{
    struct ide *c = calloc(1, sizeof(*c));

    if (!c)
        return NULL;
    c->clock = clock;
    c->phys = phys;
    c->irq = irq;
    c->timer = timer_make(due, c);
    return c;
}

void ide_destroy(struct ide *c)
{
    if (!c)
        return;
    clock_disarm(c->clock, &c->timer);
    free(c);
}
