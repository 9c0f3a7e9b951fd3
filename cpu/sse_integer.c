/* SPDX-License-Identifier: MIT */
/*
 * Packed integer arithmetic, comparison and logic, MMX and SSE2: the same lane-wise function serves both register
 * files.
 */
#include "cpu/sse_forms.h"

/* DEST := f(DEST, SRC), lane by lane. */

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
SSE_PACKED(PADDB, paddb);
SSE_PACKED(PADDW, paddw);
SSE_PACKED(PADDD, paddd);
SSE_PACKED(PADDQ, paddq);
SSE_PACKED(PADDSB, paddsb);
SSE_PACKED(PADDSW, paddsw);
SSE_PACKED(PADDUSB, paddusb);
SSE_PACKED(PADDUSW, paddusw);
SSE_PACKED(PSUBB, psubb);
SSE_PACKED(PSUBW, psubw);
SSE_PACKED(PSUBD, psubd);
SSE_PACKED(PSUBQ, psubq);
SSE_PACKED(PSUBSB, psubsb);
SSE_PACKED(PSUBSW, psubsw);
SSE_PACKED(PSUBUSB, psubusb);
SSE_PACKED(PSUBUSW, psubusw);
SSE_PACKED(PMULLW, pmullw);
SSE_PACKED(PMULHW, pmulhw);
SSE_PACKED(PMULHUW, pmulhuw);
SSE_PACKED(PMULUDQ, pmuludq);
SSE_PACKED(PMADDWD, pmaddwd);
SSE_PACKED(PSADBW, psadbw);
SSE_PACKED(PAVGB, pavgb);
SSE_PACKED(PAVGW, pavgw);
SSE_PACKED(PMAXUB, pmaxub);
SSE_PACKED(PMINUB, pminub);
SSE_PACKED(PMAXSW, pmaxsw);
SSE_PACKED(PMINSW, pminsw);
SSE_PACKED(PCMPEQB, pcmpeqb);
SSE_PACKED(PCMPEQW, pcmpeqw);
SSE_PACKED(PCMPEQD, pcmpeqd);
SSE_PACKED(PCMPGTB, pcmpgtb);
SSE_PACKED(PCMPGTW, pcmpgtw);
SSE_PACKED(PCMPGTD, pcmpgtd);
SSE_PACKED(PAND, pand);
SSE_PACKED(PANDN, pandn);
SSE_PACKED(POR, por);
SSE_PACKED(PXOR, pxor);

/* The logical instructions of floating-point data are the same for all types. */
void exec_ANDPS(struct cpu *cpu, const struct op *op) { sse_packed(cpu, op, pand); }
void exec_ANDPD(struct cpu *cpu, const struct op *op) { sse_packed(cpu, op, pand); }
void exec_ANDNPS(struct cpu *cpu, const struct op *op) { sse_packed(cpu, op, pandn); }
void exec_ANDNPD(struct cpu *cpu, const struct op *op) { sse_packed(cpu, op, pandn); }
void exec_ORPS(struct cpu *cpu, const struct op *op) { sse_packed(cpu, op, por); }
void exec_ORPD(struct cpu *cpu, const struct op *op) { sse_packed(cpu, op, por); }
void exec_XORPS(struct cpu *cpu, const struct op *op) { sse_packed(cpu, op, pxor); }
void exec_XORPD(struct cpu *cpu, const struct op *op) { sse_packed(cpu, op, pxor); }
SSE_PACKED(ANDPS, pand);
SSE_PACKED(ANDPD, pand);
SSE_PACKED(ANDNPS, pandn);
SSE_PACKED(ANDNPD, pandn);
SSE_PACKED(ORPS, por);
SSE_PACKED(ORPD, por);
SSE_PACKED(XORPS, pxor);
SSE_PACKED(XORPD, pxor);
