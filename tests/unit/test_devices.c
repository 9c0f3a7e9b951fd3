/* SPDX-License-Identifier: MIT */
/* The clock, the interrupt controllers and the timer at register level. The timer is compared, pulse by pulse and under
 * random programming, with a model that steps as the data sheet describes. */
#include "tests/unit/device_bench.h"

static unsigned random_next(u64 *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return (unsigned)(*state >> 11);
}

/* ---- Clock ---- */

struct note {
    struct timer t;
    char *log;
    char name;
};

static void note_due(void *device, u64 now)
{
    struct note *n = device;
    char text[2] = {n->name, 0};

    (void)now;
    strcat(n->log, text);
}

static void count_call(void *ctx) { ++*(unsigned *)ctx; }

START_TEST(clock_orders_and_tells)
{
    struct bench b;
    char log[16] = "";
    struct note n[3];
    unsigned earlier = 0;

    bench_open(&b);
    clock_on_earlier(b.clock, count_call, &earlier);
    for (int i = 0; i < 3; i++) {
        n[i] = (struct note){.log = log, .name = (char)('a' + i)};
        n[i].t = timer_make(note_due, &n[i]);
    }
    ck_assert_uint_eq(clock_next(b.clock), CLOCK_NEVER);
    clock_arm(b.clock, &n[0].t, 20);
    clock_arm(b.clock, &n[1].t, 10);
    clock_arm(b.clock, &n[2].t, 20);
    ck_assert_uint_eq(earlier, 2);
    ck_assert_uint_eq(clock_next(b.clock), 10);
    clock_arm(b.clock, &n[0].t, 20); /* re-armed: behind c now */
    bench_run(&b, 19);
    ck_assert_str_eq(log, "b");
    bench_run(&b, 20);
    ck_assert_str_eq(log, "bca");
    clock_arm(b.clock, &n[0].t, 30);
    clock_disarm(b.clock, &n[0].t);
    clock_disarm(b.clock, &n[0].t);
    clock_arm(b.clock, &n[1].t, CLOCK_NEVER);
    bench_run(&b, 100);
    ck_assert_str_eq(log, "bca");
    clock_destroy(b.clock);
}
END_TEST

/* ---- PIC ---- */

enum { INTR = 15 };

static struct pic *pic_open(struct bench *b, u8 icw4)
{
    static const u8 icw[2][3] = {{0x20, 0x04}, {0x28, 0x02}};
    const struct region_ops *ops[2] = {&pic_master_ops, &pic_slave_ops};
    struct pic *p;

    bench_open(b);
    p = pic_create(bench_wire(b, INTR));
    ck_assert_ptr_nonnull(p);
    for (int i = 0; i < 2; i++) {
        wr(ops[i], p, 0, 0x11);
        wr(ops[i], p, 1, icw[i][0]);
        wr(ops[i], p, 1, icw[i][1]);
        wr(ops[i], p, 1, icw4);
        ck_assert_uint_eq(rd(ops[i], p, 1), 0);
    }
    return p;
}

static void pic_close(struct bench *b, struct pic *p)
{
    pic_destroy(p);
    clock_destroy(b->clock);
}

static void line(struct pic *p, int irq, bool level) { wire_set(pic_input(p, irq), level); }

static u8 pic_isr(struct pic *p, const struct region_ops *ops)
{
    wr(ops, p, 0, 0x0B);
    return rd(ops, p, 0);
}

static u8 pic_irr(struct pic *p, const struct region_ops *ops)
{
    wr(ops, p, 0, 0x0A);
    return rd(ops, p, 0);
}

START_TEST(pic_priority_and_eoi)
{
    struct bench b;
    struct pic *p = pic_open(&b, 0x01);

    line(p, 5, true);
    line(p, 3, true);
    ck_assert(b.level[INTR]);
    ck_assert_uint_eq(pic_irr(p, &pic_master_ops), 0x28);
    ck_assert_int_eq(pic_acknowledge(p), 0x23);
    ck_assert_uint_eq(pic_isr(p, &pic_master_ops), 0x08);
    ck_assert(!b.level[INTR]); /* 5 waits behind 3 */
    line(p, 1, true);
    ck_assert(b.level[INTR]);
    ck_assert_int_eq(pic_acknowledge(p), 0x21);
    wr(&pic_master_ops, p, 0, 0x20); /* non-specific: the highest, 1 */
    ck_assert_uint_eq(pic_isr(p, &pic_master_ops), 0x08);
    wr(&pic_master_ops, p, 0, 0x63); /* specific: 3 */
    ck_assert_uint_eq(pic_isr(p, &pic_master_ops), 0);
    ck_assert_int_eq(pic_acknowledge(p), 0x25);
    wr(&pic_master_ops, p, 0, 0x20);
    ck_assert(!b.level[INTR]); /* the lines are still up: no edge, no request */
    line(p, 5, false);
    line(p, 5, true);
    ck_assert(b.level[INTR]);
    wr(&pic_master_ops, p, 1, 0x20);
    ck_assert(!b.level[INTR]);
    wr(&pic_master_ops, p, 1, 0x00);
    ck_assert(b.level[INTR]); /* a masked edge is kept */
    ck_assert(pic_accepts(p, 1) && pic_accepts(p, 9));
    pic_close(&b, p);
}
END_TEST

START_TEST(pic_spurious)
{
    struct bench b;
    struct pic *p = pic_open(&b, 0x01);

    line(p, 4, true);
    line(p, 4, false); /* "a DEFAULT IR7 will occur" */
    ck_assert(!b.level[INTR]);
    ck_assert_int_eq(pic_acknowledge(p), 0x27);
    ck_assert_uint_eq(pic_isr(p, &pic_master_ops), 0);
    wr(&pic_slave_ops, p, 0, 0x0C); /* poll with nothing there */
    ck_assert_uint_eq(rd(&pic_slave_ops, p, 0), 0);
    line(p, 6, true);
    wr(&pic_master_ops, p, 0, 0x0C);
    ck_assert_uint_eq(rd(&pic_master_ops, p, 0), 0x86);
    ck_assert_uint_eq(pic_isr(p, &pic_master_ops), 0x40);
    pic_close(&b, p);
}
END_TEST

START_TEST(pic_cascade)
{
    struct bench b;
    struct pic *p = pic_open(&b, 0x01);

    line(p, 12, true);
    line(p, 8, true);
    ck_assert_int_eq(pic_acknowledge(p), 0x28);
    ck_assert_uint_eq(pic_isr(p, &pic_master_ops), 0x04);
    ck_assert_uint_eq(pic_isr(p, &pic_slave_ops), 0x01);
    ck_assert(!b.level[INTR]);
    wr(&pic_slave_ops, p, 0, 0x20);
    ck_assert(!b.level[INTR]); /* 12 requests, but the master's IR2 is in service */
    wr(&pic_master_ops, p, 0, 0x20);
    ck_assert(b.level[INTR]);
    ck_assert_int_eq(pic_acknowledge(p), 0x2C);
    line(p, 1, true); /* of higher priority than the whole slave */
    ck_assert(b.level[INTR]);
    ck_assert_int_eq(pic_acknowledge(p), 0x21);
    ck_assert(!pic_accepts(p, 8) && !pic_accepts(p, 13) && !pic_accepts(p, 3) && pic_accepts(p, 0));
    ck_assert_ptr_null(pic_input(p, 2).set);
    pic_close(&b, p);
}
END_TEST

START_TEST(pic_special_fully_nested)
{
    struct bench b;
    struct pic *p = pic_open(&b, 0x11);

    line(p, 12, true);
    ck_assert_int_eq(pic_acknowledge(p), 0x2C);
    line(p, 9, true); /* within the slave, above 12 */
    ck_assert(b.level[INTR]);
    ck_assert_int_eq(pic_acknowledge(p), 0x29);
    line(p, 13, true);
    ck_assert(!b.level[INTR]);
    pic_close(&b, p);
}
END_TEST

START_TEST(pic_rotation)
{
    struct bench b;
    struct pic *p = pic_open(&b, 0x01);

    line(p, 4, true);
    line(p, 6, true);
    ck_assert_int_eq(pic_acknowledge(p), 0x24);
    wr(&pic_master_ops, p, 0, 0xA0); /* rotate on non-specific EOI: 4 is lowest now */
    line(p, 4, false);
    line(p, 4, true);
    ck_assert_int_eq(pic_acknowledge(p), 0x26);
    wr(&pic_master_ops, p, 0, 0xE6); /* rotate on specific EOI: 6 lowest */
    line(p, 7, true);
    ck_assert_int_eq(pic_acknowledge(p), 0x27);
    wr(&pic_master_ops, p, 0, 0x20);
    wr(&pic_master_ops, p, 0, 0xC3); /* set priority: 3 lowest, 4 highest */
    line(p, 0, true);
    ck_assert_int_eq(pic_acknowledge(p), 0x24);
    ck_assert(!b.level[INTR]);
    pic_close(&b, p);
}
END_TEST

START_TEST(pic_automatic_eoi)
{
    struct bench b;
    struct pic *p = pic_open(&b, 0x03);

    line(p, 5, true);
    line(p, 6, true);
    ck_assert_int_eq(pic_acknowledge(p), 0x25);
    ck_assert_uint_eq(pic_isr(p, &pic_master_ops), 0);
    ck_assert_int_eq(pic_acknowledge(p), 0x26);
    wr(&pic_master_ops, p, 0, 0x80); /* rotate in AEOI */
    line(p, 2, true);
    line(p, 0, true);
    ck_assert_int_eq(pic_acknowledge(p), 0x20);
    line(p, 0, false);
    line(p, 0, true);
    line(p, 1, true);
    ck_assert_int_eq(pic_acknowledge(p), 0x21);
    line(p, 12, true);
    line(p, 13, true); /* the slave's INT rises again for the second */
    ck_assert_int_eq(pic_acknowledge(p), 0x2C);
    ck_assert_int_eq(pic_acknowledge(p), 0x20); /* 2 is lowest now */
    ck_assert_int_eq(pic_acknowledge(p), 0x2D);
    ck_assert(!b.level[INTR]);
    pic_close(&b, p);
}
END_TEST

START_TEST(pic_special_mask)
{
    struct bench b;
    struct pic *p = pic_open(&b, 0x01);

    line(p, 2, true);
    line(p, 3, true);
    ck_assert_int_eq(pic_acknowledge(p), 0x23);
    line(p, 6, true);
    ck_assert(!b.level[INTR]);
    wr(&pic_master_ops, p, 1, 0x08);
    ck_assert(!b.level[INTR]);
    wr(&pic_master_ops, p, 0, 0x68); /* ESMM, SMM */
    ck_assert(b.level[INTR]);
    ck_assert_int_eq(pic_acknowledge(p), 0x26);
    wr(&pic_master_ops, p, 0, 0x20); /* "an IS bit that is masked ... will not be cleared" */
    ck_assert_uint_eq(pic_isr(p, &pic_master_ops), 0x08);
    wr(&pic_master_ops, p, 0, 0x48);
    wr(&pic_master_ops, p, 0, 0x20);
    ck_assert_uint_eq(pic_isr(p, &pic_master_ops), 0);
    pic_close(&b, p);
}
END_TEST

START_TEST(pic_levels)
{
    struct bench b;
    struct pic *p = pic_open(&b, 0x01);

    wr(&pic_elcr_ops, p, 0, 0xFF);
    wr(&pic_elcr_ops, p, 1, 0xFF);
    ck_assert_uint_eq(rd(&pic_elcr_ops, p, 0), 0xF8);
    ck_assert_uint_eq(rd(&pic_elcr_ops, p, 1), 0xDE);
    line(p, 11, true);
    ck_assert_int_eq(pic_acknowledge(p), 0x2B);
    wr(&pic_slave_ops, p, 0, 0x20);
    wr(&pic_master_ops, p, 0, 0x20);
    ck_assert(b.level[INTR]); /* still asserted, so requested again */
    line(p, 11, false);
    ck_assert(!b.level[INTR]);
    line(p, 1, true);
    wr(&pic_master_ops, p, 0, 0x11); /* ICW1 resets the edge sense */
    wr(&pic_master_ops, p, 1, 0x40);
    wr(&pic_master_ops, p, 1, 0x04);
    ck_assert(!b.level[INTR]);
    wr(&pic_master_ops, p, 1, 0x01);
    ck_assert(!b.level[INTR]);
    line(p, 1, false);
    line(p, 1, true);
    ck_assert_int_eq(pic_acknowledge(p), 0x41);
    pic_reset(p);
    ck_assert_uint_eq(rd(&pic_elcr_ops, p, 1), 0);
    pic_close(&b, p);
}
END_TEST

/* ---- PIT ---- */

/* The model: 82C54 data sheet, "Mode Definitions", one CLK pulse at a time. */
struct model {
    unsigned mode, n, cr, ce;
    bool bcd, gate, written, loaded, load, trigger, null_count, out, strobe, fresh;
};

static unsigned model_mod(const struct model *m) { return m->bcd ? 10000 : 65536; }

static void model_load(struct model *m)
{
    m->n = m->cr ? m->cr : model_mod(m);
    m->ce = m->mode == 3 ? m->n & ~1u : m->n;
    m->load = m->trigger = m->null_count = false;
    m->loaded = m->fresh = true;
    m->strobe = false;
}

static void model_down(struct model *m) { m->ce = (m->ce + model_mod(m) - 1) % model_mod(m); }

static void model_square(struct model *m)
{
    bool odd_wait = (m->n & 1) && m->out && m->ce == 0;
    bool out = m->out;

    if (!odd_wait) {
        m->ce -= 2;
        if (m->ce || ((m->n & 1) && m->out))
            return;
    }
    model_load(m);
    m->out = !out;
}

static void model_pulse(struct model *m)
{
    bool triggered_mode = m->mode == 1 || m->mode == 5;

    if (m->strobe) {
        m->out = true;
        m->strobe = false;
    }
    if (triggered_mode ? m->trigger : m->load || (m->trigger && (m->mode == 2 || m->mode == 3))) {
        model_load(m);
        m->out = m->mode > 1;
        return;
    }
    m->trigger = false;
    if (!m->loaded || (!m->gate && !triggered_mode))
        return;
    if (m->mode == 3) {
        model_square(m);
        return;
    }
    model_down(m);
    if (m->mode == 2 && m->ce == 1) {
        m->out = false;
    } else if (m->mode == 2 && m->ce == 0) {
        model_load(m);
        m->out = true;
    } else if (m->ce == 0 && m->fresh) {
        m->fresh = false;
        m->out = m->mode < 2;
        m->strobe = m->mode >= 4;
    }
}

static bool model_out(const struct model *m) { return (m->mode == 2 || m->mode == 3) && !m->gate ? true : m->out; }

static u64 pulse_time(u64 pulse) { return (pulse * 1000000000ull + 1193181) / 1193182; }

static unsigned digits(const struct model *m, unsigned v)
{
    v %= model_mod(m);
    return m->bcd ? v / 1000 << 12 | v / 100 % 10 << 8 | v / 10 % 10 << 4 | v % 10 : v;
}

static void both_control(struct pit *p, struct model *m, int channel, unsigned mode, bool bcd)
{
    wr(&pit_ops, p, 3, (u8)(channel << 6 | 0x30 | mode << 1 | bcd));
    m->mode = mode;
    m->bcd = bcd;
    m->written = m->loaded = m->load = m->trigger = m->strobe = m->fresh = false;
    m->null_count = true;
    m->out = mode != 0;
}

static void both_count(struct pit *p, struct model *m, int channel, unsigned count)
{
    unsigned v = digits(m, count);

    wr(&pit_ops, p, (u64)channel, (u8)v);
    wr(&pit_ops, p, (u64)channel, (u8)(v >> 8));
    m->cr = count % model_mod(m);
    m->null_count = m->written = true;
    if (m->mode == 0)
        m->out = false;
    if (m->mode == 0 || m->mode == 4 || ((m->mode == 2 || m->mode == 3) && !m->loaded))
        m->load = true;
}

static void both_gate(struct pit *p, struct model *m, int channel, bool level)
{
    pit_set_gate(p, channel, level);
    if (level && !m->gate && m->written)
        m->trigger = true;
    m->gate = level;
}

static void compare(struct pit *p, const struct model *m, int channel)
{
    unsigned status, low, high;

    ck_assert_int_eq(pit_output(p, channel), model_out(m));
    wr(&pit_ops, p, 3, (u8)(0xC0 | 2 << channel));
    status = rd(&pit_ops, p, (u64)channel);
    ck_assert_uint_eq(status,
                      (unsigned)model_out(m) << 7 | (unsigned)m->null_count << 6 | 0x30 | m->mode << 1 | m->bcd);
    low = rd(&pit_ops, p, (u64)channel);
    high = rd(&pit_ops, p, (u64)channel);
    if (m->loaded)
        ck_assert_uint_eq(high << 8 | low, digits(m, m->ce));
}

START_TEST(pit_against_the_model)
{
    struct bench b;
    struct pit *p;
    struct model m = {0};
    u64 seed = 88172645463325252ull + (u64)_i;
    int channel = _i % 3;
    unsigned mode = (unsigned)(_i / 3) % 6;

    bench_open(&b);
    p = pit_create(b.clock, bench_wire(&b, 0));
    m.gate = channel != 2;
    both_control(p, &m, channel, mode, _i & 1);
    for (u64 pulse = 1; pulse < 4000; pulse++) {
        unsigned r = random_next(&seed);

        if (r % 23 == 0)
            both_gate(p, &m, channel, r >> 8 & 1);
        if (r % 37 == 0) { /* a glitch within one pulse is a trigger */
            both_gate(p, &m, channel, false);
            both_gate(p, &m, channel, true);
            both_gate(p, &m, channel, r >> 8 & 1);
        }
        if (r % 29 == 0)
            both_count(p, &m, channel, r % 31 == 0 ? 0 : 2 + (r >> 8) % 20);
        if (r % 601 == 0)
            both_control(p, &m, channel, mode, r >> 8 & 1);
        compare(p, &m, channel);
        if (channel == 0)
            ck_assert_int_eq(b.level[0], model_out(&m));
        bench_run(&b, pulse_time(pulse) - 1);
        compare(p, &m, channel);
        bench_run(&b, pulse_time(pulse));
        model_pulse(&m);
        compare(p, &m, channel);
    }
    pit_destroy(p);
    clock_destroy(b.clock);
}
END_TEST

START_TEST(pit_does_not_drift)
{
    struct bench b;
    struct pit *p;

    bench_open(&b);
    p = pit_create(b.clock, bench_wire(&b, 0));
    wr(&pit_ops, p, 3, 0x34);
    wr(&pit_ops, p, 0, 0xA9); /* 1193: 1000.15 Hz */
    wr(&pit_ops, p, 0, 0x04);
    ck_assert(pit_may_interrupt(p));
    bench_run(&b, 100 * CLOCK_SECOND);
    ck_assert_uint_eq(b.rises[0], 1 + (1193182 * 100u - 1) / 1193);
    pit_reset(p);
    ck_assert(!pit_may_interrupt(p));
    pit_destroy(p);
    clock_destroy(b.clock);
}
END_TEST

START_TEST(pit_latches_and_port_b)
{
    struct bench b;
    struct pit *p;
    unsigned toggles = 0;
    u8 last = 0;

    bench_open(&b);
    p = pit_create(b.clock, bench_wire(&b, 0));
    wr(&pit_ops, p, 3, 0xB0); /* channel 2, mode 0 */
    wr(&pit_ops, p, 2, 0x34);
    wr(&pit_ops, p, 2, 0x12);
    bench_run(&b, pulse_time(100));
    wr(&pit_ops, p, 3, 0x80);
    wr(&pit_ops, p, 3, 0x80);
    ck_assert_uint_eq(rd(&pit_ops, p, 2), 0x34); /* the gate is low: loaded, not counting */
    ck_assert_uint_eq(rd(&pit_port_b_ops, p, 0) & 0x2F, 0x00);
    wr(&pit_port_b_ops, p, 0, 0x01);
    bench_run(&b, pulse_time(100 + 0x10));
    ck_assert_uint_eq(rd(&pit_ops, p, 2), 0x12); /* the latched MSB still */
    ck_assert_uint_eq(rd(&pit_ops, p, 2), 0x24);
    ck_assert_uint_eq(rd(&pit_ops, p, 2), 0x12);
    bench_run(&b, pulse_time(100 + 0x1233));
    ck_assert_uint_eq(rd(&pit_port_b_ops, p, 0) & 0x2F, 0x01);
    bench_run(&b, pulse_time(100 + 0x1234));
    ck_assert_uint_eq(rd(&pit_port_b_ops, p, 0) & 0x2F, 0x21);
    ck_assert_uint_eq(rd(&pit_ops, p, 3), 0xFF);
    for (int i = 0; i < 1000; i++) {
        u8 v = rd(&pit_port_b_ops, p, 0) & 0x10;

        toggles += v != last;
        last = v;
        b.now += 1000;
    }
    ck_assert_uint_ge(toggles, 65); /* 1 ms at 15.085 us */
    ck_assert_uint_le(toggles, 67);
    wr(&pit_ops, p, 3, 0x52); /* channel 1: LSB only, mode 1 */
    wr(&pit_ops, p, 1, 5);
    wr(&pit_ops, p, 3, 0xE4); /* status of channel 1 */
    ck_assert_uint_eq(rd(&pit_ops, p, 1), 0xD2);
    pit_destroy(p);
    clock_destroy(b.clock);
}
END_TEST

int main(void)
{
    const TTest *const plain[] = {
        clock_orders_and_tells, pic_priority_and_eoi, pic_spurious,     pic_cascade, pic_special_fully_nested,
        pic_rotation,           pic_automatic_eoi,    pic_special_mask, pic_levels,  pit_does_not_drift,
        pit_latches_and_port_b,
    };
    Suite *suite = suite_create("timing devices");
    TCase *tc = tcase_create("registers");

    for (int i = 0; i < COUNT(plain); i++)
        tcase_add_test(tc, plain[i]);
    tcase_add_loop_test(tc, pit_against_the_model, 0, 36);
    return bench_finish(suite, tc);
}
