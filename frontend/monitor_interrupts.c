/* SPDX-License-Identifier: MIT */
/* info pic, lapic and ioapic: who may interrupt whom, from copies of the controllers' registers. */
#include <stdio.h>

#include "devices/apic.h"
#include "frontend/monitor.h"

enum { VECTOR = 0xFF, MODE_SHIFT = 8, LOGICAL = 0x800, PENDING = 0x1000, LOW = 0x2000, REMOTE_IRR = 0x4000 };
enum { LEVEL = 0x8000, MASKED = 0x10000, TIMER_MODE_SHIFT = 17 };
enum { BASE_BSP = 0x100, BASE_X2 = 0x400, BASE_ON = 0x800, SVR_ENABLED = 0x100 };

static const char *mode_text(u64 entry)
{
    static const char *const modes[8] = {"fixed", "lowest", "SMI", "reserved", "NMI", "INIT", "start-up", "ExtINT"};

    return modes[entry >> MODE_SHIFT & 7];
}

/* ---- The 8259As ---- */

static void put_chip(struct reply *r, const char *name, const struct pic_look *p)
{
    reply_row(r);
    reply_string(r, "chip", name);
    reply_hex(r, "line", p->line, 2);
    reply_hex(r, "irr", p->irr, 2);
    reply_hex(r, "isr", p->isr, 2);
    reply_hex(r, "imr", p->imr, 2);
    reply_hex(r, "elcr", p->elcr, 2);
    reply_hex(r, "vector", p->vector, 2);
    reply_number(r, "lowest", p->lowest);
    reply_list(r, "modes");
    if (p->initialising)
        reply_item(r, "initialising");
    if (p->auto_eoi)
        reply_item(r, p->rotate_in_auto_eoi ? "auto-eoi-rotating" : "auto-eoi");
    if (p->special_mask)
        reply_item(r, "special-mask");
    if (p->special_nested)
        reply_item(r, "special-nested");
    if (p->poll)
        reply_item(r, "poll");
    reply_list_end(r);
}

void monitor_info_pic(struct monitor *m, const char *arguments, struct reply *r)
{
    static const char *const columns[] = {"chip",  ">line",   ">irr",    ">isr",  ">imr",
                                          ">elcr", ">vector", ">lowest", "modes", NULL};
    static const char *const names[2] = {"master", "slave"};

    (void)arguments;
    reply_table(r, "chips", columns);
    for (int i = 0; i < 2; i++) {
        struct pic_look p = pic_look(machine_pic(m->machine), i);

        put_chip(r, names[i], &p);
    }
    reply_table_end(r);
}

/* ---- The I/O APIC ---- */

void monitor_info_ioapic(struct monitor *m, const char *arguments, struct reply *r)
{
    static const char *const columns[] = {">pin",    "line",   ">vector", "mode",       ">to", "addressed",
                                          "trigger", "active", "masked",  "remote_irr", NULL};
    struct ioapic_look look;

    (void)arguments;
    if (!machine_ioapic(m->machine)) {
        reply_error(r, "info ioapic: this processor model has no APIC");
        return;
    }
    look = ioapic_look(machine_ioapic(m->machine));
    reply_hex(r, "id", look.id, 2);
    reply_hex(r, "version", look.version, 2);
    reply_newline(r);
    reply_table(r, "entries", columns);
    for (unsigned i = 0; i < IOAPIC_LINES; i++) {
        u64 e = look.entry[i];

        reply_row(r);
        reply_number(r, "pin", i);
        reply_string(r, "line", look.line >> i & 1 ? "high" : "low");
        reply_hex(r, "vector", e & VECTOR, 2);
        reply_string(r, "mode", mode_text(e));
        reply_hex(r, "to", e >> 56, 2);
        reply_string(r, "addressed", e & LOGICAL ? "logical" : "physical");
        reply_string(r, "trigger", e & LEVEL ? "level" : "edge");
        reply_string(r, "active", e & LOW ? "low" : "high");
        reply_boolean(r, "masked", e & MASKED);
        reply_boolean(r, "remote_irr", e & REMOTE_IRR);
    }
    reply_table_end(r);
}

/* ---- The local APIC ---- */

/* The vectors whose bits are set. */
static void put_vectors(struct reply *r, const char *key, const u32 set[8])
{
    reply_label(r, "%s", key);
    reply_list(r, key);
    for (unsigned v = 0; v < 256; v++)
        if (set[v / 32] >> v % 32 & 1) {
            char text[8];

            snprintf(text, sizeof(text), "%02x", v);
            reply_item(r, text);
        }
    reply_list_end(r);
}

static void put_timer(struct reply *r, const struct lapic_look *l)
{
    static const char *const modes[4] = {"one-shot", "periodic", "tsc-deadline", "reserved"};

    reply_label(r, "timer:");
    reply_object(r, "timer");
    reply_string(r, "mode", modes[l->lvt[0] >> TIMER_MODE_SHIFT & 3]);
    reply_number(r, "divisor", l->divisor);
    reply_number(r, "initial", l->initial_count);
    reply_number(r, "current", l->current_count);
    reply_number(r, "deadline", l->deadline);
    reply_object_end(r);
    reply_newline(r);
}

/* Only LINT0 and LINT1 have a level, a polarity and a pin. */
static void put_lvt(struct reply *r, const struct lapic_look *l)
{
    static const char *const columns[] = {"entry",   ">vector", "mode", "masked",     "pending",
                                          "trigger", "active",  "line", "remote_irr", NULL};
    static const char *const names[LAPIC_LVT_ENTRIES] = {"timer", "thermal", "performance", "LINT0", "LINT1", "error"};
    enum { LINT0 = 3, LINT1 = 4, ERROR = 5, TIMER = 0 };

    reply_table(r, "lvt", columns);
    for (int i = 0; i < LAPIC_LVT_ENTRIES; i++) {
        u32 e = l->lvt[i];

        reply_row(r);
        reply_string(r, "entry", names[i]);
        reply_hex(r, "vector", e & VECTOR, 2);
        reply_string(r, "mode", i == TIMER || i == ERROR ? "fixed" : mode_text(e));
        reply_boolean(r, "masked", e & MASKED);
        reply_boolean(r, "pending", e & PENDING);
        if (i != LINT0 && i != LINT1)
            continue;
        reply_string(r, "trigger", e & LEVEL ? "level" : "edge");
        reply_string(r, "active", e & LOW ? "low" : "high");
        reply_string(r, "line", l->lint[i - LINT0] ? "high" : "low");
        reply_boolean(r, "remote_irr", e & REMOTE_IRR);
    }
    reply_table_end(r);
}

void monitor_info_lapic(struct monitor *m, const char *arguments, struct reply *r)
{
    struct lapic_look l;

    (void)arguments;
    if (!machine_lapic(m->machine)) {
        reply_error(r, "info lapic: this processor model has no APIC");
        return;
    }
    l = lapic_look(machine_lapic(m->machine));
    reply_hex(r, "id", l.id, 0);
    reply_hex(r, "version", l.version & VECTOR, 2);
    reply_hex(r, "base", l.base & ~0xFFFull, 0);
    reply_string(r, "mode", !(l.base & BASE_ON) ? "off" : l.base & BASE_X2 ? "x2APIC" : "xAPIC");
    reply_boolean(r, "bsp", l.base & BASE_BSP);
    reply_boolean(r, "enabled", l.base & BASE_ON && l.svr & SVR_ENABLED);
    reply_newline(r);
    reply_hex(r, "svr", l.svr, 0);
    reply_hex(r, "tpr", l.tpr, 2);
    reply_hex(r, "ppr", l.ppr, 2);
    reply_hex(r, "ldr", l.ldr, 8);
    reply_hex(r, "dfr", l.dfr, 8);
    reply_hex(r, "icr", l.icr, 16);
    reply_hex(r, "esr", l.esr, 2);
    reply_newline(r);
    put_vectors(r, "irr", l.irr);
    put_vectors(r, "isr", l.isr);
    put_vectors(r, "tmr", l.tmr);
    reply_newline(r);
    put_timer(r, &l);
    put_lvt(r, &l);
}
