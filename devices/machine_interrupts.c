/* SPDX-License-Identifier: MIT */
/*
 * How interrupts get to the processor. A line of the ISA bus leads to the 8259s and to the I/O APIC (IRQ 0 to its line
 * 2); INTR of the 8259s to LINT0 of the bootstrap processor's local APIC and to line 0 of the I/O APIC; what the local
 * APIC makes of all that, to the processor's pins.
 */
#include "devices/machine_parts.h"

enum { IOAPIC_TIMER = 2, ISA_LINES = 16 };
#define APIC_PAGE_SIZE 0x1000u

/* ---- Lines ---- */

static int ioapic_line(int irq) { return irq == IRQ_TIMER ? IOAPIC_TIMER : irq; }

/* 0..15 is an ISA line, 16..23 one that only the I/O APIC has. A PCI interrupt may have been routed to a line that has
 * an owner: it is up while either holds it up. */
static void shared_line(struct machine *m, int irq, bool pci, bool level)
{
    m->line_up[pci] = (m->line_up[pci] & ~(1u << irq)) | (u32)level << irq;
    level = (m->line_up[0] | m->line_up[1]) >> irq & 1;
    if (irq < ISA_LINES)
        wire_set(pic_input(m->pic, irq), level);
    wire_set(ioapic_input(m->ioapic, ioapic_line(irq)), level);
}

static void isa_line(void *listener, int irq, bool level) { shared_line(listener, irq, false, level); }

static void pirq_line(void *listener, int irq, bool level) { shared_line(listener, irq, true, level); }

struct wire machine_pirq(struct machine *m, int irq) { return (struct wire){pirq_line, m, irq}; }

struct wire machine_isa(struct machine *m, int irq) { return (struct wire){isa_line, m, irq}; }

/* The PIT's and the RTC's outputs, which the HPET may take out of their lines. */
static void timer_line(void *listener, int irq, bool level)
{
    struct machine *m = listener;

    *(irq == IRQ_TIMER ? &m->timer_level : &m->rtc_level) = level;
    if (!m->hpet_legacy)
        isa_line(m, irq, level);
}

struct wire machine_timer_line(struct machine *m, int irq) { return (struct wire){timer_line, m, irq}; }

static void hpet_line(void *listener, int line, bool level)
{
    struct machine *m = listener;

    if (line == HPET_LINE_IRQ0 || line == HPET_LINE_IRQ8)
        isa_line(m, line == HPET_LINE_IRQ0 ? IRQ_TIMER : IRQ_RTC, level);
    else if (line < IOAPIC_LINES)
        isa_line(m, line, level);
}

static void hpet_legacy(void *listener, int line, bool level)
{
    struct machine *m = listener;

    (void)line;
    m->hpet_legacy = level;
    isa_line(m, IRQ_TIMER, !level && m->timer_level);
    isa_line(m, IRQ_RTC, !level && m->rtc_level);
}

struct hpet_wires machine_hpet_wires(struct machine *m)
{
    return (struct hpet_wires){hpet_line, m, {hpet_legacy, m, 0}};
}

/* INTR of the 8259s. */
static void pic_intr(void *listener, int line, bool level)
{
    struct machine *m = listener;

    (void)line;
    wire_set(lapic_lint(m->lapic, 0), level);
    wire_set(ioapic_input(m->ioapic, 0), level);
}

struct wire machine_pic_intr(struct machine *m) { return (struct wire){pic_intr, m, 0}; }

static void imcr_line(void *listener, int line, bool level)
{
    struct machine *m = listener;

    (void)line;
    lapic_set_pic_mode(m->lapic, !level);
}

/* ---- The local APIC and its processor ---- */

static void to_intr(void *ctx, bool level)
{
    struct machine *m = ctx;

    if (m->cpu)
        cpu_set_intr(m->cpu, level);
}

static void to_nmi(void *ctx)
{
    struct machine *m = ctx;

    cpu_pulse_nmi(m->cpu);
}

static void to_init(void *ctx)
{
    struct machine *m = ctx;

    cpu_pulse_init(m->cpu);
}

static void to_startup(void *ctx, u8 vector)
{
    struct machine *m = ctx;

    cpu_startup(m->cpu, vector);
}

static int from_pic(void *ctx)
{
    struct machine *m = ctx;

    return pic_acknowledge(m->pic);
}

static u64 from_tsc(void *ctx)
{
    struct machine *m = ctx;

    return m->cpu ? cpu_tsc(m->cpu) : 0;
}

/*
 * The register page lies over RAM, as no device does: the processor decodes it before the bus sees the address. Moved
 * onto another device or a ROM, it is that which answers; no system does this, and the manual is silent.
 */
static void move_page(void *ctx, u64 base, bool decoded)
{
    struct machine *m = ctx;
    struct bus *mmio = phys_mmio(m->phys);

    if (decoded == m->apic_decoded && (!decoded || base == m->apic_page))
        return;
    if (m->apic_attached)
        bus_detach(mmio, m->apic_page);
    if (m->apic_hole)
        phys_remove_hole(m->phys, m->apic_page);
    m->apic_page = base;
    m->apic_decoded = decoded;
    m->apic_attached = decoded && bus_attach(mmio, base, APIC_PAGE_SIZE, &lapic_ops, m->lapic);
    m->apic_hole = m->apic_attached && phys_page_write(m->phys, base) && phys_add_hole(m->phys, base, APIC_PAGE_SIZE);
    if (m->cpu)
        cpu_memory_moved(m->cpu);
}

/* A load: the page leaves, and comes back to where it was. */
void machine_apic_page_leave(struct machine *m)
{
    if (m->apic_attached)
        bus_detach(phys_mmio(m->phys), m->apic_page);
    if (m->apic_hole)
        phys_remove_hole(m->phys, m->apic_page);
    m->apic_attached = m->apic_hole = false;
}

void machine_apic_page_return(struct machine *m, struct state *s, bool attached, bool hole)
{
    if (s->failed)
        return;
    m->apic_attached = attached && bus_attach(phys_mmio(m->phys), m->apic_page, APIC_PAGE_SIZE, &lapic_ops, m->lapic);
    m->apic_hole = hole && phys_add_hole(m->phys, m->apic_page, APIC_PAGE_SIZE);
    if (m->apic_attached != attached || m->apic_hole != hole)
        state_fail(s, "machine.apic_page: cannot be at 0x%llx", (unsigned long long)m->apic_page);
}

static bool ops_on(void *apic) { return lapic_on(apic); }
static bool ops_msr_read(void *apic, u32 msr, u64 *value) { return lapic_msr_read(apic, msr, value); }
static bool ops_msr_write(void *apic, u32 msr, u64 value) { return lapic_msr_write(apic, msr, value); }
static u8 ops_tpr(void *apic) { return lapic_tpr(apic); }
static void ops_set_tpr(void *apic, u8 tpr) { lapic_set_tpr(apic, tpr); }
static void ops_tsc_moved(void *apic) { lapic_tsc_moved(apic); }

const struct cpu_apic machine_apic_ops = {
    .on = ops_on,
    .msr_read = ops_msr_read,
    .msr_write = ops_msr_write,
    .tpr = ops_tpr,
    .set_tpr = ops_set_tpr,
    .tsc_moved = ops_tsc_moved,
};

/* ---- Life ---- */

bool machine_create_apics(struct machine *m)
{
    struct lapic_wiring wiring = {
        .clock = m->clock,
        .id = 0,
        .bsp = true,
        .intr = to_intr,
        .nmi = to_nmi,
        .init = to_init,
        .startup = to_startup,
        .extint = from_pic,
        .tsc = from_tsc,
        .ctx = m,
    };

    if (!(m->apic_bus = wiring.bus = apic_bus_create()) || !(m->lapic = lapic_create(&wiring)))
        return false;
    m->ioapic = ioapic_create(m->apic_bus);
    m->imcr = imcr_create((struct wire){imcr_line, m, 0});
    return m->ioapic && m->imcr;
}

/* The processor says whether its model has a local APIC; a board for one that has not has no I/O APIC either. */
bool machine_place_apics(struct machine *m)
{
    m->has_apic = cpu_has(m->cpu, "apic");
    lapic_on_page(m->lapic, move_page);
    lapic_configure(m->lapic, m->has_apic, cpu_has(m->cpu, "tsc-deadline"));
    return !m->has_apic || (bus_attach(phys_mmio(m->phys), MACHINE_IOAPIC, APIC_PAGE_SIZE, &ioapic_ops, m->ioapic) &&
                            bus_attach(m->io, 0x22, 2, &imcr_ops, m->imcr));
}

void machine_reset_apics(struct machine *m)
{
    imcr_reset(m->imcr);
    ioapic_reset(m->ioapic);
    lapic_reset(m->lapic);
}

/* MP specification "Virtual Wire Mode": LINT0 hands through what the 8259s say, LINT1 is NMI. And the I/O APIC gets the
 * ID that the tables tell. */
void machine_virtual_wire(struct machine *m)
{
    static const struct {
        u32 at, value;
    } writes[] = {
        {LAPIC_DEFAULT_BASE + 0x0F0, 0x1FF},
        {LAPIC_DEFAULT_BASE + 0x350, 0x700},
        {LAPIC_DEFAULT_BASE + 0x360, 0x400},
        {MACHINE_IOAPIC + 0x00, 0x00},
        {MACHINE_IOAPIC + 0x10, MACHINE_IOAPIC_ID << 24},
    };

    for (size_t i = 0; i < sizeof(writes) / sizeof(writes[0]); i++)
        phys_write(m->phys, writes[i].at, writes[i].value, 4);
}

void machine_destroy_apics(struct machine *m)
{
    imcr_destroy(m->imcr);
    ioapic_destroy(m->ioapic);
    lapic_destroy(m->lapic);
    apic_bus_destroy(m->apic_bus);
}

/* ---- What a halted processor can hope for ---- */

/* Would a rise of this line wake it? */
static bool line_wakes(struct machine *m, int irq, bool interrupts_on)
{
    if (irq < ISA_LINES && pic_accepts(m->pic, irq) &&
        (lapic_hears_lint0(m->lapic, interrupts_on) || ioapic_hears(m->ioapic, 0, interrupts_on)))
        return true;
    return ioapic_hears(m->ioapic, ioapic_line(irq), interrupts_on);
}

static bool hpet_wakes(struct machine *m, bool interrupts_on)
{
    for (int line = 0; line < IOAPIC_LINES; line++)
        if (hpet_may_interrupt(m->hpet, line) && line_wakes(m, line, interrupts_on))
            return true;
    return (hpet_may_interrupt(m->hpet, HPET_LINE_IRQ0) && line_wakes(m, IRQ_TIMER, interrupts_on)) ||
           (hpet_may_interrupt(m->hpet, HPET_LINE_IRQ8) && line_wakes(m, IRQ_RTC, interrupts_on));
}

/*
 * Some device must be able to raise a line that is passed on, with no further doing of the processor. With IF clear
 * only NMI and INIT count, which the local APIC and the I/O APIC can make of any line.
 */
bool machine_can_wake(struct machine *m, bool interrupts_on)
{
    if (lapic_timer_may_interrupt(m->lapic, interrupts_on))
        return true;
    if (!m->hpet_legacy && ((pit_may_interrupt(m->pit) && line_wakes(m, IRQ_TIMER, interrupts_on)) ||
                            (rtc_may_interrupt(m->rtc) && line_wakes(m, IRQ_RTC, interrupts_on))))
        return true;
    if (hpet_wakes(m, interrupts_on) || (acpi_pm_may_interrupt(m->pm) && line_wakes(m, IRQ_SCI, interrupts_on)) ||
        (i8042_keyboard_may_interrupt(m->i8042) && line_wakes(m, IRQ_KEYBOARD, interrupts_on)) ||
        (i8042_aux_may_interrupt(m->i8042) && line_wakes(m, IRQ_MOUSE, interrupts_on)))
        return true;
    for (int i = 0; i < MACHINE_COMS; i++)
        if (m->com[i].uart && uart_may_interrupt(m->com[i].uart) &&
            line_wakes(m, i & 1 ? IRQ_COM2 : IRQ_COM1, interrupts_on))
            return true;
    for (int irq = 0; irq < ISA_LINES; irq++)
        if (machine_storage_may_interrupt(m, irq) && line_wakes(m, irq, interrupts_on))
            return true;
    return false;
}
