/* SPDX-License-Identifier: MIT */
/* The commands of an IDE disk: ATA/ATAPI-6, "Command Descriptions", and the CHS addresses of before. */
#include "devices/ide_parts.h"

#include <stdio.h>
#include <string.h>

enum {
    CMD_READ_NATIVE_MAX_EXT = 0x27,
    CMD_INITIALIZE_PARAMETERS = 0x91,
    CMD_SET_MULTIPLE = 0xC6,
    CMD_CHECK_POWER = 0xE5,
    CMD_FLUSH = 0xE7,
    CMD_FLUSH_EXT = 0xEA,
    CMD_IDENTIFY = 0xEC,
    CMD_SET_FEATURES = 0xEF,
    CMD_READ_NATIVE_MAX = 0xF8,
};

/* Commands that name sectors. */
enum { EXT = 0x01, WRITE = 0x02, MULTIPLE = 0x04, DMA = 0x08, VERIFY = 0x10 };
static const struct {
    u8 command, kind;
} transfers[] = {
    {0x20, 0},      {0x21, 0},      {0x24, EXT},          {0x25, EXT | DMA},         {0x29, EXT | MULTIPLE},
    {0x30, WRITE},  {0x31, WRITE},  {0x34, EXT | WRITE},  {0x35, EXT | WRITE | DMA}, {0x39, EXT | WRITE | MULTIPLE},
    {0x40, VERIFY}, {0x41, VERIFY}, {0x42, EXT | VERIFY}, {0xC4, MULTIPLE},          {0xC5, WRITE | MULTIPLE},
    {0xC8, DMA},    {0xC9, DMA},    {0xCA, WRITE | DMA},  {0xCB, WRITE | DMA},
};

#define LBA28_MAX 0x0FFFFFFFull

/* ---- Geometry and addresses ---- */

void disk_defaults(struct ide_drive *d)
{
    u64 cylinders = block_sectors(d->block) / (16 * 63);

    d->all_cylinders = cylinders > 16383 ? 16383 : cylinders < 1 ? 1 : (unsigned)cylinders;
    d->all_heads = 16;
    d->all_sectors = 63;
    d->cylinders = d->all_cylinders;
    d->heads = d->all_heads;
    d->sectors = d->all_sectors;
    d->multiple = 0;
    d->mwdma = 0x04; /* mode 2 */
    d->udma = 0;
    d->write_cache = d->look_ahead = true;
}

static u64 lba_of_chs(const struct ide_drive *d, bool *valid)
{
    u64 cylinder = d->mid.now | (unsigned)d->high.now << 8;
    unsigned head = d->device & DEVICE_HEAD, sector = d->low.now;

    *valid = sector >= 1 && sector <= d->sectors && head < d->heads;
    return (cylinder * d->heads + head) * d->sectors + sector - 1;
}

/* What the registers name, into lba and left; false: no such sectors. */
static bool take_range(struct ide_drive *d, bool ext)
{
    u64 sectors = block_sectors(d->block);
    bool valid = true;

    d->ext = ext;
    if (ext) {
        d->lba = d->low.now | (u64)d->mid.now << 8 | (u64)d->high.now << 16 | (u64)d->low.before << 24 |
                 (u64)d->mid.before << 32 | (u64)d->high.before << 40;
        d->left = d->count.now | (unsigned)d->count.before << 8;
        d->left = d->left ? d->left : 65536;
    } else {
        d->lba = d->device & DEVICE_LBA
                     ? d->low.now | (u64)d->mid.now << 8 | (u64)d->high.now << 16 | (u64)(d->device & DEVICE_HEAD) << 24
                     : lba_of_chs(d, &valid);
        d->left = d->count.now ? d->count.now : 256;
    }
    return valid && d->lba < sectors && d->left <= sectors - d->lba;
}

/* The address of the sector that failed, or of the last one there is. */
static void show_address(struct ide_drive *d, u64 lba, bool ext)
{
    if (ext) {
        d->low = (struct twice){(u8)lba, (u8)(lba >> 24)};
        d->mid = (struct twice){(u8)(lba >> 8), (u8)(lba >> 32)};
        d->high = (struct twice){(u8)(lba >> 16), (u8)(lba >> 40)};
        return;
    }
    if (d->device & DEVICE_LBA) {
        d->device = (u8)((d->device & ~DEVICE_HEAD) | (lba >> 24 & DEVICE_HEAD));
    } else {
        u64 track = lba / d->sectors;

        d->device = (u8)((d->device & ~DEVICE_HEAD) | track % d->heads);
        lba = (lba % d->sectors + 1) | track / d->heads << 8;
    }
    d->low.now = (u8)lba;
    d->mid.now = (u8)(lba >> 8);
    d->high.now = (u8)(lba >> 16);
}

static void fail_at(struct ide *c, struct ide_drive *d, u8 error)
{
    show_address(d, d->lba, d->ext);
    ide_fail(c, d, error);
}

/* ---- Transfers ---- */

static unsigned next_block(const struct ide_drive *d)
{
    return d->left < d->block_sectors ? (unsigned)d->left : d->block_sectors;
}

void disk_read_block(struct ide *c, struct ide_drive *d)
{
    unsigned n = next_block(d);

    if (!block_read(d->block, d->lba, n, d->buffer)) {
        fail_at(c, d, ERROR_UNC);
        return;
    }
    d->lba += n;
    d->left -= n;
    ide_offer(c, d, FLOW_READ, n * BLOCK_SECTOR);
    ide_raise(c, d);
}

/* A write that cannot be is a device fault: "DF ... internal write error". */
static bool store(struct ide_drive *d, unsigned n)
{
    if (!block_write(d->block, d->lba, n, d->buffer))
        return false;
    d->lba += n;
    d->left -= n;
    return true;
}

static void write_failed(struct ide *c, struct ide_drive *d)
{
    fail_at(c, d, ERROR_ABRT);
    if (!block_read_only(d->block))
        d->status |= STATUS_DF;
}

void disk_write_block(struct ide *c, struct ide_drive *d)
{
    if (!store(d, d->size / BLOCK_SECTOR)) {
        write_failed(c, d);
    } else if (d->left) {
        ide_offer(c, d, FLOW_WRITE, next_block(d) * BLOCK_SECTOR);
        ide_raise(c, d);
    } else {
        ide_succeed(c, d);
    }
}

/* One round of at most a buffer; false once the command is over. */
static bool dma_round(struct ide *c, struct ide_drive *d, bool *moved)
{
    unsigned n = d->left < IDE_BUFFER / BLOCK_SECTOR ? (unsigned)d->left : IDE_BUFFER / BLOCK_SECTOR;

    if (!n)
        return false;
    if (d->dma_write) {
        *moved = master_move(c, d->buffer, n * BLOCK_SECTOR, false);
        if (!*moved)
            return false;
        if (!store(d, n)) {
            write_failed(c, d);
            return false;
        }
        return true;
    }
    if (!block_read(d->block, d->lba, n, d->buffer)) {
        fail_at(c, d, ERROR_UNC);
        return false;
    }
    d->lba += n;
    d->left -= n;
    return *moved = master_move(c, d->buffer, n * BLOCK_SECTOR, true);
}

void disk_dma(struct ide *c, struct ide_drive *d)
{
    bool moved = true;

    if (!master_begin(c, d, d->dma_write))
        return;
    while (dma_round(c, d, &moved))
        ;
    master_end(c, d, moved);
    if (moved && !(d->status & STATUS_ERR))
        ide_succeed(c, d);
}

static void verify(struct ide *c, struct ide_drive *d)
{
    for (unsigned n; d->left; d->lba += n, d->left -= n) {
        n = d->left < IDE_BUFFER / BLOCK_SECTOR ? (unsigned)d->left : IDE_BUFFER / BLOCK_SECTOR;
        if (!block_read(d->block, d->lba, n, d->buffer)) {
            fail_at(c, d, ERROR_UNC);
            return;
        }
    }
    ide_succeed(c, d);
}

static void transfer(struct ide *c, struct ide_drive *d, u8 kind)
{
    if (kind & MULTIPLE && !d->multiple) {
        ide_fail(c, d, ERROR_ABRT);
        return;
    }
    if (!take_range(d, kind & EXT)) {
        ide_fail(c, d, ERROR_IDNF);
        return;
    }
    d->block_sectors = kind & MULTIPLE ? d->multiple : 1;
    d->dma_write = kind & WRITE;
    if (kind & WRITE && block_read_only(d->block))
        ide_fail(c, d, ERROR_ABRT);
    else if (kind & VERIFY)
        verify(c, d);
    else if (kind & DMA)
        ide_schedule(c, d, STEP_DMA, IDE_BLOCK_TIME);
    else if (kind & WRITE)
        ide_offer(c, d, FLOW_WRITE, next_block(d) * BLOCK_SECTOR); /* the first block comes without an interrupt */
    else
        disk_read_block(c, d);
}

/* ---- IDENTIFY DEVICE ---- */

void identify_word(u8 *to, unsigned word, unsigned value)
{
    to[2 * word] = (u8)value;
    to[2 * word + 1] = (u8)(value >> 8);
}

/* "ATA strings": padded with blanks, the first character in the high byte of its word. */
void identify_string(u8 *to, const char *text, unsigned size)
{
    for (unsigned i = 0; i < size; i++) {
        to[i ^ 1] = *text ? (u8)*text : ' ';
        text += *text != '\0';
    }
}

/* Words 49 to 68 and 88 as far as they tell of transfer modes: PIO 4, multiword DMA 2, Ultra DMA 5. */
void identify_modes(const struct ide_drive *d, u8 *to)
{
    identify_word(to, 49, 0x0F00); /* IORDY, LBA, DMA */
    identify_word(to, 53, 0x0006); /* words 64..70 and 88 are valid */
    identify_word(to, 63, 0x0007 | (unsigned)d->mwdma << 8);
    identify_word(to, 64, 0x0003);
    for (unsigned i = 65; i <= 68; i++)
        identify_word(to, i, 120);
    identify_word(to, 80, 0x007E); /* ATA-1 to ATA/ATAPI-6 */
    identify_word(to, 88, 0x003F | (unsigned)d->udma << 8);
    identify_word(to, 93, 0x6001); /* a cable of 80 conductors */
}

static void identify_sizes(const struct ide_drive *d, u8 *to)
{
    u64 sectors = block_sectors(d->block), lba28 = sectors > LBA28_MAX ? LBA28_MAX : sectors;
    u64 chs = (u64)d->cylinders * d->heads * d->sectors;

    identify_word(to, 1, d->all_cylinders);
    identify_word(to, 3, d->all_heads);
    identify_word(to, 6, d->all_sectors);
    identify_word(to, 53, 0x0007); /* 54..58 too */
    identify_word(to, 54, d->cylinders);
    identify_word(to, 55, d->heads);
    identify_word(to, 56, d->sectors);
    identify_word(to, 57, (unsigned)chs);
    identify_word(to, 58, (unsigned)(chs >> 16));
    identify_word(to, 60, (unsigned)lba28);
    identify_word(to, 61, (unsigned)(lba28 >> 16));
    for (unsigned i = 0; i < 4; i++)
        identify_word(to, 100 + i, (unsigned)(sectors >> (16 * i)));
}

static void identify(struct ide *c, struct ide_drive *d)
{
    u8 *to = d->buffer;
    char serial[16];

    snprintf(serial, sizeof(serial), "FL%05u", (unsigned)(d == &c->drive[1]) + 1);
    memset(to, 0, BLOCK_SECTOR);
    identify_word(to, 0, 0x0040); /* not removable */
    identify_string(to + 20, serial, 20);
    identify_string(to + 46, "1.0", 8);
    identify_string(to + 54, "FAULTLINE HARDDISK", 40);
    identify_word(to, 47, 0x8000 | IDE_MULTIPLE);
    identify_modes(d, to);
    identify_word(to, 59, d->multiple ? 0x0100 | d->multiple : 0);
    identify_sizes(d, to);
    identify_word(to, 82, 0x4068); /* NOP, look-ahead, write cache, power management */
    identify_word(to, 83, 0x7400); /* FLUSH CACHE, EXT, 48-bit addresses */
    identify_word(to, 84, 0x4000);
    identify_word(to, 85, 0x4008 | (d->write_cache ? 0x20 : 0) | (d->look_ahead ? 0x40 : 0));
    identify_word(to, 86, 0x3400);
    identify_word(to, 87, 0x4000);
    ide_offer(c, d, FLOW_DATA_IN, BLOCK_SECTOR);
    ide_raise(c, d);
}

/* ---- SET FEATURES and other settings ---- */

/* "Transfer mode values": the type in bits 7:3, the mode in 2:0. */
static bool set_transfer_mode(struct ide_drive *d, u8 value)
{
    unsigned mode = value & 7;

    switch (value >> 3) {
    case 0x00: return mode <= 1; /* default PIO, with or without IORDY */
    case 0x01: return mode <= 4;
    case 0x04:
        d->udma = 0;
        d->mwdma = (u8)(1u << mode);
        return mode <= 2;
    case 0x08:
        d->mwdma = 0;
        d->udma = (u8)(1u << mode);
        return mode <= 5;
    default: return false;
    }
}

void ide_set_features(struct ide *c, struct ide_drive *d)
{
    u8 mwdma = d->mwdma, udma = d->udma;
    bool known = true;

    switch (d->feature_now) {
    case 0x02: d->write_cache = true; break;
    case 0x82: d->write_cache = false; break;
    case 0x55: d->look_ahead = false; break;
    case 0xAA: d->look_ahead = true; break;
    case 0x66: /* keep settings after a software reset, or not: they are kept */
    case 0xCC: break;
    case 0x03: known = set_transfer_mode(d, d->count.now); break;
    default: known = false; break;
    }
    if (known) {
        ide_succeed(c, d);
        return;
    }
    d->mwdma = mwdma;
    d->udma = udma;
    ide_fail(c, d, ERROR_ABRT);
}

static void initialize_parameters(struct ide *c, struct ide_drive *d)
{
    unsigned heads = (d->device & DEVICE_HEAD) + 1u, sectors = d->count.now;
    u64 all = block_sectors(d->block), limit = (u64)d->all_cylinders * d->all_heads * d->all_sectors, cylinders;

    if (!sectors) {
        ide_fail(c, d, ERROR_ABRT);
        return;
    }
    cylinders = (all < limit ? all : limit) / (heads * sectors);
    d->heads = heads;
    d->sectors = sectors;
    d->cylinders = cylinders > 65535 ? 65535 : (unsigned)cylinders;
    ide_succeed(c, d);
}

/* A power of two up to what IDENTIFY says; 0 disables. */
static void set_multiple(struct ide *c, struct ide_drive *d)
{
    unsigned n = d->count.now;

    if (n > IDE_MULTIPLE || (n & (n - 1))) {
        ide_fail(c, d, ERROR_ABRT);
        return;
    }
    d->multiple = n;
    ide_succeed(c, d);
}

static void flush(struct ide *c, struct ide_drive *d)
{
    if (block_flush(d->block)) {
        ide_succeed(c, d);
        return;
    }
    ide_fail(c, d, ERROR_ABRT);
    d->status |= STATUS_DF;
}

static void native_max(struct ide *c, struct ide_drive *d, bool ext)
{
    u64 last = block_sectors(d->block) - 1;

    d->device |= DEVICE_LBA;
    show_address(d, ext || last < LBA28_MAX ? last : LBA28_MAX - 1, ext);
    ide_succeed(c, d);
}

/* ---- The command register ---- */

static void others(struct ide *c, struct ide_drive *d)
{
    switch (d->command) {
    case CMD_IDENTIFY: identify(c, d); break;
    case CMD_SET_FEATURES: ide_set_features(c, d); break;
    case CMD_SET_MULTIPLE: set_multiple(c, d); break;
    case CMD_INITIALIZE_PARAMETERS: initialize_parameters(c, d); break;
    case CMD_FLUSH:
    case CMD_FLUSH_EXT: flush(c, d); break;
    case CMD_READ_NATIVE_MAX: native_max(c, d, false); break;
    case CMD_READ_NATIVE_MAX_EXT: native_max(c, d, true); break;
    case CMD_CHECK_POWER:
    case 0x98:               /* of ATA-1 */
        d->count.now = 0xFF; /* active */
        ide_succeed(c, d);
        break;
    case 0x94 ... 0x97: /* standby and idle, immediate or not, of ATA-1 and today: nothing spins */
    case 0x99:
    case 0xE0 ... 0xE3:
    case 0xE6: ide_succeed(c, d); break;
    default:
        if (d->command >> 4 == 0x1 || d->command >> 4 == 0x7) /* RECALIBRATE, SEEK */
            ide_succeed(c, d);
        else
            ide_fail(c, d, ERROR_ABRT);
        break;
    }
}

void disk_execute(struct ide *c, struct ide_drive *d)
{
    for (size_t i = 0; i < sizeof(transfers) / sizeof(transfers[0]); i++)
        if (transfers[i].command == d->command) {
            transfer(c, d, transfers[i].kind);
            return;
        }
    others(c, d);
}
