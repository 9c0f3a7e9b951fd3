/* SPDX-License-Identifier: MIT */
/* Local APICs, the bus between them and the I/O APIC, at register level. */
#include "tests/unit/device_bench.h"

enum { ID = 0x20, VERSION = 0x30, TPR = 0x80, APR = 0x90, PPR = 0xA0, EOI = 0xB0, LDR = 0xD0, DFR = 0xE0, SVR = 0xF0 };
enum { ISR = 0x100, TMR = 0x180, IRR = 0x200, ESR = 0x280, ICR = 0x300, ICR2 = 0x310, LVT_TIMER = 0x320 };
enum { LVT_PERF = 0x340, LVT_LINT0 = 0x350, LVT_LINT1 = 0x360, LVT_ERROR = 0x370 };
enum { COUNT0 = 0x380, COUNT = 0x390, DIVIDE = 0x3E0 };
enum { MASKED = 0x10000, PERIODIC = 0x20000, DEADLINE = 0x40000, SELF = 0x40000, ALL = 0x80000, OTHERS = 0xC0000 };

/* Two processors on a bus with an I/O APIC. */
struct node {
    struct lapic *l;
    struct system *system;
    bool intr;
    unsigned nmis, inits, startups, extints;
    u8 startup_vector;
    u64 page;
    bool decoded;
};

struct system {
    struct bench b;
    struct apic_bus *bus;
    struct ioapic *io;
    struct node n[2];
    u64 tsc_offset;
};

static void on_intr(void *ctx, bool level) { ((struct node *)ctx)->intr = level; }
static void on_nmi(void *ctx) { ((struct node *)ctx)->nmis++; }
static void on_init(void *ctx) { ((struct node *)ctx)->inits++; }

static void on_startup(void *ctx, u8 vector)
{
    ((struct node *)ctx)->startups++;
    ((struct node *)ctx)->startup_vector = vector;
}

static int on_extint(void *ctx)
{
    ((struct node *)ctx)->extints++;
    return 0x77;
}

static u64 on_tsc(void *ctx)
{
    struct system *s = ((struct node *)ctx)->system;

    return s->b.now + s->tsc_offset;
}

static void on_page(void *ctx, u64 base, bool decoded)
{
    ((struct node *)ctx)->page = base;
    ((struct node *)ctx)->decoded = decoded;
}

static u32 get(struct node *n, u64 at) { return (u32)lapic_ops.read(n->l, at, 4); }
static void set(struct node *n, u64 at, u32 value) { lapic_ops.write(n->l, at, value, 4); }

static void system_open(struct system *s)
{
    memset(s, 0, sizeof(*s));
    bench_open(&s->b);
    s->b.now = 1000;
    s->bus = apic_bus_create();
    for (u32 i = 0; i < 2; i++) {
        struct lapic_wiring w = {.clock = s->b.clock,
                                 .bus = s->bus,
                                 .id = i,
                                 .bsp = i == 0,
                                 .intr = on_intr,
                                 .nmi = on_nmi,
                                 .init = on_init,
                                 .startup = on_startup,
                                 .extint = on_extint,
                                 .tsc = on_tsc,
                                 .ctx = &s->n[i]};

        s->n[i].system = s;
        s->n[i].l = lapic_create(&w);
        ck_assert_ptr_nonnull(s->n[i].l);
        lapic_on_page(s->n[i].l, on_page);
        lapic_reset(s->n[i].l);
    }
    s->io = ioapic_create(s->bus);
    ck_assert_ptr_nonnull(s->io);
}

static void system_enable(struct system *s)
{
    for (int i = 0; i < 2; i++)
        set(&s->n[i], SVR, 0x1FF);
}

static void system_close(struct system *s)
{
    ioapic_destroy(s->io);
    lapic_destroy(s->n[0].l);
    lapic_destroy(s->n[1].l);
    apic_bus_destroy(s->bus);
    ck_assert_uint_eq(clock_next(s->b.clock), CLOCK_NEVER);
    clock_destroy(s->b.clock);
}

static bool bit_at(struct node *n, u64 base, unsigned vector)
{
    return get(n, base + 16 * (vector >> 5)) >> (vector & 31) & 1;
}

/* ---- Registers ---- */

START_TEST(lapic_after_reset)
{
    static const struct {
        u16 at;
        u32 value;
    } expected[] = {{ID, 1u << 24},
                    {VERSION, 0x01050014},
                    {TPR, 0},
                    {APR, 0},
                    {PPR, 0},
                    {LDR, 0},
                    {DFR, 0xFFFFFFFF},
                    {SVR, 0xFF},
                    {ESR, 0},
                    {ICR, 0},
                    {ICR2, 0},
                    {LVT_TIMER, MASKED},
                    {0x330, MASKED},
                    {LVT_PERF, MASKED},
                    {LVT_LINT0, MASKED},
                    {LVT_LINT1, MASKED},
                    {LVT_ERROR, MASKED},
                    {COUNT0, 0},
                    {COUNT, 0},
                    {DIVIDE, 0}};
    struct system s;
    u64 base;

    system_open(&s);
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++)
        ck_assert_uint_eq(get(&s.n[1], expected[i].at), expected[i].value);
    for (u64 at = ISR; at < ESR; at += 16)
        ck_assert_uint_eq(get(&s.n[1], at), 0);
    ck_assert(lapic_msr_read(s.n[0].l, 0x1B, &base));
    ck_assert_uint_eq(base, 0xFEE00900);
    ck_assert(lapic_msr_read(s.n[1].l, 0x1B, &base));
    ck_assert_uint_eq(base, 0xFEE00800);
    ck_assert(s.n[0].decoded && s.n[0].page == 0xFEE00000);
    system_close(&s);
}
END_TEST

START_TEST(lapic_keeps_what_is_writable)
{
    static const struct {
        u16 at;
        u32 value;
    } expected[] = {{ID, 0xFF000000},    {TPR, 0xFF},          {LDR, 0xFF000000},    {DFR, 0xFFFFFFFF},
                    {SVR, 0x13FF},       {ICR2, 0xFF000000},   {LVT_TIMER, 0x700FF}, {0x330, 0x107FF},
                    {LVT_PERF, 0x107FF}, {LVT_LINT0, 0x1A7FF}, {LVT_LINT1, 0x1A7FF}, {LVT_ERROR, 0x100FF},
                    {DIVIDE, 0xB}};
    struct system s;

    system_open(&s);
    system_enable(&s);
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        set(&s.n[0], expected[i].at, 0xFFFFFFFF);
        ck_assert_uint_eq(get(&s.n[0], expected[i].at), expected[i].value);
    }
    set(&s.n[0], VERSION, 0);
    ck_assert_uint_eq(get(&s.n[0], VERSION), 0x01050014);
    /* only whole, aligned registers are written, and nothing lies between them */
    lapic_ops.write(s.n[0].l, TPR, 0x11, 1);
    lapic_ops.write(s.n[0].l, TPR + 4, 0x11, 4);
    ck_assert_uint_eq(get(&s.n[0], TPR), 0xFF);
    ck_assert_uint_eq(lapic_ops.read(s.n[0].l, TPR, 1), 0xFF);
    ck_assert_uint_eq(lapic_ops.read(s.n[0].l, TPR + 4, 4), 0);
    ck_assert_uint_eq(lapic_ops.read(s.n[0].l, VERSION + 2, 2), 0x0105);
    system_close(&s);
}
END_TEST

/* "Illegal Register Address", and the error interrupt; a write makes the status readable. */
START_TEST(lapic_errors)
{
    struct system s;
    struct node *n = &s.n[0];

    system_open(&s);
    system_enable(&s);
    set(n, LVT_ERROR, 0x55);
    ck_assert_uint_eq(get(n, 0x00), 0);
    ck_assert(n->intr);
    ck_assert_int_eq(lapic_acknowledge(n->l), 0x55);
    set(n, EOI, 0);
    ck_assert_uint_eq(get(n, ESR), 0);
    set(n, ESR, 0);
    ck_assert_uint_eq(get(n, ESR), 0x80);
    set(n, ICR, SELF | 0x0F); /* an illegal vector to send */
    set(n, ESR, 0);
    ck_assert_uint_eq(get(n, ESR), 0x20);
    set(n, ESR, 0);
    ck_assert_uint_eq(get(n, ESR), 0);
    set(n, EOI, 0);
    /* an illegal vector in the error entry ends with itself */
    lapic_acknowledge(n->l);
    set(n, EOI, 0);
    set(n, LVT_ERROR, 0x01);
    set(n, 0x3F0, 0x40); /* no self-IPI register outside x2APIC mode */
    ck_assert(!n->intr);
    set(n, ESR, 0);
    ck_assert_uint_eq(get(n, ESR), 0xC0);
    system_close(&s);
}
END_TEST

/* ---- Priority ---- */

START_TEST(lapic_priorities)
{
    struct system s;
    struct node *n = &s.n[0];

    system_open(&s);
    system_enable(&s);
    set(n, ICR, SELF | 0x41);
    set(n, ICR, SELF | 0x52);
    ck_assert(n->intr && bit_at(n, IRR, 0x41) && bit_at(n, IRR, 0x52));
    ck_assert_uint_eq(get(n, APR), 0x50);
    ck_assert_int_eq(lapic_acknowledge(n->l), 0x52);
    ck_assert(!n->intr && bit_at(n, ISR, 0x52) && !bit_at(n, IRR, 0x52));
    ck_assert_uint_eq(get(n, PPR), 0x50);
    set(n, ICR, SELF | 0x5F); /* of the same class: it waits */
    ck_assert(!n->intr);
    set(n, ICR, SELF | 0x60);
    ck_assert(n->intr);
    ck_assert_int_eq(lapic_acknowledge(n->l), 0x60);
    set(n, EOI, 0);
    ck_assert(!bit_at(n, ISR, 0x60) && bit_at(n, ISR, 0x52) && !n->intr);
    set(n, EOI, 0);
    ck_assert_int_eq(lapic_acknowledge(n->l), 0x5F);
    set(n, EOI, 0);
    set(n, TPR, 0x4F);
    ck_assert_uint_eq(get(n, PPR), 0x4F);
    ck_assert(!n->intr);
    ck_assert_int_eq(lapic_acknowledge(n->l), 0xFF); /* spurious, and not in service */
    ck_assert(!bit_at(n, ISR, 0xFF));
    lapic_set_tpr(n->l, 0x30);
    ck_assert(n->intr);
    ck_assert_int_eq(lapic_acknowledge(n->l), 0x41);
    set(n, EOI, 0);
    system_close(&s);
}
END_TEST

/* Disabled by software: the entries are masked, nothing new is taken, what was taken is still handed over. */
START_TEST(lapic_software_disabled)
{
    struct system s;
    struct node *n = &s.n[0];

    system_open(&s);
    set(n, LVT_LINT1, 0x400);
    ck_assert_uint_eq(get(n, LVT_LINT1), 0x400 | MASKED);
    system_enable(&s);
    set(n, LVT_TIMER, 0x40);
    set(n, ICR, SELF | 0x41);
    set(n, SVR, 0xFF);
    ck_assert_uint_eq(get(n, LVT_TIMER), 0x40 | MASKED);
    ck_assert(n->intr);
    ck_assert_int_eq(lapic_acknowledge(n->l), 0x41);
    set(n, EOI, 0);
    set(n, ICR, SELF | 0x42);
    ck_assert(!n->intr);
    system_close(&s);
}
END_TEST

/* ---- IPIs ---- */

START_TEST(ipi_destinations)
{
    static const struct {
        u32 icr, destination;
        bool first, second;
    } cases[] = {
        {0x40, 0, true, false},          {0x40, 1, false, true},        {0x40, 2, false, false},
        {0x40, 0xFF, true, true},        {SELF | 0x40, 1, true, false}, {ALL | 0x40, 5, true, true},
        {OTHERS | 0x40, 0, false, true}, {0x840, 0x01, true, false}, /* logical, flat: LDR 1 and 2 */
        {0x840, 0x02, false, true},      {0x840, 0x07, true, true},     {0x840, 0x08, false, false},
        {0x940, 0x03, true, false}, /* lowest priority: the first of equals */
    };
    struct system s;

    system_open(&s);
    system_enable(&s);
    set(&s.n[0], LDR, 0x01000000);
    set(&s.n[1], LDR, 0x02000000);
    set(&s.n[0], ICR2, cases[_i].destination << 24);
    set(&s.n[0], ICR, cases[_i].icr);
    ck_assert_int_eq(s.n[0].intr, cases[_i].first);
    ck_assert_int_eq(s.n[1].intr, cases[_i].second);
    ck_assert_uint_eq(get(&s.n[0], ICR), cases[_i].icr);
    system_close(&s);
}
END_TEST

START_TEST(ipi_cluster_and_lowest)
{
    struct system s;

    system_open(&s);
    system_enable(&s);
    for (int i = 0; i < 2; i++) {
        set(&s.n[i], DFR, 0);
        set(&s.n[i], LDR, 0x31000000u + (u32)i * 0x01000000); /* cluster 3, members 1 and 2 */
    }
    ck_assert_uint_eq(get(&s.n[0], DFR), 0x0FFFFFFF);
    set(&s.n[0], ICR2, 0x21000000);
    set(&s.n[0], ICR, 0x840);
    ck_assert(!s.n[0].intr && !s.n[1].intr);
    set(&s.n[0], ICR2, 0x32000000);
    set(&s.n[0], ICR, 0x840);
    ck_assert(!s.n[0].intr && s.n[1].intr);
    /* the one of lower priority */
    set(&s.n[0], TPR, 0x20);
    set(&s.n[0], ICR2, 0x33000000);
    set(&s.n[0], ICR, 0x950);
    ck_assert(!bit_at(&s.n[0], IRR, 0x50) && bit_at(&s.n[1], IRR, 0x50));
    set(&s.n[1], TPR, 0x30);
    set(&s.n[0], ICR, 0x960);
    ck_assert(bit_at(&s.n[0], IRR, 0x60) && !bit_at(&s.n[1], IRR, 0x60));
    system_close(&s);
}
END_TEST

START_TEST(ipi_kinds)
{
    struct system s;
    struct node *other = &s.n[1];

    system_open(&s);
    system_enable(&s);
    set(other, TPR, 0x20);
    set(other, ID, 0x07000000);
    set(&s.n[0], ICR2, 0x07000000);
    set(&s.n[0], ICR, 0x4400); /* NMI */
    ck_assert_uint_eq(other->nmis, 1);
    set(&s.n[0], ICR, 0x4200); /* SMI: there is none */
    set(&s.n[0], ICR, 0x8500); /* INIT level de-assert */
    ck_assert_uint_eq(other->inits, 0);
    set(&s.n[0], ICR, 0xC500);
    ck_assert_uint_eq(other->inits, 1);
    ck_assert_uint_eq(get(other, TPR), 0);
    ck_assert_uint_eq(get(other, SVR), 0xFF);
    ck_assert_uint_eq(get(other, ID), 0x07000000); /* INIT leaves the ID */
    set(&s.n[0], ICR, 0x469A);
    ck_assert_uint_eq(other->startups, 1);
    ck_assert_uint_eq(other->startup_vector, 0x9A);
    set(&s.n[0], ICR, OTHERS | 0xC500);
    ck_assert_uint_eq(other->inits, 2);
    ck_assert_uint_eq(s.n[0].inits + s.n[0].nmis + s.n[0].startups, 0);
    system_close(&s);
}
END_TEST

/* ---- IA32_APIC_BASE and x2APIC ---- */

START_TEST(base_transitions)
{
    enum { X1 = 0x800, X2 = 0xC00, OFF = 0, BAD = 0x400 };
    static const struct {
        u16 from, to;
        bool legal;
    } cases[] = {
        {X1, X1, true},  {X1, X2, true},   {X1, OFF, true}, {X1, BAD, false}, {X2, X1, false},  {X2, X2, true},
        {X2, OFF, true}, {X2, BAD, false}, {OFF, X1, true}, {OFF, X2, false}, {OFF, OFF, true}, {OFF, BAD, false},
    };
    struct system s;
    struct lapic *l;
    u64 value;

    system_open(&s);
    l = s.n[0].l;
    ck_assert(lapic_msr_write(l, 0x1B, 0xFEE00100 | cases[_i].from));
    ck_assert_int_eq(lapic_msr_write(l, 0x1B, 0xFEE00100 | cases[_i].to), cases[_i].legal);
    ck_assert(lapic_msr_read(l, 0x1B, &value));
    ck_assert_uint_eq(value, 0xFEE00100 | (cases[_i].legal ? cases[_i].to : cases[_i].from));
    ck_assert_int_eq(s.n[0].decoded, (value & 0xC00) == X1);
    ck_assert_int_eq(lapic_on(l), (value & 0x800) != 0);
    system_close(&s);
}
END_TEST

START_TEST(base_disabled_forgets)
{
    struct system s;
    struct node *n = &s.n[0];

    system_open(&s);
    system_enable(&s);
    set(n, ID, 0x09000000);
    set(n, ICR, SELF | 0x41);
    ck_assert(lapic_msr_write(n->l, 0x1B, 0xFEE00100));
    ck_assert(!n->intr && !n->decoded);
    wire_set(lapic_lint(n->l, 0), true); /* now it is INTR */
    wire_set(lapic_lint(n->l, 1), true); /* and NMI */
    ck_assert(n->intr);
    ck_assert_uint_eq(n->nmis, 1);
    ck_assert_int_eq(lapic_acknowledge(n->l), 0x77);
    wire_set(lapic_lint(n->l, 0), false);
    ck_assert(lapic_msr_write(n->l, 0x1B, 0xFED40900));
    ck_assert(n->decoded && n->page == 0xFED40000);
    ck_assert_uint_eq(get(n, ID), 0);
    ck_assert_uint_eq(get(n, SVR), 0xFF);
    ck_assert(!bit_at(n, IRR, 0x41));
    system_close(&s);
}
END_TEST

/* Which MSRs there are in x2APIC mode, and that none is outside it. */
START_TEST(x2apic_address_space)
{
    static const u8 readable[] = {0x02, 0x03, 0x08, 0x0A, 0x0D, 0x0F, 0x10, 0x17, 0x18, 0x1F, 0x20, 0x27,
                                  0x28, 0x30, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38, 0x39, 0x3E};
    static const u8 written_0[] = {0x08, 0x0B, 0x0F, 0x28, 0x30, 0x32, 0x33, 0x34, 0x35, 0x36, 0x37, 0x38, 0x3E, 0x3F};
    struct system s;
    struct lapic *l;
    u64 value;

    system_open(&s);
    l = s.n[1].l;
    for (u32 msr = 0x800; msr < 0x900; msr++) {
        ck_assert(!lapic_msr_read(l, msr, &value));
        ck_assert(!lapic_msr_write(l, msr, 0));
    }
    ck_assert(lapic_msr_write(l, 0x1B, 0xFEE00C00));
    for (u32 reg = 0; reg < 0x100; reg++) {
        bool may_read = memchr(readable, (int)reg, sizeof(readable)) || (reg >= 0x10 && reg < 0x28);

        ck_assert_msg(lapic_msr_read(l, 0x800 + reg, &value) == may_read, "read %x", reg);
        ck_assert_msg(lapic_msr_write(l, 0x800 + reg, 0) == !!memchr(written_0, (int)reg, sizeof(written_0)),
                      "write %x", reg);
        if (reg != 0x30)
            ck_assert_msg(!lapic_msr_write(l, 0x800 + reg, 1ull << 32), "write high %x", reg);
    }
    ck_assert(!lapic_msr_write(l, 0x808, 0x100));
    ck_assert(!lapic_msr_write(l, 0x80B, 1));
    ck_assert(!lapic_msr_write(l, 0x828, 1));
    ck_assert(!lapic_msr_write(l, 0x830, 0x20000 | 0x40));
    ck_assert(lapic_msr_read(l, 0x802, &value));
    ck_assert_uint_eq(value, 1);
    ck_assert(lapic_msr_read(l, 0x80D, &value));
    ck_assert_uint_eq(value, 2); /* cluster 0, second in it */
    system_close(&s);
}
END_TEST

START_TEST(x2apic_ipis)
{
    struct system s;
    u64 value;

    system_open(&s);
    system_enable(&s);
    for (int i = 0; i < 2; i++)
        ck_assert(lapic_msr_write(s.n[i].l, 0x1B, i ? 0xFEE00C00 : 0xFEE00D00));
    ck_assert(lapic_msr_write(s.n[0].l, 0x830, 0x0000000100000041));
    ck_assert(!s.n[0].intr && s.n[1].intr);
    ck_assert(lapic_msr_read(s.n[0].l, 0x830, &value));
    ck_assert_uint_eq(value, 0x0000000100000041);
    ck_assert(lapic_msr_write(s.n[0].l, 0x830, 0xFFFFFFFF00000042));
    ck_assert(s.n[0].intr);
    ck_assert_int_eq(lapic_acknowledge(s.n[0].l), 0x42);
    ck_assert(lapic_msr_write(s.n[0].l, 0x80B, 0));
    ck_assert(lapic_msr_write(s.n[0].l, 0x830, 0x000000FF00000042)); /* no broadcast here */
    ck_assert(!s.n[0].intr);
    ck_assert(lapic_msr_write(s.n[0].l, 0x830, 0x0000000100000850)); /* logical: the first of cluster 0 */
    ck_assert(s.n[0].intr);
    ck_assert_int_eq(lapic_acknowledge(s.n[0].l), 0x50);
    ck_assert(lapic_msr_write(s.n[0].l, 0x80B, 0));
    ck_assert(lapic_msr_write(s.n[0].l, 0x83F, 0x60));
    ck_assert_int_eq(lapic_acknowledge(s.n[0].l), 0x60);
    system_close(&s);
}
END_TEST

/* ---- The timer ---- */

START_TEST(timer_one_shot)
{
    static const struct {
        u8 divide;
        u16 by;
    } divisors[] = {{0xB, 1}, {0x0, 2}, {0x1, 4}, {0x2, 8}, {0x3, 16}, {0x8, 32}, {0x9, 64}, {0xA, 128}};
    struct system s;
    struct node *n = &s.n[0];
    u64 by = divisors[_i].by;

    system_open(&s);
    system_enable(&s);
    set(n, DIVIDE, divisors[_i].divide);
    set(n, LVT_TIMER, 0x40);
    set(n, COUNT0, 100);
    ck_assert_uint_eq(get(n, COUNT), 100);
    bench_run(&s.b, 1000 + 30 * by);
    ck_assert_uint_eq(get(n, COUNT), 70);
    bench_run(&s.b, 1000 + 100 * by - 1);
    ck_assert(!n->intr);
    ck_assert_uint_eq(get(n, COUNT), 1);
    bench_run(&s.b, 1000 + 100 * by);
    ck_assert(n->intr);
    ck_assert_uint_eq(get(n, COUNT), 0);
    ck_assert_int_eq(lapic_acknowledge(n->l), 0x40);
    set(n, EOI, 0);
    bench_run(&s.b, 1000 + 1000 * by);
    ck_assert(!n->intr);
    ck_assert_uint_eq(get(n, COUNT0), 100);
    set(n, COUNT0, 5);
    set(n, COUNT0, 0); /* stops it */
    bench_run(&s.b, 1000 + 2000 * by);
    ck_assert(!n->intr);
    system_close(&s);
}
END_TEST

START_TEST(timer_periodic)
{
    struct system s;
    struct node *n = &s.n[0];

    system_open(&s);
    system_enable(&s);
    set(n, DIVIDE, 0xB);
    set(n, LVT_TIMER, PERIODIC | 0x40);
    set(n, COUNT0, 100);
    for (u64 i = 1; i < 5; i++) {
        bench_run(&s.b, 1000 + 100 * i - 1);
        ck_assert(!n->intr);
        bench_run(&s.b, 1000 + 100 * i);
        ck_assert(n->intr);
        ck_assert_uint_eq(get(n, COUNT), 100);
        ck_assert_int_eq(lapic_acknowledge(n->l), 0x40);
        set(n, EOI, 0);
    }
    /* While its vector is requested it needs no clock, and keeps its phase. */
    bench_run(&s.b, 1500);
    ck_assert(n->intr);
    ck_assert_uint_eq(clock_next(s.b.clock), CLOCK_NEVER);
    s.b.now = 1730;
    ck_assert_uint_eq(get(n, COUNT), 70);
    ck_assert_int_eq(lapic_acknowledge(n->l), 0x40);
    set(n, EOI, 0);
    ck_assert_uint_eq(clock_next(s.b.clock), 1800);
    /* Masked too; unmasked again, it goes on. To one-shot, it ends at 0. */
    set(n, LVT_TIMER, MASKED | PERIODIC | 0x40);
    s.b.now = 2050;
    set(n, LVT_TIMER, 0x40);
    ck_assert_uint_eq(get(n, COUNT), 50);
    bench_run(&s.b, 2100);
    ck_assert(n->intr);
    ck_assert_uint_eq(get(n, COUNT), 0);
    set(n, LVT_TIMER, PERIODIC | 0x40);
    ck_assert_uint_eq(get(n, COUNT), 0);
    lapic_acknowledge(n->l);
    system_close(&s);
}
END_TEST

START_TEST(timer_deadline)
{
    struct system s;
    struct node *n = &s.n[0];
    u64 value;

    system_open(&s);
    system_enable(&s);
    s.tsc_offset = 1000000;
    ck_assert(lapic_msr_write(n->l, 0x6E0, 1001500)); /* ignored in the other modes */
    ck_assert(lapic_msr_read(n->l, 0x6E0, &value));
    ck_assert_uint_eq(value, 0);
    set(n, LVT_TIMER, DEADLINE | 0x40);
    set(n, COUNT0, 100); /* and that in this one */
    ck_assert_uint_eq(get(n, COUNT0), 0);
    ck_assert(lapic_msr_write(n->l, 0x6E0, 1001500));
    ck_assert(lapic_msr_read(n->l, 0x6E0, &value));
    ck_assert_uint_eq(value, 1001500);
    ck_assert_uint_eq(clock_next(s.b.clock), 1500);
    bench_run(&s.b, 1500);
    ck_assert(n->intr);
    ck_assert(lapic_msr_read(n->l, 0x6E0, &value));
    ck_assert_uint_eq(value, 0);
    lapic_acknowledge(n->l);
    set(n, EOI, 0);
    ck_assert(lapic_msr_write(n->l, 0x6E0, 1)); /* in the past: now */
    ck_assert(n->intr);
    lapic_acknowledge(n->l);
    set(n, EOI, 0);
    ck_assert(lapic_msr_write(n->l, 0x6E0, 1002000));
    s.tsc_offset += 450; /* the counter was written to */
    lapic_tsc_moved(n->l);
    ck_assert_uint_eq(clock_next(s.b.clock), 1550);
    s.tsc_offset += 100;
    lapic_tsc_moved(n->l);
    ck_assert(n->intr);
    ck_assert(lapic_msr_write(n->l, 0x6E0, UINT64_MAX));
    lapic_acknowledge(n->l);
    set(n, LVT_TIMER, 0x40); /* leaving the mode disarms it */
    set(n, LVT_TIMER, DEADLINE | 0x40);
    ck_assert(lapic_msr_read(n->l, 0x6E0, &value));
    ck_assert_uint_eq(value, 0);
    lapic_configure(n->l, true, false);
    ck_assert(!lapic_msr_read(n->l, 0x6E0, &value));
    system_close(&s);
}
END_TEST

/* ---- The pins ---- */

START_TEST(lint_modes)
{
    struct system s;
    struct node *n = &s.n[0];
    struct wire lint0, lint1;

    system_open(&s);
    lint0 = lapic_lint(n->l, 0);
    lint1 = lapic_lint(n->l, 1);
    wire_set(lint0, true); /* PIC mode: past an APIC that software has not enabled */
    ck_assert(n->intr);
    lapic_set_pic_mode(n->l, false);
    ck_assert(!n->intr);
    system_enable(&s);
    set(n, LVT_LINT0, 0x700);
    ck_assert(n->intr);
    ck_assert_int_eq(lapic_acknowledge(n->l), 0x77);
    set(n, LVT_LINT0, 0x700 | MASKED);
    ck_assert(!n->intr);
    wire_set(lint0, false);
    set(n, LVT_LINT1, 0x400);
    wire_set(lint1, true);
    wire_set(lint1, true);
    ck_assert_uint_eq(n->nmis, 1);
    /* fixed and level: again after EOI, as long as it stands */
    set(n, LVT_LINT0, 0x8040);
    wire_set(lint0, true);
    ck_assert(n->intr);
    ck_assert_uint_eq(get(n, LVT_LINT0), 0xC040); /* remote IRR */
    lapic_acknowledge(n->l);
    ck_assert(bit_at(n, TMR, 0x40) && !n->intr);
    set(n, EOI, 0);
    ck_assert(n->intr);
    lapic_acknowledge(n->l);
    wire_set(lint0, false);
    set(n, EOI, 0);
    ck_assert(!n->intr);
    ck_assert_uint_eq(get(n, LVT_LINT0), 0x8040);
    /* fixed and edge */
    set(n, LVT_LINT0, 0x41);
    wire_set(lint0, true);
    lapic_acknowledge(n->l);
    set(n, EOI, 0);
    ck_assert(!n->intr);
    set(n, LVT_LINT0, 0x500);
    wire_set(lint0, false);
    wire_set(lint0, true);
    ck_assert_uint_eq(n->inits, 1);
    system_close(&s);
}
END_TEST

/* ---- The I/O APIC ---- */

static u32 io_get(struct system *s, u8 reg)
{
    ioapic_ops.write(s->io, 0x00, reg, 4);
    return (u32)ioapic_ops.read(s->io, 0x10, 4);
}

static void io_set(struct system *s, u8 reg, u32 value)
{
    ioapic_ops.write(s->io, 0x00, reg, 4);
    ioapic_ops.write(s->io, 0x10, value, 4);
}

START_TEST(ioapic_registers)
{
    struct system s;

    system_open(&s);
    ck_assert_uint_eq(io_get(&s, 1), 0x00170020);
    io_set(&s, 1, 0);
    ck_assert_uint_eq(io_get(&s, 1), 0x00170020);
    io_set(&s, 0, 0xFFFFFFFF);
    ck_assert_uint_eq(io_get(&s, 0), 0x0F000000);
    ck_assert_uint_eq(io_get(&s, 2), 0x0F000000);
    for (u8 n = 0; n < 24; n++) {
        ck_assert_uint_eq(io_get(&s, (u8)(0x10 + 2 * n)), MASKED);
        io_set(&s, (u8)(0x10 + 2 * n), 0xFFFFFFFF);
        io_set(&s, (u8)(0x11 + 2 * n), 0xFFFFFFFF);
        ck_assert_uint_eq(io_get(&s, (u8)(0x10 + 2 * n)), 0x1AFFF);
        ck_assert_uint_eq(io_get(&s, (u8)(0x11 + 2 * n)), 0xFF000000);
    }
    ck_assert_uint_eq(io_get(&s, 0x40), 0);
    ck_assert_uint_eq(ioapic_ops.read(s.io, 0x00, 4), 0x40);
    ioapic_reset(s.io);
    ck_assert_uint_eq(io_get(&s, 0x10), MASKED);
    system_close(&s);
}
END_TEST

START_TEST(ioapic_edge)
{
    struct system s;
    struct wire line;

    system_open(&s);
    system_enable(&s);
    line = ioapic_input(s.io, 5);
    wire_set(line, true); /* masked: lost */
    wire_set(line, false);
    io_set(&s, 0x1B, 0x01000000);
    io_set(&s, 0x1A, 0x45);
    ck_assert(!s.n[1].intr);
    wire_set(line, true);
    ck_assert(!s.n[0].intr && s.n[1].intr);
    ck_assert_int_eq(lapic_acknowledge(s.n[1].l), 0x45);
    set(&s.n[1], EOI, 0);
    wire_set(line, true);
    ck_assert(!s.n[1].intr);
    io_set(&s, 0x1A, 0x2045); /* active low: it is not asserted any more */
    wire_set(line, false);
    ck_assert(s.n[1].intr);
    io_set(&s, 0x1A, 0x445); /* NMI, which is an edge whatever the trigger mode says */
    wire_set(line, true);
    ck_assert_uint_eq(s.n[1].nmis, 1);
    io_set(&s, 0x1A, 0x8400);
    wire_set(line, false);
    wire_set(line, true);
    ck_assert_uint_eq(s.n[1].nmis, 2);
    system_close(&s);
}
END_TEST

START_TEST(ioapic_level)
{
    struct system s;
    struct node *n = &s.n[0];
    struct wire line;

    system_open(&s);
    system_enable(&s);
    line = ioapic_input(s.io, 9);
    wire_set(line, true);
    io_set(&s, 0x22, 0x8049);
    ck_assert(n->intr);
    ck_assert_uint_eq(io_get(&s, 0x22), 0xC049);
    lapic_acknowledge(n->l);
    ck_assert(bit_at(n, TMR, 0x49));
    set(n, EOI, 0);
    ck_assert(n->intr); /* it still stands */
    lapic_acknowledge(n->l);
    wire_set(line, false);
    ck_assert_uint_eq(io_get(&s, 0x22), 0xC049);
    set(n, EOI, 0);
    ck_assert(!n->intr);
    ck_assert_uint_eq(io_get(&s, 0x22), 0x8049);
    /* EOI broadcasts suppressed: the EOI register ends it */
    set(n, SVR, 0x11FF);
    wire_set(line, true);
    lapic_acknowledge(n->l);
    set(n, EOI, 0);
    ck_assert(!n->intr);
    ioapic_ops.write(s.io, 0x40, 0x49, 4);
    ck_assert(n->intr);
    lapic_acknowledge(n->l);
    set(n, EOI, 0);
    io_set(&s, 0x22, MASKED | 0x49); /* so does edge-triggering it */
    ck_assert_uint_eq(io_get(&s, 0x22), MASKED | 0x49);
    io_set(&s, 0x22, 0x8049);
    ck_assert(n->intr);
    /* refused by everybody, it is offered again with the next change */
    set(n, SVR, 0xFF);
    lapic_acknowledge(n->l);
    ioapic_ops.write(s.io, 0x40, 0x49, 4);
    ck_assert_uint_eq(io_get(&s, 0x22), 0x8049);
    set(n, SVR, 0x1FF);
    set(n, EOI, 0);
    wire_set(line, true);
    ck_assert(n->intr);
    system_close(&s);
}
END_TEST

START_TEST(ioapic_extint)
{
    struct system s;
    struct node *n = &s.n[0];

    system_open(&s);
    system_enable(&s);
    io_set(&s, 0x10, 0x700);
    wire_set(ioapic_input(s.io, 0), true);
    ck_assert(n->intr);
    ck_assert_int_eq(lapic_acknowledge(n->l), 0x77);
    ck_assert(!n->intr);
    wire_set(ioapic_input(s.io, 0), true); /* the 8259 asks on */
    ck_assert(n->intr);
    lapic_acknowledge(n->l);
    ck_assert_uint_eq(n->extints, 2);
    system_close(&s);
}
END_TEST

/* What a halted processor can hope for. */
START_TEST(hopes)
{
    struct system s;
    struct node *n = &s.n[0];

    system_open(&s);
    ck_assert(lapic_hears_lint0(n->l, true) && !lapic_hears_lint0(n->l, false));
    system_enable(&s);
    ck_assert(!lapic_hears_lint0(n->l, true));
    set(n, LVT_LINT0, 0x700);
    ck_assert(lapic_hears_lint0(n->l, true));
    set(n, LVT_LINT0, 0x400);
    ck_assert(lapic_hears_lint0(n->l, false));
    ck_assert(!lapic_timer_may_interrupt(n->l, true));
    set(n, LVT_TIMER, 0x40);
    set(n, COUNT0, 10);
    ck_assert(lapic_timer_may_interrupt(n->l, true) && !lapic_timer_may_interrupt(n->l, false));
    set(n, TPR, 0x40);
    ck_assert(!lapic_timer_may_interrupt(n->l, true));
    ck_assert(!ioapic_hears(s.io, 3, true));
    io_set(&s, 0x16, 0x45);
    ck_assert(!ioapic_hears(s.io, 3, true)); /* below the task priority */
    io_set(&s, 0x16, 0x55);
    ck_assert(ioapic_hears(s.io, 3, true) && !ioapic_hears(s.io, 3, false));
    io_set(&s, 0x16, 0x400);
    ck_assert(ioapic_hears(s.io, 3, false));
    system_close(&s);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("APICs");
    TCase *tc = tcase_create("registers");

    tcase_add_test(tc, lapic_after_reset);
    tcase_add_test(tc, lapic_keeps_what_is_writable);
    tcase_add_test(tc, lapic_errors);
    tcase_add_test(tc, lapic_priorities);
    tcase_add_test(tc, lapic_software_disabled);
    tcase_add_loop_test(tc, ipi_destinations, 0, 12);
    tcase_add_test(tc, ipi_cluster_and_lowest);
    tcase_add_test(tc, ipi_kinds);
    tcase_add_loop_test(tc, base_transitions, 0, 12);
    tcase_add_test(tc, base_disabled_forgets);
    tcase_add_test(tc, x2apic_address_space);
    tcase_add_test(tc, x2apic_ipis);
    tcase_add_loop_test(tc, timer_one_shot, 0, 8);
    tcase_add_test(tc, timer_periodic);
    tcase_add_test(tc, timer_deadline);
    tcase_add_test(tc, lint_modes);
    tcase_add_test(tc, ioapic_registers);
    tcase_add_test(tc, ioapic_edge);
    tcase_add_test(tc, ioapic_level);
    tcase_add_test(tc, ioapic_extint);
    tcase_add_test(tc, hopes);
    return bench_finish(suite, tc);
}
