/* SPDX-License-Identifier: MIT */
/*
 * PC16550D UART (National Semiconductor, "PC16550D Universal Asynchronous Receiver/Transmitter with FIFOs").
 *
 * Transmission is instant on purpose: a byte written to THR is with the backend before the OUT retires, so THRE and
 * TEMT never clear and the THRE interrupt is asserted again at once. A polling guest never spins, an interrupt-driven
 * one sends a FIFO load per interrupt, and --stop-on ends the run at the very OUT. The guest sees a fast line.
 *
 * Reception is paced: the backend is asked for a byte once per character time of the programmed format and divisor. As
 * under hardware flow control, the sender waits while there is no room, and until the guest listens: it raises RTS,
 * enables the receive interrupt, or polls LSR without sending. So no byte of a prepared input is lost to the probing
 * and FIFO clearing of a driver that starts up; only uart_receive() can overrun.
 */
#include "devices/devices.h"

#include <stdlib.h>

enum { FIFO_SIZE = 16, XTAL_HZ = 1843200, DIVISOR_9600 = 12 };
enum { IER_RDA = 0x01, IER_THRE = 0x02, IER_RLS = 0x04, IER_MSR = 0x08 };
enum {
    IIR_NONE = 0x01,
    IIR_MSR = 0x00,
    IIR_THRE = 0x02,
    IIR_RDA = 0x04,
    IIR_RLS = 0x06,
    IIR_TIMEOUT = 0x0C,
    IIR_FIFO = 0xC0
};
enum { FCR_ENABLE = 0x01, FCR_CLEAR_RX = 0x02, FCR_MODE = 0xC9 };
enum { LCR_STOP = 0x04, LCR_PARITY = 0x08, LCR_DLAB = 0x80 };
enum { MCR_DTR = 0x01, MCR_RTS = 0x02, MCR_OUT1 = 0x04, MCR_OUT2 = 0x08, MCR_LOOP = 0x10, MCR_WRITABLE = 0x1F };
enum { LSR_DR = 0x01, LSR_OE = 0x02, LSR_ERRORS = 0x1E, LSR_THRE = 0x20, LSR_TEMT = 0x40, LSR_FIFO_ERROR = 0x80 };
enum { MSR_DCTS = 0x01, MSR_DDSR = 0x02, MSR_TERI = 0x04, MSR_DDCD = 0x08, MSR_DELTAS = 0x0F };

/* So many reads of LSR with no byte sent in between are a guest that polls for input: to send takes one or two each. */
#define POLLS 16

/* How long to wait before asking again a sender that had nothing to say. */
#define IDLE_POLL 1000000u

struct uart {
    struct clock *clock;
    struct wire irq, out2;
    struct uart_backend backend;
    u8 ier, fcr, lcr, mcr, msr, scr;
    u8 errors; /* LSR bits 4:1 */
    u16 divisor;
    u8 rx[FIFO_SIZE], rx_errors[FIFO_SIZE];
    u8 rx_first, rx_count;
    u8 modem; /* the input pins, as MSR bits 7:4 */
    bool thre_pending, timeout_pending;
    bool input_ended;
    u8 polls;     /* reads of LSR since the last write to THR, up to POLLS */
    u64 input_at; /* the sender's next character is complete at this time */
    struct timer input, timeout;
};

/* ---- Interrupts ---- */

static u8 rx_capacity(const struct uart *u) { return u->fcr & FCR_ENABLE ? FIFO_SIZE : 1; }

static u8 rx_trigger(const struct uart *u)
{
    static const u8 level[4] = {1, 4, 8, 14};

    return u->fcr & FCR_ENABLE ? level[u->fcr >> 6] : 1;
}

/* "TABLE III. Interrupt Control Functions": the source of highest priority. */
static u8 uart_iir(const struct uart *u)
{
    if (u->ier & IER_RLS && u->errors)
        return IIR_RLS;
    if (u->ier & IER_RDA && u->rx_count >= rx_trigger(u))
        return IIR_RDA;
    if (u->ier & IER_RDA && u->timeout_pending)
        return IIR_TIMEOUT;
    if (u->ier & IER_THRE && u->thre_pending)
        return IIR_THRE;
    if (u->ier & IER_MSR && u->msr & MSR_DELTAS)
        return IIR_MSR;
    return IIR_NONE;
}

static void uart_update(struct uart *u) { wire_set(u->irq, uart_iir(u) != IIR_NONE); }

/* ---- The receiver ---- */

/* Start bit, data, parity, and 1, 1.5 or 2 stop bits, in nanoseconds. A divisor of 0 counts as 65536. */
static u64 character_time(const struct uart *u)
{
    unsigned data = 5 + (u->lcr & 3), stop = !(u->lcr & LCR_STOP) ? 2 : data == 5 ? 3 : 4;
    unsigned half_bits = 2 * (1 + data + !!(u->lcr & LCR_PARITY)) + stop;
    u64 divisor = u->divisor ? u->divisor : 65536;

    return divisor * 16 * half_bits * CLOCK_SECOND / (2 * XTAL_HZ);
}

bool uart_has_room(const struct uart *u) { return u->rx_count < rx_capacity(u); }

/* The errors of a character show in LSR when it reaches the top of the FIFO. */
static void rx_reveal(struct uart *u)
{
    if (!u->rx_count)
        return;
    u->errors |= u->rx_errors[u->rx_first];
    u->rx_errors[u->rx_first] = 0;
}

/* "A FIFO timeout interrupt will occur if at least one character is in the FIFO [and] the most recent serial character
 * received was longer than 4 continuous character times ago" and so was the last read. */
static void rx_restart_timeout(struct uart *u)
{
    u->timeout_pending = false;
    if (u->fcr & FCR_ENABLE && u->rx_count)
        clock_arm(u->clock, &u->timeout, clock_now(u->clock) + 4 * character_time(u));
    else
        clock_disarm(u->clock, &u->timeout);
}

static void rx_timed_out(void *device, u64 now)
{
    struct uart *u = device;

    (void)now;
    u->timeout_pending = true;
    uart_update(u);
}

static void rx_push(struct uart *u, u8 byte, u8 errors)
{
    if (!uart_has_room(u)) {
        u->errors |= LSR_OE;
        /* Without FIFOs the new character destroys the old one; with them it is lost in the shift register. */
        if (!(u->fcr & FCR_ENABLE))
            u->rx[u->rx_first] = byte;
    } else {
        u8 at = (u8)((u->rx_first + u->rx_count) % FIFO_SIZE);

        u->rx[at] = byte;
        u->rx_errors[at] = errors & (UART_PARITY_ERROR | UART_FRAMING_ERROR | UART_BREAK);
        u->rx_count++;
        if (u->rx_count == 1)
            rx_reveal(u);
    }
    rx_restart_timeout(u);
    uart_update(u);
}

void uart_receive(struct uart *u, u8 byte, u8 errors)
{
    if (!(u->mcr & MCR_LOOP)) /* in loop mode "the receiver Serial Input is disconnected" */
        rx_push(u, byte, errors);
}

static void rx_clear(struct uart *u)
{
    u->rx_count = 0;
    rx_restart_timeout(u);
}

static bool input_flows(const struct uart *u)
{
    bool listens = u->mcr & MCR_RTS || u->ier & IER_RDA || u->polls == POLLS;

    return listens && uart_has_room(u) && !(u->mcr & MCR_LOOP);
}

/* A character is due from the backend. If it may not come it stays there, and input_resume() asks again. */
static void input_due(void *device, u64 now)
{
    struct uart *u = device;
    int c;

    if (!input_flows(u))
        return;
    c = u->backend.get(u->backend.ctx);
    if (c >= 0) {
        uart_receive(u, (u8)c, 0);
        u->input_at = now + character_time(u);
    } else if (c == -1) {
        u->input_at = now + IDLE_POLL;
    } else {
        u->input_ended = true;
        return;
    }
    clock_arm(u->clock, &u->input, u->input_at);
}

static void input_resume(struct uart *u)
{
    u64 begun;

    if (u->input_ended || u->input.at != CLOCK_NEVER || !input_flows(u))
        return;
    /* The sender begins a character when it may, and that takes its time. */
    begun = clock_now(u->clock) + character_time(u);
    clock_arm(u->clock, &u->input, u->input_at > begun ? u->input_at : begun);
}

void uart_input_again(struct uart *u)
{
    u->input_ended = !u->backend.get;
    input_resume(u);
}

/* ---- Modem lines ---- */

static void modem_update(struct uart *u)
{
    u8 pins = u->modem, was = u->msr & 0xF0, changed;

    /* In loop mode the four outputs are the four inputs: DTR is DSR, RTS is CTS, OUT1 is RI, OUT2 is DCD. */
    if (u->mcr & MCR_LOOP)
        pins = (u8)((u->mcr & MCR_DTR ? UART_DSR : 0) | (u->mcr & MCR_RTS ? UART_CTS : 0) |
                    (u->mcr & MCR_OUT1 ? UART_RI : 0) | (u->mcr & MCR_OUT2 ? UART_DCD : 0));
    changed = pins ^ was;
    if (pins & UART_RI)
        changed &= (u8)~UART_RI; /* TERI: "trailing edge of ring indicator" */
    u->msr = (u8)(pins | (u->msr & MSR_DELTAS) | changed >> 4);
}

void uart_set_modem(struct uart *u, u8 lines)
{
    u->modem = lines & 0xF0;
    modem_update(u);
    uart_update(u);
}

/* ---- Registers ---- */

static u8 read_rbr(struct uart *u)
{
    u8 v;

    if (u->lcr & LCR_DLAB)
        return (u8)u->divisor;
    v = u->rx[u->rx_first];
    if (u->rx_count) {
        u->rx_count--;
        if (u->fcr & FCR_ENABLE)
            u->rx_first = (u8)((u->rx_first + 1) % FIFO_SIZE);
        rx_reveal(u);
        rx_restart_timeout(u);
        input_resume(u);
    }
    return v;
}

static u8 read_ier(struct uart *u) { return u->lcr & LCR_DLAB ? (u8)(u->divisor >> 8) : u->ier; }

static u8 read_iir(struct uart *u)
{
    u8 v = uart_iir(u);

    if (v == IIR_THRE)
        u->thre_pending = false;
    return v | (u->fcr & FCR_ENABLE ? IIR_FIFO : 0);
}

static u8 read_lcr(struct uart *u) { return u->lcr; }

static u8 read_mcr(struct uart *u) { return u->mcr; }

static u8 read_lsr(struct uart *u)
{
    u8 v = LSR_THRE | LSR_TEMT | u->errors;

    if (u->rx_count)
        v |= LSR_DR;
    if (u->fcr & FCR_ENABLE) {
        u8 any = u->errors & (u8)~LSR_OE;

        for (int i = 0; i < u->rx_count; i++)
            any |= u->rx_errors[(u->rx_first + i) % FIFO_SIZE];
        v |= any ? LSR_FIFO_ERROR : 0;
    }
    u->errors = 0;
    if (u->polls < POLLS && ++u->polls == POLLS)
        input_resume(u);
    return v;
}

static u8 read_msr(struct uart *u)
{
    u8 v = u->msr;

    u->msr &= 0xF0;
    return v;
}

static u8 read_scr(struct uart *u) { return u->scr; }

static void write_thr(struct uart *u, u8 v)
{
    static const u8 data_bits[4] = {0x1F, 0x3F, 0x7F, 0xFF};

    if (u->lcr & LCR_DLAB) {
        u->divisor = (u16)((u->divisor & 0xFF00) | v);
        return;
    }
    /* The interrupt goes with the write and is back when the byte has left: an edge on the wire. */
    u->polls = 0;
    u->thre_pending = false;
    uart_update(u);
    u->thre_pending = true;
    if (u->mcr & MCR_LOOP)
        rx_push(u, v & data_bits[u->lcr & 3], 0);
    /* The other end is a program, not a line: it gets the byte whole, also from a ROM that never set the word length.
     */
    else if (u->backend.put)
        u->backend.put(u->backend.ctx, v);
}

static void write_ier(struct uart *u, u8 v)
{
    if (u->lcr & LCR_DLAB) {
        u->divisor = (u16)((u->divisor & 0x00FF) | v << 8);
        return;
    }
    if (v & IER_THRE && !(u->ier & IER_THRE))
        u->thre_pending = true; /* THR is empty, and enabling says so */
    u->ier = v & 0x0F;
    input_resume(u);
}

static void write_fcr(struct uart *u, u8 v)
{
    /* "When changing from FIFO Mode to 16450 Mode and vice versa, data is automatically cleared from the FIFOs." */
    bool turned = (v ^ u->fcr) & FCR_ENABLE;

    u->fcr = v & FCR_ENABLE ? v & FCR_MODE : 0;
    if (turned || v & FCR_CLEAR_RX)
        rx_clear(u);
    input_resume(u);
}

static void write_lcr(struct uart *u, u8 v) { u->lcr = v; }

/* In loop mode the output pins "are forced to their inactive states". */
static void write_mcr(struct uart *u, u8 v)
{
    u->mcr = v & MCR_WRITABLE;
    wire_set(u->out2, (v & (MCR_OUT2 | MCR_LOOP)) == MCR_OUT2);
    modem_update(u);
    input_resume(u);
}

/* LSR and MSR "are intended for read operations only", save for factory tests. */
static void write_nothing(struct uart *u, u8 v)
{
    (void)u;
    (void)v;
}

static void write_scr(struct uart *u, u8 v) { u->scr = v; }

static const struct {
    u8 (*read)(struct uart *u);
    void (*write)(struct uart *u, u8 v);
} registers[8] = {
    {read_rbr, write_thr}, {read_ier, write_ier},     {read_iir, write_fcr},     {read_lcr, write_lcr},
    {read_mcr, write_mcr}, {read_lsr, write_nothing}, {read_msr, write_nothing}, {read_scr, write_scr},
};

static u64 uart_read(void *device, u64 offset, unsigned width)
{
    struct uart *u = device;
    u8 v = registers[offset & 7].read(u);

    (void)width;
    uart_update(u);
    return v;
}

static void uart_write(void *device, u64 offset, u64 value, unsigned width)
{
    struct uart *u = device;

    (void)width;
    registers[offset & 7].write(u, (u8)value);
    uart_update(u);
}

const struct region_ops uart_ops = {uart_read, uart_write, 1, 1, "16550A serial port"};

/* ---- Life ---- */

bool uart_may_interrupt(const struct uart *u)
{
    bool gated = (u->mcr & (MCR_OUT2 | MCR_LOOP)) != MCR_OUT2;

    if (gated || !(u->ier & IER_RDA) || uart_iir(u) != IIR_NONE)
        return false;
    return u->input.at != CLOCK_NEVER || u->timeout.at != CLOCK_NEVER;
}

/* "TABLE II. Reset Configuration". RBR, the divisor and SCR keep what they held; the sender is not reset with us. */
void uart_reset(struct uart *u)
{
    u->ier = u->fcr = u->lcr = u->mcr = u->errors = 0;
    u->polls = 0;
    u->thre_pending = false;
    u->msr = u->modem;
    rx_clear(u);
    wire_set(u->out2, false);
    uart_update(u);
    input_resume(u);
}

struct uart *uart_create(struct clock *clock, struct wire irq, struct wire out2, const struct uart_backend *backend)
{
    struct uart *u = calloc(1, sizeof(*u));

    if (!u)
        return NULL;
    u->clock = clock;
    u->irq = irq;
    u->out2 = out2;
    if (backend)
        u->backend = *backend;
    u->input = timer_make(input_due, u);
    u->timeout = timer_make(rx_timed_out, u);
    u->input_ended = !u->backend.get;
    u->divisor = DIVISOR_9600;
    u->modem = UART_CTS | UART_DSR | UART_DCD; /* somebody is at the other end */
    u->lcr = 3;
    u->input_at = clock_now(clock) + character_time(u);
    uart_reset(u);
    return u;
}

void uart_destroy(struct uart *u)
{
    if (!u)
        return;
    clock_disarm(u->clock, &u->input);
    clock_disarm(u->clock, &u->timeout);
    free(u);
}

/* ---- State ---- */

static const struct state_field fields[] = {
    STATE_WIRED(uart, clock),
    STATE_WIRED(uart, irq),
    STATE_WIRED(uart, out2),
    STATE_WIRED(uart, backend),
    STATE_ANY(uart, ier),
    STATE_ANY(uart, fcr),
    STATE_ANY(uart, lcr),
    STATE_ANY(uart, mcr),
    STATE_ANY(uart, msr),
    STATE_ANY(uart, scr),
    STATE_ANY(uart, errors),
    STATE_ANY(uart, divisor),
    STATE_ANY(uart, rx),
    STATE_ANY(uart, rx_errors),
    STATE_UPTO(uart, rx_first, FIFO_SIZE - 1),
    STATE_UPTO(uart, rx_count, FIFO_SIZE),
    STATE_ANY(uart, modem),
    STATE_BOOL(uart, thre_pending),
    STATE_BOOL(uart, timeout_pending),
    STATE_BOOL(uart, input_ended),
    STATE_UPTO(uart, polls, POLLS),
    STATE_ANY(uart, input_at),
    STATE_TIMER(uart, input),
    STATE_TIMER(uart, timeout),
};
static const struct state_table table = STATE_TABLE(uart, fields);

void uart_state(struct uart *u, struct state *s) { state_struct(s, &table, u); }
