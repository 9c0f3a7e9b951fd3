/* SPDX-License-Identifier: MIT */
/*
 * Two 8237A DMA controllers (Intel 231466) as in the PC/AT: the first moves bytes on channels 0 to 3, the second words
 * on channels 5 to 7, its channel 4 being the cascade. Page registers give the address bits above the sixteen that
 * count; nothing carries into them. A transfer takes no time of its own: it happens when its device says.
 */
#include "devices/chipset.h"

#include <stdlib.h>

enum { CHANNELS = 8 };
enum { COMMAND_MEMORY = 0x01, COMMAND_HOLD = 0x02, COMMAND_DISABLE = 0x04 };
enum { MODE_TYPE = 0x0C, MODE_VERIFY = 0x00, MODE_WRITE = 0x04, MODE_READ = 0x08 };
enum { MODE_AUTO = 0x10, MODE_DOWN = 0x20, MODE_CASCADE = 0xC0 };
enum { AT_COMMAND = 8, AT_REQUEST, AT_MASK, AT_MODE, AT_FLIPFLOP, AT_CLEAR, AT_UNMASK, AT_ALL_MASKS };

struct channel {
    u16 base_address, base_count, address, count;
    u8 page, mode;
    bool masked, request; /* request: DREQ */
    void (*ready)(void *device);
    void *device;
};

struct controller {
    u8 command, temporary;
    u8 reached;  /* TC: bits 3:0 of the status */
    u8 software; /* requests by software */
    bool high;   /* the flip-flop: the next byte is the high one */
};

struct dma {
    struct phys *phys;
    struct controller controller[2];
    struct channel channel[CHANNELS];
    u8 scratch[16]; /* page registers that belong to no channel are RAM */
};

/* ---- Addresses and counts ---- */

static unsigned unit_of(int n) { return n < 4 ? 1 : 2; }

static u64 physical(const struct channel *c, unsigned unit)
{
    if (unit == 1)
        return (u64)c->page << 16 | c->address;
    return (u64)(c->page & 0xFE) << 16 | (u64)c->address << 1;
}

/* `n` units are moved, no more than the count allows; true at terminal count. */
static bool advance(struct dma *d, int number, unsigned n)
{
    struct channel *c = &d->channel[number];
    bool over = n == c->count + 1u;

    c->address = (u16)(c->mode & MODE_DOWN ? c->address - n : c->address + n);
    c->count = (u16)(c->count - n);
    if (!over)
        return false;
    d->controller[number / 4].reached |= (u8)(1 << number % 4);
    d->controller[number / 4].software &= (u8) ~(1 << number % 4);
    if (c->mode & MODE_AUTO) {
        c->address = c->base_address;
        c->count = c->base_count;
    } else {
        c->masked = true;
    }
    return true;
}

/* Units that can be moved in one piece: downwards it is one at a time, upwards to where the address wraps. */
static unsigned piece(const struct channel *c, size_t units)
{
    size_t n = c->mode & MODE_DOWN ? 1 : 0x10000u - c->address;

    n = n < c->count + 1u ? n : c->count + 1u;
    return (unsigned)(n < units ? n : units);
}

static bool serves(const struct dma *d, int number, u8 type)
{
    const struct channel *c = &d->channel[number];
    u8 mine = c->mode & MODE_TYPE;

    if (c->masked || d->controller[number / 4].command & COMMAND_DISABLE || (c->mode & MODE_CASCADE) == MODE_CASCADE)
        return false;
    if (number < 4 && (d->channel[4].masked || d->controller[1].command & COMMAND_DISABLE))
        return false; /* the cascade is closed */
    return mine == type || mine == MODE_VERIFY;
}

/* ---- Transfers ---- */

size_t dma_to_memory(struct dma *d, int number, const u8 *bytes, size_t size, bool *tc)
{
    struct channel *c = &d->channel[number];
    unsigned unit = unit_of(number);
    size_t done = 0;

    *tc = false;
    while (size - done >= unit && !*tc && serves(d, number, MODE_WRITE)) {
        unsigned n = piece(c, (size - done) / unit);

        if ((c->mode & MODE_TYPE) == MODE_WRITE)
            phys_copy_in(d->phys, physical(c, unit), bytes + done, (u64)n * unit);
        done += (size_t)n * unit;
        *tc = advance(d, number, n);
    }
    return done;
}

size_t dma_from_memory(struct dma *d, int number, u8 *bytes, size_t size, bool *tc)
{
    struct channel *c = &d->channel[number];
    unsigned unit = unit_of(number);
    size_t done = 0;

    *tc = false;
    while (size - done >= unit && !*tc && serves(d, number, MODE_READ)) {
        unsigned n = piece(c, (size - done) / unit);

        if ((c->mode & MODE_TYPE) == MODE_READ)
            phys_copy_out(d->phys, physical(c, unit), bytes + done, (u64)n * unit);
        done += (size_t)n * unit;
        *tc = advance(d, number, n);
    }
    return done;
}

/* "Memory-to-Memory": channel 0 names the source and starts it, channel 1 the destination and the count. */
static void memory_to_memory(struct dma *d)
{
    struct controller *k = &d->controller[0];
    struct channel *from = &d->channel[0], *to = &d->channel[1];

    for (bool over = false; !over;) {
        phys_copy_out(d->phys, physical(from, 1), &k->temporary, 1);
        phys_copy_in(d->phys, physical(to, 1), &k->temporary, 1);
        if (!(k->command & COMMAND_HOLD))
            from->address = (u16)(from->mode & MODE_DOWN ? from->address - 1 : from->address + 1);
        over = advance(d, 1, 1);
    }
    k->software &= (u8)~1;
}

void dma_connect(struct dma *d, int number, void (*ready)(void *device), void *device)
{
    d->channel[number].ready = ready;
    d->channel[number].device = device;
}

void dma_request(struct dma *d, int number, bool level) { d->channel[number].request = level; }

/* Something was programmed: whoever waits may go on. */
static void look(struct dma *d)
{
    for (int i = 0; i < CHANNELS; i++) {
        struct channel *c = &d->channel[i];

        if (c->request && c->ready && (serves(d, i, MODE_READ) || serves(d, i, MODE_WRITE)))
            c->ready(c->device);
    }
}

/* ---- Registers ---- */

static u8 channel_read(struct dma *d, int first, unsigned at)
{
    const struct channel *c = &d->channel[first + (int)(at / 2)];
    struct controller *k = &d->controller[first / 4];
    u16 v = at & 1 ? c->count : c->address;

    k->high = !k->high;
    return (u8)(k->high ? v : v >> 8);
}

static void channel_write(struct dma *d, int first, unsigned at, u8 value)
{
    struct channel *c = &d->channel[first + (int)(at / 2)];
    struct controller *k = &d->controller[first / 4];
    u16 *base = at & 1 ? &c->base_count : &c->base_address;

    *base = (u16)(k->high ? (*base & 0x00FF) | value << 8 : (*base & 0xFF00) | value);
    k->high = !k->high;
    if (at & 1)
        c->count = *base;
    else
        c->address = *base;
}

static u8 status_read(struct dma *d, int first)
{
    struct controller *k = &d->controller[first / 4];
    u8 status = (u8)(k->reached | k->software << 4);

    for (int i = 0; i < 4; i++)
        status |= (u8)(d->channel[first + i].request << (4 + i));
    k->reached = 0;
    return status;
}

static u8 masks_read(const struct dma *d, int first)
{
    u8 masks = 0xF0;

    for (int i = 0; i < 4; i++)
        masks |= (u8)(d->channel[first + i].masked << i);
    return masks;
}

static u8 controller_read(struct dma *d, int first, unsigned at)
{
    switch (at) {
    case AT_COMMAND: return status_read(d, first);
    case AT_CLEAR: return d->controller[first / 4].temporary;
    case AT_ALL_MASKS: return masks_read(d, first);
    default: return at < AT_COMMAND ? channel_read(d, first, at) : 0xFF;
    }
}

static void set_masks(struct dma *d, int first, u8 masks)
{
    for (int i = 0; i < 4; i++)
        d->channel[first + i].masked = masks >> i & 1;
}

static void clear(struct dma *d, int first)
{
    d->controller[first / 4] = (struct controller){0};
    set_masks(d, first, 0x0F);
}

static void request_write(struct dma *d, int first, u8 value)
{
    struct controller *k = &d->controller[first / 4];
    u8 bit = (u8)(1 << (value & 3));

    k->software = (u8)(value & 4 ? k->software | bit : k->software & ~bit);
    if (first == 0 && (k->software & 1) && k->command & COMMAND_MEMORY && !(k->command & COMMAND_DISABLE))
        memory_to_memory(d);
}

static void controller_write(struct dma *d, int first, unsigned at, u8 value)
{
    struct controller *k = &d->controller[first / 4];

    switch (at) {
    case AT_COMMAND: k->command = value; break;
    case AT_REQUEST: request_write(d, first, value); break;
    case AT_MASK: d->channel[first + (value & 3)].masked = value & 4; break;
    case AT_MODE: d->channel[first + (value & 3)].mode = value & 0xFC; break;
    case AT_FLIPFLOP: k->high = false; break;
    case AT_CLEAR: clear(d, first); break;
    case AT_UNMASK: set_masks(d, first, 0); break;
    case AT_ALL_MASKS: set_masks(d, first, value); break;
    default: channel_write(d, first, at, value); return;
    }
    look(d);
}

static u64 low_read(void *device, u64 offset, unsigned width)
{
    (void)width;
    return controller_read(device, 0, (unsigned)offset);
}

static void low_write(void *device, u64 offset, u64 value, unsigned width)
{
    (void)width;
    controller_write(device, 0, (unsigned)offset, (u8)value);
}

const struct region_ops dma_low_ops = {low_read, low_write, 1, 1, "8237 channels 0-3"};

/* Address line 0 goes nowhere: each register shows at two ports. */
static u64 high_read(void *device, u64 offset, unsigned width)
{
    (void)width;
    return controller_read(device, 4, (unsigned)offset / 2);
}

static void high_write(void *device, u64 offset, u64 value, unsigned width)
{
    (void)width;
    controller_write(device, 4, (unsigned)offset / 2, (u8)value);
}

const struct region_ops dma_high_ops = {high_read, high_write, 1, 1, "8237 channels 4-7"};

/* The channel of a page register, by its port's low four bits; -1: none. */
static int page_channel(unsigned port)
{
    static const s8 channel[16] = {-1, 2, 3, 1, -1, -1, -1, 0, -1, 6, 7, 5, -1, -1, -1, 4};

    return channel[port & 15];
}

static u64 page_read(void *device, u64 offset, unsigned width)
{
    const struct dma *d = device;
    unsigned port = (unsigned)offset + 1;
    int n = page_channel(port);

    (void)width;
    return n < 0 ? d->scratch[port & 15] : d->channel[n].page;
}

static void page_write(void *device, u64 offset, u64 value, unsigned width)
{
    struct dma *d = device;
    unsigned port = (unsigned)offset + 1;
    int n = page_channel(port);

    (void)width;
    *(n < 0 ? &d->scratch[port & 15] : &d->channel[n].page) = (u8)value;
}

const struct region_ops dma_page_ops = {page_read, page_write, 1, 1, "DMA page registers"};

/* ---- Life ---- */

/* RESET acts as a master clear: until firmware opens the cascade, the first controller is cut off. */
void dma_reset(struct dma *d)
{
    clear(d, 0);
    clear(d, 4);
    for (int i = 0; i < CHANNELS; i++)
        d->channel[i].mode = 0;
}

struct dma *dma_create(struct phys *phys)
{
    struct dma *d = calloc(1, sizeof(*d));

    if (!d)
        return NULL;
    d->phys = phys;
    dma_reset(d);
    return d;
}

void dma_destroy(struct dma *d) { free(d); }

/* ---- State ---- */

static const struct state_field channel_fields[] = {
    STATE_ANY(channel, base_address), STATE_ANY(channel, base_count), STATE_ANY(channel, address),
    STATE_ANY(channel, count),        STATE_ANY(channel, page),       STATE_ANY(channel, mode),
    STATE_BOOL(channel, masked),      STATE_BOOL(channel, request),   STATE_WIRED(channel, ready),
    STATE_WIRED(channel, device),
};
static const struct state_table channel_table = STATE_TABLE(channel, channel_fields);
static const struct state_field controller_fields[] = {
    STATE_ANY(controller, command),  STATE_ANY(controller, temporary), STATE_ANY(controller, reached),
    STATE_ANY(controller, software), STATE_BOOL(controller, high),
};
static const struct state_table controller_table = STATE_TABLE(controller, controller_fields);
static const struct state_field fields[] = {
    STATE_WIRED(dma, phys),
    STATE_STRUCT(dma, controller, &controller_table),
    STATE_STRUCT(dma, channel, &channel_table),
    STATE_ANY(dma, scratch),
};
static const struct state_table table = STATE_TABLE(dma, fields);

void dma_state(struct dma *d, struct state *s) { state_struct(s, &table, d); }
