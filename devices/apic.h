/* SPDX-License-Identifier: MIT */
/*
 * The interrupt network of a multiprocessor PC: local APICs, the I/O APIC, and the bus on which they exchange messages.
 * SDM Vol. 3A, "Advanced Programmable Interrupt Controller (APIC)"; Intel 290566, "82093AA I/O Advanced Programmable
 * Interrupt Controller"; Intel 242016, "MultiProcessor Specification".
 */
#ifndef FAULTLINE_DEVICES_APIC_H
#define FAULTLINE_DEVICES_APIC_H

#include "devices/clock.h"
#include "devices/irq.h"
#include "mmu/bus.h"

/* Delivery modes, as encoded in ICR, LVT and redirection entries. */
enum apic_mode {
    APIC_FIXED,
    APIC_LOWEST,
    APIC_SMI,
    APIC_RESERVED,
    APIC_NMI,
    APIC_INIT,
    APIC_STARTUP,
    APIC_EXTINT,
};

struct apic_message {
    u32 destination; /* of 8 bits from an xAPIC or I/O APIC, of 32 from an x2APIC */
    bool broadcast;  /* the destination was all ones */
    bool logical;
    u8 mode; /* enum apic_mode */
    u8 vector;
    bool level; /* trigger mode: what TMR will say */
};

struct lapic;

/* ---- The bus ---- */

#define APIC_BUS_MAX 255 /* local APICs on one bus */

struct apic_bus;
struct apic_bus *apic_bus_create(void);
void apic_bus_destroy(struct apic_bus *);
/* To whom the destination names; lowest priority: to one of them. True if at least one took it. */
bool apic_bus_send(struct apic_bus *, const struct apic_message *);
/* The shorthands: to all but `except`, which may be NULL. */
bool apic_bus_send_all(struct apic_bus *, const struct apic_message *, const struct lapic *except);
/* Would some processor, halted with IF as given, wake on it? */
bool apic_bus_hears(struct apic_bus *, const struct apic_message *, bool interrupts_on);
/* A local APIC broadcasts the end of a level-triggered interrupt to whoever registered (I/O APICs: four at most). */
void apic_bus_eoi(struct apic_bus *, u8 vector);
bool apic_bus_on_eoi(struct apic_bus *, void (*eoi)(void *ctx, u8 vector), void *ctx);

/* ---- The local APIC ---- */

/*
 * Of the P6 kind with x2APIC, version 14h: LVT entries timer, thermal, performance, LINT0, LINT1, error; EOI broadcasts
 * can be suppressed. Its timer counts a bus clock of 1 GHz, one tick a nanosecond, as QEMU's does; the TSC-deadline
 * mode compares with the processor's counter. All calls out come from within calls in, or from the clock.
 */
struct lapic_wiring {
    struct clock *clock;
    struct apic_bus *bus;
    u32 id;
    bool bsp;
    void (*intr)(void *ctx, bool level); /* the processor's pins */
    void (*nmi)(void *ctx);
    void (*init)(void *ctx);
    void (*startup)(void *ctx, u8 vector);
    int (*extint)(void *ctx); /* an INTA cycle for the 8259s: the vector */
    u64 (*tsc)(void *ctx);    /* the time-stamp counter now; it advances by one a nanosecond */
    void *ctx;
};

/* NULL when out of memory, or too many are on the bus. In its state after RESET. */
struct lapic *lapic_create(const struct lapic_wiring *);
void lapic_destroy(struct lapic *);
void lapic_state(struct lapic *, struct state *); /* where its page is, is for whoever put it there */
void lapic_reset(struct lapic *);                 /* RESET# */
/* Who is to put the register page where it belongs (ctx is that of the wiring); NULL: nobody. */
void lapic_on_page(struct lapic *, void (*page)(void *ctx, u64 base, bool decoded));
/* What the processor model has, and RESET#: without an APIC, LINT0 is INTR and LINT1 is NMI for good. */
void lapic_configure(struct lapic *, bool present, bool tsc_deadline);

/* A message from the bus: true if taken. */
bool lapic_receive(struct lapic *, const struct apic_message *);
bool lapic_named(const struct lapic *, const struct apic_message *); /* does the destination name it? */
unsigned lapic_priority(const struct lapic *);                       /* the PPR, for lowest-priority arbitration */
bool lapic_enabled(const struct lapic *);                            /* by IA32_APIC_BASE and by SVR */

struct wire lapic_lint(struct lapic *, int n); /* the local interrupt pins, 0 and 1 */
/*
 * MP specification "PIC Mode": while true, and software has not enabled this APIC, LINT0 goes straight to INTR. The
 * specification lets it bypass an enabled APIC as well; here an enabled APIC's LVT decides, as everywhere in virtual
 * wire mode, since ACPI systems never touch the IMCR.
 */
void lapic_set_pic_mode(struct lapic *, bool);

int lapic_acknowledge(struct lapic *); /* INTA: the vector for the processor */

/* A processor halted with IF as given: would it wake on a rise of LINT0; on the timer, if nothing else happens? */
bool lapic_hears_lint0(const struct lapic *, bool interrupts_on);
bool lapic_timer_may_interrupt(const struct lapic *, bool interrupts_on);
bool lapic_hears(const struct lapic *, const struct apic_message *, bool interrupts_on);

/* The MSRs 1Bh, 6E0h and 800h-8FFh; false where access is #GP(0). The bits of 1Bh that are reserved by the processor's
 * address width or features are the processor's to refuse. */
bool lapic_msr_read(struct lapic *, u32 msr, u64 *value);
bool lapic_msr_write(struct lapic *, u32 msr, u64 value);
u8 lapic_tpr(const struct lapic *); /* bits 7:0 */
void lapic_set_tpr(struct lapic *, u8);
void lapic_tsc_moved(struct lapic *); /* the counter was written to */
bool lapic_on(const struct lapic *);  /* IA32_APIC_BASE.EN: what CPUID.01H:EDX[9] shows */

/* The registers, for looking: no count goes on, no error is noted. */
#define LAPIC_LVT_ENTRIES 6 /* timer, thermal, performance, LINT0, LINT1, error */
struct lapic_look {
    u64 base; /* IA32_APIC_BASE */
    u32 id;   /* of the mode it is in */
    u32 version;
    u32 tpr, ppr, ldr, dfr, svr, esr;
    u64 icr;
    u32 isr[8], tmr[8], irr[8], lvt[LAPIC_LVT_ENTRIES];
    u32 initial_count, current_count, divisor;
    u64 deadline; /* IA32_TSC_DEADLINE; 0: not armed */
    bool lint[2]; /* levels of the pins */
};
struct lapic_look lapic_look(struct lapic *);

#define LAPIC_DEFAULT_BASE 0xFEE00000u
extern const struct region_ops lapic_ops; /* 4 KiB: FEE00000 */

/* ---- The I/O APIC: 24 lines, version 20h (with an EOI register) ---- */

#define IOAPIC_LINES 24
struct ioapic;
struct ioapic *ioapic_create(struct apic_bus *);
void ioapic_reset(struct ioapic *);
void ioapic_destroy(struct ioapic *);
void ioapic_state(struct ioapic *, struct state *);
struct wire ioapic_input(struct ioapic *, int line); /* 0..23 */
/* A rise of the line would wake a processor that is halted with IF as given. */
bool ioapic_hears(const struct ioapic *, int line, bool interrupts_on);
struct ioapic_look { /* the registers, for looking */
    u8 id, version;
    u32 line; /* levels of the inputs */
    u64 entry[IOAPIC_LINES];
};
struct ioapic_look ioapic_look(const struct ioapic *);
extern const struct region_ops ioapic_ops; /* 4 KiB: FEC00000 */

/* The interrupt mode configuration register: `apic_mode` is the level of bit 0. */
struct imcr;
struct imcr *imcr_create(struct wire apic_mode);
void imcr_reset(struct imcr *);
void imcr_destroy(struct imcr *);
void imcr_state(struct imcr *, struct state *);
extern const struct region_ops imcr_ops; /* 2 bytes: 0x22 */

#endif
