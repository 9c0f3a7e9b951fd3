/* SPDX-License-Identifier: MIT */
/* Packed shifts, shuffles, unpacks, packs, inserts and extracts, MMX and SSE2. */
#include "cpu/sse_forms.h"

/* Shifts: the count is the whole low quadword of SRC; too large a count gives 0 or the sign. */

/* By register or memory, or (0F 71 .. 0F 73) the register in r/m by an immediate. */
static void shift(struct cpu *cpu, const struct op *op, xmm_fn *f)
{
    if (op->opcode < 0x0f71 || op->opcode > 0x0f73) {
        packed(cpu, op, f);
        return;
    }
    union xmm count = {.q = {(u8)op->imm, 0}};
    if (op->flags & OP_66) {
        f(&cpu->xmm[op->rm], &count);
        return;
    }
    union xmm dest = {.q = {mmx_source(cpu, op, 8), 0}};
    f(&dest, &count);
    mmx_write(cpu, mmx_rm(op), dest.q[0]);
}

void exec_PSLLW(struct cpu *cpu, const struct op *op) { shift(cpu, op, psllw); }
void exec_PSLLD(struct cpu *cpu, const struct op *op) { shift(cpu, op, pslld); }
void exec_PSLLQ(struct cpu *cpu, const struct op *op) { shift(cpu, op, psllq); }
void exec_PSRLW(struct cpu *cpu, const struct op *op) { shift(cpu, op, psrlw); }
void exec_PSRLD(struct cpu *cpu, const struct op *op) { shift(cpu, op, psrld); }
void exec_PSRLQ(struct cpu *cpu, const struct op *op) { shift(cpu, op, psrlq); }
void exec_PSRAW(struct cpu *cpu, const struct op *op) { shift(cpu, op, psraw); }
void exec_PSRAD(struct cpu *cpu, const struct op *op) { shift(cpu, op, psrad); }
IRREGULAR(PSLLW);
IRREGULAR(PSLLD);
IRREGULAR(PSLLQ);
IRREGULAR(PSRLW);
IRREGULAR(PSRLD);
IRREGULAR(PSRLQ);
IRREGULAR(PSRAW);
IRREGULAR(PSRAD);

/* Bytes of the 32-byte concatenation high:low, from byte `from` on; beyond it zeroes. */
static union xmm slice(const union xmm *high, const union xmm *low, unsigned from)
{
    union xmm r;

    for (unsigned i = 0; i < 16; i++) {
        unsigned at = from + i;
        r.b[i] = at < 16 ? low->b[at] : at < 32 ? high->b[at - 16] : 0;
    }
    return r;
}

void exec_PSRLDQ(struct cpu *cpu, const struct op *op)
{
    const union xmm zero = {.q = {0, 0}};
    unsigned count = (u8)op->imm;

    cpu->xmm[op->rm] = slice(&zero, &cpu->xmm[op->rm], count < 16 ? count : 16);
}
IRREGULAR(PSRLDQ);

void exec_PSLLDQ(struct cpu *cpu, const struct op *op)
{
    const union xmm zero = {.q = {0, 0}};
    unsigned count = (u8)op->imm;

    cpu->xmm[op->rm] = slice(&cpu->xmm[op->rm], &zero, 16 - (count < 16 ? count : 16));
}
IRREGULAR(PSLLDQ);

/* SSSE3: DEST:SRC shifted right by bytes; the MMX form has 8 of each. */
void exec_PALIGNR(struct cpu *cpu, const struct op *op)
{
    unsigned count = (u8)op->imm;

    if (op->flags & OP_66) {
        union xmm source = xmm_source(cpu, op, 16);
        cpu->xmm[op->reg] = slice(&cpu->xmm[op->reg], &source, count);
    } else {
        const union xmm zero = {.q = {0, 0}};
        u64 low = mmx_source(cpu, op, 8);
        union xmm both = {.q = {low, mmx_read(cpu, mmx_reg(op))}};
        mmx_write(cpu, mmx_reg(op), slice(&zero, &both, count < 16 ? count : 16).q[0]);
    }
}
IRREGULAR(PALIGNR);

/*
 * Interleave: low halves, or (SSE form) high halves. The high half of MMX operands is the upper half of what their low
 * unpack gives.
 */

static void punpckhbw_mmx(union xmm *d, const union xmm *s)
{
    punpcklbw(d, s);
    d->q[0] = d->q[1];
}

static void punpckhwd_mmx(union xmm *d, const union xmm *s)
{
    punpcklwd(d, s);
    d->q[0] = d->q[1];
}

static void punpckhdq_mmx(union xmm *d, const union xmm *s)
{
    punpckldq(d, s);
    d->q[0] = d->q[1];
}

static void unpack_low(struct cpu *cpu, const struct op *op, xmm_fn *f)
{
    if (op->flags & OP_66)
        sse_packed(cpu, op, f);
    else
        mmx_packed(cpu, op, f, 4);
}

void exec_PUNPCKLBW(struct cpu *cpu, const struct op *op) { unpack_low(cpu, op, punpcklbw); }
void exec_PUNPCKLWD(struct cpu *cpu, const struct op *op) { unpack_low(cpu, op, punpcklwd); }
void exec_PUNPCKLDQ(struct cpu *cpu, const struct op *op) { unpack_low(cpu, op, punpckldq); }
void exec_PUNPCKHBW(struct cpu *cpu, const struct op *op) { packed_each(cpu, op, punpckhbw, punpckhbw_mmx); }
void exec_PUNPCKHWD(struct cpu *cpu, const struct op *op) { packed_each(cpu, op, punpckhwd, punpckhwd_mmx); }
void exec_PUNPCKHDQ(struct cpu *cpu, const struct op *op) { packed_each(cpu, op, punpckhdq, punpckhdq_mmx); }
void exec_PUNPCKLQDQ(struct cpu *cpu, const struct op *op) { sse_packed(cpu, op, punpcklqdq); }
void exec_PUNPCKHQDQ(struct cpu *cpu, const struct op *op) { sse_packed(cpu, op, punpckhqdq); }
void exec_UNPCKLPS(struct cpu *cpu, const struct op *op) { sse_packed(cpu, op, punpckldq); }
void exec_UNPCKHPS(struct cpu *cpu, const struct op *op) { sse_packed(cpu, op, punpckhdq); }
void exec_UNPCKLPD(struct cpu *cpu, const struct op *op) { sse_packed(cpu, op, punpcklqdq); }
void exec_UNPCKHPD(struct cpu *cpu, const struct op *op) { sse_packed(cpu, op, punpckhqdq); }
SSE_PACKED(PUNPCKLBW, punpcklbw);
SSE_PACKED(PUNPCKLWD, punpcklwd);
SSE_PACKED(PUNPCKLDQ, punpckldq);
SSE_PACKED(PUNPCKHBW, punpckhbw);
SSE_PACKED(PUNPCKHWD, punpckhwd);
SSE_PACKED(PUNPCKHDQ, punpckhdq);
SSE_PACKED(PUNPCKLQDQ, punpcklqdq);
SSE_PACKED(PUNPCKHQDQ, punpckhqdq);
SSE_PACKED(UNPCKLPS, punpckldq);
SSE_PACKED(UNPCKHPS, punpckhdq);
SSE_PACKED(UNPCKLPD, punpcklqdq);
SSE_PACKED(UNPCKHPD, punpckhqdq);

/* Narrow with saturation: DEST's lanes below, SRC's above. */

static void packsswb_mmx(union xmm *d, const union xmm *s)
{
    d->q[1] = s->q[0];
    packsswb(d, d);
}

static void packssdw_mmx(union xmm *d, const union xmm *s)
{
    d->q[1] = s->q[0];
    packssdw(d, d);
}

static void packuswb_mmx(union xmm *d, const union xmm *s)
{
    d->q[1] = s->q[0];
    packuswb(d, d);
}

void exec_PACKSSWB(struct cpu *cpu, const struct op *op) { packed_each(cpu, op, packsswb, packsswb_mmx); }
void exec_PACKSSDW(struct cpu *cpu, const struct op *op) { packed_each(cpu, op, packssdw, packssdw_mmx); }
void exec_PACKUSWB(struct cpu *cpu, const struct op *op) { packed_each(cpu, op, packuswb, packuswb_mmx); }
SSE_PACKED(PACKSSWB, packsswb);
SSE_PACKED(PACKSSDW, packssdw);
SSE_PACKED(PACKUSWB, packuswb);

/* Shuffles: two bits of the immediate choose each lane. */
static void pshufd(union xmm *d, const union xmm *s, unsigned imm)
{
    for (unsigned i = 0; i < 4; i++)
        d->d[i] = s->d[imm >> (2 * i) & 3];
}

static void pshuflw(union xmm *d, const union xmm *s, unsigned imm)
{
    for (unsigned i = 0; i < 4; i++)
        d->w[i] = s->w[imm >> (2 * i) & 3];
    d->q[1] = s->q[1];
}

static void pshufhw(union xmm *d, const union xmm *s, unsigned imm)
{
    d->q[0] = s->q[0];
    for (unsigned i = 0; i < 4; i++)
        d->w[4 + i] = s->w[4 + (imm >> (2 * i) & 3)];
}

static void shufps(union xmm *d, const union xmm *s, unsigned imm)
{
    *d = (union xmm){.d = {d->d[imm & 3], d->d[imm >> 2 & 3], s->d[imm >> 4 & 3], s->d[imm >> 6 & 3]}};
}

static void shufpd(union xmm *d, const union xmm *s, unsigned imm)
{
    *d = (union xmm){.q = {d->q[imm & 1], s->q[imm >> 1 & 1]}};
}

void exec_PSHUFD(struct cpu *cpu, const struct op *op) { sse_packed_imm(cpu, op, pshufd); }
void exec_PSHUFLW(struct cpu *cpu, const struct op *op) { sse_packed_imm(cpu, op, pshuflw); }
void exec_PSHUFHW(struct cpu *cpu, const struct op *op) { sse_packed_imm(cpu, op, pshufhw); }
void exec_SHUFPS(struct cpu *cpu, const struct op *op) { sse_packed_imm(cpu, op, shufps); }
void exec_SHUFPD(struct cpu *cpu, const struct op *op) { sse_packed_imm(cpu, op, shufpd); }
SSE_PACKED_IMM(PSHUFD, pshufd);
SSE_PACKED_IMM(PSHUFLW, pshuflw);
SSE_PACKED_IMM(PSHUFHW, pshufhw);
SSE_PACKED_IMM(SHUFPS, shufps);
SSE_PACKED_IMM(SHUFPD, shufpd);

void exec_PSHUFW(struct cpu *cpu, const struct op *op)
{
    union xmm source = {.q = {mmx_source(cpu, op, 8), 0}}, dest = source;

    pshuflw(&dest, &source, (u8)op->imm);
    mmx_write(cpu, mmx_reg(op), dest.q[0]);
}
IRREGULAR(PSHUFW);

/* A word from the low bits of a register, or from memory, into the lane the immediate names. */
void exec_PINSRW(struct cpu *cpu, const struct op *op)
{
    bool sse = op->flags & OP_66;

    if (!sse)
        x87_check_pending(cpu);
    u16 v = (u16)(op_is_mem(op) ? operand_read(cpu, op, 2) : cpu->gpr[op->rm]);
    if (sse) {
        cpu->xmm[op->reg].w[op->imm & 7] = v;
    } else {
        union xmm x = {.q = {mmx_read(cpu, mmx_reg(op)), 0}};
        x.w[op->imm & 3] = v;
        x87_mmx_enter(&cpu->x87);
        mmx_write(cpu, mmx_reg(op), x.q[0]);
    }
}
IRREGULAR(PINSRW);

/* To a general register, zero-extended to all of it; SSE4.1 adds a form that stores to memory. */
void exec_PEXTRW(struct cpu *cpu, const struct op *op)
{
    if (op->opcode == 0x3a15) {
        u16 v = cpu->xmm[op->reg].w[op->imm & 7];
        if (op_is_mem(op))
            operand_write(cpu, op, v, 2);
        else
            cpu->gpr[op->rm] = v;
    } else if (op->flags & OP_66) {
        cpu->gpr[op->reg] = cpu->xmm[op->rm].w[op->imm & 7];
    } else {
        x87_check_pending(cpu);
        union xmm x = {.q = {mmx_read(cpu, mmx_rm(op)), 0}};
        cpu->gpr[op->reg] = x.w[op->imm & 3];
        x87_mmx_enter(&cpu->x87);
    }
}
IRREGULAR(PEXTRW);
