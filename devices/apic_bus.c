/* SPDX-License-Identifier: MIT */
/* Who gets a message: SDM "Determining IPI Destination", "Lowest Priority Delivery Mode". */
#include "devices/lapic_state.h"

#include <stdlib.h>

#define LISTENERS 4

struct apic_bus {
    struct lapic *apic[APIC_BUS_MAX];
    unsigned count;
    struct {
        void (*eoi)(void *ctx, u8 vector);
        void *ctx;
    } listener[LISTENERS];
    unsigned listeners;
};

struct apic_bus *apic_bus_create(void) { return calloc(1, sizeof(struct apic_bus)); }

void apic_bus_destroy(struct apic_bus *bus) { free(bus); }

bool apic_bus_join(struct apic_bus *bus, struct lapic *l)
{
    if (bus->count == APIC_BUS_MAX)
        return false;
    bus->apic[bus->count++] = l;
    return true;
}

void apic_bus_leave(struct apic_bus *bus, struct lapic *l)
{
    for (unsigned i = 0; i < bus->count; i++)
        if (bus->apic[i] == l) {
            bus->apic[i] = bus->apic[--bus->count];
            return;
        }
}

/* The lowest PPR wins. Where the manual leaves ties to arbitration, the first on the bus has it, for a run must be
 * repeatable. */
static bool send_lowest(struct apic_bus *bus, const struct apic_message *m)
{
    struct lapic *best = NULL;

    for (unsigned i = 0; i < bus->count; i++) {
        struct lapic *l = bus->apic[i];

        if (lapic_enabled(l) && lapic_named(l, m) && (!best || lapic_priority(l) < lapic_priority(best)))
            best = l;
    }
    return best && lapic_receive(best, m);
}

bool apic_bus_send(struct apic_bus *bus, const struct apic_message *m)
{
    bool taken = false;

    if (m->mode == APIC_LOWEST)
        return send_lowest(bus, m);
    for (unsigned i = 0; i < bus->count; i++)
        if (lapic_named(bus->apic[i], m))
            taken |= lapic_receive(bus->apic[i], m);
    return taken;
}

bool apic_bus_send_all(struct apic_bus *bus, const struct apic_message *m, const struct lapic *except)
{
    bool taken = false;

    for (unsigned i = 0; i < bus->count; i++)
        if (bus->apic[i] != except)
            taken |= lapic_receive(bus->apic[i], m);
    return taken;
}

bool apic_bus_hears(struct apic_bus *bus, const struct apic_message *m, bool interrupts_on)
{
    for (unsigned i = 0; i < bus->count; i++)
        if (lapic_named(bus->apic[i], m) && lapic_hears(bus->apic[i], m, interrupts_on))
            return true;
    return false;
}

void apic_bus_eoi(struct apic_bus *bus, u8 vector)
{
    for (unsigned i = 0; i < bus->listeners; i++)
        bus->listener[i].eoi(bus->listener[i].ctx, vector);
}

bool apic_bus_on_eoi(struct apic_bus *bus, void (*eoi)(void *ctx, u8 vector), void *ctx)
{
    if (bus->listeners == LISTENERS)
        return false;
    bus->listener[bus->listeners].eoi = eoi;
    bus->listener[bus->listeners++].ctx = ctx;
    return true;
}
