/* SPDX-License-Identifier: MIT */
/*
 * 82077AA floppy disk controller, wired for the PC/AT: registers, the phases of a command, reset, interrupt and data
 * exchange. Data go through DMA channel 2 or, where SPECIFY says so, byte by byte through the FIFO register.
 */
#include "devices/fdc_parts.h"

#include <stdlib.h>
#include <string.h>

enum { AT_SRA, AT_SRB, AT_DOR, AT_TDR, AT_MSR, AT_FIFO };
enum { MSR_RQM = 0x80, MSR_DIO = 0x40, MSR_NON_DMA = 0x20, MSR_BUSY = 0x10 };
enum { DSR_RESET = 0x80, DIR_CHANGED = 0x80, RATE = 0x03, RATE_RESET = 2 };

void fdc_interrupt(struct fdc *f, bool level)
{
    f->level = level;
    wire_set(f->irq, level && f->dor & DOR_DMA); /* "DMAGATE# enables DRQ and INT" */
}

/* ---- Phases ---- */

void fdc_idle(struct fdc *f)
{
    f->phase = FDC_COMMAND;
    f->have = f->at = f->results = 0;
}

void fdc_results(struct fdc *f, unsigned count, bool interrupt)
{
    f->phase = FDC_RESULT;
    f->at = 0;
    f->results = count;
    dma_request(f->dma, FDC_CHANNEL, false);
    if (interrupt)
        fdc_interrupt(f, true);
}

void fdc_later(struct fdc *f, u64 ns)
{
    f->phase = FDC_BUSY;
    clock_arm(f->clock, &f->timer, clock_now(f->clock) + ns);
}

static void due(void *device, u64 now)
{
    (void)now;
    fdc_step(device);
}

static void seek_due(void *device, u64 now)
{
    (void)now;
    fdc_seek_done(device);
}

/* ---- Data ---- */

static bool to_host(const struct fdc *f) { return f->work == WORK_READ; }

/* The DMA controller is asked; what it will not take now, it may after the guest has programmed it. */
static void exchange_by_dma(void *device)
{
    struct fdc *f = device;
    size_t n, left = f->size - f->position;
    u8 *at = f->buffer + f->position;
    bool tc;

    if (f->phase != FDC_TRANSFER || f->pio || !(f->dor & DOR_DMA))
        return;
    n = to_host(f) ? dma_to_memory(f->dma, FDC_CHANNEL, at, left, &tc)
                   : dma_from_memory(f->dma, FDC_CHANNEL, at, left, &tc);
    f->position += (unsigned)n;
    if (!tc && f->position < f->size)
        return;
    dma_request(f->dma, FDC_CHANNEL, false);
    fdc_exchanged(f, tc);
}

void fdc_exchange(struct fdc *f)
{
    f->phase = FDC_TRANSFER;
    f->position = 0;
    if (f->pio) {
        fdc_interrupt(f, true);
        return;
    }
    dma_request(f->dma, FDC_CHANNEL, true);
    exchange_by_dma(f);
}

static u8 fifo_read(struct fdc *f)
{
    u8 v = 0xFF;

    if (f->phase == FDC_TRANSFER && f->pio && to_host(f)) {
        fdc_interrupt(f, false);
        v = f->buffer[f->position++];
        if (f->position == f->size)
            fdc_exchanged(f, false);
    } else if (f->phase == FDC_RESULT) {
        fdc_interrupt(f, false);
        v = f->result[f->at++];
        if (f->at == f->results)
            fdc_idle(f);
    }
    return v;
}

static void fifo_write(struct fdc *f, u8 v)
{
    if (f->phase == FDC_TRANSFER && f->pio && !to_host(f)) {
        fdc_interrupt(f, false);
        f->buffer[f->position++] = v;
        if (f->position == f->size)
            fdc_exchanged(f, false);
        return;
    }
    if (f->phase != FDC_COMMAND || !(f->dor & DOR_NOT_RESET))
        return;
    if (!f->have)
        f->want = fdc_length(v);
    f->command[f->have++] = v;
    if (f->have == f->want)
        fdc_execute(f);
}

/* ---- Reset ---- */

/* What a reset by DOR or DSR leaves alone is what LOCK protects, and the drives. */
static void soft_reset(struct fdc *f)
{
    clock_disarm(f->clock, &f->timer);
    clock_disarm(f->clock, &f->seek_timer);
    dma_request(f->dma, FDC_CHANNEL, false);
    for (int i = 0; i < 4; i++)
        f->drive[i].seeking = f->drive[i].ended = false;
    f->polled = 0;
    f->perpendicular &= 0x3C; /* "software resets clear GAP and WGATE" */
    if (!f->locked) {
        f->configure = 0;
        f->pretrack = 0;
    }
    fdc_interrupt(f, false);
    fdc_idle(f);
}

/* "Drive polling": after a reset each drive seems to have changed its ready line. */
static void reset_due(void *device, u64 now)
{
    struct fdc *f = device;

    (void)now;
    f->polled = 0x0F;
    fdc_interrupt(f, true);
}

static void reset_over(struct fdc *f)
{
    if (!(f->configure & CONFIGURE_NO_POLL))
        clock_arm(f->clock, &f->reset_timer, clock_now(f->clock) + FDC_RESET_TIME);
}

static void dor_write(struct fdc *f, u8 v)
{
    u8 old = f->dor;

    f->dor = v;
    if (!(v & DOR_NOT_RESET)) {
        clock_disarm(f->clock, &f->reset_timer);
        soft_reset(f);
    } else if (!(old & DOR_NOT_RESET)) {
        reset_over(f);
    }
    wire_set(f->irq, f->level && v & DOR_DMA);
    if (!(old & DOR_DMA))
        exchange_by_dma(f);
}

/* ---- Registers ---- */

static u8 status(const struct fdc *f)
{
    u8 v = 0;

    if (!(f->dor & DOR_NOT_RESET))
        return 0;
    for (int i = 0; i < 4; i++)
        v |= (u8)(f->drive[i].seeking << i);
    switch (f->phase) {
    case FDC_COMMAND: return v | MSR_RQM | (f->have ? MSR_BUSY : 0);
    case FDC_BUSY: return v | MSR_BUSY;
    case FDC_TRANSFER:
        if (!f->pio)
            return v | MSR_BUSY;
        return v | MSR_RQM | MSR_NON_DMA | MSR_BUSY | (to_host(f) ? MSR_DIO : 0);
    default: return v | MSR_RQM | MSR_DIO | MSR_BUSY;
    }
}

/* SRA and SRB are not driven in the AT mode. */
static u64 fdc_read(void *device, u64 offset, unsigned width)
{
    struct fdc *f = device;

    (void)width;
    switch (offset) {
    case AT_DOR: return f->dor;
    case AT_TDR: return f->tape | 0xFC;
    case AT_MSR: return status(f);
    case AT_FIFO: return fifo_read(f);
    default: return 0xFF;
    }
}

static void fdc_write(void *device, u64 offset, u64 value, unsigned width)
{
    struct fdc *f = device;

    (void)width;
    switch (offset) {
    case AT_DOR: dor_write(f, (u8)value); break;
    case AT_TDR: f->tape = value & 3; break;
    case AT_MSR: /* the data rate select register */
        f->rate = value & RATE;
        if (value & DSR_RESET && f->dor & DOR_NOT_RESET) {
            soft_reset(f);
            reset_over(f);
        }
        break;
    case AT_FIFO: fifo_write(f, (u8)value); break;
    default: break;
    }
}

const struct region_ops fdc_ops = {fdc_read, fdc_write, 1, 1, "floppy controller"};

/* The digital input register drives bit 7 alone; the change line is that of the drive selected with its motor on. */
static u64 dir_read(void *device, u64 offset, unsigned width)
{
    const struct fdc *f = device;
    unsigned n = f->dor & DOR_DRIVE;

    (void)offset;
    (void)width;
    return f->drive[n].present && f->drive[n].changed && f->dor & (DOR_MOTOR << n) ? DIR_CHANGED | 0x7F : 0x7F;
}

static void ccr_write(void *device, u64 offset, u64 value, unsigned width)
{
    struct fdc *f = device;

    (void)offset;
    (void)width;
    f->rate = value & RATE;
}

const struct region_ops fdc_dir_ops = {dir_read, ccr_write, 1, 1, "floppy change line"};

/* ---- Disks ---- */

/* 3.5-inch drives read what smaller ones wrote. */
static bool takes(u8 type, const struct floppy_format *format)
{
    return format->drive == type || (type >= 4 && format->drive >= 3 && format->drive <= type);
}

bool fdc_change(struct fdc *f, int n, struct block *block)
{
    const struct floppy_format *format = block ? floppy_format(block_bytes(block)) : NULL;
    struct floppy_drive *d = &f->drive[n];

    if (block && (!format || !takes(d->type, format)))
        return false;
    d->block = block;
    d->format = format;
    d->changed = true;
    return true;
}

bool fdc_attach(struct fdc *f, int n, struct block *block)
{
    const struct floppy_format *format = block ? floppy_format(block_bytes(block)) : NULL;

    if (block && !format)
        return false;
    f->drive[n].present = true;
    f->drive[n].type = format ? format->drive : 4;
    return fdc_change(f, n, block);
}

u8 fdc_cmos_type(const struct fdc *f, int n) { return f->drive[n].present ? f->drive[n].type : 0; }

/* ---- Life ---- */

bool fdc_may_interrupt(const struct fdc *f)
{
    return f->timer.at != CLOCK_NEVER || f->seek_timer.at != CLOCK_NEVER || f->reset_timer.at != CLOCK_NEVER;
}

void fdc_reset(struct fdc *f)
{
    clock_disarm(f->clock, &f->reset_timer);
    f->locked = false;
    soft_reset(f);
    f->dor = 0;
    f->tape = 0;
    f->rate = RATE_RESET;
    f->perpendicular = 0;
    f->step_and_unload = f->head_load = 0;
    f->pio = false;
    for (int i = 0; i < 4; i++)
        f->drive[i].changed = f->drive[i].present;
}

struct fdc *fdc_create(struct clock *clock, struct dma *dma, struct wire irq)
{
    struct fdc *f = calloc(1, sizeof(*f));

    if (!f)
        return NULL;
    f->clock = clock;
    f->dma = dma;
    f->irq = irq;
    f->timer = timer_make(due, f);
    f->seek_timer = timer_make(seek_due, f);
    f->reset_timer = timer_make(reset_due, f);
    dma_connect(dma, FDC_CHANNEL, exchange_by_dma, f);
    fdc_reset(f);
    return f;
}

void fdc_destroy(struct fdc *f)
{
    if (!f)
        return;
    clock_disarm(f->clock, &f->timer);
    clock_disarm(f->clock, &f->seek_timer);
    clock_disarm(f->clock, &f->reset_timer);
    dma_connect(f->dma, FDC_CHANNEL, NULL, NULL);
    free(f);
}

/* ---- State ---- */

static const struct state_field drive_fields[] = {
    STATE_WIRED(floppy_drive, present), STATE_BOOL(floppy_drive, changed), STATE_WIRED(floppy_drive, block),
    STATE_WIRED(floppy_drive, format),  STATE_WIRED(floppy_drive, type),   STATE_ANY(floppy_drive, cylinder),
    STATE_ANY(floppy_drive, under),     STATE_BOOL(floppy_drive, seeking), STATE_BOOL(floppy_drive, ended),
    STATE_ANY(floppy_drive, target),    STATE_ANY(floppy_drive, st0),
};
static const struct state_table drive_table = STATE_TABLE(floppy_drive, drive_fields);
static const struct state_field fields[] = {
    STATE_WIRED(fdc, clock),
    STATE_WIRED(fdc, dma),
    STATE_WIRED(fdc, irq),
    STATE_TIMER(fdc, timer),
    STATE_TIMER(fdc, seek_timer),
    STATE_TIMER(fdc, reset_timer),
    STATE_STRUCT(fdc, drive, &drive_table),
    STATE_ANY(fdc, dor),
    STATE_ANY(fdc, rate),
    STATE_ANY(fdc, tape),
    STATE_UPTO(fdc, phase, FDC_RESULT),
    STATE_ANY(fdc, command),
    STATE_UPTO(fdc, have, 8),
    STATE_UPTO(fdc, want, 9),
    STATE_ANY(fdc, result),
    STATE_UPTO(fdc, at, 15),
    STATE_UPTO(fdc, results, 16),
    STATE_ANY(fdc, polled),
    STATE_BOOL(fdc, level),
    STATE_ANY(fdc, step_and_unload),
    STATE_ANY(fdc, head_load),
    STATE_ANY(fdc, configure),
    STATE_ANY(fdc, pretrack),
    STATE_ANY(fdc, perpendicular),
    STATE_BOOL(fdc, locked),
    STATE_BOOL(fdc, pio),
    STATE_UPTO(fdc, work, WORK_READ_ID),
    STATE_ANY(fdc, c),
    STATE_ANY(fdc, h),
    STATE_ANY(fdc, r),
    STATE_ANY(fdc, eot),
    STATE_ANY(fdc, sector_count),
    STATE_ANY(fdc, st1),
    STATE_ANY(fdc, st2),
    STATE_UPTO(fdc, position, BLOCK_SECTOR),
    STATE_UPTO(fdc, size, BLOCK_SECTOR),
    STATE_ANY(fdc, buffer),
};
static const struct state_table table = STATE_TABLE(fdc, fields);

static bool is_sound(const struct fdc *f)
{
    switch (f->phase) {
    case FDC_COMMAND: return !f->have || f->have < f->want;
    case FDC_TRANSFER: return f->position < f->size;
    case FDC_RESULT: return f->at < f->results;
    default: return true;
    }
}

void fdc_state(struct fdc *f, struct state *s)
{
    state_struct(s, &table, f);
    if (state_is_loading(s) && !s->failed && !is_sound(f))
        state_fail(s, "fdc.phase: has no place in its buffer");
    for (int i = 0; i < FDC_DRIVES && !s->failed; i++)
        block_media_state(f->drive[i].block, s);
}

struct block *fdc_block(const struct fdc *f, int drive) { return f->drive[drive].block; }
