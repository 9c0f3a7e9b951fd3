/* SPDX-License-Identifier: MIT */
/*
 * The local APIC's registers, as memory (xAPIC) and as MSRs (x2APIC): SDM Vol. 3A, "Local APIC Register Address Map",
 * "x2APIC Register Address Space". One function reads and one writes them; a register is named by its offset in the
 * page divided by 16, which is its MSR less 800h.
 */
#include "devices/lapic_state.h"

#include <string.h>

enum {
    REG_ID = 0x02,
    REG_VERSION = 0x03,
    REG_TPR = 0x08,
    REG_APR = 0x09,
    REG_PPR = 0x0A,
    REG_EOI = 0x0B,
    REG_RRD = 0x0C,
    REG_LDR = 0x0D,
    REG_DFR = 0x0E,
    REG_SVR = 0x0F,
    REG_ISR = 0x10,
    REG_TMR = 0x18,
    REG_IRR = 0x20,
    REG_ESR = 0x28,
    REG_ICR = 0x30,
    REG_ICR_HIGH = 0x31,
    REG_LVT = 0x32,
    REG_INITIAL_COUNT = 0x38,
    REG_CURRENT_COUNT = 0x39,
    REG_DIVIDE = 0x3E,
    REG_SELF_IPI = 0x3F,
    REG_COUNT = 0x40,
};

enum { MSR_APIC_BASE = 0x1B, MSR_TSC_DEADLINE = 0x6E0, MSR_X2APIC = 0x800, MSR_X2APIC_END = 0x900 };

#define VERSION (0x14u | (LVT_COUNT - 1) << 16 | 1u << 24) /* EOI broadcasts can be suppressed */

/* ---- What a register is ---- */

enum { READ = 1, WRITE = 2 };

static bool is_lvt(unsigned reg) { return reg >= REG_LVT && reg < REG_LVT + LVT_COUNT; }

/* What may be done with it in xAPIC mode. */
static unsigned access_x1(unsigned reg)
{
    if (is_lvt(reg) || (reg >= REG_LDR && reg <= REG_SVR))
        return READ | WRITE;
    if (reg >= REG_ISR && reg < REG_ESR)
        return READ;
    switch (reg) {
    case REG_ID:
    case REG_TPR:
    case REG_ESR:
    case REG_ICR:
    case REG_ICR_HIGH:
    case REG_INITIAL_COUNT:
    case REG_DIVIDE: return READ | WRITE;
    case REG_VERSION:
    case REG_APR:
    case REG_PPR:
    case REG_RRD:
    case REG_CURRENT_COUNT: return READ;
    case REG_EOI: return WRITE;
    }
    return 0;
}

static unsigned access_x2(unsigned reg)
{
    switch (reg) {
    case REG_ID:
    case REG_LDR: return READ;
    case REG_APR:
    case REG_RRD:
    case REG_DFR:
    case REG_ICR_HIGH: return 0;
    case REG_SELF_IPI: return WRITE;
    }
    return access_x1(reg);
}

/* The bits of a register that software can write; in x2APIC mode setting another is #GP(0). */
static u32 writable(const struct lapic *l, unsigned reg)
{
    switch (reg) {
    case REG_ID: return 0xFF000000;
    case REG_LDR: return 0xFF000000;
    case REG_DFR: return 0xF0000000;
    case REG_TPR:
    case REG_SELF_IPI: return 0xFF;
    case REG_SVR: return 0x1FF | SVR_NO_BROADCAST | SVR_FOCUS;
    case REG_ICR: return 0xCCFFF;
    case REG_ICR_HIGH: return 0xFF000000;
    case REG_LVT + LVT_TIMER: return 0xFF | LVT_MASKED | (l->tsc_deadline ? TIMER_MODE : TIMER_PERIODIC);
    case REG_LVT + LVT_THERMAL:
    case REG_LVT + LVT_PERFORMANCE: return 0x7FF | LVT_MASKED;
    case REG_LVT + LVT_LINT0:
    case REG_LVT + LVT_LINT1: return 0x7FF | LVT_POLARITY | LVT_LEVEL | LVT_MASKED;
    case REG_LVT + LVT_ERROR: return 0xFF | LVT_MASKED;
    case REG_INITIAL_COUNT: return 0xFFFFFFFF;
    case REG_DIVIDE: return 0xB;
    }
    return 0; /* EOI, ESR: 0 is what is to be written */
}

/* ---- Reading ---- */

static u32 logical_id(const struct lapic *l)
{
    return lapic_is_x2(l) ? l->wiring.id >> 4 << 16 | 1u << (l->wiring.id & 15) : l->ldr;
}

static u32 read_register(struct lapic *l, unsigned reg)
{
    if (is_lvt(reg))
        return l->lvt[reg - REG_LVT];
    if (reg >= REG_ISR && reg < REG_ESR)
        return (reg < REG_TMR ? l->isr : reg < REG_IRR ? l->tmr : l->irr)[reg & 7];
    switch (reg) {
    case REG_ID: return lapic_is_x2(l) ? l->wiring.id : (u32)l->id << 24;
    case REG_VERSION: return VERSION;
    case REG_TPR: return l->tpr;
    case REG_APR: return lapic_arbitration_priority(l);
    case REG_PPR: return lapic_priority(l);
    case REG_LDR: return logical_id(l);
    case REG_DFR: return l->dfr;
    case REG_SVR: return l->svr;
    case REG_ESR: return l->esr;
    case REG_ICR: return l->icr_low;
    case REG_ICR_HIGH: return l->icr_high;
    case REG_INITIAL_COUNT: return l->initial_count;
    case REG_CURRENT_COUNT: return lapic_timer_count(l);
    case REG_DIVIDE: return l->divide;
    }
    return 0; /* the remote read register: nothing here can be read remotely */
}

struct lapic_look lapic_look(struct lapic *l)
{
    struct lapic_look look = {
        .base = l->base,
        .id = lapic_is_x2(l) ? l->wiring.id : l->id,
        .version = VERSION,
        .tpr = l->tpr,
        .ppr = lapic_priority(l),
        .ldr = logical_id(l),
        .dfr = l->dfr,
        .svr = l->svr,
        .esr = l->esr,
        .icr = (u64)l->icr_high << 32 | l->icr_low,
        .initial_count = l->initial_count,
        .current_count = lapic_timer_count(l),
        .divisor = lapic_timer_divisor(l),
        .deadline = l->deadline > l->wiring.tsc(l->wiring.ctx) ? l->deadline : 0,
        .lint = {l->lint[0], l->lint[1]},
    };

    _Static_assert(LAPIC_LVT_ENTRIES == LVT_COUNT, "the entries in the order of enum lvt");
    memcpy(look.isr, l->isr, sizeof(look.isr));
    memcpy(look.tmr, l->tmr, sizeof(look.tmr));
    memcpy(look.irr, l->irr, sizeof(look.irr));
    memcpy(look.lvt, l->lvt, sizeof(look.lvt));
    return look;
}

/* ---- Writing ---- */

/* "Local Vector Table": an APIC disabled by software keeps its entries masked. */
static void write_lvt(struct lapic *l, enum lvt which, u32 value)
{
    if (!(l->svr & SVR_ENABLE))
        value |= LVT_MASKED;
    if (which == LVT_TIMER) {
        lapic_timer_mode(l, value);
        return;
    }
    if (which == LVT_LINT0 || which == LVT_LINT1) {
        bool level = (value & LVT_LEVEL) && (value >> 8 & 7) == APIC_FIXED;

        l->lvt[which] = value | (level ? l->lvt[which] & LVT_REMOTE_IRR : 0);
        lapic_lint_changed(l, which - LVT_LINT0, false);
        return;
    }
    l->lvt[which] = value;
}

static void write_svr(struct lapic *l, u32 value)
{
    l->svr = value;
    if (!(value & SVR_ENABLE))
        for (int i = 0; i < LVT_COUNT; i++)
            l->lvt[i] |= LVT_MASKED;
    lapic_timer_arm(l);
    lapic_update(l);
}

/* "Error Status Register": a write makes what was noted since the last one readable. */
static void write_esr(struct lapic *l)
{
    l->esr = l->errors;
    l->errors = 0;
    lapic_timer_arm(l);
}

static void write_register(struct lapic *l, unsigned reg, u32 value)
{
    value &= writable(l, reg);
    if (is_lvt(reg)) {
        write_lvt(l, reg - REG_LVT, value);
        return;
    }
    switch (reg) {
    case REG_ID: l->id = (u8)(value >> 24); break;
    case REG_TPR: lapic_set_tpr(l, (u8)value); break;
    case REG_EOI: lapic_eoi(l); break;
    case REG_LDR: l->ldr = value; break;
    case REG_DFR: l->dfr = value | 0x0FFFFFFF; break;
    case REG_SVR: write_svr(l, value); break;
    case REG_ESR: write_esr(l); break;
    case REG_ICR:
        l->icr_low = value;
        lapic_send(l, value, lapic_is_x2(l) ? l->icr_high : l->icr_high >> 24);
        break;
    case REG_ICR_HIGH: l->icr_high = value; break;
    case REG_INITIAL_COUNT: lapic_timer_start(l, value); break;
    case REG_DIVIDE: lapic_timer_divide(l, value); break;
    case REG_SELF_IPI: lapic_send(l, 1u << 18 | value, 0); break;
    }
}

void lapic_set_tpr(struct lapic *l, u8 tpr)
{
    l->tpr = tpr;
    lapic_update(l);
}

u8 lapic_tpr(const struct lapic *l) { return l->tpr; }

/* ---- The page ---- */

/*
 * "Registers are 32 bits ... aligned on 128-bit boundaries. All 32-bit registers should be accessed using 128-bit
 * aligned 32-bit loads or stores ... other accesses cause undefined behavior": a narrower load gives its part of the
 * register, a narrower store and what lies between registers nothing.
 */
static u64 page_read(void *device, u64 offset, unsigned width)
{
    struct lapic *l = device;
    unsigned reg = (unsigned)(offset >> 4), at = offset & 15;

    if (at + width > 4)
        return 0;
    if (reg >= REG_COUNT || !(access_x1(reg) & READ)) {
        lapic_error(l, ESR_REGISTER);
        return 0;
    }
    return read_register(l, reg) >> (8 * at);
}

static void page_write(void *device, u64 offset, u64 value, unsigned width)
{
    struct lapic *l = device;
    unsigned reg = (unsigned)(offset >> 4);

    if (offset & 15 || width != 4)
        return;
    if (reg >= REG_COUNT || !access_x1(reg))
        lapic_error(l, ESR_REGISTER);
    else if (access_x1(reg) & WRITE)
        write_register(l, reg, (u32)value);
}

const struct region_ops lapic_ops = {page_read, page_write, 1, 4, "local APIC"};

/* ---- The MSRs ---- */

static bool x2_read(struct lapic *l, unsigned reg, u64 *value)
{
    if (reg >= REG_COUNT || !lapic_on(l) || !lapic_is_x2(l) || !(access_x2(reg) & READ))
        return false;
    *value = read_register(l, reg);
    if (reg == REG_ICR)
        *value |= (u64)l->icr_high << 32;
    return true;
}

static bool x2_write(struct lapic *l, unsigned reg, u64 value)
{
    u64 allowed = writable(l, reg);

    if (reg >= REG_COUNT || !lapic_on(l) || !lapic_is_x2(l) || !(access_x2(reg) & WRITE))
        return false;
    if (reg == REG_ICR)
        allowed |= 0xFFFFFFFF00000000ull;
    if (is_lvt(reg))
        allowed |= 0x5000; /* delivery status and remote IRR are read-only, not reserved */
    if (reg == REG_ICR)
        allowed |= 0x1000; /* where the delivery status was */
    if (value & ~allowed)
        return false;
    if (reg == REG_ICR)
        l->icr_high = (u32)(value >> 32);
    write_register(l, reg, (u32)value);
    return true;
}

bool lapic_msr_read(struct lapic *l, u32 msr, u64 *value)
{
    if (!l->present)
        return false;
    if (msr >= MSR_X2APIC && msr < MSR_X2APIC_END)
        return x2_read(l, msr - MSR_X2APIC, value);
    if (msr == MSR_APIC_BASE)
        *value = l->base;
    else if (msr == MSR_TSC_DEADLINE && l->tsc_deadline)
        *value = l->deadline > l->wiring.tsc(l->wiring.ctx) ? l->deadline : 0;
    else
        return false;
    return true;
}

bool lapic_msr_write(struct lapic *l, u32 msr, u64 value)
{
    if (!l->present)
        return false;
    if (msr >= MSR_X2APIC && msr < MSR_X2APIC_END)
        return x2_write(l, msr - MSR_X2APIC, value);
    if (msr == MSR_APIC_BASE)
        return lapic_base_write(l, value);
    if (msr != MSR_TSC_DEADLINE || !l->tsc_deadline)
        return false;
    lapic_timer_deadline(l, value);
    return true;
}
