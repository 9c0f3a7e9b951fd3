/* SPDX-License-Identifier: MIT */
/* Two local APICs (parts 0 and 1) and an I/O APIC (part 2) on one bus (part 3), for fuzz_device.c. */
#include "devices/apic.h"
#include "tests/fuzz/device.h"

enum { FIRST_MSR = 0x800, MSRS = 0x100, APIC_BASE_MSR = 0x1B, DEADLINE_MSR = 0x6E0 };

static void on_intr(void *board, bool level) { board_see(board, 16u + level); }

static void on_nmi(void *board) { board_see(board, 18); }

static void on_init(void *board) { board_see(board, 19); }

static void on_startup(void *board, u8 vector) { board_see(board, 256u + vector); }

static int on_extint(void *board)
{
    board_see(board, 20);
    return 0x21;
}

static u64 on_tsc(void *board) { return ((struct board *)board)->now; }

static void on_page(void *board, u64 base, bool decoded) { board_see(board, base | decoded); }

bool make_apic(struct board *b)
{
    struct lapic_wiring wiring = {.clock = b->clock,
                                  .bus = apic_bus_create(),
                                  .intr = on_intr,
                                  .nmi = on_nmi,
                                  .init = on_init,
                                  .startup = on_startup,
                                  .extint = on_extint,
                                  .tsc = on_tsc,
                                  .ctx = b};

    if (!(b->part[3] = wiring.bus))
        return false;
    for (u32 i = 0; i < 2; i++) {
        wiring.id = i;
        wiring.bsp = i == 0;
        if (!(b->part[i] = lapic_create(&wiring)))
            return false;
        lapic_on_page(b->part[i], on_page);
        lapic_configure(b->part[i], true, true);
    }
    return (b->part[2] = ioapic_create(wiring.bus)) != NULL;
}

void reset_apic(struct board *b)
{
    ioapic_reset(b->part[2]);
    lapic_reset(b->part[0]);
    lapic_reset(b->part[1]);
}

void destroy_apic(struct board *b)
{
    ioapic_destroy(b->part[2]);
    lapic_destroy(b->part[0]);
    lapic_destroy(b->part[1]);
    apic_bus_destroy(b->part[3]);
}

static void message(struct board *b, struct input *in)
{
    u8 what = input_byte(in);
    struct apic_message m = {.destination = (u32)input_take(in, 1), .logical = what & 1, .mode = what >> 1 & 7};

    m.vector = input_byte(in);
    m.level = what >> 4 & 1;
    m.broadcast = m.destination == 0xFF;
    board_see(b, apic_bus_send(b->part[3], &m));
}

static void msr(struct board *b, struct lapic *l, struct input *in, bool write)
{
    u8 which = input_byte(in);
    u32 number = which == 0x1B ? APIC_BASE_MSR : which == 0xE0 ? DEADLINE_MSR : FIRST_MSR + which % MSRS;
    u64 value = write ? input_take(in, 8) : 0;

    board_see(b, write ? lapic_msr_write(l, number, value) : lapic_msr_read(l, number, &value));
    board_see(b, value);
}

void happen_apic(struct board *b, struct input *in)
{
    u8 what = input_byte(in);
    struct lapic *l = b->part[what & 1];
    bool level = what >> 4 & 1;

    switch (what >> 1 & 7) {
    case 0: board_see(b, (u64)lapic_acknowledge(l)); break;
    case 1: wire_set(lapic_lint(l, what >> 5 & 1), level); break;
    case 2: msr(b, l, in, level); break;
    case 3: lapic_set_tpr(l, input_byte(in)); break;
    case 4: message(b, in); break;
    case 5: lapic_tsc_moved(l); break;
    case 6: lapic_set_pic_mode(l, level); break;
    default: wire_set(ioapic_input(b->part[2], input_byte(in) % IOAPIC_LINES), level);
    }
}

u64 ask_apic(struct board *b)
{
    const struct apic_message fixed = {.destination = 0, .vector = 0x40};
    u64 answer = apic_bus_hears(b->part[3], &fixed, true);

    for (unsigned i = 0; i < 2; i++) {
        const struct lapic *l = b->part[i];

        answer = answer * 4 + lapic_hears_lint0(l, true) + lapic_timer_may_interrupt(l, true);
        answer = answer * 256 + lapic_priority(l);
        answer = answer * 4 + lapic_enabled(l) * 2u + lapic_on(l);
    }
    for (int i = 0; i < IOAPIC_LINES; i++)
        answer ^= (u64)ioapic_hears(b->part[2], i, i & 1) << i;
    return answer ^ (u64)lapic_tpr(b->part[0]) << 40;
}
