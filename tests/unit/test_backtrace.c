/* SPDX-License-Identifier: MIT */
/* Callers by call frame information: each kind of rule, tables that are refused, and damaged files. */
#define _GNU_SOURCE /* memfd_create */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "devices/machine.h"
#include "frontend/backtrace.h"
#include "tests/unit/device_bench.h"
#include "tests/unit/elf_file.h"

#define ROOT 0x10000u
#define STACK 0x30000u
#define FRAME (STACK + 0x100) /* rbp */
#define INNER (ELF_TEXT + 0x10)
#define IN_CALLER (ELF_TEXT + ELF_FUNCTION + 5)
#define IN_OUTER (ELF_TEXT + 2 * ELF_FUNCTION + 5)
#define MOST 64u

/* ---- A processor in `inner` ---- */

static void poke(struct machine *m, u64 at, u64 value, bool wide)
{
    phys_copy_in(machine_phys(m), at, &value, wide ? 8 : 4);
}

static struct machine *make_machine(bool wide)
{
    struct machine_config config = {.ram_bytes = 4 << 20};
    char why[256] = "";
    struct machine *m = machine_create(&config, why, sizeof(why));
    struct cpu_state s;

    ck_assert_msg(m != NULL, "%s", why);
    cpu_get_state(machine_cpu(m), &s);
    s.cr0 |= 1;
    if (wide) { /* the first 2 MiB, as they are */
        poke(m, ROOT, (ROOT + 0x1000) | 3, true);
        poke(m, ROOT + 0x1000, (ROOT + 0x2000) | 3, true);
        poke(m, ROOT + 0x2000, 0x83, true);
        s.cr0 |= BIT(31);
        s.cr3 = ROOT;
        s.cr4 = BIT(5);
        s.efer = BIT(8) | BIT(10);
    }
    s.rip = INNER;
    for (unsigned i = 0; i < 16; i++)
        s.gpr[i] = 0x5555000 + i;
    s.gpr[REG_RSP] = STACK;
    s.gpr[REG_RBP] = FRAME;
    s.gpr[REG_RCX] = IN_CALLER;
    s.gpr[REG_RBX] = STACK + 0x300;
    s.seg[SEG_CS] = (struct cpu_segment){.selector = 8, .limit = 0xffffffff, .attributes = wide ? 0xa09b : 0xc09b};
    for (int i = 0; i < 6; i++)
        if (i != SEG_CS)
            s.seg[i] = (struct cpu_segment){.selector = 16, .limit = 0xffffffff, .attributes = 0xc093};
    cpu_set_state(machine_cpu(m), &s);
    poke(m, IN_CALLER - 5, 0xe8, false);
    poke(m, IN_OUTER - 5, 0xe8, false);
    return m;
}

static struct symbols *load(const struct elf_file *f)
{
    struct symbols *s = symbols_create();
    int fd = memfd_create("guest", MFD_CLOEXEC);
    char path[64], why[300] = "";

    ck_assert_int_eq(write(fd, f->bytes, f->size), (ssize_t)f->size);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    if (!symbols_add(s, path, why, sizeof(why))) {
        symbols_destroy(s);
        s = NULL;
    }
    close(fd);
    return s;
}

static unsigned callers(struct machine *m, struct symbols *symbols, u64 rip, u64 *frame)
{
    struct cpu_state s;

    cpu_get_state(machine_cpu(m), &s);
    s.rip = rip;
    return backtrace_frames(symbols, machine_cpu(m), &s, frame, MOST);
}

/* ---- Rules ---- */

#define PROGRAM(...) (const u8[]){__VA_ARGS__}, sizeof((const u8[]){__VA_ARGS__})
#define NO_PROGRAM NULL, 0

static const struct rule {
    const char *name;
    enum { WIDE, NARROW } width;
    const u8 *program;
    size_t length;
    unsigned ret, cfa; /* where inner's return address is put, and where caller's */
    unsigned frames;
    u64 memory[2]; /* address, value; or none */
    bool signal;
    unsigned skip; /* of inner's instructions */
} rules[] = {
    {"nothing pushed", WIDE, NO_PROGRAM, STACK, STACK + 8, .frames = 2},
    {"nothing pushed, 32", NARROW, NO_PROGRAM, STACK, STACK + 4, .frames = 2},
    {"def_cfa_offset", WIDE, PROGRAM(0x0e, 0x40), STACK + 0x38, STACK + 0x40, .frames = 2},
    {"def_cfa_offset, 32", NARROW, PROGRAM(0x0e, 0x40), STACK + 0x3c, STACK + 0x40, .frames = 2},
    {"rows of the table", WIDE, PROGRAM(0x48, 0x0e, 0x10, 0x02, 0x08, 0x0e, 0x18), STACK + 0x10, STACK + 0x18,
     .frames = 2},
    {"rows of the table: later", WIDE, PROGRAM(0x48, 0x0e, 0x10, 0x02, 0x0c, 0x0e, 0x18), STACK + 8, STACK + 0x10,
     .frames = 2},
    {"def_cfa: frame pointer", WIDE, PROGRAM(0x0c, 6, 16), FRAME + 8, FRAME + 16, .frames = 2},
    {"def_cfa: frame pointer, 32", NARROW, PROGRAM(0x0c, 5, 8), FRAME + 4, FRAME + 8, .frames = 2},
    {"def_cfa: another register", WIDE, PROGRAM(0x0c, 3, 0x20), STACK + 0x318, STACK + 0x320, .frames = 2},
    {"def_cfa_expression: in memory", WIDE, PROGRAM(0x0f, 3, 0x76, 0x78, 0x06), STACK + 0x1f8, STACK + 0x200,
     .frames = 2, .memory = {FRAME - 8, STACK + 0x200}},
    {"def_cfa_expression: in memory, 32", NARROW, PROGRAM(0x0f, 3, 0x75, 0x7c, 0x06), STACK + 0x1fc, STACK + 0x200,
     .frames = 2, .memory = {FRAME - 4, STACK + 0x200}},
    {"def_cfa_expression: of a PLT", WIDE,
     PROGRAM(0x0f, 11, 0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22), STACK, STACK + 8, .frames = 2},
    {"def_cfa_expression: of a PLT, later", WIDE,
     PROGRAM(0x0f, 11, 0x77, 8, 0x80, 0, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22), STACK + 8, STACK + 16, .frames = 2,
     .skip = 0xb},
    {"return address in a register", WIDE, PROGRAM(0x09, 16, 2), 0, STACK + 8, .frames = 2},
    {"return address in a register, 32", NARROW, PROGRAM(0x09, 8, 1), 0, STACK + 4, .frames = 2},
    {"val_expression", WIDE, PROGRAM(0x16, 16, 2, 0x72, 0), 0, STACK + 8, .frames = 2},
    {"expression", WIDE, PROGRAM(0x10, 16, 3, 0x76, 0x10, 0x96), 0, 0, .frames = 0},
    {"expression: where it is kept", WIDE, PROGRAM(0x10, 16, 2, 0x76, 0x10), FRAME + 0x10, STACK + 8, .frames = 2},
    {"expression: by the CFA", WIDE, PROGRAM(0x10, 16, 2, 0x23, 0x48), STACK + 0x50, STACK + 8, .frames = 2},
    {"stack pointer by a rule", WIDE, PROGRAM(0x16, 7, 3, 0x76, 0xc0, 0), STACK, FRAME + 0x40, .frames = 2},
    {"an interrupt", WIDE, PROGRAM(0x0c, 7, 40, 0x90, 5, 0x87, 2), STACK, STACK + 0x80, .frames = 1,
     .memory = {STACK + 24, STACK + 0x80}, .signal = true},
    {"no CALL before it", WIDE, PROGRAM(0x0c, 7, 24), STACK + 8, STACK + 24, .frames = 0,
     .memory = {STACK + 8, IN_CALLER + 1}},
    {"the stack does not go back", WIDE, PROGRAM(0x13, 0), STACK - 8, STACK, .frames = 0},
    {"the stack goes forward", WIDE, PROGRAM(0x0c, 6, 0), FRAME - 8, FRAME, .frames = 2},
    {"no memory", WIDE, PROGRAM(0x0c, 0, 0), 0, 0, .frames = 0},
    {"undefined return address", WIDE, PROGRAM(0x07, 16), STACK, STACK + 8, .frames = 0},
    {"undefined return address, 32", NARROW, PROGRAM(0x07, 8), STACK, STACK + 4, .frames = 0},
    /* What is refused: then there is the frame pointer. */
    {"refused: a jump", WIDE, PROGRAM(0x0f, 5, 0x77, 8, 0x2f, 0xfd, 0xff), FRAME + 8, FRAME + 16, .frames = 2},
    {"refused: too deep", WIDE, PROGRAM(0x0f, 9, 0x31, 0x31, 0x31, 0x31, 0x31, 0x31, 0x31, 0x31, 0x31), FRAME + 8,
     FRAME + 16, .frames = 2},
    {"refused: an empty stack", WIDE, PROGRAM(0x0f, 2, 0x31, 0x22), FRAME + 8, FRAME + 16, .frames = 2},
    {"refused: an unknown operation", NARROW, PROGRAM(0x0f, 1, 0xf7), FRAME + 4, FRAME + 8, .frames = 2},
    {"refused: a register there is not", WIDE, PROGRAM(0x0c, 60, 8), FRAME + 8, FRAME + 16, .frames = 2},
    {"refused: the CFA by the CFA", WIDE, PROGRAM(0x0f, 1, 0x9c), FRAME + 8, FRAME + 16, .frames = 2},
    {"broken", WIDE, PROGRAM(0x0b), FRAME + 8, FRAME + 16, .frames = 2},
};

static void check_rule(const struct rule *r, bool wide, bool debug)
{
    struct elf_file f = {
        .wide = wide, .debug = debug, .program = r->program, .program_length = r->length, .signal = r->signal};
    struct machine *m = make_machine(wide);
    struct symbols *s;
    u64 frame[MOST];
    unsigned n;

    elf_file_make(&f);
    s = load(&f);
    ck_assert_ptr_nonnull(s);
    if (r->ret)
        poke(m, r->ret, IN_CALLER, wide);
    if (r->cfa)
        poke(m, r->cfa, IN_OUTER, wide);
    if (r->frames == 1) /* inner was interrupted in outer, which nobody calls */
        poke(m, r->ret, IN_OUTER + 1, wide);
    if (r->memory[0])
        poke(m, r->memory[0], r->memory[1], wide);
    n = callers(m, s, INNER + r->skip, frame);
    ck_assert_msg(n == r->frames, "%s, %s: %u callers", r->name, debug ? ".debug_frame" : ".eh_frame", n);
    if (n == 1)
        ck_assert_uint_eq(frame[0], IN_OUTER + 1);
    if (n == 2)
        ck_assert_msg(frame[0] == IN_CALLER && frame[1] == IN_OUTER, "%s: 0x%llx", r->name,
                      (unsigned long long)frame[0]);
    symbols_destroy(s);
    machine_destroy(m);
}

START_TEST(each_rule)
{
    const struct rule *r = &rules[_i];

    for (int debug = 0; debug < 2 - r->signal; debug++) /* the mark is .eh_frame's */
        check_rule(r, r->width == WIDE, debug);
}
END_TEST

/* A stack full of the same return address: as many callers as may be, no more. */
START_TEST(no_end)
{
    for (int wide = 0; wide < 2; wide++) {
        struct elf_file f = {.wide = wide};
        struct machine *m = make_machine(wide);
        struct symbols *s;
        u64 frame[MOST];

        elf_file_make(&f);
        s = load(&f);
        for (unsigned i = 0; i < 1000; i++)
            poke(m, STACK + i * (wide ? 8 : 4), IN_CALLER, wide);
        ck_assert_uint_eq(callers(m, s, INNER, frame), MOST);
        for (unsigned i = 0; i < MOST; i++)
            ck_assert_uint_eq(frame[i], IN_CALLER);
        symbols_destroy(s);
        machine_destroy(m);
    }
}
END_TEST

/* Tables for the other width are none. */
START_TEST(other_width)
{
    for (int wide = 0; wide < 2; wide++) {
        struct elf_file f = {.wide = !wide};
        struct machine *m = make_machine(wide);
        struct symbols *s;
        u64 frame[MOST];

        elf_file_make(&f);
        s = load(&f);
        poke(m, STACK, IN_CALLER, wide);
        poke(m, STACK + (wide ? 8 : 4), IN_OUTER, wide);
        ck_assert_uint_eq(callers(m, s, INNER, frame), 0);
        symbols_destroy(s);
        machine_destroy(m);
    }
}
END_TEST

/* ---- Without tables ---- */

/* CALL rel32 at IN_CALLER - 5, to `target`. */
static void call_to(struct machine *m, u64 target) { poke(m, IN_CALLER - 4, target - IN_CALLER, false); }

START_TEST(no_tables)
{
    struct elf_file f = {.wide = true, .program = (const u8[]){0x0f, 1, 0xf7}, .program_length = 3};
    struct machine *m = make_machine(true);
    struct symbols *s;
    u64 frame[MOST];

    elf_file_make(&f);
    s = load(&f);
    poke(m, STACK + 24, IN_CALLER, true); /* three words pushed */
    poke(m, STACK + 32, IN_OUTER, true);
    ck_assert_uint_eq(callers(m, s, INNER, frame), 0);
    call_to(m, ELF_TEXT + 8); /* not where a function begins */
    ck_assert_uint_eq(callers(m, s, INNER, frame), 0);
    call_to(m, ELF_TEXT);
    ck_assert_uint_eq(callers(m, s, INNER, frame), 2);
    ck_assert_uint_eq(frame[0], IN_CALLER);
    /* Its first instruction; and nowhere at all: what a CALL pushed is on top. */
    poke(m, STACK, IN_CALLER, true);
    poke(m, STACK + 8, IN_OUTER, true);
    call_to(m, 0);
    ck_assert_uint_eq(callers(m, s, ELF_TEXT, frame), 2);
    ck_assert_uint_eq(callers(m, s, INNER, frame), 0);
    ck_assert_uint_eq(callers(m, s, 0x123456789000, frame), 2);
    ck_assert_uint_eq(frame[1], IN_OUTER);
    symbols_destroy(s);
    machine_destroy(m);
}
END_TEST

/* ---- Damaged files ---- */

static u32 next_random(u32 *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 8;
}

/* Up to four bytes; the call frame information, mostly. */
static void damage(struct elf_file *f, u32 *seed)
{
    unsigned count = 1 + next_random(seed) % 4;

    for (unsigned i = 0; i < count; i++) {
        bool anywhere = next_random(seed) % 8 == 0;
        size_t at = anywhere ? next_random(seed) % f->size : f->frame_at + next_random(seed) % f->frame_size;
        u32 how = next_random(seed);

        f->bytes[at] = how % 4 == 0 ? 0xff : how % 4 == 1 ? (u8)(f->bytes[at] ^ 1 << how / 4 % 8) : (u8)(how >> 8);
    }
    if (next_random(seed) % 16 == 0)
        f->size = f->frame_at + next_random(seed) % (f->size - f->frame_at);
}

/* TEST_BACKTRACE_COUNT: files of each kind. */
START_TEST(damaged_files)
{
    const char *asked = getenv("TEST_BACKTRACE_COUNT");
    unsigned count = asked ? (unsigned)atoi(asked) : 150;
    static const u8 program[] = {0x0f, 3,    0x76, 0x78, 0x06, 0x41, 0x0a, 0x0e, 0x20, 0x83, 3,
                                 0x44, 0x10, 3,    2,    0x76, 0x10, 0x46, 0x0b, 0x0e, 0x40, 0x2e,
                                 0x10, 0x16, 6,    3,    0x77, 0x10, 0x06, 0x05, 3,    2};
    bool wide = _i & 1, debug = _i & 2;
    struct machine *m = make_machine(wide);
    unsigned told = 0, loaded = 0;
    u32 seed = 7 + (u32)_i;
    u64 frame[MOST];

    for (unsigned i = 0; i < 200; i++)
        poke(m, STACK + i * 8, i % 2 ? IN_CALLER : IN_OUTER, true);
    for (unsigned i = 0; i < count; i++) {
        struct elf_file f = {.wide = wide, .debug = debug, .program = program, .program_length = sizeof(program)};
        struct symbols *s;

        elf_file_make(&f);
        if (i)
            damage(&f, &seed);
        s = load(&f);
        if (!s)
            continue;
        loaded++;
        for (u64 rip = ELF_TEXT; rip < ELF_TEXT + 0x30; rip += 7) {
            unsigned n = callers(m, s, rip, frame);

            ck_assert_uint_le(n, MOST);
            told += n != 0;
        }
        symbols_destroy(s);
    }
    ck_assert_uint_gt(loaded, count / 2);
    ck_assert_uint_gt(told, count / 4);
    machine_destroy(m);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("backtrace");
    TCase *tc = tcase_create("backtrace");

    tcase_set_timeout(tc, 1200);
    tcase_add_loop_test(tc, each_rule, 0, (int)(sizeof(rules) / sizeof(rules[0])));
    tcase_add_test(tc, no_end);
    tcase_add_test(tc, other_width);
    tcase_add_test(tc, no_tables);
    tcase_add_loop_test(tc, damaged_files, 0, 4);
    return bench_finish(suite, tc);
}
