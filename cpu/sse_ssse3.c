/* SPDX-License-Identifier: MIT */
/* SSSE3 (SDM Vol. 1, "Supplemental Streaming SIMD Extensions 3"), MMX and XMM forms. */
#include "cpu/sse.h"

/* DEST := f(DEST, SRC), lane by lane. */

void exec_PSIGNB(struct cpu *cpu, const struct op *op) { packed(cpu, op, psignb); }
void exec_PSIGNW(struct cpu *cpu, const struct op *op) { packed(cpu, op, psignw); }
void exec_PSIGND(struct cpu *cpu, const struct op *op) { packed(cpu, op, psignd); }
void exec_PMULHRSW(struct cpu *cpu, const struct op *op) { packed(cpu, op, pmulhrsw); }
void exec_PMADDUBSW(struct cpu *cpu, const struct op *op) { packed(cpu, op, pmaddubsw); }
void exec_PABSB(struct cpu *cpu, const struct op *op) { packed(cpu, op, pabsb); }
void exec_PABSW(struct cpu *cpu, const struct op *op) { packed(cpu, op, pabsw); }
void exec_PABSD(struct cpu *cpu, const struct op *op) { packed(cpu, op, pabsd); }
IRREGULAR(PSIGNB);
IRREGULAR(PSIGNW);
IRREGULAR(PSIGND);
IRREGULAR(PMULHRSW);
IRREGULAR(PMADDUBSW);
IRREGULAR(PABSB);
IRREGULAR(PABSW);
IRREGULAR(PABSD);

/* Horizontally: pairs of DEST below, pairs of SRC above. An MMX pair of operands is one XMM operand. */

ALWAYS_INLINE void horizontal(struct cpu *cpu, const struct op *op, xmm_fn *f)
{
    if (op->flags & OP_66) {
        sse_packed(cpu, op, f);
        return;
    }
    u64 source = mmx_source(cpu, op, 8);
    union xmm both = {.q = {mmx_read(cpu, mmx_reg(op)), source}};
    f(&both, &both);
    mmx_write(cpu, mmx_reg(op), both.q[0]);
}

void exec_PHADDW(struct cpu *cpu, const struct op *op) { horizontal(cpu, op, phaddw); }
void exec_PHADDD(struct cpu *cpu, const struct op *op) { horizontal(cpu, op, phaddd); }
void exec_PHADDSW(struct cpu *cpu, const struct op *op) { horizontal(cpu, op, phaddsw); }
void exec_PHSUBW(struct cpu *cpu, const struct op *op) { horizontal(cpu, op, phsubw); }
void exec_PHSUBD(struct cpu *cpu, const struct op *op) { horizontal(cpu, op, phsubd); }
void exec_PHSUBSW(struct cpu *cpu, const struct op *op) { horizontal(cpu, op, phsubsw); }
IRREGULAR(PHADDW);
IRREGULAR(PHADDD);
IRREGULAR(PHADDSW);
IRREGULAR(PHSUBW);
IRREGULAR(PHSUBD);
IRREGULAR(PHSUBSW);

/* Bit 7 of an index gives 0; of the rest, as many bits count as the register has bytes. */

static void pshufb_mmx(union xmm *d, const union xmm *s)
{
    union xmm index = {.q = {s->q[0] & 0x8787878787878787, 0}};
    pshufb(d, &index);
}

void exec_PSHUFB(struct cpu *cpu, const struct op *op) { packed_each(cpu, op, pshufb, pshufb_mmx); }
IRREGULAR(PSHUFB);
