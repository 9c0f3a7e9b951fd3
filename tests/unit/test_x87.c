/* SPDX-License-Identifier: MIT */
/*
 * The x87 against the host's: every row of isa_x87.def in every form, random states with special values, all control
 * words.
 */
#include <check.h>
#include <stdio.h>

#include "cpu/isa.h"
#include "cpu/control.h"
#include "cpu/x87.h"
#include "mmu/phys.h"
#include "tests/support/native_fpu.h"

#define INSN(opcode, prefix, modrm, NAME, op1, acc1, op2, acc2, op3, feature, attributes) extern exec_fn exec_##NAME;
#include "cpu/isa_x87.def"
#undef INSN

struct line {
    u16 opcode, modrm;
    const char *name;
    exec_fn *exec;
};

static const struct line lines[] = {
#define INSN(opcode, prefix, modrm, NAME, op1, acc1, op2, acc2, op3, feature, attributes) \
    {opcode, MR_##modrm, #NAME, exec_##NAME},
#include "cpu/isa_x87.def"
#undef INSN
};

enum { OPERAND = 0x1000, OPERAND_SIZE = 128 }; /* where the guest's memory operand is */

static struct cpu *cpu;
static struct phys *phys;
static u64 seed = 0x9e3779b97f4a7c15;
static unsigned results, differing; /* of transcendental instructions, to the bit */

static u64 rnd(void) { return native_random(&seed); }
static bool one_in(unsigned n) { return rnd() % n == 0; }

static void setup(void)
{
    static struct cpu_config config;
    char why[100];

    phys = phys_create(1 << 20);
    config = (struct cpu_config){.phys = phys};
    cpu = cpu_create(&config, why, sizeof(why));
    ck_assert_msg(cpu != NULL, "%s", why);
    cpu->cr0 |= CR0_NE;
    native_setup();
}

static void teardown(void)
{
    cpu_destroy(cpu);
    phys_destroy(phys);
}

static fp80 random_value(void)
{
    static const fp80 special[] = {
        {0, 0},
        {0, 0x8000},
        {0x8000000000000000, 0x3fff},
        {0x8000000000000000, 0xbfff}, /* 0, -0, 1, -1 */
        {0x8000000000000000, 0x7fff},
        {0x8000000000000000, 0xffff}, /* infinities */
        {0xc000000000000000, 0x7fff},
        {0xc000000000000000, 0xffff},
        {0xc000000000000001, 0x7fff},
        {0xffffffffffffffff, 0x7fff},
        {0x8000000000000001, 0x7fff},
        {0xbfffffffffffffff, 0xffff}, /* signalling NaNs */
        {1, 0},
        {0x7fffffffffffffff, 0x8000},
        {0x4000000000000000, 0}, /* denormals */
        {0x8000000000000000, 0},
        {0xc000000000000000, 0x8000}, /* pseudo-denormals */
        {0x4000000000000000, 0x3fff},
        {0, 0x3fff},
        {0x4000000000000000, 0x7fff},
        {0, 0x7fff}, /* unsupported */
        {0x8000000000000000, 1},
        {0xffffffffffffffff, 0x7ffe},
        {0x8000000000000000, 0x7ffe},
        {0x8000000000000000, 0x403e},
        {0xfffffffffffffffe, 0x403d},
        {0xffffffffffffffff, 0x403e}, /* about 2^63 */
        {0xfffffffe00000000, 0x401d},
        {0x8000000000000000, 0xc01e},
        {0xffff000000000000, 0x400d}, /* about 2^31, 2^15 */
        {0x8000000000000000, 0x3f81},
        {0x8000000000000000, 0x3c01},
        {0xffffffffffffffff, 0x407e},
        {0xffffffffffffffff, 0x43fe},
        {0x8000000000000000, 0x3f6a},
        {0x8000000000000000, 0x3bcd},
        {0xc90fdaa22168c235, 0x4000},
        {0xb504f333f9de6484, 0x3ffd},
    };
    fp80 v = special[rnd() % (sizeof(special) / sizeof(special[0]))];

    switch (rnd() % 6) {
    case 0: return v;
    case 1: return (fp80){.mantissa = rnd(), .exponent = (u16)rnd()};
    case 2: return (fp80){.mantissa = rnd() | BIT(63), .exponent = (u16)(0x3fff + rnd() % 129 - 64 + (rnd() & 0x8000))};
    case 3:
        return (fp80){.mantissa = (rnd() << rnd() % 64) | BIT(63),
                      .exponent = (u16)(0x3fff + rnd() % 65 + (rnd() & 0x8000))};
    case 4: v.mantissa += rnd() % 5 - 2; return v;
    default:
        return (fp80){.mantissa = rnd() | BIT(63),
                      .exponent = (u16)((rnd() & 0x8000) | (rnd() % 4 ? rnd() % 70 : 0x7ffe - rnd() % 70))};
    }
}

/* A state in which no exception is pending. */
static void random_state(struct native *n)
{
    memset(n, 0, sizeof(*n));
    n->fcw = (u16)((one_in(2) ? 0x37f : rnd() & 0x1f3f) | 0x40);
    if (one_in(3))
        n->fcw |= 0x3f;
    if ((n->fcw & 0x300) == 0x100)
        n->fcw |= 0x200; /* reserved precision */
    n->fsw = (u16)(rnd() & 0x7f7f);
    n->fsw &= (u16) ~(n->fsw & ~n->fcw & 0x3f);
    n->ftw = (u16)(one_in(3) ? rnd() & 0xff : one_in(2) ? 0xff & ~(1u << ((n->fsw >> 11) - 1u) % 8) : 0xff);
    n->mxcsr = 0x1f80;
    for (unsigned i = 0; i < 8; i++) {
        fp80 v = random_value();
        n->st[i].mantissa = v.mantissa;
        n->st[i].exponent = v.exponent;
    }
    n->rflags = 0x202 | (rnd() & 0x8d5);
}

static void to_cpu(const struct native *n)
{
    struct x87 *x = &cpu->x87;

    x->control = n->fcw;
    x->status = n->fsw;
    x->tag = 0;
    for (unsigned i = 0; i < 8; i++) {
        if (!(n->ftw >> i & 1))
            x->tag |= (u16)(3u << (2 * i));
        x->r[(i + (n->fsw >> 11)) & 7].mantissa = n->st[i].mantissa;
        x->r[(i + (n->fsw >> 11)) & 7].exponent = n->st[i].exponent;
    }
    flags_set(cpu, n->rflags & ~FLAG_IF);
    cpu->RAX = n->gpr[0];
}

/* One instruction as the decoder would give it; memory operands are at OPERAND, or RDI natively. */
static struct op make_op(u16 opcode, u8 modrm)
{
    return (struct op){
        .disp = OPERAND,
        .base = offsetof(struct cpu, zero),
        .index = offsetof(struct cpu, zero),
        .seg = SEG_DS,
        .asize = 8,
        .osize = 4,
        .len = 2,
        .reg = modrm >> 3 & 7,
        .rm = modrm & 7,
        .modrm = modrm,
        .flags = modrm < 0xc0 ? OP_MEM : 0,
        .opcode = opcode,
    };
}

/* True if it came back without an exception. */
static bool run(exec_fn *exec, const struct op *op)
{
    cpu->rip = 0x1234;
    if (setjmp(cpu->landing))
        return false;
    exec(cpu, op);
    return true;
}

/* Differences between vendors. The SDM clears C1 in FCOMI and its kin; AMD's leave it. */
static bool is_transcendental(const char *name);
/* AMD's set PE (and UE, if denormal) for powers and logarithms that are exact, too. */
static bool reports_exact_as_inexact(const char *name) { return !strcmp(name, "F2XM1") || !strncmp(name, "FYL2X", 5); }
static u16 status_mask(const char *name)
{
    if (reports_exact_as_inexact(name))
        return (u16) ~(FSW_C1 | FSW_PE | FSW_UE);
    return strstr(name, "COMI") || is_transcendental(name) ? (u16)~FSW_C1 : 0xffff;
}

/*
 * The transcendental instructions are computed, not asked of the host, and no two processors agree in the last place:
 * results may be one unit apart, C1 (the direction of rounding) is not compared, and so many differ.
 */
static bool is_transcendental(const char *name)
{
    static const char *const names[] = {"F2XM1", "FYL2X", "FYL2XP1", "FPTAN", "FPATAN", "FSIN", "FCOS", "FSINCOS"};

    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (!strcmp(names[i], name))
            return true;
    return false;
}

/* Encodings in units of the last place. */
static u64 distance(u64 a_mantissa, u16 a_exponent, u64 b_mantissa, u16 b_exponent)
{
    if (a_exponent == b_exponent)
        return a_mantissa > b_mantissa ? a_mantissa - b_mantissa : b_mantissa - a_mantissa;
    u64 low = a_exponent < b_exponent ? a_mantissa : b_mantissa,
        high = a_exponent < b_exponent ? b_mantissa : a_mantissa;
    if ((a_exponent ^ b_exponent) != 1 && ((a_exponent + 1) ^ b_exponent) && ((b_exponent + 1) ^ a_exponent))
        return ~0ull;
    return (~low & ~BIT(63)) + (high & ~BIT(63)) + 1;
}

static bool same(const struct native *n, const u8 *native_memory, const u8 *memory, u16 mask, u64 units)
{
    const struct x87 *x = &cpu->x87;
    unsigned tags = 0;
    bool ok = x->control == n->fcw && ((x->status ^ n->fsw) & mask) == 0 &&
              !memcmp(native_memory, memory, OPERAND_SIZE) && cpu->RAX == n->gpr[0] &&
              (flags_get(cpu) & FLAGS_ARITH) == (n->rflags & FLAGS_ARITH);

    for (unsigned i = 0; i < 8; i++) {
        const fp80 *r = &x->r[(i + (n->fsw >> 11)) & 7];
        tags |= (unsigned)(((x->tag >> (2 * i)) & 3) != 3) << i;
        ok &= distance(r->mantissa, r->exponent, n->st[i].mantissa, n->st[i].exponent) <= units;
    }
    return ok && tags == n->ftw;
}

static void describe(char *text, size_t size, const struct native *n)
{
    int at = snprintf(text, size, "fcw %04x fsw %04x ftw %02x flags %03llx ", n->fcw, n->fsw, n->ftw,
                      (unsigned long long)n->rflags & 0x8d5);
    for (unsigned i = 0; i < 8; i++)
        at += snprintf(text + at, size - (size_t)at, "%04x.%016llx ", n->st[i].exponent,
                       (unsigned long long)n->st[i].mantissa);
}

static void from_cpu(struct native *n)
{
    const struct x87 *x = &cpu->x87;
    n->fcw = x->control;
    n->fsw = x->status;
    n->ftw = 0;
    for (unsigned i = 0; i < 8; i++) {
        n->ftw |= (u16)((((x->tag >> (2 * i)) & 3) != 3) << i);
        n->st[i].mantissa = x->r[(i + (n->fsw >> 11)) & 7].mantissa;
        n->st[i].exponent = x->r[(i + (n->fsw >> 11)) & 7].exponent;
    }
    n->rflags = flags_get(cpu);
}

static void random_memory(u8 *memory, const char *name)
{
    fp80 v = random_value();

    for (unsigned i = 0; i < OPERAND_SIZE; i += 8) {
        u64 q = rnd();
        memcpy(memory + i, &q, 8);
    }
    if (!strcmp(name, "FBLD")) {
        for (unsigned i = 0; i < 9; i++)
            memory[i] = (u8)(rnd() % 10 | (rnd() % 10) << 4);
    } else if (one_in(2)) { /* special m32fp, m64fp, m80fp */
        static const u64 singles[] = {0,          0x80000000, 0x3f800000, 0x7f800000, 0xff800000, 0x7fc00000,
                                      0x7f800001, 0xffbfffff, 1,          0x807fffff, 0x7f7fffff};
        static const u64 doubles[] = {0,
                                      BIT(63),
                                      0x3ff0000000000000,
                                      0x7ff0000000000000,
                                      0x7ff8000000000000,
                                      0x7ff0000000000001,
                                      0xfff7ffffffffffff,
                                      1,
                                      0x800fffffffffffff,
                                      0x7fefffffffffffff};
        u64 q = one_in(2) ? singles[rnd() % 11] : doubles[rnd() % 10];
        memcpy(memory, &q, 8);
        if (one_in(3))
            memcpy(memory, &v, 10);
    }
}

/* Operands for which the SDM gives no result: F2XM1 beyond -1 .. 1, FYL2XP1 beyond -(1 - sqrt(1/2)) .. sqrt(2) - 1. */
static bool is_undefined(const char *name, const struct native *n)
{
    unsigned exponent = n->st[0].exponent & 0x7fff;
    bool one = exponent == 0x3fff && n->st[0].mantissa == BIT(63);

    if (!strcmp(name, "F2XM1"))
        return exponent >= 0x3fff && exponent != 0x7fff && !one;
    return !strcmp(name, "FYL2XP1") && exponent >= 0x3ffd;
}

static void compare_once(const struct line *l, u8 modrm)
{
    struct native before, after;
    static u8 memory[OPERAND_SIZE], native_memory[OPERAND_SIZE];
    struct op op = make_op(l->opcode, modrm);
    u8 code[3] = {(u8)l->opcode, modrm};
    unsigned length = l->opcode == 0x9b ? 1 : 2;

    if (l->opcode == 0x0f77) {
        memcpy(code, "\x0f\x77", 2);
        length = 2;
    }
    random_state(&before);
    while (is_undefined(l->name, &before))
        random_state(&before);
    if (reports_exact_as_inexact(l->name))
        before.fcw |= FSW_PE | FSW_UE;
    random_memory(native_memory, l->name);
    phys_copy_in(phys, OPERAND, native_memory, OPERAND_SIZE);
    before.gpr[0] = rnd();
    before.gpr[7] = (u64)native_memory;
    after = before;
    native_execute(&after, code, length);
    to_cpu(&before);
    cpu->mode =
        one_in(2) ? cpu->mode | MODE_FLAT : cpu->mode & ~(u32)MODE_FLAT; /* operands through the TLB alone, or not */
    bool returned = run(l->exec, &op);
    phys_copy_out(phys, OPERAND, memory, OPERAND_SIZE);
    if (is_transcendental(l->name)) {
        results++;
        differing += !same(&after, native_memory, memory, status_mask(l->name), 0);
    }
    if (!returned || !same(&after, native_memory, memory, status_mask(l->name), is_transcendental(l->name))) {
        char a[500], b[500], c[500];
        struct native ours = before;
        from_cpu(&ours);
        describe(a, sizeof(a), &before);
        describe(b, sizeof(b), &after);
        describe(c, sizeof(c), &ours);
        ck_abort_msg("%s (%02x %02x)%s\nbefore %s\nhost   %s\nours   %s\nmemory %016llx%016llx host %016llx%016llx",
                     l->name, l->opcode, modrm, returned ? "" : " raised", a, b, c,
                     (unsigned long long)host_load(memory + 8, 8), (unsigned long long)host_load(memory, 8),
                     (unsigned long long)host_load(native_memory + 8, 8),
                     (unsigned long long)host_load(native_memory, 8));
    }
}

/* Whose memory image has pointers the host may or may not keep. */
static bool image_instruction(const char *name) { return !strcmp(name, "FNSAVE") || !strcmp(name, "FNSTENV"); }

START_TEST(test_row_against_host)
{
    const struct line *l = &lines[_i];

    if (image_instruction(l->name))
        return;
    for (unsigned modrm = 0; modrm < 256; modrm++) {
        if ((l->modrm & MRC_BYTE) && modrm != (l->modrm & 0xff))
            continue;
        if ((l->modrm & MRC_REG) && (modrm >> 3 & 7) != (l->modrm & 7))
            continue;
        if ((l->modrm & MRC_MEM) && (modrm & 0xc7) != 7)
            continue;
        if ((l->modrm & MRC_RM) && modrm < 0xc0)
            continue;
        if (!l->modrm && modrm != 0xc0)
            continue;
        for (unsigned i = 0; i < 4000; i++)
            compare_once(l, (u8)modrm);
    }
    if (results)
        printf("# %s: %u of %u results differ from the host's, by one unit in the last place\n", l->name, differing,
               results);
}
END_TEST

/*
 * 28-byte (66: 14-byte) environments and the registers behind them, but for the pointers, which processors keep to
 * themselves.
 */
static void compare_image(u8 modrm, u16 opcode, bool wide, unsigned size)
{
    struct native before, after;
    static u8 memory[OPERAND_SIZE], native_memory[OPERAND_SIZE];
    struct op op = make_op(opcode, modrm);
    unsigned pointers = wide ? 12 : 6, registers = wide ? 28 : 14;
    u8 code[3] = {0x66, (u8)opcode, modrm};

    op.osize = wide ? 4 : 2;
    random_state(&before);
    memset(native_memory, 0x5a, sizeof(native_memory));
    phys_copy_in(phys, OPERAND, native_memory, OPERAND_SIZE);
    before.gpr[7] = (u64)native_memory;
    after = before;
    native_execute(&after, wide ? code + 1 : code, wide ? 2 : 3);
    to_cpu(&before);
    cpu->cr0 |= CR0_PE;
    ck_assert(run(opcode == 0xd9 ? exec_FNSTENV : exec_FNSAVE, &op));
    cpu->cr0 &= ~CR0_PE;
    phys_copy_out(phys, OPERAND, memory, OPERAND_SIZE);
    ck_assert_mem_eq(memory, native_memory, pointers);
    ck_assert_mem_eq(memory + registers, native_memory + registers, OPERAND_SIZE - registers);
    ck_assert_int_eq(memory[size], 0x5a);
    ck_assert(same(&after, memory, memory, 0xffff, 0));
}

START_TEST(test_images_against_host)
{
    for (unsigned i = 0; i < 2000; i++) {
        compare_image(0x37, 0xd9, true, 28);
        compare_image(0x37, 0xd9, false, 14);
        compare_image(0x37, 0xdd, true, 108);
        compare_image(0x37, 0xdd, false, 94);
    }
}
END_TEST

/* SDM Vol. 1, figures of "Saving the x87 FPU's Environment": pointers in the four formats. */
START_TEST(test_pointer_formats)
{
    static const struct {
        bool protected, wide;
        u32 slot[4];
    } formats[] = {
        {true, true, {0x12345678, 0x05a50010, 0x9abcdef0, 0xffff0020}},
        {true, false, {0x5678, 0x0010, 0xdef0, 0x0020}},
        {false, true, {0xffff5778, 0x012345a5, 0xffffe0f0, 0x09abc000}}, /* selector * 16 + offset */
        {false, false, {0x5778, 0x45a5, 0xe0f0, 0xc000}},
    };

    for (unsigned f = 0; f < 4; f++) {
        struct op store = make_op(0xd9, 0x37), load = make_op(0xd9, 0x27);
        unsigned size = formats[f].wide ? 4 : 2;
        x87_init(&cpu->x87);
        cpu->x87.fip = 0x12345678, cpu->x87.fcs = 0x10, cpu->x87.fop = 0x5a5, cpu->x87.fdp = 0x9abcdef0,
        cpu->x87.fds = 0x20;
        store.osize = load.osize = (u8)size;
        cpu->cr0 = formats[f].protected ? cpu->cr0 | CR0_PE : cpu->cr0 & ~CR0_PE;
        ck_assert(run(exec_FNSTENV, &store));
        for (unsigned i = 0; i < 4; i++)
            ck_assert_uint_eq(phys_read(phys, OPERAND + (3 + i) * size, size), formats[f].slot[i]);
        x87_init(&cpu->x87);
        ck_assert(run(exec_FLDENV, &load));
        cpu->cr0 &= ~CR0_PE;
        u32 fip = formats[f].protected ? 0x12345678 : 0x12345778, fdp = formats[f].protected ? 0x9abcdef0 : 0x9abce0f0;
        u32 mask = formats[f].wide ? 0xffffffff : formats[f].protected ? 0xffff : 0xfffff;
        ck_assert_uint_eq(cpu->x87.fip, fip & mask);
        ck_assert_uint_eq(cpu->x87.fdp, fdp & mask);
        ck_assert_uint_eq(cpu->x87.fcs, formats[f].protected ? 0x10 : 0);
        ck_assert_uint_eq(cpu->x87.fop, formats[f].protected && !formats[f].wide ? 0 : 0x5a5);
    }
}
END_TEST

static bool waits(const char *name)
{
    static const char *const no_wait[] = {"FNINIT", "FNCLEX", "FNSTSW", "FNSTCW", "FNSTENV",
                                          "FNSAVE", "FNENI",  "FNDISI", "FNSETPM"};

    for (unsigned i = 0; i < sizeof(no_wait) / sizeof(no_wait[0]); i++)
        if (!strcmp(name, no_wait[i]))
            return false;
    return true;
}

/* With CR0.NE, a pending exception is #MF at the next waiting instruction, which leaves no trace; the others run. */
START_TEST(test_pending_exception)
{
    const struct line *l = &lines[_i];
    u8 modrm = l->modrm & MRC_BYTE ? (u8)l->modrm : (u8)((l->modrm & 7) << 3 | (l->modrm & MRC_RM ? 0xc1 : 7));
    struct op op = make_op(l->opcode, modrm);
    struct native n;

    random_state(&n);
    to_cpu(&n);
    cpu->x87.control &= (u16)~FSW_ZE;
    cpu->x87.status |= FSW_ZE | FSW_ES | FSW_B;
    struct x87 before = cpu->x87;
    bool returned = run(l->exec, &op);
    ck_assert_int_eq(returned, !waits(l->name));
    if (!returned) {
        ck_assert_int_eq(cpu->event.vector, VEC_MF);
        ck_assert_mem_eq(&cpu->x87, &before, sizeof(before));
    }
}
END_TEST

static bool is_one_of(const char *name, const char *const *names)
{
    for (; *names; names++)
        if (!strcmp(name, *names))
            return true;
    return false;
}

/*
 * SDM Vol. 1, "x87 FPU Instruction and Data (Operand) Pointers": which instructions leave them, which clear or load
 * them, and that all others, FNOP, FFREE and FINCSTP too, set them; the data pointer only with an operand in memory.
 */
START_TEST(test_pointers)
{
    static const char *const leave[] = {"FNCLEX", "FLDCW", "FNSTCW", "FNSTSW",  "FNSTENV", "FWAIT",
                                        "FNENI",  "FNDISI", "FNSETPM", "EMMS", NULL};
    static const char *const clear[] = {"FNINIT", "FNSAVE", NULL}, *const load[] = {"FLDENV", "FRSTOR", NULL};
    const struct line *l = &lines[_i];
    u8 modrm = l->modrm & MRC_BYTE ? (u8)l->modrm : (u8)((l->modrm & 7) << 3 | (l->modrm & MRC_RM ? 0xc1 : 7));
    struct op op = make_op(l->opcode, modrm);
    struct x87 *x = &cpu->x87;

    x87_init(x);
    x->tag = 0x5555; /* every other register holds something: faults on the stack are masked */
    x->fip = 0x111111, x->fdp = 0x222222, x->fcs = 0x33, x->fds = 0x44, x->fop = 0x555;
    phys_fill(phys, OPERAND, 0, OPERAND_SIZE);
    cpu->cr0 |= CR0_PE;
    ck_assert(run(l->exec, &op));
    cpu->cr0 &= ~CR0_PE;
    if (is_one_of(l->name, leave)) {
        ck_assert_uint_eq(x->fip, 0x111111);
        ck_assert_uint_eq(x->fdp, 0x222222);
        ck_assert_uint_eq(x->fop, 0x555);
    } else if (is_one_of(l->name, clear) || is_one_of(l->name, load)) {
        ck_assert_uint_eq(x->fip | x->fdp | x->fop | x->fcs | x->fds, 0);
    } else {
        ck_assert_msg(x->fip == 0x1234 && x->fcs == cpu->seg[SEG_CS].selector, "%s", l->name);
        ck_assert_uint_eq(x->fop, (l->opcode & 7u) << 8 | modrm);
        ck_assert_uint_eq(x->fdp, op_is_mem(&op) ? OPERAND : 0x222222);
    }
}
END_TEST

/* After FNINIT; and how TOP, tags and environment follow the first pushes, in a 16-bit image. */
START_TEST(test_state_after_init)
{
    struct op init = make_op(0xdb, 0xe3), load_one = make_op(0xd9, 0xe8), load_zero = make_op(0xd9, 0xee),
              divide = make_op(0xde, 0xf9), status = make_op(0xdf, 0xe0), control = make_op(0xd9, 0x3f),
              environment = make_op(0xd9, 0x37);

    cpu->x87.status = 0xffff, cpu->x87.control = 0x40;
    ck_assert(run(exec_FNINIT, &init));
    cpu->RAX = ~0ull;
    ck_assert(run(exec_FNSTSW, &status));
    ck_assert_uint_eq(cpu->RAX, 0xffffffffffff0000);
    ck_assert(run(exec_FNSTCW, &control));
    ck_assert_uint_eq(phys_read(phys, OPERAND, 2), 0x37f);
    ck_assert(run(exec_FLD1, &load_one));
    ck_assert(run(exec_FLDZ, &load_zero));
    environment.osize = 2;
    ck_assert(run(exec_FNSTENV, &environment));
    ck_assert_uint_eq(phys_read(phys, OPERAND, 2), 0x37f);
    ck_assert_uint_eq(phys_read(phys, OPERAND + 2, 2), 6 << 11);
    ck_assert_uint_eq(phys_read(phys, OPERAND + 4, 2), 0x1fff); /* R7 valid, R6 zero */
    ck_assert(run(exec_FDIVP, &divide));                        /* 1 / 0: masked, to infinity */
    ck_assert(run(exec_FNSTSW, &status));
    ck_assert_uint_eq(cpu->RAX & 0xffff, 7 << 11 | FSW_ZE);
    ck_assert(run(exec_FNSTENV, &environment));
    ck_assert_uint_eq(phys_read(phys, OPERAND + 4, 2), 0xbfff); /* special */
}
END_TEST

static void record_ferr(void *ctx, bool level) { *(int *)ctx = level; }

/* Without CR0.NE the FERR# pin follows the summary bit, and a waiting instruction freezes or, with IGNNE#, goes on. */
START_TEST(test_ferr)
{
    struct op divide = make_op(0xd8, 0xf1), clear = make_op(0xdb, 0xe2);
    int level = -1;

    cpu->cr0 &= ~CR0_NE;
    cpu->config.ferr = record_ferr;
    cpu->config.ctx = &level;
    x87_init(&cpu->x87);
    x87_push(&cpu->x87, (fp80){.mantissa = 0, .exponent = 0});
    x87_push(&cpu->x87, (fp80){.mantissa = BIT(63), .exponent = 0x3fff});
    cpu->x87.control &= (u16)~FSW_ZE;
    ck_assert(run(exec_FDIV, &divide));
    ck_assert_int_eq(level, 1);
    ck_assert(cpu->x87.status & FSW_ES);
    ck_assert(!run(exec_FDIV, &divide));
    ck_assert_int_eq(cpu->halted, HALTED_X87);
    cpu_set_ignne(cpu, true);
    ck_assert_int_eq(cpu->halted, HALTED_NOT);
    ck_assert(run(exec_FDIV, &divide));
    ck_assert_int_eq(level, 1);
    control_write_cr0(cpu, cpu->cr0 | CR0_NE);
    ck_assert_int_eq(level, 0);
    ck_assert(!run(exec_FDIV, &divide));
    ck_assert_int_eq(cpu->event.vector, VEC_MF);
    control_write_cr0(cpu, cpu->cr0 & ~CR0_NE);
    ck_assert_int_eq(level, 1);
    ck_assert(run(exec_FNCLEX, &clear));
    ck_assert_int_eq(level, 0);
}
END_TEST

/* FAULTS 12, 14: an operand beyond the segment's limit, whole or in part, leaves the x87 and memory as they were. */
START_TEST(test_fault_leaves_no_trace)
{
    const struct line *l = &lines[_i];
    static const u64 offsets[] = {0x20000, 0xffff};

    if (!(l->modrm & MRC_MEM))
        return;
    for (unsigned i = 0; i < 2; i++) {
        struct op op = make_op(l->opcode, (u8)((l->modrm & 7) << 3 | 7));
        struct native n;
        random_state(&n);
        to_cpu(&n);
        cpu->mode &= ~(u32)MODE_FLAT;
        op.disp = (s32)offsets[i];
        phys_write(phys, 0xffff, 0x11, 1);
        struct x87 before = cpu->x87;
        u64 flags = flags_get(cpu);
        ck_assert_msg(!run(l->exec, &op), "%s", l->name);
        ck_assert_int_eq(cpu->event.vector, VEC_GP);
        ck_assert_mem_eq(&cpu->x87, &before, sizeof(before));
        ck_assert_uint_eq(flags_get(cpu), flags);
        ck_assert_uint_eq(phys_read(phys, 0xffff, 1), 0x11);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("x87");
    TCase *t = tcase_create("host");
    int failed;

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, test_row_against_host, 0, sizeof(lines) / sizeof(lines[0]));
    tcase_add_test(t, test_images_against_host);
    tcase_add_test(t, test_pointer_formats);
    tcase_add_loop_test(t, test_pending_exception, 0, sizeof(lines) / sizeof(lines[0]));
    tcase_add_loop_test(t, test_pointers, 0, sizeof(lines) / sizeof(lines[0]));
    tcase_add_test(t, test_state_after_init);
    tcase_add_test(t, test_ferr);
    tcase_add_loop_test(t, test_fault_leaves_no_trace, 0, sizeof(lines) / sizeof(lines[0]));
    tcase_set_timeout(t, 60);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
