/* SPDX-License-Identifier: MIT */
/*
 * Places and the TLB test that handlers inline. A place is a host address: a register's or, through the TLB, a memory
 * operand's; it is resolved before the sentence runs, so the sentence cannot fault half-way.
 */
#ifndef FAULTLINE_CPU_ACCESS_H
#define FAULTLINE_CPU_ACCESS_H

#include "cpu/handlers.h"
#include "cpu/isa.h"

typedef u8 __attribute__((may_alias)) place8;
typedef u16 __attribute__((may_alias, aligned(1))) place16;
typedef u32 __attribute__((may_alias, aligned(1))) place32;
typedef u64 __attribute__((may_alias, aligned(1))) place64;

struct place {
    enum { PLACE_NONE, PLACE_REGISTER, PLACE_MEMORY, PLACE_IMMEDIATE } kind; /* constant in every handler */
    u8 *at;
    u64 immediate;
};

ALWAYS_INLINE struct place place_reg(struct cpu *cpu, unsigned offset)
{
    return (struct place){PLACE_REGISTER, (u8 *)cpu + offset, 0};
}
ALWAYS_INLINE struct place place_mem(u8 *at) { return (struct place){PLACE_MEMORY, at, 0}; }
ALWAYS_INLINE struct place place_imm(const struct op *op)
{
    return (struct place){PLACE_IMMEDIATE, NULL, (u64)(s64)op->imm};
}

ALWAYS_INLINE u64 host_load(const u8 *p, unsigned width)
{
    switch (width) {
    case 1: return *(const place8 *)p;
    case 2: return *(const place16 *)p;
    case 4: return *(const place32 *)p;
    default: return *(const place64 *)p;
    }
}

ALWAYS_INLINE void host_store(u8 *p, u64 v, unsigned width)
{
    switch (width) {
    case 1: *(place8 *)p = (u8)v; break;
    case 2: *(place16 *)p = (u16)v; break;
    case 4: *(place32 *)p = (u32)v; break;
    default: *(place64 *)p = v; break;
    }
}

ALWAYS_INLINE u64 truncate(u64 v, unsigned width)
{
    return width == 1 ? (u8)v : width == 2 ? (u16)v : width == 4 ? (u32)v : v;
}

ALWAYS_INLINE u64 sign_extend(u64 v, unsigned width)
{
    return width == 1 ? (u64)(s64)(s8)v : width == 2 ? (u64)(s64)(s16)v : width == 4 ? (u64)(s64)(s32)v : v;
}

ALWAYS_INLINE u64 place_read(struct place p, unsigned width)
{
    return p.kind == PLACE_IMMEDIATE ? truncate(p.immediate, width) : host_load(p.at, width);
}

/* A 32-bit result written to a register zeroes its upper half (SDM Vol. 1, "General-Purpose Registers in 64-Bit Mode").
 */
ALWAYS_INLINE void place_write(struct place p, u64 v, unsigned width)
{
    if (p.kind == PLACE_REGISTER && width == 4)
        host_store(p.at, (u32)v, 8);
    else
        host_store(p.at, v, width);
}

ALWAYS_INLINE u64 reg_at(const struct cpu *cpu, unsigned offset) { return *(const u64 *)((const u8 *)cpu + offset); }

/* Linear addresses of the fast forms. */
ALWAYS_INLINE u64 address_bd(const struct cpu *cpu, const struct op *op)
{
    return (reg_at(cpu, op->base) + (u64)op->disp) & cpu->addr_mask;
}

ALWAYS_INLINE u64 address_bis(const struct cpu *cpu, const struct op *op)
{
    return (cpu->seg_base[op->seg] + reg_at(cpu, op->base) + (reg_at(cpu, op->index) << op->scale) + (u64)op->disp) &
           cpu->addr_mask;
}

/*
 * The TLB: indexed by the page number p, hashed to p + 11p/4096 so that pages 16 MiB apart do not collide. A tag is the
 * page's address with the context's key in its low 12 bits, compared with the page of the *last* byte: one test for
 * presence, permission and page crossing. For that, a page and the one behind it must never share a slot, not even
 * where carries run through all bits (an XOR of shifted addresses fails there), nor at the top of the address space.
 */
ALWAYS_INLINE struct tlb_entry *tlb_slot(struct cpu *cpu, u64 la)
{
    return (struct tlb_entry *)((u8 *)cpu->tlb + (((la >> 12) * 4107 >> 7) & cpu->tlb_mask));
}

ALWAYS_INLINE u64 tlb_want(u64 la, unsigned width, u64 key) { return ((la + width - 1) & PAGE_MASK) | key; }

ALWAYS_INLINE u8 *tlb_host(const struct tlb_entry *e, u64 la)
{
    u8 *host = (u8 *)(la + e->addend);
    if (!host)
        __builtin_unreachable(); /* so that callers' test for a miss is the tag's alone */
    return host;
}

/* The host address of [la, la + width) for the current explicit access, or NULL: take the slow path. */
ALWAYS_INLINE u8 *tlb_read(struct cpu *cpu, u64 la, unsigned width)
{
    const struct tlb_entry *e = tlb_slot(cpu, la);
    return likely(e->read_tag == tlb_want(la, width, cpu->tlb_key)) ? tlb_host(e, la) : NULL;
}

ALWAYS_INLINE u8 *tlb_write(struct cpu *cpu, u64 la, unsigned width)
{
    const struct tlb_entry *e = tlb_slot(cpu, la);
    return likely(e->write_tag == tlb_want(la, width, cpu->tlb_key)) ? tlb_host(e, la) : NULL;
}

/* memory.c. The slow twin's operand: every check, then a host address good for `width` bytes (RAM itself, or the bounce
 * buffer). access: ACC_r, ACC_w, ACC_rw. Sets cpu->op. */
u8 *operand_resolve(struct cpu *, const struct op *, unsigned width, unsigned access);
/* The same for a stack slot or any other logical address. */
u8 *logical_resolve(struct cpu *, unsigned seg, u64 offset, unsigned width, unsigned access);
/* After the sentence: write the bounce buffer back. */
void bounce_commit(struct cpu *);

/* End of a slow twin: commit, and go on, or leave if the trace may have changed. */
ALWAYS_INLINE const struct op *slow_finish(struct cpu *cpu, const struct op *op)
{
    if (cpu->bounce.active)
        bounce_commit(cpu);
    if (unlikely(cpu->left_trace))
        return leave_at(cpu, op, op_next_rip(cpu, op));
    return next(cpu, op);
}

/* The words of a sentence. DEST, SRC and width are its parameters; `flags` is false where its flags are dead. */
#define SEMANTICS(NAME)                                                                                      \
    ALWAYS_INLINE void sem_##NAME(struct cpu *cpu, const struct op *op, struct place DEST, struct place SRC, \
                                  const unsigned width, const bool flags)
#define READ(place) place_read(place, width)
#define READ_SIGNED(place) sign_extend(place_read(place, width), width)
#define WRITE(place, v) place_write(place, v, width)
#define TRUNC(v) truncate(v, width)
#define SIGNED(v) sign_extend(v, width)
#define BITS_IN_WIDTH (width * 8)
#define UNUSED_WORDS (void)cpu, (void)op, (void)DEST, (void)SRC, (void)width, (void)flags

/* clang-format off: one stamp a line */
/*
 * Stamping. FORM_x(NAME, W, suffix, flags) makes one handler; the tables collect them by width. MEM takes which place
 * the memory is.
 */
#define HANDLER(name) static const struct op *name(struct cpu *cpu, const struct op *op)

#define FORM_RR(NAME, W, X, F)                                                   \
    HANDLER(NAME##_rr##X##_##W)                                                  \
    {                                                                            \
        sem_##NAME(cpu, op, place_reg(cpu, op->d), place_reg(cpu, op->s), W, F); \
        return next(cpu, op);                                                    \
    }
#define FORM_RI(NAME, W, X, F)                                           \
    HANDLER(NAME##_ri##X##_##W)                                          \
    {                                                                    \
        sem_##NAME(cpu, op, place_reg(cpu, op->d), place_imm(op), W, F); \
        return next(cpu, op);                                            \
    }

/* Memory source: the three address forms. MW is the memory operand's width. */
#define FORM_RM(NAME, W, MW, X, F)                                      \
    HANDLER(NAME##_rm_slow##X##_##W)                                    \
    {                                                                   \
        u8 *p = operand_resolve(cpu, op, MW, ACC_r);                    \
        sem_##NAME(cpu, op, place_reg(cpu, op->d), place_mem(p), W, F); \
        return slow_finish(cpu, op);                                    \
    }                                                                   \
    HANDLER(NAME##_rm_bd##X##_##W)                                      \
    {                                                                   \
        u8 *p = tlb_read(cpu, address_bd(cpu, op), MW);                 \
        if (unlikely(!p))                                               \
            return NAME##_rm_slow##X##_##W(cpu, op);                    \
        sem_##NAME(cpu, op, place_reg(cpu, op->d), place_mem(p), W, F); \
        return next(cpu, op);                                           \
    }                                                                   \
    HANDLER(NAME##_rm_bis##X##_##W)                                     \
    {                                                                   \
        u8 *p = tlb_read(cpu, address_bis(cpu, op), MW);                \
        if (unlikely(!p))                                               \
            return NAME##_rm_slow##X##_##W(cpu, op);                    \
        sem_##NAME(cpu, op, place_reg(cpu, op->d), place_mem(p), W, F); \
        return next(cpu, op);                                           \
    }

/* Memory destination: T is tlb_read or tlb_write, A the access; S the source place. */
#define FORM_MEM_DEST(NAME, SUF, W, T, A, S)           \
    HANDLER(NAME##_##SUF##_slow_##W)                   \
    {                                                  \
        u8 *p = operand_resolve(cpu, op, W, A);        \
        sem_##NAME(cpu, op, place_mem(p), S, W, true); \
        return slow_finish(cpu, op);                   \
    }                                                  \
    HANDLER(NAME##_##SUF##_bd_##W)                     \
    {                                                  \
        u8 *p = T(cpu, address_bd(cpu, op), W);        \
        if (unlikely(!p))                              \
            return NAME##_##SUF##_slow_##W(cpu, op);   \
        sem_##NAME(cpu, op, place_mem(p), S, W, true); \
        return next(cpu, op);                          \
    }                                                  \
    HANDLER(NAME##_##SUF##_bis_##W)                    \
    {                                                  \
        u8 *p = T(cpu, address_bis(cpu, op), W);       \
        if (unlikely(!p))                              \
            return NAME##_##SUF##_slow_##W(cpu, op);   \
        sem_##NAME(cpu, op, place_mem(p), S, W, true); \
        return next(cpu, op);                          \
    }

#define FORM_MR(NAME, W, T, A) FORM_MEM_DEST(NAME, mr, W, T, A, place_reg(cpu, op->s))
#define FORM_MI(NAME, W, T, A) FORM_MEM_DEST(NAME, mi, W, T, A, place_imm(op))

#define ALL_WIDTHS(F, NAME, ...) \
    F(NAME, 1, ##__VA_ARGS__) F(NAME, 2, ##__VA_ARGS__) F(NAME, 4, ##__VA_ARGS__) F(NAME, 8, ##__VA_ARGS__)
#define WIDE_WIDTHS(F, NAME, ...) F(NAME, 2, ##__VA_ARGS__) F(NAME, 4, ##__VA_ARGS__) F(NAME, 8, ##__VA_ARGS__)

#define FORM_RM_SAME(NAME, W, X, F) FORM_RM(NAME, W, W, X, F)

#define TABLE_REG(NAME, SUF) \
    static op_fn *const NAME##_##SUF[WIDTHS] = {NAME##_##SUF##_1, NAME##_##SUF##_2, NAME##_##SUF##_4, NAME##_##SUF##_8};
#define TABLE_REG_WIDE(NAME, SUF) \
    static op_fn *const NAME##_##SUF[WIDTHS] = {NULL, NAME##_##SUF##_2, NAME##_##SUF##_4, NAME##_##SUF##_8};
#define TABLE_MEM(NAME, SUF, X)                                                                                       \
    static op_fn *const NAME##_##SUF##X[ADDR_FORMS][WIDTHS] = {                                                       \
        {NAME##_##SUF##_bd##X##_1, NAME##_##SUF##_bd##X##_2, NAME##_##SUF##_bd##X##_4, NAME##_##SUF##_bd##X##_8},     \
        {NAME##_##SUF##_bis##X##_1, NAME##_##SUF##_bis##X##_2, NAME##_##SUF##_bis##X##_4, NAME##_##SUF##_bis##X##_8}, \
        {NAME##_##SUF##_slow##X##_1, NAME##_##SUF##_slow##X##_2, NAME##_##SUF##_slow##X##_4,                          \
         NAME##_##SUF##_slow##X##_8}};
#define TABLE_MEM_WIDE(NAME, SUF, X)                                                             \
    static op_fn *const NAME##_##SUF##X[ADDR_FORMS][WIDTHS] = {                                  \
        {NULL, NAME##_##SUF##_bd##X##_2, NAME##_##SUF##_bd##X##_4, NAME##_##SUF##_bd##X##_8},    \
        {NULL, NAME##_##SUF##_bis##X##_2, NAME##_##SUF##_bis##X##_4, NAME##_##SUF##_bis##X##_8}, \
        {NULL, NAME##_##SUF##_slow##X##_2, NAME##_##SUF##_slow##X##_4, NAME##_##SUF##_slow##X##_8}};

/* Families of forms. */
#define BINARY_FORMS(NAME, T, A)                                                                            \
    ALL_WIDTHS(FORM_RR, NAME, , true)                                                                       \
    ALL_WIDTHS(FORM_RI, NAME, , true)                                                                       \
    ALL_WIDTHS(FORM_RM_SAME, NAME, , true)                                                                  \
    ALL_WIDTHS(FORM_MR, NAME, T, A) ALL_WIDTHS(FORM_MI, NAME, T, A) TABLE_REG(NAME, rr) TABLE_REG(NAME, ri) \
        TABLE_MEM(NAME, rm, ) TABLE_MEM(NAME, mr, ) TABLE_MEM(NAME, mi, )
#define DEAD_FORMS(NAME)                         \
    ALL_WIDTHS(FORM_RR, NAME, _dead, false)      \
    ALL_WIDTHS(FORM_RI, NAME, _dead, false)      \
    ALL_WIDTHS(FORM_RM_SAME, NAME, _dead, false) \
    TABLE_REG(NAME, rr_dead) TABLE_REG(NAME, ri_dead) TABLE_MEM(NAME, rm, _dead)

/* ADD and its kind: destination read and written, flags written; may be read (ADC, SBB). */
#define BINARY_RW(NAME, FL)                                             \
    BINARY_FORMS(NAME, tlb_write, ACC_rw)                               \
    DEAD_FORMS(NAME)                                                    \
    const struct handlers handlers_##NAME = {.flags = FL,               \
                                             .rr = NAME##_rr,           \
                                             .ri = NAME##_ri,           \
                                             .rm = NAME##_rm,           \
                                             .mr = NAME##_mr,           \
                                             .mi = NAME##_mi,           \
                                             .rr_dead = NAME##_rr_dead, \
                                             .ri_dead = NAME##_ri_dead, \
                                             .rm_dead = NAME##_rm_dead};
/* MOV: destination written only, no flags. */
#define BINARY_W(NAME)                        \
    BINARY_FORMS(NAME, tlb_write, ACC_w)      \
    const struct handlers handlers_##NAME = { \
        .rr = NAME##_rr, .ri = NAME##_ri, .rm = NAME##_rm, .mr = NAME##_mr, .mi = NAME##_mi};
/* Only r/m as destination: NOT, NEG, INC, DEC (SRC unused), shifts (SRC = CL or an immediate). */
#define UNARY_RW(NAME, FL)                                                                                       \
    ALL_WIDTHS(FORM_RR, NAME, , true)                                                                            \
    ALL_WIDTHS(FORM_RR, NAME, _dead, false)                                                                      \
    ALL_WIDTHS(FORM_MR, NAME, tlb_write, ACC_rw)                                                                 \
    TABLE_REG(NAME, rr) TABLE_REG(NAME, rr_dead) TABLE_MEM(NAME, mr, ) const struct handlers handlers_##NAME = { \
        .flags = FL, .rr = NAME##_rr, .mr = NAME##_mr, .rr_dead = NAME##_rr_dead};
#define SHIFT(NAME, FL)                                                                                               \
    ALL_WIDTHS(FORM_RR, NAME, , true)                                                                                 \
    ALL_WIDTHS(FORM_RI, NAME, , true)                                                                                 \
    ALL_WIDTHS(FORM_RR, NAME, _dead, false)                                                                           \
    ALL_WIDTHS(FORM_RI, NAME, _dead, false) ALL_WIDTHS(FORM_MR, NAME, tlb_write, ACC_rw)                              \
        ALL_WIDTHS(FORM_MI, NAME, tlb_write, ACC_rw) TABLE_REG(NAME, rr) TABLE_REG(NAME, ri) TABLE_REG(NAME, rr_dead) \
            TABLE_REG(NAME, ri_dead) TABLE_MEM(NAME, mr, ) TABLE_MEM(NAME, mi, )                                      \
                const struct handlers handlers_##NAME = {.flags = FL,                                                 \
                                                         .rr = NAME##_rr,                                             \
                                                         .ri = NAME##_ri,                                             \
                                                         .mr = NAME##_mr,                                             \
                                                         .mi = NAME##_mi,                                             \
                                                         .rr_dead = NAME##_rr_dead,                                   \
                                                         .ri_dead = NAME##_ri_dead};
/* Register destination, r/m source of any width: IMUL2, MUL (destination implied) ... */
#define SOURCE_ANY(NAME, FL)               \
    ALL_WIDTHS(FORM_RR, NAME, , true)      \
    ALL_WIDTHS(FORM_RM_SAME, NAME, , true) \
    TABLE_REG(NAME, rr)                    \
    TABLE_MEM(NAME, rm, ) const struct handlers handlers_##NAME = {.flags = FL, .rr = NAME##_rr, .rm = NAME##_rm};
#define SOURCE_WIDE(NAME, FL)               \
    WIDE_WIDTHS(FORM_RR, NAME, , true)      \
    WIDE_WIDTHS(FORM_RM_SAME, NAME, , true) \
    TABLE_REG_WIDE(NAME, rr)                \
    TABLE_MEM_WIDE(NAME, rm, )              \
        const struct handlers handlers_##NAME = {.flags = FL, .rr = NAME##_rr, .rm = NAME##_rm};
/* r/m destination, register or immediate source, 16 bits and up: BTS, SHLD ... */
#define DEST_WIDE(NAME, T, A, FL)                                                                                 \
    WIDE_WIDTHS(FORM_RR, NAME, , true)                                                                            \
    WIDE_WIDTHS(FORM_RI, NAME, , true)                                                                            \
    WIDE_WIDTHS(FORM_MR, NAME, T, A)                                                                              \
    WIDE_WIDTHS(FORM_MI, NAME, T, A) TABLE_REG_WIDE(NAME, rr) TABLE_REG_WIDE(NAME, ri) TABLE_MEM_WIDE(NAME, mr, ) \
        TABLE_MEM_WIDE(NAME, mi, ) const struct handlers handlers_##NAME = {                                      \
            .flags = FL, .rr = NAME##_rr, .ri = NAME##_ri, .mr = NAME##_mr, .mi = NAME##_mi};

/* clang-format on */

#endif
