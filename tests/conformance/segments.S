/* SPDX-License-Identifier: MIT */
/*
 * Segmentation in 32-bit protected mode: SDM Vol. 3A, "Limit Checking", "Type Checking", "Privilege Levels", "Segment
 * Descriptors", "Call Gates", "Stack Switching"; Vol. 2, LAR, LSL, VERR, VERW, MOV, RET.
 */
#define BITS 32
#include "kit.h"

/* A descriptor: base 0..FFFFFFFF, limit 0..FFFFF, access byte, flags (G 8, D/B 4, L 2). */
.macro DESCRIPTOR base, limit, access, flags
        .word (\limit) & 0xffff, (\base) & 0xffff
        .byte ((\base) >> 16) & 0xff, \access, ((\flags) << 4) | (((\limit) >> 16) & 15), ((\base) >> 24) & 0xff
.endm
.macro GATE selector, offset, count, access
        .word \offset, \selector
        .byte \count, \access
        .word 0
.endm

#define AREA 0x30000

        .section .variables, "aw"
        .balign 8
own:                                            /* to gdt_spare, from 48 on */
        DESCRIPTOR AREA, 0xfff, 0x93, 4         /* 48 data, 4 KiB */
        DESCRIPTOR AREA, 0xfff, 0x91, 4         /* 50 read-only */
        DESCRIPTOR AREA, 0xfff, 0x97, 4         /* 58 expand-down, B=1: 1000.. */
        DESCRIPTOR AREA, 0xfff, 0x97, 0         /* 60 expand-down, B=0: 1000..FFFF */
        DESCRIPTOR 0, 0xfffff, 0x99, 0xc        /* 68 code, execute-only */
        DESCRIPTOR 0, 0xfffff, 0x9f, 0xc        /* 70 code, conforming */
        DESCRIPTOR AREA, 0xfff, 0x13, 4         /* 78 data, not present */
        DESCRIPTOR 0, 0xfffff, 0xf3, 0xc        /* 80 data, DPL 3 */
        DESCRIPTOR AREA, 0xfff, 0x92, 4         /* 88 data, not accessed */
        DESCRIPTOR AREA, 0, 0x93, 4             /* 90 one byte */
        DESCRIPTOR AREA, 0, 0x93, 0xc           /* 98 one page by G */
        DESCRIPTOR 0, 0x67, 0x82, 0             /* a0 LDT */
        DESCRIPTOR 0, 0xfffff, 0x80, 0          /* a8 a reserved system type */
        GATE CODE, gate_target, 0, 0xec         /* b0 call gate, DPL 3, to level 0 */
        GATE CODE, gate_target, 3, 0xec         /* b8 with three parameters */
        GATE CODE, gate_target, 0, 0x8c         /* c0 DPL 0 */
        GATE CODE, gate_target, 0, 0x6c         /* c8 not present */
        GATE 0, gate_target, 0, 0xec            /* d0 null selector */
        GATE DATA, gate_target, 0, 0xec         /* d8 of a data segment */
        DESCRIPTOR 0, 0xfffff, 0x1b, 0xc        /* e0 code, not present */
        DESCRIPTOR AREA, 0xfffff, 0x97, 0xc     /* e8 expand-down without any valid byte */
        DESCRIPTOR 0, 0xfffff, 0xff, 0xc        /* f0 conforming code, DPL 3 */
        DESCRIPTOR 0, 0xfff, 0x9b, 4            /* f8 code, 4 KiB */
own_end:
marks:  .long 0, 0, 0, 0, 0, 0
z_flag: .long 0
user_sp: .long 0

        .section .user, "ax"
        .code32
user_gate:
        push $3
        push $2
        push $1
        lcall *gate_pointer
        int $0x30
        .fill 512, 1, 0
user_stack:
gate_pointer: .long 0
        .word 0xbb              /* RPL 3 */
gate_far: .long 0
        .word 0
        .text
        .code32

/* By a gate from CPL 3: the frame is EIP, CS, parameters, ESP, SS. */
gate_target:
        mov $DATA, %eax
        mov %eax, %ds
        mov %esp, %ebx
        mov %ebx, gate_sp
        mov (%ebx), %eax
        mov %eax, marks
        mov 4(%ebx), %eax
        mov %eax, marks + 4
        mov 8(%ebx), %eax
        mov %eax, marks + 8
        mov 12(%ebx), %eax
        mov %eax, marks + 12
        mov 16(%ebx), %eax
        mov %eax, marks + 16
        mov 20(%ebx), %eax
        mov %eax, marks + 20
        mov %cs, %eax
        jmp *return_to

        .section .variables, "aw"
return_to: .long 0
gate_sp: .long 0
        .text

.macro LOAD name, register, selector, vector=NONE, error=ANY
        mov $(\selector), %eax
        TRY
        mov %eax, %\register
        WANT "\name", \vector, \error
.endm
/* An access through ES, which holds the selector. */
.macro THROUGH name, selector, offset, vector, code:vararg
        mov $(\selector), %eax
        mov %eax, %es
        mov $(\offset), %ebx
        TRY
        \code
        WANT "\name", \vector
.endm
.macro ZF name, wanted, code:vararg
        TRY
        \code
        setz %cl
        movzbl %cl, %ecx
        movl %ecx, z_flag
        WANT "\name: no fault"
        IS "\name: ZF", z_flag, \wanted
.endm

/* CPL 3 at \label, DS and ES as given. */
.macro USER label
        mov $UDATA, %eax
        mov %eax, %ds
        mov %eax, %es
        push $UDATA
        push $user_stack
        push $2
        push $UCODE
        push $\label
        iretl
.endm

tests:
        mov $own, %esi
        mov $(gdt + SPARE), %edi
        mov $(own_end - own), %ecx
        rep movsb

        /* "Limit Checking". */
        THROUGH "byte at the limit", 0x48, 0xfff, NONE, movb %es:(%ebx), %al
        THROUGH "byte behind the limit", 0x48, 0x1000, 13, movb %es:(%ebx), %al
        THROUGH "word across the limit", 0x48, 0xfff, 13, movw %es:(%ebx), %ax
        THROUGH "dword up to the limit", 0x48, 0xffc, NONE, movl %es:(%ebx), %eax
        THROUGH "dword across the limit", 0x48, 0xffd, 13, movl %es:(%ebx), %eax
        THROUGH "dword that wraps", 0x48, -1, 13, movl %es:(%ebx), %eax
        THROUGH "write behind the limit", 0x48, 0x1000, 13, movb %al, %es:(%ebx)
        THROUGH "RMW across the limit", 0x48, 0xffe, 13, incl %es:(%ebx)
        THROUGH "LEA does not care", 0x48, 0x1000, NONE, .byte 0x26, 0x8d, 0x03
        THROUGH "one byte", 0x90, 0, NONE, movb %es:(%ebx), %al
        THROUGH "one byte, a word", 0x90, 0, 13, movw %es:(%ebx), %ax
        THROUGH "G: the limit ends in FFF", 0x98, 0xfff, NONE, movb %es:(%ebx), %al
        THROUGH "G: and no further", 0x98, 0x1000, 13, movb %es:(%ebx), %al
        THROUGH "flat, wrapping byte by byte is legal where the limit is 4 GiB", DATA, 0x10, NONE, movl %es:(%ebx), %eax
        THROUGH "expand-down: at the limit", 0x58, 0xfff, 13, movb %es:(%ebx), %al
        THROUGH "expand-down: above the limit", 0x58, 0x1000, NONE, movb %es:(%ebx), %al
        THROUGH "expand-down: across the limit", 0x58, 0xfff, 13, movw %es:(%ebx), %ax
        THROUGH "expand-down, B=1: beyond FFFF", 0x58, 0x20000, NONE, movb %es:(%ebx), %al
        THROUGH "expand-down, B=0: FFFF", 0x60, 0xffff, NONE, movb %es:(%ebx), %al
        THROUGH "expand-down, B=0: across FFFF", 0x60, 0xffff, 13, movw %es:(%ebx), %ax
        THROUGH "expand-down, B=0: 10000", 0x60, 0x10000, 13, movb %es:(%ebx), %al
        THROUGH "expand-down with limit FFFFFFFF: nothing", 0xe8, -1, 13, movb %es:(%ebx), %al
        mov $0x48, %eax
        mov %eax, %es
        TRY
        mov $0xffc, %edi
        mov $2, %ecx
        rep stosl
        WANT "REP STOSD across the limit", 13, 0
        IS "and EDI is behind the first", r_di, 0x1000
        IS "and ECX counts it", r_cx, 1

        /* "Type Checking". */
        THROUGH "read-only: read", 0x50, 0, NONE, movb %es:(%ebx), %al
        THROUGH "read-only: write", 0x50, 0, 13, movb %al, %es:(%ebx)
        THROUGH "readable code: read", CODE, 0x1000, NONE, movb %es:(%ebx), %al
        THROUGH "readable code: write", CODE, 0x1000, 13, movb %al, %es:(%ebx)
        LOAD "execute-only code in ES", es, 0x68, 13, 0x68
        LOAD "conforming code in ES", es, 0x70
        LOAD "data, DPL 0", es, 0x48
        LOAD "RPL 3 of DPL 0", es, 0x4b, 13, 0x48
        LOAD "data, not present: #NP", es, 0x78, 11, 0x78
        LOAD "an LDT in ES", es, 0xa0, 13, 0xa0
        LOAD "a call gate in ES", es, 0xb0, 13, 0xb0
        LOAD "beyond the GDT", es, 0xfff8, 13, 0xfff8
        LOAD "LDT selector without an LDT", es, 4, 13, 4
        LOAD "null in ES", es, 0
        LOAD "null with RPL in ES", es, 3
        mov $0, %eax
        mov %eax, %es
        TRY
        movb %es:0, %al
        WANT "use of null: #GP(0)", 13, 0
        LOAD "null in SS", ss, 0, 13, 0
        LOAD "read-only in SS", ss, 0x50, 13, 0x50
        LOAD "code in SS", ss, CODE, 13, CODE
        LOAD "data, not present, in SS: #SS", ss, 0x78, 12, 0x78
        LOAD "DPL 3 in SS at CPL 0", ss, 0x80, 13, 0x80
        LOAD "RPL 3 in SS at CPL 0", ss, 0x4b, 13, 0x48
        TRY
        .byte 0x8e, 0xc8        /* MOV CS, EAX */
        WANT "MOV to CS is #UD", 6
        movb gdt + 0x88 + 5, %al
        movzbl %al, %eax
        IS "accessed bit, before", %eax, 0x92
        LOAD "data, not accessed", es, 0x88
        movzbl gdt + 0x88 + 5, %eax
        IS "accessed bit, after", %eax, 0x93

        /* Far transfers. */
.macro FAR name, selector, vector, error
        TRY
        ljmp $(\selector), $9f
        WANT "\name", \vector, \error
.endm
        FAR "far JMP to code", CODE, NONE, ANY
        FAR "far JMP to conforming code", 0x70, NONE, ANY
        ljmp $CODE, $1f
1:      FAR "far JMP to execute-only code", 0x68, NONE, ANY
        ljmp $CODE, $1f
1:      FAR "far JMP to null", 0, 13, 0
        FAR "far JMP to data", DATA, 13, DATA
        FAR "far JMP to code, not present", 0xe0, 11, 0xe0
        FAR "far JMP to DPL 3 code", UCODE, 13, (UCODE-3)
        FAR "far JMP to DPL 3 conforming code", 0xf0, 13, 0xf0
        FAR "far JMP beyond the segment's limit", 0xf8, 13, 0
        FAR "far JMP to an LDT", 0xa0, 13, 0xa0
        FAR "far JMP beyond the GDT", 0xff00, 13, 0xff00
        FAR "far JMP to a TSS that is busy", TSS, 13, TSS
        TRY
        push $0
        push $9f
        lretl
        WANT "far RET to null", 13, 0
        TRY
        push $0x68
        push $9f
        lretl
        WANT "far RET to execute-only code"
        ljmp $CODE, $1f
1:      TRY
        push $0x6b
        push $9f
        lretl
        WANT "far RET to an outer level, DPL 0", 13, 0x68
        TRY
        push $UCODE
        push $9f
        push $UCODE - 3
        lretl
        WANT "far RET to DPL 3 with RPL 0", 13, ANY

        /* LAR, LSL, VERR, VERW: ZF and no faults. */
        mov $0x48, %eax
        ZF "LAR of data", 1, lar %eax, %edx
        mov $0x48, %eax
        lar %eax, %edx
        IS "LAR's access rights", %edx, 0x409300
        mov $0x48, %eax
        lsl %eax, %edx
        IS "LSL's limit", %edx, 0xfff
        mov $DATA, %eax
        lsl %eax, %edx
        IS "LSL's limit, scaled", %edx, 0xffffffff
        mov $0x98, %eax
        lsl %eax, %edx
        IS "LSL's limit, one page", %edx, 0xfff
        mov $0, %eax
        ZF "LAR of null", 0, lar %eax, %edx
        mov $0xfff8, %eax
        ZF "LAR beyond the GDT", 0, lar %eax, %edx
        mov $0xa8, %eax
        ZF "LAR of a reserved type", 0, lar %eax, %edx
        mov $0xb0, %eax
        ZF "LAR of a call gate", 1, lar %eax, %edx
        mov $0xb0, %eax
        ZF "LSL of a call gate", 0, lsl %eax, %edx
        mov $0xa0, %eax
        ZF "LSL of an LDT", 1, lsl %eax, %edx
        mov $0x78, %eax
        ZF "LAR of data, not present", 1, lar %eax, %edx
        mov $0x4b, %eax
        ZF "LAR with RPL 3 of DPL 0", 0, lar %eax, %edx
        mov $0x73, %eax
        ZF "LAR with RPL 3 of conforming code", 1, lar %eax, %edx
        mov $0x48, %eax
        ZF "VERR of data", 1, verr %ax
        mov $0x68, %eax
        ZF "VERR of execute-only code", 0, verr %ax
        mov $CODE, %eax
        ZF "VERR of readable code", 1, verr %ax
        mov $0x50, %eax
        ZF "VERW of read-only data", 0, verw %ax
        mov $0x48, %eax
        ZF "VERW of data", 1, verw %ax
        mov $CODE, %eax
        ZF "VERW of code", 0, verw %ax
        mov $0xa0, %eax
        ZF "VERR of an LDT", 0, verr %ax
        mov $0, %eax
        ZF "VERR of null", 0, verr %ax
        mov $0x4b, %eax
        ZF "VERR with RPL 3", 0, verr %ax

        /* LLDT, LTR. */
        mov $CODE, %eax
        TRY
        lldt %ax
        WANT "LLDT of code", 13, CODE
        mov $0, %eax
        TRY
        lldt %ax
        WANT "LLDT of null"
        mov $TSS, %eax
        TRY
        ltr %ax
        WANT "LTR of a busy TSS", 13, TSS

        /* Call gates: "Accessing a Code Segment Through a Call Gate", "Stack Switching". */
        movl $1f, return_to
        TRY
        USER user_gate
1:      WANT "call gate with parameters, from CPL 3"
        IS "the new stack is that of the TSS, SS to EIP pushed", gate_sp, (STACK-0x200-28)
        IS "ESP of the caller", marks+20, (user_stack-12)
        IS "CS of the caller", marks+4, UCODE
        IS "parameter 1", marks+8, 1
        IS "parameter 2", marks+12, 2
        IS "parameter 3", marks+16, 3
.macro GATE_CALL name, selector, vector, error
        movl $(\selector), gate_pointer + 4
        TRY
        USER user_gate
        WANT "\name", \vector, \error
.endm
        mov saved_sp, %esp
        GATE_CALL "call gate, DPL 0, from CPL 3", 0xc3, 13, 0xc0
        GATE_CALL "call gate, not present", 0xcb, 11, 0xc8
        GATE_CALL "call gate of null", 0xd3, 13, 0
        GATE_CALL "call gate of data", 0xdb, 13, DATA
        GATE_CALL "call of code, DPL 0, from CPL 3", CODE|3, 13, CODE
        mov $0, %eax
        TRY
        ltr %ax
        WANT "LTR of null", 13, 0
        FINISH
#include "kit_end.h"
