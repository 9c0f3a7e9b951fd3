/* SPDX-License-Identifier: MIT */
/* x87 arithmetic, comparison and transcendental instructions (SDM Vol. 1, "x87 FPU Instruction Set"). */
#include "cpu/x87.h"

/* ST(i) := ST(i) op source, and pop. `source` NULL: empty. */
static void arithmetic(struct cpu *cpu, unsigned i, x87_binary_fn *f, const void *source, bool pop)
{
    struct x87 *x = &cpu->x87;
    fp80 *dest = x87_st(x, i);

    if (unlikely(!source || x87_empty(x, i))) {
        if (!x87_underflow(cpu))
            return;
        *dest = x87_indefinite();
        x87_set_full(x, i);
    } else {
        fp80 result = *dest;
        if (!x87_commit(cpu, f(x, &result, source)))
            return;
        *dest = result;
    }
    if (pop)
        x87_pop(x);
}

static const void *st_or_null(struct x87 *x, unsigned i) { return x87_empty(x, i) ? NULL : x87_st(x, i); }

/* D8 and DC: m32fp or m64fp, or ST(0), ST(i) and ST(i), ST(0). */
static void real_form(struct cpu *cpu, const struct op *op, const struct x87_arithmetic *f)
{
    bool wide = op->opcode == 0xdc;
    unsigned i = op->modrm & 7;

    x87_check_pending(cpu);
    if (op_is_mem(op)) {
        u64 source = operand_read(cpu, op, wide ? 8 : 4);
        x87_note(cpu, op);
        arithmetic(cpu, 0, wide ? f->real64 : f->single, &source, false);
    } else {
        x87_note(cpu, op);
        arithmetic(cpu, wide ? i : 0, f->extended, st_or_null(&cpu->x87, wide ? 0 : i), false);
    }
}

/* DA and DE: m32int or m16int. */
static fp80 read_integer(struct cpu *cpu, const struct op *op)
{
    x87_check_pending(cpu);
    u64 v = operand_read(cpu, op, op->opcode == 0xda ? 4 : 2);
    x87_note(cpu, op);
    return x87_from_integer(op->opcode == 0xda ? (s32)v : (s16)v);
}

static void integer_form(struct cpu *cpu, const struct op *op, const struct x87_arithmetic *f)
{
    fp80 source = read_integer(cpu, op);
    arithmetic(cpu, 0, f->extended, &source, false);
}

static void pop_form(struct cpu *cpu, const struct op *op, const struct x87_arithmetic *f)
{
    struct x87 *x = x87_begin(cpu, op);
    arithmetic(cpu, op->modrm & 7, f->extended, st_or_null(x, 0), true);
}

void exec_FADD(struct cpu *cpu, const struct op *op) { real_form(cpu, op, &x87_add); }
void exec_FMUL(struct cpu *cpu, const struct op *op) { real_form(cpu, op, &x87_mul); }
void exec_FSUB(struct cpu *cpu, const struct op *op) { real_form(cpu, op, &x87_sub); }
void exec_FSUBR(struct cpu *cpu, const struct op *op) { real_form(cpu, op, &x87_subr); }
void exec_FDIV(struct cpu *cpu, const struct op *op) { real_form(cpu, op, &x87_div); }
void exec_FDIVR(struct cpu *cpu, const struct op *op) { real_form(cpu, op, &x87_divr); }
void exec_FIADD(struct cpu *cpu, const struct op *op) { integer_form(cpu, op, &x87_add); }
void exec_FIMUL(struct cpu *cpu, const struct op *op) { integer_form(cpu, op, &x87_mul); }
void exec_FISUB(struct cpu *cpu, const struct op *op) { integer_form(cpu, op, &x87_sub); }
void exec_FISUBR(struct cpu *cpu, const struct op *op) { integer_form(cpu, op, &x87_subr); }
void exec_FIDIV(struct cpu *cpu, const struct op *op) { integer_form(cpu, op, &x87_div); }
void exec_FIDIVR(struct cpu *cpu, const struct op *op) { integer_form(cpu, op, &x87_divr); }
void exec_FADDP(struct cpu *cpu, const struct op *op) { pop_form(cpu, op, &x87_add); }
void exec_FMULP(struct cpu *cpu, const struct op *op) { pop_form(cpu, op, &x87_mul); }
void exec_FSUBP(struct cpu *cpu, const struct op *op) { pop_form(cpu, op, &x87_sub); }
void exec_FSUBRP(struct cpu *cpu, const struct op *op) { pop_form(cpu, op, &x87_subr); }
void exec_FDIVP(struct cpu *cpu, const struct op *op) { pop_form(cpu, op, &x87_div); }
void exec_FDIVRP(struct cpu *cpu, const struct op *op) { pop_form(cpu, op, &x87_divr); }
X87_ROW(FADD);
X87_ROW(FMUL);
X87_ROW(FSUB);
X87_ROW(FSUBR);
X87_ROW(FDIV);
X87_ROW(FDIVR);
IRREGULAR(FIADD);
IRREGULAR(FIMUL);
IRREGULAR(FISUB);
IRREGULAR(FISUBR);
IRREGULAR(FIDIV);
IRREGULAR(FIDIVR);
X87_ROW(FADDP);
X87_ROW(FMULP);
X87_ROW(FSUBP);
X87_ROW(FSUBRP);
X87_ROW(FDIVP);
X87_ROW(FDIVRP);

static void set_conditions(struct x87 *x, u16 status, u16 which)
{
    x->status = (u16)((x->status & ~which) | (status & which));
}

/*
 * Compare ST(0) with source: C3, C2, C0 come as *codes, unordered when the stack has no operand. False if an unmasked
 * exception was found; the processors report the codes all the same, and only keep the stack.
 */
static bool compare(struct cpu *cpu, x87_binary_fn *f, const void *source, u16 *codes)
{
    struct x87 *x = &cpu->x87;

    if (unlikely(!source || x87_empty(x, 0))) {
        *codes = FSW_C3 | FSW_C2 | FSW_C0;
        return x87_underflow(cpu);
    }
    fp80 unchanged = *x87_st(x, 0);
    *codes = f(x, &unchanged, source);
    return x87_commit(cpu, *codes & ~FSW_C1);
}

static void compare_codes(struct cpu *cpu, x87_binary_fn *f, const void *source, unsigned pops)
{
    struct x87 *x = &cpu->x87;
    u16 codes;
    bool done = compare(cpu, f, source, &codes);

    set_conditions(x, codes, FSW_C3 | FSW_C2 | FSW_C0);
    while (done && pops--)
        x87_pop(x);
}

static void compare_real(struct cpu *cpu, const struct op *op, unsigned pops)
{
    x87_check_pending(cpu);
    if (op_is_mem(op)) {
        bool wide = op->opcode == 0xdc;
        u64 source = operand_read(cpu, op, wide ? 8 : 4);
        x87_note(cpu, op);
        compare_codes(cpu, wide ? x87_com.real64 : x87_com.single, &source, pops);
    } else {
        x87_note(cpu, op);
        compare_codes(cpu, x87_com.extended, st_or_null(&cpu->x87, op->modrm & 7), pops);
    }
}

static void compare_integer(struct cpu *cpu, const struct op *op, unsigned pops)
{
    fp80 source = read_integer(cpu, op);
    compare_codes(cpu, x87_com.extended, &source, pops);
}

static void compare_unordered(struct cpu *cpu, const struct op *op, unsigned pops)
{
    struct x87 *x = x87_begin(cpu, op);
    compare_codes(cpu, x87_ucom, st_or_null(x, op->modrm & 7), pops);
}

void exec_FCOM(struct cpu *cpu, const struct op *op) { compare_real(cpu, op, 0); }
void exec_FCOMP(struct cpu *cpu, const struct op *op) { compare_real(cpu, op, 1); }
void exec_FCOMPP(struct cpu *cpu, const struct op *op) { compare_real(cpu, op, 2); }
void exec_FICOM(struct cpu *cpu, const struct op *op) { compare_integer(cpu, op, 0); }
void exec_FICOMP(struct cpu *cpu, const struct op *op) { compare_integer(cpu, op, 1); }
void exec_FUCOM(struct cpu *cpu, const struct op *op) { compare_unordered(cpu, op, 0); }
void exec_FUCOMP(struct cpu *cpu, const struct op *op) { compare_unordered(cpu, op, 1); }
void exec_FUCOMPP(struct cpu *cpu, const struct op *op) { compare_unordered(cpu, op, 2); }
IRREGULAR(FCOM);
IRREGULAR(FCOMP);
IRREGULAR(FCOMPP);
IRREGULAR(FICOM);
IRREGULAR(FICOMP);
IRREGULAR(FUCOM);
IRREGULAR(FUCOMP);
IRREGULAR(FUCOMPP);

/* SDM, "FCOMI/FCOMIP/FUCOMI/FUCOMIP": ZF, PF and CF as C3, C2 and C0 are for FCOM. */
static void compare_flags(struct cpu *cpu, const struct op *op, x87_binary_fn *f, bool pop)
{
    struct x87 *x = x87_begin(cpu, op);
    u16 codes;
    bool done = compare(cpu, f, st_or_null(x, op->modrm & 7), &codes);

    flags_compare(cpu, codes & FSW_C3, codes & FSW_C2, codes & FSW_C0);
    if (done && pop)
        x87_pop(x);
}

void exec_FCOMI(struct cpu *cpu, const struct op *op) { compare_flags(cpu, op, x87_com.extended, false); }
void exec_FCOMIP(struct cpu *cpu, const struct op *op) { compare_flags(cpu, op, x87_com.extended, true); }
void exec_FUCOMI(struct cpu *cpu, const struct op *op) { compare_flags(cpu, op, x87_ucom, false); }
void exec_FUCOMIP(struct cpu *cpu, const struct op *op) { compare_flags(cpu, op, x87_ucom, true); }
IRREGULAR(FCOMI);
IRREGULAR(FCOMIP);
IRREGULAR(FUCOMI);
IRREGULAR(FUCOMIP);

void exec_FTST(struct cpu *cpu, const struct op *op)
{
    struct x87 *x = x87_begin(cpu, op);

    if (x87_empty(x, 0)) {
        x->status |= FSW_C3 | FSW_C2 | FSW_C0;
        x87_underflow(cpu);
        return;
    }
    fp80 unchanged = *x87_st(x, 0);
    u16 codes = x87_tst(x, &unchanged);
    x87_commit(cpu, codes & ~FSW_C1);
    set_conditions(x, codes, FSW_C3 | FSW_C2 | FSW_C0);
}
IRREGULAR(FTST);

/* SDM, "FXAM": class in C3, C2, C0, sign in C1, of an empty register too. */
void exec_FXAM(struct cpu *cpu, const struct op *op)
{
    struct x87 *x = x87_begin(cpu, op);
    fp80 unchanged = *x87_st(x, 0);
    u16 codes = x87_xam(x, &unchanged);

    if (x87_empty(x, 0))
        codes = (codes & FSW_C1) | FSW_C3 | FSW_C0;
    set_conditions(x, codes, FSW_CONDITIONS);
}
IRREGULAR(FXAM);

static void unary(struct cpu *cpu, const struct op *op, x87_unary_fn *f)
{
    struct x87 *x = x87_begin(cpu, op);

    if (x87_empty(x, 0)) {
        if (x87_underflow(cpu)) {
            *x87_st(x, 0) = x87_indefinite();
            x87_set_full(x, 0);
        }
        return;
    }
    fp80 result = *x87_st(x, 0);
    if (x87_commit(cpu, f(x, &result)))
        *x87_st(x, 0) = result;
}

void exec_FSQRT(struct cpu *cpu, const struct op *op) { unary(cpu, op, x87_sqrt); }
void exec_FRNDINT(struct cpu *cpu, const struct op *op) { unary(cpu, op, x87_rndint); }
void exec_F2XM1(struct cpu *cpu, const struct op *op) { unary(cpu, op, x87_2xm1); }
X87_ROW(FSQRT);
IRREGULAR(FRNDINT);
IRREGULAR(F2XM1);

/* FSIN, FCOS: C2 tells that the operand is outside -2^63 .. 2^63, and unchanged. */
static void circular(struct cpu *cpu, const struct op *op, x87_unary_fn *f)
{
    struct x87 *x = x87_begin(cpu, op);

    x->status &= (u16)~FSW_C2;
    if (x87_empty(x, 0)) {
        if (x87_underflow(cpu)) {
            *x87_st(x, 0) = x87_indefinite();
            x87_set_full(x, 0);
        }
        return;
    }
    fp80 result = *x87_st(x, 0);
    u16 status = f(x, &result);
    if (x87_commit(cpu, status)) {
        set_conditions(x, status, FSW_C2);
        *x87_st(x, 0) = result;
    }
}

void exec_FSIN(struct cpu *cpu, const struct op *op) { circular(cpu, op, x87_sin); }
void exec_FCOS(struct cpu *cpu, const struct op *op) { circular(cpu, op, x87_cos); }
IRREGULAR(FSIN);
IRREGULAR(FCOS);

static bool is_nan(fp80 a) { return (a.exponent & 0x7fff) == 0x7fff && a.mantissa << 1; }

/*
 * FSCALE, FPREM, FPREM1: ST(0) := f(ST(0), ST(1)). The remainders report in the condition codes: C2 that they are
 * incomplete, the others the quotient's low bits; without a remainder C2 is 0, and C0 and C3 stay.
 */
static void with_st1(struct cpu *cpu, const struct op *op, x87_binary_fn *f, bool remainder)
{
    struct x87 *x = x87_begin(cpu, op);

    if (remainder)
        x->status &= (u16)~FSW_C2;
    if (x87_empty(x, 0) || x87_empty(x, 1)) {
        arithmetic(cpu, 0, f, NULL, false);
        return;
    }
    fp80 result = *x87_st(x, 0);
    u16 status = f(x, &result, x87_st(x, 1));
    if (!x87_commit(cpu, status))
        return;
    *x87_st(x, 0) = result;
    if (remainder && !is_nan(result))
        set_conditions(x, status, FSW_CONDITIONS);
}

void exec_FSCALE(struct cpu *cpu, const struct op *op) { with_st1(cpu, op, x87_scale, false); }
void exec_FPREM(struct cpu *cpu, const struct op *op) { with_st1(cpu, op, x87_prem, true); }
void exec_FPREM1(struct cpu *cpu, const struct op *op) { with_st1(cpu, op, x87_prem1, true); }
IRREGULAR(FSCALE);
IRREGULAR(FPREM);
IRREGULAR(FPREM1);

/* FPATAN, FYL2X, FYL2XP1: ST(1) := f(ST(0), ST(1)), pop. */
static void popping(struct cpu *cpu, const struct op *op, x87_double_fn *f)
{
    struct x87 *x = x87_begin(cpu, op);

    if (x87_empty(x, 0) || x87_empty(x, 1)) {
        if (!x87_underflow(cpu))
            return;
        *x87_st(x, 1) = x87_indefinite();
        x87_set_full(x, 1);
        x87_pop(x);
        return;
    }
    fp80 a = *x87_st(x, 0), result = *x87_st(x, 1);
    bool moved;
    x87_commit(cpu, f(x, &a, &result, &moved));
    if (moved) {
        *x87_st(x, 1) = result;
        x87_pop(x);
    }
}

void exec_FPATAN(struct cpu *cpu, const struct op *op) { popping(cpu, op, x87_patan); }
void exec_FYL2X(struct cpu *cpu, const struct op *op) { popping(cpu, op, x87_yl2x); }
void exec_FYL2XP1(struct cpu *cpu, const struct op *op) { popping(cpu, op, x87_yl2xp1); }
IRREGULAR(FPATAN);
IRREGULAR(FYL2X);
IRREGULAR(FYL2XP1);

/*
 * FPTAN, FSINCOS, FXTRACT: ST(0) := one result, push the other. conditions: FSW_C2 where it tells an operand out of
 * range.
 */
static void pushing(struct cpu *cpu, const struct op *op, x87_double_fn *f, u16 conditions)
{
    struct x87 *x = x87_begin(cpu, op);
    fp80 a = *x87_st(x, 0), b = x87_indefinite();

    x->status &= (u16)~conditions;
    if (x87_empty(x, 0) || !x87_empty(x, 7)) {
        if (!(x87_empty(x, 0) ? x87_underflow(cpu) : x87_overflow(cpu)))
            return;
        *x87_st(x, 0) = x87_indefinite();
        x87_set_full(x, 0);
        x87_push(x, x87_indefinite());
        return;
    }
    bool moved;
    u16 status = f(x, &a, &b, &moved);
    if (!x87_commit(cpu, status))
        return;
    set_conditions(x, status, conditions);
    *x87_st(x, 0) = a;
    if (moved)
        x87_push(x, b);
}

void exec_FPTAN(struct cpu *cpu, const struct op *op) { pushing(cpu, op, x87_ptan, FSW_C2); }
void exec_FSINCOS(struct cpu *cpu, const struct op *op) { pushing(cpu, op, x87_sincos, FSW_C2); }
void exec_FXTRACT(struct cpu *cpu, const struct op *op) { pushing(cpu, op, x87_xtract, 0); }
IRREGULAR(FPTAN);
IRREGULAR(FSINCOS);
IRREGULAR(FXTRACT);
