/* SPDX-License-Identifier: MIT */
/* SSE and MMX data movement (SDM Vol. 1, "SSE Data Transfer Instructions" and their like). */
#include <string.h>

#include "cpu/sse_forms.h"

/* Loads and stores of a pair share their function: the opcode tells. */
static bool is_store(const struct op *op, u16 store_opcode) { return op->opcode == store_opcode; }

/* Whole registers. aligned: the memory form insists on 16-byte alignment. */
static void move_whole(struct cpu *cpu, const struct op *op, u16 store_opcode, bool aligned)
{
    if (!is_store(op, store_opcode)) {
        cpu->xmm[op->reg] = !op_is_mem(op) ? cpu->xmm[op->rm]
                            : aligned      ? xmm_load(cpu, op, 16)
                                           : xmm_load_unaligned(cpu, op);
    } else if (!op_is_mem(op)) {
        cpu->xmm[op->rm] = cpu->xmm[op->reg];
    } else if (aligned) {
        xmm_store(cpu, op, &cpu->xmm[op->reg]);
    } else {
        xmm_store_unaligned(cpu, op, &cpu->xmm[op->reg]);
    }
}

/*
 * Specialised forms of the commonest moves (sse_forms.h). ALIGN: address bits that must be 0. The statements name `x`,
 * the register ModRM.reg, and `p`, the memory operand.
 */
/* clang-format off: one stamp a line */
#define MOVE_MEMORY(name, ADDRESS, LOOKUP, width, align, statement) \
    HANDLER(name)                                                   \
    {                                                               \
        u64 la = ADDRESS(cpu, op);                                  \
        u8 *p = LOOKUP(cpu, la, width);                             \
        union xmm *x = &cpu->xmm[op->reg];                          \
        if (unlikely(!p || la & (align) || !sse_usable(cpu)))       \
            return op_irregular_checked(cpu, op);                   \
        statement;                                                  \
        return next(cpu, op);                                       \
    }
#define MOVE_REGISTER(name, statement)                             \
    HANDLER(name)                                                  \
    {                                                              \
        union xmm *x = &cpu->xmm[op->reg], *y = &cpu->xmm[op->rm]; \
        if (unlikely(!sse_usable(cpu)))                            \
            return op_irregular_checked(cpu, op);                  \
        statement;                                                 \
        return next(cpu, op);                                      \
    }
#define MOVE_FORMS(kind, width, align, LOAD, STORE, FROM_REGISTER, TO_REGISTER)                 \
    MOVE_REGISTER(kind##_load_rr, FROM_REGISTER)                                                \
    MOVE_REGISTER(kind##_store_rr, TO_REGISTER)                                                 \
    MOVE_MEMORY(kind##_load_bd, address_bd, tlb_read, width, align, LOAD)                       \
    MOVE_MEMORY(kind##_load_bis, address_bis, tlb_read, width, align, LOAD)                     \
    MOVE_MEMORY(kind##_store_bd, address_bd, tlb_write, width, align, STORE)                    \
    MOVE_MEMORY(kind##_store_bis, address_bis, tlb_write, width, align, STORE)                  \
    static op_fn *kind##_choose(const struct op *op, u32 mode, bool store)                      \
    {                                                                                           \
        return store ? sse_choose(op, mode, kind##_store_rr, kind##_store_bd, kind##_store_bis) \
                     : sse_choose(op, mode, kind##_load_rr, kind##_load_bd, kind##_load_bis);   \
    }
MOVE_FORMS(aligned, 16, 15, memcpy(x, p, 16), memcpy(p, x, 16), *x = *y, *y = *x)
MOVE_FORMS(unaligned, 16, 0, memcpy(x, p, 16), memcpy(p, x, 16), *x = *y, *y = *x)
MOVE_FORMS(single, 4, 0, (x->q[0] = host_load(p, 4), x->q[1] = 0), host_store(p, x->d[0], 4), x->d[0] = y->d[0],
           y->d[0] = x->d[0])
MOVE_FORMS(real64, 8, 0, (x->q[0] = host_load(p, 8), x->q[1] = 0), host_store(p, x->q[0], 8), x->q[0] = y->q[0],
           y->q[0] = x->q[0])
MOVE_FORMS(quadword, 8, 0, (x->q[0] = host_load(p, 8), x->q[1] = 0), host_store(p, x->q[0], 8),
           (x->q[0] = y->q[0], x->q[1] = 0), (y->q[0] = x->q[0], y->q[1] = 0))
/* The register forms of these opcodes are other rows. */
MOVE_FORMS(low, 8, 0, x->q[0] = host_load(p, 8), host_store(p, x->q[0], 8), x->q[0] = y->q[1], x->q[0] = y->q[1])
MOVE_FORMS(high, 8, 0, x->q[1] = host_load(p, 8), host_store(p, x->q[1], 8), x->q[1] = y->q[0], x->q[1] = y->q[0])
/* MOVD and MOVQ with a general register, ModRM.rm */
MOVE_FORMS(general32, 4, 0, (x->q[0] = host_load(p, 4), x->q[1] = 0), host_store(p, x->d[0], 4),
           (x->q[0] = (u32)cpu->gpr[op->rm], x->q[1] = 0, (void)y), (cpu->gpr[op->rm] = x->d[0], (void)y))
MOVE_FORMS(general64, 8, 0, (x->q[0] = host_load(p, 8), x->q[1] = 0), host_store(p, x->q[0], 8),
           (x->q[0] = cpu->gpr[op->rm], x->q[1] = 0, (void)y), (cpu->gpr[op->rm] = x->q[0], (void)y))

#define MOVE_ROW(NAME, kind, store)                                                                       \
    static op_fn *NAME##_choose(const struct op *op, u32 mode) { return kind##_choose(op, mode, store); } \
    const struct handlers handlers_##NAME = {.exec = exec_##NAME, .choose = NAME##_choose}
/* clang-format on */

void exec_MOVAPS(struct cpu *cpu, const struct op *op) { move_whole(cpu, op, 0x0f29, true); }
void exec_MOVAPD(struct cpu *cpu, const struct op *op) { move_whole(cpu, op, 0x0f29, true); }
void exec_MOVUPS(struct cpu *cpu, const struct op *op) { move_whole(cpu, op, 0x0f11, false); }
void exec_MOVUPD(struct cpu *cpu, const struct op *op) { move_whole(cpu, op, 0x0f11, false); }
void exec_MOVDQA(struct cpu *cpu, const struct op *op) { move_whole(cpu, op, 0x0f7f, true); }
void exec_MOVDQU(struct cpu *cpu, const struct op *op) { move_whole(cpu, op, 0x0f7f, false); }
void exec_LDDQU(struct cpu *cpu, const struct op *op) { move_whole(cpu, op, 0, false); }
void exec_MOVNTPS(struct cpu *cpu, const struct op *op) { move_whole(cpu, op, 0x0f2b, true); }
void exec_MOVNTPD(struct cpu *cpu, const struct op *op) { move_whole(cpu, op, 0x0f2b, true); }
void exec_MOVNTDQ(struct cpu *cpu, const struct op *op) { move_whole(cpu, op, 0x0fe7, true); }
void exec_MOVNTDQA(struct cpu *cpu, const struct op *op) { move_whole(cpu, op, 0, true); }
MOVE_ROW(MOVAPS, aligned, op->opcode == 0x0f29);
MOVE_ROW(MOVAPD, aligned, op->opcode == 0x0f29);
MOVE_ROW(MOVUPS, unaligned, op->opcode == 0x0f11);
MOVE_ROW(MOVUPD, unaligned, op->opcode == 0x0f11);
MOVE_ROW(MOVDQA, aligned, op->opcode == 0x0f7f);
MOVE_ROW(MOVDQU, unaligned, op->opcode == 0x0f7f);
IRREGULAR(LDDQU);
IRREGULAR(MOVNTPS);
IRREGULAR(MOVNTPD);
IRREGULAR(MOVNTDQ);
IRREGULAR(MOVNTDQA);

static u64 load(struct cpu *cpu, const struct op *op, unsigned width) { return operand_read(cpu, op, width); }
static void store(struct cpu *cpu, const struct op *op, u64 v, unsigned width) { operand_write(cpu, op, v, width); }

/* MOVSS, MOVSD: from memory the rest of the register is zeroed, from a register it stays. */
void exec_MOVSS(struct cpu *cpu, const struct op *op)
{
    union xmm *reg = &cpu->xmm[op->reg];

    if (op_is_mem(op) && is_store(op, 0x0f11))
        store(cpu, op, reg->d[0], 4);
    else if (op_is_mem(op))
        *reg = (union xmm){.q = {load(cpu, op, 4), 0}};
    else if (is_store(op, 0x0f11))
        cpu->xmm[op->rm].d[0] = reg->d[0];
    else
        reg->d[0] = cpu->xmm[op->rm].d[0];
}
MOVE_ROW(MOVSS, single, op->opcode == 0x0f11);

void exec_MOVSD(struct cpu *cpu, const struct op *op)
{
    union xmm *reg = &cpu->xmm[op->reg];

    if (op_is_mem(op) && is_store(op, 0x0f11))
        store(cpu, op, reg->q[0], 8);
    else if (op_is_mem(op))
        *reg = (union xmm){.q = {load(cpu, op, 8), 0}};
    else if (is_store(op, 0x0f11))
        cpu->xmm[op->rm].q[0] = reg->q[0];
    else
        reg->q[0] = cpu->xmm[op->rm].q[0];
}
MOVE_ROW(MOVSD, real64, op->opcode == 0x0f11);

/* One half of a register, from and to memory. */
static void move_half(struct cpu *cpu, const struct op *op, u16 store_opcode, unsigned half)
{
    u64 *q = &cpu->xmm[op->reg].q[half];

    if (is_store(op, store_opcode))
        store(cpu, op, *q, 8);
    else
        *q = load(cpu, op, 8);
}

void exec_MOVLPS(struct cpu *cpu, const struct op *op) { move_half(cpu, op, 0x0f13, 0); }
void exec_MOVLPD(struct cpu *cpu, const struct op *op) { move_half(cpu, op, 0x0f13, 0); }
void exec_MOVHPS(struct cpu *cpu, const struct op *op) { move_half(cpu, op, 0x0f17, 1); }
void exec_MOVHPD(struct cpu *cpu, const struct op *op) { move_half(cpu, op, 0x0f17, 1); }
void exec_MOVHLPS(struct cpu *cpu, const struct op *op) { cpu->xmm[op->reg].q[0] = cpu->xmm[op->rm].q[1]; }
void exec_MOVLHPS(struct cpu *cpu, const struct op *op) { cpu->xmm[op->reg].q[1] = cpu->xmm[op->rm].q[0]; }
MOVE_ROW(MOVLPS, low, op->opcode == 0x0f13);
MOVE_ROW(MOVLPD, low, op->opcode == 0x0f13);
MOVE_ROW(MOVHPS, high, op->opcode == 0x0f17);
MOVE_ROW(MOVHPD, high, op->opcode == 0x0f17);
MOVE_ROW(MOVHLPS, low, false);
MOVE_ROW(MOVLHPS, high, false);

void exec_MOVDDUP(struct cpu *cpu, const struct op *op)
{
    u64 q = xmm_source(cpu, op, 8).q[0];
    cpu->xmm[op->reg] = (union xmm){.q = {q, q}};
}
IRREGULAR(MOVDDUP);

void exec_MOVSLDUP(struct cpu *cpu, const struct op *op)
{
    union xmm s = xmm_source(cpu, op, 16);
    cpu->xmm[op->reg] = (union xmm){.d = {s.d[0], s.d[0], s.d[2], s.d[2]}};
}
IRREGULAR(MOVSLDUP);

void exec_MOVSHDUP(struct cpu *cpu, const struct op *op)
{
    union xmm s = xmm_source(cpu, op, 16);
    cpu->xmm[op->reg] = (union xmm){.d = {s.d[1], s.d[1], s.d[3], s.d[3]}};
}
IRREGULAR(MOVSHDUP);

static unsigned doubleword_or_quadword(const struct op *op) { return op->osize == 8 ? 8 : 4; }

/* MOVD and, with REX.W, MOVQ between MMX or XMM and a general register or memory. */
void exec_MOVD(struct cpu *cpu, const struct op *op)
{
    unsigned width = doubleword_or_quadword(op);
    bool sse = op->flags & OP_66;

    if (!sse)
        x87_check_pending(cpu);
    if (op->opcode == 0x0f6e) {
        u64 v = op_rm_read(cpu, op, width);
        if (sse)
            cpu->xmm[op->reg] = (union xmm){.q = {v, 0}};
        else
            mmx_write(cpu, mmx_reg(op), v);
    } else {
        op_rm_write(cpu, op, truncate(sse ? cpu->xmm[op->reg].q[0] : mmx_read(cpu, mmx_reg(op)), width), width);
    }
    if (!sse)
        x87_mmx_enter(&cpu->x87);
}

static op_fn *MOVD_choose(const struct op *op, u32 mode)
{
    bool store = op->opcode == 0x0f7e;

    if (!(op->flags & OP_66))
        return NULL; /* MMX */
    return op->osize == 8 ? general64_choose(op, mode, store) : general32_choose(op, mode, store);
}
const struct handlers handlers_MOVD = {.exec = exec_MOVD, .choose = MOVD_choose};

/* MOVQ between XMM registers and memory: F3 0F 7E and 66 0F D6. */
static void move_quadword_xmm(struct cpu *cpu, const struct op *op)
{
    if (op->opcode == 0x0f7e)
        cpu->xmm[op->reg] = (union xmm){.q = {xmm_source(cpu, op, 8).q[0], 0}};
    else if (op_is_mem(op))
        store(cpu, op, cpu->xmm[op->reg].q[0], 8);
    else
        cpu->xmm[op->rm] = (union xmm){.q = {cpu->xmm[op->reg].q[0], 0}};
}

void exec_MOVQ(struct cpu *cpu, const struct op *op)
{
    if (op->opcode == 0x0f7e || op->opcode == 0x0fd6) {
        move_quadword_xmm(cpu, op);
    } else if (op->opcode == 0x0f6f) {
        mmx_write(cpu, mmx_reg(op), mmx_source(cpu, op, 8));
    } else {
        x87_check_pending(cpu);
        if (op_is_mem(op))
            store(cpu, op, mmx_read(cpu, mmx_reg(op)), 8);
        else
            mmx_write(cpu, mmx_rm(op), mmx_read(cpu, mmx_reg(op)));
        x87_mmx_enter(&cpu->x87);
    }
}

static op_fn *MOVQ_choose(const struct op *op, u32 mode)
{
    bool sse = op->opcode == 0x0f7e || op->opcode == 0x0fd6;

    return sse ? quadword_choose(op, mode, op->opcode == 0x0fd6) : NULL;
}
const struct handlers handlers_MOVQ = {.exec = exec_MOVQ, .choose = MOVQ_choose};

void exec_MOVNTQ(struct cpu *cpu, const struct op *op) { exec_MOVQ(cpu, op); }
IRREGULAR(MOVNTQ);

void exec_MOVQ2DQ(struct cpu *cpu, const struct op *op)
{
    x87_check_pending(cpu);
    cpu->xmm[op->reg] = (union xmm){.q = {mmx_read(cpu, mmx_rm(op)), 0}};
    x87_mmx_enter(&cpu->x87);
}
IRREGULAR(MOVQ2DQ);

void exec_MOVDQ2Q(struct cpu *cpu, const struct op *op)
{
    x87_check_pending(cpu);
    mmx_write(cpu, mmx_reg(op), cpu->xmm[op->rm].q[0]);
    x87_mmx_enter(&cpu->x87);
}
IRREGULAR(MOVDQ2Q);

void exec_MOVNTI(struct cpu *cpu, const struct op *op)
{
    unsigned width = doubleword_or_quadword(op);
    store(cpu, op, reg_read(cpu, op->reg, width, true), width);
}
IRREGULAR(MOVNTI);

/* MASKMOVQ, MASKMOVDQU: only the selected bytes are accessed, at DS:rDI. */
static void store_selected(struct cpu *cpu, const struct op *op, const u8 *bytes, const u8 *select, unsigned count)
{
    u64 di = truncate(cpu->RDI, op->asize);

    for (unsigned i = 0; i < count; i++)
        if (select[i] & 0x80)
            mem_probe_write(cpu, op->seg, truncate(di + i, op->asize), 1);
    for (unsigned i = 0; i < count; i++)
        if (select[i] & 0x80)
            mem_write(cpu, op->seg, truncate(di + i, op->asize), bytes[i], 1);
}

void exec_MASKMOVDQU(struct cpu *cpu, const struct op *op)
{
    store_selected(cpu, op, cpu->xmm[op->reg].b, cpu->xmm[op->rm].b, 16);
}
IRREGULAR(MASKMOVDQU);

void exec_MASKMOVQ(struct cpu *cpu, const struct op *op)
{
    union xmm pair = {.q = {mmx_read(cpu, mmx_reg(op)), mmx_read(cpu, mmx_rm(op))}};

    x87_check_pending(cpu);
    store_selected(cpu, op, pair.b, pair.b + 8, 8);
    x87_mmx_enter(&cpu->x87);
}
IRREGULAR(MASKMOVQ);

/* Sign bits to a general register; the upper half of it is zeroed whatever the operand size. */
static u32 signs(const u8 *bytes, unsigned count)
{
    u32 mask = 0;

    for (unsigned i = 0; i < count; i++)
        mask |= (u32)(bytes[i] >> 7) << i;
    return mask;
}

void exec_PMOVMSKB(struct cpu *cpu, const struct op *op)
{
    if (op->flags & OP_66) {
        cpu->gpr[op->reg] = byte_signs(&cpu->xmm[op->rm]);
    } else {
        x87_check_pending(cpu);
        union xmm s = {.q = {mmx_read(cpu, mmx_rm(op)), 0}};
        cpu->gpr[op->reg] = signs(s.b, 8);
        x87_mmx_enter(&cpu->x87);
    }
}
IRREGULAR(PMOVMSKB);

void exec_MOVMSKPS(struct cpu *cpu, const struct op *op)
{
    const union xmm *s = &cpu->xmm[op->rm];
    cpu->gpr[op->reg] = s->d[0] >> 31 | s->d[1] >> 31 << 1 | s->d[2] >> 31 << 2 | s->d[3] >> 31 << 3;
}
IRREGULAR(MOVMSKPS);

void exec_MOVMSKPD(struct cpu *cpu, const struct op *op)
{
    const union xmm *s = &cpu->xmm[op->rm];
    cpu->gpr[op->reg] = s->q[0] >> 63 | s->q[1] >> 63 << 1;
}
IRREGULAR(MOVMSKPD);

/* The cache is not modelled and every store is seen in order: hints and fences have nothing to do. */
static void nothing(struct cpu *cpu, const struct op *op)
{
    (void)cpu;
    (void)op;
}

void exec_PREFETCH(struct cpu *cpu, const struct op *op) { nothing(cpu, op); }
void exec_PREFETCHW(struct cpu *cpu, const struct op *op) { nothing(cpu, op); }
void exec_LFENCE(struct cpu *cpu, const struct op *op) { nothing(cpu, op); }
void exec_MFENCE(struct cpu *cpu, const struct op *op) { nothing(cpu, op); }
void exec_SFENCE(struct cpu *cpu, const struct op *op) { nothing(cpu, op); }
IRREGULAR(PREFETCH);
IRREGULAR(PREFETCHW);
IRREGULAR(LFENCE);
IRREGULAR(MFENCE);
IRREGULAR(SFENCE);
