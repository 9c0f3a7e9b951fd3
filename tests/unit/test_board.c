/* SPDX-License-Identifier: MIT */
/* HPET, ACPI fixed hardware, fw_cfg, pc-testdev, IMCR by register; what a machine makes of them and of its APICs; the
 * tables that tell of them. */
#include "bios/boot.h"
#include "tests/unit/device_bench.h"

#include <stdio.h>
#include <unistd.h>

/* ---- HPET ---- */

struct hpet_bench {
    struct bench b;
    struct hpet *h;
    unsigned rises[34];
    bool level[34], legacy;
};

static void hpet_drives(void *listener, int line, bool level)
{
    struct hpet_bench *b = listener;

    b->rises[line] += level && !b->level[line];
    b->level[line] = level;
}

static void hpet_takes(void *listener, int line, bool level)
{
    (void)line;
    ((struct hpet_bench *)listener)->legacy = level;
}

static void hpet_open(struct hpet_bench *b)
{
    memset(b, 0, sizeof(*b));
    bench_open(&b->b);
    b->h = hpet_create(b->b.clock, &(struct hpet_wires){hpet_drives, b, {hpet_takes, b, 0}});
    ck_assert_ptr_nonnull(b->h);
}

static void hpet_close(struct hpet_bench *b)
{
    hpet_destroy(b->h);
    ck_assert_uint_eq(clock_next(b->b.clock), CLOCK_NEVER);
    clock_destroy(b->b.clock);
}

static u64 hr(struct hpet_bench *b, u64 at) { return hpet_ops.read(b->h, at, 8); }
static void hw(struct hpet_bench *b, u64 at, u64 value) { hpet_ops.write(b->h, at, value, 8); }

START_TEST(hpet_counts)
{
    struct hpet_bench b;

    hpet_open(&b);
    ck_assert_uint_eq(hr(&b, 0x000), 0x009896808086A201);
    hw(&b, 0x000, 0);
    ck_assert_uint_eq(hpet_ops.read(b.h, 4, 4), 10000000);
    ck_assert_uint_eq(hr(&b, 0x100), 0x00FF010400000030);
    ck_assert_uint_eq(hr(&b, 0x120), 0x00FF010400000020);
    ck_assert_uint_eq(hr(&b, 0x108), UINT64_MAX);
    bench_run(&b.b, 1005);
    ck_assert_uint_eq(hr(&b, 0x0F0), 0); /* it stands */
    hw(&b, 0x0F0, 0xFFFFFFFFF);
    hw(&b, 0x010, 1);
    bench_run(&b.b, 2004);
    ck_assert_uint_eq(hr(&b, 0x0F0), 0xFFFFFFFFF + 99);
    bench_run(&b.b, 2005);
    ck_assert_uint_eq(hr(&b, 0x0F0), 0xFFFFFFFFF + 100);
    ck_assert_uint_eq(hpet_ops.read(b.h, 0xF4, 4), 0x10);
    hw(&b, 0x010, 0);
    bench_run(&b.b, 9000);
    ck_assert_uint_eq(hr(&b, 0x0F0), 0xFFFFFFFFF + 100);
    hw(&b, 0x108, 0x1122334455667788);
    hpet_ops.write(b.h, 0x10C, 0xAABBCCDD, 4);
    ck_assert_uint_eq(hr(&b, 0x108), 0xAABBCCDD55667788);
    hpet_close(&b);
}
END_TEST

START_TEST(hpet_one_shot)
{
    struct hpet_bench b;

    hpet_open(&b);
    hw(&b, 0x120, 0x4 | 20 << 9); /* line 20, edge */
    hw(&b, 0x128, 50);
    hw(&b, 0x140, 0x6 | 21 << 9); /* line 21, level */
    hw(&b, 0x148, 60);
    ck_assert(!hpet_may_interrupt(b.h, 20));
    hw(&b, 0x010, 1);
    ck_assert(hpet_may_interrupt(b.h, 20) && hpet_may_interrupt(b.h, 21) && !hpet_may_interrupt(b.h, 2));
    bench_run(&b.b, 499);
    ck_assert_uint_eq(b.rises[20], 0);
    bench_run(&b.b, 500);
    ck_assert_uint_eq(b.rises[20], 1);
    ck_assert(!b.level[20]);
    ck_assert_uint_eq(hr(&b, 0x020), 0); /* edges leave no status */
    bench_run(&b.b, 600);
    ck_assert(b.level[21]);
    ck_assert_uint_eq(hr(&b, 0x020), 4);
    bench_run(&b.b, 100000);
    ck_assert_uint_eq(b.rises[20] + b.rises[21], 2);
    hw(&b, 0x020, 4);
    ck_assert(!b.level[21]);
    hw(&b, 0x120, 0x4 | 19 << 9);
    ck_assert_uint_eq(hr(&b, 0x120) & 0x3E00, 19 << 9);
    hw(&b, 0x120, 0x4 | 3 << 9); /* a line it cannot drive */
    ck_assert_uint_eq(hr(&b, 0x120) & 0x3E00, 0);
    hpet_close(&b);
}
END_TEST

START_TEST(hpet_periodic)
{
    struct hpet_bench b;

    hpet_open(&b);
    hw(&b, 0x010, 3);
    ck_assert(b.legacy);
    hw(&b, 0x100, 0x4C); /* periodic, the next write sets the comparator */
    hw(&b, 0x108, 1000);
    hw(&b, 0x108, 500);
    bench_run(&b.b, 9999);
    ck_assert_uint_eq(b.rises[HPET_LINE_IRQ0], 0);
    bench_run(&b.b, 10000);
    ck_assert_uint_eq(b.rises[HPET_LINE_IRQ0], 1);
    ck_assert_uint_eq(hr(&b, 0x108), 1500);
    bench_run(&b.b, 30000);
    ck_assert_uint_eq(b.rises[HPET_LINE_IRQ0], 5);
    hw(&b, 0x100, 0); /* off: the others get their line back */
    hw(&b, 0x010, 1);
    ck_assert(!b.legacy);
    bench_run(&b.b, 90000);
    ck_assert_uint_eq(b.rises[HPET_LINE_IRQ0], 5);
    /* a period of one tick: an interrupt a microsecond is all that comes of it */
    hw(&b, 0x100, 0x4C);
    hw(&b, 0x108, 9001);
    hw(&b, 0x108, 1);
    bench_run(&b.b, 1090000);
    ck_assert_uint_ge(b.rises[0], 990);
    ck_assert_uint_le(b.rises[0], 1001);
    hpet_reset(b.h);
    ck_assert_uint_eq(hr(&b, 0x010), 0);
    ck_assert_uint_eq(clock_next(b.b.clock), CLOCK_NEVER);
    hpet_close(&b);
}
END_TEST

/* 32-bit comparators wrap at 32 bits. */
START_TEST(hpet_32_bits)
{
    struct hpet_bench b;

    hpet_open(&b);
    hw(&b, 0x0F0, 0xFFFFFFF0);
    hw(&b, 0x120, 0x104 | 20 << 9);
    hw(&b, 0x128, 0x4);
    hw(&b, 0x010, 1);
    bench_run(&b.b, 199);
    ck_assert_uint_eq(b.rises[20], 0);
    bench_run(&b.b, 200);
    ck_assert_uint_eq(b.rises[20], 1);
    hpet_close(&b);
}
END_TEST

/* ---- ACPI fixed hardware ---- */

static void slept(void *ctx, u32 type) { *(unsigned *)ctx = 100 + type; }

static u32 pr(struct acpi_pm *p, u64 at, unsigned width) { return (u32)acpi_pm_ops.read(p, at, width); }
static void pw(struct acpi_pm *p, u64 at, u32 value, unsigned width) { acpi_pm_ops.write(p, at, value, width); }

START_TEST(pm_registers)
{
    struct bench b;
    unsigned sleep = 0;
    struct acpi_pm *p;

    bench_open(&b);
    p = acpi_pm_create(b.clock, bench_wire(&b, 9), (struct tell){slept, &sleep});
    ck_assert_uint_eq(pr(p, 0, 4), 0);
    ck_assert_uint_eq(pr(p, 4, 2), 1); /* SCI_EN: ACPI mode */
    pw(p, 4, 0x1400, 2);
    ck_assert_uint_eq(pr(p, 4, 2), 0x1401);
    ck_assert_uint_eq(sleep, 0);
    pw(p, 4, 0x3400, 2);
    ck_assert_uint_eq(sleep, 105);
    ck_assert_uint_eq(pr(p, 4, 2) & 0x2000, 0); /* SLP_EN reads 0 */
    bench_run(&b, CLOCK_SECOND);
    ck_assert_uint_eq(pr(p, 8, 4), 3579545);
    ck_assert_uint_eq(pr(p, 8, 2), 3579545 & 0xFFFF);
    ck_assert_uint_eq(pr(p, 10, 2), 3579545 >> 16);
    pw(p, 8, 0, 4);
    ck_assert_uint_eq(pr(p, 8, 4), 3579545);
    bench_run(&b, 5 * CLOCK_SECOND);
    ck_assert_uint_eq(pr(p, 8, 4), 5 * 3579545 - (1 << 24)); /* 24 bits */
    acpi_pm_destroy(p);
    clock_destroy(b.clock);
}
END_TEST

/* Bit 23 changes every 2^23 ticks: the status, and the SCI if enabled, at that nanosecond. */
START_TEST(pm_timer_carry)
{
    const u64 first = ((1ull << 23) * CLOCK_SECOND + 3579544) / 3579545;
    struct bench b;
    struct acpi_pm *p;

    bench_open(&b);
    p = acpi_pm_create(b.clock, bench_wire(&b, 9), (struct tell){0});
    ck_assert(!acpi_pm_may_interrupt(p));
    pw(p, 2, 0x0001, 2);
    ck_assert(acpi_pm_may_interrupt(p));
    ck_assert_uint_eq(clock_next(b.clock), first);
    bench_run(&b, first - 1);
    ck_assert(!b.level[9]);
    bench_run(&b, first);
    ck_assert(b.level[9]);
    ck_assert_uint_eq(pr(p, 0, 4), 0x00010001);
    pw(p, 0, 0x0001, 2);
    ck_assert(!b.level[9]);
    ck_assert_uint_eq(pr(p, 0, 2), 0);
    pw(p, 2, 0, 2);
    b.now = 2 * first;
    ck_assert_uint_eq(pr(p, 0, 2), 1); /* without the clock */
    ck_assert(!b.level[9]);
    pw(p, 0, 0x00010001, 4); /* both halves: cleared, and enabled */
    ck_assert_uint_eq(pr(p, 0, 4), 0x00010000);
    acpi_pm_reset(p);
    ck_assert_uint_eq(pr(p, 0, 4), 0);
    acpi_pm_destroy(p);
    ck_assert_uint_eq(clock_next(b.clock), CLOCK_NEVER);
    clock_destroy(b.clock);
}
END_TEST

START_TEST(power_button)
{
    struct bench b;
    struct acpi_pm *p;

    bench_open(&b);
    p = acpi_pm_create(b.clock, bench_wire(&b, 9), (struct tell){0});
    acpi_pm_expect_button(p, true);
    ck_assert(!acpi_pm_may_interrupt(p)); /* nobody would hear it */
    acpi_pm_press_button(p);
    ck_assert_uint_eq(pr(p, 0, 2), 0x0100);
    ck_assert(!b.level[9]);
    pw(p, 2, 0x0100, 2); /* enabled: the press of before is heard */
    ck_assert(b.level[9]);
    ck_assert(acpi_pm_may_interrupt(p));
    pw(p, 0, 0x0001, 2);
    ck_assert(b.level[9]);
    pw(p, 0, 0x0100, 2); /* writing 1 clears */
    ck_assert(!b.level[9]);
    ck_assert_uint_eq(pr(p, 0, 4), 0x01000000);
    acpi_pm_press_button(p);
    ck_assert(b.level[9]);
    ck_assert_uint_eq(pr(p, 0, 2), 0x0100);
    acpi_pm_expect_button(p, false);
    ck_assert(!acpi_pm_may_interrupt(p));
    acpi_pm_reset(p);
    ck_assert(!b.level[9]);
    ck_assert_uint_eq(pr(p, 0, 4), 0);
    acpi_pm_destroy(p);
    clock_destroy(b.clock);
}
END_TEST

/* ---- fw_cfg ---- */

static u64 fw_number(struct fw_cfg *f, u16 key, unsigned width, bool big_endian)
{
    u64 value = 0;

    fw_cfg_ops.write(f, 0, key, 2);
    for (unsigned i = 0; i < width; i++) {
        u64 byte = fw_cfg_ops.read(f, 1, 1);

        value = big_endian ? value << 8 | byte : value | byte << (8 * i);
    }
    return value;
}

START_TEST(fw_cfg_items)
{
    struct fw_cfg *f = fw_cfg_create();
    char name[57] = "";

    ck_assert_uint_eq(fw_number(f, 0x00, 4, true), 0x51454D55); /* "QEMU" */
    ck_assert_uint_eq(fw_number(f, 0x01, 4, false), 1);
    ck_assert_uint_eq(fw_number(f, 0x03, 8, false), 0);
    ck_assert_uint_eq(fw_number(f, 0x7FFF, 4, false), 0);
    ck_assert_uint_eq(fw_number(f, 0x8003, 4, false), 0);
    ck_assert(fw_cfg_set_number(f, FW_CFG_RAM_SIZE, 0x123456789, 8));
    ck_assert_uint_eq(fw_number(f, 0x03, 8, false), 0x123456789);
    ck_assert_uint_eq(fw_cfg_ops.read(f, 1, 1), 0); /* past the end */
    ck_assert_uint_eq(fw_number(f, 0x19, 4, true), 0);
    ck_assert(fw_cfg_add_file(f, "etc/one", "abc", 3));
    ck_assert(fw_cfg_add_file(f, "opt/two", "defgh", 5));
    ck_assert_uint_eq(fw_number(f, 0x19, 4, true), 2);
    for (int i = 0; i < 64; i++)
        fw_cfg_ops.read(f, 1, 1);
    ck_assert_uint_eq(fw_cfg_ops.read(f, 1, 1) << 24 | fw_cfg_ops.read(f, 1, 1) << 16 | fw_cfg_ops.read(f, 1, 1) << 8 |
                          fw_cfg_ops.read(f, 1, 1),
                      5);
    ck_assert_uint_eq(fw_cfg_ops.read(f, 1, 1) << 8 | fw_cfg_ops.read(f, 1, 1), 0x21);
    fw_cfg_ops.read(f, 1, 1);
    fw_cfg_ops.read(f, 1, 1);
    for (int i = 0; i < 56; i++)
        name[i] = (char)fw_cfg_ops.read(f, 1, 1);
    ck_assert_str_eq(name, "opt/two");
    ck_assert_uint_eq(fw_number(f, 0x20, 3, true), 0x616263);
    ck_assert(!fw_cfg_add_file(f, "a name of fifty-six characters and more is one too long.....", "", 0));
    ck_assert_uint_eq(fw_cfg_ops.read(f, 0, 2), 0);
    fw_cfg_destroy(f);
}
END_TEST

/* ---- IMCR ---- */

START_TEST(imcr_switches)
{
    struct bench b;
    struct imcr *r;

    bench_open(&b);
    r = imcr_create(bench_wire(&b, 0));
    ck_assert_uint_eq(rd(&imcr_ops, r, 1), 0xFF); /* another register of the chip */
    wr(&imcr_ops, r, 1, 1);
    ck_assert(!b.level[0]);
    wr(&imcr_ops, r, 0, 0x70);
    wr(&imcr_ops, r, 1, 1);
    ck_assert(b.level[0]);
    ck_assert_uint_eq(rd(&imcr_ops, r, 0), 0x70);
    ck_assert_uint_eq(rd(&imcr_ops, r, 1), 1);
    imcr_reset(r);
    ck_assert(!b.level[0]);
    imcr_destroy(r);
    clock_destroy(b.clock);
}
END_TEST

/* ---- The machine ---- */

enum { CODE = 0x7C00, HANDLER = 0x7000 };

static struct machine *board_open(const char *model, bool testdev)
{
    struct machine_config config = {
        .ram_bytes = 4 << 20, .cpu_model = model, .testdev = testdev, .debug_exit_port = 0xF4, .no_reboot = true};
    char why[256] = "";
    struct machine *m = machine_create(&config, why, sizeof(why));

    ck_assert_msg(m != NULL, "%s", why);
    return m;
}

/* Real-mode code with segments of base 0; `data` reaches 4 GiB ("unreal mode"). */
static void board_code(struct machine *m, const u8 *code, size_t size)
{
    struct cpu_state s;

    ck_assert(phys_copy_in(machine_phys(m), CODE, code, size));
    cpu_get_state(machine_cpu(m), &s);
    for (int i = SEG_ES; i <= SEG_GS; i++) {
        s.seg[i].selector = 0;
        s.seg[i].base = 0;
        s.seg[i].limit = i == SEG_CS ? 0xFFFF : 0xFFFFFFFF;
    }
    s.rip = CODE;
    s.gpr[REG_RSP] = 0x6000;
    cpu_set_state(machine_cpu(m), &s);
}

static struct machine_end board_run(struct machine *m, u64 limit)
{
    return machine_run(m, (struct machine_limits){.max_instructions = limit});
}

#define MOV_EAX(v) 0x66, 0xB8, (v)&0xFF, (v) >> 8 & 0xFF, (v) >> 16 & 0xFF, (v) >> 24 & 0xFF
/* mov dword [a32 address], imm32 */
#define STORE(a, v)                                                                                                   \
    0x67, 0x66, 0xC7, 0x05, (a)&0xFF, (a) >> 8 & 0xFF, (a) >> 16 & 0xFF, (a) >> 24 & 0xFF, (v)&0xFF, (v) >> 8 & 0xFF, \
        (v) >> 16 & 0xFF, (v) >> 24 & 0xFF
#define OUTW(port, v) 0xBA, (port)&0xFF, (port) >> 8, 0xB8, (v)&0xFF, (v) >> 8, 0xEF
#define DEBUG_EXIT(v) 0xB0, v, 0xE6, 0xF4

START_TEST(sleep_ends_the_run)
{
    static const u8 code[] = {OUTW(MACHINE_PM_BASE + 4, 0x2400), OUTW(MACHINE_PM_BASE + 4, 0x2000), 0xEB, 0xFE};
    struct machine *m = board_open(NULL, false);
    struct machine_end end;

    machine_as_firmware_leaves_it(m); /* it places the ports */
    board_code(m, code, sizeof(code));
    end = board_run(m, 1000);
    ck_assert_int_eq(end.reason, END_SHUTDOWN);
    ck_assert_int_eq(end.exit_code, 0);
    ck_assert_uint_eq(end.icount, 6); /* type 1 is no state there is */
    machine_destroy(m);
}
END_TEST

/* The timer strikes at its nanosecond, running and halted. */
START_TEST(apic_timer_strikes_in_time)
{
    /* clang-format off */
    static const u8 run[] = {STORE(0xFEE000F0u, 0x1FF), STORE(0xFEE003E0u, 0xB), STORE(0xFEE00320u, 0x40),
                             STORE(0xFEE00380u, 12345), 0xFB, 0xEB, 0xFE};
    static const u8 halt[] = {STORE(0xFEE000F0u, 0x1FF), STORE(0xFEE003E0u, 0xB), STORE(0xFEE00320u, 0x40),
                              STORE(0xFEE00380u, 12345), 0xFB, 0xF4};
    static const u8 handler[] = {DEBUG_EXIT(3)};
    /* clang-format on */
    struct machine *m = board_open(NULL, false);
    struct machine_end end;

    phys_copy_in(machine_phys(m), HANDLER, handler, sizeof(handler));
    phys_write(machine_phys(m), 0x40 * 4, HANDLER, 4);
    board_code(m, _i ? halt : run, _i ? sizeof(halt) : sizeof(run));
    end = board_run(m, 1000000);
    ck_assert_int_eq(end.reason, END_DEBUG_EXIT);
    /* armed by the fourth instruction, at 3 ns; then MOV and OUT of the handler */
    ck_assert_uint_eq(end.ns, 3 + 12345 + 2);
    ck_assert_uint_eq(end.icount, _i ? 8 : 3 + 12345 + 2);
    machine_destroy(m);
}
END_TEST

/* HLT with nothing to wait for: a masked timer of one nanosecond must not keep the machine busy. */
START_TEST(hopeless_timers)
{
    /* clang-format off */
    static const u8 code[] = {STORE(0xFEE000F0u, 0x1FF), STORE(0xFEE003E0u, 0xB), STORE(0xFEE00080u, 0xF0),
                              STORE(0xFEE00320u, 0x20040), STORE(0xFEE00380u, 1), 0xFB, 0xF4};
    /* clang-format on */
    struct machine *m = board_open(NULL, false);

    board_code(m, code, sizeof(code));
    ck_assert_int_eq(board_run(m, 1000).reason, END_DEAD_HALT);
    machine_destroy(m);
}
END_TEST

/* A line of the test device: through the 8259, and through the I/O APIC. */
START_TEST(testdev_lines_and_latches)
{
    struct machine *m = board_open(NULL, true);
    struct bus *io = machine_io(m);
    struct phys *phys = machine_phys(m);

    bus_write(io, 0xE0, 0x11223344, 4);
    ck_assert_uint_eq(bus_read(io, 0xE0, 4), 0x11223344);
    bus_write(io, 0xE2, 0xAABB, 2);
    bus_write(io, 0xE1, 0xCC, 1);
    ck_assert_uint_eq(bus_read(io, 0xE0, 4), 0xAABBCC44);
    ck_assert_uint_eq(bus_read(io, 0xE8, 4), 0xAABBCC44);
    bus_write(io, 0xE8, 0x01020304, 4);
    ck_assert_uint_eq(bus_read(io, 0xE2, 2), 0x0102);
    bus_write(io, 0xE4, 0x1000, 4);
    phys_write(phys, 0xFEC00000, 0x10 + 2 * 5, 4);
    phys_write(phys, 0xFEC00010, 0x45, 4);
    phys_write(phys, 0xFEE000F0, 0x1FF, 4);
    bus_write(io, 0x20, 0x0A, 1); /* OCW3: read IRR */
    bus_write(io, 0x2005, 1, 1);
    ck_assert_uint_eq(bus_read(io, 0x20, 1), 0x20);
    ck_assert_uint_eq(phys_read(phys, 0xFEE00220, 4), 0x20); /* IRR 40h..5Fh */
    bus_write(io, 0x2005, 0, 1);
    ck_assert_uint_eq(bus_read(io, 0x20, 1), 0);
    for (unsigned width = 1; width <= 8; width *= 2) {
        u64 value = 0x1122334455667788 >> (64 - 8 * width);

        phys_write(phys, 0xFF00FFF8, value, width);
        ck_assert_uint_eq(phys_read(phys, 0xFF00FFF8, width), value);
    }
    ck_assert_uint_eq(phys_read(phys, 0xFF010000, 4), 0xFFFFFFFF);
    machine_destroy(m);
}
END_TEST

/* Code in the memory of a device. */
START_TEST(testdev_memory_executes)
{
    static const u8 code[] = {DEBUG_EXIT(7)};
    struct machine *m = board_open(NULL, true);
    struct cpu_state s;

    for (size_t i = 0; i < sizeof(code); i++)
        phys_write(machine_phys(m), 0xFF000010 + i, code[i], 1);
    board_code(m, code, sizeof(code));
    cpu_get_state(machine_cpu(m), &s);
    s.seg[SEG_CS].base = 0xFF000000;
    s.rip = 0x10;
    cpu_set_state(machine_cpu(m), &s);
    ck_assert_uint_eq(board_run(m, 10).value, 7);
    machine_destroy(m);
}
END_TEST

/* The register page moved over RAM hides it, decoded code and all; moved away, RAM is as it was. */
START_TEST(apic_page_over_ram)
{
    static const u8 code[] = {
        0x66,
        0xB9,
        0x1B,
        0,
        0,
        0, /* mov ecx, 1Bh */
        0x66,
        0x31,
        0xD2, /* xor edx, edx */
        0x66,
        0xA1,
        0x30,
        0x00, /* mov eax, [30h]: RAM */
        MOV_EAX(0x00100900),
        0x0F,
        0x30, /* wrmsr: the page at 1 MiB */
        0x67,
        0x66,
        0xA1,
        0x30,
        0x00,
        0x10,
        0x00, /* mov eax, [100030h] */
        0x66,
        0x89,
        0xC3, /* mov ebx, eax */
        MOV_EAX(0xFEE00900u),
        0x0F,
        0x30, /* wrmsr: and away */
        0x67,
        0x66,
        0xA1,
        0x30,
        0x00,
        0x10,
        0x00, /* mov eax, [100030h] */
        0x66,
        0x89,
        0xC6, /* mov esi, eax */
        DEBUG_EXIT(1),
    };
    struct machine *m = board_open(NULL, false);
    struct cpu_state s;

    phys_write(machine_phys(m), 0x100030, 0x12345678, 4);
    board_code(m, code, sizeof(code));
    ck_assert_int_eq(board_run(m, 100).reason, END_DEBUG_EXIT);
    cpu_get_state(machine_cpu(m), &s);
    ck_assert_uint_eq(s.gpr[REG_RBX], 0x01050014);
    ck_assert_uint_eq(s.gpr[REG_RSI], 0x12345678);
    machine_destroy(m);
}
END_TEST

/* A processor without a local APIC: no APICs, and the 8259s go straight to it. */
START_TEST(board_of_a_486)
{
    struct machine *m = board_open("486", false), *max = board_open(NULL, false);

    ck_assert(!machine_has_apic(m) && machine_has_apic(max));
    ck_assert_uint_eq(phys_read(machine_phys(m), 0xFEE00030, 4), 0xFFFFFFFF);
    ck_assert_uint_eq(phys_read(machine_phys(m), 0xFEC00000, 4), 0xFFFFFFFF);
    ck_assert_uint_eq(bus_read(machine_io(m), 0x22, 1), 0xFF);
    ck_assert_uint_eq(phys_read(machine_phys(max), 0xFEE00030, 4), 0x01050014);
    ck_assert(!cpu_has(machine_cpu(m), "apic") && !cpu_has(machine_cpu(m), "nonsense"));
    ck_assert(cpu_has(machine_cpu(max), "x2apic"));
    machine_destroy(m);
    machine_destroy(max);
}
END_TEST

/* INIT by an IPI to itself: the bootstrap processor begins anew at the reset vector, registers as after INIT. */
START_TEST(init_restarts)
{
    static const u8 code[] = {0x66,
                              0xBD,
                              1,
                              2,
                              3,
                              4, /* mov ebp */
                              STORE(0xFEE00310u, 0),
                              STORE(0xFEE00300u, 0x4500),
                              0xEB,
                              0xFE};
    struct machine *m = board_open(NULL, false);
    struct cpu_state s;

    board_code(m, code, sizeof(code));
    ck_assert_int_eq(board_run(m, 2).reason, END_BUDGET);
    cpu_get_state(machine_cpu(m), &s);
    ck_assert_uint_eq(s.gpr[REG_RBP], 0x04030201);
    board_run(m, 3);
    cpu_get_state(machine_cpu(m), &s);
    ck_assert_uint_eq(s.gpr[REG_RBP], 0);
    ck_assert_uint_eq(s.seg[SEG_CS].base, 0xFFFF0000);
    ck_assert_uint_eq(s.gpr[REG_RDX], 0xF0601);
    machine_destroy(m);
}
END_TEST

/* An application processor waits for its start-up message, deaf to all else. */
START_TEST(startup)
{
    static const u8 code[] = {0xB0, 0x5A, 0xF4}; /* mov al, 5Ah; hlt */
    struct phys *phys = phys_create(1 << 20);
    struct bus *io = bus_create(0xFF);
    struct cpu_state s;
    char why[256] = "";
    struct cpu *cpu = cpu_create(&(struct cpu_config){.phys = phys, .io = io, .application = true}, why, sizeof(why));

    ck_assert_msg(cpu != NULL, "%s", why);
    ck_assert(phys_copy_in(phys, 0x9000, code, sizeof(code)));
    ck_assert_int_eq(cpu_run(cpu, 10), CPU_STOP_HALTED);
    cpu_set_intr(cpu, true);
    cpu_pulse_nmi(cpu);
    ck_assert_int_eq(cpu_run(cpu, 10), CPU_STOP_HALTED);
    ck_assert_uint_eq(cpu_icount(cpu), 0);
    cpu_pulse_init(cpu);
    ck_assert_int_eq(cpu_run(cpu, 10), CPU_STOP_REQUESTED);
    ck_assert_int_eq(cpu_run(cpu, 10), CPU_STOP_HALTED);
    cpu_set_intr(cpu, false);
    cpu_startup(cpu, 0x09);
    cpu_startup(cpu, 0x0A); /* the second one is ignored */
    ck_assert_int_eq(cpu_run(cpu, 10), CPU_STOP_HALTED);
    ck_assert_uint_eq(cpu_icount(cpu), 2);
    cpu_get_state(cpu, &s);
    ck_assert_uint_eq(s.gpr[REG_RAX] & 0xFF, 0x5A);
    ck_assert_uint_eq(s.seg[SEG_CS].selector, 0x0900);
    ck_assert_uint_eq(s.seg[SEG_CS].base, 0x9000);
    cpu_pulse_init(cpu); /* and it waits again */
    ck_assert_int_eq(cpu_run(cpu, 10), CPU_STOP_REQUESTED);
    ck_assert_int_eq(cpu_run(cpu, 10), CPU_STOP_HALTED);
    cpu_get_state(cpu, &s);
    ck_assert_uint_eq(s.gpr[REG_RAX], 0);
    cpu_destroy(cpu);
    bus_destroy(io);
    phys_destroy(phys);
}
END_TEST

/* ---- Tables of a direct boot ---- */

static u8 sum_of(struct phys *phys, u64 at, u64 size)
{
    u8 sum = 0;

    for (u64 i = 0; i < size; i++)
        sum = (u8)(sum + phys_read(phys, at + i, 1));
    return sum;
}

static bool says(struct phys *phys, u64 at, const char *text)
{
    char found[9] = "";

    phys_copy_out(phys, at, found, strlen(text));
    return !strcmp(found, text);
}

static u64 search(struct phys *phys, const char *signature)
{
    for (u64 at = 0xE0000; at < 0x100000; at += 16)
        if (says(phys, at, signature))
            return at;
    return 0;
}

/* A Multiboot kernel of one HLT. */
static struct machine *board_boot(const char *model)
{
    static const u32 header[] = {0x1BADB002, 0x00010000, 0xE4514FFE, 0x100000, 0x100000,
                                 0x100024,   0x100024,   0x100020,   0xF4};
    static struct boot_config config;
    struct machine *m = board_open(model, false);
    char why[256] = "";

    config = (struct boot_config){.kernel = "kernel", .image = (const u8 *)header, .image_size = sizeof(header)};
    ck_assert_msg(boot_load(m, &config, why, sizeof(why)), "%s", why);
    return m;
}

START_TEST(acpi_tables)
{
    static const char *const with_apic[] = {"FACP", "HPET", "APIC"};
    struct machine *m = board_boot(_i ? "486" : NULL);
    struct phys *phys = machine_phys(m);
    u64 rsdp = search(phys, "RSD PTR "), rsdt, xsdt, fadt, dsdt;
    u32 tables = _i ? 2 : 3;

    ck_assert_uint_ne(rsdp, 0);
    ck_assert_uint_eq(sum_of(phys, rsdp, 20), 0);
    ck_assert_uint_eq(sum_of(phys, rsdp, 36), 0);
    rsdt = phys_read(phys, rsdp + 16, 4);
    xsdt = phys_read(phys, rsdp + 24, 8);
    ck_assert(says(phys, rsdt, "RSDT") && says(phys, xsdt, "XSDT"));
    ck_assert_uint_eq(phys_read(phys, rsdt + 4, 4), 36 + 4 * tables);
    ck_assert_uint_eq(sum_of(phys, rsdt, 36 + 4 * tables), 0);
    ck_assert_uint_eq(sum_of(phys, xsdt, 36 + 8 * tables), 0);
    for (u32 i = 0; i < tables; i++) {
        u64 at = phys_read(phys, rsdt + 36 + 4 * i, 4);

        ck_assert_uint_eq(phys_read(phys, xsdt + 36 + 8 * i, 8), at);
        ck_assert(says(phys, at, with_apic[i]));
        ck_assert_uint_eq(sum_of(phys, at, phys_read(phys, at + 4, 4)), 0);
    }
    fadt = phys_read(phys, rsdt + 36, 4);
    dsdt = phys_read(phys, fadt + 40, 4);
    ck_assert(says(phys, dsdt, "DSDT"));
    ck_assert_uint_eq(sum_of(phys, dsdt, phys_read(phys, dsdt + 4, 4)), 0);
    ck_assert(says(phys, dsdt + 37, "_S5_"));
    ck_assert(says(phys, phys_read(phys, fadt + 36, 4), "FACS"));
    ck_assert_uint_eq(phys_read(phys, fadt + 36, 4) % 64, 0);
    ck_assert_uint_eq(phys_read(phys, fadt + 76, 4), MACHINE_PM_BASE + 8);
    /* PWR_BUTTON clear: fixed hardware has the button; SLP_BUTTON set: there is none. */
    ck_assert_uint_eq(phys_read(phys, fadt + 112, 4) & 0x30, 0x20);
    ck_assert_int_eq(search(phys, "_MP_") == 0, _i);
    machine_destroy(m);
}
END_TEST

START_TEST(mp_table)
{
    struct machine *m = board_boot(NULL);
    struct phys *phys = machine_phys(m);
    u64 floating = search(phys, "_MP_"), table, at;
    unsigned counts[5] = {0};

    ck_assert_uint_eq(sum_of(phys, floating, 16), 0);
    table = phys_read(phys, floating + 4, 4);
    ck_assert(says(phys, table, "PCMP"));
    ck_assert_uint_eq(sum_of(phys, table, phys_read(phys, table + 4, 2)), 0);
    at = table + 44;
    for (u64 i = 0; i < phys_read(phys, table + 34, 2); i++) {
        u64 type = phys_read(phys, at, 1);

        ck_assert_uint_lt(type, 5);
        counts[type]++;
        if (type == 3 && phys_read(phys, at + 1, 1) == 0)
            ck_assert_uint_eq(phys_read(phys, at + 7, 1), phys_read(phys, at + 5, 1) ? phys_read(phys, at + 5, 1) : 2);
        at += type ? 8 : 20;
    }
    ck_assert_uint_eq(at, table + phys_read(phys, table + 4, 2));
    ck_assert(counts[0] == 1 && counts[1] == 1 && counts[2] == 1 && counts[3] == 16 && counts[4] == 2);
    machine_destroy(m);
}
END_TEST

/* As firmware leaves things: real-mode programs are woken by IRQ 0, whose handler counts; APICs in virtual wire mode.
 */
START_TEST(firmware_environment)
{
    static const u8 code[] = {0xFB, 0xF4, 0xF4, 0xCD, 0x55, 0xFA, DEBUG_EXIT(1)};
    struct machine *m = board_boot(_i ? "486" : NULL);
    struct phys *phys = machine_phys(m);
    struct machine_end end;
    struct cpu_state s;

    cpu_get_state(machine_cpu(m), &s);
    s.cr0 = 0x10;
    s.idt_limit = 0x3FF;
    cpu_set_state(machine_cpu(m), &s);
    for (int i = SEG_ES; i <= SEG_GS; i++)
        s.seg[i].attributes = 0x93;
    cpu_set_state(machine_cpu(m), &s);
    board_code(m, code, sizeof(code));
    end = board_run(m, 1000);
    ck_assert_int_eq(end.reason, END_DEBUG_EXIT);
    ck_assert_uint_eq(phys_read(phys, 0x46C, 4), 2);
    ck_assert_uint_gt(end.ns, 54900000);
    ck_assert_uint_lt(end.ns, 110000000);
    ck_assert_uint_eq(phys_read(phys, 0x413, 2), 639);
    ck_assert_uint_eq(phys_read(phys, 0x400, 2), 0x3F8);
    if (!_i) {
        ck_assert_uint_eq(phys_read(phys, 0xFEE00350, 4), 0x700);
        ck_assert_uint_eq(phys_read(phys, 0xFEE000F0, 4), 0x1FF);
    }
    machine_destroy(m);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("board");
    TCase *tc = tcase_create("devices");

    tcase_add_test(tc, hpet_counts);
    tcase_add_test(tc, hpet_one_shot);
    tcase_add_test(tc, hpet_periodic);
    tcase_add_test(tc, hpet_32_bits);
    tcase_add_test(tc, pm_registers);
    tcase_add_test(tc, pm_timer_carry);
    tcase_add_test(tc, power_button);
    tcase_add_test(tc, fw_cfg_items);
    tcase_add_test(tc, imcr_switches);
    tcase_add_test(tc, sleep_ends_the_run);
    tcase_add_loop_test(tc, apic_timer_strikes_in_time, 0, 2);
    tcase_add_test(tc, hopeless_timers);
    tcase_add_test(tc, testdev_lines_and_latches);
    tcase_add_test(tc, testdev_memory_executes);
    tcase_add_test(tc, apic_page_over_ram);
    tcase_add_test(tc, board_of_a_486);
    tcase_add_test(tc, init_restarts);
    tcase_add_test(tc, startup);
    tcase_add_loop_test(tc, acpi_tables, 0, 2);
    tcase_add_test(tc, mp_table);
    tcase_add_loop_test(tc, firmware_environment, 0, 2);
    return bench_finish(suite, tc);
}
