/* SPDX-License-Identifier: MIT */
/*
 * Two 8259A interrupt controllers (Intel 231468, "8259A Programmable Interrupt Controller") cascaded as in every PC
 * since the AT, with the edge/level control registers of the PIIX (82371, "ELCR1/ELCR2"), which replace the LTIM bit
 * of ICW1. The call-address (MCS-80) form of INTA has no meaning on an x86 bus and gives the vector as well.
 */
#include "devices/devices.h"

#include <stdlib.h>

enum { ICW1 = 0x10, ICW1_IC4 = 0x01, ICW1_SINGLE = 0x02 };
enum { ICW4_AEOI = 0x02, ICW4_SFNM = 0x10 };
enum { OCW3 = 0x08, OCW3_RIS = 0x01, OCW3_RR = 0x02, OCW3_POLL = 0x04, OCW3_SMM = 0x20, OCW3_ESMM = 0x40 };
enum { CASCADE = 2, SPURIOUS = 7 };

/* Which initialisation word the next write with A0 = 1 is; READY means an OCW1. */
enum init_step { READY, WANT_ICW2, WANT_ICW3, WANT_ICW4 };

struct chip {
    u8 line; /* levels of the inputs */
    u8 edge; /* edge-sense latches: the input rose and was not yet acknowledged */
    u8 isr, imr;
    u8 elcr; /* 1: level triggered */
    u8 base; /* ICW2: vector of IR0 */
    u8 icw1, icw3, icw4;
    u8 lowest; /* the input of lowest priority; 7 unless rotated */
    u8 step;   /* enum init_step */
    bool special_mask, rotate_in_aeoi, read_isr, poll;
};

struct pic {
    struct chip chip[2]; /* master, slave */
    struct wire intr;
};

/* The IRR: a level input is as the line is; an edge must have been seen, and the line must still be up ("the IR inputs
 * must remain high until after the falling edge of the first INTA"). */
static u8 chip_irr(const struct chip *c) { return (u8)(c->line & (c->elcr | c->edge)); }

/* The IR of highest priority in `set`, counted from the one after `lowest`; -1 if the set is empty. */
static int chip_highest(const struct chip *c, u8 set)
{
    unsigned turned;

    if (!set)
        return -1;
    turned = ((unsigned)set << 8 | set) >> (c->lowest + 1);
    return (int)(((unsigned)__builtin_ctz(turned) + c->lowest + 1) & 7);
}

/* The inputs no in-service interrupt holds back, were they all requesting. */
static u8 chip_unblocked(const struct chip *c, bool master)
{
    u8 service = c->isr;
    int top;

    if (c->special_mask)
        service &= (u8)~c->imr;
    /* Special fully nested mode: the slave may interrupt its own service with something of higher priority. */
    if (master && (c->icw4 & ICW4_SFNM))
        service &= (u8) ~(1 << CASCADE);
    top = chip_highest(c, service);
    if (top < 0)
        return 0xFF;
    if (c->special_mask)
        return (u8)~service;
    /* Everything before `top` in the order that begins after `lowest`. */
    for (u8 open = 0, ir = (c->lowest + 1) & 7;; ir = (ir + 1) & 7) {
        if (ir == top)
            return open;
        open |= (u8)(1 << ir);
    }
}

/* The request to be served next, or -1. */
static int chip_pending(const struct chip *c, bool master)
{
    u8 requests = chip_irr(c) & (u8)~c->imr;

    if (!requests || c->step != READY)
        return -1;
    return chip_highest(c, requests & chip_unblocked(c, master));
}

static void chip_input(struct chip *c, int ir, bool level)
{
    u8 bit = (u8)(1 << ir);

    if (level && !(c->line & bit))
        c->edge |= bit;
    if (!level)
        c->edge &= (u8)~bit;
    c->line = (u8)(level ? c->line | bit : c->line & ~bit);
}

static void pic_update(struct pic *p)
{
    chip_input(&p->chip[0], CASCADE, chip_pending(&p->chip[1], false) >= 0);
    wire_set(p->intr, chip_pending(&p->chip[0], true) >= 0);
}

static void pic_line(void *listener, int irq, bool level)
{
    struct pic *p = listener;
    struct chip *c = &p->chip[irq >> 3];

    if (((c->line >> (irq & 7)) & 1) == level)
        return;
    chip_input(c, irq & 7, level);
    pic_update(p);
}

struct wire pic_input(struct pic *p, int irq)
{
    if (irq == CASCADE)
        return (struct wire){0};
    return (struct wire){pic_line, p, irq};
}

/* The first INTA pulse: IRR to ISR, and in automatic-EOI mode out of it again. */
static void chip_serve(struct chip *c, int ir)
{
    c->edge &= (u8) ~(1 << ir);
    if (!(c->icw4 & ICW4_AEOI))
        c->isr |= (u8)(1 << ir);
    else if (c->rotate_in_aeoi)
        c->lowest = (u8)ir;
}

static int chip_acknowledge(struct chip *c, bool master)
{
    int ir = chip_pending(c, master);

    /* "If no interrupt request is present ... the 8259A will issue an interrupt level 7." Nothing goes in service. */
    if (ir < 0)
        return SPURIOUS;
    chip_serve(c, ir);
    return ir;
}

int pic_acknowledge(struct pic *p)
{
    struct chip *m = &p->chip[0], *s = &p->chip[1];
    int ir = chip_acknowledge(m, true), vector = m->base + ir;

    if (ir == CASCADE) {
        vector = s->base + chip_acknowledge(s, false);
        /* The slave's INT falls with INTA and rises again for what is left, which is a fresh edge to the master. */
        chip_input(m, CASCADE, false);
    }
    pic_update(p);
    return vector;
}

bool pic_accepts(const struct pic *p, int irq)
{
    const struct chip *m = &p->chip[0], *s = &p->chip[1];
    u8 bit = (u8)(1 << (irq & 7));

    if (irq < 8)
        return m->step == READY && (chip_unblocked(m, true) & ~m->imr & bit);
    return s->step == READY && (chip_unblocked(s, false) & ~s->imr & bit) && pic_accepts(p, CASCADE);
}

static void chip_reset(struct chip *c)
{
    c->edge = c->isr = c->imr = c->icw3 = c->icw4 = 0;
    c->lowest = 7;
    c->special_mask = c->rotate_in_aeoi = c->read_isr = c->poll = false;
}

void pic_reset(struct pic *p)
{
    for (int i = 0; i < 2; i++) {
        struct chip *c = &p->chip[i];
        u8 line = c->line;

        *c = (struct chip){.line = line};
        chip_reset(c);
        c->icw3 = i ? CASCADE : 1 << CASCADE;
        /* Power-up leaves the registers undefined; nothing may interrupt before the first ICW1. */
        c->imr = 0xFF;
    }
    pic_update(p);
}

struct pic *pic_create(struct wire intr)
{
    struct pic *p = calloc(1, sizeof(*p));

    if (!p)
        return NULL;
    p->intr = intr;
    pic_reset(p);
    return p;
}

void pic_destroy(struct pic *p) { free(p); }

/* ---- Operation control words ---- */

static void ocw2_none(struct chip *c, int ir)
{
    (void)c;
    (void)ir;
}

static void ocw2_specific_eoi(struct chip *c, int ir) { c->isr &= (u8) ~(1 << ir); }

/* Resets the highest in service; in special mask mode one that is masked "will not be cleared by a non-specific
 * EOI". */
static int chip_nonspecific(struct chip *c)
{
    int top = chip_highest(c, c->special_mask ? c->isr & (u8)~c->imr : c->isr);

    if (top >= 0)
        c->isr &= (u8) ~(1 << top);
    return top;
}

static void ocw2_eoi(struct chip *c, int ir)
{
    (void)ir;
    chip_nonspecific(c);
}

static void ocw2_rotate_eoi(struct chip *c, int ir)
{
    int top = chip_nonspecific(c);

    (void)ir;
    if (top >= 0)
        c->lowest = (u8)top;
}

static void ocw2_rotate_specific_eoi(struct chip *c, int ir)
{
    c->isr &= (u8) ~(1 << ir);
    c->lowest = (u8)ir;
}

static void ocw2_set_priority(struct chip *c, int ir) { c->lowest = (u8)ir; }

static void ocw2_aeoi_rotate_set(struct chip *c, int ir)
{
    (void)ir;
    c->rotate_in_aeoi = true;
}

static void ocw2_aeoi_rotate_clear(struct chip *c, int ir)
{
    (void)ir;
    c->rotate_in_aeoi = false;
}

/* By R, SL, EOI (bits 7:5). */
static void (*const ocw2[8])(struct chip *c, int ir) = {
    ocw2_aeoi_rotate_clear, ocw2_eoi,        ocw2_none,         ocw2_specific_eoi,
    ocw2_aeoi_rotate_set,   ocw2_rotate_eoi, ocw2_set_priority, ocw2_rotate_specific_eoi,
};

static void chip_write_ocw3(struct chip *c, u8 v)
{
    if (v & OCW3_ESMM)
        c->special_mask = v & OCW3_SMM;
    if (v & OCW3_RR)
        c->read_isr = v & OCW3_RIS;
    if (v & OCW3_POLL)
        c->poll = true; /* "poll overrides status read" */
}

static void chip_write_command(struct chip *c, u8 v)
{
    if (v & ICW1) {
        chip_reset(c);
        c->icw1 = v;
        c->step = WANT_ICW2;
    } else if (v & OCW3) {
        chip_write_ocw3(c, v);
    } else {
        ocw2[v >> 5](c, v & 7);
    }
}

static void chip_write_data(struct chip *c, u8 v)
{
    switch ((enum init_step)c->step) {
    case READY: c->imr = v; return;
    case WANT_ICW2:
        c->base = v & 0xF8;
        c->step = !(c->icw1 & ICW1_SINGLE) ? WANT_ICW3 : c->icw1 & ICW1_IC4 ? WANT_ICW4 : READY;
        return;
    case WANT_ICW3:
        c->icw3 = v;
        c->step = c->icw1 & ICW1_IC4 ? WANT_ICW4 : READY;
        return;
    case WANT_ICW4:
        c->icw4 = v;
        c->step = READY;
        return;
    }
}

/* A read after a poll command is an INTA: the request goes in service and is named with bit 7. */
static u8 chip_read_poll(struct chip *c, bool master)
{
    int ir = chip_pending(c, master);

    c->poll = false;
    if (ir < 0)
        return 0;
    chip_serve(c, ir);
    return (u8)(0x80 | ir);
}

static u64 pic_read(struct pic *p, int which, u64 offset)
{
    struct chip *c = &p->chip[which];
    u8 v;

    if (c->poll) {
        v = chip_read_poll(c, which == 0);
        if (which == 1)
            chip_input(&p->chip[0], CASCADE, false);
        pic_update(p);
        return v;
    }
    if (offset)
        return c->imr;
    return c->read_isr ? c->isr : chip_irr(c);
}

static void pic_write(struct pic *p, int which, u64 offset, u8 value)
{
    (offset ? chip_write_data : chip_write_command)(&p->chip[which], value);
    pic_update(p);
}

static u64 master_read(void *device, u64 offset, unsigned width)
{
    (void)width;
    return pic_read(device, 0, offset);
}

static void master_write(void *device, u64 offset, u64 value, unsigned width)
{
    (void)width;
    pic_write(device, 0, offset, (u8)value);
}

static u64 slave_read(void *device, u64 offset, unsigned width)
{
    (void)width;
    return pic_read(device, 1, offset);
}

static void slave_write(void *device, u64 offset, u64 value, unsigned width)
{
    (void)width;
    pic_write(device, 1, offset, (u8)value);
}

const struct region_ops pic_master_ops = {master_read, master_write, 1, 1, "8259A master"};
const struct region_ops pic_slave_ops = {slave_read, slave_write, 1, 1, "8259A slave"};

/* IRQ 0, 1, 2, 8 and 13 are edge triggered for good (82371, "ELCR1", "ELCR2"). */
static const u8 elcr_settable[2] = {0xF8, 0xDE};

static u64 elcr_read(void *device, u64 offset, unsigned width)
{
    struct pic *p = device;

    (void)width;
    return p->chip[offset & 1].elcr;
}

static void elcr_write(void *device, u64 offset, u64 value, unsigned width)
{
    struct pic *p = device;

    (void)width;
    p->chip[offset & 1].elcr = (u8)value & elcr_settable[offset & 1];
    pic_update(p);
}

const struct region_ops pic_elcr_ops = {elcr_read, elcr_write, 1, 1, "edge/level control"};

struct pic_look pic_look(const struct pic *p, int chip)
{
    const struct chip *c = &p->chip[chip];

    return (struct pic_look){
        .line = c->line,
        .irr = chip_irr(c),
        .isr = c->isr,
        .imr = c->imr,
        .elcr = c->elcr,
        .vector = c->base,
        .lowest = c->lowest,
        .initialising = c->step != READY,
        .auto_eoi = c->icw4 & ICW4_AEOI,
        .rotate_in_auto_eoi = c->rotate_in_aeoi,
        .special_mask = c->special_mask,
        .special_nested = c->icw4 & ICW4_SFNM,
        .poll = c->poll,
    };
}

/* ---- State ---- */

static const struct state_field chip_fields[] = {
    STATE_ANY(chip, line),
    STATE_ANY(chip, edge),
    STATE_ANY(chip, isr),
    STATE_ANY(chip, imr),
    STATE_ANY(chip, elcr),
    STATE_ANY(chip, base),
    STATE_ANY(chip, icw1),
    STATE_ANY(chip, icw3),
    STATE_ANY(chip, icw4),
    STATE_UPTO(chip, lowest, 7),
    STATE_UPTO(chip, step, WANT_ICW4),
    STATE_BOOL(chip, special_mask),
    STATE_BOOL(chip, rotate_in_aeoi),
    STATE_BOOL(chip, read_isr),
    STATE_BOOL(chip, poll),
};
static const struct state_table chip_table = STATE_TABLE(chip, chip_fields);
static const struct state_field fields[] = {
    STATE_STRUCT(pic, chip, &chip_table),
    STATE_WIRED(pic, intr),
};
static const struct state_table table = STATE_TABLE(pic, fields);

void pic_state(struct pic *p, struct state *s) { state_struct(s, &table, p); }
