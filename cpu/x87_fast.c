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

/*
 * What the host computes, exceptions masked: one instruction each, whose status word is returned. As in x87_host.c, but
 * with nothing to enter and leave.
 */
typedef u16 host_unary_fn(fp80 *a);
typedef u16 host_binary_fn(fp80 *a, const void *b);  /* a := a op b; b: fp80, m32fp or m64fp as the name says */
typedef u16 host_load_fn(fp80 *a, const void *from); /* a := from */
typedef u16 host_store_fn(const fp80 *a, void *to);  /* to := a */

/* clang-format off: one stamp a line */
#define CLOBBERS "cc", "st", "st(1)", "st(2)", "st(3)", "st(4)", "st(5)", "st(6)", "st(7)"

#define HOST_REGISTER(name, insn)                                                              \
    ALWAYS_INLINE u16 name(fp80 *a, const void *b)                                             \
    {                                                                                          \
        u16 host;                                                                              \
        __asm__ volatile("fldt %[b]\n\tfldt %[a]\n\t" insn " %%st(1), %%st\n\tfnstsw %%ax\n\t" \
                         "fstpt %[a]\n\tfstp %%st(0)"                                          \
                         : "=&a"(host), [a] "+m"(*a)                                           \
                         : [b] "m"(*(const fp80 *)b)                                           \
                         : CLOBBERS);                                                          \
        return host;                                                                           \
    }
#define HOST_MEMORY(name, insn, T)                                                 \
    ALWAYS_INLINE u16 name(fp80 *a, const void *b)                                 \
    {                                                                              \
        u16 host;                                                                  \
        __asm__ volatile("fldt %[a]\n\t" insn " %[b]\n\tfnstsw %%ax\n\tfstpt %[a]" \
                         : "=&a"(host), [a] "+m"(*a)                               \
                         : [b] "m"(*(const T *)b)                                  \
                         : CLOBBERS);                                              \
        return host;                                                               \
    }
#define HOST_ARITHMETIC(name)                             \
    HOST_REGISTER(host_##name, "f" #name)                 \
    HOST_MEMORY(host_##name##_single, "f" #name "s", u32) \
    HOST_MEMORY(host_##name##_real64, "f" #name "l", u64)
HOST_ARITHMETIC(add)
HOST_ARITHMETIC(mul)
HOST_ARITHMETIC(sub)
HOST_ARITHMETIC(subr)
HOST_ARITHMETIC(div)
HOST_ARITHMETIC(divr)

#define HOST_LOAD(name, insn, T)                                   \
    ALWAYS_INLINE u16 name(fp80 *a, const void *from)              \
    {                                                              \
        u16 host;                                                  \
        __asm__ volatile(insn " %[b]\n\tfnstsw %%ax\n\tfstpt %[a]" \
                         : "=&a"(host), [a] "=m"(*a)               \
                         : [b] "m"(*(const T *)from)               \
                         : CLOBBERS);                              \
        return host;                                               \
    }
HOST_LOAD(host_load_single, "flds", u32)
HOST_LOAD(host_load_real64, "fldl", u64)
HOST_LOAD(host_load_i16, "filds", u16)
HOST_LOAD(host_load_i32, "fildl", u32)
HOST_LOAD(host_load_i64, "fildll", u64)

#define HOST_STORE(name, insn, T)                                    \
    ALWAYS_INLINE u16 name(const fp80 *a, void *to)                  \
    {                                                                \
        u16 host;                                                    \
        __asm__ volatile("fldt %[a]\n\t" insn " %[b]\n\tfnstsw %%ax" \
                         : "=&a"(host), [b] "=m"(*(T *)to)           \
                         : [a] "m"(*a)                               \
                         : CLOBBERS);                                \
        return host;                                                 \
    }
HOST_STORE(host_store_single, "fstps", u32)
HOST_STORE(host_store_real64, "fstpl", u64)
HOST_STORE(host_store_i16, "fistps", u16)
HOST_STORE(host_store_i32, "fistpl", u32)
HOST_STORE(host_store_i64, "fistpll", u64)
/* clang-format on */

ALWAYS_INLINE u16 host_sqrt(fp80 *a)
{
    u16 host;

    __asm__ volatile("fldt %[a]\n\tfsqrt\n\tfnstsw %%ax\n\tfstpt %[a]" : "=&a"(host), [a] "+m"(*a) : : CLOBBERS);
    return host;
}

/* The sentences. Each is true when it is done; false, and nothing changed, if it is not plain. p: the memory operand.
 */

ALWAYS_INLINE unsigned st_i(const struct op *op) { return op->modrm & 7; }

/* ST(0) := ST(0) op memory */
ALWAYS_INLINE bool arithmetic_memory(struct cpu *cpu, const struct op *op, const u8 *p, host_binary_fn *f)
{
    struct x87 *x = &cpu->x87;

    if (unlikely(!ready(cpu) || x87_empty(x, 0)))
        return false;
    note_memory(cpu, op);
    report(x, f(x87_st(x, 0), p));
    return true;
}

/* ST(0) := ST(0) op ST(i), or ST(i) := ST(i) op ST(0), perhaps with a pop */
enum direction { TO_ST0, TO_STI, TO_STI_POP };
ALWAYS_INLINE bool arithmetic_register(struct cpu *cpu, const struct op *op, host_binary_fn *f,
                                       const enum direction direction)
{
    struct x87 *x = &cpu->x87;

    if (unlikely(!ready(cpu) || x87_empty(x, 0) || x87_empty(x, st_i(op))))
        return false;
    note(cpu, op);
    if (direction == TO_ST0)
        report(x, f(x87_st(x, 0), x87_st(x, st_i(op))));
    else
        report(x, f(x87_st(x, st_i(op)), x87_st(x, 0)));
    if (direction == TO_STI_POP)
        x87_pop(x);
    return true;
}

/* Loads with conversion; the register they push to must be free. */
ALWAYS_INLINE bool load(struct cpu *cpu, const struct op *op, const u8 *p, host_load_fn *f)
{
    struct x87 *x = &cpu->x87;

    if (unlikely(!ready(cpu) || !x87_empty(x, 7)))
        return false;
    note_memory(cpu, op);
    report(x, f(x87_st(x, 7), p));
    x87_set_top(x, x87_top(x) - 1);
    x87_set_full(x, 0);
    return true;
}

/* Stores with conversion: with all exceptions masked they always store. */
ALWAYS_INLINE bool store(struct cpu *cpu, const struct op *op, u8 *p, host_store_fn *f)
{
    struct x87 *x = &cpu->x87;

    if (unlikely(!ready(cpu) || x87_empty(x, 0)))
        return false;
    note_memory(cpu, op);
    report(x, f(x87_st(x, 0), p));
    return true;
}

ALWAYS_INLINE bool store_pop(struct cpu *cpu, const struct op *op, u8 *p, host_store_fn *f)
{
    bool stored = store(cpu, op, p, f);

    if (likely(stored))
        x87_pop(&cpu->x87);
    return stored;
}

/* Registers alone. Of these only the square root has flags to report; the others clear C1. */
ALWAYS_INLINE bool load_register(struct cpu *cpu, const struct op *op)
{
    struct x87 *x = &cpu->x87;

    if (unlikely(!ready(cpu) || x87_empty(x, st_i(op)) || !x87_empty(x, 7)))
        return false;
    note(cpu, op);
    x->status &= (u16)~FSW_C1;
    x87_push(x, *x87_st(x, st_i(op)));
    return true;
}

ALWAYS_INLINE bool pop_register(struct cpu *cpu, const struct op *op)
{
    struct x87 *x = &cpu->x87;

    if (unlikely(!ready(cpu) || x87_empty(x, 0)))
        return false;
    note(cpu, op);
    x->status &= (u16)~FSW_C1;
    *x87_st(x, st_i(op)) = *x87_st(x, 0);
    x87_set_full(x, st_i(op));
    x87_pop(x);
    return true;
}

ALWAYS_INLINE bool exchange_registers(struct cpu *cpu, const struct op *op)
{
    struct x87 *x = &cpu->x87;

    if (unlikely(!ready(cpu) || x87_empty(x, 0) || x87_empty(x, st_i(op))))
        return false;
    note(cpu, op);
    fp80 *a = x87_st(x, 0), *b = x87_st(x, st_i(op)), swap = *a;
    x->status &= (u16)~FSW_C1;
    *a = *b;
    *b = swap;
    return true;
}

/* FCHS, FABS: the sign bit is changed by `invert`, then kept by `keep`. */
ALWAYS_INLINE bool change_sign_bit(struct cpu *cpu, const struct op *op, const u16 keep, const u16 invert)
{
    struct x87 *x = &cpu->x87;

    if (unlikely(!ready(cpu) || x87_empty(x, 0)))
        return false;
    note(cpu, op);
    x->status &= (u16)~FSW_C1;
    x87_st(x, 0)->exponent = (x87_st(x, 0)->exponent ^ invert) & keep;
    return true;
}

ALWAYS_INLINE bool unary(struct cpu *cpu, const struct op *op, host_unary_fn *f)
{
    struct x87 *x = &cpu->x87;

    if (unlikely(!ready(cpu) || x87_empty(x, 0)))
        return false;
    note(cpu, op);
    report(x, f(x87_st(x, 0)));
    return true;
}

ALWAYS_INLINE bool constant(struct cpu *cpu, const struct op *op, const u64 mantissa, const u16 exponent)
{
    struct x87 *x = &cpu->x87;

    if (unlikely(!ready(cpu) || !x87_empty(x, 7)))
        return false;
    note(cpu, op);
    x->status &= (u16)~FSW_C1;
    x87_push(x, (fp80){.mantissa = mantissa, .exponent = exponent});
    return true;
}

/* clang-format off: one stamp a line */
/* Handlers of a sentence: SENTENCE(cpu, op, p, f) for both address forms, SENTENCE(cpu, op, constants). */
#define MEMORY_FORM(name, SUF, ADDRESS, LOOKUP, width, SENTENCE, f) \
    HANDLER(name##_##SUF)                                           \
    {                                                               \
        u8 *p = LOOKUP(cpu, ADDRESS(cpu, op), width);               \
        if (unlikely(!p || !SENTENCE(cpu, op, p, f)))               \
            return op_irregular_checked(cpu, op);                   \
        return next(cpu, op);                                       \
    }
#define MEMORY_FORMS(name, LOOKUP, width, SENTENCE, f)              \
    MEMORY_FORM(name, bd, address_bd, LOOKUP, width, SENTENCE, f)   \
    MEMORY_FORM(name, bis, address_bis, LOOKUP, width, SENTENCE, f) \
    static op_fn *const name[ADDR_FORMS] = {name##_bd, name##_bis, NULL};
#define REGISTER_FORM(name, SENTENCE, ...)               \
    HANDLER(name)                                        \
    {                                                    \
        if (unlikely(!SENTENCE(cpu, op, ##__VA_ARGS__))) \
            return op_irregular_checked(cpu, op);        \
        return next(cpu, op);                            \
    }
#define ARITHMETIC(name)                                                              \
    MEMORY_FORMS(name##_single, tlb_read, 4, arithmetic_memory, host_##name##_single) \
    MEMORY_FORMS(name##_real64, tlb_read, 8, arithmetic_memory, host_##name##_real64) \
    REGISTER_FORM(name##_st0, arithmetic_register, host_##name, TO_ST0)               \
    REGISTER_FORM(name##_sti, arithmetic_register, host_##name, TO_STI)               \
    REGISTER_FORM(name##_pop, arithmetic_register, host_##name, TO_STI_POP)
ARITHMETIC(add)
ARITHMETIC(mul)
ARITHMETIC(sub)
ARITHMETIC(subr)
ARITHMETIC(div)
ARITHMETIC(divr)
MEMORY_FORMS(load_single, tlb_read, 4, load, host_load_single)
MEMORY_FORMS(load_real64, tlb_read, 8, load, host_load_real64)
MEMORY_FORMS(load_i16, tlb_read, 2, load, host_load_i16)
MEMORY_FORMS(load_i32, tlb_read, 4, load, host_load_i32)
MEMORY_FORMS(load_i64, tlb_read, 8, load, host_load_i64)
MEMORY_FORMS(store_single, tlb_write, 4, store, host_store_single)
MEMORY_FORMS(store_real64, tlb_write, 8, store, host_store_real64)
MEMORY_FORMS(pop_single, tlb_write, 4, store_pop, host_store_single)
MEMORY_FORMS(pop_real64, tlb_write, 8, store_pop, host_store_real64)
MEMORY_FORMS(pop_i16, tlb_write, 2, store_pop, host_store_i16)
MEMORY_FORMS(pop_i32, tlb_write, 4, store_pop, host_store_i32)
MEMORY_FORMS(pop_i64, tlb_write, 8, store_pop, host_store_i64)
REGISTER_FORM(load_st, load_register)
REGISTER_FORM(pop_st, pop_register)
REGISTER_FORM(exchange, exchange_registers)
REGISTER_FORM(change_sign, change_sign_bit, 0xffff, 0x8000)
REGISTER_FORM(absolute, change_sign_bit, 0x7fff, 0)
REGISTER_FORM(root, unary, host_sqrt)
REGISTER_FORM(load_1, constant, BIT(63), 0x3fff)
REGISTER_FORM(load_0, constant, 0, 0)
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
