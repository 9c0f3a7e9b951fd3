/* SPDX-License-Identifier: MIT */
/* The machine's loop, on ROMs of a few instructions of real-mode code: every way a run ends, exact counts, leaps of
 * time while halted, interrupts, resets and serial input. */
#include "bios/boot.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROM_SIZE = 65536, CODE = 0x0000, HANDLER = 0x8000 };

/* Register preparation of the code: DX, then OUT. */
#define OUT_DX(port, value) 0xBA, (port)&0xFF, (port) >> 8, 0xB0, value, 0xEE
#define OUT8(port, value) 0xB0, value, 0xE6, port
#define NOP 0x90
#define CLI 0xFA
#define STI 0xFB
#define HLT 0xF4
#define IRET 0xCF
#define SPIN 0xEB, 0xFE
#define MOV_SP 0xBC, 0x00, 0x70
/* ICW1..4 of the master at vector 20h, with the mask. */
#define PIC(mask) OUT8(0x20, 0x11), OUT8(0x21, 0x20), OUT8(0x21, 0x04), OUT8(0x21, 0x01), OUT8(0x21, mask)

struct rig {
    struct machine *m;
    char path[64];
    struct boot_config boot;
    char said[64];
    unsigned said_count;
    const char *typed;
    bool end_on_bang;
};

static void rig_put(void *ctx, u8 byte)
{
    struct rig *r = ctx;

    r->said[r->said_count++ % sizeof(r->said)] = (char)byte;
    if (byte == '!' && r->end_on_bang)
        machine_end_run(r->m);
}

static void rig_tell(void *ctx, u32 value) { rig_put(ctx, (u8)value); }

static int rig_get(void *ctx)
{
    struct rig *r = ctx;

    return *r->typed ? (u8)*r->typed++ : -2;
}

/* A machine with a ROM: `code` at F000:0000, `handler` at F000:8000, and a jump to the code at the reset vector. */
static void rig_open(struct rig *r, const u8 *code, size_t size, const u8 *handler, size_t handler_size, bool no_reboot)
{
    static const u8 jump[] = {0xEA, 0x00, 0x00, 0x00, 0xF0};
    u8 *rom = calloc(1, ROM_SIZE);
    struct machine_config config = {.ram_bytes = 2 << 20, .debug_exit_port = 0xF4, .no_reboot = no_reboot};
    char why[256] = "";
    int fd;

    memset(r, 0, sizeof(*r));
    r->typed = "";
    strcpy(r->path, "/tmp/faultline-rom-XXXXXX");
    fd = mkstemp(r->path);
    ck_assert_int_ge(fd, 0);
    memcpy(rom + CODE, code, size);
    if (handler)
        memcpy(rom + HANDLER, handler, handler_size);
    memcpy(rom + 0xFFF0, jump, sizeof(jump));
    ck_assert_int_eq(write(fd, rom, ROM_SIZE), ROM_SIZE);
    close(fd);
    free(rom);
    config.serial[0] = (struct uart_backend){rig_put, rig_get, r};
    config.debugcon = config.post = (struct tell){rig_tell, r};
    r->m = machine_create(&config, why, sizeof(why));
    ck_assert_msg(r->m != NULL, "%s", why);
    r->boot = (struct boot_config){.rom = r->path};
    ck_assert_msg(boot_load(r->m, &r->boot, why, sizeof(why)), "%s", why);
    for (u64 vector = 0x20; vector < 0x30; vector++) /* the interrupt vectors of both PICs: F000:8000 */
        phys_write(machine_phys(r->m), vector * 4, 0xF0008000, 4);
}

static void rig_close(struct rig *r)
{
    machine_destroy(r->m);
    unlink(r->path);
}

static struct machine_end rig_run(struct rig *r, u64 limit)
{
    return machine_run(r->m, (struct machine_limits){.max_instructions = limit});
}

/* ---- Ways to end ---- */

/* clang-format off */
static const u8 code_dead[] = {CLI, HLT};
static const u8 code_masked[] = {MOV_SP, PIC(0xFF), OUT8(0x43, 0x36), OUT8(0x40, 0), OUT8(0x40, 0), STI, HLT};
static const u8 code_oneshot_over[] = {MOV_SP, PIC(0xFE), STI, HLT, HLT};
static const u8 code_exit[] = {OUT_DX(0xF4, 0x05), SPIN};
static const u8 code_shutdown[] = {
    OUT_DX(0x8900, 'S'), OUT_DX(0x8900, 'h'), OUT_DX(0x8900, 'u'), OUT_DX(0x8900, 't'), OUT_DX(0x8900, 'd'),
    OUT_DX(0x8900, 'o'), OUT_DX(0x8900, 'w'), OUT_DX(0x8900, 'n'), SPIN};
static const u8 code_spin[] = {SPIN};
static const u8 code_cf9[] = {OUT_DX(0xCF9, 0x02), OUT_DX(0xCF9, 0x06), SPIN};
static const u8 code_kbc[] = {OUT8(0x64, 0xFE), SPIN};
static const u8 code_port92[] = {OUT8(0x92, 0x03), SPIN};
/* LIDT of a limit of 0 in real mode, then INT3: the interrupt table is out of reach, and so is that of the faults. */
static const u8 code_triple[] = {0x2E, 0x0F, 0x01, 0x1E, 0x10, 0x00, 0xCC, SPIN, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};

static const struct {
    const char *name;
    const u8 *code;
    size_t size;
    u64 limit;
    enum machine_end_reason reason;
    int exit_code;
    u64 icount; /* 0: whatever */
} ends[] = {
    {"dead halt", code_dead, sizeof(code_dead), 0, END_DEAD_HALT, 118, 3},
    {"only masked timers", code_masked, sizeof(code_masked), 0, END_DEAD_HALT, 118, 0},
    {"nothing armed", code_oneshot_over, sizeof(code_oneshot_over), 0, END_DEAD_HALT, 118, 0},
    {"debug exit", code_exit, sizeof(code_exit), 0, END_DEBUG_EXIT, 11, 4},
    {"shutdown", code_shutdown, sizeof(code_shutdown), 0, END_SHUTDOWN, 0, 25},
    {"budget", code_spin, sizeof(code_spin), 12345, END_BUDGET, 124, 12345},
    {"a long budget", code_spin, sizeof(code_spin), 2500001, END_BUDGET, 124, 2500001},
    {"budget outranks the guest", code_exit, sizeof(code_exit), 4, END_BUDGET, 124, 4},
    {"budget one short", code_exit, sizeof(code_exit), 3, END_BUDGET, 124, 3},
    {"reset control", code_cf9, sizeof(code_cf9), 0, END_RESET, 0, 7},
    {"keyboard controller", code_kbc, sizeof(code_kbc), 0, END_RESET, 0, 3},
    {"port 92", code_port92, sizeof(code_port92), 0, END_RESET, 0, 3},
    {"triple fault", code_triple, sizeof(code_triple), 0, END_TRIPLE_FAULT, 122, 0},
};
/* clang-format on */

START_TEST(runs_end)
{
    struct rig r;
    struct machine_end end;

    rig_open(&r, ends[_i].code, ends[_i].size, NULL, 0, true);
    end = rig_run(&r, ends[_i].limit);
    ck_assert_msg(end.reason == ends[_i].reason, "%s: ended by %s", ends[_i].name, machine_end_text(end.reason));
    ck_assert_msg(end.exit_code == ends[_i].exit_code, "%s: exit %d", ends[_i].name, end.exit_code);
    if (ends[_i].icount)
        ck_assert_msg(end.icount == ends[_i].icount, "%s: %llu", ends[_i].name, (unsigned long long)end.icount);
    rig_close(&r);
}
END_TEST

START_TEST(budget_goes_on)
{
    struct rig r;
    struct machine_end end;

    rig_open(&r, code_exit, sizeof(code_exit), NULL, 0, true);
    for (u64 i = 1; i < 4; i++) {
        end = rig_run(&r, i);
        ck_assert_int_eq(end.reason, END_BUDGET);
        ck_assert_uint_eq(end.icount, i);
        ck_assert_uint_eq(end.ns, i);
    }
    end = rig_run(&r, 0);
    ck_assert_int_eq(end.reason, END_DEBUG_EXIT);
    ck_assert_uint_eq(end.value, 5);
    rig_close(&r);
}
END_TEST

START_TEST(stops_from_outside_and_inside)
{
    static const u8 code[] = {OUT8(0xE9, 'a'), OUT8(0xE9, '!'), OUT8(0xE9, 'b'), SPIN};
    struct rig r;
    struct machine_end end;

    rig_open(&r, code, sizeof(code), NULL, 0, true);
    r.end_on_bang = true;
    end = rig_run(&r, 0);
    ck_assert_int_eq(end.reason, END_REQUESTED);
    ck_assert_int_eq(end.exit_code, 0);
    ck_assert_uint_eq(end.icount, 5); /* the jump, two moves, two OUTs */
    ck_assert_uint_eq(r.said_count, 2);
    machine_request_stop(r.m);
    ck_assert_int_eq(rig_run(&r, 0).reason, END_INTERRUPTED);
    ck_assert_int_eq(rig_run(&r, 100).reason, END_BUDGET);
    ck_assert_uint_eq(r.said_count, 3);
    rig_close(&r);
}
END_TEST

/* ---- Time and interrupts ---- */

/* Ten ticks of channel 0 in mode 2 with 11932 pulses (10 ms), counted by the handler on port E9. The timer is set
 * before the PIC, for the control word's rise of the output is an edge too, and ICW1 forgets it. */
START_TEST(halting_leaps)
{
    static const u8 code[] = {MOV_SP,
                              OUT8(0x43, 0x34),
                              OUT8(0x40, 0x9C),
                              OUT8(0x40, 0x2E),
                              PIC(0xFE),
                              STI,
                              HLT,
                              HLT,
                              HLT,
                              HLT,
                              HLT,
                              HLT,
                              HLT,
                              HLT,
                              HLT,
                              HLT,
                              OUT_DX(0xF4, 0),
                              SPIN};
    static const u8 handler[] = {OUT8(0xE9, 't'), OUT8(0x20, 0x20), IRET};
    struct rig r;
    struct machine_end end;

    rig_open(&r, code, sizeof(code), handler, sizeof(handler), true);
    end = rig_run(&r, 0);
    ck_assert_int_eq(end.reason, END_DEBUG_EXIT);
    ck_assert_uint_eq(r.said_count, 10);
    ck_assert_uint_gt(end.ns, 100000000);
    ck_assert_uint_lt(end.ns, 100010000);
    ck_assert_uint_lt(end.icount, 120);
    rig_close(&r);
}
END_TEST

/* The tick falls at its exact nanosecond whether the processor runs or sleeps. */
START_TEST(running_is_interrupted_in_time)
{
    static const u8 code[] = {MOV_SP, OUT8(0x43, 0x34), OUT8(0x40, 0x9C), OUT8(0x40, 0x2E), PIC(0xFE), STI, SPIN};
    static const u8 handler[] = {OUT_DX(0xF4, 0)};
    struct rig r;
    struct machine_end end;

    rig_open(&r, code, sizeof(code), handler, sizeof(handler), true);
    end = rig_run(&r, 0);
    ck_assert_int_eq(end.reason, END_DEBUG_EXIT);
    /* Written before pulse 1, loaded at it, up again 11932 pulses later: ceil(11933 * 10^9 / 1193182) ns; then OUT. */
    ck_assert_uint_eq(end.icount, 10000989 + 3);
    rig_close(&r);
}
END_TEST

START_TEST(resets_boot_again)
{
    static const u8 code[] = {OUT8(0x80, 'r'), OUT8(0x64, 0xFE), SPIN};
    struct rig r;
    struct machine_end end;

    rig_open(&r, code, sizeof(code), NULL, 0, false);
    end = rig_run(&r, 50);
    ck_assert_int_eq(end.reason, END_BUDGET);
    ck_assert_uint_eq(r.said_count, 10); /* five instructions a round */
    rig_close(&r);
}
END_TEST

START_TEST(serial_input_wakes)
{
    static const u8 code[] = {MOV_SP, PIC(0xEF), OUT_DX(0x3FC, 0x0B), OUT_DX(0x3F9, 0x01), STI, HLT, HLT, HLT, HLT};
    static const u8 handler[] = {0xBA, 0xF8, 0x03, 0xEC, 0xE6, 0xE9, OUT8(0x20, 0x20), IRET};
    struct rig r;
    struct machine_end end;

    rig_open(&r, code, sizeof(code), handler, sizeof(handler), true);
    r.typed = "abc";
    end = rig_run(&r, 0);
    ck_assert_int_eq(end.reason, END_DEAD_HALT); /* the input has ended */
    ck_assert_str_eq(r.said, "abc");
    rig_close(&r);
}
END_TEST

/* Shadow RAM as the processor sees it, through its TLB: each setting of a segment, with reads, writes, and both. */
START_TEST(shadow_ram_follows_the_chipset)
{
#define SAY_IT 0xA0, 0x00, 0x00, 0xE6, 0xE9 /* mov al, [0]; out E9h, al */
#define PAM1(v) 0xB0, v, 0xEE
#define INC_IT 0xFE, 0x06, 0x00, 0x00
    static const u8 code[] = {0x66,
                              0xB8,
                              0x58,
                              0x00,
                              0x00,
                              0x80,
                              0xBA,
                              0xF8,
                              0x0C,
                              0x66,
                              0xEF,
                              0xBA,
                              0xFE,
                              0x0C,
                              PAM1(2),
                              0xB8,
                              0x00,
                              0xC0,
                              0x8E,
                              0xD8, /* DS: C0000 */
                              0xC6,
                              0x06,
                              0x00,
                              0x00,
                              0xAA, /* under what is read */
                              SAY_IT,
                              PAM1(1),
                              SAY_IT, /* FF, then AA */
                              0xC6,
                              0x06,
                              0x00,
                              0x00,
                              0xBB,
                              SAY_IT, /* read-only: AA */
                              INC_IT,
                              SAY_IT, /* AA */
                              PAM1(2),
                              INC_IT,
                              SAY_IT, /* FF + 1 to RAM: FF */
                              PAM1(3),
                              SAY_IT,
                              INC_IT,
                              SAY_IT, /* 00, 01 */
                              PAM1(0),
                              PAM1(3),
                              0xC6,
                              0x06,
                              0x00,
                              0x00,
                              0x42, /* written first: 42 */
                              SAY_IT,
                              OUT_DX(0xF4, 0),
                              SPIN};
    static const u8 said[] = {0xFF, 0xAA, 0xAA, 0xAA, 0xFF, 0x00, 0x01, 0x42};
    struct rig r;

    rig_open(&r, code, sizeof(code), NULL, 0, true);
    ck_assert_int_eq(rig_run(&r, 1000).reason, END_DEBUG_EXIT);
    ck_assert_uint_eq(r.said_count, sizeof(said));
    ck_assert_mem_eq(r.said, said, sizeof(said));
    rig_close(&r);
}
END_TEST

/* ---- x87 errors with CR0.NE = 0: "MS-DOS Compatibility Sub-mode" ---- */

/* clang-format off */
#define PIC2(mask) OUT8(0xA0, 0x11), OUT8(0xA1, 0x28), OUT8(0xA1, 0x02), OUT8(0xA1, 0x01), OUT8(0xA1, mask)
/* FNINIT; FLDCW [500h], with ZM = 0; 1 / 0 */
#define DIVIDE 0xDB, 0xE3, 0xB8, 0x7B, 0x03, 0xA3, 0x00, 0x05, 0xD9, 0x2E, 0x00, 0x05, 0xD9, 0xE8, 0xD9, 0xEE, 0xDE, 0xF9
#define FWAIT 0x9B
#define FNCLEX 0xDB, 0xE2
#define FLD1 0xD9, 0xE8
#define SAY(c) OUT8(0xE9, c)
#define EOI OUT8(0xA0, 0x20), OUT8(0x20, 0x20)
#define LEAVE_MACHINE OUT_DX(0xF4, 0), SPIN
/* Channel 0, some 10 ms. */
#define TIMER OUT8(0x43, 0x34), OUT8(0x40, 0x9C), OUT8(0x40, 0x2E)
enum { FPU_HANDLER = HANDLER + 0x100 };

/* What is said, and how it ends: the timer's handler is at HANDLER, that of IRQ 13 behind it. */
static const struct {
    const char *name;
    u8 code[160], timer[32], fpu[32];
    const char *said;
    enum machine_end_reason reason;
    u64 least_ns;
} errors[] = {
    {"IRQ 13 masked, IF = 0", {MOV_SP, PIC(0xFF), PIC2(0xFF), CLI, DIVIDE, SAY('a'), FWAIT, SAY('b')}, {0}, {0}, "a",
     END_DEAD_HALT, 0},
    {"IRQ 13 masked, IF = 1", {MOV_SP, PIC(0xFF), PIC2(0xFF), STI, DIVIDE, SAY('a'), FLD1, SAY('b')}, {0}, {0}, "a",
     END_DEAD_HALT, 0},
    {"IRQ 13 open, IF = 0, a timer that ticks", {TIMER, MOV_SP, PIC(0xFA), PIC2(0xDF), CLI, DIVIDE, SAY('a'), FWAIT},
     {0}, {0}, "a", END_DEAD_HALT, 0},
    {"an MMX instruction freezes, an SSE one does not",
     {MOV_SP, PIC(0xFF), PIC2(0xFF), CLI, 0x0F, 0x20, 0xE0, 0x0D, 0x00, 0x02, 0x0F, 0x22, 0xE0, DIVIDE, 0x0F, 0x57, 0xC0,
      SAY('a'), 0x0F, 0xEF, 0xC0, SAY('b')}, {0}, {0}, "a",
     END_DEAD_HALT, 0},
    {"IRQ 13 wakes; its handler clears both", {MOV_SP, PIC(0xFB), PIC2(0xDF), STI, DIVIDE, FWAIT, SAY('a'), DIVIDE, FWAIT,
     LEAVE_MACHINE}, {0}, {OUT8(0xF0, 0), FNCLEX, SAY('f'), EOI, IRET}, "faf", END_DEBUG_EXIT, 0},
    {"the latch holds: no second interrupt without a write to F0h", {MOV_SP, PIC(0xFB), PIC2(0xDF), STI, DIVIDE, FWAIT,
     SAY('a'), DIVIDE, FWAIT, LEAVE_MACHINE}, {0}, {FNCLEX, SAY('f'), EOI, IRET}, "fa", END_DEAD_HALT, 0},
    /* at the third tick the handler asserts IGNNE#, and the instruction goes on */
    {"IRQ 13 masked, the timer wakes", {TIMER, MOV_SP, PIC(0xFE), PIC2(0xFF), STI, DIVIDE, SAY('a'), FWAIT, SAY('b'), FLD1,
     SAY('c'), LEAVE_MACHINE}, {SAY('t'), 0xFE, 0x06, 0x10, 0x05, 0x80, 0x3E, 0x10, 0x05, 0x03, 0x75, 2, 0xE6, 0xF0,
     OUT8(0x20, 0x20), IRET}, {0}, "atttbc", END_DEBUG_EXIT, 30000000},
    {"IGNNE# goes when FERR# does", {MOV_SP, PIC(0xFF), PIC2(0xFF), CLI, DIVIDE, OUT8(0xF0, 0), FWAIT, FLD1, SAY('a'),
     FNCLEX, DIVIDE, SAY('b'), FLD1, SAY('c')}, {0}, {0}, "ab", END_DEAD_HALT, 0},
    {"F0h without FERR# asserts nothing", {MOV_SP, PIC(0xFF), PIC2(0xFF), CLI, OUT8(0xF0, 0), DIVIDE, SAY('a'), FWAIT},
     {0}, {0}, "a", END_DEAD_HALT, 0},
};
/* clang-format on */

START_TEST(x87_errors_freeze)
{
    struct rig r;
    struct machine_end end;
    u8 handlers[0x200] = {0};

    memcpy(handlers, errors[_i].timer, sizeof(errors[_i].timer));
    memcpy(handlers + (FPU_HANDLER - HANDLER), errors[_i].fpu, sizeof(errors[_i].fpu));
    rig_open(&r, errors[_i].code, sizeof(errors[_i].code), handlers, sizeof(handlers), true);
    phys_write(machine_phys(r.m), 0x2D * 4, 0xF0000000 | FPU_HANDLER, 4);
    end = rig_run(&r, 0);
    ck_assert_msg(end.reason == errors[_i].reason, "%s: ended by %s", errors[_i].name, machine_end_text(end.reason));
    ck_assert_msg(!strcmp(r.said, errors[_i].said), "%s: %s", errors[_i].name, r.said);
    ck_assert_uint_ge(end.ns, errors[_i].least_ns);
    ck_assert_uint_lt(end.icount, 200);
    rig_close(&r);
}
END_TEST

/* Frozen: what the pins do. NMI is delivered with the instruction's own address; INIT and RESET begin again. */
START_TEST(frozen_hears_its_pins)
{
    static const u8 code[] = {MOV_SP, CLI, DIVIDE, FWAIT, SPIN};
    enum { AT_FWAIT = sizeof(code) - 3, BEFORE = 1 + 2 + 7 };

    for (int pin = 0; pin < 4; pin++) {
        struct rig r;
        struct cpu *cpu;
        struct cpu_state s;

        rig_open(&r, code, sizeof(code), NULL, 0, true);
        phys_write(machine_phys(r.m), 2 * 4, 0xF0008000, 4);
        cpu = machine_cpu(r.m);
        for (int again = 0; again < 2; again++) {
            ck_assert_int_eq(cpu_run(cpu, 1000), CPU_STOP_HALTED);
            cpu_get_state(cpu, &s);
            ck_assert_uint_eq(s.rip, AT_FWAIT);
            ck_assert_uint_eq(cpu_icount(cpu), BEFORE);
            ck_assert(cpu_halted(cpu));
        }
        if (pin == 0)
            cpu_pulse_nmi(cpu);
        else if (pin == 1)
            cpu_pulse_init(cpu);
        else if (pin == 2)
            machine_reset(r.m);
        else
            cpu_set_ignne(cpu, true);
        cpu_run(cpu, pin == 1 ? 1000 : BEFORE + 1);
        cpu_get_state(cpu, &s);
        ck_assert(!cpu_halted(cpu));
        if (pin == 0)
            ck_assert_uint_eq(phys_read(machine_phys(r.m), 0x7000 - 6, 2), AT_FWAIT);
        else
            ck_assert_uint_eq(s.rip, pin == 1 ? 0xFFF0 : pin == 2 ? 0 : AT_FWAIT + 1);
        rig_close(&r);
    }
}
END_TEST

START_TEST(bad_configurations)
{
    static const struct machine_config bad[] = {
        {.ram_bytes = 0},
        {.ram_bytes = 4096},
        {.ram_bytes = (2 << 20) + 1},
        {.ram_bytes = 1ull << 40},
        {.ram_bytes = 2 << 20, .cpu_model = "bogus"},
        {.ram_bytes = 2 << 20, .debug_exit_port = 0x40},
    };

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        char why[256] = "";

        ck_assert_ptr_null(machine_create(&bad[i], why, sizeof(why)));
        ck_assert_str_ne(why, "");
        ck_assert_ptr_null(strchr(why, '\n'));
    }
}
END_TEST

START_TEST(cmos_describes_memory)
{
    struct machine_config config = {.ram_bytes = 4ull << 30};
    char why[256];
    struct machine *m = machine_create(&config, why, sizeof(why));

    ck_assert_ptr_nonnull(m);
    ck_assert_uint_eq(machine_low_ram(m), 3ull << 30);
    ck_assert_uint_eq(machine_high_ram(m), 1ull << 30);
    ck_assert_uint_eq(rtc_get_nvram(machine_rtc(m), 0x34) | rtc_get_nvram(machine_rtc(m), 0x35) << 8, (3072 - 16) * 16);
    ck_assert_uint_eq(rtc_get_nvram(machine_rtc(m), 0x5C), 0x40);
    ck_assert_ptr_nonnull(machine_com(m, 0));
    ck_assert_ptr_null(machine_com(m, 1));
    ck_assert_ptr_null(machine_com(m, -1));
    machine_destroy(m);
}
END_TEST

/* 3Dh: first and second drive, 38h: third, and bit 0: boot sectors of floppy disks need no 55 AA. */
START_TEST(cmos_describes_boot)
{
    static const struct {
        char order[4], once[4];
        bool any_floppy;
        u8 want_3d, want_38;
    } cases[] = {{"", "", false, 0x12, 0x30},
                 {"dca", "", false, 0x23, 0x10},
                 {"a", "", true, 0x01, 0x01},
                 {"a", "dc", false, 0x23, 0x00}};

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct machine_config config = {.ram_bytes = 2 << 20, .any_floppy_boots = cases[i].any_floppy};
        char why[256];
        struct machine *m;

        memcpy(config.boot_order, cases[i].order, sizeof(config.boot_order));
        memcpy(config.boot_once, cases[i].once, sizeof(config.boot_once));
        m = machine_create(&config, why, sizeof(why));
        ck_assert_ptr_nonnull(m);
        ck_assert_uint_eq(rtc_get_nvram(machine_rtc(m), 0x3D), cases[i].want_3d);
        ck_assert_uint_eq(rtc_get_nvram(machine_rtc(m), 0x38), cases[i].want_38);
        machine_destroy(m);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("machine");
    TCase *tc = tcase_create("runs");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_loop_test(tc, runs_end, 0, (int)(sizeof(ends) / sizeof(ends[0])));
    tcase_add_test(tc, budget_goes_on);
    tcase_add_test(tc, stops_from_outside_and_inside);
    tcase_add_test(tc, halting_leaps);
    tcase_add_test(tc, running_is_interrupted_in_time);
    tcase_add_test(tc, resets_boot_again);
    tcase_add_test(tc, serial_input_wakes);
    tcase_add_test(tc, shadow_ram_follows_the_chipset);
    tcase_add_loop_test(tc, x87_errors_freeze, 0, (int)(sizeof(errors) / sizeof(errors[0])));
    tcase_add_test(tc, frozen_hears_its_pins);
    tcase_add_test(tc, bad_configurations);
    tcase_add_test(tc, cmos_describes_memory);
    tcase_add_test(tc, cmos_describes_boot);
    tcase_set_timeout(tc, 30);
    suite_add_tcase(suite, tc);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
