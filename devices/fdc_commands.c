/* SPDX-License-Identifier: MIT */
/* The commands of the 82077AA ("Command Set/Descriptions"). */
#include "devices/fdc_parts.h"

#include <string.h>

enum { BYTES_512 = 2, VERSION_82077 = 0x90 };

/* ---- The head and what is under it ---- */

static unsigned head_of(const struct fdc *f) { return f->command[1] >> 2 & 1; }

static u8 st0_of(const struct fdc *f) { return f->command[1] & (ST0_HEAD | DOR_DRIVE); }

/* Is anything readable under the head: a disk, recorded as the controller is told to read it? */
static bool readable(struct fdc *f)
{
    const struct floppy_drive *d = fdc_drive(f);

    return d->format && f->command[0] & FDC_MFM && d->format->rate == f->rate && d->cylinder < d->format->cylinders &&
           head_of(f) < d->format->heads;
}

static u64 sector_number(const struct fdc *f, const struct floppy_drive *d, unsigned sector)
{
    return ((u64)d->cylinder * d->format->heads + head_of(f)) * d->format->sectors + sector - 1;
}

/* ---- The end of a transfer ---- */

static void finish(struct fdc *f, u8 st0)
{
    const u8 result[7] = {(u8)(st0 | st0_of(f)), f->st1, f->st2, f->c, f->h, f->r, BYTES_512};

    memcpy(f->result, result, sizeof(result));
    fdc_results(f, sizeof(result), true);
}

static void abandon(struct fdc *f, u8 st1, u8 st2)
{
    f->st1 |= st1;
    f->st2 |= st2;
    finish(f, ST0_ABNORMAL);
}

/* "Result phase table": the sector after the last one that was moved. True if the cylinder's last was it. */
static bool next_sector(struct fdc *f)
{
    if (f->r != f->eot) {
        f->r++;
        return false;
    }
    f->r = 1;
    if (!(f->command[0] & FDC_MT)) {
        f->c++;
        return true;
    }
    f->h ^= 1;
    f->command[1] ^= ST0_HEAD;
    if (f->h)
        return false;
    f->c++;
    return true;
}

/* ---- Data ---- */

static bool is_write(const struct fdc *f) { return f->work == WORK_WRITE || f->work == WORK_FORMAT; }

/* The sector of the command on this track: true when found; else the command has ended. */
static bool find(struct fdc *f)
{
    const struct floppy_drive *d = fdc_drive(f);

    if (!readable(f)) {
        abandon(f, ST1_NO_MARK, 0);
    } else if (f->c != d->cylinder || f->h != head_of(f)) {
        abandon(f, ST1_NO_DATA, f->c != d->cylinder ? ST2_WRONG_CYLINDER : 0);
    } else if (!f->r || f->r > d->format->sectors || f->command[5] != BYTES_512) {
        abandon(f, ST1_NO_DATA, 0);
    } else if (is_write(f) && block_read_only(d->block)) {
        abandon(f, ST1_NOT_WRITABLE, 0);
    } else {
        return true;
    }
    return false;
}

static void transfer_step(struct fdc *f)
{
    const struct floppy_drive *d = fdc_drive(f);

    if (!find(f))
        return;
    f->size = BLOCK_SECTOR;
    if (f->work != WORK_WRITE && !block_read(d->block, sector_number(f, d, f->r), 1, f->buffer)) {
        abandon(f, ST1_DATA, ST2_DATA);
        return;
    }
    if (f->work == WORK_VERIFY)
        fdc_exchanged(f, f->sector_count && !--f->sector_count);
    else
        fdc_exchange(f);
}

/* After terminal count the rest of a sector is written as zeros. */
static bool keep(struct fdc *f)
{
    const struct floppy_drive *d = fdc_drive(f);

    if (f->work != WORK_WRITE)
        return true;
    if (!readable(f)) /* it is no longer there */
        return false;
    memset(f->buffer + f->position, 0, BLOCK_SECTOR - f->position);
    return block_write(d->block, sector_number(f, d, f->r), 1, f->buffer);
}

static void format_exchanged(struct fdc *f);

void fdc_exchanged(struct fdc *f, bool tc)
{
    bool over;

    if (f->work == WORK_FORMAT) {
        format_exchanged(f);
        return;
    }
    if (!keep(f)) {
        abandon(f, ST1_DATA, ST2_DATA);
        return;
    }
    over = next_sector(f);
    if (tc)
        finish(f, 0);
    else if (over && !(f->work == WORK_VERIFY && !(f->command[1] & 0x80)))
        abandon(f, ST1_END_OF_CYLINDER, 0);
    else if (over)
        finish(f, 0);
    else
        fdc_later(f, FDC_SECTOR_TIME);
}

/* A step lowers the change line of a drive with a disk in it; a seek to where the head is makes none. */
static void step_to(struct floppy_drive *d, u8 cylinder)
{
    if (d->format && d->cylinder != cylinder)
        d->changed = false;
    d->cylinder = cylinder;
}

static void begin(struct fdc *f, enum fdc_work work)
{
    struct floppy_drive *d = fdc_drive(f);

    f->work = work;
    f->c = f->command[2];
    f->h = f->command[3];
    f->r = f->command[4];
    f->eot = f->command[6];
    f->sector_count = work == WORK_VERIFY && f->command[1] & 0x80 ? f->command[8] : 0;
    f->st1 = f->st2 = 0;
    if (f->configure & CONFIGURE_EIS && d->present && f->c < FDC_MAX_CYLINDER) /* implied seek */
        step_to(d, f->c);
    fdc_later(f, readable(f) ? FDC_SECTOR_TIME : FDC_SEARCH_TIME);
}

static void read_data(struct fdc *f) { begin(f, WORK_READ); }
static void write_data(struct fdc *f) { begin(f, WORK_WRITE); }
static void verify(struct fdc *f) { begin(f, WORK_VERIFY); }

/* READ TRACK: from the first sector after the index on, whatever R says; EOT sectors. */
static void read_track(struct fdc *f)
{
    f->command[0] &= (u8)~FDC_MT;
    f->command[4] = 1;
    begin(f, WORK_READ);
}

/* ---- READ ID and FORMAT TRACK ---- */

static void read_id(struct fdc *f)
{
    f->work = WORK_READ_ID;
    f->st1 = f->st2 = 0;
    fdc_later(f, readable(f) ? FDC_SECTOR_TIME : FDC_SEARCH_TIME);
}

static void read_id_step(struct fdc *f)
{
    struct floppy_drive *d = fdc_drive(f);

    f->c = d->cylinder;
    f->h = (u8)head_of(f);
    f->r = 0;
    if (!readable(f)) {
        abandon(f, ST1_NO_MARK, 0);
        return;
    }
    d->under = (u8)(d->under % d->format->sectors + 1);
    f->r = d->under;
    finish(f, 0);
}

/* Four bytes a sector tell its C, H, R, N. What does not fit the format this image has cannot be kept in it. */
static void format(struct fdc *f)
{
    f->work = WORK_FORMAT;
    f->st1 = f->st2 = 0;
    f->c = f->h = f->r = 0;
    f->sector_count = f->command[3];
    fdc_later(f, FDC_SECTOR_TIME);
}

static void format_step(struct fdc *f)
{
    const struct floppy_drive *d = fdc_drive(f);

    if (!readable(f)) {
        abandon(f, ST1_NO_MARK, 0);
    } else if (block_read_only(d->block)) {
        abandon(f, ST1_NOT_WRITABLE, 0);
    } else if (!f->sector_count) {
        finish(f, 0);
    } else {
        f->size = 4;
        fdc_exchange(f);
    }
}

static void format_exchanged(struct fdc *f)
{
    const struct floppy_drive *d = fdc_drive(f);
    u8 sector = f->buffer[2];

    f->c = f->buffer[0];
    f->h = f->buffer[1];
    f->r = sector;
    if (f->position < 4 || !readable(f) || f->command[2] != BYTES_512 || !sector || sector > d->format->sectors) {
        abandon(f, ST1_NO_DATA, 0);
        return;
    }
    memset(f->buffer, f->command[5], BLOCK_SECTOR);
    if (!block_write(d->block, sector_number(f, d, sector), 1, f->buffer)) {
        abandon(f, ST1_DATA, ST2_DATA);
        return;
    }
    f->sector_count--;
    fdc_later(f, f->sector_count ? FDC_SECTOR_TIME / 4 : FDC_SECTOR_TIME);
}

void fdc_step(struct fdc *f)
{
    switch (f->work) {
    case WORK_READ_ID: read_id_step(f); break;
    case WORK_FORMAT: format_step(f); break;
    default: transfer_step(f); break;
    }
}

/* ---- Seeks ---- */

static void seek_to(struct fdc *f, unsigned target, u8 st0)
{
    struct floppy_drive *d = fdc_drive(f);
    unsigned steps = target > d->cylinder ? target - d->cylinder : d->cylinder - target;

    d->target = (u8)(target < FDC_MAX_CYLINDER ? target : FDC_MAX_CYLINDER - 1);
    d->st0 = st0;
    d->seeking = true;
    d->ended = false;
    fdc_idle(f);
    clock_arm(f->clock, &f->seek_timer, clock_now(f->clock) + (steps + 1) * (u64)FDC_STEP_TIME);
}

/* All drives that are seeking have arrived: their times are not kept apart. */
void fdc_seek_done(struct fdc *f)
{
    for (int i = 0; i < 4; i++) {
        struct floppy_drive *d = &f->drive[i];

        if (!d->seeking)
            continue;
        d->seeking = false;
        d->ended = true;
        if (d->present) {
            step_to(d, d->target);
        }
    }
    fdc_interrupt(f, true);
}

static void seek(struct fdc *f) { seek_to(f, f->command[2], (u8)(ST0_SEEK_END | st0_of(f))); }

/* "RELATIVE SEEK": DIR (40h of the command) inwards. */
static void relative_seek(struct fdc *f)
{
    unsigned now = fdc_drive(f)->cylinder, by = f->command[2];
    unsigned target = f->command[0] & 0x40 ? now + by : by < now ? now - by : 0;

    seek_to(f, target, (u8)(ST0_SEEK_END | st0_of(f)));
}

/* Of a drive that is not there, track 0 never comes. */
static void recalibrate(struct fdc *f)
{
    u8 drive = f->command[1] & DOR_DRIVE;

    f->command[1] = drive;
    seek_to(f, 0, (u8)(ST0_SEEK_END | drive | (f->drive[drive].present ? 0 : ST0_ABNORMAL | ST0_CHECK)));
}

static void sense_interrupt(struct fdc *f)
{
    fdc_interrupt(f, false);
    for (unsigned i = 0; i < 4; i++) {
        struct floppy_drive *d = &f->drive[i];

        if (!d->ended && !(f->polled >> i & 1))
            continue;
        f->result[0] = d->ended ? d->st0 : (u8)(ST0_POLLING | i);
        f->result[1] = d->cylinder;
        f->polled &= (u8) ~(1 << i);
        d->ended = false;
        fdc_results(f, 2, false);
        return;
    }
    f->result[0] = ST0_INVALID; /* "issued without an interrupt pending" */
    fdc_results(f, 1, false);
}

static void sense_drive(struct fdc *f)
{
    const struct floppy_drive *d = fdc_drive(f);
    u8 st3 = 0x28 | st0_of(f); /* ready, two sides */

    st3 |= d->present && !d->cylinder ? 0x10 : 0;
    st3 |= d->block && block_read_only(d->block) ? 0x40 : 0;
    f->result[0] = st3;
    fdc_results(f, 1, false);
}

/* ---- Settings ---- */

static void specify(struct fdc *f)
{
    f->step_and_unload = f->command[1];
    f->head_load = f->command[2];
    f->pio = f->command[2] & 1;
    fdc_idle(f);
}

static void configure(struct fdc *f)
{
    f->configure = f->command[2];
    f->pretrack = f->command[3];
    fdc_idle(f);
}

static void perpendicular(struct fdc *f)
{
    u8 v = f->command[1];

    f->perpendicular = v & 0x80 ? v & 0x3F : (u8)((f->perpendicular & 0x3C) | (v & 3)); /* OW */
    fdc_idle(f);
}

static void lock(struct fdc *f)
{
    f->locked = f->command[0] & 0x80;
    f->result[0] = f->locked ? 0x10 : 0;
    fdc_results(f, 1, false);
}

static void dump_registers(struct fdc *f)
{
    for (int i = 0; i < 4; i++)
        f->result[i] = f->drive[i].cylinder;
    f->result[4] = f->step_and_unload;
    f->result[5] = f->head_load;
    f->result[6] = f->eot;
    f->result[7] = (u8)(f->locked << 7 | f->perpendicular);
    f->result[8] = f->configure;
    f->result[9] = f->pretrack;
    fdc_results(f, 10, false);
}

static void version(struct fdc *f)
{
    f->result[0] = VERSION_82077;
    fdc_results(f, 1, false);
}

static void invalid(struct fdc *f)
{
    f->result[0] = ST0_INVALID;
    fdc_results(f, 1, false);
}

/* ---- Which ---- */

static const struct command {
    u8 opcode, mask; /* bits that must be as in `opcode` */
    u8 length;
    void (*execute)(struct fdc *);
} commands[] = {
    {0x06, 0x1F, 9, read_data},
    {0x0C, 0x1F, 9, read_data}, /* deleted data: an image keeps no such marks, so both read all */
    {0x05, 0x3F, 9, write_data},
    {0x09, 0x3F, 9, write_data},
    {0x02, 0x9F, 9, read_track},
    {0x16, 0x1F, 9, verify},
    {0x0A, 0xBF, 2, read_id},
    {0x0D, 0xBF, 6, format},
    {0x0F, 0xFF, 3, seek},
    {0x8F, 0xBF, 3, relative_seek},
    {0x07, 0xFF, 2, recalibrate},
    {0x08, 0xFF, 1, sense_interrupt},
    {0x04, 0xFF, 2, sense_drive},
    {0x03, 0xFF, 3, specify},
    {0x13, 0xFF, 4, configure},
    {0x12, 0xFF, 2, perpendicular},
    {0x14, 0x7F, 1, lock},
    {0x0E, 0xFF, 1, dump_registers},
    {0x10, 0xFF, 1, version},
};

static const struct command *find_command(u8 opcode)
{
    static const struct command none = {0, 0, 1, invalid};

    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        if ((opcode & commands[i].mask) == commands[i].opcode)
            return &commands[i];
    return &none;
}

unsigned fdc_length(u8 opcode) { return find_command(opcode)->length; }

void fdc_execute(struct fdc *f) { find_command(f->command[0])->execute(f); }
