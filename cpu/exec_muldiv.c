/* SPDX-License-Identifier: MIT */
/* Multiplication, division, decimal adjustment. */
#include "cpu/fault.h"
#include "cpu/flags.h"

/* rDX:rAX (AX for bytes) := x. */
ALWAYS_INLINE void write_product(struct cpu *cpu, u64 low, u64 high, unsigned width)
{
    if (width == 1) {
        host_store((u8 *)&cpu->RAX, low, 2);
        return;
    }
    place_write(place_reg(cpu, offsetof(struct cpu, gpr[REG_RAX])), low, width);
    place_write(place_reg(cpu, offsetof(struct cpu, gpr[REG_RDX])), high, width);
}

/* CF = OF = the upper half is significant. SF, ZF, AF, PF are undefined: as the low half says. */
ALWAYS_INLINE void flags_product(struct cpu *cpu, u64 low, bool significant, unsigned width)
{
    flags_result(cpu, low, width);
    cpu->f.carries = 0;
    flags_carry_overflow(cpu, significant, significant);
}

SEMANTICS(MUL)
{
    UNUSED_WORDS;
    unsigned __int128 x = (unsigned __int128)truncate(cpu->RAX, width) * READ(SRC);
    u64 high = TRUNC((u64)(x >> BITS_IN_WIDTH));
    write_product(cpu, (u64)x, high, width);
    flags_product(cpu, (u64)x, high != 0, width);
}

SEMANTICS(IMUL)
{
    UNUSED_WORDS;
    __int128 x = (__int128)(s64)sign_extend(cpu->RAX, width) * (s64)READ_SIGNED(SRC);
    write_product(cpu, (u64)x, (u64)(x >> BITS_IN_WIDTH), width);
    flags_product(cpu, (u64)x, x != (__int128)(s64)sign_extend((u64)x, width), width);
}

SEMANTICS(IMUL2)
{
    UNUSED_WORDS;
    __int128 x = (__int128)(s64)READ_SIGNED(DEST) * (s64)READ_SIGNED(SRC);
    WRITE(DEST, (u64)x);
    flags_product(cpu, (u64)x, x != (__int128)(s64)SIGNED((u64)x), width);
}

SEMANTICS(IMUL3)
{
    UNUSED_WORDS;
    __int128 x = (__int128)(s64)READ_SIGNED(SRC) * (s64)op->imm;
    WRITE(DEST, (u64)x);
    flags_product(cpu, (u64)x, x != (__int128)(s64)SIGNED((u64)x), width);
}

/* #DE on a zero divisor or a quotient that does not fit, before anything is written. Flags are undefined: left alone.
 */
static _Noreturn NOINLINE void divide_error(struct cpu *cpu, const struct op *op)
{
    cpu->op = op;
    raise_de(cpu);
}

SEMANTICS(DIV)
{
    UNUSED_WORDS;
    u64 d = READ(SRC), q, r;
    if (unlikely(d == 0))
        divide_error(cpu, op);
    if (width == 1) {
        q = (u16)cpu->RAX / d, r = (u16)cpu->RAX % d;
        if (unlikely(q > 0xff))
            divide_error(cpu, op);
        host_store((u8 *)&cpu->RAX, r << 8 | q, 2);
        return;
    }
    unsigned __int128 n = (unsigned __int128)truncate(cpu->RDX, width) << BITS_IN_WIDTH | truncate(cpu->RAX, width);
    if (unlikely(truncate(cpu->RDX, width) >= d))
        divide_error(cpu, op);
    if (width == 8)
        q = (u64)(n / d), r = (u64)(n % d);
    else
        q = (u64)n / d, r = (u64)n % d;
    write_product(cpu, q, r, width);
}

SEMANTICS(IDIV)
{
    UNUSED_WORDS;
    s64 d = (s64)READ_SIGNED(SRC);
    __int128 n, q, r;
    if (unlikely(d == 0))
        divide_error(cpu, op);
    if (width == 1)
        n = (s16)cpu->RAX;
    else
        n = (__int128)((unsigned __int128)sign_extend(cpu->RDX, width) << BITS_IN_WIDTH | truncate(cpu->RAX, width));
    if (width < 8) { /* the dividend fits 64 bits; the one overflow of the host's division is -2^63 / -1 */
        if (unlikely(d == -1 && (s64)n == INT64_MIN))
            divide_error(cpu, op);
        q = (s64)n / d, r = (s64)n % d;
    } else {
        if (unlikely(d == -1 && (unsigned __int128)n == (unsigned __int128)1 << 127))
            divide_error(cpu, op);
        q = n / d, r = n % d;
    }
    if (unlikely(q != (__int128)(s64)SIGNED((u64)q)))
        divide_error(cpu, op);
    if (width == 1)
        host_store((u8 *)&cpu->RAX, (u64)(u8)r << 8 | (u8)q, 2);
    else
        write_product(cpu, (u64)q, (u64)r, width);
}

SOURCE_ANY(MUL, FLAGS_WRITE)
SOURCE_ANY(IMUL, FLAGS_WRITE)
SOURCE_WIDE(IMUL2, FLAGS_WRITE)
SOURCE_WIDE(IMUL3, FLAGS_WRITE)
/* Their #DE shows the flags: what computes them must not be removed. */
SOURCE_ANY(DIV, FLAGS_READ)
SOURCE_ANY(IDIV, FLAGS_READ)

/* Decimal adjustment: the Operation sections of DAA, DAS, AAA, AAS, AAM, AAD, word for word. */
static void set_al_flags(struct cpu *cpu, u8 al, u64 carry_adjust)
{
    host_store((u8 *)&cpu->RAX, al, 1);
    flags_logic(cpu, al, 1);
    flags_set_arith(cpu, (flags_get(cpu) & FLAGS_ARITH & ~(FLAG_CF | FLAG_AF)) | carry_adjust);
}

static void decimal_adjust(struct cpu *cpu, int sign)
{
    u8 old = (u8)cpu->RAX, al = old;
    bool old_cf = flag_carry(cpu), cf = false, af = false;
    if ((al & 15) > 9 || flag_adjust(cpu)) {
        cf = old_cf || (sign > 0 ? al > 0xff - 6 : al < 6);
        al = (u8)(al + sign * 6);
        af = true;
    }
    if (old > 0x99 || old_cf) {
        al = (u8)(al + sign * 0x60);
        cf = true;
    }
    set_al_flags(cpu, al, (cf ? FLAG_CF : 0) | (af ? FLAG_AF : 0));
}

static void exec_DAA(struct cpu *cpu, const struct op *op)
{
    (void)op;
    decimal_adjust(cpu, 1);
}

static void exec_DAS(struct cpu *cpu, const struct op *op)
{
    (void)op;
    decimal_adjust(cpu, -1);
}

/* AAA and AAS adjust AX as a word on the 386 and later (AL and AH apart on the 8086). */
static void ascii_adjust(struct cpu *cpu, int sign)
{
    u16 ax = (u16)cpu->RAX;
    bool adjust = (ax & 15) > 9 || flag_adjust(cpu);
    if (adjust)
        ax = (u16)(ax + sign * 0x106);
    ax &= 0xff0f;
    host_store((u8 *)&cpu->RAX, ax, 2);
    flags_logic(cpu, (u8)ax, 1);
    flags_set_arith(cpu, (flags_get(cpu) & FLAGS_ARITH) | (adjust ? FLAG_CF | FLAG_AF : 0));
}

static void exec_AAA(struct cpu *cpu, const struct op *op)
{
    (void)op;
    ascii_adjust(cpu, 1);
}

static void exec_AAS(struct cpu *cpu, const struct op *op)
{
    (void)op;
    ascii_adjust(cpu, -1);
}

static void exec_AAM(struct cpu *cpu, const struct op *op)
{
    u8 base = (u8)op->imm, al = (u8)cpu->RAX;
    if (base == 0)
        raise_de(cpu);
    host_store((u8 *)&cpu->RAX, (u64)(al / base) << 8 | al % base, 2);
    flags_logic(cpu, al % base, 1);
}

static void exec_AAD(struct cpu *cpu, const struct op *op)
{
    u8 al = (u8)((u8)cpu->RAX + (u8)(cpu->RAX >> 8) * (u8)op->imm);
    host_store((u8 *)&cpu->RAX, al, 2);
    flags_logic(cpu, al, 1);
}

IRREGULAR(DAA);
IRREGULAR(DAS);
IRREGULAR(AAA);
IRREGULAR(AAS);
IRREGULAR(AAM);
IRREGULAR(AAD);
