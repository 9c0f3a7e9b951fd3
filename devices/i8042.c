/* SPDX-License-Identifier: MIT */
/*
 * 8042 keyboard controller (IBM PS/2 Technical Reference, "Keyboard and Auxiliary Device Controller"). Its two ports
 * carry what is plugged in; a byte to a port that is empty comes back as FEh with the time-out bit, as from hardware.
 * The controller itself answers at once; a byte from a device takes SERIAL_DELAY.
 */
#include "devices/devices.h"

#include <stdlib.h>

enum {
    STATUS_OBF = 0x01,
    STATUS_SYSTEM = 0x04,
    STATUS_COMMAND = 0x08,
    STATUS_UNLOCKED = 0x10,
    STATUS_AUX = 0x20,
    STATUS_TIMEOUT = 0x40
};
enum {
    CB_INT1 = 0x01,
    CB_INT12 = 0x02,
    CB_SYSTEM = 0x04,
    CB_KEYBOARD_OFF = 0x10,
    CB_AUX_OFF = 0x20,
    CB_XLATE = 0x40,
    CB_WRITABLE = 0x77
};
enum { OUT_RUN = 0x01, OUT_A20 = 0x02, OUT_OBF1 = 0x10, OUT_OBF12 = 0x20, OUT_IDLE = 0xC0 };
enum { RESEND = 0xFE };

#define SERIAL_DELAY 50000u

struct i8042 {
    struct clock *clock;
    struct i8042_wires wire;
    u8 ram[32];        /* ram[0] is the command byte */
    u8 output, status; /* the output buffer, and all of the status register */
    u8 port;           /* the output port */
    u8 pending;        /* the command that awaits its data byte, 0 if none */
    struct port {
        struct i8042 *controller;
        struct ps2_device device; /* no operations: nothing is plugged in */
        struct timer serial;      /* a byte is on its way */
        bool ready;               /* the device has something to send */
        bool aux;
    } keyboard, aux;
    bool translated_break; /* translation saw F0 */
    bool expecting;        /* somebody is at the keyboard and mouse */
};

/* Scan code set 2 to set 1, the table in the controller's ROM; 84h is SysRq and the codes above stay. */
static const u8 translation[0x85] = {
    0xFF, 0x43, 0x41, 0x3F, 0x3D, 0x3B, 0x3C, 0x58, 0x64, 0x44, 0x42, 0x40, 0x3E, 0x0F, 0x29, 0x59, 0x65, 0x38, 0x2A,
    0x70, 0x1D, 0x10, 0x02, 0x5A, 0x66, 0x71, 0x2C, 0x1F, 0x1E, 0x11, 0x03, 0x5B, 0x67, 0x2E, 0x2D, 0x20, 0x12, 0x05,
    0x04, 0x5C, 0x68, 0x39, 0x2F, 0x21, 0x14, 0x13, 0x06, 0x5D, 0x69, 0x31, 0x30, 0x23, 0x22, 0x15, 0x07, 0x5E, 0x6A,
    0x72, 0x32, 0x24, 0x16, 0x08, 0x09, 0x5F, 0x6B, 0x33, 0x25, 0x17, 0x18, 0x0B, 0x0A, 0x60, 0x6C, 0x34, 0x35, 0x26,
    0x27, 0x19, 0x0C, 0x61, 0x6D, 0x73, 0x28, 0x74, 0x1A, 0x0D, 0x62, 0x6E, 0x3A, 0x36, 0x1C, 0x1B, 0x75, 0x2B, 0x63,
    0x76, 0x55, 0x56, 0x77, 0x78, 0x79, 0x7A, 0x0E, 0x7B, 0x7C, 0x4F, 0x7D, 0x4B, 0x47, 0x7E, 0x7F, 0x6F, 0x52, 0x53,
    0x50, 0x4C, 0x4D, 0x48, 0x01, 0x45, 0x57, 0x4E, 0x51, 0x4A, 0x37, 0x49, 0x46, 0x54, 0x80, 0x81, 0x82, 0x41, 0x54,
};

/* ---- The output buffer ---- */

static void i8042_update(struct i8042 *k)
{
    bool full = k->status & STATUS_OBF, aux = k->status & STATUS_AUX;

    k->port = (u8)((k->port & ~(OUT_OBF1 | OUT_OBF12)) | (full && !aux ? OUT_OBF1 : 0) | (full && aux ? OUT_OBF12 : 0));
    wire_set(k->wire.keyboard, full && !aux && k->ram[0] & CB_INT1);
    wire_set(k->wire.aux, full && aux && k->ram[0] & CB_INT12);
}

static void output_byte(struct i8042 *k, u8 v, u8 flags)
{
    /* A byte over a byte not yet read is an edge of its own. */
    k->status &= (u8) ~(STATUS_OBF | STATUS_AUX | STATUS_TIMEOUT);
    i8042_update(k);
    k->output = v;
    k->status |= STATUS_OBF | flags;
    i8042_update(k);
}

/* ---- The two ports ---- */

static bool port_is_off(const struct port *p)
{
    return p->controller->ram[0] & (p->aux ? CB_AUX_OFF : CB_KEYBOARD_OFF);
}

static void port_schedule(struct port *p)
{
    struct i8042 *k = p->controller;

    if (p->ready && !(k->status & STATUS_OBF) && !port_is_off(p) && p->serial.at == CLOCK_NEVER)
        clock_arm(k->clock, &p->serial, clock_now(k->clock) + SERIAL_DELAY);
}

static void schedule(struct i8042 *k)
{
    port_schedule(&k->keyboard);
    port_schedule(&k->aux);
}

/* In translation a break prefix F0 becomes bit 7 of what follows it: false if there is nothing to say yet. */
static bool translate(struct i8042 *k, u8 *v)
{
    if (*v == 0xF0) {
        k->translated_break = true;
        return false;
    }
    *v = (u8)((*v < sizeof(translation) ? translation[*v] : *v) | (k->translated_break ? 0x80 : 0));
    k->translated_break = false;
    return true;
}

/* A byte has come over the serial line. */
static void port_byte(void *device, u64 now)
{
    struct port *p = device;
    struct i8042 *k = p->controller;
    u8 v;

    (void)now;
    if (k->status & STATUS_OBF || port_is_off(p))
        return;
    p->ready = p->device.take && p->device.take(p->device.device, &v);
    if (!p->ready)
        return;
    if (!p->aux && k->ram[0] & CB_XLATE && !translate(k, &v))
        port_schedule(p);
    else
        output_byte(k, v, p->aux ? STATUS_AUX : 0);
}

static void port_send(struct port *p, u8 v)
{
    if (p->device.receive)
        p->device.receive(p->device.device, v);
    else
        output_byte(p->controller, RESEND, STATUS_TIMEOUT | (p->aux ? STATUS_AUX : 0));
}

static void port_ready(void *listener, int line, bool level)
{
    struct port *p = listener;

    (void)line;
    p->ready |= level;
    port_schedule(p);
}

struct wire i8042_keyboard_wire(struct i8042 *k) { return (struct wire){port_ready, &k->keyboard, 0}; }

struct wire i8042_aux_wire(struct i8042 *k) { return (struct wire){port_ready, &k->aux, 0}; }

void i8042_plug(struct i8042 *k, const struct ps2_device *keyboard, const struct ps2_device *aux)
{
    k->keyboard.device = keyboard ? *keyboard : (struct ps2_device){0};
    k->aux.device = aux ? *aux : (struct ps2_device){0};
}

/* ---- Controller commands ---- */

static void pulse_reset(struct i8042 *k) { wire_set(k->wire.reset, true); }

static void write_port(struct i8042 *k, u8 v)
{
    k->port = (u8)((v & ~(OUT_OBF1 | OUT_OBF12)) | (k->port & (OUT_OBF1 | OUT_OBF12)) | OUT_RUN);
    wire_set(k->wire.a20, v & OUT_A20);
    if (!(v & OUT_RUN))
        pulse_reset(k);
}

static void change_command_byte(struct i8042 *k, u8 clear, u8 set)
{
    k->ram[0] = (u8)((k->ram[0] & ~clear) | set);
    k->status = (u8)((k->status & ~STATUS_SYSTEM) | (k->ram[0] & CB_SYSTEM ? STATUS_SYSTEM : 0));
    i8042_update(k);
    schedule(k);
}

static void do_aux_off(struct i8042 *k) { change_command_byte(k, 0, CB_AUX_OFF); }

static void do_aux_on(struct i8042 *k) { change_command_byte(k, CB_AUX_OFF, 0); }

static void do_keyboard_off(struct i8042 *k) { change_command_byte(k, 0, CB_KEYBOARD_OFF); }

static void do_keyboard_on(struct i8042 *k) { change_command_byte(k, CB_KEYBOARD_OFF, 0); }

static void do_password_test(struct i8042 *k) { output_byte(k, 0xF1, 0); /* no password installed */ }

static void do_test_ok(struct i8042 *k) { output_byte(k, 0x00, 0); /* no error detected on the clock or data line */ }

static void do_self_test(struct i8042 *k)
{
    change_command_byte(k, 0, CB_SYSTEM);
    output_byte(k, 0x55, 0);
}

static void do_read_input_port(struct i8042 *k)
{
    output_byte(k, 0xB0, 0); /* keyboard not inhibited, colour display, no manufacturing jumper */
}

static void do_read_output_port(struct i8042 *k) { output_byte(k, k->port | OUT_RUN, 0); }

static void do_a20_off(struct i8042 *k) { write_port(k, (k->port & (u8)~OUT_A20) | OUT_RUN); }

static void do_a20_on(struct i8042 *k) { write_port(k, k->port | OUT_A20 | OUT_RUN); }

static void do_read_test_inputs(struct i8042 *k) { output_byte(k, 0x00, 0); }

static const struct {
    u8 command;
    void (*act)(struct i8042 *k);
} commands[] = {
    {0xA4, do_password_test},    {0xA7, do_aux_off},          {0xA8, do_aux_on},       {0xA9, do_test_ok},
    {0xAA, do_self_test},        {0xAB, do_test_ok},          {0xAD, do_keyboard_off}, {0xAE, do_keyboard_on},
    {0xC0, do_read_input_port},  {0xD0, do_read_output_port}, {0xDD, do_a20_off},      {0xDF, do_a20_on},
    {0xE0, do_read_test_inputs},
};

static bool takes_data(u8 command)
{
    return (command >= 0x60 && command <= 0x7F) || (command >= 0xD1 && command <= 0xD4);
}

static void command_write(void *device, u64 offset, u64 value, unsigned width)
{
    struct i8042 *k = device;
    u8 v = (u8)value;

    (void)offset;
    (void)width;
    k->status |= STATUS_COMMAND;
    k->pending = takes_data(v) ? v : 0;
    if (v >= 0x20 && v <= 0x3F)
        output_byte(k, k->ram[v & 31], 0);
    else if (v >= 0xF0 && !(v & OUT_RUN))
        pulse_reset(k); /* "pulse output port": a 0 in the low nibble is a line to pulse, and bit 0 is RESET */
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        if (commands[i].command == v)
            commands[i].act(k);
}

static void data_for_command(struct i8042 *k, u8 command, u8 v)
{
    if (command == 0x60)
        change_command_byte(k, 0xFF, v & CB_WRITABLE);
    else if (command <= 0x7F)
        k->ram[command & 31] = v;
    else if (command == 0xD1)
        write_port(k, v);
    else if (command == 0xD2)
        output_byte(k, v, 0);
    else if (command == 0xD3)
        output_byte(k, v, STATUS_AUX);
    else
        port_send(&k->aux, v);
}

static void data_write(void *device, u64 offset, u64 value, unsigned width)
{
    struct i8042 *k = device;
    u8 command = k->pending;

    (void)offset;
    (void)width;
    k->status &= (u8)~STATUS_COMMAND;
    k->pending = 0;
    if (command) {
        data_for_command(k, command, (u8)value);
        return;
    }
    /* Sending to the keyboard switches its clock line on again. */
    change_command_byte(k, CB_KEYBOARD_OFF, 0);
    k->translated_break = false;
    port_send(&k->keyboard, (u8)value);
}

static u64 data_read(void *device, u64 offset, unsigned width)
{
    struct i8042 *k = device;

    (void)offset;
    (void)width;
    k->status &= (u8) ~(STATUS_OBF | STATUS_AUX | STATUS_TIMEOUT);
    i8042_update(k);
    schedule(k);
    return k->output;
}

static u64 command_read(void *device, u64 offset, unsigned width)
{
    struct i8042 *k = device;

    (void)offset;
    (void)width;
    return k->status;
}

const struct region_ops i8042_data_ops = {data_read, data_write, 1, 1, "8042 data"};
const struct region_ops i8042_command_ops = {command_read, command_write, 1, 1, "8042 command"};

/* ---- Life ---- */

void i8042_a20_is(struct i8042 *k, bool enabled) { k->port = (u8)((k->port & ~OUT_A20) | (enabled ? OUT_A20 : 0)); }

static bool port_may_interrupt(const struct i8042 *k, const struct port *p)
{
    return p->serial.at != CLOCK_NEVER || (k->expecting && p->device.listens && p->device.listens(p->device.device));
}

/* Bytes come without the processor's doing only while a device is sending, or somebody may touch it. */
bool i8042_keyboard_may_interrupt(const struct i8042 *k)
{
    return k->ram[0] & CB_INT1 && port_may_interrupt(k, &k->keyboard);
}

bool i8042_aux_may_interrupt(const struct i8042 *k) { return k->ram[0] & CB_INT12 && port_may_interrupt(k, &k->aux); }

void i8042_expect_input(struct i8042 *k, bool expecting) { k->expecting = expecting; }

void i8042_reset(struct i8042 *k)
{
    for (int i = 0; i < 32; i++)
        k->ram[i] = 0;
    k->ram[0] = CB_KEYBOARD_OFF | CB_AUX_OFF;
    k->output = 0;
    k->status = STATUS_UNLOCKED;
    k->port = OUT_IDLE | OUT_RUN | OUT_A20;
    k->pending = 0;
    k->translated_break = false;
    clock_disarm(k->clock, &k->keyboard.serial);
    clock_disarm(k->clock, &k->aux.serial);
    i8042_update(k);
}

struct i8042 *i8042_create(struct clock *clock, const struct i8042_wires *wires)
{
    struct i8042 *k = calloc(1, sizeof(*k));

    if (!k)
        return NULL;
    k->clock = clock;
    k->wire = *wires;
    k->keyboard = (struct port){.controller = k, .serial = timer_make(port_byte, &k->keyboard)};
    k->aux = (struct port){.controller = k, .serial = timer_make(port_byte, &k->aux), .aux = true};
    i8042_reset(k);
    return k;
}

void i8042_destroy(struct i8042 *k)
{
    if (!k)
        return;
    clock_disarm(k->clock, &k->keyboard.serial);
    clock_disarm(k->clock, &k->aux.serial);
    free(k);
}

/* ---- State ---- */

static const struct state_field port_fields[] = {
    STATE_WIRED(port, controller), STATE_WIRED(port, device), STATE_TIMER(port, serial),
    STATE_BOOL(port, ready),       STATE_WIRED(port, aux),
};
static const struct state_table port_table = STATE_TABLE(port, port_fields);
static const struct state_field fields[] = {
    STATE_WIRED(i8042, clock),
    STATE_WIRED(i8042, wire),
    STATE_ANY(i8042, ram),
    STATE_ANY(i8042, output),
    STATE_ANY(i8042, status),
    STATE_ANY(i8042, port),
    STATE_ANY(i8042, pending),
    STATE_STRUCT(i8042, keyboard, &port_table),
    STATE_STRUCT(i8042, aux, &port_table),
    STATE_BOOL(i8042, translated_break),
    STATE_WIRED(i8042, expecting), /* who looks on is not the state's to say */
};
static const struct state_table table = STATE_TABLE(i8042, fields);

void i8042_state(struct i8042 *k, struct state *s) { state_struct(s, &table, k); }
