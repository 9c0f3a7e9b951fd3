/* SPDX-License-Identifier: MIT */
/* What packet commands mean to a CD-ROM drive: SFF-8020i, "Multi-Media Commands" (MMC-3), "SCSI Primary Commands". */
#include "devices/ide_parts.h"

#include <string.h>

enum { NOT_READY = 2, ILLEGAL_REQUEST = 5, UNIT_ATTENTION = 6 };
enum { EVENT_NEW_MEDIA = 2, EVENT_REMOVED = 3, EVENT_EJECT_REQUEST = 1 };
enum { PROFILE_CD = 0x0008, PROFILE_DVD = 0x0010 };

/* More than fits a CD of 90 minutes is a DVD. */
#define CD_MAX 405000u

static void put16(u8 *p, unsigned v)
{
    p[0] = (u8)(v >> 8);
    p[1] = (u8)v;
}

static void put32(u8 *p, u32 v)
{
    put16(p, v >> 16);
    put16(p + 2, v & 0xFFFF);
}

static unsigned get16(const u8 *p) { return (unsigned)p[0] << 8 | p[1]; }

static u32 get32(const u8 *p) { return (u32)get16(p) << 16 | get16(p + 2); }

bool atapi_sense(struct ide_drive *d, u8 key, u8 asc, u8 ascq)
{
    d->cd.key = key;
    d->cd.asc = asc;
    d->cd.ascq = ascq;
    return false;
}

static enum atapi_result refuse(struct ide_drive *d, u8 key, u8 asc, u8 ascq)
{
    atapi_sense(d, key, asc, ascq);
    return ATAPI_FAILED;
}

static enum atapi_result bad_field(struct ide_drive *d) { return refuse(d, ILLEGAL_REQUEST, 0x24, 0); }

/* `size` bytes of the buffer, or as many as the host has room for. */
static enum atapi_result answer(struct ide_drive *d, unsigned size, unsigned room)
{
    d->cd.reply = size < room ? size : room;
    return d->cd.reply ? ATAPI_DATA : ATAPI_DONE;
}

static u64 disc_sectors(const struct ide_drive *d)
{
    return d->cd.disc ? block_sectors(d->cd.disc) / (CD_SECTOR / BLOCK_SECTOR) : 0;
}

/* ---- Readiness ---- */

static bool disc_in(const struct ide_drive *d) { return d->cd.disc && !d->cd.tray_open; }

/* After a change the host is told twice: that there is nothing, and then that it is something else. */
static enum atapi_result ready(struct ide_drive *d)
{
    struct cd_state *cd = &d->cd;

    if (cd->changing && cd->disc) {
        cd->changing = false;
        return refuse(d, NOT_READY, 0x3A, 0);
    }
    if (cd->changed && disc_in(d)) {
        cd->changed = false;
        return refuse(d, UNIT_ATTENTION, 0x28, 0);
    }
    if (!disc_in(d))
        return refuse(d, NOT_READY, 0x3A, cd->tray_open ? 2 : 1);
    return ATAPI_DONE;
}

void ide_change_disc(struct ide *c, int drive, struct block *disc)
{
    struct cd_state *cd = &c->drive[drive].cd;

    cd->event = disc ? EVENT_NEW_MEDIA : EVENT_REMOVED;
    cd->changing = cd->changed = disc != NULL;
    cd->disc = disc;
    cd->left = 0;
    if (disc)
        cd->tray_open = false; /* whoever lays a disc in closes the tray */
}

bool ide_disc_locked(const struct ide *c, int drive) { return c->drive[drive].cd.locked; }

/* ---- Identity ---- */

static enum atapi_result inquiry(struct ide_drive *d)
{
    static const u8 data[36] = {
        0x05, 0x80, 0x00, 0x21, 31,  0,   0,   0, /* CD-ROM, removable, ATAPI, response format 1 */
        'F',  'A',  'U',  'L',  'T', 'L', 'I', 'N', 'D', 'V', 'D', '-', 'R', 'O',
        'M',  ' ',  ' ',  ' ',  ' ', ' ', ' ', ' ', ' ', ' ', '1', '.', '0', ' '};

    if (d->cd.packet[1] & 1)
        return bad_field(d); /* no vital product data */
    memcpy(d->buffer, data, sizeof(data));
    return answer(d, sizeof(data), d->cd.packet[4]);
}

static enum atapi_result request_sense(struct ide_drive *d)
{
    u8 *to = d->buffer;

    memset(to, 0, 18);
    to[0] = 0x70;
    to[2] = d->cd.key;
    to[7] = 10;
    to[12] = d->cd.asc;
    to[13] = d->cd.ascq;
    atapi_sense(d, 0, 0, 0);
    return answer(d, 18, d->cd.packet[4]);
}

/* ---- The disc ---- */

static enum atapi_result read_capacity(struct ide_drive *d)
{
    enum atapi_result r = ready(d);
    u64 sectors = disc_sectors(d);

    if (r != ATAPI_DONE)
        return r;
    put32(d->buffer, sectors > 0xFFFFFFFFu ? 0xFFFFFFFFu : (u32)(sectors ? sectors - 1 : 0));
    put32(d->buffer + 4, CD_SECTOR);
    return answer(d, 8, 8);
}

static enum atapi_result read_sectors(struct ide_drive *d, u32 lba, u32 count)
{
    enum atapi_result r = ready(d);
    u64 sectors = disc_sectors(d);

    if (r != ATAPI_DONE)
        return r;
    if (lba >= sectors || count > sectors - lba)
        return refuse(d, ILLEGAL_REQUEST, 0x21, 0); /* LOGICAL BLOCK ADDRESS OUT OF RANGE */
    d->cd.lba = lba;
    d->cd.left = count;
    return count ? ATAPI_READ : ATAPI_DONE;
}

/* READ CD of what a data disc of mode 1 has: 2048 bytes of user data, or nothing. */
static enum atapi_result read_cd(struct ide_drive *d)
{
    const u8 *p = d->cd.packet;
    unsigned type = p[1] >> 2 & 7;

    if (type != 0 && type != 2)
        return refuse(d, ILLEGAL_REQUEST, 0x64, 0); /* ILLEGAL MODE FOR THIS TRACK */
    if (p[10] & 7 || (p[9] & 0xF8 && (p[9] & 0xF8) != 0x10))
        return bad_field(d);
    return read_sectors(d, get32(p + 2), p[9] & 0x10 ? get32(p + 5) & 0xFFFFFF : 0);
}

static u8 *put_address(u8 *to, u64 lba, bool msf)
{
    if (!msf) {
        put32(to, (u32)lba);
        return to + 4;
    }
    lba += 150; /* two seconds of lead-in */
    to[0] = 0;
    to[1] = (u8)(lba / 75 / 60);
    to[2] = (u8)(lba / 75 % 60);
    to[3] = (u8)(lba % 75);
    return to + 4;
}

static u8 *put_track(u8 *to, u8 number, u64 lba, bool msf)
{
    to[0] = 0;
    to[1] = 0x14; /* data track, current position */
    to[2] = number;
    to[3] = 0;
    return put_address(to + 4, lba, msf);
}

/* "Raw TOC": points A0h, A1h, A2h and the track. */
static u8 *put_raw_toc(u8 *to, u64 sectors, bool msf)
{
    static const u8 point[4] = {0xA0, 0xA1, 0xA2, 1};

    for (int i = 0; i < 4; i++) {
        memset(to, 0, 11);
        to[0] = 1;
        to[1] = 0x14;
        to[3] = point[i];
        if (i < 2)
            to[8] = 1; /* first, last track */
        else
            put_address(to + 7, i == 2 ? sectors : 0, msf);
        to += 11;
    }
    return to;
}

static enum atapi_result read_toc(struct ide_drive *d)
{
    const u8 *p = d->cd.packet;
    enum atapi_result r = ready(d);
    bool msf = p[1] & 2;
    unsigned format = p[2] & 0xF ? p[2] & 0xF : p[9] >> 6; /* SFF-8020i had it elsewhere */
    u8 *to = d->buffer + 4;

    if (r != ATAPI_DONE)
        return r;
    switch (format) {
    case 0:
        if (p[6] > 1 && p[6] != 0xAA)
            return bad_field(d);
        if (p[6] <= 1)
            to = put_track(to, 1, 0, msf);
        to = put_track(to, 0xAA, disc_sectors(d), msf);
        break;
    case 1: to = put_track(to, 1, 0, msf); break; /* one session */
    case 2: to = put_raw_toc(to, disc_sectors(d), msf); break;
    default: return bad_field(d);
    }
    put16(d->buffer, (unsigned)(to - d->buffer - 2));
    d->buffer[2] = d->buffer[3] = 1;
    return answer(d, (unsigned)(to - d->buffer), get16(p + 7));
}

static enum atapi_result read_disc_information(struct ide_drive *d)
{
    enum atapi_result r = ready(d);
    u8 *to = d->buffer;

    if (r != ATAPI_DONE)
        return r;
    if (d->cd.packet[1] & 7)
        return bad_field(d);
    memset(to, 0, 34);
    put16(to, 32);
    to[2] = 0x0E; /* complete disc, complete last session */
    to[3] = to[4] = to[5] = to[6] = 1;
    to[7] = 0x20; /* unrestricted use */
    memset(to + 16, 0xFF, 8);
    return answer(d, 34, get16(d->cd.packet + 7));
}

/* ---- GET CONFIGURATION ---- */

static u8 *put_feature(u8 *to, unsigned code, u8 flags, const u8 *data, u8 size)
{
    put16(to, code);
    to[2] = flags; /* version << 2 | persistent << 1 | current */
    to[3] = size;
    memcpy(to + 4, data, size);
    return to + 4 + size;
}

static enum atapi_result get_configuration(struct ide_drive *d)
{
    const u8 *p = d->cd.packet;
    bool in = disc_in(d), dvd = disc_sectors(d) > CD_MAX;
    u8 profiles[8] = {0, PROFILE_DVD, in && dvd, 0, 0, PROFILE_CD, in && !dvd, 0};
    const struct {
        u16 code;
        u8 flags, size;
        u8 data[8];
    } features[] = {
        {0x0000, 0x03, 8, {0}},                      /* profiles */
        {0x0001, 0x0B, 8, {0, 0, 0, 2, 1, 0, 0, 0}}, /* core, ATAPI, with device busy events */
        {0x0003, 0x03, 4, {0x29, 0, 0, 0}},          /* removable medium: tray, eject, lock */
        {0x0010, in, 8, {0, 0, 8, 0, 0, 1, 0, 0}},   /* random readable: 2048 bytes */
        {0x001E, in && !dvd, 4, {0}},                /* CD read */
        {0x001F, in && dvd, 4, {0}},                 /* DVD read */
    };
    unsigned from = get16(p + 2), kind = p[1] & 3;
    u8 *to = d->buffer + 8;

    memset(d->buffer, 0, 8);
    if (in)
        put16(d->buffer + 6, dvd ? PROFILE_DVD : PROFILE_CD);
    for (size_t i = 0; i < sizeof(features) / sizeof(features[0]); i++) {
        bool wanted = kind == 2 ? features[i].code == from : features[i].code >= from;

        if (wanted && (kind != 1 || features[i].flags & 1))
            to =
                put_feature(to, features[i].code, features[i].flags, i ? features[i].data : profiles, features[i].size);
    }
    put32(d->buffer, (u32)(to - d->buffer - 4));
    return answer(d, (unsigned)(to - d->buffer), get16(p + 7));
}

/* Class 4 is media; the host must poll, for there is no queue to wait in. */
static enum atapi_result get_event_status(struct ide_drive *d)
{
    const u8 *p = d->cd.packet;
    u8 *to = d->buffer;

    if (!(p[1] & 1))
        return bad_field(d);
    memset(to, 0, 8);
    to[3] = 0x10; /* supported classes */
    if (!(p[4] & 0x10)) {
        to[2] = 0x80; /* no event available */
        put16(to, 2);
        return answer(d, 4, get16(p + 7));
    }
    put16(to, 6);
    to[2] = 4;
    to[4] = d->cd.event;
    to[5] = (u8)((disc_in(d) ? 2 : 0) | (d->cd.tray_open ? 1 : 0));
    d->cd.event = 0;
    return answer(d, 8, get16(p + 7));
}

/* ---- Pages ---- */

static const struct {
    u8 page, size;
    u8 data[22];
} pages[] = {
    {0x01, 8, {0x01, 6, 0, 5}},                /* read error recovery: 5 retries */
    {0x0D, 8, {0x0D, 6, 0, 13, 0, 60, 0, 75}}, /* CD-ROM parameters */
    {0x0E, 16, {0x0E, 14, 4}},                 /* audio control */
    {0x1A, 12, {0x1A, 10}},                    /* power conditions */
    {0x2A,
     22,
     {0x2A, 20, 0x3B, 0, 0x71, 0x60, 0x29, 0, /* capabilities: reads CD-R(W), DVD; tray, eject, lock */
      0x15, 0x9C, 0, 2, 2, 0, 0x15, 0x9C}},   /* 5532 kB/s, 2 volume levels, buffer of 512 KiB */
};

static enum atapi_result mode_sense(struct ide_drive *d, bool ten)
{
    const u8 *p = d->cd.packet;
    unsigned page = p[2] & 0x3F, control = p[2] >> 6, header = ten ? 8 : 4;
    u8 *to = d->buffer + header;
    bool found = false;

    if (control == 3)
        return refuse(d, ILLEGAL_REQUEST, 0x39, 0); /* SAVING PARAMETERS NOT SUPPORTED */
    memset(d->buffer, 0, 256);
    for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
        if (page != 0x3F && page != pages[i].page)
            continue;
        found = true;
        memcpy(to, pages[i].data, control == 1 ? 2 : pages[i].size); /* nothing can be changed */
        if (pages[i].page == 0x2A && control != 1 && d->cd.locked)
            to[6] |= 2;
        to += pages[i].size;
    }
    if (!found)
        return bad_field(d);
    if (ten) {
        put16(d->buffer, (unsigned)(to - d->buffer - 2));
        d->buffer[2] = d->cd.tray_open ? 0x71 : disc_in(d) ? 0x01 : 0x70;
        return answer(d, (unsigned)(to - d->buffer), get16(p + 7));
    }
    d->buffer[0] = (u8)(to - d->buffer - 1);
    d->buffer[1] = d->cd.tray_open ? 0x71 : disc_in(d) ? 0x01 : 0x70;
    return answer(d, (unsigned)(to - d->buffer), p[4]);
}

static enum atapi_result mode_select(struct ide_drive *d)
{
    unsigned size = get16(d->cd.packet + 7);

    if (!size)
        return ATAPI_DONE;
    if (size > 256)
        return bad_field(d);
    d->cd.expected = (u16)size;
    return ATAPI_PARAMETERS;
}

/* Pages that exist may be set to what they are; nothing is remembered of the others that are allowed, error recovery
 * and audio, for nothing here depends on them. */
bool atapi_select(struct ide_drive *d, unsigned size)
{
    for (unsigned at = 8; at + 2 <= size;) {
        bool known = false;

        for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++)
            known |= (d->buffer[at] & 0x3F) == pages[i].page && d->buffer[at + 1] == pages[i].size - 2;
        if (!known)
            return atapi_sense(d, ILLEGAL_REQUEST, 0x26, 0); /* INVALID FIELD IN PARAMETER LIST */
        at += 2u + d->buffer[at + 1];
    }
    return true;
}

/* ---- The tray ---- */

static enum atapi_result start_stop(struct ide_drive *d)
{
    struct cd_state *cd = &d->cd;
    unsigned what = cd->packet[4] & 3; /* LoEj, Start */

    if (cd->packet[4] >> 4 || !(what & 2))
        return ATAPI_DONE; /* power conditions, and spinning up and down */
    if (what == 3) {
        if (cd->tray_open && cd->disc) {
            cd->changed = true;
            cd->event = EVENT_NEW_MEDIA;
        }
        cd->tray_open = false;
        return ATAPI_DONE;
    }
    if (cd->locked)
        return refuse(d, disc_in(d) ? ILLEGAL_REQUEST : NOT_READY, 0x53, 2); /* MEDIUM REMOVAL PREVENTED */
    if (!cd->tray_open && cd->disc)
        cd->event = EVENT_REMOVED;
    cd->tray_open = true;
    return ATAPI_DONE;
}

static enum atapi_result mechanism_status(struct ide_drive *d)
{
    memset(d->buffer, 0, 8);
    d->buffer[1] = d->cd.tray_open ? 0x10 : 0;
    d->buffer[5] = 1; /* slots in the table: none follow */
    return answer(d, 8, get16(d->cd.packet + 8));
}

static enum atapi_result prevent_allow(struct ide_drive *d)
{
    d->cd.locked = d->cd.packet[4] & 1;
    return ATAPI_DONE;
}

/* ---- Which ---- */

enum atapi_result atapi_command(struct ide_drive *d)
{
    const u8 *p = d->cd.packet;

    if (p[0] != 0x03)
        atapi_sense(d, 0, 0, 0);
    switch (p[0]) {
    case 0x00: return ready(d);
    case 0x03: return request_sense(d);
    case 0x12: return inquiry(d);
    case 0x1A: return mode_sense(d, false);
    case 0x1B: return start_stop(d);
    case 0x1E: return prevent_allow(d);
    case 0x25: return read_capacity(d);
    case 0x28: return read_sectors(d, get32(p + 2), get16(p + 7));
    case 0x2B: return read_sectors(d, get32(p + 2), 0); /* SEEK */
    case 0x43: return read_toc(d);
    case 0x46: return get_configuration(d);
    case 0x4A: return get_event_status(d);
    case 0x51: return read_disc_information(d);
    case 0x55: return mode_select(d);
    case 0x5A: return mode_sense(d, true);
    case 0xA8: return read_sectors(d, get32(p + 2), get32(p + 6));
    case 0xBB: return ATAPI_DONE; /* SET CD SPEED */
    case 0xBD: return mechanism_status(d);
    case 0xBE: return read_cd(d);
    default: return refuse(d, ILLEGAL_REQUEST, 0x20, 0); /* INVALID COMMAND OPERATION CODE */
    }
}
