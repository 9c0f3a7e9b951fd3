/* SPDX-License-Identifier: MIT */
/* Devices of one part for fuzz_device.c: serial, timers, keyboard and mouse, printer, firmware configuration, ports. */
#include "devices/apic.h"
#include "tests/fuzz/device.h"

/* ---- 16550A: a user who types, pulls the plug, and moves the modem lines ---- */

static void serial_put(void *board, u8 byte) { board_see(board, byte); }

static int serial_get(void *board)
{
    struct board *b = board;
    u8 byte;

    if (!b->typed_count)
        return b->typed_ended ? -2 : -1;
    byte = b->typed[b->typed_first];
    b->typed_first = (b->typed_first + 1) % BOARD_TYPED;
    b->typed_count--;
    return byte;
}

bool make_uart(struct board *b)
{
    b->part[0] = uart_create(b->clock, board_wire(b, 0), board_wire(b, 1),
                             &(struct uart_backend){.put = serial_put, .get = serial_get, .ctx = b});
    return b->part[0];
}

void reset_uart(struct board *b) { uart_reset(b->part[0]); }

void destroy_uart(struct board *b) { uart_destroy(b->part[0]); }

void happen_uart(struct board *b, struct input *in)
{
    u8 what = input_byte(in), byte = input_byte(in);

    switch (what & 3) {
    case 0:
        if (b->typed_count < BOARD_TYPED)
            b->typed[(b->typed_first + b->typed_count++) % BOARD_TYPED] = byte;
        break;
    case 1: uart_set_modem(b->part[0], byte); break;
    case 2: uart_receive(b->part[0], byte, what >> 2 & (UART_PARITY_ERROR | UART_FRAMING_ERROR | UART_BREAK)); break;
    default: b->typed_ended |= what >> 2 == 0;
    }
}

u64 ask_uart(struct board *b) { return uart_has_room(b->part[0]) * 2u + uart_may_interrupt(b->part[0]); }

/* ---- 8259A: lines, and a processor that acknowledges ---- */

bool make_pic(struct board *b) { return (b->part[0] = pic_create(board_wire(b, 0))) != NULL; }

void reset_pic(struct board *b) { pic_reset(b->part[0]); }

void destroy_pic(struct board *b) { pic_destroy(b->part[0]); }

void happen_pic(struct board *b, struct input *in)
{
    u8 what = input_byte(in);

    if (what & 64)
        board_see(b, (u64)pic_acknowledge(b->part[0]));
    else
        wire_set(pic_input(b->part[0], what & 15), what >> 4 & 1);
}

u64 ask_pic(struct board *b)
{
    u64 accepts = 0;

    for (int i = 0; i < 16; i++)
        accepts |= (u64)pic_accepts(b->part[0], i) << i;
    return accepts;
}

/* ---- 8254 ---- */

bool make_pit(struct board *b) { return (b->part[0] = pit_create(b->clock, board_wire(b, 0))) != NULL; }

void reset_pit(struct board *b) { pit_reset(b->part[0]); }

void destroy_pit(struct board *b) { pit_destroy(b->part[0]); }

void happen_pit(struct board *b, struct input *in)
{
    u8 what = input_byte(in);

    pit_set_gate(b->part[0], what % 3, what >> 2 & 1);
}

u64 ask_pit(struct board *b)
{
    return (u64)pit_may_interrupt(b->part[0]) | (u64)pit_output(b->part[0], 0) << 1 |
           (u64)pit_output(b->part[0], 1) << 2 | (u64)pit_output(b->part[0], 2) << 3;
}

/* ---- MC146818A ---- */

bool make_rtc(struct board *b)
{
    return (b->part[0] = rtc_create(b->clock, board_wire(b, 0), RTC_DEFAULT_BASE)) != NULL;
}

void reset_rtc(struct board *b) { rtc_reset(b->part[0]); }

void destroy_rtc(struct board *b) { rtc_destroy(b->part[0]); }

void happen_rtc(struct board *b, struct input *in)
{
    u8 index = (u8)(0x0E + input_byte(in) % 0x72);

    rtc_set_nvram(b->part[0], index, input_byte(in));
    board_see(b, rtc_get_nvram(b->part[0], index));
}

u64 ask_rtc(struct board *b) { return rtc_may_interrupt(b->part[0]); }

/* ---- 8042 with keyboard (part 1) and mouse (part 2) ---- */

bool make_ps2(struct board *b)
{
    struct ps2_device keyboard, mouse;

    b->part[0] = i8042_create(
        b->clock, &(struct i8042_wires){board_wire(b, 1), board_wire(b, 12), board_wire(b, 2), board_wire(b, 3)});
    if (!b->part[0])
        return false;
    b->part[1] = ps2_keyboard_create(b->clock, i8042_keyboard_wire(b->part[0]));
    b->part[2] = ps2_mouse_create(b->clock, i8042_aux_wire(b->part[0]));
    if (!b->part[1] || !b->part[2])
        return false;
    keyboard = ps2_keyboard_device(b->part[1]);
    mouse = ps2_mouse_device(b->part[2]);
    i8042_plug(b->part[0], &keyboard, &mouse);
    return true;
}

void reset_ps2(struct board *b)
{
    ps2_keyboard_reset(b->part[1]);
    ps2_mouse_reset(b->part[2]);
    i8042_reset(b->part[0]);
}

void destroy_ps2(struct board *b)
{
    ps2_mouse_destroy(b->part[2]);
    ps2_keyboard_destroy(b->part[1]);
    i8042_destroy(b->part[0]);
}

void happen_ps2(struct board *b, struct input *in)
{
    u8 what = input_byte(in);

    switch (what & 3) {
    case 0:
    case 1: ps2_keyboard_key(b->part[1], input_byte(in), what & 1); break;
    case 2: {
        s32 dx = (s32)input_take(in, what & 4 ? 4 : 1), dy = (s32)input_take(in, what & 8 ? 4 : 1);

        ps2_mouse_move(b->part[2], what & 16 ? -(dx & INT32_MAX) : dx, dy, (s8)input_byte(in), what >> 3);
        break;
    }
    default:
        if (what & 4)
            i8042_expect_input(b->part[0], what >> 3 & 1);
        else
            i8042_a20_is(b->part[0], what >> 3 & 1);
    }
}

u64 ask_ps2(struct board *b)
{
    return (u64)i8042_keyboard_may_interrupt(b->part[0]) | (u64)i8042_aux_may_interrupt(b->part[0]) << 1 |
           (u64)ps2_keyboard_has_room(b->part[1]) << 2 | (u64)ps2_mouse_has_reported(b->part[2]) << 3 |
           (u64)ps2_keyboard_leds(b->part[1]) << 4;
}

/* ---- HPET ---- */

bool make_hpet(struct board *b)
{
    struct wire w = board_wire(b, 0);

    return (b->part[0] = hpet_create(b->clock, &(struct hpet_wires){w.set, w.listener, board_wire(b, 99)})) != NULL;
}

void reset_hpet(struct board *b) { hpet_reset(b->part[0]); }

void destroy_hpet(struct board *b) { hpet_destroy(b->part[0]); }

void happen_hpet(struct board *b, struct input *in) { (void)b, (void)in; }

u64 ask_hpet(struct board *b)
{
    u64 lines = 0;

    for (int i = 0; i <= HPET_LINE_IRQ8; i++)
        lines |= (u64)hpet_may_interrupt(b->part[0], i) << i;
    return lines;
}

/* ---- ACPI fixed hardware ---- */

bool make_pm(struct board *b)
{
    return (b->part[0] = acpi_pm_create(b->clock, board_wire(b, 0), board_tell(b))) != NULL;
}

void reset_pm(struct board *b) { acpi_pm_reset(b->part[0]); }

void destroy_pm(struct board *b) { acpi_pm_destroy(b->part[0]); }

void happen_pm(struct board *b, struct input *in) { (void)b, (void)in; }

u64 ask_pm(struct board *b) { return acpi_pm_may_interrupt(b->part[0]); }

/* ---- fw_cfg: numbers, files, and items moved into memory ---- */

bool make_fw_cfg(struct board *b)
{
    static const u8 bytes[300] = {1, 2, 3};
    struct fw_cfg *f = fw_cfg_create();

    b->part[0] = f;
    return f && fw_cfg_set_number(f, FW_CFG_RAM_SIZE, 1 << 20, 8) && fw_cfg_set_number(f, FW_CFG_NB_CPUS, 1, 2) &&
           fw_cfg_add_file(f, "etc/one", bytes, sizeof bytes) && fw_cfg_add_file(f, "etc/none", bytes, 0) &&
           fw_cfg_allow_dma(f, b->phys);
}

void reset_fw_cfg(struct board *b) { fw_cfg_reset(b->part[0]); }

void destroy_fw_cfg(struct board *b) { fw_cfg_destroy(b->part[0]); }

/* A request in memory at a round address, as firmware puts it. */
void happen_fw_cfg(struct board *b, struct input *in)
{
    u64 at = input_byte(in) * 16u;
    u32 words[4];

    for (int i = 0; i < 4; i++)
        words[i] = __builtin_bswap32((u32)input_take(in, i == 0 ? 4 : i == 2 ? 0 : 2));
    phys_copy_in(b->phys, at, words, sizeof words);
    bus_write(b->io, 0x518, __builtin_bswap32((u32)at), 4);
}

u64 ask_fw_cfg(struct board *b) { return b != NULL; }

/* ---- Printer port ---- */

bool make_lpt(struct board *b) { return (b->part[0] = lpt_create(b->clock, board_wire(b, 0), board_tell(b))) != NULL; }

void reset_lpt(struct board *b) { lpt_reset(b->part[0]); }

void destroy_lpt(struct board *b) { lpt_destroy(b->part[0]); }

void happen_lpt(struct board *b, struct input *in) { (void)b, (void)in; }

u64 ask_lpt(struct board *b) { return lpt_may_interrupt(b->part[0]); }

/* ---- pc-testdev ---- */

bool make_testdev(struct board *b) { return (b->part[0] = testdev_create(board_wire(b, 0))) != NULL; }

void reset_testdev(struct board *b) { (void)b; }

void destroy_testdev(struct board *b) { testdev_destroy(b->part[0]); }

void happen_testdev(struct board *b, struct input *in) { (void)b, (void)in; }

u64 ask_testdev(struct board *b) { return b != NULL; }

/* ---- Ports of one register each ---- */

bool make_ports(struct board *b)
{
    b->part[0] = port92_create(board_wire(b, 0), board_wire(b, 1));
    b->part[1] = reset_control_create(board_wire(b, 2));
    b->part[2] = post_create(board_tell(b));
    b->part[3] = debugcon_create(board_tell(b));
    b->part[4] = debug_exit_create(board_tell(b));
    b->part[5] = shutdown_port_create(board_tell(b));
    b->part[6] = imcr_create(board_wire(b, 3));
    return b->part[0] && b->part[1] && b->part[2] && b->part[3] && b->part[4] && b->part[5] && b->part[6];
}

void reset_ports(struct board *b)
{
    port92_reset(b->part[0]);
    reset_control_reset(b->part[1]);
    post_reset(b->part[2]);
    debugcon_reset(b->part[3]);
    debug_exit_reset(b->part[4]);
    shutdown_port_reset(b->part[5]);
    imcr_reset(b->part[6]);
}

void destroy_ports(struct board *b)
{
    port92_destroy(b->part[0]);
    reset_control_destroy(b->part[1]);
    post_destroy(b->part[2]);
    debugcon_destroy(b->part[3]);
    debug_exit_destroy(b->part[4]);
    shutdown_port_destroy(b->part[5]);
    imcr_destroy(b->part[6]);
}

void happen_ports(struct board *b, struct input *in) { port92_a20_is(b->part[0], input_byte(in) & 1); }

u64 ask_ports(struct board *b) { return b != NULL; }
