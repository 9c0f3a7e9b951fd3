/* SPDX-License-Identifier: MIT */
/* SSE and MMX data movement (SDM Vol. 1, "SSE Data Transfer Instructions" and their like). */
#include "cpu/sse.h"

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
IRREGULAR(MOVAPS);
IRREGULAR(MOVAPD);
IRREGULAR(MOVUPS);
IRREGULAR(MOVUPD);
IRREGULAR(MOVDQA);
IRREGULAR(MOVDQU);
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
IRREGULAR(MOVSS);

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
IRREGULAR(MOVSD);

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
IRREGULAR(MOVLPS);
IRREGULAR(MOVLPD);
IRREGULAR(MOVHPS);
IRREGULAR(MOVHPD);
IRREGULAR(MOVHLPS);
IRREGULAR(MOVLHPS);

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
IRREGULAR(MOVD);

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
IRREGULAR(MOVQ);

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
