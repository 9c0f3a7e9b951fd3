/* SPDX-License-Identifier: MIT */
/* SSSE3 (SDM Vol. 1, "Supplemental Streaming SIMD Extensions 3"), MMX and XMM forms. */
#include "cpu/sse.h"

#include <tmmintrin.h>

#define SSSE3 __attribute__((target("ssse3")))

/* DEST := f(DEST, SRC), lane by lane. */
SSSE3 static void psignb(union xmm *d, const union xmm *s) { xmm_put(d, _mm_sign_epi8(xmm_get(d), xmm_get(s))); }
SSSE3 static void psignw(union xmm *d, const union xmm *s) { xmm_put(d, _mm_sign_epi16(xmm_get(d), xmm_get(s))); }
SSSE3 static void psignd(union xmm *d, const union xmm *s) { xmm_put(d, _mm_sign_epi32(xmm_get(d), xmm_get(s))); }
SSSE3 static void pmulhrsw(union xmm *d, const union xmm *s) { xmm_put(d, _mm_mulhrs_epi16(xmm_get(d), xmm_get(s))); }
SSSE3 static void pmaddubsw(union xmm *d, const union xmm *s) { xmm_put(d, _mm_maddubs_epi16(xmm_get(d), xmm_get(s))); }
SSSE3 static void pabsb(union xmm *d, const union xmm *s) { xmm_put(d, _mm_abs_epi8(xmm_get(s))); }
SSSE3 static void pabsw(union xmm *d, const union xmm *s) { xmm_put(d, _mm_abs_epi16(xmm_get(s))); }
SSSE3 static void pabsd(union xmm *d, const union xmm *s) { xmm_put(d, _mm_abs_epi32(xmm_get(s))); }

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
SSSE3 static void phaddw(union xmm *d, const union xmm *s) { xmm_put(d, _mm_hadd_epi16(xmm_get(d), xmm_get(s))); }
SSSE3 static void phaddd(union xmm *d, const union xmm *s) { xmm_put(d, _mm_hadd_epi32(xmm_get(d), xmm_get(s))); }
SSSE3 static void phaddsw(union xmm *d, const union xmm *s) { xmm_put(d, _mm_hadds_epi16(xmm_get(d), xmm_get(s))); }
SSSE3 static void phsubw(union xmm *d, const union xmm *s) { xmm_put(d, _mm_hsub_epi16(xmm_get(d), xmm_get(s))); }
SSSE3 static void phsubd(union xmm *d, const union xmm *s) { xmm_put(d, _mm_hsub_epi32(xmm_get(d), xmm_get(s))); }
SSSE3 static void phsubsw(union xmm *d, const union xmm *s) { xmm_put(d, _mm_hsubs_epi16(xmm_get(d), xmm_get(s))); }

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
SSSE3 static void pshufb(union xmm *d, const union xmm *s) { xmm_put(d, _mm_shuffle_epi8(xmm_get(d), xmm_get(s))); }

static void pshufb_mmx(union xmm *d, const union xmm *s)
{
    union xmm index = {.q = {s->q[0] & 0x8787878787878787, 0}};
    pshufb(d, &index);
}

void exec_PSHUFB(struct cpu *cpu, const struct op *op) { packed_each(cpu, op, pshufb, pshufb_mmx); }
IRREGULAR(PSHUFB);
