/* SPDX-License-Identifier: MIT */
/*
 * The local APIC: acceptance, priority and acknowledgement of interrupts, the LINT pins, interprocessor interrupts.
 * SDM Vol. 3A, "Local APIC", "Handling Local Interrupts", "Issuing Interprocessor Interrupts", "Handling Interrupts".
 */
#include "devices/lapic_state.h"

#include <stdlib.h>
#include <string.h>

/* ---- Vectors in 256-bit registers ---- */

static bool has_vector(const u32 set[8], unsigned vector) { return set[vector >> 5] >> (vector & 31) & 1; }

static void put_vector(u32 set[8], unsigned vector, bool value)
{
    u32 bit = 1u << (vector & 31);

    set[vector >> 5] = value ? set[vector >> 5] | bit : set[vector >> 5] & ~bit;
}

/* The highest, or -1. */
static int highest(const u32 set[8])
{
    for (int i = 7; i >= 0; i--)
        if (set[i])
            return i * 32 + 31 - __builtin_clz(set[i]);
    return -1;
}

/* ---- Priority: "Task and Processor Priorities" ---- */

static unsigned priority_class(int vector) { return vector < 0 ? 0 : (unsigned)vector & 0xF0; }

unsigned lapic_priority(const struct lapic *l)
{
    unsigned service = priority_class(highest(l->isr));

    return (l->tpr & 0xF0u) >= service ? l->tpr : service;
}

/* "Arbitration Priority Register": for lowest-priority arbitration on the APIC bus of P6 and Pentium processors. */
unsigned lapic_arbitration_priority(const struct lapic *l)
{
    unsigned task = l->tpr & 0xF0u, service = priority_class(highest(l->isr)),
             request = priority_class(highest(l->irr));

    if (task >= request && task > service)
        return l->tpr;
    task = task > service ? task : service;
    return task > request ? task : request;
}

/* The vector to be given to the processor next, or -1. */
static int pending(const struct lapic *l)
{
    int vector = highest(l->irr);

    return priority_class(vector) > (lapic_priority(l) & 0xF0u) ? vector : -1;
}

bool lapic_on(const struct lapic *l) { return l->present && (l->base & BASE_EN); }

bool lapic_enabled(const struct lapic *l) { return lapic_on(l) && (l->svr & SVR_ENABLE); }

static bool lint_asserted(const struct lapic *l, int n)
{
    return l->lint[n] != ((l->lvt[LVT_LINT0 + n] & LVT_POLARITY) != 0);
}

static unsigned lvt_mode(u32 entry) { return entry >> 8 & 7; }

/* "When the local APIC is hardware disabled, the LINT0 and LINT1 pins are INTR and NMI". */
static bool lint0_is_intr(const struct lapic *l) { return !lapic_on(l) || (l->pic_mode && !(l->svr & SVR_ENABLE)); }

static bool is_extint(u32 entry) { return lvt_mode(entry) == APIC_EXTINT && !(entry & LVT_MASKED); }

static bool extint_asserted(const struct lapic *l)
{
    if (lint0_is_intr(l))
        return l->lint[0];
    return l->extint || (is_extint(l->lvt[LVT_LINT0]) && lint_asserted(l, 0));
}

/*
 * A software-disabled APIC goes on handing over what it had accepted: "pending interrupts in the IRR and ISR registers
 * are held and require masking or handling by the CPU".
 */
void lapic_update(struct lapic *l)
{
    l->wiring.intr(l->wiring.ctx, extint_asserted(l) || (lapic_on(l) && pending(l) >= 0));
}

int lapic_acknowledge(struct lapic *l)
{
    int vector = lapic_on(l) ? pending(l) : -1;

    if (vector >= 0) {
        put_vector(l->irr, (unsigned)vector, false);
        put_vector(l->isr, (unsigned)vector, true);
        if ((u8)vector == (u8)l->lvt[LVT_TIMER])
            lapic_timer_arm(l); /* it can be requested again */
    } else if (extint_asserted(l)) {
        l->extint = false;
        vector = l->wiring.extint(l->wiring.ctx);
    } else {
        vector = l->svr & 0xFF; /* "Spurious Interrupt": not in service */
    }
    lapic_update(l);
    return vector;
}

/* ---- Acceptance ---- */

void lapic_error(struct lapic *l, u32 esr_bit)
{
    u32 entry = l->lvt[LVT_ERROR];
    bool fresh = !(l->errors & esr_bit);

    l->errors |= esr_bit;
    /* An illegal vector in the error entry itself must not come back here for ever. */
    if (fresh && lapic_enabled(l) && !(entry & LVT_MASKED))
        lapic_accept(l, (u8)entry, false);
}

/* Vectors below 16 are refused: "Valid Interrupt Vectors". */
void lapic_accept(struct lapic *l, u8 vector, bool level)
{
    if (vector < 16) {
        lapic_error(l, ESR_RECEIVE_VECTOR);
        return;
    }
    put_vector(l->irr, vector, true);
    put_vector(l->tmr, vector, level);
    lapic_update(l);
}

/* "Local APIC State After It Receives an INIT Reset": as after power-up, the ID and the mode aside. */
static void reset_registers(struct lapic *l)
{
    l->tpr = 0;
    l->ldr = 0;
    l->dfr = 0xFFFFFFFF;
    l->svr = 0xFF;
    l->icr_low = l->icr_high = l->esr = l->errors = 0;
    memset(l->isr, 0, sizeof(l->isr));
    memset(l->tmr, 0, sizeof(l->tmr));
    memset(l->irr, 0, sizeof(l->irr));
    for (int i = 0; i < LVT_COUNT; i++)
        l->lvt[i] = LVT_MASKED;
    l->initial_count = l->divide = 0;
    l->zero_at = l->deadline = 0;
    l->extint = false;
    lapic_timer_arm(l);
    lapic_update(l);
}

static bool receive_init(struct lapic *l)
{
    reset_registers(l);
    l->wiring.init(l->wiring.ctx);
    return true;
}

bool lapic_receive(struct lapic *l, const struct apic_message *m)
{
    if (!lapic_on(l))
        return false;
    switch ((enum apic_mode)m->mode) {
    case APIC_FIXED:
    case APIC_LOWEST:
        if (!lapic_enabled(l))
            return false;
        lapic_accept(l, m->vector, m->level);
        return true;
    case APIC_NMI: l->wiring.nmi(l->wiring.ctx); return true;
    case APIC_INIT: return receive_init(l);
    case APIC_STARTUP: l->wiring.startup(l->wiring.ctx, m->vector); return true;
    case APIC_EXTINT:
        l->extint = true;
        lapic_update(l);
        return true;
    case APIC_SMI: /* there is no system management mode */
    case APIC_RESERVED: break;
    }
    return false;
}

/* "Logical Destination Mode in xAPIC Mode" and "in x2APIC Mode". */
static bool named_logically(const struct lapic *l, u32 destination)
{
    u32 ldr = l->ldr >> 24;

    if (lapic_is_x2(l))
        return destination >> 16 == l->wiring.id >> 4 && (destination >> (l->wiring.id & 15) & 1);
    if (l->dfr >> 28 == 0xF)
        return destination & ldr & 0xFF;
    return (destination >> 4 & 0xF) == ldr >> 4 && (destination & ldr & 0xF);
}

bool lapic_named(const struct lapic *l, const struct apic_message *m)
{
    if (m->broadcast)
        return true;
    if (m->logical)
        return named_logically(l, m->destination);
    return m->destination == (lapic_is_x2(l) ? l->wiring.id : l->id);
}

/* ---- The end of an interrupt ---- */

void lapic_eoi(struct lapic *l)
{
    int vector = highest(l->isr);

    if (vector < 0)
        return;
    put_vector(l->isr, (unsigned)vector, false);
    if (has_vector(l->tmr, (unsigned)vector)) {
        for (int n = 0; n < 2; n++)
            if ((u8)l->lvt[LVT_LINT0 + n] == vector && (l->lvt[LVT_LINT0 + n] & LVT_REMOTE_IRR)) {
                l->lvt[LVT_LINT0 + n] &= ~(u32)LVT_REMOTE_IRR;
                lapic_lint_changed(l, n, false);
            }
        if (!(l->svr & SVR_NO_BROADCAST))
            apic_bus_eoi(l->wiring.bus, (u8)vector);
    }
    lapic_update(l);
}

/* ---- The LINT pins: "Local Vector Table" ---- */

static void lint_fixed(struct lapic *l, int n, bool rise)
{
    u32 *entry = &l->lvt[LVT_LINT0 + n];

    /* LINT1 is always edge sensitive ("the trigger mode ... is ignored") */
    if (n == 1 || !(*entry & LVT_LEVEL)) {
        if (rise)
            lapic_accept(l, (u8)*entry, false);
    } else if (lint_asserted(l, n) && !(*entry & LVT_REMOTE_IRR)) {
        *entry |= LVT_REMOTE_IRR;
        lapic_accept(l, (u8)*entry, true);
    }
}

void lapic_lint_changed(struct lapic *l, int n, bool rise)
{
    u32 entry = l->lvt[LVT_LINT0 + n];

    if (!lapic_on(l)) {
        if (n == 1 && rise)
            l->wiring.nmi(l->wiring.ctx);
    } else if (!(entry & LVT_MASKED)) {
        if (lvt_mode(entry) == APIC_FIXED)
            lint_fixed(l, n, rise);
        else if (lvt_mode(entry) == APIC_NMI && rise)
            l->wiring.nmi(l->wiring.ctx);
        else if (lvt_mode(entry) == APIC_INIT && rise)
            receive_init(l);
    }
    lapic_update(l);
}

static void lint_wire(void *listener, int n, bool level)
{
    struct lapic *l = listener;
    bool was = lint_asserted(l, n);

    l->lint[n] = level;
    lapic_lint_changed(l, n, !was && lint_asserted(l, n));
}

struct wire lapic_lint(struct lapic *l, int n) { return (struct wire){lint_wire, l, n}; }

void lapic_set_pic_mode(struct lapic *l, bool on)
{
    l->pic_mode = on;
    lapic_update(l);
}

/* ---- Interprocessor interrupts ---- */

enum { SHORTHAND_NONE, SHORTHAND_SELF, SHORTHAND_ALL, SHORTHAND_OTHERS };
enum { ICR_LOGICAL = 0x800, ICR_ASSERT = 0x4000, ICR_LEVEL = 0x8000 };

/* "Interrupt Command Register". The trigger mode counts for the INIT level de-assert alone, which only ever set
 * arbitration IDs. */
void lapic_send(struct lapic *l, u32 low, u32 destination)
{
    bool x2 = lapic_is_x2(l);
    struct apic_message m = {
        .destination = destination,
        .broadcast = destination == (x2 ? 0xFFFFFFFFu : 0xFFu),
        .logical = low & ICR_LOGICAL,
        .mode = lvt_mode(low),
        .vector = (u8)low,
    };

    if (m.mode == APIC_INIT && (low & ICR_LEVEL) && !(low & ICR_ASSERT))
        return;
    if (m.mode == APIC_RESERVED || m.mode == APIC_EXTINT)
        return;
    if ((m.mode == APIC_FIXED || m.mode == APIC_LOWEST) && m.vector < 16) {
        lapic_error(l, ESR_SEND_VECTOR);
        return;
    }
    switch (low >> 18 & 3) {
    case SHORTHAND_NONE: apic_bus_send(l->wiring.bus, &m); break;
    case SHORTHAND_SELF:
        if (m.mode != APIC_INIT && m.mode != APIC_STARTUP) /* "Valid Combinations": those two are not */
            lapic_receive(l, &m);
        break;
    case SHORTHAND_ALL: apic_bus_send_all(l->wiring.bus, &m, NULL); break;
    default: apic_bus_send_all(l->wiring.bus, &m, l); break;
    }
}

/* ---- What a halted processor can hope for ---- */

static bool wakes(const struct lapic *l, u8 vector, bool interrupts_on)
{
    return interrupts_on && lapic_enabled(l) && vector >= 16 && priority_class(vector) > (lapic_priority(l) & 0xF0u);
}

bool lapic_hears(const struct lapic *l, const struct apic_message *m, bool interrupts_on)
{
    switch ((enum apic_mode)m->mode) {
    case APIC_FIXED:
    case APIC_LOWEST: return wakes(l, m->vector, interrupts_on);
    case APIC_NMI:
    case APIC_INIT:
    case APIC_STARTUP: return lapic_on(l);
    case APIC_EXTINT: return lapic_on(l) && interrupts_on;
    case APIC_SMI:
    case APIC_RESERVED: break;
    }
    return false;
}

bool lapic_hears_lint0(const struct lapic *l, bool interrupts_on)
{
    u32 entry = l->lvt[LVT_LINT0];
    struct apic_message m = {.mode = lvt_mode(entry), .vector = (u8)entry};

    if (lint0_is_intr(l))
        return interrupts_on;
    return !(entry & LVT_MASKED) && lapic_hears(l, &m, interrupts_on);
}

bool lapic_timer_may_interrupt(const struct lapic *l, bool interrupts_on)
{
    return l->timer.at != CLOCK_NEVER && wakes(l, (u8)l->lvt[LVT_TIMER], interrupts_on);
}

/* ---- Life ---- */

void lapic_reset(struct lapic *l)
{
    l->base = LAPIC_DEFAULT_BASE | BASE_EN | (l->wiring.bsp ? BASE_BSP : 0);
    l->id = (u8)l->wiring.id;
    reset_registers(l);
    if (l->page)
        l->page(l->wiring.ctx, LAPIC_DEFAULT_BASE, lapic_on(l));
}

/* IA32_APIC_BASE, its legality checked. "x2APIC State Transitions": disabling loses everything; entering x2APIC mode
 * keeps all but what has another form there. */
static void switch_mode(struct lapic *l, u64 base)
{
    u64 was = l->base, left = was & ~base;

    l->base = base;
    if (left & BASE_EN) {
        l->id = (u8)l->wiring.id;
        reset_registers(l);
    }
    if ((left | (base & ~was)) & BASE_EXTD)
        l->icr_high = 0;
    if (l->page)
        l->page(l->wiring.ctx, base & ~0xFFFull, lapic_on(l) && !lapic_is_x2(l));
    lapic_update(l);
}

/* "Valid transitions": an x2APIC can only be disabled, and only an enabled xAPIC become one. */
bool lapic_base_write(struct lapic *l, u64 base)
{
    u64 was = l->base & (BASE_EN | BASE_EXTD), is = base & (BASE_EN | BASE_EXTD);

    if (is == BASE_EXTD || (is == BASE_EN && was == (BASE_EN | BASE_EXTD)) || (is == (BASE_EN | BASE_EXTD) && !was))
        return false;
    if (base != l->base)
        switch_mode(l, base);
    return true;
}

void lapic_configure(struct lapic *l, bool present, bool tsc_deadline)
{
    l->present = present;
    l->tsc_deadline = tsc_deadline;
    lapic_reset(l);
}

void lapic_on_page(struct lapic *l, void (*page)(void *ctx, u64 base, bool decoded)) { l->page = page; }

struct lapic *lapic_create(const struct lapic_wiring *wiring)
{
    struct lapic *l = calloc(1, sizeof(*l));

    if (!l || !apic_bus_join(wiring->bus, l)) {
        free(l);
        return NULL;
    }
    l->wiring = *wiring;
    l->present = l->tsc_deadline = l->pic_mode = true;
    l->timer = timer_make(lapic_timer_due, l);
    lapic_reset(l);
    return l;
}

void lapic_destroy(struct lapic *l)
{
    if (!l)
        return;
    clock_disarm(l->wiring.clock, &l->timer);
    apic_bus_leave(l->wiring.bus, l);
    free(l);
}

/* ---- State ---- */

static const struct state_field fields[] = {
    STATE_WIRED(lapic, wiring),      STATE_WIRED(lapic, page),
    STATE_WIRED(lapic, present),     STATE_WIRED(lapic, tsc_deadline),
    STATE_ANY(lapic, base),          STATE_ANY(lapic, id),
    STATE_ANY(lapic, tpr),           STATE_ANY(lapic, ldr),
    STATE_ANY(lapic, dfr),           STATE_ANY(lapic, svr),
    STATE_ANY(lapic, icr_low),       STATE_ANY(lapic, icr_high),
    STATE_ANY(lapic, esr),           STATE_ANY(lapic, errors),
    STATE_ANY(lapic, isr),           STATE_ANY(lapic, tmr),
    STATE_ANY(lapic, irr),           STATE_ANY(lapic, lvt),
    STATE_ANY(lapic, initial_count), STATE_ANY(lapic, divide),
    STATE_ANY(lapic, zero_at),       STATE_ANY(lapic, deadline),
    STATE_TIMER(lapic, timer),       STATE_BOOL(lapic, lint),
    STATE_BOOL(lapic, pic_mode),     STATE_BOOL(lapic, extint),
};
static const struct state_table table = STATE_TABLE(lapic, fields);

void lapic_state(struct lapic *l, struct state *s) { state_struct(s, &table, l); }
