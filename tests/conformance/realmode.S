/* SPDX-License-Identifier: MIT */
/* Real-address mode: SDM Vol. 3B, "8086 Emulation", "Real-Address Mode"; Vol. 3A, "Limit Checking", "Switching Back to Real-Address Mode". */
#define BITS 16
#include "kit.h"

#define SEGMENT 0x3000          /* of scratch memory at 30000 */

        .section .variables, "aw"
        .balign 8
flat_gdt: .quad 0
        .quad 0x00cf93000000ffff        /* 08 data, 4 GiB */
        .quad 0x000093000000ffff        /* 10 data, 64 KiB */
        .quad 0x00009b000000ffff        /* 18 code, 64 KiB, base 0 */
flat_pointer: .word 31
        .long flat_gdt
ivt_pointer: .word 0x3ff
        .long 0
short_pointer: .word 0x4f
        .long 0
moved_pointer: .word 0x3ff
        .long 0x30000
bounds: .word 1, 5
seen:   .long 0
        .text
        .code16gcc

.macro AT name, offset, vector, code
        mov $SEGMENT, %eax
        mov %eax, %es
        mov $\offset, %ebx
        TRY
        \code
        WANT "\name", \vector
.endm
.macro RUN name, vector, code
        TRY
        \code
        WANT "\name", \vector
.endm
/* With SS:SP in scratch memory; back through the TRY. */
.macro STACKED name, sp, vector, code
        TRY
        mov $SEGMENT, %eax
        mov %eax, %ss
        mov $\sp, %esp
        \code
        mov %esp, %ebx
        xor %ecx, %ecx
        mov %ecx, %ss
        mov saved_sp, %esp
        movl %ebx, seen
        WANT "\name", \vector
.endm
/* Into protected mode with ES by \selector, and back: its limit stays. */
.macro UNREAL selector
        lgdtl flat_pointer
        mov %cr0, %eax
        or $1, %eax
        mov %eax, %cr0
        mov $\selector, %ecx
        mov %ecx, %es
        and $~1, %eax
        mov %eax, %cr0
.endm

int_target:
        .code16
        movl %esp, seen
        iretw
        .code16gcc

tests:
        /* Limits: FFFF; #GP, and #SS for the stack. */
        AT "byte at FFFF", 0xffff, NONE, "movb %es:(%ebx), %al"
        AT "word at FFFF", 0xffff, 13, "movw %es:(%ebx), %ax"
        AT "word at FFFE", 0xfffe, NONE, "movw %es:(%ebx), %ax"
        AT "dword at FFFD", 0xfffd, 13, "movl %es:(%ebx), %eax"
        AT "dword at FFFC", 0xfffc, NONE, "movl %es:(%ebx), %eax"
        AT "byte at 10000", 0x10000, 13, "movb %es:(%ebx), %al"
        AT "write at 10000", 0x10000, 13, "movb %al, %es:(%ebx)"
        AT "RMW at FFFF", 0xffff, 13, "incw %es:(%ebx)"
        AT "16-bit address wraps", 0x1fffe, NONE, "movw %es:(%bx), %ax"
        AT "REP STOSW to FFFF", 0, 13, "mov $0xfffd, %di; mov $2, %cx; rep stosw"
        IS "REP STOSW: DI", r_di, 0xffff
        IS "REP STOSW: CX", r_cx, 1
        AT "STOSW downwards from 0 wraps DI", 0, NONE, "xor %di, %di; std; stosw; cld"
        RUN "word at SS:FFFF: #SS", 12, "mov $0xffff, %ebp; movw (%bp), %ax"
        RUN "byte at SS:10000: #SS", 12, "mov $0x10000, %ebp; movb (%ebp), %al"
        STACKED "PUSH with SP 0 wraps", 0, NONE, "pushw %ax"
        IS "PUSH: SP", seen, 0xfffe
        STACKED "PUSH of a dword with SP 2", 2, 12, "pushl %eax"
        STACKED "POP with SP FFFE wraps", 0xfffe, NONE, "popw %ax"
        IS "POP: SP", seen, 0
        STACKED "PUSHA with SP 10h", 0x10, NONE, ".byte 0x60"
        STACKED "PUSH SP pushes what was", 0x100, NONE, "pushw %sp; popw %ax; movzwl %ax, %eax; movl %eax, is_got"
        mov is_got, %eax
        IS "PUSH SP: the value", %eax, 0x100

        /* Vectors. */
        RUN "#DE", 0, "xor %ecx, %ecx; divl %ecx"
        RUN "#DE, IDIV AX overflow", 0, "mov $0x8000, %eax; mov $-1, %ecx; idiv %cl"
        TRY
1:      divl zero
        WANT "#DE, EIP is the instruction's", 0
        IS "#DE: EIP", got_ip, 1b
        RUN "#BP", 3, "int3"
        RUN "#OF", 4, "mov $0x7fff, %ax; incw %ax; into"
        RUN "#BR", 5, "mov $6, %ax; boundw %ax, bounds"
        RUN "BOUND within", NONE, "mov $5, %ax; boundw %ax, bounds"
        RUN "#UD", 6, "ud2"
        RUN "INT 20h", 0x20, "int $0x20"
        RUN "#UD, SLDT", 6, "sldt %ax"
        RUN "#UD, STR", 6, "str %ax"
        RUN "#UD, LLDT", 6, "lldt %ax"
        RUN "#UD, LTR", 6, "ltr %ax"
        RUN "#UD, VERR", 6, "verr %ax"
        RUN "#UD, LAR", 6, "lar %ax, %ax"
        RUN "#UD, LSL", 6, "lsl %ax, %ax"
        RUN "#UD, ARPL", 6, ".byte 0x63, 0xc0"
        RUN "#UD, LOCK", 6, ".byte 0xf0, 0x90"
        RUN "#UD, MOV CS", 6, ".byte 0x8e, 0xc8"
        RUN "#GP, MOV to CR0 of PG without PE", 13, "mov %cr0, %eax; or $0x80000000, %eax; mov %eax, %cr0"
        RUN "HLT, CLI, IN, LGDT are legal", NONE, "cli; inb $0x61, %al; lgdtl flat_pointer"
        RUN "SMSW", NONE, "smsw %ax; movzwl %ax, %eax; and $1, %eax; movl %eax, seen"
        IS "SMSW: PE", seen, 0

        /* INT and IRET. */
        movl $int_target, 0x84
        TRY
        mov %esp, %ebx
        int $0x21
        WANT "INT and IRET"
        sub $6, %ebx
        sub seen, %ebx
        IS "INT pushes three words", %ebx, 0
        TRY
        pushw $0x7fd5
        popfw
        pushfw
        popw %ax
        movzwl %ax, %eax
        movl %eax, seen
        WANT "POPF", 1
        RUN "POPF without TF", NONE, "pushw $0x7ed5; popfw; pushfw; popw %ax; movzwl %ax, %eax; movl %eax, seen; pushw $2; popfw"
        IS "POPF sets IOPL and NT", seen, 0x7ed7
        pushl $2
        popfl
        /* LIDT's base and limit count in real mode. */
        TRY
        lidtl short_pointer
        int $0x13
        WANT "INT 13h, its entry at the limit's end", 0x13
        TRY
        lidtl short_pointer
        int $0x14
        WANT "INT 14h beyond the limit: #GP", 13
        lidtl ivt_pointer
        mov $SEGMENT, %eax
        mov %eax, %es
        mov stubs_at, %eax
        add $(0x25 * 4), %eax
        movl %eax, %es:0x84
        TRY
        lidtl moved_pointer
        int $0x21
        WANT "the table elsewhere", 0x25
        lidtl ivt_pointer

        /* "Unreal" mode: the limits of protected mode stay. */
        movb $0x5a, seen
        UNREAL 8
        TRY
        mov $0x100000, %ebx
        movl $0x12345678, %es:(%ebx)
        movl %es:(%ebx), %eax
        movl %eax, seen
        WANT "4-GiB limit in real mode"
        IS "4-GiB limit: the value", seen, 0x12345678
        mov $SEGMENT, %eax
        mov %eax, %es
        TRY
        mov $0x10000, %ebx
        movb %es:(%ebx), %al
        WANT "a segment load in real mode keeps the limit"
        UNREAL 0x10
        TRY
        mov $0x10000, %ebx
        movb %es:(%ebx), %al
        WANT "64 KiB again", 13

        /* Prefixes. */
        RUN "66 before a word instruction", NONE, "mov $0x12345678, %eax; .byte 0x66; inc %ax; movl %eax, seen"
        RUN "a jump beyond FFFF: #GP", 13, "mov $0x10000, %eax; .byte 0x66, 0xff, 0xe0"
        RUN "LOOP with ECX", NONE, "mov $0x10001, %ecx; .byte 0x67; loopw 1f; ud2; 1: movl %ecx, seen"
        IS "LOOP with ECX: ECX", seen, 0x10000
        RUN "LOOP with CX", NONE, "mov $0x10001, %ecx; .byte 0xe2, 0x02; jmp 1f; ud2; 1: movl %ecx, seen"
        IS "LOOP with CX: ECX", seen, 0x10000
        /* The last byte of a segment: IP wraps to 0 for none: #GP. */
        mov $SEGMENT, %eax
        mov %eax, %es
        movb $0x90, %es:0xffff
        TRY
        ljmpw $SEGMENT, $0xffff
        WANT "execution beyond FFFF", 13
        IS "execution beyond FFFF: IP", got_ip, 0
        movb $0xb8, %es:0xfffe
        TRY
        ljmpw $SEGMENT, $0xfffe
        WANT "an instruction over FFFF", 13
        IS "an instruction over FFFF: IP", got_ip, 0xfffe
        FINISH
        .section .variables, "aw"
zero:   .long 0
stubs_at: .long stubs
        .text
        .code16gcc
#include "kit_end.h"
