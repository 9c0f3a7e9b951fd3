/* SPDX-License-Identifier: MIT */
/*
 * MMX and SSE against the host's: every row of isa_sse.def in register and memory form, special values, all of MXCSR.
 */
#include <check.h>
#include <math.h>
#include <stdio.h>

#include "cpu/control.h"
#include "cpu/cpuid.h"
#include "cpu/isa.h"
#include "cpu/sse.h"
#include "cpu/system.h"
#include "mmu/phys.h"
#include "tests/support/native_fpu.h"

/* Rows that are other files' (NOP) have no exec function. */
#define INSN(opcode, prefix, modrm, NAME, op1, acc1, op2, acc2, op3, feature, attributes) \
    extern exec_fn exec_##NAME __attribute__((weak));
#include "cpu/isa_sse.def"
#undef INSN

struct line {
    u16 opcode, modrm;
    u8 prefix, operand[3];
    u16 attributes;
    const char *name;
    exec_fn *exec;
};

#define LOCK ATTR_LOCK
#define END ATTR_END
static const struct line lines[] = {
#define INSN(opcode, prefix, modrm, NAME, op1, acc1, op2, acc2, op3, feature, attributes) \
    {opcode, MR_##modrm, PFX_##prefix, {OPERANDS(op1, op2, op3)}, ATTR_##attributes, #NAME, exec_##NAME},
#define OPERANDS(a, b, c) OPR_##a, OPR_##b, OPR_##c
#include "cpu/isa_sse.def"
#undef INSN
};
#undef LOCK
#undef END

enum { LINES = sizeof(lines) / sizeof(lines[0]), OPERAND = 0x1000, OPERAND_SIZE = 64, REG = 1, RM = 2, BASE = 7 };

static struct cpu *cpu;
static struct phys *phys;
static u64 seed = 0x9e3779b97f4a7c15;

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
    cpu->cr4 |= CR4_OSFXSR | CR4_OSXMMEXCPT;
    native_setup();
}

static void teardown(void)
{
    cpu_destroy(cpu);
    phys_destroy(phys);
}

static u32 random_single(void)
{
    static const u32 special[] = {0,          0x80000000, 0x3f800000, 0xbf800000, 0x7f800000, 0xff800000, 0x7fc00000,
                                  0xffc12345, 0x7f800001, 0xffbfffff, 1,          0x807fffff, 0x00800000, 0x7f7fffff,
                                  0x4f000000, 0xcf000000, 0x5f000000, 0x3f000000, 0x4effffff, 0x00400000};
    switch (rnd() % 4) {
    case 0: return special[rnd() % 20];
    case 1: return (u32)rnd();
    case 2: return (u32)((rnd() & 0x807fffff) | (u32)(127 + rnd() % 65 - 32) << 23);
    default: return (u32)((rnd() & 0x80ffffff) | (one_in(2) ? 0x7e000000 : 0));
    }
}

static u64 random_double(void)
{
    static const u64 special[] = {0,
                                  BIT(63),
                                  0x3ff0000000000000,
                                  0x7ff0000000000000,
                                  0xfff0000000000000,
                                  0x7ff8000000000000,
                                  0xfff8000000012345,
                                  0x7ff0000000000001,
                                  0xfff7ffffffffffff,
                                  1,
                                  0x800fffffffffffff,
                                  0x0010000000000000,
                                  0x7fefffffffffffff,
                                  0x41dfffffffc00000,
                                  0xc1e0000000000000,
                                  0x43e0000000000000,
                                  0x3fe0000000000000,
                                  0x36a0000000000000,
                                  0x3810000000000000,
                                  0x47efffffe0000000,
                                  0x47effffff0000000};
    switch (rnd() % 4) {
    case 0: return special[rnd() % 21];
    case 1: return rnd();
    case 2: return (rnd() & 0x800fffffffffffff) | (1023 + rnd() % 129 - 64) << 52;
    default:
        return (rnd() & 0x801fffffffffffff) | (one_in(2) ? 0x7fc0000000000000 : one_in(2) ? 0x3800000000000000 : 0);
    }
}

static u64 random_quadword(void)
{
    switch (rnd() % 5) {
    case 0: return rnd();
    case 1: return random_double();
    case 2: return one_in(2) ? rnd() % 70 : -(rnd() % 70);
    case 3: return 0x0101010101010101 * (rnd() & 0xff) ^ (one_in(2) ? 0x80007fff00018080 : 0);
    default: return random_single() | (u64)random_single() << 32;
    }
}

static void random_state(struct native *n)
{
    memset(n, 0, sizeof(*n));
    n->fcw = 0x37f;
    n->fsw = (u16)(rnd() & 0x7f00);
    n->ftw = (u16)(rnd() & 0xff);
    n->mxcsr = 0x1f80 | (one_in(2) ? (u32)rnd() & 0xe07f : 0);
    if (one_in(4))
        n->mxcsr &= (u32)rnd() | 0xe07f;
    for (unsigned i = 0; i < 8; i++) {
        n->st[i].mantissa = random_quadword();
        n->st[i].exponent = (u16)rnd();
    }
    for (unsigned i = 0; i < 16; i++) {
        n->xmm[i][0] = random_quadword();
        n->xmm[i][1] = one_in(4) ? n->xmm[i][0] : random_quadword();
        n->gpr[i] = one_in(3) ? rnd() % 70 : rnd();
    }
    if (one_in(4))
        memcpy(n->xmm[RM], n->xmm[REG], 16);
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
    memcpy(cpu->xmm, n->xmm, sizeof(cpu->xmm));
    memcpy(cpu->gpr, n->gpr, sizeof(cpu->gpr));
    cpu->mxcsr = n->mxcsr;
    flags_set(cpu, n->rflags & ~FLAG_IF);
}

/* Fields that may be wrong, for the message; empty if all is as the host has it. */
static void differences(char *text, const struct native *n, u32 ignore)
{
    const struct x87 *x = &cpu->x87;
    unsigned tags = 0, top = n->fsw >> 11 & 7;
    int at = 0;

    text[0] = 0;
    if (x->status != n->fsw)
        at += sprintf(text + at, "fsw %04x host %04x; ", x->status, n->fsw);
    if ((cpu->mxcsr ^ n->mxcsr) & ~ignore)
        at += sprintf(text + at, "mxcsr %04x host %04x; ", cpu->mxcsr, n->mxcsr);
    if ((flags_get(cpu) ^ n->rflags) & FLAGS_ARITH)
        at +=
            sprintf(text + at, "flags %03x host %03x; ", (unsigned)flags_get(cpu) & 0x8d5, (unsigned)n->rflags & 0x8d5);
    for (unsigned i = 0; i < 8; i++) {
        const fp80 *r = &x->r[(i + top) & 7];
        tags |= (unsigned)(((x->tag >> (2 * i)) & 3) != 3) << i;
        if (r->mantissa != n->st[i].mantissa || r->exponent != n->st[i].exponent)
            at += sprintf(text + at, "st%u %04x.%016llx host %04x.%016llx; ", i, r->exponent,
                          (unsigned long long)r->mantissa, n->st[i].exponent, (unsigned long long)n->st[i].mantissa);
    }
    if (tags != n->ftw)
        at += sprintf(text + at, "tags %02x host %02x; ", tags, n->ftw);
    for (unsigned i = 0; i < 16; i++) {
        if (memcmp(&cpu->xmm[i], n->xmm[i], 16))
            at += sprintf(text + at, "xmm%u %016llx%016llx host %016llx%016llx; ", i,
                          (unsigned long long)cpu->xmm[i].q[1], (unsigned long long)cpu->xmm[i].q[0],
                          (unsigned long long)n->xmm[i][1], (unsigned long long)n->xmm[i][0]);
        if (i != REG_RSP && i != BASE && cpu->gpr[i] != n->gpr[i] && i < 10)
            at += sprintf(text + at, "gpr%u %016llx host %016llx; ", i, (unsigned long long)cpu->gpr[i],
                          (unsigned long long)n->gpr[i]);
    }
}

/* True if it came back without an exception. */
static bool run(exec_fn *exec, const struct op *op)
{
    if (setjmp(cpu->landing))
        return false;
    exec(cpu, op);
    return true;
}

struct form {
    const struct line *line;
    bool memory, wide; /* REX.W */
    u8 imm;
};

static struct op make_op(const struct form *f, u8 modrm)
{
    static const u8 zero = offsetof(struct cpu, zero);
    const struct line *l = f->line;

    return (struct op){
        .disp = OPERAND,
        .imm = (s8)f->imm,
        .base = zero,
        .index = zero,
        .seg = SEG_DS,
        .asize = 8,
        .osize = f->wide                ? 8
                 : l->prefix == PFX_P66 ? 2
                                        : 4,
        .len = 4,
        .reg = modrm >> 3 & 7,
        .rm = modrm & 7,
        .modrm = modrm,
        .flags = (u8)((f->memory ? OP_MEM : 0) | (l->prefix == PFX_P66 ? OP_66 : 0) | OP_CODE64),
        .opcode = l->opcode,
    };
}

static unsigned encode(const struct form *f, u8 modrm, u8 *code)
{
    static const u8 prefixes[] = {[PFX_P66] = 0x66, [PFX_PF3] = 0xf3, [PFX_PF2] = 0xf2};
    const struct line *l = f->line;
    unsigned n = 0;

    if (l->prefix == PFX_P66 || l->prefix == PFX_PF3 || l->prefix == PFX_PF2)
        code[n++] = prefixes[l->prefix];
    if (f->wide)
        code[n++] = 0x48;
    code[n++] = 0x0f;
    if (l->opcode >> 8 == 0x38 || l->opcode >> 8 == 0x3a)
        code[n++] = (u8)(l->opcode >> 8);
    code[n++] = (u8)l->opcode;
    code[n++] = modrm;
    code[n++] = f->imm;
    if (l->operand[1] != OPR_Ib && l->operand[2] != OPR_Ib)
        n--;
    return n;
}

static void compare_once(const struct form *f)
{
    const struct line *l = f->line;
    struct native before, after;
    static u8 memory[OPERAND_SIZE], native_memory[OPERAND_SIZE] __attribute__((aligned(16)));
    u8 modrm = (u8)((f->memory ? BASE : 0xc0 | RM) | (l->modrm & MRC_REG ? l->modrm & 7 : REG) << 3), code[16];
    struct op op = make_op(f, modrm);
    unsigned length = encode(f, modrm, code);
    char text[4000];
    u32 ignore = 0; /* bits of MXCSR */

    random_state(&before);
    for (unsigned i = 0; i < OPERAND_SIZE; i += 8)
        host_store(native_memory + i, random_quadword(), 8);
    phys_copy_in(phys, OPERAND, native_memory, OPERAND_SIZE);
    before.gpr[BASE] = (u64)native_memory;
    after = before;
    native_execute(&after, code, length);
    /*
     * Whether a result that overflowed and was not delivered would have been inexact is more than a masked run can
     * tell.
     */
    if (after.fault && (after.mxcsr & ~after.mxcsr >> 7 & (MXCSR_OE | MXCSR_UE)))
        ignore = MXCSR_PE;
    if (after.fault) { /* AMD's have entered MMX state even so; ours leave no trace */
        after.fsw = before.fsw;
        after.ftw = before.ftw;
        memcpy(after.st, before.st, sizeof(after.st));
    }
    to_cpu(&before);
    cpu->mode =
        one_in(2) ? cpu->mode | MODE_FLAT : cpu->mode & ~(u32)MODE_FLAT; /* operands through the TLB alone, or not */
    cpu->gpr[BASE] = OPERAND;                                            /* MASKMOVQ */
    bool returned = run(l->exec, &op);
    phys_copy_out(phys, OPERAND, memory, OPERAND_SIZE);
    differences(text, &after, ignore);
    if (returned == (after.fault != 0))
        strcat(text, returned ? "no exception; " : "exception; ");
    if (memcmp(memory, native_memory, OPERAND_SIZE))
        strcat(text, "memory; ");
    if (text[0])
        ck_abort_msg(
            "%s (%04x%s%s, imm %02x): %s\nfrom mxcsr %04x dest %016llx%016llx source %016llx%016llx mm %016llx %016llx",
            l->name, l->opcode, f->memory ? ", memory" : "", f->wide ? ", wide" : "", f->imm, text, before.mxcsr,
            (unsigned long long)before.xmm[REG][1], (unsigned long long)before.xmm[REG][0],
            (unsigned long long)before.xmm[RM][1], (unsigned long long)before.xmm[RM][0],
            (unsigned long long)before.st[REG].mantissa, (unsigned long long)before.st[RM].mantissa);
}

static bool has_operand(const struct line *l, u8 a, u8 b)
{
    return l->operand[0] == a || l->operand[1] == a || l->operand[0] == b || l->operand[1] == b;
}

/* The state images have tests of their own. */
static bool is_image(const char *name) { return strstr(name, "SAVE") || strstr(name, "RSTOR") || strstr(name, "XCSR"); }

/* RCPPS and its kin: test_approximations. */
static bool is_approximation(const char *name) { return !strncmp(name, "RCP", 3) || !strncmp(name, "RSQRT", 5); }

START_TEST(test_row_against_host)
{
    const struct line *l = &lines[_i];
    bool wide = has_operand(l, OPR_Ey, OPR_Gy);

    if (!l->exec || is_image(l->name) || is_approximation(l->name))
        return;
    for (unsigned form = 0; form < 4; form++) {
        struct form f = {.line = l, .memory = form & 1, .wide = form & 2};
        bool register_only = (l->modrm & MRC_RM) || has_operand(l, OPR_U, OPR_N);
        if (f.memory ? register_only : (l->modrm & MRC_MEM) != 0)
            continue;
        if (f.wide && !wide)
            continue;
        for (unsigned i = 0; i < 5000; i++) {
            f.imm = (u8)(one_in(2) ? rnd() : rnd() % 20);
            compare_once(&f);
        }
    }
}
END_TEST

/* An operand 8 bytes off alignment: #GP(0) exactly where the host refuses it. */
START_TEST(test_alignment)
{
    const struct line *l = &lines[_i];
    static u8 native_memory[OPERAND_SIZE + 16] __attribute__((aligned(16)));
    struct form f = {.line = l, .memory = true};
    struct native before, after;
    u8 modrm = (u8)(BASE | (l->modrm & MRC_REG ? l->modrm & 7 : REG) << 3), code[16];
    struct op op = make_op(&f, modrm);

    if (!l->exec || is_image(l->name) || (l->modrm & MRC_RM) || has_operand(l, OPR_U, OPR_N))
        return;
    random_state(&before);
    before.mxcsr = 0x1f80;
    before.gpr[BASE] = (u64)native_memory + 8;
    after = before;
    native_execute(&after, code, encode(&f, modrm, code));
    to_cpu(&before);
    op.disp += 8;
    cpu->event.vector = 0;
    if (!strncmp(l->name, "SHA", 3)) /* SDM: "Exceptions Type 4", as all; AMD's take their operands anywhere */
        after.fault = SIGSEGV;
    ck_assert_msg(run(l->exec, &op) == (after.fault == 0), "%s %04x", l->name, l->opcode);
    ck_assert(after.fault == 0 || (after.fault == SIGSEGV && cpu->event.vector == VEC_GP));
}
END_TEST

static double single_value(u32 v)
{
    float f;

    memcpy(&f, &v, 4);
    return (double)f;
}

static u32 approximate(exec_fn *exec, u16 opcode, u32 v)
{
    const struct line l = {.opcode = opcode, .prefix = PFX_PF3};
    struct op op = make_op(&(struct form){.line = &l}, 0xc0 | RM | REG << 3);

    cpu->xmm[RM] = (union xmm){.d = {v, v, v, v}};
    ck_assert(run(exec, &op));
    return cpu->xmm[REG].d[0];
}

static u32 native_approximate(u8 opcode, u32 v)
{
    u8 code[] = {0xf3, 0x0f, opcode, 0xc0 | RM | REG << 3};
    struct native n = {.fcw = 0x37f, .mxcsr = 0x1f80, .rflags = 0x202, .xmm[RM] = {v, 0}};

    native_execute(&n, code, sizeof(code));
    return (u32)n.xmm[REG][0];
}

/* Normal numbers within 1.5 * 2^-12, as the SDM promises; all others give exactly what the host gives. */
START_TEST(test_approximations)
{
    const double bound = 1.5 / 4096;

    for (unsigned i = 0; i < 100000; i++) {
        u32 v = random_single(), r = approximate(exec_RCPSS, 0x0f53, v), q = approximate(exec_RSQRTSS, 0x0f52, v);
        u32 biased = v >> 23 & 0xff;
        bool normal = biased != 0 && biased != 0xff;
        double x = single_value(v), square = single_value(q) * single_value(q) * x;
        if (normal && biased < 253)
            ck_assert_msg(fabs(single_value(r) * x - 1) <= bound, "RCPSS %08x: %08x", v, r);
        else if (!normal || biased == 254)
            ck_assert_msg(r == native_approximate(0x53, v), "RCPSS %08x: %08x", v, r);
        if (normal && !(v >> 31)) /* (1 + e)^2 */
            ck_assert_msg(fabs(square - 1) <= 2 * bound, "RSQRTSS %08x: %08x", v, q);
        else
            ck_assert_msg(q == native_approximate(0x52, v), "RSQRTSS %08x: %08x", v, q);
        cpu->xmm[RM] = (union xmm){.d = {v, ~v, v, ~v}};
        union xmm packed = cpu->xmm[RM];
        struct op op = make_op(&(struct form){.line = &(struct line){.opcode = 0x0f53}}, 0xc0 | RM | REG << 3);
        ck_assert(run(exec_RCPPS, &op));
        ck_assert_uint_eq(cpu->xmm[REG].d[2], r);
        ck_assert_uint_eq(cpu->xmm[REG].d[3], cpu->xmm[REG].d[1]);
        cpu->xmm[RM] = packed;
        ck_assert(run(exec_RSQRTPS, &op));
        ck_assert_uint_eq(cpu->xmm[REG].d[0], q);
    }
}
END_TEST

static bool touches_memory(const struct line *l)
{
    return l->exec && !(l->modrm & MRC_RM) && !has_operand(l, OPR_U, OPR_N) && !strstr(l->name, "PREFETCH");
}

/*
 * FAULTS 13, 14, 16: an operand beyond the segment's limit, whole or in part, leaves registers, MMX state and memory as
 * they were.
 */
START_TEST(test_fault_leaves_no_trace)
{
    const struct line *l = &lines[_i];
    static const u64 offsets[] = {0x20000, 0xffff};

    if (!touches_memory(l))
        return;
    cpu->cr4 |= CR4_OSXSAVE;
    cpu->xcr0 = 3;
    for (unsigned i = 0; i < 2; i++) {
        struct form f = {.line = l, .memory = true};
        struct op op = make_op(&f, (u8)(BASE | (l->modrm & MRC_REG ? l->modrm & 7 : REG) << 3));
        struct native n;
        random_state(&n);
        to_cpu(&n);
        cpu->mode &= ~(u32)MODE_FLAT;
        cpu->RAX = 3;
        op.disp = (s32)offsets[i];
        phys_write(phys, 0xffff, 0x11, 1);
        struct cpu *before = malloc(sizeof(*before));
        *before = *cpu;
        cpu->event.vector = 0;
        bool returned = run(l->exec, &op);
        ck_assert_msg(!returned || (offsets[i] == 0xffff && has_operand(l, OPR_Mb, OPR_Eb)), "%s", l->name);
        if (!returned) {
            ck_assert_int_eq(cpu->event.vector, VEC_GP);
            ck_assert_mem_eq(&cpu->x87, &before->x87, sizeof(cpu->x87));
            ck_assert_mem_eq(cpu->xmm, before->xmm, sizeof(cpu->xmm));
            ck_assert_mem_eq(cpu->gpr, before->gpr, sizeof(cpu->gpr));
            ck_assert_mem_eq(&cpu->f, &before->f, sizeof(cpu->f));
            ck_assert_uint_eq(cpu->mxcsr, before->mxcsr);
            ck_assert_uint_eq(phys_read(phys, 0xffff, 1), 0x11);
        }
        free(before);
    }
}
END_TEST

/*
 * A pending x87 exception is #MF at every instruction with an MMX register, and at no other; MMX state is not entered.
 */
START_TEST(test_pending_x87_exception)
{
    const struct line *l = &lines[_i];
    bool memory = (l->modrm & MRC_MEM) != 0;
    struct form f = {.line = l, .memory = memory};
    struct op op = make_op(&f, (u8)((memory ? BASE : 0xc0 | RM) | (l->modrm & MRC_REG ? l->modrm & 7 : REG) << 3));
    bool mmx = has_operand(l, OPR_P, OPR_Q) || has_operand(l, OPR_N, OPR_N);
    struct native n;

    if (!l->exec || is_image(l->name) || (!memory && (l->modrm & MRC_MEM)))
        return;
    random_state(&n);
    n.mxcsr = 0x1f80;
    n.gpr[BASE] = OPERAND;
    to_cpu(&n);
    cpu->x87.control &= (u16)~FSW_IE;
    cpu->x87.status |= FSW_IE | FSW_ES | FSW_B;
    struct x87 before = cpu->x87;
    bool returned = run(l->exec, &op);
    ck_assert_msg(returned == !mmx, "%s %04x", l->name, l->opcode);
    if (!returned) {
        ck_assert_int_eq(cpu->event.vector, VEC_MF);
        ck_assert_mem_eq(&cpu->x87, &before, sizeof(before));
    }
}
END_TEST

enum { IMAGE = 0x2000, IMAGE_SIZE = 576 };

static struct op image_op(u8 reg, bool wide)
{
    static const u8 zero = offsetof(struct cpu, zero);

    return (struct op){
        .disp = IMAGE,
        .base = zero,
        .index = zero,
        .seg = SEG_DS,
        .asize = 8,
        .osize = wide ? 8 : 4,
        .len = 3,
        .reg = reg,
        .modrm = (u8)(reg << 3 | 7),
        .flags = OP_MEM | OP_CODE64,
        .opcode = 0x0fae,
    };
}

/* FXSAVE's image is the host's, the pointers and the reserved end aside; FXRSTOR takes it back. */
START_TEST(test_fxsave_against_host)
{
    static u8 memory[512] __attribute__((aligned(16))), native_memory[512] __attribute__((aligned(16)));

    for (unsigned i = 0; i < 1000; i++) {
        struct native before, after;
        bool wide = i & 1;
        u8 code[] = {0x48, 0x0f, 0xae, 0x07};
        struct op save = image_op(0, wide), restore = image_op(1, wide);
        random_state(&before);
        memset(native_memory, 0x5a, 512);
        phys_copy_in(phys, IMAGE, native_memory, 512);
        before.gpr[BASE] = (u64)native_memory;
        after = before;
        native_execute(&after, wide ? code : code + 1, wide ? 4 : 3);
        to_cpu(&before);
        cpu->x87.fip = 0x123456789abc, cpu->x87.fcs = 0x33, cpu->x87.fop = 0x123, cpu->x87.fdp = 0xdef012345678,
        cpu->x87.fds = 0x2b;
        struct x87 x87 = cpu->x87;
        ck_assert(run(exec_FXSAVE, &save));
        phys_copy_out(phys, IMAGE, memory, 512);
        ck_assert_mem_eq(memory, native_memory, 6);
        ck_assert_mem_eq(memory + 24, native_memory + 24, 4);
        ck_assert_mem_eq(memory + 32, native_memory + 32, 416 - 32);
        ck_assert_int_eq(memory[416], 0x5a);
        ck_assert_int_eq(memory[511], 0x5a);
        ck_assert_uint_eq(host_load(memory + 6, 2), 0x123);
        ck_assert_uint_eq(host_load(memory + 8, 8), wide ? 0x123456789abc : 0x3356789abc);
        ck_assert_uint_eq(host_load(memory + 16, 8), wide ? 0xdef012345678 : 0x2b12345678);
        memset(cpu->xmm, 0x77, sizeof(cpu->xmm));
        memset(cpu->x87.r, 0, sizeof(cpu->x87.r));
        x87_init(&cpu->x87);
        cpu->mxcsr = 0x1f80;
        ck_assert(run(exec_FXRSTOR, &restore));
        if (wide)
            x87.fcs = x87.fds = 0;
        else
            x87.fip = (u32)x87.fip, x87.fdp = (u32)x87.fdp;
        ck_assert_mem_eq(&cpu->x87, &x87, sizeof(x87));
        ck_assert_mem_eq(cpu->xmm, before.xmm, sizeof(cpu->xmm));
        ck_assert_uint_eq(cpu->mxcsr, before.mxcsr);
    }
}
END_TEST

static bool refused(exec_fn *exec, const struct op *op, unsigned vector)
{
    cpu->event.vector = 0;
    return !run(exec, op) && cpu->event.vector == vector;
}

/* What FXRSTOR, LDMXCSR and the XSAVE family refuse. */
START_TEST(test_state_faults)
{
    struct op op = image_op(0, false);

    cpu->cr4 &= ~CR4_OSXSAVE;
    ck_assert(refused(exec_XSAVE, &op, VEC_UD));
    ck_assert(refused(exec_XRSTOR, &op, VEC_UD));
    cpu->cr4 |= CR4_OSXSAVE;
    cpu->cr0 |= CR0_TS;
    ck_assert(refused(exec_XSAVEOPT, &op, VEC_NM));
    cpu->cr0 &= ~CR0_TS;
    cpu->xcr0 = 3;
    cpu->RAX = 3, cpu->RDX = 0;
    phys_fill(phys, IMAGE, 0, IMAGE_SIZE);
    phys_write(phys, IMAGE + 24, 0x1f80, 4);
    ck_assert(run(exec_XRSTOR, &op));
    for (unsigned at = 512; at < 512 + 24; at++) { /* XSTATE_BV beyond XCR0, XCOMP_BV, reserved */
        phys_write(phys, IMAGE + at, at == 512 ? 4 : 1, 1);
        ck_assert(refused(exec_XRSTOR, &op, VEC_GP));
        phys_write(phys, IMAGE + at, 0, 1);
    }
    phys_write(phys, IMAGE + 24, 0x11f80, 4);
    ck_assert(refused(exec_XRSTOR, &op, VEC_GP));
    ck_assert(refused(exec_FXRSTOR, &op, VEC_GP));
    cpu->RAX = 1; /* MXCSR is not asked for */
    ck_assert(run(exec_XRSTOR, &op));
    op.disp = IMAGE + 24;
    ck_assert(refused(exec_LDMXCSR, &op, VEC_GP));
    op.disp = IMAGE + 8;
    ck_assert(refused(exec_FXSAVE, &op, VEC_GP));
    op.disp = IMAGE + 32;
    ck_assert(refused(exec_XSAVE, &op, VEC_GP));
    ck_assert(refused(exec_XRSTOR, &op, VEC_GP));
}
END_TEST

/* SDM Vol. 1, "Operation of XSAVE", "... XSAVEOPT", "... XRSTOR". */
START_TEST(test_xsave)
{
    struct op op = image_op(4, true);
    struct native n;

    cpu->cr4 |= CR4_OSXSAVE;
    cpu->xcr0 = 3;
    random_state(&n);
    n.xmm[3][0] = 0x1234, n.ftw = 0xff;
    to_cpu(&n);
    cpu->x87.fcs = cpu->x87.fds = 0;
    struct x87 x87 = cpu->x87;
    phys_fill(phys, IMAGE, 0x5a, IMAGE_SIZE);
    cpu->RAX = 2, cpu->RDX = 0;
    ck_assert(run(exec_XSAVE, &op));
    ck_assert_uint_eq(phys_read(phys, IMAGE, 8), 0x5a5a5a5a5a5a5a5a);
    ck_assert_uint_eq(phys_read(phys, IMAGE + 32, 8), 0x5a5a5a5a5a5a5a5a);
    ck_assert_uint_eq(phys_read(phys, IMAGE + 24, 8), cpu->mxcsr | 0xffffull << 32);
    ck_assert_uint_eq(phys_read(phys, IMAGE + 512, 8), 0x5a5a5a5a5a5a5a5a | 2);
    ck_assert_uint_eq(phys_read(phys, IMAGE + 520, 8), 0x5a5a5a5a5a5a5a5a);
    phys_fill(phys, IMAGE + 512, 0, 64);
    cpu->RAX = cpu->RDX = 0xffffffff;
    ck_assert(run(exec_XSAVE, &op));
    ck_assert_uint_eq(phys_read(phys, IMAGE + 512, 8), 3);

    /* XSAVEOPT leaves out what is in its initial configuration, and says so. */
    memset(cpu->xmm, 0, sizeof(cpu->xmm));
    ck_assert(run(exec_XSAVEOPT, &op));
    ck_assert_uint_eq(phys_read(phys, IMAGE + 512, 8), 1);
    ck_assert_uint_eq(phys_read(phys, IMAGE + 160 + 48, 8), 0x1234);

    /* XRSTOR: x87 from the image, SSE to its initial configuration, MXCSR from the image all the same. */
    memset(cpu->xmm, 0x77, sizeof(cpu->xmm));
    x87_init(&cpu->x87);
    cpu->mxcsr = 0x1f80;
    ck_assert(run(exec_XRSTOR, &op));
    ck_assert_mem_eq(&cpu->x87, &x87, sizeof(x87));
    ck_assert_uint_eq(cpu->xmm[3].q[0] | cpu->xmm[15].q[1], 0);
    ck_assert_uint_eq(cpu->mxcsr, n.mxcsr);
    phys_write(phys, IMAGE + 512, 2, 8);
    ck_assert(run(exec_XRSTOR, &op));
    ck_assert_uint_eq(cpu->x87.control, 0x37f);
    ck_assert_uint_eq(cpu->x87.tag, 0xffff);
    ck_assert_uint_eq(cpu->xmm[3].q[0], 0x1234);
}
END_TEST

enum { AT_BITMAP = 512, AT_LAYOUT = 520, COMPACTED_PKRU = 576, STANDARD_PKRU = 0xa80 };

/* SDM Vol. 1, "Operation of XSAVEC": what is saved is what is in use, and MXCSR goes with SSE. */
START_TEST(test_xsavec)
{
    struct op op = image_op(4, true);
    const u64 none = 0x5a5a5a5a5a5a5a5a;

    cpu->cr4 |= CR4_OSXSAVE;
    cpu->xcr0 = 0x203;
    cpu->RAX = cpu->RDX = 0xffffffff;
    x87_init(&cpu->x87);
    memset(cpu->x87.r, 0, sizeof(cpu->x87.r));
    memset(cpu->xmm, 0, sizeof(cpu->xmm));
    cpu->mxcsr = MXCSR_INIT;
    cpu->pkru = 0;
    phys_fill(phys, IMAGE, 0x5a, 4096);
    ck_assert(run(exec_XSAVEC, &op)); /* all in its initial configuration: the header alone */
    ck_assert_uint_eq(phys_read(phys, IMAGE + AT_BITMAP, 8), 0);
    ck_assert_uint_eq(phys_read(phys, IMAGE + AT_LAYOUT, 8), BIT(63) | 0x203);
    ck_assert_uint_eq(phys_read(phys, IMAGE, 8), none);
    ck_assert_uint_eq(phys_read(phys, IMAGE + 24, 8), none);
    ck_assert_uint_eq(phys_read(phys, IMAGE + 528, 8), none);
    ck_assert_uint_eq(phys_read(phys, IMAGE + COMPACTED_PKRU, 8), none);

    cpu->mxcsr = 0x1fa0; /* makes SSE be in use */
    cpu->pkru = 0x12345678;
    ck_assert(run(exec_XSAVEC, &op));
    ck_assert_uint_eq(phys_read(phys, IMAGE + AT_BITMAP, 8), 0x202);
    ck_assert_uint_eq(phys_read(phys, IMAGE + 24, 4), 0x1fa0);
    ck_assert_uint_eq(phys_read(phys, IMAGE + 160, 8), 0);
    ck_assert_uint_eq(phys_read(phys, IMAGE + COMPACTED_PKRU, 4), 0x12345678);

    /* XRSTOR of it: what is absent is initialised, MXCSR with SSE. */
    phys_fill(phys, IMAGE + 528, 0, 48);
    cpu->mxcsr = 0x1f80, cpu->pkru = 0;
    cpu->x87.control = 0x27f;
    ck_assert(run(exec_XRSTOR, &op));
    ck_assert_uint_eq(cpu->mxcsr, 0x1fa0);
    ck_assert_uint_eq(cpu->pkru, 0x12345678);
    ck_assert_uint_eq(cpu->x87.control, 0x37f);
    phys_write(phys, IMAGE + AT_BITMAP, 0x200, 8);
    ck_assert(run(exec_XRSTOR, &op));
    ck_assert_uint_eq(cpu->mxcsr, MXCSR_INIT);
    cpu->RAX = 1, cpu->RDX = 0; /* nothing but x87 is asked for */
    cpu->mxcsr = 0x1fa0, cpu->pkru = 1;
    ck_assert(run(exec_XRSTOR, &op));
    ck_assert_uint_eq(cpu->mxcsr, 0x1fa0);
    ck_assert_uint_eq(cpu->pkru, 1);

    /* XINUSE by XGETBV. */
    memset(cpu->xmm, 0, sizeof(cpu->xmm));
    struct op xgetbv = {.len = 3};
    cpu->RCX = 1;
    exec_XGETBV(cpu, &xgetbv);
    ck_assert_uint_eq(cpu->RAX, 0x200);
}
END_TEST

/* PKRU in the standard format has the place CPUID names; without a change of rights nothing is flushed. */
START_TEST(test_xsave_pkru)
{
    struct op op = image_op(4, true);
    u32 leaf[4];

    cpu->cr4 |= CR4_OSXSAVE;
    control_write_xcr0(cpu, 0x203);
    cpuid_query(cpu, 0xd, 9, leaf);
    ck_assert_uint_eq(leaf[CPUID_EAX], 8);
    ck_assert_uint_eq(leaf[CPUID_EBX], STANDARD_PKRU);
    ck_assert_uint_eq(leaf[CPUID_ECX], 0);
    cpuid_query(cpu, 0xd, 0, leaf);
    ck_assert_uint_eq(leaf[CPUID_EBX], STANDARD_PKRU + 8);
    cpuid_query(cpu, 0xd, 1, leaf);
    ck_assert_uint_eq(leaf[CPUID_EAX] & 7, 7);
    ck_assert_uint_eq(leaf[CPUID_EBX], COMPACTED_PKRU + 8);
    control_write_xcr0(cpu, 3);
    cpuid_query(cpu, 0xd, 0, leaf);
    ck_assert_uint_eq(leaf[CPUID_EBX], 576);
    ck_assert_uint_eq(leaf[CPUID_ECX], STANDARD_PKRU + 8);
    control_write_xcr0(cpu, 0x203);

    cpu->RAX = 0x200, cpu->RDX = 0;
    phys_fill(phys, IMAGE, 0, 4096);
    cpu->pkru = 0xc;
    ck_assert(run(exec_XSAVE, &op));
    ck_assert_uint_eq(phys_read(phys, IMAGE + STANDARD_PKRU, 8), 0xc);
    ck_assert_uint_eq(phys_read(phys, IMAGE + AT_BITMAP, 8), 0x200);
    cpu->pkru = 0;
    ck_assert(run(exec_XSAVEOPT, &op)); /* initial: not written */
    ck_assert_uint_eq(phys_read(phys, IMAGE + STANDARD_PKRU, 8), 0xc);
    ck_assert_uint_eq(phys_read(phys, IMAGE + AT_BITMAP, 8), 0);
    phys_write(phys, IMAGE + AT_BITMAP, 0x200, 8);
    u16 generation = cpu->tlb_generation;
    ck_assert(run(exec_XRSTOR, &op));
    ck_assert_uint_eq(cpu->pkru, 0xc);
    ck_assert_uint_ne(cpu->tlb_generation, generation);
    generation = cpu->tlb_generation;
    ck_assert(run(exec_XRSTOR, &op));
    ck_assert_uint_eq(cpu->tlb_generation, generation);
}
END_TEST

/* SDM, "XRSTOR": what the compacted form's header must not hold. */
START_TEST(test_compacted_header)
{
    struct op op = image_op(4, true);
    static const struct {
        u64 bitmap, layout;
        bool good;
    } headers[] = {
        {0, BIT(63), true},          {2, BIT(63) | 3, true},         {3, BIT(63) | 2, false},
        {4, BIT(63) | 4, false},     {0, BIT(63) | 4, false},        {0, 3, false},
        {BIT(63), BIT(63), false},   {0x200, BIT(63) | 0x200, true}, {0, BIT(63) | BIT(62), false},
        {0x201, BIT(63) | 1, false},
    };

    cpu->cr4 |= CR4_OSXSAVE;
    cpu->xcr0 = 0x203;
    cpu->RAX = cpu->RDX = 0xffffffff;
    phys_fill(phys, IMAGE, 0, 4096);
    for (unsigned i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        phys_write(phys, IMAGE + AT_BITMAP, headers[i].bitmap, 8);
        phys_write(phys, IMAGE + AT_LAYOUT, headers[i].layout, 8);
        ck_assert_msg(headers[i].good ? run(exec_XRSTOR, &op) : refused(exec_XRSTOR, &op, VEC_GP), "header %u", i);
    }
    phys_write(phys, IMAGE + AT_BITMAP, 0, 8);
    phys_write(phys, IMAGE + AT_LAYOUT, BIT(63), 8);
    for (unsigned at = 528; at < 576; at++) {
        phys_write(phys, IMAGE + at, 1, 1);
        ck_assert(refused(exec_XRSTOR, &op, VEC_GP));
        phys_write(phys, IMAGE + at, 0, 1);
    }
    cpu->features.has[FEAT_XSAVEC >> 6] &= ~BIT(FEAT_XSAVEC & 63); /* who has no XSAVEC knows no other format */
    ck_assert(refused(exec_XRSTOR, &op, VEC_GP));
}
END_TEST

int main(void)
{
    Suite *s = suite_create("sse");
    TCase *t = tcase_create("host");
    int failed;

    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_loop_test(t, test_row_against_host, 0, LINES);
    tcase_add_loop_test(t, test_alignment, 0, LINES);
    tcase_add_loop_test(t, test_fault_leaves_no_trace, 0, LINES);
    tcase_add_loop_test(t, test_pending_x87_exception, 0, LINES);
    tcase_add_test(t, test_approximations);
    tcase_add_test(t, test_fxsave_against_host);
    tcase_add_test(t, test_state_faults);
    tcase_add_test(t, test_xsave);
    tcase_add_test(t, test_xsavec);
    tcase_add_test(t, test_xsave_pkru);
    tcase_add_test(t, test_compacted_header);
    tcase_set_timeout(t, 60);
    suite_add_tcase(s, t);
    SRunner *r = srunner_create(s);
    srunner_run_all(r, CK_NORMAL);
    failed = srunner_ntests_failed(r);
    srunner_free(r);
    return failed ? 1 : 0;
}
