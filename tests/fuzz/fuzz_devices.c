/* SPDX-License-Identifier: MIT */
/*
 * A whole machine whose ports and device memory are read and written at random, with steps of time between: a guest
 * that halts, or spins, with interrupts on. No crash, no value wider than it was asked for, no run past its budget.
 */
#include <stdio.h>
#include <stdlib.h>

#include "devices/machine.h"
#include "tests/fuzz/fuzz.h"

enum { GUEST = 0x7c00, SPIN = 0x7c10, HANDLER = 0x7c20, OPERATIONS = 400, LEAPS = 10000 };

/* Vectors of devices end the interrupt at both controllers; others too, it does no harm. */
static const u8 halting[] = {0xfb, 0xf4, 0xeb, 0xfd}; /* STI; HLT; JMP back to the HLT */
static const u8 spinning[] = {0xfb, 0xeb, 0xfe};      /* STI; JMP $ */
static const u8 handler[] = {0x50, 0xb0, 0x20, 0xe6, 0xa0, 0xe6, 0x20, 0x58, 0xcf};

static struct input *typed;
static struct machine *machine;
static unsigned leaps;

/* A halted guest may wait for an alarm tomorrow, with a timer that nobody hears ticking each microsecond until then. */
static void on_idle(void *ctx, u64 ns)
{
    (void)ctx, (void)ns;
    if (++leaps > LEAPS)
        machine_end_run(machine);
}

static void swallow(void *ctx, u8 byte) { (void)ctx, (void)byte; }

static void swallow_word(void *ctx, u32 value) { (void)ctx, (void)value; }

static int type(void *ctx)
{
    (void)ctx;
    return typed->left && *typed->at & 1 ? input_byte(typed) : -1;
}

static struct machine *make(void)
{
    struct uart_backend serial = {.put = swallow, .get = type};
    struct tell tell = {.fn = swallow_word};
    struct machine_config config = {.ram_bytes = 1 << 20,
                                    .debug_exit_port = 0xf4,
                                    .com = {true, true, true, true},
                                    .serial = {serial, serial, serial, serial},
                                    .debugcon = tell,
                                    .post = tell,
                                    .post190 = tell,
                                    .idle = on_idle};
    char why[200];
    struct machine *m = machine_create(&config, why, sizeof why);
    struct phys *phys;

    if (!m)
        fuzz_found("no machine: %s", why);
    phys = machine_phys(m);
    for (unsigned v = 0; v < 256; v++)
        phys_write(phys, 4 * v, HANDLER, 4);
    phys_copy_in(phys, GUEST, halting, sizeof halting);
    phys_copy_in(phys, SPIN, spinning, sizeof spinning);
    phys_copy_in(phys, HANDLER, handler, sizeof handler);
    return m;
}

static void step(struct machine *m, u16 at, u64 instructions)
{
    struct cpu_state s;
    u64 limit = cpu_icount(machine_cpu(m)) + instructions;
    struct machine_end end;

    cpu_get_state(machine_cpu(m), &s);
    for (unsigned i = 0; i < 6; i++)
        s.seg[i].base = s.seg[i].selector = 0;
    s.rip = at;
    s.gpr[REG_RSP] = 0x7000;
    cpu_set_state(machine_cpu(m), &s);
    end = machine_run(m, (struct machine_limits){.max_instructions = limit});
    if (end.icount > limit)
        fuzz_found("%llu instructions, of a budget of %llu", (unsigned long long)end.icount, (unsigned long long)limit);
    if (end.reason >= END_COUNT || end.exit_code < 0 || end.exit_code > 255)
        fuzz_found("an end without a name: %d, exit status %d", end.reason, end.exit_code);
}

static u16 port_of(struct input *in)
{
    static const u16 ports[] = {0x20,  0x21,  0xa0,  0xa1,  0x40,  0x41,  0x42,  0x43,  0x60,  0x61,  0x64,  0x70,
                                0x71,  0x80,  0x92,  0x190, 0x3f8, 0x3f9, 0x3fa, 0x3fb, 0x3fc, 0x3fd, 0x3fe, 0x3ff,
                                0x2f8, 0x2f9, 0x2fa, 0x3e9, 0x4d0, 0x4d1, 0xcf8, 0xcf9, 0xcfc, 0xe9,  0xf4,  0x402,
                                0xf0,  0x170, 0x1f0, 0x1f7, 0x376, 0x3f2, 0x3f5, 0x3d4, 0x3d5, 0x3c0, 0x510, 0x511};
    u8 which = input_byte(in);

    return which < sizeof ports / sizeof ports[0] ? ports[which] : (u16)(which & 128 ? input_take(in, 2) : which);
}

static u64 memory_of(struct input *in)
{
    static const u64 bases[] = {0xfee00000, 0xfec00000, 0xa0000, 0xb8000, 0xfed00000, 0xe0000000, 0xfffffff8, 0xf0000};
    u8 which = input_byte(in);

    return bases[which & 7] + (which & 8 ? input_take(in, 2) & 0xfff : input_byte(in) * 16ull);
}

static void check_width(u64 value, unsigned width)
{
    if (width < 8 && value >> 8 * width)
        fuzz_found("a read of %u bytes gave %llx", width, (unsigned long long)value);
}

static void operate(struct machine *m, struct input *in)
{
    u8 what = input_byte(in);
    unsigned width = 1u << (what >> 3 & 3);

    switch (what & 7) {
    case 0: check_width(bus_read(machine_io(m), port_of(in), width), width); break;
    case 1:
    case 2: {
        u16 port = port_of(in);
        bus_write(machine_io(m), port, input_take(in, what & 32 ? width : 1), width);
        break;
    }
    case 3: check_width(phys_read(machine_phys(m), memory_of(in), width), width); break;
    case 4: {
        u64 at = memory_of(in);
        phys_write(machine_phys(m), at, input_take(in, width), width);
        break;
    }
    case 5: step(m, GUEST, 1 + input_byte(in)); break;
    case 6: step(m, SPIN, 1 + input_take(in, 2)); break;
    default: machine_reset(m);
    }
}

int LLVMFuzzerTestOneInput(const u8 *bytes, size_t size)
{
    struct input in = {bytes, size};
    struct machine *m = make();

    typed = &in;
    machine = m;
    leaps = 0;
    for (unsigned i = 0; i < OPERATIONS && in.left; i++)
        operate(m, &in);
    machine_destroy(m);
    return 0;
}
