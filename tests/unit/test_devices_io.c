/* SPDX-License-Identifier: MIT */
/* The serial port, the real-time clock, the keyboard controller and the ports of one register, at register level. */
#include "tests/unit/device_bench.h"

/* ---- UART ---- */

enum { UART_IRQ = 4, UART_OUT2 = 5 };

struct peer {
    char sent[64];
    unsigned sent_count;
    const char *text; /* to send; then `then` for ever */
    int then;
    unsigned asked;
};

static void peer_put(void *ctx, u8 byte)
{
    struct peer *p = ctx;

    p->sent[p->sent_count++ % sizeof(p->sent)] = (char)byte;
}

static int peer_get(void *ctx)
{
    struct peer *p = ctx;

    p->asked++;
    return p->text && *p->text ? (u8)*p->text++ : p->then;
}

static struct uart *uart_open(struct bench *b, struct peer *p, bool reads)
{
    struct uart_backend backend = {peer_put, reads ? peer_get : NULL, p};
    struct uart *u;

    bench_open(b);
    u = uart_create(b->clock, bench_wire(b, UART_IRQ), bench_wire(b, UART_OUT2), &backend);
    ck_assert_ptr_nonnull(u);
    wr(&uart_ops, u, 3, 0x83);
    wr(&uart_ops, u, 0, 1); /* 115200 baud */
    wr(&uart_ops, u, 1, 0);
    wr(&uart_ops, u, 3, 0x03);
    return u;
}

static void uart_close(struct bench *b, struct uart *u)
{
    uart_destroy(u);
    ck_assert_uint_eq(clock_next(b->clock), CLOCK_NEVER);
    clock_destroy(b->clock);
}

#define CHARACTER_NS 86805u /* ten bits at 115200 */

START_TEST(uart_transmits)
{
    struct bench b;
    struct peer peer = {0};
    struct uart *u = uart_open(&b, &peer, false);

    ck_assert_uint_eq(rd(&uart_ops, u, 5), 0x60);
    wr(&uart_ops, u, 0, 'x');
    ck_assert_uint_eq(rd(&uart_ops, u, 5), 0x60);
    ck_assert(!b.level[UART_IRQ]);
    wr(&uart_ops, u, 1, 0x02);
    ck_assert(b.level[UART_IRQ]); /* THR is empty */
    ck_assert_uint_eq(rd(&uart_ops, u, 2), 0x02);
    ck_assert(!b.level[UART_IRQ]); /* reading IIR clears it */
    ck_assert_uint_eq(rd(&uart_ops, u, 2), 0x01);
    wr(&uart_ops, u, 0, 'y');
    ck_assert_uint_eq(b.rises[UART_IRQ], 2);
    wr(&uart_ops, u, 0, 'z');
    ck_assert_uint_eq(b.rises[UART_IRQ], 3); /* an edge for each byte */
    ck_assert_mem_eq(peer.sent, "xyz", 3);
    wr(&uart_ops, u, 3, 0x00); /* five bits on a line, but the peer is a program */
    wr(&uart_ops, u, 0, 0xFF);
    ck_assert_uint_eq((u8)peer.sent[3], 0xFF);
    uart_close(&b, u);
}
END_TEST

START_TEST(uart_registers)
{
    struct bench b;
    struct peer peer = {0};
    struct uart *u = uart_open(&b, &peer, false);

    wr(&uart_ops, u, 7, 0x5A);
    ck_assert_uint_eq(rd(&uart_ops, u, 7), 0x5A);
    wr(&uart_ops, u, 1, 0xFF);
    ck_assert_uint_eq(rd(&uart_ops, u, 1), 0x0F);
    wr(&uart_ops, u, 4, 0xFF);
    ck_assert_uint_eq(rd(&uart_ops, u, 4), 0x1F);
    ck_assert_uint_eq(rd(&uart_ops, u, 2) >> 6, 0);
    wr(&uart_ops, u, 2, 0x01);
    ck_assert_uint_eq(rd(&uart_ops, u, 2) >> 6, 3); /* a 16550A */
    wr(&uart_ops, u, 3, 0x80);
    ck_assert_uint_eq(rd(&uart_ops, u, 0), 1);
    ck_assert_uint_eq(rd(&uart_ops, u, 1), 0);
    ck_assert_uint_eq(rd(&uart_ops, u, 3), 0x80);
    wr(&uart_ops, u, 5, 0x00);
    ck_assert_uint_eq(rd(&uart_ops, u, 5), 0x60);
    uart_reset(u);
    ck_assert_uint_eq(rd(&uart_ops, u, 1), 0);
    ck_assert_uint_eq(rd(&uart_ops, u, 2), 1);
    ck_assert_uint_eq(rd(&uart_ops, u, 4), 0);
    ck_assert_uint_eq(rd(&uart_ops, u, 7), 0x5A);
    uart_close(&b, u);
}
END_TEST

START_TEST(uart_receives_in_fifo)
{
    struct bench b;
    struct peer peer = {0};
    struct uart *u = uart_open(&b, &peer, false);

    wr(&uart_ops, u, 2, 0x41); /* FIFO, trigger at 4 */
    wr(&uart_ops, u, 1, 0x01);
    for (int i = 0; i < 3; i++)
        uart_receive(u, (u8)('a' + i), 0);
    ck_assert(!b.level[UART_IRQ]);
    ck_assert_uint_eq(rd(&uart_ops, u, 5), 0x61);
    bench_run(&b, b.now + 4 * CHARACTER_NS + 10);
    ck_assert(b.level[UART_IRQ]);
    ck_assert_uint_eq(rd(&uart_ops, u, 2), 0xCC); /* timeout */
    ck_assert_uint_eq(rd(&uart_ops, u, 0), 'a');
    ck_assert(!b.level[UART_IRQ]);
    uart_receive(u, 'd', 0);
    uart_receive(u, 'e', 0);
    ck_assert_uint_eq(rd(&uart_ops, u, 2), 0xC4); /* data available */
    for (int i = 1; i < 5; i++)
        ck_assert_uint_eq(rd(&uart_ops, u, 0), 'a' + (unsigned)i);
    ck_assert_uint_eq(rd(&uart_ops, u, 5), 0x60);
    ck_assert_uint_eq(rd(&uart_ops, u, 2), 0xC1);
    for (int i = 0; i < 17; i++)
        uart_receive(u, (u8)i, i == 2 ? UART_PARITY_ERROR : 0);
    wr(&uart_ops, u, 1, 0x05);
    ck_assert_uint_eq(rd(&uart_ops, u, 2), 0xC6); /* overrun is a line status */
    ck_assert_uint_eq(rd(&uart_ops, u, 5), 0xE3); /* ... with an error somewhere in the FIFO */
    ck_assert_uint_eq(rd(&uart_ops, u, 5), 0xE1);
    ck_assert_uint_eq(rd(&uart_ops, u, 0), 0);
    ck_assert_uint_eq(rd(&uart_ops, u, 0), 1);
    ck_assert_uint_eq(rd(&uart_ops, u, 5), 0xE5); /* the bad one is on top */
    ck_assert_uint_eq(rd(&uart_ops, u, 5), 0x61);
    wr(&uart_ops, u, 2, 0x03); /* clear */
    ck_assert_uint_eq(rd(&uart_ops, u, 5), 0x60);
    uart_close(&b, u);
}
END_TEST

START_TEST(uart_without_fifo_overruns)
{
    struct bench b;
    struct peer peer = {0};
    struct uart *u = uart_open(&b, &peer, false);

    uart_receive(u, 'a', 0);
    ck_assert(!uart_has_room(u));
    uart_receive(u, 'b', UART_BREAK);
    ck_assert_uint_eq(rd(&uart_ops, u, 5), 0x63);
    ck_assert_uint_eq(rd(&uart_ops, u, 0), 'b');
    uart_receive(u, 0, UART_BREAK);
    ck_assert_uint_eq(rd(&uart_ops, u, 5), 0x71);
    uart_close(&b, u);
}
END_TEST

START_TEST(uart_paces_its_input)
{
    struct bench b;
    struct peer peer = {.text = "0123456789abcdefghij", .then = -2};
    struct uart *u = uart_open(&b, &peer, true);

    bench_run(&b, 20 * CLOCK_SECOND / 1000);
    wr(&uart_ops, u, 4, 0x08);
    wr(&uart_ops, u, 2, 0x01);
    wr(&uart_ops, u, 1, 0x0F); /* a driver probes */
    wr(&uart_ops, u, 1, 0x00);
    bench_run(&b, 40 * CLOCK_SECOND / 1000);
    ck_assert_uint_eq(peer.asked, 0); /* nobody listens */
    wr(&uart_ops, u, 1, 0x01);
    ck_assert(uart_may_interrupt(u));
    bench_run(&b, b.now + 10 * CHARACTER_NS + 100);
    ck_assert_uint_eq(peer.asked, 10);
    bench_run(&b, b.now + 100 * CHARACTER_NS);
    ck_assert_uint_eq(peer.asked, 16); /* full */
    ck_assert(!uart_may_interrupt(u)); /* it is up already, and will not rise */
    for (int i = 0; i < 20; i++) {
        ck_assert_uint_eq(rd(&uart_ops, u, 0), (u8) "0123456789abcdefghij"[i]);
        bench_run(&b, b.now + 2 * CHARACTER_NS);
    }
    ck_assert_uint_eq(rd(&uart_ops, u, 5), 0x60); /* nothing was overrun */
    ck_assert(!uart_may_interrupt(u));            /* the end */
    uart_close(&b, u);
}
END_TEST

/* Without interrupts and RTS, reading LSR again and again is listening; reading it between bytes sent is not. */
START_TEST(uart_hears_a_poller)
{
    struct bench b;
    struct peer peer = {.text = "x", .then = -1};
    struct uart *u = uart_open(&b, &peer, true);

    for (int i = 0; i < 100; i++) {
        rd(&uart_ops, u, 5);
        wr(&uart_ops, u, 0, 'o');
        bench_run(&b, b.now + CHARACTER_NS);
    }
    ck_assert_uint_eq(peer.asked, 0);
    for (int i = 0; i < 16; i++)
        ck_assert_uint_eq(rd(&uart_ops, u, 5), 0x60);
    bench_run(&b, b.now + CHARACTER_NS + 10);
    ck_assert_uint_eq(rd(&uart_ops, u, 5), 0x61);
    ck_assert_uint_eq(rd(&uart_ops, u, 0), 'x');
    bench_run(&b, b.now + CLOCK_SECOND);
    ck_assert_uint_ge(peer.asked, 1000); /* nothing to say for now: asked every millisecond */
    ck_assert_uint_le(peer.asked, 1003);
    uart_close(&b, u);
}
END_TEST

START_TEST(uart_modem_and_loop)
{
    struct bench b;
    struct peer peer = {0};
    struct uart *u = uart_open(&b, &peer, false);

    ck_assert_uint_eq(rd(&uart_ops, u, 6), 0xB0);
    wr(&uart_ops, u, 4, 0x08);
    ck_assert(b.level[UART_OUT2]);
    wr(&uart_ops, u, 4, 0x1A); /* the probe of Linux: loop, OUT2, RTS */
    ck_assert_uint_eq(rd(&uart_ops, u, 6) & 0xF0, 0x90);
    ck_assert(!b.level[UART_OUT2]);
    wr(&uart_ops, u, 0, 'L');
    ck_assert_uint_eq(rd(&uart_ops, u, 5), 0x61);
    ck_assert_uint_eq(rd(&uart_ops, u, 0), 'L');
    ck_assert_uint_eq(peer.sent_count, 0);
    uart_receive(u, 'x', 0); /* disconnected */
    ck_assert_uint_eq(rd(&uart_ops, u, 5), 0x60);
    wr(&uart_ops, u, 4, 0x08);
    rd(&uart_ops, u, 6);
    wr(&uart_ops, u, 1, 0x08);
    uart_set_modem(u, UART_CTS | UART_RI);
    ck_assert_uint_eq(rd(&uart_ops, u, 2), 0x00);
    ck_assert(b.level[UART_IRQ]);
    ck_assert_uint_eq(rd(&uart_ops, u, 6), 0x5A); /* DDSR and DDCD; RI rose, and only its fall counts */
    ck_assert(!b.level[UART_IRQ]);
    uart_set_modem(u, UART_CTS);
    ck_assert_uint_eq(rd(&uart_ops, u, 6), 0x14);
    uart_close(&b, u);
}
END_TEST

/* ---- RTC ---- */

enum { RTC_IRQ = 8 };

static u8 cmos(struct rtc *r, u8 index)
{
    wr(&rtc_ops, r, 0, index);
    return rd(&rtc_ops, r, 1);
}

static void cmos_write(struct rtc *r, u8 index, u8 value)
{
    wr(&rtc_ops, r, 0, index);
    wr(&rtc_ops, r, 1, value);
}

static struct rtc *rtc_open(struct bench *b, s64 base)
{
    struct rtc *r;

    bench_open(b);
    r = rtc_create(b->clock, bench_wire(b, RTC_IRQ), base);
    ck_assert_ptr_nonnull(r);
    return r;
}

static void rtc_close(struct bench *b, struct rtc *r)
{
    rtc_destroy(r);
    ck_assert_uint_eq(clock_next(b->clock), CLOCK_NEVER);
    clock_destroy(b->clock);
}

/* sec, min, hour, weekday, day, month, year, century; Sunday is 1 */
static void expect_time(struct rtc *r, const u8 *v)
{
    static const u8 index[8] = {0, 2, 4, 6, 7, 8, 9, 0x32};

    for (int i = 0; i < 8; i++)
        ck_assert_msg(cmos(r, index[i]) == v[i], "register %02x is %02x, not %02x", index[i], cmos(r, index[i]), v[i]);
}

static const struct {
    s64 base;
    u64 after;
    u8 time[8];
} rtc_times[] = {
    {RTC_DEFAULT_BASE, 0, {0x00, 0x00, 0x00, 0x05, 0x01, 0x01, 0x26, 0x20}},
    {RTC_DEFAULT_BASE, 86399, {0x59, 0x59, 0x23, 0x05, 0x01, 0x01, 0x26, 0x20}},
    {RTC_DEFAULT_BASE, 86400, {0x00, 0x00, 0x00, 0x06, 0x02, 0x01, 0x26, 0x20}},
    {951782399, 0, {0x59, 0x59, 0x23, 0x02, 0x28, 0x02, 0x00, 0x20}}, /* 2000-02-28 */
    {951782399, 1, {0x00, 0x00, 0x00, 0x03, 0x29, 0x02, 0x00, 0x20}},
    {951782399, 86401, {0x00, 0x00, 0x00, 0x04, 0x01, 0x03, 0x00, 0x20}},
    {946684799, 1, {0x00, 0x00, 0x00, 0x07, 0x01, 0x01, 0x00, 0x20}}, /* into 2000 */
    {-1, 0, {0x59, 0x59, 0x23, 0x04, 0x31, 0x12, 0x69, 0x19}},
};

START_TEST(rtc_tells_the_time)
{
    struct bench b;
    struct rtc *r = rtc_open(&b, rtc_times[_i].base);

    bench_run(&b, rtc_times[_i].after * CLOCK_SECOND);
    expect_time(r, rtc_times[_i].time);
    rtc_close(&b, r);
}
END_TEST

START_TEST(rtc_formats)
{
    struct bench b;
    struct rtc *r = rtc_open(&b, RTC_DEFAULT_BASE);

    cmos_write(r, 0x0B, 0x80); /* SET, BCD, 12 h */
    cmos_write(r, 0x04, 0x91); /* 11 pm */
    cmos_write(r, 0x02, 0x59);
    cmos_write(r, 0x00, 0x58);
    bench_run(&b, 10 * CLOCK_SECOND);
    ck_assert_uint_eq(cmos(r, 0), 0x58); /* stopped */
    cmos_write(r, 0x0B, 0x00);
    bench_run(&b, 11 * CLOCK_SECOND);
    ck_assert_uint_eq(cmos(r, 0), 0x59);
    bench_run(&b, 12 * CLOCK_SECOND);
    ck_assert_uint_eq(cmos(r, 4), 0x12); /* midnight */
    ck_assert_uint_eq(cmos(r, 7), 0x02);
    cmos_write(r, 0x0B, 0x86); /* binary, 24 h */
    cmos_write(r, 0x04, 11);
    cmos_write(r, 0x02, 59);
    cmos_write(r, 0x00, 59);
    cmos_write(r, 0x0B, 0x04); /* binary, 12 h */
    bench_run(&b, 13 * CLOCK_SECOND);
    ck_assert_uint_eq(cmos(r, 4), 0x8C); /* noon */
    cmos_write(r, 0x40, 0x77);
    ck_assert_uint_eq(cmos(r, 0x40), 0x77);
    ck_assert_uint_eq(cmos(r, 0xC0), 0x77); /* bit 7 is the NMI mask */
    ck_assert_uint_eq(cmos(r, 0x0D), 0x80);
    rtc_set_nvram(r, 0x0A, 0x55);
    ck_assert_uint_eq(cmos(r, 0x0A), 0x26);
    rtc_close(&b, r);
}
END_TEST

START_TEST(rtc_update_in_progress)
{
    struct bench b;
    struct rtc *r = rtc_open(&b, RTC_DEFAULT_BASE);

    bench_run(&b, CLOCK_SECOND - 2228001);
    ck_assert_uint_eq(cmos(r, 0x0A), 0x26);
    bench_run(&b, CLOCK_SECOND - 2228000);
    ck_assert_uint_eq(cmos(r, 0x0A), 0xA6);
    bench_run(&b, CLOCK_SECOND);
    ck_assert_uint_eq(cmos(r, 0x0A), 0x26);
    cmos_write(r, 0x0A, 0x76); /* the divider in reset */
    bench_run(&b, 5 * CLOCK_SECOND);
    ck_assert_uint_eq(cmos(r, 0), 1);
    cmos_write(r, 0x0A, 0x26);
    bench_run(&b, 5 * CLOCK_SECOND + CLOCK_SECOND / 2 - 1);
    ck_assert_uint_eq(cmos(r, 0), 1);
    bench_run(&b, 5 * CLOCK_SECOND + CLOCK_SECOND / 2);
    ck_assert_uint_eq(cmos(r, 0), 2);
    rtc_close(&b, r);
}
END_TEST

START_TEST(rtc_interrupts)
{
    struct bench b;
    struct rtc *r = rtc_open(&b, RTC_DEFAULT_BASE);

    bench_run(&b, CLOCK_SECOND / 2);
    ck_assert_uint_eq(cmos(r, 0x0C), 0x40); /* PF rises without PIE, IRQF does not */
    ck_assert_uint_eq(cmos(r, 0x0C), 0x00);
    ck_assert(!rtc_may_interrupt(r));
    cmos_write(r, 0x0B, 0x12); /* update ended */
    ck_assert(rtc_may_interrupt(r));
    bench_run(&b, CLOCK_SECOND - 1);
    ck_assert(!b.level[RTC_IRQ]);
    bench_run(&b, CLOCK_SECOND);
    ck_assert(b.level[RTC_IRQ]);
    ck_assert_uint_eq(cmos(r, 0x0C) & 0xB0, 0x90);
    ck_assert(!b.level[RTC_IRQ]);
    cmos_write(r, 0x01, 0x05);
    cmos_write(r, 0x03, 0xC0);
    cmos_write(r, 0x05, 0xFF);
    cmos_write(r, 0x0B, 0x22); /* alarm at any :05 */
    bench_run(&b, 5 * CLOCK_SECOND - 1);
    ck_assert(!b.level[RTC_IRQ]);
    bench_run(&b, 5 * CLOCK_SECOND);
    ck_assert(b.level[RTC_IRQ]);
    ck_assert_uint_eq(cmos(r, 0x0C) & 0xA0, 0xA0);
    cmos_write(r, 0x0B, 0x42); /* periodic, 1024 Hz */
    b.rises[RTC_IRQ] = 0;
    for (u64 end = b.now + CLOCK_SECOND; b.now < end;) {
        bench_run(&b, clock_next(b.clock));
        cmos(r, 0x0C);
    }
    ck_assert_uint_ge(b.rises[RTC_IRQ], 1024);
    ck_assert_uint_le(b.rises[RTC_IRQ], 1025);
    cmos_write(r, 0x0A, 0x21); /* rate 1 is 256 Hz at 32 kHz */
    b.rises[RTC_IRQ] = 0;
    for (u64 end = b.now + CLOCK_SECOND; b.now < end;) {
        bench_run(&b, clock_next(b.clock));
        cmos(r, 0x0C);
    }
    ck_assert_uint_ge(b.rises[RTC_IRQ], 256);
    ck_assert_uint_le(b.rises[RTC_IRQ], 257);
    cmos_write(r, 0x0B, 0xF2);
    ck_assert_uint_eq(cmos(r, 0x0B), 0xE2); /* SET clears UIE */
    rtc_reset(r);
    ck_assert_uint_eq(cmos(r, 0x0B), 0x82);
    rtc_close(&b, r);
}
END_TEST

/* ---- 8042 ---- */

enum { KB_IRQ = 1, AUX_IRQ = 12, A20 = 13, RESET = 14 };

static struct i8042 *kbc_open(struct bench *b)
{
    struct i8042 *k;

    bench_open(b);
    k = i8042_create(b->clock, &(struct i8042_wires){bench_wire(b, KB_IRQ), bench_wire(b, AUX_IRQ), bench_wire(b, A20),
                                                     bench_wire(b, RESET)});
    ck_assert_ptr_nonnull(k);
    return k;
}

static void kbc_close(struct bench *b, struct i8042 *k)
{
    i8042_destroy(k);
    ck_assert_uint_eq(clock_next(b->clock), CLOCK_NEVER);
    clock_destroy(b->clock);
}

static u8 status(struct i8042 *k) { return rd(&i8042_command_ops, k, 0); }

static void command(struct i8042 *k, u8 v) { wr(&i8042_command_ops, k, 0, v); }

static void data(struct i8042 *k, u8 v) { wr(&i8042_data_ops, k, 0, v); }

/* The next byte, which must come within a millisecond. */
static int answer(struct bench *b, struct i8042 *k)
{
    for (int i = 0; i < 100 && !(status(k) & 1); i++)
        bench_run(b, b->now + 10000);
    return status(k) & 1 ? rd(&i8042_data_ops, k, 0) : -1;
}

static const struct {
    u8 command;
    int data; /* -1: none */
    int answer;
    u8 status; /* with the answer there, bits 7:5 and 0 */
} kbc_commands[] = {
    {0xAA, -1, 0x55, 0x01},   {0xA9, -1, 0x00, 0x01},   {0xAB, -1, 0x00, 0x01}, {0xA4, -1, 0xF1, 0x01},
    {0xC0, -1, 0xB0, 0x01},   {0xD0, -1, 0xC3, 0x01},   {0xE0, -1, 0x00, 0x01}, {0xD2, 0x5A, 0x5A, 0x01},
    {0xD3, 0xA5, 0xA5, 0x21}, {0xD4, 0xF2, 0xFE, 0x61}, {0x20, -1, 0x30, 0x01}, {0xA8, -1, -1, 0x00},
};

START_TEST(kbc_commands_answer)
{
    struct bench b;
    struct i8042 *k = kbc_open(&b);

    command(k, kbc_commands[_i].command);
    if (kbc_commands[_i].data >= 0)
        data(k, (u8)kbc_commands[_i].data);
    ck_assert_uint_eq(status(k) & 0xE1, kbc_commands[_i].status);
    ck_assert_int_eq(answer(&b, k), kbc_commands[_i].answer);
    ck_assert_uint_eq(status(k) & 0xE1, 0);
    kbc_close(&b, k);
}
END_TEST

START_TEST(kbc_command_byte_and_gate)
{
    struct bench b;
    struct i8042 *k = kbc_open(&b);

    command(k, 0x60);
    ck_assert_uint_eq(status(k) & 0x08, 0x08);
    data(k, 0x47);
    ck_assert_uint_eq(status(k) & 0x0C, 0x04);
    command(k, 0x20);
    ck_assert(b.level[KB_IRQ]);
    ck_assert_int_eq(answer(&b, k), 0x47);
    ck_assert(!b.level[KB_IRQ]);
    command(k, 0xA7);
    command(k, 0x20);
    ck_assert_int_eq(answer(&b, k), 0x67);
    command(k, 0xD3);
    data(k, 0x11);
    ck_assert(b.level[AUX_IRQ] && !b.level[KB_IRQ]);
    answer(&b, k);
    command(k, 0x65);
    data(k, 0x99);
    command(k, 0x25);
    ck_assert_int_eq(answer(&b, k), 0x99); /* controller RAM */
    command(k, 0xDF);
    ck_assert(b.level[A20]);
    command(k, 0xDD);
    ck_assert(!b.level[A20]);
    command(k, 0xD1);
    data(k, 0xDF);
    ck_assert(b.level[A20]);
    ck_assert_uint_eq(b.rises[RESET], 0);
    command(k, 0xF1); /* pulses bits 1..3, not reset */
    ck_assert_uint_eq(b.rises[RESET], 0);
    command(k, 0xFE);
    ck_assert_uint_eq(b.rises[RESET], 1);
    i8042_a20_is(k, false);
    command(k, 0xD0);
    ck_assert_int_eq(answer(&b, k) & 0x02, 0);
    kbc_close(&b, k);
}
END_TEST

/* ---- The small ports ---- */

static void hear(void *ctx, u32 value)
{
    u32 *heard = ctx;

    heard[0]++;
    heard[1] = value;
}

START_TEST(small_ports)
{
    struct bench b;
    u32 heard[2] = {0};
    struct tell tell = {hear, heard};
    struct post *post = post_create(tell);
    struct debugcon *con = debugcon_create(tell);
    struct debug_exit *leave = debug_exit_create(tell);
    struct shutdown_port *down = shutdown_port_create(tell);

    bench_open(&b);
    wr(&post_ops, post, 0, 0x42);
    ck_assert_uint_eq(heard[1], 0x42);
    ck_assert_uint_eq(rd(&post_ops, post, 0), 0x42);
    wr(&debugcon_ops, con, 0, 'x');
    ck_assert_uint_eq(heard[1], 'x');
    ck_assert_uint_eq(rd(&debugcon_ops, con, 0), 0xE9);
    debug_exit_ops.write(leave, 0, 0x12345678, 4);
    ck_assert_uint_eq(heard[1], 0x12345678);
    ck_assert_uint_eq(heard[0], 3);
    for (const char *p = "ShutShutdowShutdown"; *p; p++) {
        ck_assert_uint_eq(heard[0], 3);
        wr(&shutdown_port_ops, down, 0, (u8)*p);
    }
    ck_assert_uint_eq(heard[0], 4);
    post_destroy(post);
    debugcon_destroy(con);
    debug_exit_destroy(leave);
    shutdown_port_destroy(down);
    clock_destroy(b.clock);
}
END_TEST

START_TEST(reset_ports)
{
    struct bench b;
    struct port92 *p;
    struct reset_control *r;

    bench_open(&b);
    p = port92_create(bench_wire(&b, A20), bench_wire(&b, RESET));
    r = reset_control_create(bench_wire(&b, RESET));
    ck_assert_uint_eq(rd(&port92_ops, p, 0), 0x02);
    wr(&port92_ops, p, 0, 0x02);
    ck_assert(b.level[A20]);
    wr(&port92_ops, p, 0, 0x00);
    ck_assert(!b.level[A20]);
    port92_a20_is(p, true);
    ck_assert_uint_eq(rd(&port92_ops, p, 0), 0x02);
    wr(&port92_ops, p, 0, 0x03);
    ck_assert_uint_eq(b.rises[RESET], 1);
    b.level[RESET] = false;
    wr(&port92_ops, p, 0, 0x03); /* no transition */
    ck_assert_uint_eq(b.rises[RESET], 1);
    wr(&reset_control_ops, r, 0, 0x02);
    ck_assert_uint_eq(b.rises[RESET], 1);
    wr(&reset_control_ops, r, 0, 0x06);
    ck_assert_uint_eq(b.rises[RESET], 2);
    ck_assert_uint_eq(rd(&reset_control_ops, r, 0), 0x06);
    port92_destroy(p);
    reset_control_destroy(r);
    clock_destroy(b.clock);
}
END_TEST

/* 82371SB PIIX3, "Coprocessor Error Register". */
START_TEST(fpu_errors)
{
    enum { IRQ, IGNNE };
    struct bench b;
    struct fpu_error *e;

    bench_open(&b);
    e = fpu_error_create(bench_wire(&b, IRQ), bench_wire(&b, IGNNE));
    wr(&fpu_error_ops, e, 0, 0x00);
    ck_assert(!b.level[IRQ] && !b.level[IGNNE]);
    fpu_error_ferr(e, true);
    ck_assert(b.level[IRQ] && !b.level[IGNNE]);
    fpu_error_ferr(e, false);
    ck_assert(b.level[IRQ] && !b.level[IGNNE]); /* latched */
    fpu_error_ferr(e, true);
    wr(&fpu_error_ops, e, 0, 0x55);
    ck_assert(!b.level[IRQ] && b.level[IGNNE]);
    fpu_error_ferr(e, true); /* no rise */
    ck_assert(!b.level[IRQ] && b.level[IGNNE]);
    fpu_error_ferr(e, false);
    ck_assert(!b.level[IRQ] && !b.level[IGNNE]);
    fpu_error_ferr(e, true);
    ck_assert_uint_eq(b.rises[IRQ], 2);
    wr(&fpu_error_ops, e, 0, 0x00);
    fpu_error_reset(e);
    ck_assert(!b.level[IRQ] && !b.level[IGNNE]);
    fpu_error_destroy(e);
    clock_destroy(b.clock);
}
END_TEST

int main(void)
{
    const TTest *const plain[] = {
        fpu_errors,
        uart_transmits,
        uart_registers,
        uart_receives_in_fifo,
        uart_without_fifo_overruns,
        uart_paces_its_input,
        uart_hears_a_poller,
        uart_modem_and_loop,
        rtc_formats,
        rtc_update_in_progress,
        rtc_interrupts,
        kbc_command_byte_and_gate,
        small_ports,
        reset_ports,
    };
    Suite *suite = suite_create("port devices");
    TCase *tc = tcase_create("registers");

    for (int i = 0; i < COUNT(plain); i++)
        tcase_add_test(tc, plain[i]);
    tcase_add_loop_test(tc, rtc_tells_the_time, 0, COUNT(rtc_times));
    tcase_add_loop_test(tc, kbc_commands_answer, 0, COUNT(kbc_commands));
    return bench_finish(suite, tc);
}
