/* SPDX-License-Identifier: MIT */
/*
 * Specialised handlers for the commonest x87 instructions, over the host's x87 (compare sse_forms.h): operands that are
 * there, the control word that FNINIT sets, which masks all exceptions, and memory that the TLB knows. All else is done
 * by the row's plain function, from the start. With the portable backend there are none.
 */
#include "cpu/access.h"
#include "cpu/arithmetic.h"
#include "cpu/x87.h"

#ifdef FAULTLINE_PORTABLE_FLOAT

op_fn *x87_choose(const struct op *op, u32 mode)
{
    (void)op;
    (void)mode;
    return NULL;
}

#else

/*
 * May the instruction run here? The host must have the same control word, and no exception flag that the guest has not:
 * flags are then read back as they are.
 */
ALWAYS_INLINE bool ready(const struct cpu *cpu)
{
    const struct x87 *x = &cpu->x87;
    u16 control, status;

    __asm__ volatile("fnstcw %0" : "=m"(control));
    __asm__ volatile("fnstsw %0" : "=a"(status));
    return likely(!(cpu->cr0 & (CR0_EM | CR0_TS)) && x->control == FCW_INIT && control == FCW_INIT &&
                  !(x->status & FSW_ES) && !(status & FSW_EXCEPTIONS & ~x->status));
}

ALWAYS_INLINE void note(struct cpu *cpu, const struct op *op)
{
    struct x87 *x = &cpu->x87;

    x->fip = op_rip(cpu, op);
    x->fcs = cpu->seg[SEG_CS].selector;
    x->fop = (u16)((op->opcode & 7) << 8 | op->modrm);
}

ALWAYS_INLINE void note_memory(struct cpu *cpu, const struct op *op)
{
    note(cpu, op);
    cpu->x87.fdp = op_ea(cpu, op);
    cpu->x87.fds = cpu->seg[op->seg].selector;
}

/* Exceptions and C1 from the host's status word; with TOP moved and the old top's tag as given. */
ALWAYS_INLINE void report(struct x87 *x, u16 host)
{
    x->status = (u16)((x->status & ~FSW_C1) | (host & (FSW_EXCEPTIONS | FSW_C1)));
}

/* clang-format off: one stamp a line */
#define CLOBBERS "cc", "st", "st(1)", "st(2)", "st(3)", "st(4)", "st(5)", "st(6)", "st(7)"

/* The memory operand p, or the plain function. */
#define FORM(name, ADDRESS, LOOKUP, width, condition, ...) \
    HANDLER(name)                                          \
    {                                                      \
        struct x87 *x = &cpu->x87;                         \
        u8 *p = LOOKUP(cpu, ADDRESS(cpu, op), width);      \
        if (unlikely(!p || !ready(cpu) || !(condition)))   \
            return op_irregular_checked(cpu, op);          \
        note_memory(cpu, op);                              \
        __VA_ARGS__                                        \
        return next(cpu, op);                              \
    }
#define MEMORY_FORMS(name, LOOKUP, width, condition, ...)                \
    FORM(name##_bd, address_bd, LOOKUP, width, condition, __VA_ARGS__)   \
    FORM(name##_bis, address_bis, LOOKUP, width, condition, __VA_ARGS__) \
    static op_fn *const name[ADDR_FORMS] = {name##_bd, name##_bis, NULL};
#define REGISTER_FORM(name, condition, ...)        \
    HANDLER(name)                                  \
    {                                              \
        struct x87 *x = &cpu->x87;                 \
        if (unlikely(!ready(cpu) || !(condition))) \
            return op_irregular_checked(cpu, op);  \
        note(cpu, op);                             \
        __VA_ARGS__                                \
        return next(cpu, op);                      \
    }

/* ST(0) := ST(0) INSN memory */
#define ARITHMETIC_MEMORY(name, insn, T, width)                                    \
    MEMORY_FORMS(name, tlb_read, width, !x87_empty(x, 0), {                        \
        fp80 *a = x87_st(x, 0);                                                    \
        u16 host;                                                                  \
        __asm__ volatile("fldt %[a]\n\t" insn " %[b]\n\tfnstsw %%ax\n\tfstpt %[a]" \
                         : "=&a"(host), [a] "+m"(*a)                               \
                         : [b] "m"(*(const T *)p)                                  \
                         : CLOBBERS);                                              \
        report(x, host);                                                           \
    })
/* ST(to) := ST(to) INSN ST(from), perhaps with a pop */
#define ARITHMETIC_REGISTER(name, insn, to, from, popping)                                     \
    REGISTER_FORM(name, !x87_empty(x, 0) && !x87_empty(x, op->modrm & 7), {                    \
        fp80 *a = x87_st(x, to);                                                               \
        const fp80 *b = x87_st(x, from);                                                       \
        u16 host;                                                                              \
        __asm__ volatile("fldt %[b]\n\tfldt %[a]\n\t" insn " %%st(1), %%st\n\tfnstsw %%ax\n\t" \
                         "fstpt %[a]\n\tfstp %%st(0)"                                          \
                         : "=&a"(host), [a] "+m"(*a)                                           \
                         : [b] "m"(*b)                                                         \
                         : CLOBBERS);                                                          \
        report(x, host);                                                                       \
        if (popping)                                                                           \
            x87_pop(x);                                                                        \
    })
#define ARITHMETIC(name)                                                \
    ARITHMETIC_MEMORY(name##_single, "f" #name "s", u32, 4)             \
    ARITHMETIC_MEMORY(name##_real64, "f" #name "l", u64, 8)             \
    ARITHMETIC_REGISTER(name##_st0, "f" #name, 0, op->modrm & 7, false) \
    ARITHMETIC_REGISTER(name##_sti, "f" #name, op->modrm & 7, 0, false) \
    ARITHMETIC_REGISTER(name##_pop, "f" #name, op->modrm & 7, 0, true)
ARITHMETIC(add)
ARITHMETIC(mul)
ARITHMETIC(sub)
ARITHMETIC(subr)
ARITHMETIC(div)
ARITHMETIC(divr)

/* Loads with conversion; the register they push to must be free. */
#define LOAD(name, insn, T, width)                                 \
    MEMORY_FORMS(name, tlb_read, width, x87_empty(x, 7), {         \
        fp80 *a = x87_st(x, 7);                                    \
        u16 host;                                                  \
        __asm__ volatile(insn " %[b]\n\tfnstsw %%ax\n\tfstpt %[a]" \
                         : "=&a"(host), [a] "=m"(*a)               \
                         : [b] "m"(*(const T *)p)                  \
                         : CLOBBERS);                              \
        report(x, host);                                           \
        x87_set_top(x, x87_top(x) - 1);                            \
        x87_set_full(x, 0);                                        \
    })
LOAD(load_single, "flds", u32, 4)
LOAD(load_real64, "fldl", u64, 8)
LOAD(load_i16, "filds", u16, 2)
LOAD(load_i32, "fildl", u32, 4)
LOAD(load_i64, "fildll", u64, 8)

/* Stores with conversion: with all exceptions masked they always store. */
#define STORE(name, insn, T, width, popping)                         \
    MEMORY_FORMS(name, tlb_write, width, !x87_empty(x, 0), {         \
        u16 host;                                                    \
        __asm__ volatile("fldt %[a]\n\t" insn " %[b]\n\tfnstsw %%ax" \
                         : "=&a"(host), [b] "=m"(*(T *)p)            \
                         : [a] "m"(*x87_st(x, 0))                    \
                         : CLOBBERS);                                \
        report(x, host);                                             \
        if (popping)                                                 \
            x87_pop(x);                                              \
    })
STORE(store_single, "fstps", u32, 4, false)
STORE(store_real64, "fstpl", u64, 8, false)
STORE(pop_single, "fstps", u32, 4, true)
STORE(pop_real64, "fstpl", u64, 8, true)
STORE(pop_i16, "fistps", u16, 2, true)
STORE(pop_i32, "fistpl", u32, 4, true)
STORE(pop_i64, "fistpll", u64, 8, true)

/* Registers alone. */
REGISTER_FORM(load_st, !x87_empty(x, op->modrm & 7) && x87_empty(x, 7), {
    x->status &= (u16)~FSW_C1;
    x87_push(x, *x87_st(x, op->modrm & 7));
})
REGISTER_FORM(pop_st, !x87_empty(x, 0), {
    x->status &= (u16)~FSW_C1;
    *x87_st(x, op->modrm & 7) = *x87_st(x, 0);
    x87_set_full(x, op->modrm & 7);
    x87_pop(x);
})
REGISTER_FORM(exchange, !x87_empty(x, 0) && !x87_empty(x, op->modrm & 7), {
    fp80 *a = x87_st(x, 0), *b = x87_st(x, op->modrm & 7), swap = *a;
    x->status &= (u16)~FSW_C1;
    *a = *b;
    *b = swap;
})
REGISTER_FORM(change_sign, !x87_empty(x, 0), {
    x->status &= (u16)~FSW_C1;
    x87_st(x, 0)->exponent ^= 0x8000;
})
REGISTER_FORM(absolute, !x87_empty(x, 0), {
    x->status &= (u16)~FSW_C1;
    x87_st(x, 0)->exponent &= 0x7fff;
})
REGISTER_FORM(root, !x87_empty(x, 0), {
    fp80 *a = x87_st(x, 0);
    u16 host;
    __asm__ volatile("fldt %[a]\n\tfsqrt\n\tfnstsw %%ax\n\tfstpt %[a]" : "=&a"(host), [a] "+m"(*a) : : CLOBBERS);
    report(x, host);
})
#define CONSTANT(name, value, biased)                               \
    REGISTER_FORM(name, x87_empty(x, 7), {                          \
        x->status &= (u16)~FSW_C1;                                  \
        x87_push(x, (fp80){.mantissa = value, .exponent = biased}); \
    })
CONSTANT(load_1, BIT(63), 0x3fff)
CONSTANT(load_0, 0, 0)
/* clang-format on */

/* By opcode - D8H and ModRM.reg. */
static op_fn *choose_memory(const struct op *op, unsigned form)
{
    static op_fn *const *const table[8][8] = {
        {add_single, mul_single, NULL, NULL, sub_single, subr_single, div_single, divr_single},
        {load_single, NULL, store_single, pop_single},
        {NULL},
        {load_i32, NULL, NULL, pop_i32},
        {add_real64, mul_real64, NULL, NULL, sub_real64, subr_real64, div_real64, divr_real64},
        {load_real64, NULL, store_real64, pop_real64},
        {NULL},
        {load_i16, NULL, NULL, pop_i16, NULL, load_i64, NULL, pop_i64},
    };
    op_fn *const *forms = table[op->opcode & 7][op->modrm >> 3 & 7];

    return forms ? forms[form] : NULL;
}

/* The reversed order of FSUB and FDIV in DC and DE is the SDM's. */
static op_fn *choose_register(const struct op *op)
{
    static op_fn *const table[8][8] = {
        {add_st0, mul_st0, NULL, NULL, sub_st0, subr_st0, div_st0, divr_st0},
        {load_st, exchange},
        {NULL},
        {NULL},
        {add_sti, mul_sti, NULL, NULL, subr_sti, sub_sti, divr_sti, div_sti},
        {NULL, NULL, NULL, pop_st},
        {add_pop, mul_pop, NULL, NULL, subr_pop, sub_pop, divr_pop, div_pop},
        {NULL},
    };

    if (op->opcode == 0xd9) {
        switch (op->modrm) {
        case 0xe0: return change_sign;
        case 0xe1: return absolute;
        case 0xe8: return load_1;
        case 0xee: return load_0;
        case 0xfa: return root;
        default: break;
        }
    }
    return table[op->opcode & 7][op->modrm >> 3 & 7];
}

op_fn *x87_choose(const struct op *op, u32 mode)
{
    if (!op_is_mem(op))
        return choose_register(op);
    return choose_memory(op, operand_form(op, mode));
}

#endif
