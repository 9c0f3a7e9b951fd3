/* SPDX-License-Identifier: MIT */
/*
 * Every device of the PC: how to make it, what to wire to it, and the regions it offers to a bus. A device knows
 * neither its address nor its interrupt controller. Each _create returns a device in its reset state, or NULL when
 * memory ran out; each struct is private to its file. X_may_interrupt answers whether, with no further doing of the
 * processor, the device's interrupt wire can still rise: what a halted processor can hope for.
 */
#ifndef FAULTLINE_DEVICES_DEVICES_H
#define FAULTLINE_DEVICES_DEVICES_H

#include "devices/apic.h"
#include "devices/clock.h"
#include "devices/irq.h"
#include "devices/ps2.h"
#include "mmu/bus.h"

/* Two 8259A, the second cascaded on IR2 of the first, and the PIIX edge/level registers. */
struct pic;
struct pic *pic_create(struct wire intr);
void pic_reset(struct pic *);
void pic_destroy(struct pic *);
void pic_state(struct pic *, struct state *);
struct wire pic_input(struct pic *, int irq);  /* irq 0..15; 2 is the cascade and goes nowhere */
int pic_acknowledge(struct pic *);             /* the INTA cycle: the vector */
bool pic_accepts(const struct pic *, int irq); /* a rise of irq now would raise INTR */
struct pic_look {                              /* the registers, for looking */
    u8 line;                                   /* levels of the inputs */
    u8 irr, isr, imr, elcr;
    u8 vector; /* of IR0 */
    u8 lowest; /* the input of lowest priority */
    bool initialising, auto_eoi, rotate_in_auto_eoi, special_mask, special_nested, poll;
};
struct pic_look pic_look(const struct pic *, int chip);       /* chip: 0 master, 1 slave */
extern const struct region_ops pic_master_ops, pic_slave_ops; /* 2 bytes each: 0x20, 0xA0 */
extern const struct region_ops pic_elcr_ops;                  /* 2 bytes: 0x4D0 */

/* 8254: `out0` is channel 0's output. Channel 1 drives nothing; channel 2 is gated and read at port B. */
struct pit;
struct pit *pit_create(struct clock *, struct wire out0);
void pit_reset(struct pit *);
void pit_destroy(struct pit *);
void pit_state(struct pit *, struct state *);
void pit_set_gate(struct pit *, int channel, bool level);
bool pit_output(struct pit *, int channel);
bool pit_may_interrupt(const struct pit *);
bool pit_is_sound(const struct pit *);         /* after a load, once it is the right time: nothing is long overdue */
extern const struct region_ops pit_ops;        /* 4 bytes: 0x40 */
extern const struct region_ops pit_port_b_ops; /* 1 byte: 0x61, the system control port around channel 2 */

/* MC146818A with 128 bytes, time from `base` (seconds since 1970, UTC) at virtual time 0. */
#define RTC_DEFAULT_BASE 1767225600ll /* 2026-01-01 00:00:00 UTC */
struct rtc;
struct rtc *rtc_create(struct clock *, struct wire irq, s64 base);
void rtc_reset(struct rtc *);
void rtc_destroy(struct rtc *);
void rtc_state(struct rtc *, struct state *);
void rtc_set_nvram(struct rtc *, u8 index, u8 value); /* index 0x0E..0x7F */
u8 rtc_get_nvram(const struct rtc *, u8 index);
bool rtc_may_interrupt(const struct rtc *);
bool rtc_is_sound(const struct rtc *);  /* likewise */
extern const struct region_ops rtc_ops; /* 2 bytes: 0x70 */

/* 16550A. `out2` is the OUT2 pin (true: active), with which a PC gates the interrupt. */
struct uart_backend {
    void (*put)(void *ctx, u8 byte); /* may be NULL: nobody listens */
    int (*get)(void *ctx);           /* a byte, -1 none now, -2 none ever again; may be NULL: none ever */
    void *ctx;
};
enum { UART_CTS = 0x10, UART_DSR = 0x20, UART_RI = 0x40, UART_DCD = 0x80 };
enum { UART_PARITY_ERROR = 0x04, UART_FRAMING_ERROR = 0x08, UART_BREAK = 0x10 };
struct uart;
struct uart *uart_create(struct clock *, struct wire irq, struct wire out2, const struct uart_backend *);
void uart_reset(struct uart *);
void uart_destroy(struct uart *);
void uart_state(struct uart *, struct state *);
void uart_receive(struct uart *, u8 byte, u8 errors); /* one character has arrived, now; overruns if there is no room */
bool uart_has_room(const struct uart *);
void uart_set_modem(struct uart *, u8 lines); /* UART_CTS | ...: the levels of the input pins (true: active) */
void uart_input_again(struct uart *);         /* the sender had ended, and there is another now */
bool uart_may_interrupt(const struct uart *);
extern const struct region_ops uart_ops; /* 8 bytes: 0x3F8 */

/* 8042: a keyboard port and an auxiliary port, into which devices/ps2.h's are plugged (borrowed). */
struct i8042_wires {
    struct wire keyboard, aux; /* IRQ 1, IRQ 12 */
    struct wire a20;
    struct wire reset; /* pulsed */
};
struct i8042;
struct i8042 *i8042_create(struct clock *, const struct i8042_wires *);
void i8042_reset(struct i8042 *);
void i8042_destroy(struct i8042 *);
void i8042_state(struct i8042 *, struct state *);
void i8042_a20_is(struct i8042 *, bool enabled); /* somebody else moved the gate */
struct wire i8042_keyboard_wire(struct i8042 *); /* for the devices' `ready` */
struct wire i8042_aux_wire(struct i8042 *);
void i8042_plug(struct i8042 *, const struct ps2_device *keyboard, const struct ps2_device *aux); /* NULL: nothing */
void i8042_expect_input(struct i8042 *, bool); /* somebody may press a key: worth waiting for in a halt */
bool i8042_keyboard_may_interrupt(const struct i8042 *);
bool i8042_aux_may_interrupt(const struct i8042 *);
extern const struct region_ops i8042_data_ops, i8042_command_ops; /* 1 byte each: 0x60, 0x64 */

/* System control port A: the fast A20 gate and the fast reset. */
struct port92;
struct port92 *port92_create(struct wire a20, struct wire reset);
void port92_reset(struct port92 *);
void port92_destroy(struct port92 *);
void port92_state(struct port92 *, struct state *);
void port92_a20_is(struct port92 *, bool enabled);
extern const struct region_ops port92_ops; /* 1 byte: 0x92 */

/* The reset control register of the PIIX and ICH: 0xCF9. */
struct reset_control;
struct reset_control *reset_control_create(struct wire reset);
void reset_control_reset(struct reset_control *);
void reset_control_destroy(struct reset_control *);
void reset_control_state(struct reset_control *, struct state *);
extern const struct region_ops reset_control_ops; /* 1 byte: 0xCF9 */

/* The x87's errors: FERR# is latched as an interrupt, and a write clears that and asserts IGNNE# until FERR# goes away.
 */
struct fpu_error;
struct fpu_error *fpu_error_create(struct wire irq, struct wire ignne);
void fpu_error_reset(struct fpu_error *);
void fpu_error_destroy(struct fpu_error *);
void fpu_error_state(struct fpu_error *, struct state *);
void fpu_error_ferr(struct fpu_error *, bool level);
extern const struct region_ops fpu_error_ops; /* 1 byte: 0xF0 */

/* Ports that speak to whoever runs the machine. `tell` hears every write (any width where the port has any). */
struct tell {
    void (*fn)(void *ctx, u32 value); /* may be NULL */
    void *ctx;
};
struct post; /* POST codes: reads give back the last one written */
struct post *post_create(struct tell);
void post_reset(struct post *);
void post_destroy(struct post *);
void post_state(struct post *, struct state *);
extern const struct region_ops post_ops; /* 1 byte: 0x80, 0x190 */

struct debugcon; /* reads 0xE9, which says it is there */
struct debugcon *debugcon_create(struct tell);
void debugcon_reset(struct debugcon *);
void debugcon_destroy(struct debugcon *);
extern const struct region_ops debugcon_ops; /* 1 byte: 0xE9 */

struct debug_exit; /* QEMU's isa-debug-exit */
struct debug_exit *debug_exit_create(struct tell);
void debug_exit_reset(struct debug_exit *);
void debug_exit_destroy(struct debug_exit *);
extern const struct region_ops debug_exit_ops; /* 4 bytes: 0xF4 */

/* HPET: three comparators, 100 MHz. `set` drives a line of the I/O APIC, or what IRQ 0 or 8 leads to; `legacy` is true
 * while those two lines are taken from the timers that had them. */
enum { HPET_LINE_IRQ0 = 32, HPET_LINE_IRQ8 = 33 };
struct hpet_wires {
    void (*set)(void *listener, int line, bool level); /* 0..31, or HPET_LINE_* */
    void *listener;
    struct wire legacy;
};
struct hpet;
struct hpet *hpet_create(struct clock *, const struct hpet_wires *);
void hpet_reset(struct hpet *);
void hpet_destroy(struct hpet *);
void hpet_state(struct hpet *, struct state *);
bool hpet_may_interrupt(const struct hpet *, int line);
extern const struct region_ops hpet_ops; /* 1 KiB: FED00000 */

/* ACPI fixed hardware: PM1 event and control, and the timer. `sleep` hears SLP_TYP when SLP_EN is written. */
struct acpi_pm;
struct acpi_pm *acpi_pm_create(struct clock *, struct wire sci, struct tell sleep);
void acpi_pm_reset(struct acpi_pm *);
void acpi_pm_destroy(struct acpi_pm *);
void acpi_pm_state(struct acpi_pm *, struct state *);
void acpi_pm_press_button(struct acpi_pm *);        /* the power button: PWRBTN_STS, and the SCI where it is enabled */
void acpi_pm_expect_button(struct acpi_pm *, bool); /* somebody may press it: worth waiting for in a halt */
bool acpi_pm_may_interrupt(const struct acpi_pm *);
extern const struct region_ops acpi_pm_ops; /* 12 bytes: 0x600 */

/* QEMU's fw_cfg. Bytes are copied; false when out of memory, or of keys or name length. */
enum { FW_CFG_RAM_SIZE = 0x03, FW_CFG_NB_CPUS = 0x05, FW_CFG_BOOT_MENU = 0x0E, FW_CFG_MAX_CPUS = 0x0F };
struct phys;
struct fw_cfg;
struct fw_cfg *fw_cfg_create(void);
void fw_cfg_reset(struct fw_cfg *);
void fw_cfg_destroy(struct fw_cfg *);
void fw_cfg_state(struct fw_cfg *, struct state *);
bool fw_cfg_set(struct fw_cfg *, u16 key, const void *bytes, size_t size);
bool fw_cfg_set_number(struct fw_cfg *, u16 key, u64 value, unsigned width); /* little-endian */
bool fw_cfg_add_file(struct fw_cfg *, const char *name, const void *bytes, size_t size);
/* From now on items may be read by DMA, too, and say so. */
bool fw_cfg_allow_dma(struct fw_cfg *, struct phys *);
extern const struct region_ops fw_cfg_ops;     /* 2 bytes: 0x510 */
extern const struct region_ops fw_cfg_dma_ops; /* 8 bytes: 0x514 */

/* QEMU's pc-testdev; `line` is its line 0, of 24. It survives a reset. */
#define TESTDEV_MEMORY 0x10000u
struct testdev;
struct testdev *testdev_create(struct wire line);
void testdev_destroy(struct testdev *);
void testdev_state(struct testdev *, struct state *);
extern const struct region_ops testdev_latch_ops;  /* 4 bytes: 0xE0 */
extern const struct region_ops testdev_flush_ops;  /* 4 bytes: 0xE4 */
extern const struct region_ops testdev_byte_ops;   /* 4 bytes: 0xE8 */
extern const struct region_ops testdev_line_ops;   /* 24 bytes: 0x2000 */
extern const struct region_ops testdev_memory_ops; /* 64 KiB: FF000000 */

/* A parallel port with a printer that hears every byte and is always on line. */
struct lpt;
struct lpt *lpt_create(struct clock *, struct wire irq, struct tell printer);
void lpt_reset(struct lpt *);
void lpt_destroy(struct lpt *);
void lpt_state(struct lpt *, struct state *);
bool lpt_may_interrupt(const struct lpt *);
extern const struct region_ops lpt_ops; /* 3 bytes: 0x378 */

struct shutdown_port; /* tells (1) when the text "Shutdown" has been written to it, byte by byte */
struct shutdown_port *shutdown_port_create(struct tell);
void shutdown_port_reset(struct shutdown_port *);
void shutdown_port_destroy(struct shutdown_port *);
void shutdown_port_state(struct shutdown_port *, struct state *);
extern const struct region_ops shutdown_port_ops; /* 1 byte: 0x8900 */

#endif
