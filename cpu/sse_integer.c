/* SPDX-License-Identifier: MIT */
/*
 * Packed integer arithmetic, comparison and logic, MMX and SSE2: the same lane-wise function serves both register
 * files.
 */
#include "cpu/sse.h"

/* DEST := f(DEST, SRC), lane by lane. */
static void paddb(union xmm *d, const union xmm *s) { xmm_put(d, _mm_add_epi8(xmm_get(d), xmm_get(s))); }
static void paddw(union xmm *d, const union xmm *s) { xmm_put(d, _mm_add_epi16(xmm_get(d), xmm_get(s))); }
static void paddd(union xmm *d, const union xmm *s) { xmm_put(d, _mm_add_epi32(xmm_get(d), xmm_get(s))); }
static void paddq(union xmm *d, const union xmm *s) { xmm_put(d, _mm_add_epi64(xmm_get(d), xmm_get(s))); }
static void paddsb(union xmm *d, const union xmm *s) { xmm_put(d, _mm_adds_epi8(xmm_get(d), xmm_get(s))); }
static void paddsw(union xmm *d, const union xmm *s) { xmm_put(d, _mm_adds_epi16(xmm_get(d), xmm_get(s))); }
static void paddusb(union xmm *d, const union xmm *s) { xmm_put(d, _mm_adds_epu8(xmm_get(d), xmm_get(s))); }
static void paddusw(union xmm *d, const union xmm *s) { xmm_put(d, _mm_adds_epu16(xmm_get(d), xmm_get(s))); }
static void psubb(union xmm *d, const union xmm *s) { xmm_put(d, _mm_sub_epi8(xmm_get(d), xmm_get(s))); }
static void psubw(union xmm *d, const union xmm *s) { xmm_put(d, _mm_sub_epi16(xmm_get(d), xmm_get(s))); }
static void psubd(union xmm *d, const union xmm *s) { xmm_put(d, _mm_sub_epi32(xmm_get(d), xmm_get(s))); }
static void psubq(union xmm *d, const union xmm *s) { xmm_put(d, _mm_sub_epi64(xmm_get(d), xmm_get(s))); }
static void psubsb(union xmm *d, const union xmm *s) { xmm_put(d, _mm_subs_epi8(xmm_get(d), xmm_get(s))); }
static void psubsw(union xmm *d, const union xmm *s) { xmm_put(d, _mm_subs_epi16(xmm_get(d), xmm_get(s))); }
static void psubusb(union xmm *d, const union xmm *s) { xmm_put(d, _mm_subs_epu8(xmm_get(d), xmm_get(s))); }
static void psubusw(union xmm *d, const union xmm *s) { xmm_put(d, _mm_subs_epu16(xmm_get(d), xmm_get(s))); }
static void pmullw(union xmm *d, const union xmm *s) { xmm_put(d, _mm_mullo_epi16(xmm_get(d), xmm_get(s))); }
static void pmulhw(union xmm *d, const union xmm *s) { xmm_put(d, _mm_mulhi_epi16(xmm_get(d), xmm_get(s))); }
static void pmulhuw(union xmm *d, const union xmm *s) { xmm_put(d, _mm_mulhi_epu16(xmm_get(d), xmm_get(s))); }
static void pmuludq(union xmm *d, const union xmm *s) { xmm_put(d, _mm_mul_epu32(xmm_get(d), xmm_get(s))); }
static void pmaddwd(union xmm *d, const union xmm *s) { xmm_put(d, _mm_madd_epi16(xmm_get(d), xmm_get(s))); }
static void psadbw(union xmm *d, const union xmm *s) { xmm_put(d, _mm_sad_epu8(xmm_get(d), xmm_get(s))); }
static void pavgb(union xmm *d, const union xmm *s) { xmm_put(d, _mm_avg_epu8(xmm_get(d), xmm_get(s))); }
static void pavgw(union xmm *d, const union xmm *s) { xmm_put(d, _mm_avg_epu16(xmm_get(d), xmm_get(s))); }
static void pmaxub(union xmm *d, const union xmm *s) { xmm_put(d, _mm_max_epu8(xmm_get(d), xmm_get(s))); }
static void pminub(union xmm *d, const union xmm *s) { xmm_put(d, _mm_min_epu8(xmm_get(d), xmm_get(s))); }
static void pmaxsw(union xmm *d, const union xmm *s) { xmm_put(d, _mm_max_epi16(xmm_get(d), xmm_get(s))); }
static void pminsw(union xmm *d, const union xmm *s) { xmm_put(d, _mm_min_epi16(xmm_get(d), xmm_get(s))); }
static void pcmpeqb(union xmm *d, const union xmm *s) { xmm_put(d, _mm_cmpeq_epi8(xmm_get(d), xmm_get(s))); }
static void pcmpeqw(union xmm *d, const union xmm *s) { xmm_put(d, _mm_cmpeq_epi16(xmm_get(d), xmm_get(s))); }
static void pcmpeqd(union xmm *d, const union xmm *s) { xmm_put(d, _mm_cmpeq_epi32(xmm_get(d), xmm_get(s))); }
static void pcmpgtb(union xmm *d, const union xmm *s) { xmm_put(d, _mm_cmpgt_epi8(xmm_get(d), xmm_get(s))); }
static void pcmpgtw(union xmm *d, const union xmm *s) { xmm_put(d, _mm_cmpgt_epi16(xmm_get(d), xmm_get(s))); }
static void pcmpgtd(union xmm *d, const union xmm *s) { xmm_put(d, _mm_cmpgt_epi32(xmm_get(d), xmm_get(s))); }
static void pand(union xmm *d, const union xmm *s) { xmm_put(d, _mm_and_si128(xmm_get(d), xmm_get(s))); }
static void pandn(union xmm *d, const union xmm *s) { xmm_put(d, _mm_andnot_si128(xmm_get(d), xmm_get(s))); }
static void por(union xmm *d, const union xmm *s) { xmm_put(d, _mm_or_si128(xmm_get(d), xmm_get(s))); }
static void pxor(union xmm *d, const union xmm *s) { xmm_put(d, _mm_xor_si128(xmm_get(d), xmm_get(s))); }

void exec_PADDB(struct cpu *cpu, const struct op *op) { packed(cpu, op, paddb); }
void exec_PADDW(struct cpu *cpu, const struct op *op) { packed(cpu, op, paddw); }
void exec_PADDD(struct cpu *cpu, const struct op *op) { packed(cpu, op, paddd); }
void exec_PADDQ(struct cpu *cpu, const struct op *op) { packed(cpu, op, paddq); }
void exec_PADDSB(struct cpu *cpu, const struct op *op) { packed(cpu, op, paddsb); }
void exec_PADDSW(struct cpu *cpu, const struct op *op) { packed(cpu, op, paddsw); }
void exec_PADDUSB(struct cpu *cpu, const struct op *op) { packed(cpu, op, paddusb); }
void exec_PADDUSW(struct cpu *cpu, const struct op *op) { packed(cpu, op, paddusw); }
void exec_PSUBB(struct cpu *cpu, const struct op *op) { packed(cpu, op, psubb); }
void exec_PSUBW(struct cpu *cpu, const struct op *op) { packed(cpu, op, psubw); }
void exec_PSUBD(struct cpu *cpu, const struct op *op) { packed(cpu, op, psubd); }
void exec_PSUBQ(struct cpu *cpu, const struct op *op) { packed(cpu, op, psubq); }
void exec_PSUBSB(struct cpu *cpu, const struct op *op) { packed(cpu, op, psubsb); }
void exec_PSUBSW(struct cpu *cpu, const struct op *op) { packed(cpu, op, psubsw); }
void exec_PSUBUSB(struct cpu *cpu, const struct op *op) { packed(cpu, op, psubusb); }
void exec_PSUBUSW(struct cpu *cpu, const struct op *op) { packed(cpu, op, psubusw); }
void exec_PMULLW(struct cpu *cpu, const struct op *op) { packed(cpu, op, pmullw); }
void exec_PMULHW(struct cpu *cpu, const struct op *op) { packed(cpu, op, pmulhw); }
void exec_PMULHUW(struct cpu *cpu, const struct op *op) { packed(cpu, op, pmulhuw); }
void exec_PMULUDQ(struct cpu *cpu, const struct op *op) { packed(cpu, op, pmuludq); }
void exec_PMADDWD(struct cpu *cpu, const struct op *op) { packed(cpu, op, pmaddwd); }
void exec_PSADBW(struct cpu *cpu, const struct op *op) { packed(cpu, op, psadbw); }
void exec_PAVGB(struct cpu *cpu, const struct op *op) { packed(cpu, op, pavgb); }
void exec_PAVGW(struct cpu *cpu, const struct op *op) { packed(cpu, op, pavgw); }
void exec_PMAXUB(struct cpu *cpu, const struct op *op) { packed(cpu, op, pmaxub); }
void exec_PMINUB(struct cpu *cpu, const struct op *op) { packed(cpu, op, pminub); }
void exec_PMAXSW(struct cpu *cpu, const struct op *op) { packed(cpu, op, pmaxsw); }
void exec_PMINSW(struct cpu *cpu, const struct op *op) { packed(cpu, op, pminsw); }
void exec_PCMPEQB(struct cpu *cpu, const struct op *op) { packed(cpu, op, pcmpeqb); }
void exec_PCMPEQW(struct cpu *cpu, const struct op *op) { packed(cpu, op, pcmpeqw); }
void exec_PCMPEQD(struct cpu *cpu, const struct op *op) { packed(cpu, op, pcmpeqd); }
void exec_PCMPGTB(struct cpu *cpu, const struct op *op) { packed(cpu, op, pcmpgtb); }
void exec_PCMPGTW(struct cpu *cpu, const struct op *op) { packed(cpu, op, pcmpgtw); }
void exec_PCMPGTD(struct cpu *cpu, const struct op *op) { packed(cpu, op, pcmpgtd); }
void exec_PAND(struct cpu *cpu, const struct op *op) { packed(cpu, op, pand); }
void exec_PANDN(struct cpu *cpu, const struct op *op) { packed(cpu, op, pandn); }
void exec_POR(struct cpu *cpu, const struct op *op) { packed(cpu, op, por); }
void exec_PXOR(struct cpu *cpu, const struct op *op) { packed(cpu, op, pxor); }
IRREGULAR(PADDB);
IRREGULAR(PADDW);
IRREGULAR(PADDD);
IRREGULAR(PADDQ);
IRREGULAR(PADDSB);
IRREGULAR(PADDSW);
IRREGULAR(PADDUSB);
IRREGULAR(PADDUSW);
IRREGULAR(PSUBB);
IRREGULAR(PSUBW);
IRREGULAR(PSUBD);
IRREGULAR(PSUBQ);
IRREGULAR(PSUBSB);
IRREGULAR(PSUBSW);
IRREGULAR(PSUBUSB);
IRREGULAR(PSUBUSW);
IRREGULAR(PMULLW);
IRREGULAR(PMULHW);
IRREGULAR(PMULHUW);
IRREGULAR(PMULUDQ);
IRREGULAR(PMADDWD);
IRREGULAR(PSADBW);
IRREGULAR(PAVGB);
IRREGULAR(PAVGW);
IRREGULAR(PMAXUB);
IRREGULAR(PMINUB);
IRREGULAR(PMAXSW);
IRREGULAR(PMINSW);
IRREGULAR(PCMPEQB);
IRREGULAR(PCMPEQW);
IRREGULAR(PCMPEQD);
IRREGULAR(PCMPGTB);
IRREGULAR(PCMPGTW);
IRREGULAR(PCMPGTD);
IRREGULAR(PAND);
IRREGULAR(PANDN);
IRREGULAR(POR);
IRREGULAR(PXOR);

/* The logical instructions of floating-point data are the same for all types. */
void exec_ANDPS(struct cpu *cpu, const struct op *op) { sse_packed(cpu, op, pand); }
void exec_ANDPD(struct cpu *cpu, const struct op *op) { sse_packed(cpu, op, pand); }
void exec_ANDNPS(struct cpu *cpu, const struct op *op) { sse_packed(cpu, op, pandn); }
void exec_ANDNPD(struct cpu *cpu, const struct op *op) { sse_packed(cpu, op, pandn); }
void exec_ORPS(struct cpu *cpu, const struct op *op) { sse_packed(cpu, op, por); }
void exec_ORPD(struct cpu *cpu, const struct op *op) { sse_packed(cpu, op, por); }
void exec_XORPS(struct cpu *cpu, const struct op *op) { sse_packed(cpu, op, pxor); }
void exec_XORPD(struct cpu *cpu, const struct op *op) { sse_packed(cpu, op, pxor); }
IRREGULAR(ANDPS);
IRREGULAR(ANDPD);
IRREGULAR(ANDNPS);
IRREGULAR(ANDNPD);
IRREGULAR(ORPS);
IRREGULAR(ORPD);
IRREGULAR(XORPS);
IRREGULAR(XORPD);
