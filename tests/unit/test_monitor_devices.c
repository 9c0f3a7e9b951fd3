/* SPDX-License-Identifier: MIT */
/* The monitor's views of interrupt controllers, address map and drives: of what a guest has programmed, as text and as
 * JSON; and that looking changes none of it. */
#include "devices/machine_state.h"
#include "frontend/monitor.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/json.h"

enum { CODE = 0x21000, RAM = 4 << 20, LAPIC = 0xfee00000, IOAPIC = 0xfec00000 };

struct rig {
    struct machine *machine;
    struct monitor monitor;
    struct reply reply;
    u8 code[4096];
    size_t size;
    u64 budget;
};

static struct rig rig;

static void open_with(const struct machine_config *config)
{
    char why[256] = "";

    memset(&rig, 0, sizeof(rig));
    rig.machine = machine_create(config, why, sizeof(why));
    ck_assert_msg(rig.machine, "%s", why);
    ck_assert(monitor_init(&rig.monitor, rig.machine));
    reply_init(&rig.reply, false);
}

static void open_rig(void) { open_with(&(struct machine_config){.ram_bytes = RAM}); }

static void close_rig(void)
{
    reply_free(&rig.reply);
    monitor_free(&rig.monitor);
    machine_destroy(rig.machine);
}

static const char *answer(const char *line)
{
    reply_free(&rig.reply);
    reply_init(&rig.reply, false);
    monitor_command(&rig.monitor, line, &rig.reply);
    return reply_text(&rig.reply);
}

static void says(const char *line, const char *part)
{
    const char *got = answer(line);

    ck_assert_msg(strstr(got, part), "%s\n--- said ---\n%s--- without ---\n%s", line, got, part);
    if (strstr(line, "--json"))
        ck_assert_msg(!json_error(got), "not JSON from '%.40s' on: %s", json_error(got), got);
}

/* ---- A guest that programs devices ---- */

static void emit(const void *bytes, size_t size)
{
    ck_assert_uint_le(rig.size + size, sizeof(rig.code));
    memcpy(rig.code + rig.size, bytes, size);
    rig.size += size;
}

/* mov dx, port; mov eax, value; out dx, al or ax or eax */
static void out(u16 port, u32 value, unsigned width)
{
    emit((const u8[]){0x66, 0xba, (u8)port, (u8)(port >> 8), 0xb8}, 5);
    emit(&value, 4);
    if (width == 2)
        emit((const u8[]){0x66}, 1);
    emit((const u8[]){width == 1 ? 0xee : 0xef}, 1);
}

/* mov dword [address], value */
static void store(u32 address, u32 value)
{
    emit((const u8[]){0xc7, 0x05}, 2);
    emit(&address, 4);
    emit(&value, 4);
}

static void configure(u8 function, u8 offset, u32 value, unsigned width)
{
    out(0xcf8, 0x80000000u | (u32)function << 8 | (offset & 0xfcu), 4);
    out((u16)(0xcfc + (offset & 3)), value, width);
}

static void go_on(u64 instructions)
{
    rig.budget += instructions;
    machine_run(rig.machine, (struct machine_limits){.max_instructions = rig.budget});
    ck_assert_uint_eq(cpu_icount(machine_cpu(rig.machine)), rig.budget);
}

/* In flat protected mode without paging, interrupts off; then it spins. */
static void run(void)
{
    struct cpu_state s;

    emit((const u8[]){0xeb, 0xfe}, 2);
    phys_copy_in(machine_phys(rig.machine), CODE, rig.code, rig.size);
    cpu_get_state(machine_cpu(rig.machine), &s);
    s.cr0 |= 1;
    s.rip = CODE;
    for (int i = 0; i < 6; i++)
        s.seg[i] =
            (struct cpu_segment){.selector = 8, .limit = 0xffffffff, .attributes = i == SEG_CS ? 0xc09b : 0xc093};
    cpu_set_state(machine_cpu(rig.machine), &s);
    go_on(2000);
    cpu_get_state(machine_cpu(rig.machine), &s);
    ck_assert_uint_eq(s.rip, CODE + rig.size - 2);
}

/* All that a guest can come to see of it, as it would be saved. */
static u64 machine_hash(struct machine *m)
{
    struct state_memory bytes = {0};
    struct state s = {.stream = state_memory_writer(&bytes)};
    u64 hash;

    machine_state(m, &s);
    ck_assert_msg(!s.failed, "%s", s.why);
    hash = state_hash(0, bytes.bytes, bytes.size);
    state_memory_free(&bytes);
    return hash;
}

/* ---- Interrupt controllers ---- */

START_TEST(pic)
{
    static const struct {
        u16 port;
        u8 value;
    } writes[] = {
        {0x20, 0x11}, {0x21, 0x30},  {0x21, 0x04}, {0x21, 0x01}, {0x21, 0xe9}, /* IR 1, 2 and 4 open */
        {0xa0, 0x11}, {0xa1, 0x38},  {0xa1, 0x02}, {0xa1, 0x03}, {0xa1, 0xbf}, /* automatic EOI; IR 6 open */
        {0xa0, 0x68}, {0x4d1, 0x0c},                                           /* special mask; 10 and 11 are levels */
    };

    for (size_t i = 0; i < sizeof(writes) / sizeof(writes[0]); i++)
        out(writes[i].port, writes[i].value, 1);
    run();
    wire_set(pic_input(machine_pic(rig.machine), 1), true);
    wire_set(pic_input(machine_pic(rig.machine), 4), true);
    ck_assert_int_eq(pic_acknowledge(machine_pic(rig.machine)), 0x31);
    wire_set(pic_input(machine_pic(rig.machine), 11), true);
    says("info pic", "chip    line  irr  isr  imr  elcr  vector  lowest  modes\n"
                     "master    12   10   02   e9    00      30       7\n"
                     "slave     08   08   00   bf    0c      38       7  auto-eoi special-mask\n");
    says("info pic --json",
         "{\"chip\":\"slave\",\"line\":\"0x8\",\"irr\":\"0x8\",\"isr\":\"0x0\",\"imr\":\"0xbf\",\"elcr\":\"0xc\","
         "\"vector\":\"0x38\",\"lowest\":7,\"modes\":[\"auto-eoi\",\"special-mask\"]}]}\n");
}
END_TEST

START_TEST(pic_being_initialised)
{
    out(0x20, 0x11, 1);
    run();
    says("info pic", "initialising\nslave ");
}
END_TEST

START_TEST(ioapic)
{
    store(IOAPIC, 0x00), store(IOAPIC + 0x10, 0x05000000);
    store(IOAPIC, 0x18), store(IOAPIC + 0x10, 0x1a951); /* pin 4: lowest, logical, active low, level, masked */
    store(IOAPIC, 0x19), store(IOAPIC + 0x10, 0x0f000000);
    store(IOAPIC, 0x2e), store(IOAPIC + 0x10, 0x460); /* pin 15: NMI, edge, not masked */
    run();
    says("info ioapic", "id=05  version=20\n"
                        "pin  line  vector  mode    to  addressed  trigger  active  masked  remote_irr\n");
    says("info ioapic", "\n  4  low       51  lowest  0f  logical    level    low     yes     no\n");
    says("info ioapic", "\n 15  low       60  NMI     00  physical   edge     high    no      no\n");
    says("info ioapic --json",
         "{\"pin\":4,\"line\":\"low\",\"vector\":\"0x51\",\"mode\":\"lowest\",\"to\":\"0xf\",\"addressed\":\"logical\","
         "\"trigger\":\"level\",\"active\":\"low\",\"masked\":true,\"remote_irr\":false}");
}
END_TEST

/* A level that the local APIC has taken and not ended: remote IRR, and its vector in IRR and TMR. */
START_TEST(level_in_progress)
{
    store(LAPIC + 0xf0, 0x1ff);
    store(IOAPIC, 0x1e), store(IOAPIC + 0x10, 0xa071); /* pin 7: physical 0, active low, which it is, level */
    run();
    says("info ioapic", "\n  7  low       71  fixed  00  physical   level    low     no      yes\n");
    says("info lapic", "irr [71]  isr []  tmr [71]\n");
}
END_TEST

static u64 current_count(void)
{
    const char *at = strstr(answer("info lapic"), "current=");

    ck_assert_ptr_nonnull(at);
    return strtoull(at + 8, NULL, 10);
}

START_TEST(lapic)
{
    u64 before;

    store(LAPIC + 0xf0, 0x1ff);
    store(LAPIC + 0x80, 0x20);
    store(LAPIC + 0xd0, 0x02000000);
    store(LAPIC + 0x3e0, 0xb); /* by 1 */
    store(LAPIC + 0x320, 0x20044);
    store(LAPIC + 0x360, 0x8a33); /* LINT1: SMI as it is written, level */
    store(LAPIC + 0x380, 1000000);
    run();
    before = current_count();
    ck_assert_uint_eq(current_count(), before);
    ck_assert_uint_lt(before, 1000000 - 1990 + 7);
    go_on(1234);
    ck_assert_uint_eq(current_count(), before - 1234);
    says("info lapic", "id=0x0  version=14  base=0xfee00000  mode=xAPIC  bsp=yes  enabled=yes\n"
                       "svr=0x1ff  tpr=20  ppr=20  ldr=02000000  dfr=ffffffff  icr=0000000000000000  esr=00\n"
                       "irr []  isr []  tmr []\n"
                       "timer:  mode=periodic  divisor=1  initial=1000000  current=");
    says("info lapic", "\ntimer            44  fixed  no      no\n");
    says("info lapic", "\nLINT1            33  SMI    no      no       level    high    low   no\n");
    says("info lapic --json", "\"timer\":{\"mode\":\"periodic\",\"divisor\":1,\"initial\":1000000,\"current\":");
    says("info lapic --json",
         "{\"entry\":\"timer\",\"vector\":\"0x44\",\"mode\":\"fixed\",\"masked\":false,\"pending\":false}");
    go_on(1000000);
    says("info lapic", "irr [44]  isr []  tmr []\n");
    says("info lapic --json", "\"irr\":[\"44\"],\"isr\":[],");
}
END_TEST

START_TEST(no_apic)
{
    close_rig();
    open_with(&(struct machine_config){.ram_bytes = RAM, .cpu_model = "486"});
    ck_assert_str_eq(answer("info lapic"), "info lapic: this processor model has no APIC\n");
    ck_assert_str_eq(answer("info ioapic"), "info ioapic: this processor model has no APIC\n");
    ck_assert_ptr_null(strstr(answer("info mtree"), "APIC"));
}
END_TEST

/* ---- The address map ---- */

START_TEST(map)
{
    static const u8 rom[0x10000];
    const u8 vga = 2 << 3;

    ck_assert(phys_add_rom(machine_phys(rig.machine), 0xffff0000, rom, sizeof(rom)));
    ck_assert(phys_add_rom(machine_phys(rig.machine), 0xf0000, rom, sizeof(rom)));
    configure(0, 0x59, 0x20, 1); /* F0000: reads ROM, writes RAM */
    configure(0, 0x5a, 0x33, 1); /* C0000-C7FFF: RAM */
    configure(0, 0x5b, 0x01, 1); /* C8000-CBFFF: reads RAM, writes PCI */
    configure(0, 0x72, 0x1a, 1);
    configure(vga, 0x10, 0xd0000000, 4);
    configure(vga, 0x04, 0x0002, 2);
    out(0x1ce, 1, 2), out(0x1cf, 640, 2);
    out(0x1ce, 2, 2), out(0x1cf, 480, 2);
    out(0x1ce, 3, 2), out(0x1cf, 32, 2);
    out(0x1ce, 4, 2), out(0x1cf, 0x41, 2);
    out(0x1ce, 6, 2), out(0x1cf, 1024, 2);
    out(0x1ce, 9, 2), out(0x1cf, 16, 2);
    out(0x3c2, 0x63, 1); /* memory at A0000, which the banks of this mode make plain */
    run();
    says("info mtree", "memory; what is not listed goes to the bus\n"
                       "           first              last    KiB  reads          writes\n"
                       "0000000000000000  000000000009ffff    640  RAM            RAM\n"
                       "00000000000a0000  00000000000affff     64  device memory  device memory\n"
                       "00000000000c0000  00000000000c7fff     32  RAM            RAM\n"
                       "00000000000c8000  00000000000cbfff     16  RAM            bus\n"
                       "00000000000f0000  00000000000fffff     64  ROM            RAM\n"
                       "0000000000100000  00000000003fffff   3072  RAM            RAM\n"
                       "00000000d0000000  00000000d0ffffff  16384  device memory  device memory\n"
                       "00000000ffff0000  00000000ffffffff     64  ROM            dropped\n"
                       "memory bus\n"
                       "           first              last  seen     device\n"
                       "00000000000a0000  00000000000bffff  in part  VGA window\n");
    says("info mtree",
         "\nPAM\nfirst   last  reads  writes\n"
         "c0000  c3fff  RAM    RAM\nc4000  c7fff  RAM    RAM\nc8000  cbfff  RAM    PCI\ncc000  cffff  PCI    PCI\n");
    says("info mtree", "\nf0000  fffff  PCI    RAM\n"
                       "smram=1a [D_LCK G_SMRAME]  opens nothing: there is no system management mode\n"
                       "vbe:  enabled=yes  linear=yes  width=640  height=480  depth=32  virtual_width=1024  x=0  y=16"
                       "  bank=0  framebuffer=0xd0000000\n");
    says("info mtree --json",
         "{\"memory\":[{\"first\":\"0x0\",\"last\":\"0x9ffff\",\"KiB\":640,\"reads\":\"RAM\",\"writes\":\"RAM\"},");
    says("info mtree --json",
         "],\"mmio\":[{\"first\":\"0xa0000\",\"last\":\"0xbffff\",\"seen\":\"in part\",\"device\":\"VGA window\"},");
    says("info mtree --json", "],\"ports\":[{\"first\":\"0x0\",\"last\":\"0xf\",\"device\":\"8237 channels 0-3\"},");
    says("info mtree --json",
         "{\"first\":\"0xf0000\",\"last\":\"0xfffff\",\"reads\":\"PCI\",\"writes\":\"RAM\"}],"
         "\"smram\":{\"register\":\"0x1a\",\"bits\":[\"D_LCK\",\"G_SMRAME\"]},\"vbe\":{\"enabled\":true,");
}
END_TEST

START_TEST(what_hides_a_device)
{
    static const u8 rom[4096];

    says("info mtree", "00000000fed00000  00000000fed003ff  yes   HPET\n");
    says("info mtree", "framebuffer=not decoded\n");
    says("info mtree --json", "\"framebuffer\":null}");
    ck_assert(phys_add_rom(machine_phys(rig.machine), 0xfed00000, rom, sizeof(rom)));
    says("info mtree", "00000000fed00000  00000000fed003ff  no    HPET\n");
}
END_TEST

START_TEST(no_display)
{
    close_rig();
    open_with(&(struct machine_config){.ram_bytes = RAM, .no_vga = true});
    says("info mtree --json", ",\"vbe\":null}");
    ck_assert_ptr_null(strstr(answer("info mtree"), "vbe"));
    ck_assert_ptr_null(strstr(answer("info mtree"), "VGA"));
}
END_TEST

/* ---- Drives ---- */

static struct block *image(char *path, size_t size, bool read_only, bool snapshot)
{
    struct block_config config = {.path = path, .read_only = read_only, .snapshot = snapshot, .raw = true};
    char why[256] = "";
    int fd = mkstemp(path);
    struct block *b;

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(ftruncate(fd, (off_t)size), 0);
    close(fd);
    b = block_open(&config, why, sizeof(why));
    ck_assert_msg(b, "%s", why);
    unlink(path);
    return b;
}

START_TEST(drives)
{
    static const u16 prevent[6] = {0x001e, 0, 0x0001};
    char disk[] = "/tmp/faultline-disk-XXXXXX", other[] = "/tmp/faultline-disk-XXXXXX",
         cd[] = "/tmp/faultline-cd-XXXXXX";
    struct block *block[3] = {image(disk, 1 << 20, false, true), image(other, 5000, true, false),
                              image(cd, 1 << 16, true, false)};
    struct bus *io;
    char expected[1024];

    ck_assert_str_eq(answer("info block"), "none\n");
    close_rig();
    open_with(&(struct machine_config){
        .ram_bytes = RAM,
        .drive = {{MACHINE_DISK, block[0]}, {MACHINE_DISK, block[1]}, {MACHINE_CDROM, block[2]}, {MACHINE_CDROM, NULL}},
        .floppy = {{.present = true}},
    });
    snprintf(expected, sizeof(expected),
             "drive     kind    medium  locked  image                         bytes  read_only  snapshot\n"
             "ide0-hd0  disk    in      no      %s  1048576  no         yes\n"
             "ide0-hd1  disk    in      no      %s     5000  yes        no\n"
             "ide1-cd0  CD      in      no      %s      65536  yes        no\n"
             "ide1-cd1  CD      none    no\n"
             "floppy0   floppy  none    no\n",
             disk, other, cd);
    ck_assert_str_eq(answer("info block"), expected);
    says("info block --json",
         "{\"drive\":\"ide1-cd1\",\"kind\":\"CD\",\"medium\":\"none\",\"locked\":false,\"image\":null}");
    configure(1 << 3 | 1, 0x04, 0x0001, 2);
    configure(1 << 3 | 1, 0x40, 0x80008000, 4); /* both channels are decoded */
    run();                                      /* spins, while the drive takes its time */
    io = machine_io(rig.machine);
    bus_write(io, 0x176, 0xa0, 1);
    bus_write(io, 0x177, 0xa0, 1); /* PACKET */
    go_on(10000000);
    ck_assert_uint_eq(bus_read(io, 0x376, 1) & 0x88, 0x08);
    for (int i = 0; i < 6; i++)
        bus_write(io, 0x170, prevent[i], 2); /* PREVENT ALLOW MEDIUM REMOVAL */
    go_on(10000000);
    says("info block", "\nide1-cd0  CD      in      yes     ");
    ck_assert_ptr_null(machine_change_medium(rig.machine, 3, NULL));
    ck_assert_str_eq(machine_change_medium(rig.machine, 2, NULL), "the guest has locked the drive");
    close_rig();
    open_rig();
    for (int i = 0; i < 3; i++)
        block_close(block[i]);
}
END_TEST

/* ---- Looking must not be seen by the guest ---- */

START_TEST(looking_changes_nothing)
{
    static const char *const commands[] = {"info pic", "info lapic", "info ioapic", "info mtree", "info block"};
    u64 before;

    store(LAPIC + 0xf0, 0x1ff);
    store(LAPIC + 0x320, 0x20044);
    store(LAPIC + 0x380, 1000);
    out(0x20, 0x0c, 1); /* poll: the next read acknowledges */
    run();
    before = machine_hash(rig.machine);
    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
        answer(commands[i]);
    ck_assert_uint_eq(machine_hash(rig.machine), before);
    go_on(1);
    ck_assert_uint_ne(machine_hash(rig.machine), before);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("monitor: devices");
    TCase *tc = tcase_create("info");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_checked_fixture(tc, open_rig, close_rig);
    tcase_add_test(tc, pic);
    tcase_add_test(tc, pic_being_initialised);
    tcase_add_test(tc, ioapic);
    tcase_add_test(tc, level_in_progress);
    tcase_add_test(tc, lapic);
    tcase_add_test(tc, no_apic);
    tcase_add_test(tc, map);
    tcase_add_test(tc, what_hides_a_device);
    tcase_add_test(tc, no_display);
    tcase_add_test(tc, drives);
    tcase_add_test(tc, looking_changes_nothing);
    suite_add_tcase(suite, tc);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
