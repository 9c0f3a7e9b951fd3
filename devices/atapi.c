/* SPDX-License-Identifier: MIT */
/*
 * A CD-ROM drive on an IDE channel: the commands of the register block and the phases of the PACKET command
 * (ATA/ATAPI-6, "PACKET Command feature set"). What the packets mean: atapi_commands.c.
 */
#include "devices/ide_parts.h"

#include <stdio.h>
#include <string.h>

enum { CMD_READ_SECTORS = 0x20, CMD_PACKET = 0xA0, CMD_IDENTIFY_PACKET = 0xA1, CMD_CHECK_POWER = 0xE5 };
enum { CMD_IDENTIFY = 0xEC, CMD_SET_FEATURES = 0xEF };
enum { FEATURE_DMA = 0x01, FEATURE_OVERLAP = 0x02, PACKET_SIZE = 12 };

/* ---- The end of a packet ---- */

static void packet_done(struct ide *c, struct ide_drive *d)
{
    d->count.now = REASON_IO | REASON_CD;
    ide_succeed(c, d);
}

/* The sense key shows in the error register. */
static void packet_failed(struct ide *c, struct ide_drive *d)
{
    d->count.now = REASON_IO | REASON_CD;
    ide_fail(c, d, (u8)(d->cd.key << 4 | ERROR_ABRT));
}

/* ---- Data ---- */

/* Sectors of a READ into the buffer, once what was in it is gone. False on a medium error. */
static bool refill(struct ide_drive *d)
{
    struct cd_state *cd = &d->cd;
    unsigned n = IDE_BUFFER / CD_SECTOR - 1; /* a byte count has 16 bits */
    const u64 per = CD_SECTOR / BLOCK_SECTOR;

    if (cd->sent < cd->reply || !cd->left)
        return true;
    n = cd->left < n ? (unsigned)cd->left : n;
    if (!cd->disc || !block_read(cd->disc, cd->lba * per, n * per, d->buffer))
        return atapi_sense(d, 3, 0x11, 0); /* MEDIUM ERROR, UNRECOVERED READ ERROR */
    cd->lba += n;
    cd->left -= n;
    cd->reply = n * CD_SECTOR;
    cd->sent = 0;
    return true;
}

/* "Byte count limit": 0 and FFFFh mean FFFEh, and an odd one is made even unless all is left fits. */
static unsigned next_reply(const struct ide_drive *d)
{
    unsigned limit = d->mid.before | (unsigned)d->high.before << 8, left = d->cd.reply - d->cd.sent;

    if (limit == 0 || limit == 0xFFFF)
        limit = 0xFFFE;
    if (left <= limit)
        return left;
    return limit > 1 ? limit & ~1u : 2;
}

void atapi_reply(struct ide *c, struct ide_drive *d)
{
    struct cd_state *cd = &d->cd;
    unsigned n;

    if (!refill(d)) {
        packet_failed(c, d);
        return;
    }
    n = next_reply(d);
    if (!n) {
        packet_done(c, d);
        return;
    }
    ide_offer(c, d, FLOW_PACKET_IN, cd->sent + n);
    d->at = cd->sent;
    cd->sent += n;
    d->count.now = REASON_IO;
    d->mid.now = (u8)n;
    d->high.now = (u8)(n >> 8);
    ide_raise(c, d);
}

void atapi_accepted(struct ide *c, struct ide_drive *d)
{
    if (atapi_select(d, d->cd.expected))
        packet_done(c, d);
    else
        packet_failed(c, d);
}

static bool dma_in(struct ide *c, struct ide_drive *d, bool *moved)
{
    struct cd_state *cd = &d->cd;

    for (;;) {
        if (!refill(d))
            return false;
        if (cd->sent == cd->reply)
            return true;
        *moved = master_move(c, d->buffer + cd->sent, cd->reply - cd->sent, true);
        cd->sent = cd->reply;
        if (!*moved)
            return true;
    }
}

void atapi_dma(struct ide *c, struct ide_drive *d)
{
    bool moved = true, good;

    if (!master_begin(c, d, d->dma_write))
        return;
    if (d->dma_write) {
        moved = master_move(c, d->buffer, d->cd.expected, false);
        good = moved && atapi_select(d, d->cd.expected);
    } else {
        good = dma_in(c, d, &moved);
    }
    master_end(c, d, moved);
    if (!moved)
        return;
    if (good)
        packet_done(c, d);
    else
        packet_failed(c, d);
}

/* ---- The packet ---- */

static void want_parameters(struct ide *c, struct ide_drive *d)
{
    unsigned n = d->cd.expected;

    if (d->cd.dma) {
        d->dma_write = true;
        ide_schedule(c, d, STEP_DMA, IDE_BLOCK_TIME);
        return;
    }
    ide_offer(c, d, FLOW_PACKET_OUT, n);
    d->count.now = 0;
    d->mid.now = (u8)n;
    d->high.now = (u8)(n >> 8);
    ide_raise(c, d);
}

void atapi_packet(struct ide *c, struct ide_drive *d)
{
    struct cd_state *cd = &d->cd;

    memcpy(cd->packet, d->buffer, PACKET_SIZE);
    cd->reply = cd->sent = 0;
    cd->left = 0;
    d->dma_write = false;
    switch (atapi_command(d)) {
    case ATAPI_DONE: packet_done(c, d); break;
    case ATAPI_FAILED: packet_failed(c, d); break;
    case ATAPI_PARAMETERS: want_parameters(c, d); break;
    case ATAPI_DATA:
    case ATAPI_READ:
        if (cd->dma)
            ide_schedule(c, d, STEP_DMA, IDE_BLOCK_TIME);
        else
            atapi_reply(c, d);
        break;
    }
}

/* The host's byte count is kept where the previous values of registers are, which no packet command uses. */
static void packet_begin(struct ide *c, struct ide_drive *d)
{
    if (d->feature_now & FEATURE_OVERLAP) {
        ide_fail(c, d, ERROR_ABRT);
        return;
    }
    d->cd.dma = d->feature_now & FEATURE_DMA;
    d->mid.before = d->mid.now;
    d->high.before = d->high.now;
    ide_offer(c, d, FLOW_PACKET, PACKET_SIZE);
    d->count.now = REASON_CD; /* no interrupt: IDENTIFY says so */
}

/* ---- The command register ---- */

static void identify(struct ide *c, struct ide_drive *d)
{
    u8 *to = d->buffer;
    char serial[16];

    snprintf(serial, sizeof(serial), "FL%05u", (unsigned)(d == &c->drive[1]) + 3);
    memset(to, 0, BLOCK_SECTOR);
    identify_word(to, 0, 0x85C0); /* packets of 12 bytes, DRQ within 50 us, removable, CD-ROM */
    identify_string(to + 20, serial, 20);
    identify_string(to + 46, "1.0", 8);
    identify_string(to + 54, "FAULTLINE DVD-ROM", 40);
    identify_modes(d, to);
    identify_word(to, 82, 0x0214); /* DEVICE RESET, PACKET, removable media */
    identify_word(to, 83, 0x4000);
    identify_word(to, 84, 0x4000);
    identify_word(to, 85, 0x0214);
    identify_word(to, 87, 0x4000);
    ide_offer(c, d, FLOW_DATA_IN, BLOCK_SECTOR);
    ide_raise(c, d);
}

void atapi_execute(struct ide *c, struct ide_drive *d)
{
    switch (d->command) {
    case CMD_PACKET: packet_begin(c, d); break;
    case CMD_IDENTIFY_PACKET: identify(c, d); break;
    case CMD_SET_FEATURES: ide_set_features(c, d); break;
    case CMD_IDENTIFY: /* who asks so learns what it is */
    case CMD_READ_SECTORS:
        ide_signature(d);
        ide_fail(c, d, ERROR_ABRT);
        break;
    case CMD_CHECK_POWER:
        d->count.now = 0xFF;
        ide_succeed(c, d);
        break;
    case 0xE0 ... 0xE3:
    case 0xE6: ide_succeed(c, d); break;
    default: ide_fail(c, d, ERROR_ABRT); break;
    }
}

void atapi_reset(struct ide_drive *d)
{
    struct cd_state *cd = &d->cd;

    cd->key = cd->asc = cd->ascq = 0;
    cd->locked = false;
    cd->reply = cd->sent = 0;
    cd->left = 0;
}
