/* SPDX-License-Identifier: MIT */
/*
 * The instruction list's vocabulary. isa.def holds one row an encoding:
 *
 *   INSN(opcode, prefix, modrm, NAME, op1,acc, op2,acc, op3, FEATURE, attributes)
 *
 * opcode    0x00NN one byte; 0x0FNN; 0x38NN and 0x3ANN for 0F 38 NN and 0F 3A NN
 * prefix    _ any (66 is the operand size); NP, P66, PF3, PF2 mandatory; VNP, V66, VF3, VF2 in a VEX prefix (L = 0)
 * modrm     _ unconstrained (or no ModRM byte at all); n0..n7 = /0../7; m, r = memory or register only; m0..m7, r0..r7
 * both; x(0xC1) exactly this byte NAME      the SDM's mnemonic: handlers_NAME says how it runs op,acc    the SDM's
 * operand codes (Appendix A, "Key to Abbreviations") and r, w, rw; _ none FEATURE   CPUID feature without which the row
 * is #UD; ALWAYS attributes LOCK  may carry LOCK when its destination is memory I64   invalid in 64-bit mode O64 valid
 * in 64-bit mode only D64   operand size defaults to 64 in 64-bit mode (66 gives 16)      F64   is always 64 there CPL0
 * #GP(0) unless CPL 0               PROT  #UD in real and virtual-8086 mode END   the trace ends here: it may change
 * what later bytes mean, or lets events in FPU   #NM if CR0.EM or CR0.TS; x87      SSE   #UD if CR0.EM or !CR4.OSFXSR,
 * #NM if CR0.TS MMXR  like SSE without OSFXSR (MMX registers) NO66  66 is ignored
 */
#ifndef FAULTLINE_CPU_ISA_H
#define FAULTLINE_CPU_ISA_H

#include "cpu/op.h"

enum isa_prefix { PFX__, PFX_NP, PFX_P66, PFX_PF3, PFX_PF2, PFX_VNP, PFX_V66, PFX_VF3, PFX_VF2 };

/* ModRM constraint: low byte = value, then what it constrains. */
#define MRC_REG 0x100  /* .reg = value */
#define MRC_MEM 0x200  /* mod != 3 */
#define MRC_RM 0x400   /* mod == 3 */
#define MRC_BYTE 0x800 /* whole byte = value */
#define MR__ 0
#define MR_m MRC_MEM
#define MR_r MRC_RM
#define MR_n0 (MRC_REG | 0)
#define MR_n1 (MRC_REG | 1)
#define MR_n2 (MRC_REG | 2)
#define MR_n3 (MRC_REG | 3)
#define MR_n4 (MRC_REG | 4)
#define MR_n5 (MRC_REG | 5)
#define MR_n6 (MRC_REG | 6)
#define MR_n7 (MRC_REG | 7)
#define MR_m0 (MRC_MEM | MR_n0)
#define MR_m1 (MRC_MEM | MR_n1)
#define MR_m2 (MRC_MEM | MR_n2)
#define MR_m3 (MRC_MEM | MR_n3)
#define MR_m4 (MRC_MEM | MR_n4)
#define MR_m5 (MRC_MEM | MR_n5)
#define MR_m6 (MRC_MEM | MR_n6)
#define MR_m7 (MRC_MEM | MR_n7)
#define MR_r0 (MRC_RM | MR_n0)
#define MR_r1 (MRC_RM | MR_n1)
#define MR_r2 (MRC_RM | MR_n2)
#define MR_r3 (MRC_RM | MR_n3)
#define MR_r4 (MRC_RM | MR_n4)
#define MR_r5 (MRC_RM | MR_n5)
#define MR_r6 (MRC_RM | MR_n6)
#define MR_r7 (MRC_RM | MR_n7)
#define MR_x(byte) (MRC_BYTE | (byte))

/* Operand codes. */
enum operand {
    OPR__,
    OPR_Eb,
    OPR_Ew,
    OPR_Ed,
    OPR_Eq,
    OPR_Ev,
    OPR_Ey, /* ModRM.rm, register or memory */
    OPR_Mb,
    OPR_Mw,
    OPR_Md,
    OPR_Mq,
    OPR_Mv,
    OPR_My,
    OPR_Mp,
    OPR_Ma,
    OPR_Ms,
    OPR_M,
    OPR_Mdq, /* ModRM.rm, memory; M: address or larger object */
    OPR_Rw,
    OPR_Rd,
    OPR_Rv,
    OPR_Ry,  /* ModRM.rm, register */
    OPR_Rdv, /* ModRM.rm register, 32 bits, 64 in 64-bit mode (control and debug moves) */
    OPR_Gb,
    OPR_Gw,
    OPR_Gd,
    OPR_Gv,
    OPR_Gy, /* ModRM.reg */
    OPR_Zb,
    OPR_Zv, /* register in the opcode's low three bits */
    OPR_By, /* VEX.vvvv */
    OPR_Ib,
    OPR_Ibs,
    OPR_Iw,
    OPR_Iz,
    OPR_Iv, /* immediates; Ibs sign-extended to the operand size */
    OPR_Jb,
    OPR_Jz, /* relative targets */
    OPR_Ob,
    OPR_Ov, /* moffs */
    OPR_Ap, /* far pointer in the instruction */
    OPR_AL,
    OPR_AX,
    OPR_rAX,
    OPR_CL,
    OPR_DX,
    OPR_one,
    OPR_Sw,
    OPR_Cd,
    OPR_Dd, /* ModRM.reg as segment, control, debug register */
    OPR_Xb,
    OPR_Xv,
    OPR_Yb,
    OPR_Yv, /* DS:rSI, ES:rDI */
    OPR_V,
    OPR_W,
    OPR_U, /* xmm: ModRM.reg; ModRM.rm xmm or memory; ModRM.rm xmm only */
    OPR_P,
    OPR_Q,
    OPR_N,  /* mmx likewise */
    OPR_ST, /* x87 stack operand in ModRM.rm */
};

enum {
    ACC__ = 0,
    ACC_r = 1,
    ACC_w = 2,
    ACC_rw = 3,
};

enum {
    ATTR__ = 0,
    ATTR_LOCK = 1 << 0,
    ATTR_I64 = 1 << 1,
    ATTR_O64 = 1 << 2,
    ATTR_D64 = 1 << 3,
    ATTR_F64 = 1 << 4,
    ATTR_CPL0 = 1 << 5,
    ATTR_PROT = 1 << 6,
    ATTR_END = 1 << 7,
    ATTR_FPU = 1 << 8,
    ATTR_SSE = 1 << 9,
    ATTR_MMXR = 1 << 10,
    ATTR_NO66 = 1 << 11,
    ATTR_WIDTH = 1 << 12, /* byte form of a string or I/O instruction */
};

struct handlers;

struct row {
    u16 opcode;
    u16 modrm;
    u8 prefix;
    u8 op[3], access[2];
    u8 feature;
    u16 attributes;
    const char *name;
    const struct handlers *handlers;
};

extern const struct row isa_rows[];
extern const unsigned isa_row_count;

/* Dynamic checks of a row's attributes before an irregular instruction runs: #UD, #NM, #GP in the manual's order. */
void isa_check(struct cpu *, const struct row *);

#endif
