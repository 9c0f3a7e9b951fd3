/* SPDX-License-Identifier: MIT */
/* The monitor's commands: exact answers over machines whose tables are known, each refusal in one line, and every
 * answer as JSON. */
#include "frontend/monitor.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/json.h"

enum { ROOT = 0x10000, TABLES = 0x11000, PAGE = 0x20000, CODE = 0x21000 };

#define PG BIT(31)
#define WP BIT(16)
#define PE BIT(0)

struct rig {
    struct machine *machine;
    struct monitor monitor;
    struct reply reply;
};

static struct rig rig;

static void say(const char *line)
{
    reply_free(&rig.reply);
    reply_init(&rig.reply, false);
    monitor_command(&rig.monitor, line, &rig.reply);
}

static const char *answer(const char *line)
{
    say(line);
    return reply_text(&rig.reply);
}

static void poke(u64 pa, u64 value, unsigned width) { phys_write(machine_phys(rig.machine), pa, value, width); }

static void open_rig(void)
{
    struct machine_config config = {.ram_bytes = 4 << 20};
    char why[256] = "";

    rig.machine = machine_create(&config, why, sizeof(why));
    ck_assert_msg(rig.machine, "%s", why);
    ck_assert(monitor_init(&rig.monitor, rig.machine));
    reply_init(&rig.reply, false);
}

static void close_rig(void)
{
    reply_free(&rig.reply);
    monitor_free(&rig.monitor);
    machine_destroy(rig.machine);
}

static struct cpu_segment flat(u16 selector, u16 attributes)
{
    return (struct cpu_segment){.selector = selector, .limit = 0xffffffff, .attributes = attributes};
}

/* Protected mode at CODE, with these control registers. */
static void enter(u64 cr0, u64 cr3, u64 cr4, u64 efer)
{
    struct cpu_state s;

    cpu_get_state(machine_cpu(rig.machine), &s);
    s.cr0 = cr0 | PE;
    s.cr3 = cr3;
    s.cr4 = cr4;
    s.efer = efer;
    s.rip = CODE;
    s.gpr[REG_RSP] = PAGE + 0x100;
    s.gpr[REG_RAX] = 0x1122334455667788;
    s.seg[SEG_CS] = flat(0x08, efer & BIT(10) ? 0xa09b : 0xc09b);
    for (int i = 0; i < 6; i++)
        if (i != SEG_CS)
            s.seg[i] = flat(0x10, 0xc093);
    cpu_set_state(machine_cpu(rig.machine), &s);
}

/* ---- Walks ---- */

static void expect(const char *line, const char *text)
{
    const char *got = answer(line);

    ck_assert_msg(!strcmp(got, text), "%s\n--- said ---\n%s--- not ---\n%s", line, got, text);
}

START_TEST(walk_32_bit)
{
    poke(ROOT + 0, TABLES | 0x27, 4);
    poke(ROOT + 4, 0x000000e7, 4); /* a 4 MiB page */
    poke(TABLES + 4 * 0x20, PAGE | 0x61, 4);
    poke(TABLES + 4 * 0x21, CODE | 0x25, 4);
    enter(PG | WP, ROOT, BIT(4), 0);
    expect("walk 0x20abc", "address=00020abc  paging=32-bit  cr3=00010000 [WP PSE]\n"
                           "level        at     entry  bits\n"
                           "PDE    00010000  00011027  P W U A\n"
                           "PTE    00011080  00020061  P ro sup A D\n"
                           "physical=0000020abc  page=4K [R X S]  key=0\n"
                           "who         access   verdict  error  cause            entry  bit\n"
                           "user        read     #PF      0x5    supervisor-page  PTE    U/S\n"
                           "user        write    #PF      0x7    supervisor-page  PTE    U/S\n"
                           "user        execute  #PF      0x5    supervisor-page  PTE    U/S\n"
                           "supervisor  read     allowed\n"
                           "supervisor  write    #PF      0x3    write-protected  PTE    R/W\n"
                           "supervisor  execute  allowed\n");
    expect("walk 0x400123", "address=00400123  paging=32-bit  cr3=00010000 [WP PSE]\n"
                            "level        at     entry  bits\n"
                            "PDE    00010004  000000e7  P W U A D PS\n"
                            "physical=0000000123  page=4M [R W X U]  key=0\n"
                            "who         access   verdict\n"
                            "user        read     allowed\n"
                            "user        write    allowed\n"
                            "user        execute  allowed\n"
                            "supervisor  read     allowed\n"
                            "supervisor  write    allowed\n"
                            "supervisor  execute  allowed\n");
    expect("walk 0xfffff000", "address=fffff000  paging=32-bit  cr3=00010000 [WP PSE]\n"
                              "level        at     entry  bits\n"
                              "PDE    00010ffc  00000000  not-present\n"
                              "who         access   verdict  error  cause        entry  bit\n"
                              "user        read     #PF      0x4    not-present  PDE    P\n"
                              "user        write    #PF      0x6    not-present  PDE    P\n"
                              "user        execute  #PF      0x4    not-present  PDE    P\n"
                              "supervisor  read     #PF      0x0    not-present  PDE    P\n"
                              "supervisor  write    #PF      0x2    not-present  PDE    P\n"
                              "supervisor  execute  #PF      0x0    not-present  PDE    P\n");
}
END_TEST

/* SMAP, SMEP, a protection key, XD and G, in long mode; and a reserved bit. */
static void make_long_mode(void)
{
    poke(ROOT, TABLES | 0x27, 8);
    poke(TABLES, (TABLES + 0x1000) | 0x27, 8);
    poke(TABLES + 0x1000, (TABLES + 0x2000) | 0x27, 8);
    poke(TABLES + 0x1008, 0xe7 | BIT(63) | BIT(13), 8); /* 2 MiB, a reserved bit */
    poke(TABLES + 0x2000 + 8 * 0x20, PAGE | 0x167 | BIT(63) | 5ull << 59, 8);
    poke(TABLES + 0x2000 + 8 * 0x21, CODE | 0x21, 8);
    enter(PG | WP, ROOT, BIT(5) | BIT(20) | BIT(21) | BIT(22), BIT(8) | BIT(10) | BIT(11));
}

START_TEST(walk_long_mode)
{
    make_long_mode();
    expect("walk 0x20008",
           "address=0000000000020008  paging=4-level  cr3=0000000000010000 [WP SMEP SMAP PKE NXE]  pkru=00000000\n"
           "level                at             entry  bits\n"
           "PML4E  0000000000010000  0000000000011027  P W U A\n"
           "PDPTE  0000000000011000  0000000000012027  P W U A\n"
           "PDE    0000000000012000  0000000000013027  P W U A\n"
           "PTE    0000000000013100  a800000000020167  P W U A D G key5 XD\n"
           "physical=0000000000020008  page=4K [R W U G]  key=5\n"
           "who               access   verdict  error  cause       entry  bit\n"
           "user              read     allowed\n"
           "user              write    allowed\n"
           "user              execute  #PF      0x15   no-execute  PTE    XD\n"
           "supervisor        read     #PF      0x1    smap        PTE    U/S\n"
           "supervisor        write    #PF      0x3    smap        PTE    U/S\n"
           "supervisor        execute  #PF      0x11   no-execute  PTE    XD\n"
           "supervisor, AC=1  read     allowed\n"
           "supervisor, AC=1  write    allowed\n");
    ck_assert_ptr_nonnull(strstr(answer("walk 0x200000"), "reserved-bit  PDE    13\n"));
    expect("walk 0x800000000000",
           "0x800000000000: not canonical: an access is #GP(0), or #SS(0) by SS, and nothing is walked\n");
}
END_TEST

START_TEST(lint)
{
    expect("lint", "none\n"); /* no paging, no tables */
    poke(ROOT + 0, TABLES | 0x23, 4);
    poke(TABLES + 4 * 0x21, CODE | 0x21, 4);
    poke(TABLES + 4 * 0x30, TABLES | 0x63, 4);
    poke(ROOT + 4 * 1023, ROOT | 0x23, 4); /* the recursive slot */
    enter(PG | WP, ROOT, 0, 0);
    expect("lint", "none\n");
    poke(TABLES + 4 * 0x41, TABLES | 0x63, 4);
    expect("lint", "finding\n"
                   "a second way to write a page that is used as a table, now: "
                   "0000000000041000-0000000000041fff     4K  4K  -rwx- -> 0x11000\n");
    poke(TABLES + 4 * 0x41, TABLES | 0x61, 4); /* it may be read twice */
    expect("lint", "none\n");
}
END_TEST

START_TEST(walk_without_paging)
{
    enter(0, 0, 0, 0);
    expect("walk 0x1234", "address=00001234  paging=off  cr3=00000000 []\n"
                          "physical=0000000000001234  page=4K [R W X U]  key=0\n");
    expect("walk 0x100000000", "0x100000000: linear addresses end at 4 GiB outside of long mode\n");
}
END_TEST

/* ---- Memory ---- */

START_TEST(difference)
{
    char line[64];

    expect("ptdiff", "ptdiff: nothing is kept; ptkeep keeps the address space of now\n");
    expect("ptkeep", "kept=kept  instructions=0  cr3=00000000  ranges=1\n");
    make_long_mode();
    expect("ptkeep paged", "kept=paged  instructions=0  cr3=0000000000010000  ranges=3\n");
    expect("ptdiff", "from  name=paged  instructions=0  cr3=0000000000010000\n"
                     "to    name=now  instructions=0  cr3=0000000000010000\n"
                     "none\n");
    poke(TABLES + 0x2000 + 8 * 0x20, PAGE | 0x165 | BIT(63) | 5ull << 59, 8); /* read-only */
    poke(TABLES + 0x2000 + 8 * 0x21, (CODE + 0x1000) | 0x21, 8);              /* another frame */
    poke(TABLES + 0x2000 + 8 * 0x30, PAGE | 0x21, 8);                         /* mapped */
    poke(TABLES + 0x1008, 0, 8);                                              /* unmapped */
    expect("ptdiff", "from  name=paged  instructions=0  cr3=0000000000010000\n"
                     "to    name=now  instructions=0  cr3=0000000000010000\n"
                     "change             first              last   KiB  page  rights         key    frame\n"
                     "<       0000000000020000  0000000000020fff     4    4K  R W - U G        5  0x20000\n"
                     ">       0000000000020000  0000000000020fff     4    4K  R - - U G        5  0x20000\n"
                     "<       0000000000021000  0000000000021fff     4    4K  R - X S -        0  0x21000\n"
                     ">       0000000000021000  0000000000021fff     4    4K  R - X S -        0  0x22000\n"
                     "+       0000000000030000  0000000000030fff     4    4K  R - X S -        0  0x20000\n"
                     "-       0000000000200000  00000000003fffff  2048    2M  reserved bits\n");
    expect("ptkeep later", "kept=later  instructions=0  cr3=0000000000010000  ranges=3\n");
    ck_assert_ptr_nonnull(strstr(answer("ptdiff later paged"), "\n-       0000000000030000 "));
    ck_assert_ptr_nonnull(
        strstr(answer("ptdiff kept paged --json"), "\"changes\":[{\"change\":\"-\",\"first\":\"0x0\""));
    expect("ptdiff nobody", "ptdiff: nothing is kept as 'nobody'; ptkeep NAME keeps the address space of now\n");
    expect("ptdiff later nobody", "ptdiff: nothing is kept as 'nobody'; ptkeep NAME keeps the address space of now\n");
    expect("ptdiff later paged kept", "ptdiff: two names at most\n");
    expect("ptkeep two words", "ptkeep: a name is one word of at most 31 characters\n");
    expect("ptkeep 01234567890123456789012345678901", "ptkeep: a name is one word of at most 31 characters\n");
    for (int i = 3; i < 8; i++) {
        snprintf(line, sizeof(line), "ptkeep moment%d", i);
        say(line);
    }
    expect("ptkeep ninth", "ptkeep: 8 address spaces are kept already: take one of their names again\n");
    expect("ptkeep later", "kept=later  instructions=0  cr3=0000000000010000  ranges=3\n");
}
END_TEST

START_TEST(examine)
{
    static const char text[] = "Faultline\x01";

    make_long_mode();
    phys_copy_in(machine_phys(rig.machine), PAGE, text, sizeof(text));
    poke(PAGE + 0x100, 0xfedcba9876543210, 8);
    expect("x/2gx 0x200f8", "00000000000200f8:  0x0000000000000000  0xfedcba9876543210\n");
    expect("x/gd rsp", "0000000000020100:  -81985529216486896\n");
    expect("x/2bx 0x20fff", "0000000000020fff:  0x00  0x00\n");
    expect("x/4bc 0x20000", "0000000000020000:     'F'     'a'     'u'     'l'\n");
    expect("x/s 0x20000", "0000000000020000:  \"Faultline\\x01\"\n");
    expect("xp/wx 0x20000", "000000020000:  0x6c756146\n");
    expect("xp/2hx", "000000020004:  0x6c74  0x6e69\n");
    expect("x/bt 0x20000", "0000000000020000:  01000110\n");
    expect("x/wo 0x20000", "0000000000020000:  015435260506\n");
    expect("x/w 0x1ffffe", "00000000001ffffe:  cannot be read\n");
    expect("x/2wx 0x400000", "0000000000400000:  cannot be read\n");
    expect("xp/1bx 0xf0000000000000", "f0000000000000:  cannot be read\n");
}
END_TEST

START_TEST(disassembly)
{
    static const u8 code[] = {0x48, 0x89, 0xd8, 0x90, 0x0f, 0xff};

    make_long_mode();
    phys_copy_in(machine_phys(rig.machine), CODE, code, sizeof(code));
    expect("disas rip 2", "             address  bytes   insn\n"
                          "=>  0000000000021000  4889d8  mov rax, rbx\n"
                          "    0000000000021003  90      nop\n");
    expect("x/i 0x21003", "         address  bytes  insn\n0000000000021003  90     nop\n");
    ck_assert_ptr_nonnull(strstr(answer("disas 0x400000"), "cannot be read\n"));
    enter(0, 0, 0, 0);
    expect("disas pc 1", "     address  bytes  insn\n=>  00021000  48     dec eax\n");
}
END_TEST

/* ---- Expressions ---- */

static const struct {
    const char *text;
    u64 value;
} expressions[] = {
    {"1", 1},
    {"0x10", 16},
    {"0b101", 5},
    {"010", 10},
    {"18446744073709551615", ~0ull},
    {"1 + 2 * 3 - 4 / 2", 5},
    {"(1 + 2) * 3 % 4", 1},
    {"1 << 4 | 3 & 6 ^ 1", 0x13},
    {"6 ^ 2 | 8", 12},
    {"-1 >> 60", 15},
    {"1 << 64", 0},
    {"~0xff & 0xfff", 0xf00},
    {"- - 5", 5},
    {"rax", 0x1122334455667788},
    {"$eax", 0x55667788},
    {"ax", 0x7788},
    {"ah", 0x77},
    {"al", 0x88},
    {"cs", 8},
    {"pc", CODE},
    {"rip - pc", 0},
    {"cs:0x1234", 0x1234},
    {"b[rsp]", 0x10},
    {"w[rsp+2]", 0x7654},
    {"d[rsp]", 0x76543210},
    {"q[rsp]", 0xfedcba9876543210},
    {"[rsp] & 0xff", 0x10},
    {"q[ rsp + (2-1)*0 ]+1", 0xfedcba9876543211},
};

START_TEST(values)
{
    struct expression_context context;
    char why[256] = "";
    u64 value;

    make_long_mode();
    poke(PAGE + 0x100, 0xfedcba9876543210, 8);
    context = monitor_expressions(&rig.monitor);
    ck_assert_msg(expression_value(&context, expressions[_i].text, &value, why, sizeof(why)), "%s: %s",
                  expressions[_i].text, why);
    ck_assert_msg(value == expressions[_i].value, "%s is 0x%llx", expressions[_i].text, (unsigned long long)value);
}
END_TEST

START_TEST(real_mode_addresses)
{
    expect("print 0x7c0:0x10", "0x7c10  31760\n");
    expect("print cs:0xfff0", "0xfffffff0  4294967280\n"); /* the base after RESET#, not the selector */
    make_long_mode();
    expect("print 8:0", "a selector is an address in real and virtual-8086 mode only; a segment register is in any\n");
}
END_TEST

START_TEST(symbols)
{
    static const char map[] = "0000000000021000 T start_kernel\n0000000000021010 T next\n";
    char path[] = "/tmp/faultline-map-XXXXXX", why[256] = "";
    int fd = mkstemp(path);

    make_long_mode();
    rig.monitor.symbols = symbols_create();
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, map, sizeof(map) - 1), sizeof(map) - 1);
    close(fd);
    ck_assert_msg(symbols_add(rig.monitor.symbols, path, why, sizeof(why)), "%s", why);
    unlink(path);
    poke(CODE, 0x9090, 2);
    expect("print start_kernel+4", "0x21004  135172  <start_kernel+0x4>\n");
    expect("x/2bx start_kernel", "0000000000021000 <start_kernel>:  0x90  0x90\n");
    expect("disas start_kernel 1", "             address  bytes  insn  symbol\n"
                                   "=>  0000000000021000  90     nop   <start_kernel>\n");
    expect("print nobody", "'nobody' is no register and no symbol\n");
    symbols_destroy(rig.monitor.symbols);
    rig.monitor.symbols = NULL;
}
END_TEST

/* ---- Refusals ---- */

static const struct {
    const char *line, *says;
} refusals[] = {
    {"bogus", "bogus: no such command; help lists them\n"},
    {"s", NULL}, /* an alias: needs somebody to let it step */
    {"scr", "screendump: needs FILE.png\n"},
    {"st", "st: which of stop, step?\n"},
    {"info bogus", "bogus: no such subject of info; help lists them\n"},
    {"info registers now", "registers: takes no argument\n"},
    {"help bogus", "bogus: no such command; help lists them\n"},
    {"walk", "walk: needs ADDR\n"},
    {"walk )", "')' is not expected in an expression\n"},
    {"walk 1 2", "'2' is left over after an expression\n"},
    {"print 12ab", "'12ab' is not a number; hex ones begin with 0x\n"},
    {"print 0x", "'0x' is not a number\n"},
    {"print 0x10000000000000000", "'0x10000000000000000' is more than 64 bits\n"},
    {"print nobody", "'nobody' is no register, and there are no symbols\n"},
    {"print $nobody", "'$nobody' is no register\n"},
    {"print 1 / 0", "it divides by 0\n"},
    {"print (1", "')' is missing\n"},
    {"print [0x1", "']' is missing\n"},
    {"print q[0x400000]", "0x400000: no memory can be read there\n"},
    {"print 1 +", "an expression is expected\n"},
    {"print "
     "((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((1))))))))))))))))))))))))))))))))))))))))))))"
     "))))))))))))))))))",
     "it is nested more than 64 deep\n"},
    {"x", "x: no address, and none before to go on from\n"},
    {"x/0x 0", "x: 1 to 65536 units\n"},
    {"x/99999999999999999999x 0", "x: 1 to 65536 units\n"},
    {"x/y 0", "x: 'y' is no format (x d u o t c s i) and no unit (b h w g)\n"},
    {"disas pc 0", "disas: 1 to 65536 instructions\n"},
    {"history", "history: instructions are not kept; start with --history insns=N\n"},
    {"cont", "cont: not from here: who runs the machine decides that\n"},
    {"quit", "quit: not from here: who runs the machine decides that\n"},
    {"sendkey a", "sendkey: this machine takes no input\n"},
    {"screendump x.bmp", "screendump: 'x.bmp': the name must end in .png\n"},
    {"screendump /nonexistent/x.png", "screendump: /nonexistent/x.png: No such file or directory\n"},
    {"print \x01", "'?' is not expected in an expression\n"},
};

START_TEST(refused)
{
    const char *got;

    make_long_mode();
    got = answer(refusals[_i].line);
    ck_assert(rig.reply.error);
    if (refusals[_i].says)
        ck_assert_str_eq(got, refusals[_i].says);
    ck_assert_ptr_eq(strchr(got, '\n'), got + strlen(got) - 1);
}
END_TEST

START_TEST(long_lines)
{
    char line[MONITOR_LINE + 8];

    memset(line, ' ', sizeof(line));
    strcpy(line + MONITOR_LINE - 2, "x");
    expect(line, "x: no address, and none before to go on from\n"); /* blanks do not count */
    memset(line, 'x', sizeof(line) - 1);
    line[sizeof(line) - 1] = '\0';
    expect(line, "a line of more than 1023 characters\n");
    expect("", "");
    expect("  \t ", "");
}
END_TEST

/* ---- Input ---- */

START_TEST(keys_and_mouse)
{
    struct events *events = calloc(1, sizeof(*events));

    events_init(events);
    events_attach(events, rig.machine);
    rig.monitor.events = events;
    expect("sendkey ctrl-alt-delete", "");
    ck_assert_uint_eq(events->count, 6);
    ck_assert_uint_eq(events->pending[0].key, 0x1d);
    ck_assert_uint_eq(events->pending[2].key, 0xd3);
    ck_assert(events->pending[2].down);
    ck_assert_uint_eq(events->pending[3].key, 0xd3);
    ck_assert(!events->pending[5].down);
    expect("sendkey 0x1e", "");
    ck_assert_uint_eq(events->pending[6].key, 0x1e);
    expect("sendkey a-nokey", "sendkey: 'nokey' is no key\n");
    expect("sendkey a-", "sendkey: '' is no key\n");
    expect("sendkey 0x100", "sendkey: '0x100' is no key\n");
    expect("mouse_button 1", "");
    expect("mouse_move -3 4", "");
    ck_assert_int_eq(events->pending[8].dx, -3);
    ck_assert_uint_eq(events->pending[8].buttons, 1);
    expect("mouse_move 99999 1", "mouse_move: 99999 is not between -32768 and 32767\n");
    expect("mouse_move 1 2 3 4", "mouse_move: '4' is left over\n");
    expect("mouse_button 32", "mouse_button: a sum of 1 left, 2 right, 4 middle, 8 and 16 the further ones\n");
    expect("type a\\n", "");
    ck_assert_str_eq(events->paste, "a\n");
    expect("system_reset", "");
    events->replaying = true;
    expect("sendkey a", "sendkey: a recording is replayed: its input is all there is\n");
    events->replaying = false;
    events_free(events);
    free(events);
}
END_TEST

/* ---- JSON, help, completion ---- */

static const char *const all[] = {
    "help",         "help walk",      "lint",          "ptkeep",    "ptdiff",       "info",
    "walk 0x20000", "walk 0x200000",  "walk 0x400000", "x/4gx rsp", "x/2s 0x20000", "x/8i pc",
    "xp/20bx 0",    "x/4wx 0x400000", "x/s 0x400000",  "disas",     "print rsp",    "info registers",
    "info cpus",    "info status",    "info tlb",      "faults",    "break",        "catch",
    "backtrace",    "bogus",          "print \"\\",    "",          "who 0x20000",  "history",
#define COMMAND(name, arguments, minimum, handler, help)
#define INFO(name, handler, help) "info " name,
#include "frontend/monitor.def"
#undef COMMAND
#undef INFO
};

START_TEST(json)
{
    char line[128];
    const char *got, *bad;

    make_long_mode();
    snprintf(line, sizeof(line), "%s --json", all[_i]);
    got = answer(line);
    bad = json_error(got);
    ck_assert_msg(!bad, "%s: not JSON from '%.40s' on: %s", line, bad ? bad : "", got);
    ck_assert_ptr_eq(strchr(got, '\n'), got + strlen(got) - 1);
}
END_TEST

START_TEST(json_of_values)
{
    make_long_mode();
    poke(PAGE, 0x2201, 4);
    expect("print rsp --json", "{\"value\":\"0x20100\"}\n");
    expect("x/2wx 0x20000 --json",
           "{\"lines\":[{\"address\":\"0x20000\",\"values\":[\"0x00002201\",\"0x00000000\"],\"whole\":true}]}\n");
    expect("print 1 / 0 --json", "{\"error\":\"it divides by 0\"}\n");
    expect("--json", "{}\n");
    expect("bogus --json", "{\"error\":\"bogus: no such command; help lists them\"}\n");
}
END_TEST

START_TEST(completion)
{
    static const struct {
        const char *line, *first;
        unsigned count;
    } cases[] = {
        {"wal", "walk", 1},     {"st", "stop", 2},          {"info reg", "registers", 1},
        {"info zz", NULL, 0},   {"help wal", "walk", 1},    {"walk r1", "r10", 24},
        {"x/4gx rs", "rsp", 2}, {"print q[rs", "q[rsp", 2}, {"sendkey ctrl-alt-del", "ctrl-alt-delete", 1},
        {"bogus a", NULL, 0},   {"print 12", NULL, 0},
    };
    char got[128];
    unsigned n = 0;

    while (monitor_complete(&rig.monitor, cases[_i].line, n, got, sizeof(got))) {
        if (n == 0)
            ck_assert_str_eq(got, cases[_i].first);
        n++;
    }
    ck_assert_uint_eq(n, cases[_i].count);
}
END_TEST

/* Looking must not be seen by the guest. */
START_TEST(looking_changes_nothing)
{
    u8 *before = malloc(4 << 20), *after = malloc(4 << 20);
    struct cpu_state a = {0}, b = {0}; /* padding too */

    memset(&a, 0, sizeof(a)); /* padding is compared too */
    memset(&b, 0, sizeof(b));
    make_long_mode();
    poke(TABLES + 0x2000 + 8 * 0x20, PAGE | 0x7, 8); /* neither A nor D */
    phys_copy_out(machine_phys(rig.machine), 0, before, 4 << 20);
    cpu_get_state(machine_cpu(rig.machine), &a);
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        say(all[i]);
    phys_copy_out(machine_phys(rig.machine), 0, after, 4 << 20);
    cpu_get_state(machine_cpu(rig.machine), &b);
    ck_assert_mem_eq(before, after, 4 << 20);
    ck_assert_mem_eq(&a, &b, sizeof(a));
    free(before);
    free(after);
}
END_TEST

#define COUNT(array) (int)(sizeof(array) / sizeof(array[0]))

int main(void)
{
    Suite *suite = suite_create("monitor");
    TCase *tc = tcase_create("commands");
    SRunner *runner = srunner_create(suite);
    int failed;

    tcase_add_checked_fixture(tc, open_rig, close_rig);
    tcase_add_test(tc, walk_32_bit);
    tcase_add_test(tc, walk_long_mode);
    tcase_add_test(tc, walk_without_paging);
    tcase_add_test(tc, lint);
    tcase_add_test(tc, difference);
    tcase_add_test(tc, examine);
    tcase_add_test(tc, disassembly);
    tcase_add_loop_test(tc, values, 0, COUNT(expressions));
    tcase_add_test(tc, real_mode_addresses);
    tcase_add_test(tc, symbols);
    tcase_add_loop_test(tc, refused, 0, COUNT(refusals));
    tcase_add_test(tc, long_lines);
    tcase_add_test(tc, keys_and_mouse);
    tcase_add_loop_test(tc, json, 0, COUNT(all));
    tcase_add_test(tc, json_of_values);
    tcase_add_loop_test(tc, completion, 0, 11);
    tcase_add_test(tc, looking_changes_nothing);
    suite_add_tcase(suite, tc);
    srunner_run_all(runner, CK_NORMAL);
    failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
