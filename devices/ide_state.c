/* SPDX-License-Identifier: MIT */
/* The state of an IDE channel, its drives and what is in them. */
#include "devices/ide_parts.h"

static const struct state_field twice_fields[] = {
    STATE_ANY(twice, now),
    STATE_ANY(twice, before),
};
static const struct state_table twice_table = STATE_TABLE(twice, twice_fields);
static const struct state_field cd_fields[] = {
    STATE_ANY(cd_state, packet),
    STATE_BOOL(cd_state, dma),
    STATE_ANY(cd_state, key),
    STATE_ANY(cd_state, asc),
    STATE_ANY(cd_state, ascq),
    STATE_BOOL(cd_state, changed),
    STATE_BOOL(cd_state, changing),
    STATE_ANY(cd_state, event),
    STATE_BOOL(cd_state, locked),
    STATE_BOOL(cd_state, tray_open),
    STATE_WIRED(cd_state, disc),
    STATE_ANY(cd_state, lba),
    STATE_ANY(cd_state, left),
    STATE_UPTO(cd_state, reply, IDE_BUFFER),
    STATE_UPTO(cd_state, sent, IDE_BUFFER),
    STATE_ANY(cd_state, expected),
};
static const struct state_table cd_table = STATE_TABLE(cd_state, cd_fields);
static const struct state_field drive_fields[] = {
    STATE_WIRED(ide_drive, kind),
    STATE_WIRED(ide_drive, block),
    STATE_ANY(ide_drive, status),
    STATE_ANY(ide_drive, error),
    STATE_ANY(ide_drive, device),
    STATE_ANY(ide_drive, command),
    STATE_ANY(ide_drive, feature_now),
    STATE_STRUCT(ide_drive, feature, &twice_table),
    STATE_STRUCT(ide_drive, count, &twice_table),
    STATE_STRUCT(ide_drive, low, &twice_table),
    STATE_STRUCT(ide_drive, mid, &twice_table),
    STATE_STRUCT(ide_drive, high, &twice_table),
    STATE_UPTO(ide_drive, flow, FLOW_PACKET_OUT),
    STATE_UPTO(ide_drive, step, STEP_RESET),
    STATE_BOOL(ide_drive, irq),
    STATE_BOOL(ide_drive, dma_write),
    STATE_ANY(ide_drive, lba),
    STATE_ANY(ide_drive, left),
    STATE_BOOL(ide_drive, ext),
    STATE_UPTO(ide_drive, block_sectors, IDE_MULTIPLE),
    STATE_UPTO(ide_drive, multiple, IDE_MULTIPLE),
    STATE_UPTO(ide_drive, at, IDE_BUFFER),
    STATE_UPTO(ide_drive, size, IDE_BUFFER),
    STATE_UPTO(ide_drive, cylinders, 65535),
    STATE_UPTO(ide_drive, heads, 16),
    STATE_UPTO(ide_drive, sectors, 255),
    STATE_WIRED(ide_drive, all_cylinders),
    STATE_WIRED(ide_drive, all_heads),
    STATE_WIRED(ide_drive, all_sectors),
    STATE_ANY(ide_drive, mwdma),
    STATE_ANY(ide_drive, udma),
    STATE_BOOL(ide_drive, write_cache),
    STATE_BOOL(ide_drive, look_ahead),
    STATE_STRUCT(ide_drive, cd, &cd_table),
    STATE_ANY(ide_drive, buffer),
};
static const struct state_table drive_table = STATE_TABLE(ide_drive, drive_fields);
static const struct state_field prd_fields[] = {
    STATE_ANY(prd, table), STATE_ANY(prd, address), STATE_ANY(prd, left), STATE_UPTO(prd, entries, 65536 / 8),
    STATE_BOOL(prd, last),
};
static const struct state_table prd_table = STATE_TABLE(prd, prd_fields);
static const struct state_field master_fields[] = {
    STATE_ANY(ide_master, command), STATE_ANY(ide_master, status),   STATE_ANY(ide_master, table),
    STATE_BOOL(ide_master, denied), STATE_BOOL(ide_master, waiting),
};
static const struct state_table master_table = STATE_TABLE(ide_master, master_fields);
static const struct state_field fields[] = {
    STATE_WIRED(ide, clock),
    STATE_WIRED(ide, phys),
    STATE_WIRED(ide, irq),
    STATE_BOOL(ide, level),
    STATE_TIMER(ide, timer),
    STATE_STRUCT(ide, drive, &drive_table),
    STATE_UPTO(ide, selected, 1),
    STATE_ANY(ide, control),
    STATE_STRUCT(ide, master, &master_table),
    STATE_STRUCT(ide, prd, &prd_table),
};
static const struct state_table table = STATE_TABLE(ide, fields);

/* A drive does what its kind does. */
static bool step_exists(const struct ide_drive *d)
{
    switch (d->step) {
    case STEP_NONE: return true;
    case STEP_READ:
    case STEP_WRITE: return d->kind == IDE_DISK;
    case STEP_PACKET:
    case STEP_REPLY:
    case STEP_ACCEPTED: return d->kind == IDE_CDROM;
    default: return d->kind != IDE_ABSENT;
    }
}

static bool flow_exists(const struct ide_drive *d)
{
    switch (d->flow) {
    case FLOW_NONE: return true;
    case FLOW_READ:
    case FLOW_WRITE: return d->kind == IDE_DISK;
    case FLOW_DATA_IN: return d->kind != IDE_ABSENT;
    default: return d->kind == IDE_CDROM;
    }
}

static bool drive_is_sound(const struct ide_drive *d)
{
    return step_exists(d) && flow_exists(d) && d->at <= d->size && d->cd.sent <= d->cd.reply &&
           (d->kind != IDE_DISK || (d->heads && d->sectors));
}

struct block *ide_block(const struct ide *c, int drive)
{
    const struct ide_drive *d = &c->drive[drive];

    return d->kind == IDE_CDROM ? d->cd.disc : d->block;
}

void ide_state(struct ide *c, struct state *s)
{
    state_struct(s, &table, c);
    for (int i = 0; i < 2 && !s->failed; i++) {
        if (state_is_loading(s) && !drive_is_sound(&c->drive[i]))
            state_fail(s, "%s: drive %d is of another kind", s->section, i);
        else
            block_media_state(ide_block(c, i), s);
    }
}
