/* SPDX-License-Identifier: MIT */
/* The local APIC from inside: shared by lapic.c (interrupts), lapic_timer.c and lapic_registers.c. */
#ifndef FAULTLINE_DEVICES_LAPIC_STATE_H
#define FAULTLINE_DEVICES_LAPIC_STATE_H

#include "devices/apic.h"

/* LVT entries in the order of their registers, 320h.. and 832h.. */
enum lvt { LVT_TIMER, LVT_THERMAL, LVT_PERFORMANCE, LVT_LINT0, LVT_LINT1, LVT_ERROR, LVT_COUNT };

#define BASE_BSP BIT(8)
#define BASE_EXTD BIT(10)
#define BASE_EN BIT(11)

enum {
    SVR_ENABLE = 0x100,
    SVR_FOCUS = 0x200,
    SVR_NO_BROADCAST = 0x1000,
    LVT_POLARITY = 0x2000,
    LVT_REMOTE_IRR = 0x4000,
    LVT_LEVEL = 0x8000,
    LVT_MASKED = 0x10000,
    TIMER_MODE = 0x60000,
    TIMER_ONE_SHOT = 0x00000,
    TIMER_PERIODIC = 0x20000,
    TIMER_DEADLINE = 0x40000,
    ESR_SEND_VECTOR = 0x20,
    ESR_RECEIVE_VECTOR = 0x40,
    ESR_REGISTER = 0x80,
};

struct lapic {
    struct lapic_wiring wiring;
    void (*page)(void *ctx, u64 base, bool decoded);
    bool present, tsc_deadline;
    u64 base; /* IA32_APIC_BASE */
    u8 id;    /* of the xAPIC; the x2APIC's is wiring.id */
    u8 tpr;
    u32 ldr, dfr, svr, icr_low, icr_high;
    u32 esr, errors; /* as software reads it; since it wrote it last */
    u32 isr[8], tmr[8], irr[8];
    u32 lvt[LVT_COUNT];

    u32 initial_count, divide;
    u64 zero_at;  /* when the count reaches 0; 0: it does not run */
    u64 deadline; /* IA32_TSC_DEADLINE; 0: not armed */
    struct timer timer;

    bool lint[2]; /* levels of the pins */
    bool pic_mode;
    bool extint; /* a message of mode ExtINT waits for its INTA */
};

static inline bool lapic_is_x2(const struct lapic *l) { return l->base & BASE_EXTD; }

/* lapic.c */
void lapic_update(struct lapic *);                        /* after any change: drive INTR */
void lapic_accept(struct lapic *, u8 vector, bool level); /* into IRR */
void lapic_error(struct lapic *, u32 esr_bit);
void lapic_eoi(struct lapic *);
void lapic_lint_changed(struct lapic *, int n, bool rise); /* a pin or its LVT entry */
void lapic_send(struct lapic *, u32 icr_low, u32 destination);
unsigned lapic_arbitration_priority(const struct lapic *);

bool lapic_base_write(struct lapic *, u64 base); /* false: #GP(0) */

/* apic_bus.c */
bool apic_bus_join(struct apic_bus *, struct lapic *);
void apic_bus_leave(struct apic_bus *, struct lapic *);

/* lapic_timer.c */
void lapic_timer_due(void *lapic, u64 now);
void lapic_timer_arm(struct lapic *); /* after any change of what it depends on */
void lapic_timer_start(struct lapic *, u32 initial_count);
void lapic_timer_divide(struct lapic *, u32 divide);
void lapic_timer_mode(struct lapic *, u32 entry); /* a new LVT entry */
void lapic_timer_deadline(struct lapic *, u64 tsc);
u32 lapic_timer_count(struct lapic *);
u32 lapic_timer_divisor(const struct lapic *);

#endif
