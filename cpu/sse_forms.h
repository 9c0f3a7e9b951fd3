/* SPDX-License-Identifier: MIT */
/*
 * Specialised handlers for the SSE instructions that programs live on: the operand's TLB test inline, as access.h has
 * it for integers, and no wrapper. Whatever is not plain (a TLB miss, a misaligned operand, CR0.TS, an exception flag
 * that is new, a rounding mode) runs the row's plain function instead, from the start: nothing has been written by
 * then.
 *
 * Only over host instructions: with the portable backend a wrapper more is not what costs time, and rows stay
 * IRREGULAR.
 */
#ifndef FAULTLINE_CPU_SSE_FORMS_H
#define FAULTLINE_CPU_SSE_FORMS_H

#include "cpu/sse.h"

/* isa_check for SSE rows, without raising. */
ALWAYS_INLINE bool sse_usable(const struct cpu *cpu)
{
    return likely(!(cpu->cr0 & (CR0_EM | CR0_TS)) && cpu->cr4 & CR4_OSFXSR);
}

/* The handler for the form the operands take; NULL where the plain function is to run. */
static inline op_fn *sse_choose(const struct op *op, u32 mode, op_fn *rr, op_fn *bd, op_fn *bis)
{
    unsigned form;

    if (!op_is_mem(op))
        return rr;
    form = operand_form(op, mode);
    return form == ADDR_BD ? bd : form == ADDR_BIS ? bis : NULL;
}

#ifdef FAULTLINE_PORTABLE_FLOAT

#define SSE_PACKED(NAME, f) IRREGULAR(NAME)
#define SSE_PACKED_IMM(NAME, f) IRREGULAR(NAME)
#define SSE_FLOAT(NAME, f, width) IRREGULAR(NAME)
#define SSE_TO_INTEGER(NAME, f32, f64, width) IRREGULAR(NAME)
#define SSE_FROM_INTEGER(NAME, f32, f64) IRREGULAR(NAME)
#define SSE_ORDER(NAME, f, width) IRREGULAR(NAME)

#else

ALWAYS_INLINE const union xmm *as_xmm(const u8 *p) { return (const union xmm *)(const void *)p; }

/* A scalar operand as the low part of a register. */
ALWAYS_INLINE union xmm scalar_at(const u8 *p, unsigned width) { return (union xmm){.q = {host_load(p, width), 0}}; }

/*
 * Did the operation just done leave nothing to report? With all exceptions masked and the default control, the host's
 * MXCSR after it may hold no flag that the guest's does not have already, and no other control.
 */
ALWAYS_INLINE bool float_quiet(const struct cpu *cpu)
{
    u32 now;

    __asm__ volatile("stmxcsr %0" : "=m"(now));
    return likely(!(now & ~cpu->mxcsr));
}

ALWAYS_INLINE bool float_plain(const struct cpu *cpu)
{
    return likely((cpu->mxcsr | MXCSR_FLAGS) == (MXCSR_INIT | MXCSR_FLAGS)) && sse_usable(cpu);
}

/* DEST := f(DEST, SRC); false, and nothing changed, if it is not plain. */
ALWAYS_INLINE bool float_try(struct cpu *cpu, const struct op *op, float_fn *f, const union xmm *source)
{
    union xmm result;

    if (unlikely(!float_plain(cpu)))
        return false;
    xmm_put(&result, xmm_get(&cpu->xmm[op->reg]));
    f(NULL, &result, source);
    if (unlikely(!float_quiet(cpu)))
        return false;
    xmm_put(&cpu->xmm[op->reg], xmm_get(&result));
    return true;
}

ALWAYS_INLINE bool packed_try(struct cpu *cpu, const struct op *op, xmm_fn *f, const union xmm *source)
{
    if (unlikely(!sse_usable(cpu)))
        return false;
    f(&cpu->xmm[op->reg], source);
    return true;
}

/* These may read SRC after writing DEST: a copy of both. */
ALWAYS_INLINE bool packed_imm_try(struct cpu *cpu, const struct op *op, xmm_imm_fn *f, const union xmm *source)
{
    union xmm d = cpu->xmm[op->reg], s = {.q = {host_load(source->b, 8), host_load(source->b + 8, 8)}};

    if (unlikely(!sse_usable(cpu)))
        return false;
    f(&d, &s, (u8)op->imm);
    cpu->xmm[op->reg] = d;
    return true;
}

ALWAYS_INLINE bool order_try(struct cpu *cpu, const struct op *op, float_order_fn *f, const union xmm *source)
{
    if (unlikely(!float_plain(cpu)))
        return false;
    struct order o = f(NULL, &cpu->xmm[op->reg], source);
    if (unlikely(!float_quiet(cpu)))
        return false;
    flags_compare(cpu, o.zf, o.pf, o.cf);
    return true;
}

ALWAYS_INLINE bool to_integer_try(struct cpu *cpu, const struct op *op, float_to_fn *f, const union xmm *source)
{
    if (unlikely(!float_plain(cpu)))
        return false;
    u64 v = f(NULL, source);
    if (unlikely(!float_quiet(cpu)))
        return false;
    cpu->gpr[op->reg] = v;
    return true;
}

ALWAYS_INLINE bool from_integer_try(struct cpu *cpu, const struct op *op, float_from_fn *f, u64 v)
{
    union xmm result;

    if (unlikely(!float_plain(cpu)))
        return false;
    xmm_put(&result, xmm_get(&cpu->xmm[op->reg]));
    f(NULL, &result, v);
    if (unlikely(!float_quiet(cpu)))
        return false;
    xmm_put(&cpu->xmm[op->reg], xmm_get(&result));
    return true;
}

/* clang-format off: one stamp a line */
/* TRY(cpu, op, f, source): the operation on a source of 16 bytes. */
#define SSE_FORM_RR(NAME, X, TRY, f)                       \
    HANDLER(NAME##X##_rr)                                  \
    {                                                      \
        if (unlikely(!TRY(cpu, op, f, &cpu->xmm[op->rm]))) \
            return op_irregular_checked(cpu, op);          \
        return next(cpu, op);                              \
    }
#define SSE_FORM_WHOLE(NAME, X, SUF, ADDRESS, TRY, f)               \
    HANDLER(NAME##X##_##SUF)                                        \
    {                                                               \
        u64 la = ADDRESS(cpu, op);                                  \
        const u8 *p = tlb_read(cpu, la, 16);                        \
        if (unlikely(!p || la & 15 || !TRY(cpu, op, f, as_xmm(p)))) \
            return op_irregular_checked(cpu, op);                   \
        return next(cpu, op);                                       \
    }
#define SSE_FORM_SCALAR(NAME, X, SUF, ADDRESS, TRY, f, width) \
    HANDLER(NAME##X##_##SUF)                                  \
    {                                                         \
        const u8 *p = tlb_read(cpu, ADDRESS(cpu, op), width); \
        if (unlikely(!p))                                     \
            return op_irregular_checked(cpu, op);             \
        union xmm source = scalar_at(p, width);               \
        if (unlikely(!TRY(cpu, op, f, &source)))              \
            return op_irregular_checked(cpu, op);             \
        return next(cpu, op);                                 \
    }
#define SSE_WHOLE_FORMS(NAME, X, TRY, f)            \
    SSE_FORM_RR(NAME, X, TRY, f)                    \
    SSE_FORM_WHOLE(NAME, X, bd, address_bd, TRY, f) \
    SSE_FORM_WHOLE(NAME, X, bis, address_bis, TRY, f)
#define SSE_SCALAR_FORMS(NAME, X, TRY, f, width)            \
    SSE_FORM_RR(NAME, X, TRY, f)                            \
    SSE_FORM_SCALAR(NAME, X, bd, address_bd, TRY, f, width) \
    SSE_FORM_SCALAR(NAME, X, bis, address_bis, TRY, f, width)
#define SSE_CHOICE(NAME, condition)                                                       \
    static op_fn *NAME##_choose(const struct op *op, u32 mode)                            \
    {                                                                                     \
        return condition ? sse_choose(op, mode, NAME##_rr, NAME##_bd, NAME##_bis) : NULL; \
    }                                                                                     \
    const struct handlers handlers_##NAME = {.exec = exec_##NAME, .choose = NAME##_choose}

/* Rows with an MMX form of the same name: the 66 prefix tells. Rows of the immediate's shifts are not of these forms.
 */
#define SSE_PACKED(NAME, f)                \
    SSE_WHOLE_FORMS(NAME, , packed_try, f) \
    SSE_CHOICE(NAME, (op->flags & OP_66 || isa_rows[op->row].attributes & ATTR_SSE))
#define SSE_PACKED_IMM(NAME, f)                \
    SSE_WHOLE_FORMS(NAME, , packed_imm_try, f) \
    SSE_CHOICE(NAME, true)
#define SSE_FLOAT_16(NAME, f) SSE_WHOLE_FORMS(NAME, , float_try, f)
#define SSE_FLOAT_8(NAME, f) SSE_SCALAR_FORMS(NAME, , float_try, f, 8)
#define SSE_FLOAT_4(NAME, f) SSE_SCALAR_FORMS(NAME, , float_try, f, 4)
#define SSE_FLOAT(NAME, f, width) SSE_FLOAT_##width(NAME, f) SSE_CHOICE(NAME, true)
#define SSE_ORDER(NAME, f, width)                 \
    SSE_SCALAR_FORMS(NAME, , order_try, f, width) \
    SSE_CHOICE(NAME, true)
/* To and from general registers, of 4 and (REX.W) 8 bytes. */
#define SSE_CHOICE_WIDE(NAME)                                                                    \
    static op_fn *NAME##_choose(const struct op *op, u32 mode)                                   \
    {                                                                                            \
        return op->osize == 8 ? sse_choose(op, mode, NAME##_64_rr, NAME##_64_bd, NAME##_64_bis)  \
                              : sse_choose(op, mode, NAME##_32_rr, NAME##_32_bd, NAME##_32_bis); \
    }                                                                                            \
    const struct handlers handlers_##NAME = {.exec = exec_##NAME, .choose = NAME##_choose}
#define SSE_TO_INTEGER(NAME, f32, f64, width)               \
    SSE_SCALAR_FORMS(NAME, _32, to_integer_try, f32, width) \
    SSE_SCALAR_FORMS(NAME, _64, to_integer_try, f64, width) \
    SSE_CHOICE_WIDE(NAME)
#define SSE_FORM_FROM(NAME, SUF, VALUE, f, width)                               \
    HANDLER(NAME##_##SUF)                                                       \
    {                                                                           \
        const u8 *p = VALUE;                                                    \
        if (unlikely(!p || !from_integer_try(cpu, op, f, host_load(p, width)))) \
            return op_irregular_checked(cpu, op);                               \
        return next(cpu, op);                                                   \
    }
#define SSE_FROM_FORMS(NAME, f, width)                                           \
    SSE_FORM_FROM(NAME, rr, (const u8 *)&cpu->gpr[op->rm], f, width)             \
    SSE_FORM_FROM(NAME, bd, tlb_read(cpu, address_bd(cpu, op), width), f, width) \
    SSE_FORM_FROM(NAME, bis, tlb_read(cpu, address_bis(cpu, op), width), f, width)
#define SSE_FROM_INTEGER(NAME, f32, f64) \
    SSE_FROM_FORMS(NAME##_32, f32, 4)    \
    SSE_FROM_FORMS(NAME##_64, f64, 8)    \
    SSE_CHOICE_WIDE(NAME)
/* clang-format on */

#endif

#endif
