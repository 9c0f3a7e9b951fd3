/* SPDX-License-Identifier: MIT */
/* Moves, exchanges, conditional moves, conversions. */
#include "cpu/fault.h"
#include "cpu/flags.h"
#include "cpu/mode.h"

SEMANTICS(MOV)
{
    UNUSED_WORDS;
    WRITE(DEST, READ(SRC));
}
BINARY_FORMS(MOV, tlb_write, ACC_w)

/* MOV r64, imm64 keeps its immediate in the link. */
HANDLER(MOV_imm64)
{
    *(place64 *)((u8 *)cpu + op->d) = op->imm64;
    return next(cpu, op);
}

static op_fn *choose_MOV(const struct op *op, u32 mode)
{
    (void)mode;
    return op->osize == 8 && (op->opcode & 0xf8) == 0xb8 ? MOV_imm64 : NULL;
}
const struct handlers handlers_MOV = {
    .choose = choose_MOV, .rr = MOV_rr, .ri = MOV_ri, .rm = MOV_rm, .mr = MOV_mr, .mi = MOV_mi};

/* Sources narrower than the destination: the semantic's name carries the source's width. */
#define EXTEND(NAME, SW, expression) \
    SEMANTICS(NAME)                  \
    {                                \
        UNUSED_WORDS;                \
        u64 a = place_read(SRC, SW); \
        WRITE(DEST, expression);     \
    }
EXTEND(MOVZX8, 1, a)
EXTEND(MOVZX16, 2, a)
EXTEND(MOVSX8, 1, sign_extend(a, 1))
EXTEND(MOVSX16, 2, sign_extend(a, 2))
EXTEND(MOVSX32, 4, sign_extend(a, 4))
#define FORM_RM_FROM(NAME, W, SW) FORM_RM(NAME, W, SW, , true)
#define EXTEND_FORMS(NAME, SW)         \
    WIDE_WIDTHS(FORM_RR, NAME, , true) \
    WIDE_WIDTHS(FORM_RM_FROM, NAME, SW) TABLE_REG_WIDE(NAME, rr) TABLE_MEM_WIDE(NAME, rm, )
EXTEND_FORMS(MOVZX8, 1)
EXTEND_FORMS(MOVZX16, 2)
EXTEND_FORMS(MOVSX8, 1)
EXTEND_FORMS(MOVSX16, 2)
EXTEND_FORMS(MOVSX32, 4)

static op_fn *pick(const struct op *op, u32 mode, op_fn *const *rr, op_fn *const (*rm)[WIDTHS])
{
    unsigned w = width_index(op->osize);
    return op_is_mem(op) ? rm[operand_form(op, mode)][w] : rr[w];
}

static op_fn *choose_MOVZX(const struct op *op, u32 mode)
{
    return op->opcode & 1 ? pick(op, mode, MOVZX16_rr, MOVZX16_rm) : pick(op, mode, MOVZX8_rr, MOVZX8_rm);
}

static op_fn *choose_MOVSX(const struct op *op, u32 mode)
{
    if (op->opcode == 0x63 && op->osize == 2) /* MOVSXD r16, r/m16 moves a word */
        return pick(op, mode, MOVSX16_rr, MOVSX16_rm);
    if (op->opcode == 0x63)
        return pick(op, mode, MOVSX32_rr, MOVSX32_rm);
    return op->opcode & 1 ? pick(op, mode, MOVSX16_rr, MOVSX16_rm) : pick(op, mode, MOVSX8_rr, MOVSX8_rm);
}
const struct handlers handlers_MOVZX = {.choose = choose_MOVZX};
const struct handlers handlers_MOVSX = {.choose = choose_MOVSX};

/* LEA: the effective address, no segment, no access. */
#define LEA_FORM(NAME, W)                                                                              \
    HANDLER(LEA_bd_##W)                                                                                \
    {                                                                                                  \
        place_write(place_reg(cpu, op->d), reg_at(cpu, op->base) + (u64)op->disp, W);                  \
        return next(cpu, op);                                                                          \
    }                                                                                                  \
    HANDLER(LEA_bis_##W)                                                                               \
    {                                                                                                  \
        place_write(place_reg(cpu, op->d),                                                             \
                    reg_at(cpu, op->base) + (reg_at(cpu, op->index) << op->scale) + (u64)op->disp, W); \
        return next(cpu, op);                                                                          \
    }                                                                                                  \
    HANDLER(LEA_any_##W)                                                                               \
    {                                                                                                  \
        place_write(place_reg(cpu, op->d), op_ea(cpu, op), W);                                         \
        return next(cpu, op);                                                                          \
    }
WIDE_WIDTHS(LEA_FORM, LEA)

static op_fn *choose_LEA(const struct op *op, u32 mode)
{
    static op_fn *const table[3][WIDTHS] = {{NULL, LEA_bd_2, LEA_bd_4, LEA_bd_8},
                                            {NULL, LEA_bis_2, LEA_bis_4, LEA_bis_8},
                                            {NULL, LEA_any_2, LEA_any_4, LEA_any_8}};
    bool plain = op->asize >= op->osize; /* truncation to the operand size covers that to the address size */
    (void)mode;
    return table[plain ? op->index != offsetof(struct cpu, zero) : 2][width_index(op->osize)];
}
const struct handlers handlers_LEA = {.choose = choose_LEA};

SEMANTICS(XCHG)
{
    UNUSED_WORDS;
    u64 a = READ(DEST), b = READ(SRC);
    WRITE(DEST, b);
    WRITE(SRC, a);
}
#define EXCHANGE_FORMS(NAME)          \
    ALL_WIDTHS(FORM_RR, NAME, , true) \
    ALL_WIDTHS(FORM_MR, NAME, tlb_write, ACC_rw) TABLE_REG(NAME, rr) TABLE_MEM(NAME, mr, )
EXCHANGE_FORMS(XCHG)

HANDLER(NOP_any) { return next(cpu, op); }

/* 90 exchanges rAX with itself: NOP, which in 64-bit mode does not clear the upper half of RAX. */
static op_fn *choose_XCHG(const struct op *op, u32 mode)
{
    (void)mode;
    return op->opcode == 0x90 && op->d == offsetof(struct cpu, gpr[REG_RAX]) ? NOP_any : NULL;
}
const struct handlers handlers_XCHG = {.choose = choose_XCHG, .rr = XCHG_rr, .mr = XCHG_mr};

/* F3 90 is PAUSE, but with REX.B still an exchange with R8 (seen on AMD Zen 5; not checked on Intel). */
static op_fn *choose_NOP(const struct op *op, u32 mode)
{
    (void)mode;
    return op->opcode == 0x90 && op->d != offsetof(struct cpu, gpr[REG_RAX]) ? XCHG_rr[width_index(op->osize)]
                                                                             : NOP_any;
}
const struct handlers handlers_NOP = {.choose = choose_NOP};

SEMANTICS(XADD)
{
    UNUSED_WORDS;
    u64 a = READ(DEST), b = READ(SRC), x = TRUNC(a + b);
    WRITE(SRC, a);
    WRITE(DEST, x);
    flags_add(cpu, a, b, x, x < a, width);
}
EXCHANGE_FORMS(XADD)
const struct handlers handlers_XADD = {.flags = FLAGS_WRITE, .rr = XADD_rr, .mr = XADD_mr};

/*
 * Memory is written whether or not it was equal (SDM "CMPXCHG": the processor never produces a locked read without a
 * write), a register only when it was: an unequal 32-bit compare leaves its upper half, against the Operation section
 * (seen on AMD Zen 5; not checked on Intel). The accumulator is written only when not equal.
 */
SEMANTICS(CMPXCHG)
{
    UNUSED_WORDS;
    struct place accumulator = place_reg(cpu, offsetof(struct cpu, gpr[REG_RAX]));
    u64 a = place_read(accumulator, width), b = READ(DEST), x = TRUNC(a - b);
    if (x == 0) {
        WRITE(DEST, READ(SRC));
    } else {
        if (DEST.kind == PLACE_MEMORY)
            WRITE(DEST, b);
        place_write(accumulator, b, width);
    }
    flags_sub(cpu, a, b, x, a < b, width);
}
EXCHANGE_FORMS(CMPXCHG)
const struct handlers handlers_CMPXCHG = {.flags = FLAGS_WRITE, .rr = CMPXCHG_rr, .mr = CMPXCHG_mr};

SEMANTICS(CMOVcc)
{
    UNUSED_WORDS;
    u64 a = READ(SRC), b = READ(DEST);
    WRITE(DEST, condition(cpu, op->cond) ? a : b); /* the upper half is cleared even when the move does not happen */
}
SOURCE_WIDE(CMOVcc, FLAGS_READ)

SEMANTICS(SETcc)
{
    UNUSED_WORDS;
    WRITE(DEST, condition(cpu, op->cond));
}
FORM_RR(SETcc, 1, , true)
FORM_MR(SETcc, 1, tlb_write, ACC_w)
static op_fn *const SETcc_rr[WIDTHS] = {SETcc_rr_1};
static op_fn *const SETcc_mr[ADDR_FORMS][WIDTHS] = {{SETcc_mr_bd_1}, {SETcc_mr_bis_1}, {SETcc_mr_slow_1}};
const struct handlers handlers_SETcc = {.flags = FLAGS_READ, .rr = SETcc_rr, .mr = SETcc_mr};

SEMANTICS(BSWAP)
{
    UNUSED_WORDS;
    u64 a = READ(DEST);
    /* 16 bits: undefined; processors write zero */
    WRITE(DEST, width == 8 ? __builtin_bswap64(a) : width == 4 ? __builtin_bswap32((u32)a) : 0);
}
WIDE_WIDTHS(FORM_RR, BSWAP, , true)
TABLE_REG_WIDE(BSWAP, rr)
const struct handlers handlers_BSWAP = {.rr = BSWAP_rr};

SEMANTICS(MOVBE)
{
    UNUSED_WORDS;
    u64 a = READ(SRC);
    WRITE(DEST, width == 8 ? __builtin_bswap64(a) : width == 4 ? __builtin_bswap32((u32)a) : __builtin_bswap16((u16)a));
}
WIDE_WIDTHS(FORM_RM_SAME, MOVBE, , true)
WIDE_WIDTHS(FORM_MR, MOVBE, tlb_write, ACC_w)
TABLE_MEM_WIDE(MOVBE, rm, )
TABLE_MEM_WIDE(MOVBE, mr, )
const struct handlers handlers_MOVBE = {.rm = MOVBE_rm, .mr = MOVBE_mr};

/* CBW/CWDE/CDQE and CWD/CDQ/CQO by operand size. */
#define CONVERT(NAME, W, HALF)                                                                                      \
    HANDLER(CBW_##W)                                                                                                \
    {                                                                                                               \
        place_write(place_reg(cpu, offsetof(struct cpu, gpr[REG_RAX])), sign_extend(cpu->RAX, HALF), W);            \
        return next(cpu, op);                                                                                       \
    }                                                                                                               \
    HANDLER(CWD_##W)                                                                                                \
    {                                                                                                               \
        place_write(place_reg(cpu, offsetof(struct cpu, gpr[REG_RDX])), (u64)((s64)sign_extend(cpu->RAX, W) >> 63), \
                    W);                                                                                             \
        return next(cpu, op);                                                                                       \
    }
CONVERT(, 2, 1)
CONVERT(, 4, 2)
CONVERT(, 8, 4)

static op_fn *choose_CBW(const struct op *op, u32 mode)
{
    (void)mode;
    return op->osize == 2 ? CBW_2 : op->osize == 4 ? CBW_4 : CBW_8;
}

static op_fn *choose_CWD(const struct op *op, u32 mode)
{
    (void)mode;
    return op->osize == 2 ? CWD_2 : op->osize == 4 ? CWD_4 : CWD_8;
}
const struct handlers handlers_CBW = {.choose = choose_CBW};
const struct handlers handlers_CWD = {.choose = choose_CWD};
