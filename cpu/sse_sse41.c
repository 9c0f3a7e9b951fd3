/* SPDX-License-Identifier: MIT */
/* SSE4.1 integer instructions (SDM Vol. 1, "SSE4.1 Instruction Set"). */
#include "cpu/sse.h"

/* DEST := f(DEST, SRC), lane by lane. */

void exec_PMULDQ(struct cpu *cpu, const struct op *op) { sse_packed(cpu, op, pmuldq); }
void exec_PMULLD(struct cpu *cpu, const struct op *op) { sse_packed(cpu, op, pmulld); }
void exec_PCMPEQQ(struct cpu *cpu, const struct op *op) { sse_packed(cpu, op, pcmpeqq); }
void exec_PACKUSDW(struct cpu *cpu, const struct op *op) { sse_packed(cpu, op, packusdw); }
void exec_PMINSB(struct cpu *cpu, const struct op *op) { sse_packed(cpu, op, pminsb); }
void exec_PMINSD(struct cpu *cpu, const struct op *op) { sse_packed(cpu, op, pminsd); }
void exec_PMINUW(struct cpu *cpu, const struct op *op) { sse_packed(cpu, op, pminuw); }
void exec_PMINUD(struct cpu *cpu, const struct op *op) { sse_packed(cpu, op, pminud); }
void exec_PMAXSB(struct cpu *cpu, const struct op *op) { sse_packed(cpu, op, pmaxsb); }
void exec_PMAXSD(struct cpu *cpu, const struct op *op) { sse_packed(cpu, op, pmaxsd); }
void exec_PMAXUW(struct cpu *cpu, const struct op *op) { sse_packed(cpu, op, pmaxuw); }
void exec_PMAXUD(struct cpu *cpu, const struct op *op) { sse_packed(cpu, op, pmaxud); }
void exec_PHMINPOSUW(struct cpu *cpu, const struct op *op) { sse_packed(cpu, op, phminposuw); }
IRREGULAR(PMULDQ);
IRREGULAR(PMULLD);
IRREGULAR(PCMPEQQ);
IRREGULAR(PACKUSDW);
IRREGULAR(PMINSB);
IRREGULAR(PMINSD);
IRREGULAR(PMINUW);
IRREGULAR(PMINUD);
IRREGULAR(PMAXSB);
IRREGULAR(PMAXSD);
IRREGULAR(PMAXUW);
IRREGULAR(PMAXUD);
IRREGULAR(PHMINPOSUW);

/* Widen the low lanes of SRC, of which a memory operand has no others. */

ALWAYS_INLINE void widen(struct cpu *cpu, const struct op *op, unsigned width, xmm_fn *f)
{
    union xmm source = xmm_source(cpu, op, width);
    f(&cpu->xmm[op->reg], &source);
}

void exec_PMOVSXBW(struct cpu *cpu, const struct op *op) { widen(cpu, op, 8, pmovsxbw); }
void exec_PMOVSXBD(struct cpu *cpu, const struct op *op) { widen(cpu, op, 4, pmovsxbd); }
void exec_PMOVSXBQ(struct cpu *cpu, const struct op *op) { widen(cpu, op, 2, pmovsxbq); }
void exec_PMOVSXWD(struct cpu *cpu, const struct op *op) { widen(cpu, op, 8, pmovsxwd); }
void exec_PMOVSXWQ(struct cpu *cpu, const struct op *op) { widen(cpu, op, 4, pmovsxwq); }
void exec_PMOVSXDQ(struct cpu *cpu, const struct op *op) { widen(cpu, op, 8, pmovsxdq); }
void exec_PMOVZXBW(struct cpu *cpu, const struct op *op) { widen(cpu, op, 8, pmovzxbw); }
void exec_PMOVZXBD(struct cpu *cpu, const struct op *op) { widen(cpu, op, 4, pmovzxbd); }
void exec_PMOVZXBQ(struct cpu *cpu, const struct op *op) { widen(cpu, op, 2, pmovzxbq); }
void exec_PMOVZXWD(struct cpu *cpu, const struct op *op) { widen(cpu, op, 8, pmovzxwd); }
void exec_PMOVZXWQ(struct cpu *cpu, const struct op *op) { widen(cpu, op, 4, pmovzxwq); }
void exec_PMOVZXDQ(struct cpu *cpu, const struct op *op) { widen(cpu, op, 8, pmovzxdq); }
IRREGULAR(PMOVSXBW);
IRREGULAR(PMOVSXBD);
IRREGULAR(PMOVSXBQ);
IRREGULAR(PMOVSXWD);
IRREGULAR(PMOVSXWQ);
IRREGULAR(PMOVSXDQ);
IRREGULAR(PMOVZXBW);
IRREGULAR(PMOVZXBD);
IRREGULAR(PMOVZXBQ);
IRREGULAR(PMOVZXWD);
IRREGULAR(PMOVZXWQ);
IRREGULAR(PMOVZXDQ);

/* Blends: lanes of SRC where the immediate, or the sign of XMM0's lane, says so. */
static void blend(union xmm *d, const union xmm *s, unsigned select, unsigned lanes)
{
    unsigned size = 16 / lanes;

    for (unsigned i = 0; i < 16; i++)
        if (select >> i / size & 1)
            d->b[i] = s->b[i];
}

static void pblendw(union xmm *d, const union xmm *s, unsigned imm) { blend(d, s, imm, 8); }
static void blendps(union xmm *d, const union xmm *s, unsigned imm) { blend(d, s, imm, 4); }
static void blendpd(union xmm *d, const union xmm *s, unsigned imm) { blend(d, s, imm, 2); }

void exec_PBLENDW(struct cpu *cpu, const struct op *op) { sse_packed_imm(cpu, op, pblendw); }
void exec_BLENDPS(struct cpu *cpu, const struct op *op) { sse_packed_imm(cpu, op, blendps); }
void exec_BLENDPD(struct cpu *cpu, const struct op *op) { sse_packed_imm(cpu, op, blendpd); }
IRREGULAR(PBLENDW);
IRREGULAR(BLENDPS);
IRREGULAR(BLENDPD);

static void blend_by_sign(struct cpu *cpu, const struct op *op, unsigned lanes)
{
    union xmm source = xmm_source(cpu, op, 16), sign = cpu->xmm[0];
    unsigned size = 16 / lanes, select = 0;

    for (unsigned i = 0; i < lanes; i++)
        select |= (unsigned)(sign.b[i * size + size - 1] >> 7) << i;
    blend(&cpu->xmm[op->reg], &source, select, lanes);
}

void exec_PBLENDVB(struct cpu *cpu, const struct op *op) { blend_by_sign(cpu, op, 16); }
void exec_BLENDVPS(struct cpu *cpu, const struct op *op) { blend_by_sign(cpu, op, 4); }
void exec_BLENDVPD(struct cpu *cpu, const struct op *op) { blend_by_sign(cpu, op, 2); }
IRREGULAR(PBLENDVB);
IRREGULAR(BLENDVPS);
IRREGULAR(BLENDVPD);

/* ZF: SRC AND DEST is 0; CF: SRC AND NOT DEST is 0. */
void exec_PTEST(struct cpu *cpu, const struct op *op)
{
    union xmm s = xmm_source(cpu, op, 16), d = cpu->xmm[op->reg];
    bool zf = !((s.q[0] & d.q[0]) | (s.q[1] & d.q[1])), cf = !((s.q[0] & ~d.q[0]) | (s.q[1] & ~d.q[1]));

    flags_compare(cpu, zf, false, cf);
}
IRREGULAR(PTEST);

/* Eight sums of four absolute differences, of sliding bytes of DEST and one group of SRC. */
static void mpsadbw(union xmm *d, const union xmm *s, unsigned imm)
{
    union xmm r;
    const u8 *from = d->b + (imm >> 2 & 1) * 4, *group = s->b + (imm & 3) * 4;

    for (unsigned i = 0; i < 8; i++) {
        unsigned sum = 0;
        for (unsigned j = 0; j < 4; j++)
            sum += from[i + j] > group[j] ? (unsigned)(from[i + j] - group[j]) : (unsigned)(group[j] - from[i + j]);
        r.w[i] = (u16)sum;
    }
    *d = r;
}

void exec_MPSADBW(struct cpu *cpu, const struct op *op) { sse_packed_imm(cpu, op, mpsadbw); }
IRREGULAR(MPSADBW);

/* Insert and extract one element, the immediate says which. */
static unsigned element_size(const struct op *op) { return op->osize == 8 ? 8 : 4; }

void exec_PINSRB(struct cpu *cpu, const struct op *op)
{
    u64 v = op_is_mem(op) ? operand_read(cpu, op, 1) : cpu->gpr[op->rm];
    cpu->xmm[op->reg].b[op->imm & 15] = (u8)v;
}
IRREGULAR(PINSRB);

void exec_PINSRD(struct cpu *cpu, const struct op *op)
{
    unsigned size = element_size(op);
    u64 v = op_rm_read(cpu, op, size);

    if (size == 8)
        cpu->xmm[op->reg].q[op->imm & 1] = v;
    else
        cpu->xmm[op->reg].d[op->imm & 3] = (u32)v;
}
IRREGULAR(PINSRD);

static void extract(struct cpu *cpu, const struct op *op, u64 v, unsigned size)
{
    if (op_is_mem(op))
        operand_write(cpu, op, v, size);
    else
        cpu->gpr[op->rm] = v;
}

void exec_PEXTRB(struct cpu *cpu, const struct op *op) { extract(cpu, op, cpu->xmm[op->reg].b[op->imm & 15], 1); }
void exec_EXTRACTPS(struct cpu *cpu, const struct op *op) { extract(cpu, op, cpu->xmm[op->reg].d[op->imm & 3], 4); }
IRREGULAR(PEXTRB);
IRREGULAR(EXTRACTPS);

void exec_PEXTRD(struct cpu *cpu, const struct op *op)
{
    const union xmm *x = &cpu->xmm[op->reg];

    if (element_size(op) == 8)
        extract(cpu, op, x->q[op->imm & 1], 8);
    else
        extract(cpu, op, x->d[op->imm & 3], 4);
}
IRREGULAR(PEXTRD);

/* SRC's lane by bits 7:6 (memory has only one) to DEST's by 5:4, then zeroes where 3:0 say. */
void exec_INSERTPS(struct cpu *cpu, const struct op *op)
{
    unsigned imm = (u8)op->imm;
    union xmm source = xmm_source(cpu, op, 4), *d = &cpu->xmm[op->reg];

    d->d[imm >> 4 & 3] = source.d[op_is_mem(op) ? 0 : imm >> 6];
    for (unsigned i = 0; i < 4; i++)
        if (imm >> i & 1)
            d->d[i] = 0;
}
IRREGULAR(INSERTPS);
