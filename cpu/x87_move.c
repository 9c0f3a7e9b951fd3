/* SPDX-License-Identifier: MIT */
/*
 * x87 data transfer (SDM Vol. 1, "Data Transfer Instructions" of "x87 FPU Instruction Set"), and what only touches
 * signs and stack.
 */
#include <string.h>

#include "cpu/x87.h"

/* Push a value that needs no conversion, or the indefinite when the stack is full. */
static void push_or_overflow(struct cpu *cpu, fp80 value)
{
    struct x87 *x = &cpu->x87;

    if (unlikely(!x87_empty(x, 7))) {
        if (!x87_overflow(cpu))
            return;
        value = x87_indefinite();
    } else {
        x->status &= (u16)~FSW_C1;
    }
    x87_push(x, value);
}

/* Push what the host makes of a memory operand. */
static void push_converted(struct cpu *cpu, x87_load_fn *f, const void *from)
{
    struct x87 *x = &cpu->x87;
    fp80 value = x87_indefinite();
    bool pushed;

    if (unlikely(!x87_empty(x, 7))) {
        push_or_overflow(cpu, value);
        return;
    }
    x87_commit(cpu, f(x, &value, from, &pushed));
    if (pushed)
        x87_push(x, value);
}

static void load_real(struct cpu *cpu, const struct op *op, unsigned width)
{
    x87_check_pending(cpu);
    u64 v = operand_read(cpu, op, width);
    x87_note(cpu, op);
    push_converted(cpu, width == 4 ? x87_load_single : x87_load_double, &v);
}

static void read_extended(struct cpu *cpu, const struct op *op, void *to)
{
    x87_check_pending(cpu);
    mem_check_alignment(cpu, op->seg, op_ea(cpu, op), 8);
    mem_read_block(cpu, op->seg, op_ea(cpu, op), to, 10);
    x87_note(cpu, op);
}

/* D9 m32fp, DD m64fp, DB m80fp, D9 ST(i) */
void exec_FLD(struct cpu *cpu, const struct op *op)
{
    struct x87 *x = &cpu->x87;
    unsigned i = op->modrm & 7;

    if (op_is_mem(op) && op->opcode != 0xdb) {
        load_real(cpu, op, op->opcode == 0xd9 ? 4 : 8);
    } else if (op_is_mem(op)) {
        fp80 value = {.mantissa = 0, .exponent = 0};
        read_extended(cpu, op, &value);
        push_or_overflow(cpu, value);
    } else {
        x87_begin(cpu, op);
        if (x87_empty(x, i)) { /* reported even if there is no room to push */
            if (x87_underflow(cpu))
                x87_push(x, x87_indefinite());
            return;
        }
        push_or_overflow(cpu, *x87_st(x, i));
    }
}
X87_ROW(FLD);

/* DF /0 m16int, DB m32int, DF /5 m64int */
void exec_FILD(struct cpu *cpu, const struct op *op)
{
    unsigned width = op->opcode == 0xdb ? 4 : (op->modrm >> 3 & 7) == 0 ? 2 : 8;

    x87_check_pending(cpu);
    u64 v = operand_read(cpu, op, width);
    x87_note(cpu, op);
    push_or_overflow(cpu, x87_from_integer((s64)sign_extend(v, width)));
}
X87_ROW(FILD);

void exec_FBLD(struct cpu *cpu, const struct op *op)
{
    u8 bcd[10];

    read_extended(cpu, op, bcd);
    push_converted(cpu, x87_load_bcd, bcd);
}
IRREGULAR(FBLD);

/*
 * FLD1, FLDL2T, FLDL2E, FLDPI, FLDLG2, FLDLN2, FLDZ: a constant of 66 bits, rounded by RC to 64 (SDM,
 * "FLD1/FLDL2T/...").
 */
static void load_constant(struct cpu *cpu, const struct op *op, unsigned number)
{
    static const struct {
        u64 truncated;
        u16 exponent;
        bool inexact, above_half;
    } constants[] = {
        {0x8000000000000000, 0x3fff, false, false},
        {0xd49a784bcd1b8afe, 0x4000, true, false},
        {0xb8aa3b295c17f0bb, 0x3fff, true, true},
        {0xc90fdaa22168c234, 0x4000, true, true},
        {0x9a209a84fbcff798, 0x3ffd, true, true},
        {0xb17217f7d1cf79ab, 0x3ffe, true, true},
        {0, 0, false, false},
    };
    struct x87 *x = x87_begin(cpu, op);
    unsigned rc = x->control >> 10 & 3; /* nearest, down, up, zero */
    bool up = constants[number].inexact && (rc == 2 || (rc == 0 && constants[number].above_half));

    push_or_overflow(cpu, (fp80){.mantissa = constants[number].truncated + up, .exponent = constants[number].exponent});
}

void exec_FLD1(struct cpu *cpu, const struct op *op) { load_constant(cpu, op, 0); }
void exec_FLDL2T(struct cpu *cpu, const struct op *op) { load_constant(cpu, op, 1); }
void exec_FLDL2E(struct cpu *cpu, const struct op *op) { load_constant(cpu, op, 2); }
void exec_FLDPI(struct cpu *cpu, const struct op *op) { load_constant(cpu, op, 3); }
void exec_FLDLG2(struct cpu *cpu, const struct op *op) { load_constant(cpu, op, 4); }
void exec_FLDLN2(struct cpu *cpu, const struct op *op) { load_constant(cpu, op, 5); }
void exec_FLDZ(struct cpu *cpu, const struct op *op) { load_constant(cpu, op, 6); }
X87_ROW(FLD1);
IRREGULAR(FLDL2T);
IRREGULAR(FLDL2E);
IRREGULAR(FLDPI);
IRREGULAR(FLDLG2);
IRREGULAR(FLDLN2);
X87_ROW(FLDZ);

/* What is stored for an empty ST(0): the indefinite of the format. */
static void indefinite_image(u8 *to, unsigned width, bool integer)
{
    fp80 extended = x87_indefinite();
    u64 v;

    if (width == 10 && integer)
        memcpy(to, "\0\0\0\0\0\0\0\xc0\xff\xff", 10); /* packed BCD indefinite */
    else if (width == 10)
        memcpy(to, &extended, 10);
    else {
        v = integer ? BIT(width * 8 - 1) : width == 4 ? 0xffc00000 : 0xfff8000000000000;
        memcpy(to, &v, width);
    }
}

/*
 * Store ST(0) to memory through f, in `width` bytes, and pop. The destination is proven writable before anything
 * changes; an unmasked exception other than inexact leaves memory and stack as they were. f NULL: the extended format,
 * which is stored as it is.
 */
static void store(struct cpu *cpu, const struct op *op, x87_store_fn *f, unsigned width, bool integer, bool pop)
{
    struct x87 *x = &cpu->x87;
    u64 ea = op_ea(cpu, op);
    bool empty = x87_empty(x, 0);
    u16 status = empty ? FSW_IE : 0;
    u8 image[16] = {0};

    x87_check_pending(cpu);
    if (empty)
        indefinite_image(image, width, integer);
    else if (f)
        status = f(x, x87_st(x, 0), image);
    else
        memcpy(image, x87_st(x, 0), 10);

    bool stored = !(status & ~x->control & (FSW_BEFORE | FSW_OE | FSW_UE));
    if (width == 10)
        mem_check_alignment(cpu, op->seg, ea, 8);
    if (!stored)
        mem_probe_write(cpu, op->seg, ea, width);
    else if (width == 10)
        mem_write_block(cpu, op->seg, ea, image, 10);
    else
        operand_write(cpu, op, host_load(image, width), width);

    x87_note(cpu, op);
    if (empty)
        x87_underflow(cpu);
    else
        x87_commit(cpu, status);
    if (stored && pop)
        x87_pop(x);
}

/* ST(i) := ST(0), and pop. */
static void store_register(struct cpu *cpu, const struct op *op, bool pop)
{
    struct x87 *x = x87_begin(cpu, op);
    unsigned i = op->modrm & 7;
    fp80 value = *x87_st(x, 0);

    if (x87_empty(x, 0)) {
        if (!x87_underflow(cpu))
            return;
        value = x87_indefinite();
    } else {
        x->status &= (u16)~FSW_C1;
    }
    *x87_st(x, i) = value;
    x87_set_full(x, i);
    if (pop)
        x87_pop(x);
}

/* D9 m32fp, DD m64fp and ST(i) */
void exec_FST(struct cpu *cpu, const struct op *op)
{
    if (!op_is_mem(op))
        store_register(cpu, op, false);
    else if (op->opcode == 0xd9)
        store(cpu, op, x87_store_single, 4, false, false);
    else
        store(cpu, op, x87_store_double, 8, false, false);
}
X87_ROW(FST);

/* The same, DB m80fp, and the aliases DF D0+i, DF D8+i; D9 D8+i also, but to it an empty ST(0) is no error. */
void exec_FSTP(struct cpu *cpu, const struct op *op)
{
    if (!op_is_mem(op) && op->opcode == 0xd9 && x87_empty(&cpu->x87, 0)) {
        struct x87 *x = x87_begin(cpu, op);
        x->status &= (u16)~FSW_C1;
        x87_pop(x);
    } else if (!op_is_mem(op)) {
        store_register(cpu, op, true);
    } else if (op->opcode == 0xd9) {
        store(cpu, op, x87_store_single, 4, false, true);
    } else if (op->opcode == 0xdd) {
        store(cpu, op, x87_store_double, 8, false, true);
    } else {
        store(cpu, op, NULL, 10, false, true);
    }
}
X87_ROW(FSTP);

/* DF m16int, DB m32int */
void exec_FIST(struct cpu *cpu, const struct op *op)
{
    if (op->opcode == 0xdf)
        store(cpu, op, x87_store_i16, 2, true, false);
    else
        store(cpu, op, x87_store_i32, 4, true, false);
}
IRREGULAR(FIST);

/* DF /3 m16int, DB m32int, DF /7 m64int */
void exec_FISTP(struct cpu *cpu, const struct op *op)
{
    if (op->opcode == 0xdb)
        store(cpu, op, x87_store_i32, 4, true, true);
    else if ((op->modrm >> 3 & 7) == 3)
        store(cpu, op, x87_store_i16, 2, true, true);
    else
        store(cpu, op, x87_store_i64, 8, true, true);
}
X87_ROW(FISTP);

/* DF m16int, DB m32int, DD m64int: SSE3's store with truncation */
void exec_FISTTP(struct cpu *cpu, const struct op *op)
{
    if (op->opcode == 0xdb)
        store(cpu, op, x87_truncate_i32, 4, true, true);
    else if (op->opcode == 0xdf)
        store(cpu, op, x87_truncate_i16, 2, true, true);
    else
        store(cpu, op, x87_truncate_i64, 8, true, true);
}
IRREGULAR(FISTTP);

void exec_FBSTP(struct cpu *cpu, const struct op *op) { store(cpu, op, x87_store_bcd, 10, true, true); }
IRREGULAR(FBSTP);

void exec_FXCH(struct cpu *cpu, const struct op *op)
{
    struct x87 *x = x87_begin(cpu, op);
    unsigned i = op->modrm & 7;
    fp80 *a = x87_st(x, 0), *b = x87_st(x, i), swap;

    if (x87_empty(x, 0) || x87_empty(x, i)) {
        bool a_empty = x87_empty(x, 0), b_empty = x87_empty(x, i);
        if (!x87_underflow(cpu))
            return;
        if (a_empty)
            *a = x87_indefinite();
        if (b_empty)
            *b = x87_indefinite();
        x87_set_full(x, 0);
        x87_set_full(x, i);
    } else {
        x->status &= (u16)~FSW_C1;
    }
    swap = *a;
    *a = *b;
    *b = swap;
}
X87_ROW(FXCH);

/* FCHS, FABS: sign := (sign & keep) ^ flip, of any value, with no exception but an empty stack. */
static void set_sign(struct cpu *cpu, const struct op *op, u16 keep, u16 flip)
{
    struct x87 *x = x87_begin(cpu, op);
    fp80 *a = x87_st(x, 0);

    if (x87_empty(x, 0)) {
        if (x87_underflow(cpu)) {
            *a = x87_indefinite();
            x87_set_full(x, 0);
        }
        return;
    }
    x->status &= (u16)~FSW_C1;
    a->exponent = (a->exponent & keep) ^ flip;
}

void exec_FCHS(struct cpu *cpu, const struct op *op) { set_sign(cpu, op, 0xffff, 0x8000); }
void exec_FABS(struct cpu *cpu, const struct op *op) { set_sign(cpu, op, 0x7fff, 0); }
X87_ROW(FCHS);
X87_ROW(FABS);

/* FCMOVcc: an empty operand is an underflow whether the condition holds or not. */
static void move_if(struct cpu *cpu, const struct op *op, bool holds)
{
    struct x87 *x = x87_begin(cpu, op);
    unsigned i = op->modrm & 7;

    if (x87_empty(x, 0) || x87_empty(x, i)) {
        if (x87_underflow(cpu)) {
            *x87_st(x, 0) = x87_indefinite();
            x87_set_full(x, 0);
        }
        return;
    }
    if (holds)
        *x87_st(x, 0) = *x87_st(x, i);
}

void exec_FCMOVB(struct cpu *cpu, const struct op *op) { move_if(cpu, op, flag_carry(cpu)); }
void exec_FCMOVE(struct cpu *cpu, const struct op *op) { move_if(cpu, op, flag_zero(cpu)); }
void exec_FCMOVBE(struct cpu *cpu, const struct op *op) { move_if(cpu, op, flag_carry(cpu) || flag_zero(cpu)); }
void exec_FCMOVU(struct cpu *cpu, const struct op *op) { move_if(cpu, op, flag_parity(cpu)); }
void exec_FCMOVNB(struct cpu *cpu, const struct op *op) { move_if(cpu, op, !flag_carry(cpu)); }
void exec_FCMOVNE(struct cpu *cpu, const struct op *op) { move_if(cpu, op, !flag_zero(cpu)); }
void exec_FCMOVNBE(struct cpu *cpu, const struct op *op) { move_if(cpu, op, !flag_carry(cpu) && !flag_zero(cpu)); }
void exec_FCMOVNU(struct cpu *cpu, const struct op *op) { move_if(cpu, op, !flag_parity(cpu)); }
IRREGULAR(FCMOVB);
IRREGULAR(FCMOVE);
IRREGULAR(FCMOVBE);
IRREGULAR(FCMOVU);
IRREGULAR(FCMOVNB);
IRREGULAR(FCMOVNE);
IRREGULAR(FCMOVNBE);
IRREGULAR(FCMOVNU);
