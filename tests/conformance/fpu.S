/* SPDX-License-Identifier: MIT */
/* x87 and SSE basics: SDM Vol. 1, "Programming with the x87 FPU", "Programming with Intel Streaming SIMD Extensions"; Vol. 3A, #MF, #XM. */
#define BITS 32
#include "kit.h"

        .section .variables, "aw"
        .balign 16
ones:   .long 0x3f800000, 0x40000000, 0x40400000, 0x40800000    /* 1, 2, 3, 4 */
nans:   .long 0x7f800001, 0x7fc00000, 0xffc00000, 0x7f800000    /* SNaN, QNaN, default NaN, infinity */
out:    .fill 16, 1, 0
big:    .long 0x4f800000                                        /* 2^32 */
half:   .long 0x40200000                                        /* 2.5 */
control: .word 0
mxcsr:  .long 0
        .text

.macro STATUS name, mask, wanted
        xor %eax, %eax
        fnstsw %ax
        and $\mask, %eax
        mov %eax, r_ax
        IS "\name", r_ax, \wanted
.endm
.macro CONTROL value
        movw $\value, control
        fldcw control
.endm
.macro ROUND name, value, wanted
        CONTROL \value
        flds half
        fistpl out
        IS "\name", out, \wanted
.endm
.macro SSE name, mask, vector, code
        movl $\mask, mxcsr
        ldmxcsr mxcsr
        TRY
        \code
        WANT "\name", \vector
        stmxcsr mxcsr
.endm

tests:
        NEED "x87", F_FPU, no_fpu
        mov %cr0, %eax
        or $0x22, %eax                  /* MP, NE */
        and $~0xc, %eax
        mov %eax, %cr0
        fninit
        fnstcw control
        movzwl control, %eax
        mov %eax, r_ax
        IS "FNINIT: control word", r_ax, 0x37f
        STATUS "FNINIT: status word", 0xffff, 0
        fld1
        STATUS "FLD1: TOP", 0x3800, 0x3800
        fldz
        fcompp
        STATUS "0 < 1: C0", 0x4500, 0x100
        STATUS "FCOMPP: TOP", 0x3800, 0
        ROUND "2.5 to nearest even", 0x37f, 2
        ROUND "2.5 down", 0x77f, 2
        ROUND "2.5 up", 0xb7f, 3
        ROUND "2.5 to 0", 0xf7f, 2
        CONTROL 0x37f
        fnclex
        flds big
        fistpl out
        IS "FIST of 2^32, masked: the indefinite integer", out, 0x80000000
        STATUS "and IE", 0x3f, 1
        fninit
        fldz
        fld1
        fdiv %st(1), %st
        STATUS "1 / 0: ZE", 0x3f, 4
        fstps out
        IS "1 / 0: infinity", out, 0x7f800000
        fninit
        fld %st(0)
        STATUS "stack underflow: IE, SF, C1 clear", 0x241, 0x41
        fstps out
        IS "stack underflow: the default NaN", out, 0xffc00000
        fninit
        .rept 9
        fld1
        .endr
        STATUS "stack overflow: IE, SF, C1", 0x241, 0x241
        fninit
        fldz
        fld1
        CONTROL 0x37b                   /* ZE unmasked */
        TRY
        fdiv %st(1), %st
        WANT "an unmasked exception waits"
        STATUS "ES and B are set", 0x8084, 0x8084
        TRY
1:      fwait
        WANT "for the next instruction: #MF", 16
        IS "#MF: EIP", got_ip, 1b
        TRY
        fnstsw %ax
        fnclex
        fwait
        WANT "FNCLEX ends it"
        fstps out
        IS "the operand was left", out, 0x3f800000
        fninit
        fldz
        fxam
        STATUS "FXAM of 0: C3", 0x4700, 0x4000
        fninit
        fxam
        STATUS "FXAM of empty: C3, C0", 0x4500, 0x4100
        fninit

no_fpu: NEED "SSE", F_SSE, no_sse
        TRY
        xorps %xmm0, %xmm0
        WANT "SSE without CR4.OSFXSR: #UD", 6
        mov %cr4, %eax
        or $0x600, %eax
        mov %eax, %cr4
        mov %cr0, %eax
        or $8, %eax
        mov %eax, %cr0
        TRY
        xorps %xmm0, %xmm0
        WANT "SSE with CR0.TS: #NM", 7
        clts
        SSE "MOVAPS, aligned", 0x1f80, NONE, "movaps ones, %xmm0"
        SSE "MOVAPS, not aligned: #GP", 0x1f80, 13, "movaps ones+4, %xmm1"
        SSE "ADDPS of memory, not aligned: #GP", 0x1f80, 13, "addps ones+4, %xmm1"
        SSE "MOVUPS does not care", 0x1f80, NONE, "movups ones+4, %xmm1"
        SSE "ADDPS", 0x1f80, NONE, "movaps ones, %xmm0; addps %xmm0, %xmm0; movaps %xmm0, out"
        IS "1 + 1", out, 0x40000000
        IS "4 + 4", out+12, 0x41000000
        SSE "1 / 0, masked", 0x1f80, NONE, "movss ones, %xmm0; xorps %xmm1, %xmm1; divss %xmm1, %xmm0; movss %xmm0, out"
        IS "1 / 0, masked: infinity", out, 0x7f800000
        IS "1 / 0, masked: ZE", mxcsr, 0x1f84
        SSE "1 / 0: #XM", 0x1d80, 19, "movss ones, %xmm0; xorps %xmm1, %xmm1; divss %xmm1, %xmm0"
        IS "#XM: ZE", mxcsr, 0x1d84
        movss %xmm0, out
        IS "#XM: the destination is as it was", out, 0x3f800000
        SSE "SNaN", 0x1f80, NONE, "movss nans, %xmm0; addss ones, %xmm0; movss %xmm0, out"
        IS "SNaN: quieted", out, 0x7fc00001
        IS "SNaN: IE", mxcsr, 0x1f81
        SSE "UCOMISS of a QNaN", 0x1f80, NONE, "movss nans+4, %xmm0; ucomiss %xmm0, %xmm0; setp %cl; movzbl %cl, %ecx; movl %ecx, out"
        IS "UCOMISS: unordered", out, 1
        IS "UCOMISS of a QNaN: no IE", mxcsr, 0x1f80
        SSE "COMISS of a QNaN", 0x1f80, NONE, "comiss %xmm0, %xmm0"
        IS "COMISS of a QNaN: IE", mxcsr, 0x1f81
        SSE "CVTSS2SI, nearest", 0x1f80, NONE, "cvtss2si half, %eax; mov %eax, out"
        IS "CVTSS2SI of 2.5", out, 2
        SSE "CVTSS2SI, up", 0x5f80, NONE, "cvtss2si half, %eax; mov %eax, out"
        IS "CVTSS2SI of 2.5, up", out, 3
        SSE "CVTTSS2SI of 2^32", 0x1f80, NONE, "cvttss2si big, %eax; mov %eax, out"
        IS "CVTTSS2SI: the indefinite integer", out, 0x80000000
        SSE "MINSS of a NaN: the second operand", 0x1f80, NONE, "movss nans+4, %xmm0; minss ones, %xmm0; movss %xmm0, out"
        IS "MINSS", out, 0x3f800000
        movl $0x10000, mxcsr
        TRY
        ldmxcsr mxcsr
        WANT "LDMXCSR of a reserved bit: #GP", 13, 0
no_sse: FINISH
#include "kit_end.h"
