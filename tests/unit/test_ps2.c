/* SPDX-License-Identifier: MIT */
/* Keyboard and mouse behind the 8042, as a driver sees them. */
#include "tests/unit/device_bench.h"

enum { KB_IRQ = 1, AUX_IRQ = 12, A20 = 13, RESET = 14 };
enum { END = 0xFFFF };

struct desk {
    struct bench b;
    struct i8042 *k;
    struct ps2_keyboard *keyboard;
    struct ps2_mouse *mouse;
};

static void desk_open(struct desk *d, u8 command_byte)
{
    struct bench *b = &d->b;
    struct ps2_device keyboard, mouse;

    bench_open(b);
    d->k = i8042_create(b->clock, &(struct i8042_wires){bench_wire(b, KB_IRQ), bench_wire(b, AUX_IRQ),
                                                        bench_wire(b, A20), bench_wire(b, RESET)});
    d->keyboard = ps2_keyboard_create(b->clock, i8042_keyboard_wire(d->k));
    d->mouse = ps2_mouse_create(b->clock, i8042_aux_wire(d->k));
    keyboard = ps2_keyboard_device(d->keyboard);
    mouse = ps2_mouse_device(d->mouse);
    i8042_plug(d->k, &keyboard, &mouse);
    wr(&i8042_command_ops, d->k, 0, 0x60);
    wr(&i8042_data_ops, d->k, 0, command_byte);
}

static void desk_close(struct desk *d)
{
    ps2_mouse_destroy(d->mouse);
    ps2_keyboard_destroy(d->keyboard);
    i8042_destroy(d->k);
    ck_assert_uint_eq(clock_next(d->b.clock), CLOCK_NEVER);
    clock_destroy(d->b.clock);
}

static u8 status(struct desk *d) { return rd(&i8042_command_ops, d->k, 0); }

/* The next byte, which must come within a few milliseconds; -1 if none, and 0x100 with it if it is the mouse's. */
static int answer_within(struct desk *d, u64 ns)
{
    u64 until = d->b.now + ns;

    while (!(status(d) & 1) && d->b.now < until)
        bench_run(&d->b, d->b.now + 10000);
    return status(d) & 1 ? (status(d) & 0x20 ? 0x100 : 0) | rd(&i8042_data_ops, d->k, 0) : -1;
}

static int answer(struct desk *d) { return answer_within(d, 1000000); }

static void to_keyboard(struct desk *d, u8 v) { wr(&i8042_data_ops, d->k, 0, v); }

static void to_mouse(struct desk *d, u8 v)
{
    wr(&i8042_command_ops, d->k, 0, 0xD4);
    wr(&i8042_data_ops, d->k, 0, v);
}

static void expect(struct desk *d, const u16 *bytes)
{
    for (int i = 0; bytes[i] != END; i++) {
        int got = answer(d);

        ck_assert_msg(got == bytes[i], "byte %d is %x, not %x", i, (unsigned)got, bytes[i]);
    }
    ck_assert_int_eq(answer(d), -1);
}

/* ---- The keyboard ---- */

/* What is sent to the keyboard, and what comes back after the last byte of it; the others are acknowledged. */
static const u16 talks[][10] = {
    {0xF2, END, 0xFA, 0xAB, 0x83, END},
    {0xFF, END, 0xFA, 0xAA, END},
    {0xEE, END, 0xEE, END},
    {0xED, 0x07, END, 0xFA, END},
    {0xF0, 0x00, END, 0xFA, 0x02, END},
    {0xF0, 0x03, 0xF0, 0x00, END, 0xFA, 0x03, END},
    {0xF0, 0x01, 0xF6, 0xF0, 0x00, END, 0xFA, 0x02, END},
    {0xF3, 0x20, END, 0xFA, END},
    {0xF4, END, 0xFA, END},
    {0xF5, END, 0xFA, END},
    {0xF6, END, 0xFA, END},
    {0xF7, END, 0xFA, END},
    {0xFA, END, 0xFA, END},
    {0xFC, 0x1C, 0x1B, 0xF4, END, 0xFA, END},
    {0xEF, END, 0xFE, END},
    {0xF1, END, 0xFE, END},
    {0x01, END, 0xFE, END},
    {0xED, 0xF2, END, 0xFA, 0xAB, 0x83, END}, /* a command in place of a parameter */
};

START_TEST(keyboard_talks)
{
    struct desk d;
    const u16 *t = talks[_i];

    desk_open(&d, 0);
    for (; *t != END; t++) {
        if (t != talks[_i])
            ck_assert_int_eq(answer(&d), 0xFA);
        to_keyboard(&d, (u8)*t);
    }
    expect(&d, t + 1);
    desk_close(&d);
}
END_TEST

static const struct {
    u8 set, keys[4]; /* pressed in this order, then released backwards; 0 ends */
    u16 bytes[24];
} strokes[] = {
    {2, {0x1E}, {0x1C, 0xF0, 0x1C, END}},
    {1, {0x1E}, {0x1E, 0x9E, END}},
    {2, {0xC8}, {0xE0, 0x75, 0xE0, 0xF0, 0x75, END}},
    {1, {0xC8}, {0xE0, 0x48, 0xE0, 0xC8, END}},
    {2, {0x41}, {0x83, 0xF0, 0x83, END}},
    {2, {0xB7}, {0xE0, 0x12, 0xE0, 0x7C, 0xE0, 0xF0, 0x7C, 0xE0, 0xF0, 0x12, END}},
    {1, {0xB7}, {0xE0, 0x2A, 0xE0, 0x37, 0xE0, 0xB7, 0xE0, 0xAA, END}},
    {2, {0x1D, 0xB7}, {0x14, 0xE0, 0x7C, 0xE0, 0xF0, 0x7C, 0xF0, 0x14, END}},
    {2, {0x38, 0xB7}, {0x11, 0x84, 0xF0, 0x84, 0xF0, 0x11, END}},
    {2, {0xC6}, {0xE1, 0x14, 0x77, 0xE1, 0xF0, 0x14, 0xF0, 0x77, END}},
    {1, {0xC6}, {0xE1, 0x1D, 0x45, 0xE1, 0x9D, 0xC5, END}},
    {2, {0x1D, 0xC6}, {0x14, 0xE0, 0x7E, 0xE0, 0xF0, 0x7E, 0xF0, 0x14, END}},
    {3, {0x1E}, {0x1C, END}},                         /* typematic */
    {3, {0x2A, 0x1E}, {0x12, 0x1C, 0xF0, 0x12, END}}, /* make and break */
    {3, {0x01}, {0x08, END}},                         /* make only */
    {3, {0xC6}, {0x62, END}},
};

START_TEST(keyboard_scan_codes)
{
    struct desk d;
    int n = 0;

    desk_open(&d, 0);
    to_keyboard(&d, 0xF0);
    answer(&d);
    to_keyboard(&d, strokes[_i].set);
    answer(&d);
    for (; n < 4 && strokes[_i].keys[n]; n++) {
        ps2_keyboard_key(d.keyboard, strokes[_i].keys[n], true);
        ps2_keyboard_key(d.keyboard, strokes[_i].keys[n], true); /* it is down already */
    }
    while (n-- > 0)
        ps2_keyboard_key(d.keyboard, strokes[_i].keys[n], false);
    expect(&d, strokes[_i].bytes);
    desk_close(&d);
}
END_TEST

START_TEST(keyboard_key_kinds)
{
    static const u16 broken[] = {0x1C, 0xF0, 0x1C, END}, once[] = {0x1C, END};
    struct desk d;

    desk_open(&d, 0);
    to_keyboard(&d, 0xF0);
    answer(&d);
    to_keyboard(&d, 3);
    answer(&d);
    to_keyboard(&d, 0xF8); /* all make and break */
    answer(&d);
    ps2_keyboard_key(d.keyboard, 0x1E, true);
    ps2_keyboard_key(d.keyboard, 0x1E, false);
    expect(&d, broken);
    to_keyboard(&d, 0xFD); /* A: make only */
    answer(&d);
    to_keyboard(&d, 0x1C);
    answer(&d);
    to_keyboard(&d, 0xF4);
    answer(&d);
    ps2_keyboard_key(d.keyboard, 0x1E, true);
    ck_assert_int_eq(answer(&d), 0x1C);
    ck_assert_int_eq(answer_within(&d, 2 * CLOCK_SECOND), -1); /* and it does not repeat */
    ps2_keyboard_key(d.keyboard, 0x1E, false);
    ps2_keyboard_key(d.keyboard, 0x1E, true);
    expect(&d, once);
    ps2_keyboard_key(d.keyboard, 0x1E, false);
    desk_close(&d);
}
END_TEST

START_TEST(keyboard_translated)
{
    static const u16 set1[] = {0x1E, 0x9E, 0xE0, 0x48, 0xE0, 0xC8, 0x41, 0xC1, END};
    static const u8 pressed[] = {0x1E, 0xC8, 0x41};
    struct desk d;

    desk_open(&d, 0x41); /* translate, interrupt */
    for (int i = 0; i < COUNT(pressed); i++) {
        ps2_keyboard_key(d.keyboard, pressed[i], true);
        ck_assert(i8042_keyboard_may_interrupt(d.k));
        ps2_keyboard_key(d.keyboard, pressed[i], false);
    }
    expect(&d, set1);
    ck_assert_uint_eq(d.b.rises[KB_IRQ], 8);
    to_keyboard(&d, 0xF2);
    expect(&d, (const u16[]){0xFA, 0xAB, 0x41, END});
    ck_assert(!i8042_keyboard_may_interrupt(d.k));
    i8042_expect_input(d.k, true);
    ck_assert(i8042_keyboard_may_interrupt(d.k));
    desk_close(&d);
}
END_TEST

/* A press says one byte and a release two: fifteen bytes of them, then one that says some were lost. */
START_TEST(keyboard_overrun)
{
    struct desk d;

    desk_open(&d, 0);
    for (u8 i = 0; i < 20; i++)
        ps2_keyboard_key(d.keyboard, 0x10 + i, true);
    for (int i = 0; i < 15; i++)
        ck_assert_int_gt(answer(&d), 0);
    ck_assert_int_eq(answer(&d), 0x00);
    ck_assert_int_eq(answer(&d), -1);
    ps2_keyboard_key(d.keyboard, 0x10, false); /* and it goes on */
    expect(&d, (const u16[]){0xF0, 0x15, END});
    to_keyboard(&d, 0xFE);
    expect(&d, (const u16[]){0x15, END});
    to_keyboard(&d, 0xF5);
    ck_assert_int_eq(answer(&d), 0xFA);
    ps2_keyboard_key(d.keyboard, 0x12, false);
    ck_assert_int_eq(answer(&d), -1); /* scanning is off */
    ps2_keyboard_reset(d.keyboard);
    desk_close(&d);
}
END_TEST

START_TEST(keyboard_typematic)
{
    struct desk d;
    unsigned repeats = 0;

    desk_open(&d, 0);
    to_keyboard(&d, 0xF3);
    answer(&d);
    to_keyboard(&d, 0x20); /* after half a second, 30 a second */
    answer(&d);
    ps2_keyboard_key(d.keyboard, 0x1E, true);
    ck_assert_int_eq(answer(&d), 0x1C);
    ck_assert_int_eq(answer_within(&d, CLOCK_SECOND * 48 / 100), -1);
    while (d.b.now < CLOCK_SECOND * 3 / 2)
        repeats += answer_within(&d, 1000000) == 0x1C;
    ck_assert_uint_ge(repeats, 29);
    ck_assert_uint_le(repeats, 31);
    ps2_keyboard_key(d.keyboard, 0x1E, false);
    expect(&d, (const u16[]){0xF0, 0x1C, END});
    ck_assert_int_eq(answer_within(&d, CLOCK_SECOND), -1);
    desk_close(&d);
}
END_TEST

/* ---- The mouse ---- */

#define M 0x100 /* from the mouse */

START_TEST(mouse_talks)
{
    static const u16 mouse[][10] = {
        {0xFF, END, M | 0xFA, M | 0xAA, M | 0x00, END},
        {0xF2, END, M | 0xFA, M | 0x00, END},
        {0xE9, END, M | 0xFA, M | 0x00, M | 0x02, M | 100, END},
        {0xE7, 0xE8, 0x03, 0xF3, 0x14, 0xF4, 0xE9, END, M | 0xFA, M | 0x30},
        {0xF0, 0xE9, END, M | 0xFA, M | 0x40, M | 0x02, M | 100, END},
        {0xEB, END, M | 0xFA, M | 0x08, M | 0x00, M | 0x00, END},
        {0xE1, END, M | 0xFE, END},
        {0xFB, END, M | 0xFE, END},
    };
    struct desk d;
    const u16 *t = mouse[_i];

    desk_open(&d, 0x02);
    for (; *t != END; t++) {
        if (t != mouse[_i])
            ck_assert_int_eq(answer(&d), M | 0xFA);
        to_mouse(&d, (u8)*t);
    }
    if (_i == 3) { /* its four bytes do not fit the row */
        expect(&d, (const u16[]){M | 0xFA, M | 0x30, M | 0x03, M | 0x14, END});
        ck_assert_uint_gt(d.b.rises[AUX_IRQ], 4);
    } else {
        expect(&d, t + 1);
    }
    desk_close(&d);
}
END_TEST

static void mouse_command(struct desk *d, u8 v)
{
    to_mouse(d, v);
    ck_assert_int_eq(answer(d), M | 0xFA);
}

static void mouse_rates(struct desk *d, u8 a, u8 b, u8 c)
{
    const u8 rates[3] = {a, b, c};

    for (int i = 0; i < 3; i++) {
        mouse_command(d, 0xF3);
        mouse_command(d, rates[i]);
    }
}

static int packet_byte(struct desk *d) { return answer_within(d, 20000000); }

START_TEST(mouse_stream)
{
    struct desk d;

    desk_open(&d, 0x02);
    ps2_mouse_move(d.mouse, 5, 5, 0, PS2_LEFT);
    ck_assert_int_eq(packet_byte(&d), -1); /* not reporting */
    ps2_mouse_move(d.mouse, 0, 0, 0, 0);
    mouse_command(&d, 0xF4);
    ck_assert_int_eq(packet_byte(&d), -1);
    ck_assert(!i8042_aux_may_interrupt(d.k));
    i8042_expect_input(d.k, true);
    ck_assert(i8042_aux_may_interrupt(d.k));
    ps2_mouse_move(d.mouse, 5, -3, 0, PS2_RIGHT);
    ps2_mouse_move(d.mouse, -8, 0, 0, PS2_RIGHT | PS2_LEFT);
    ck_assert(!ps2_mouse_has_reported(d.mouse));
    ck_assert_int_eq(packet_byte(&d), M | 0x1B);
    ck_assert(ps2_mouse_has_reported(d.mouse));
    ck_assert_int_eq(packet_byte(&d), M | 0xFD);
    ck_assert_int_eq(packet_byte(&d), M | 0x03);
    ck_assert_int_eq(packet_byte(&d), -1);
    /* More than a packet can say comes in two. */
    ps2_mouse_move(d.mouse, 300, 0, 0, PS2_RIGHT | PS2_LEFT);
    ck_assert_int_eq(packet_byte(&d), M | 0x0B);
    ck_assert_int_eq(packet_byte(&d), M | 0xFF);
    ck_assert_int_eq(packet_byte(&d), M | 0x00);
    ck_assert_int_eq(packet_byte(&d), M | 0x0B);
    ck_assert_int_eq(packet_byte(&d), M | 45);
    ck_assert_int_eq(packet_byte(&d), M | 0x00);
    /* Scaling 2:1. */
    mouse_command(&d, 0xE7);
    ps2_mouse_move(d.mouse, 4, -9, 0, 0);
    ck_assert_int_eq(packet_byte(&d), M | 0x08);
    ck_assert_int_eq(packet_byte(&d), M | 6);
    ck_assert_int_eq(packet_byte(&d), M | 18);
    to_mouse(&d, 0xFE); /* the packet again */
    expect(&d, (const u16[]){M | 0x08, M | 6, M | 18, END});
    desk_close(&d);
}
END_TEST

START_TEST(mouse_wheel_and_buttons)
{
    struct desk d;

    desk_open(&d, 0x02);
    mouse_rates(&d, 200, 100, 80);
    mouse_command(&d, 0xF2);
    ck_assert_int_eq(answer(&d), M | 3);
    mouse_command(&d, 0xF4);
    ps2_mouse_move(d.mouse, 0, 0, -1, PS2_MIDDLE);
    expect(&d, (const u16[]){END});
    ck_assert_int_eq(packet_byte(&d), M | 0x0C);
    ck_assert_int_eq(packet_byte(&d), M | 0);
    ck_assert_int_eq(packet_byte(&d), M | 0);
    ck_assert_int_eq(packet_byte(&d), M | 0xFF);
    mouse_rates(&d, 200, 200, 80);
    mouse_command(&d, 0xF2);
    ck_assert_int_eq(answer(&d), M | 4);
    ps2_mouse_move(d.mouse, 1, 0, 2, PS2_BUTTON4 | PS2_BUTTON5);
    ck_assert_int_eq(packet_byte(&d), M | 0x08);
    ck_assert_int_eq(packet_byte(&d), M | 1);
    ck_assert_int_eq(packet_byte(&d), M | 0);
    ck_assert_int_eq(packet_byte(&d), M | 0x32);
    to_mouse(&d, 0xFF);
    expect(&d, (const u16[]){M | 0xFA, M | 0xAA, M | 0, END});
    mouse_command(&d, 0xF2);
    ck_assert_int_eq(answer(&d), M | 0);
    desk_close(&d);
}
END_TEST

START_TEST(mouse_remote_and_wrap)
{
    struct desk d;

    desk_open(&d, 0x02);
    mouse_command(&d, 0xF0);
    ps2_mouse_move(d.mouse, 7, 0, 0, 0);
    ck_assert_int_eq(packet_byte(&d), -1);
    to_mouse(&d, 0xEB);
    expect(&d, (const u16[]){M | 0xFA, M | 0x08, M | 7, M | 0, END});
    mouse_command(&d, 0xEE);
    to_mouse(&d, 0xF4);
    expect(&d, (const u16[]){M | 0xF4, END});
    mouse_command(&d, 0xEC);
    mouse_command(&d, 0xEA);
    mouse_command(&d, 0xF4);
    ps2_mouse_move(d.mouse, 7, 0, 0, 0);
    ck_assert_int_eq(packet_byte(&d), M | 0x08);
    ck_assert_int_eq(packet_byte(&d), M | 7);
    ck_assert_int_eq(packet_byte(&d), M | 0);
    /* Nothing comes while its clock is held. */
    wr(&i8042_command_ops, d.k, 0, 0xA7);
    ps2_mouse_move(d.mouse, 1, 0, 0, 0);
    ck_assert_int_eq(packet_byte(&d), -1);
    wr(&i8042_command_ops, d.k, 0, 0xA8);
    ck_assert_int_eq(packet_byte(&d), M | 0x08);
    ps2_mouse_reset(d.mouse);
    desk_close(&d);
}
END_TEST

/* ---- Whatever a guest sends ---- */

START_TEST(hostile)
{
    struct desk d;
    u32 state = 88172645u * (u32)(_i + 1);

    desk_open(&d, 0x03);
    for (int i = 0; i < 50000; i++) {
        state = state * 1664525 + 1013904223;
        switch (state >> 28) {
        case 0:
        case 1:
        case 2: wr(&i8042_command_ops, d.k, 0, (u8)(state >> 8)); break;
        case 3:
        case 4:
        case 5:
        case 6: wr(&i8042_data_ops, d.k, 0, (u8)(state >> 8)); break;
        case 7: to_mouse(&d, (u8)(state >> 8)); break;
        case 8:
        case 9: ps2_keyboard_key(d.keyboard, (u8)(state >> 8), state >> 20 & 1); break;
        case 10: ps2_mouse_move(d.mouse, (int)(state * 7), (int)(state * 13), (int)state, state >> 8); break;
        case 11: bench_run(&d.b, d.b.now + (state >> 8)); break;
        default: rd(&i8042_data_ops, d.k, 0);
        }
    }
    ps2_keyboard_reset(d.keyboard);
    ps2_mouse_reset(d.mouse);
    i8042_reset(d.k);
    desk_close(&d);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ps2");
    TCase *tc = tcase_create("ps2");

    tcase_add_loop_test(tc, keyboard_talks, 0, COUNT(talks));
    tcase_add_loop_test(tc, keyboard_scan_codes, 0, COUNT(strokes));
    tcase_add_test(tc, keyboard_key_kinds);
    tcase_add_test(tc, keyboard_translated);
    tcase_add_test(tc, keyboard_overrun);
    tcase_add_test(tc, keyboard_typematic);
    tcase_add_loop_test(tc, mouse_talks, 0, 8);
    tcase_add_test(tc, mouse_stream);
    tcase_add_test(tc, mouse_wheel_and_buttons);
    tcase_add_test(tc, mouse_remote_and_wrap);
    tcase_add_loop_test(tc, hostile, 0, 6);
    return bench_finish(suite, tc);
}
