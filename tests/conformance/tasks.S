/* SPDX-License-Identifier: MIT */
/* Task switches in 32-bit protected mode: SDM Vol. 3A, "Task Management": "Task Switching", "Task Linking", "16-Bit Task-State Segment (TSS)", Table
 * "Effect of a Task Switch on Busy Flag, NT Flag, Previous Task Link Field, and TS Flag". */
#define BITS 32
#include "kit.h"

#define T1 0x48                 /* a 32-bit task */
#define T2 0x50                 /* a 16-bit task */
#define ABSENT 0x58             /* a TSS, not present */
#define SHORT 0x60              /* a TSS with limit 66h */
#define GATE_SEL 0x68           /* a task gate to T1 */
#define LDT_SEL 0x70
#define CODE16 0x78

        .section .variables, "aw"
        .balign 16
tss1:   .fill 26, 4, 0
tss2:   .fill 11, 4, 0
        .balign 4
in_ax:  .long 0
in_flags: .long 0
in_tr:  .long 0
in_cr0: .long 0
in_link: .long 0
in_sp:  .long 0
in_fs:  .long 0
ldt:    .quad 0
        .quad 0x00cf93000000ffff
        .text

.macro TSS_DESCRIPTOR selector, at, limit, type
        movl $\limit, gdt + \selector
        mov $\at, %eax
        movw %ax, gdt + \selector + 2
        movl $(\type << 8), gdt + \selector + 4
.endm
.macro BUSY name, selector, wanted
        movzbl gdt + \selector + 5, %eax
        IS "\name", %eax, \wanted
.endm

/* The task: notes what it finds and goes back by IRET, or by a jump if NT is clear. */
task1:  mov %eax, in_ax
        pushfl
        pop in_flags
        str %eax
        mov %eax, in_tr
        mov %cr0, %eax
        mov %eax, in_cr0
        movzwl tss1, %eax
        mov %eax, in_link
        mov %esp, in_sp
        mov %fs, %eax
        mov %eax, in_fs
        clts
        mov $0x9999, %eax
        testl $0x4000, in_flags
        jnz 1f
        ljmp $TSS, $0
        jmp task1
1:      iretl
        jmp task1

task2:
        .code16
1:      movl %eax, in_ax
        iretw
        jmp 1b
        .code32

.macro SET_TASK1
        movl $task1, tss1 + 0x20
        movl $0x2, tss1 + 0x24
        movl $0x12345678, tss1 + 0x28
        movl $0xd00, tss1 + 0x38
        movl $DATA, tss1 + 0x48
        movl $CODE, tss1 + 0x4c
        movl $DATA, tss1 + 0x50
        movl $DATA, tss1 + 0x54
        movl $DATA, tss1 + 0x58
        movl $0, tss1 + 0x5c
        movl $0, tss1 + 0x60
        movb $0x89, gdt + T1 + 5
.endm

tests:
        TSS_DESCRIPTOR T1, tss1, 0x67, 0x89
        TSS_DESCRIPTOR T2, tss2, 0x2b, 0x81
        TSS_DESCRIPTOR ABSENT, tss1, 0x67, 0x09
        TSS_DESCRIPTOR SHORT, tss1, 0x66, 0x89
        TSS_DESCRIPTOR LDT_SEL, ldt, 0xf, 0x82
        movl $(T1<<16), gdt + GATE_SEL
        movl $0x8500, gdt + GATE_SEL + 4

        SET_TASK1
        movl $0xaaaa, %ebx
        TRY
        lcall $T1, $0
        mov %eax, %ecx
        WANT "CALL of a TSS, IRET back"
        IS "EAX of the TSS", in_ax, 0x12345678
        IS "TR", in_tr, T1
        IS "link", in_link, TSS
        IS "ESP of the TSS", in_sp, 0xd00
        mov in_flags, %eax
        and $0x4000, %eax
        IS "NT is set in the new task", %eax, 0x4000
        mov in_cr0, %eax
        and $8, %eax
        IS "CR0.TS is set", %eax, 8
        BUSY "after IRET the task is available", T1, 0x89
        BUSY "and the old one busy", TSS, 0x8b
        mov tss1 + 0x28, %eax
        IS "its EAX was saved", %eax, 0x9999
        mov tss1 + 0x24, %eax
        and $0x4000, %eax
        IS "its NT was cleared by IRET", %eax, 0
        str %eax
        IS "TR is ours again", %eax, TSS

        SET_TASK1
        TRY
        ljmp $T1, $0
        WANT "JMP to a TSS, JMP back"
        mov in_flags, %eax
        and $0x4000, %eax
        IS "JMP: NT is clear", %eax, 0
        BUSY "JMP: the task left is available", T1, 0x89
        SET_TASK1
        TRY
        lcall $GATE_SEL, $0x1234
        WANT "CALL of a task gate"
        IS "task gate: link", in_link, TSS
        SET_TASK1
        movl $(T1<<16), IDT + 0x31*8
        movl $0x8500, IDT + 0x31*8 + 4
        TRY
        int $0x31
        WANT "INT by a task gate"
        SET_TASK1
        movl $LDT_SEL, tss1 + 0x60
        movl $0xc, tss1 + 0x58          /* FS of the LDT */
        TRY
        lcall $T1, $0
        WANT "a task with an LDT"
        IS "its FS", in_fs, 0xc

        /* Faults before the switch belong to the old task; after it, to the new. */
.macro SWITCH name, selector, vector, error
        TRY
        lcall $\selector, $0
        WANT "\name", \vector, \error
.endm
        SET_TASK1
        SWITCH "a busy TSS", TSS, 13, TSS
        SWITCH "a TSS, not present", ABSENT, 11, ABSENT
        SWITCH "a TSS of 66h", SHORT, 10, SHORT
        str %eax
        IS "TR is as it was", %eax, TSS
        pushfl
        orl $0x4000, (%esp)
        movw $0xfff8, tss
        TRY
        popfl
        iretl
        WANT "IRET with NT, link beyond the GDT", 10, 0xfff8
        movw $T1, tss
        TRY
        pushl $0x4002
        popfl
        iretl
        WANT "IRET with NT, link not busy", 10, T1
        movw $0, tss

.macro BAD name, field, value, vector, error
        SET_TASK1
        movl $\value, tss1 + \field
        TRY
        lcall $T1, $0
        WANT "\name", \vector, \error
        str %eax
        IS "\name: in the new task", %eax, T1
        movb $0x89, gdt + TSS + 5       /* back by hand */
        mov $TSS, %eax
        ltr %ax
        xor %eax, %eax
        lldt %ax
        push %eax
        popfl
        clts
.endm
        BAD "CS of data", 0x4c, DATA, 10, DATA
        BAD "CS null", 0x4c, 0, 10, 0
        BAD "DS of a TSS", 0x54, T1, 10, T1

        /* A 16-bit task and back. */
        movl $0, tss2
        mov $task2, %eax
        movw %ax, tss2 + 0x0e
        movw $2, tss2 + 0x10
        movw $0x4321, tss2 + 0x12
        movw $0xd00, tss2 + 0x1a
        movw $DATA, tss2 + 0x22
        movw $CODE16, tss2 + 0x24
        movw $DATA, tss2 + 0x26
        movw $DATA, tss2 + 0x28
        movl $0x0000ffff, gdt + CODE16
        movl $0x00009b00, gdt + CODE16 + 4
        mov $0x87654321, %eax
        TRY
        lcall $T2, $0
        WANT "CALL of a 16-bit TSS"
        mov in_ax, %eax
        and $0xffff, %eax
        IS "16-bit TSS: AX", %eax, 0x4321
        movzwl tss2, %eax
        IS "16-bit TSS: link", %eax, TSS
        FINISH
#include "kit_end.h"
