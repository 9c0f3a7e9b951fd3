/* SPDX-License-Identifier: MIT */
/*
 * Delivery of exceptions in 32-bit protected mode: SDM Vol. 3A, "Interrupt and Exception Handling", "Error Code", "Exception and Interrupt Reference",
 * "Interrupt 8 - Double Fault Exception (#DF)", "Stack Switching", "Interrupt Tasks"; Vol. 2, INT n.
 */
#define BITS 32
#include "kit.h"

#define GATE(vector) IDT+(vector)*8

        .section .variables, "aw"
        .balign 16
tss_df: .fill 26, 4, 0                  /* of the task that takes #DF */
df_link: .long 0
df_error: .long 0
df_old_sp: .long 0
df_old_ip: .long 0
limit_pointer:
        .word 0
        .long IDT
        .section .user, "ax"
        .code32
user_ud: ud2
user_hlt: hlt
user_int3: int3
user_int31: int $0x31
user_int0d: int $13
user_bound: mov $7, %eax
        bound %eax, user_bounds
user_int30: int $0x30
user_into: mov $0x7fffffff, %eax
        inc %eax
        into
user_cli: cli
user_out: outb %al, $0x80
user_lgdt: lgdt user_bounds
user_cr0: mov %cr0, %eax
user_bounds: .long 0, 5
        .fill 256, 1, 0
user_stack:
        .text

.macro USER name, label, vector, error=ANY
        TRY
        mov $UDATA, %eax
        mov %eax, %ds
        mov %eax, %es
        push $UDATA
        push $user_stack
        push $2
        push $UCODE
        push $\label
        iretl
        WANT "\name", \vector, \error
        IS "\name: EIP", got_ip, \label
.endm
.macro FAULT name, vector, error, code
        TRY
        \code
        WANT "\name", \vector, \error
.endm

/* The #DF task: notes, and goes where the TRY says. */
df_task:
        pop %eax
        mov %eax, df_error
        mov tss_df, %eax
        mov %eax, df_link
        mov tss + 0x38, %eax
        mov %eax, df_old_sp
        mov tss + 0x20, %eax
        mov %eax, df_old_ip
        movl $8, got_vector
        mov df_error, %eax
        mov %eax, got_error
        pushfl
        andl $~0x4000, (%esp)           /* NT */
        popfl
        movb $0x89, gdt + TSS + 5       /* back by hand: the TSS is busy */
        mov $TSS, %eax
        ltr %ax
        movb $0x89, gdt + SPARE + 5
        mov saved_sp, %esp
        mov recover, %eax
        jmp *%eax

/* Vectors of faults while one is being delivered: the gate of \first does not work in the way \how, and the second is handled by a task if #DF. */
.macro BREAK_GATE vector, low, high
        movl $\low, GATE(\vector)
        movl $\high, GATE(\vector)+4
.endm

tests:
        /* Error codes and saved EIP. */
        FAULT "#DE, DIV by zero", 0, ANY, "xor %ecx, %ecx; div %ecx"
        FAULT "#DE, IDIV overflow", 0, ANY, "mov $0x80000000, %eax; cltd; mov $-1, %ecx; idiv %ecx"
        FAULT "#DE, AAM by zero", 0, ANY, ".byte 0xd4, 0"
        FAULT "#BP", 3, ANY, "int3"
        FAULT "#UD", 6, ANY, ud2
        FAULT "#UD, LOCK on a register", 6, ANY, ".byte 0xf0, 0xff, 0xc0"
        FAULT "#UD, LOCK MOV", 6, ANY, ".byte 0xf0, 0x89, 0x06"
        FAULT "#UD, LES with a register, VEX of no map", 6, ANY, ".byte 0xc4, 0xc0, 0x90, 0x90, 0x90, 0x90"
        FAULT "#UD, BOUND with a register is a prefix or undefined", 6, ANY, ".byte 0x62, 0xc0, 0x90, 0x90, 0x90, 0x90"
        FAULT "#UD, 0F FF", 6, ANY, ".byte 0x0f, 0xff, 0xc0"
        FAULT "#GP, 16 bytes", 13, 0, ".byte 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x90"
        FAULT "15 bytes", NONE, ANY, ".byte 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x66, 0x90"
        mov %cr0, %eax
        or $8, %eax                     /* TS */
        mov %eax, %cr0
        FAULT "#NM, TS", 7, ANY, "fnop"
        FAULT "WAIT with TS, MP=0", NONE, ANY, "fwait"
        mov %cr0, %eax
        or $0xa, %eax
        mov %eax, %cr0
        FAULT "#NM, WAIT with TS and MP", 7, ANY, "fwait"
        clts
        mov %cr0, %eax
        and $~2, %eax
        or $4, %eax                     /* EM */
        mov %eax, %cr0
        FAULT "#NM, EM", 7, ANY, "fnop"
        mov %cr0, %eax
        and $~4, %eax
        mov %eax, %cr0
        FAULT "#OF by INTO", 4, ANY, "mov $0x7fffffff, %eax; inc %eax; into"
        FAULT "INTO without OF", NONE, ANY, "xor %eax, %eax; into"
        FAULT "#BR", 5, ANY, "mov $7, %eax; bound %eax, user_bounds"
        FAULT "BOUND within", NONE, ANY, "mov $5, %eax; bound %eax, user_bounds"
        FAULT "#GP, INT beyond the IDT", 13, (0x32*8+2), "int $0x32"
        movb $0x82, GATE(0x31)+5
        FAULT "#GP, IDT gate that is none", 13, (0x31*8+2), "int $0x31"
        movb $0x0e, GATE(0x31)+5
        FAULT "#NP, IDT gate", 11, (0x31*8+2), "int $0x31"
        movb $0x8e, GATE(0x31)+5
        movw $0, GATE(0x31)+2
        FAULT "#GP, gate to null", 13, 0, "int $0x31"
        movw $DATA, GATE(0x31)+2
        FAULT "#GP, gate to data", 13, DATA, "int $0x31"
        movw $UCODE, GATE(0x31)+2
        FAULT "#GP, gate to DPL 3 code", 13, (UCODE-3), "int $0x31"
        movw $0xfff8, GATE(0x31)+2
        FAULT "#GP, gate beyond the GDT", 13, 0xfff8, "int $0x31"
        movw $CODE, GATE(0x31)+2
        FAULT "INT with RPL 0 gate", 0x31, ANY, "int $0x31"
        FAULT "#UD, CR1", 6, ANY, ".byte 0x0f, 0x20, 0xc8"
        FAULT "#UD, CR5", 6, ANY, ".byte 0x0f, 0x20, 0xe8"

        /* From CPL 3: the stack is the TSS's, the frame holds SS:ESP. */
        USER "#UD at CPL 3", user_ud, 6
        IS "frame on the TSS's stack", got_sp, (STACK-0x200-20)
        IS "ESP in the frame", got_old_sp, user_stack
        IS "SS in the frame", got_old_ss, UDATA
        IS "CS in the frame", got_cs, UCODE
        USER "HLT at CPL 3", user_hlt, 13, 0
        IS "frame with an error code", got_sp, (STACK-0x200-24)
        USER "CLI at CPL 3, IOPL 0", user_cli, 13, 0
        USER "OUT at CPL 3, no bitmap", user_out, 13, 0
        USER "LGDT at CPL 3", user_lgdt, 13, 0
        USER "MOV from CR0 at CPL 3", user_cr0, 13, 0
        USER "INT n at CPL 3, gate DPL 0", user_int31, 13, (0x31*8+2)
        USER "INT 13 at CPL 3, gate DPL 0", user_int0d, 13, (13*8+2)
        TRY
        push $UDATA
        push $user_stack
        push $2
        push $UCODE
        push $user_int3
        iretl
        WANT "INT3 at CPL 3, gate DPL 3", 3
        IS "INT3 is a trap: EIP is behind it", got_ip, user_int3+1

        /* RF: set in the image of a fault, not of a trap ("EFLAGS", RF). */
        FAULT "RF", 6, ANY, "ud2"
        mov got_flags, %eax
        and $0x10000, %eax
        IS "RF is set in the image of a fault", %eax, 0x10000
        FAULT "RF of a trap", 3, ANY, "int3"
        mov got_flags, %eax
        and $0x10000, %eax
        IS "RF is clear in the image of INT3", %eax, 0
        /* IF, TF, NT: an interrupt gate clears IF; a trap gate does not. */
        movb $0x8f, GATE(0x31)+5
        TRY
        sti
        int $0x31
        WANT "trap gate", 0x31
        cli
        mov got_flags, %eax
        and $0x200, %eax
        IS "IF in the image", %eax, 0x200

        /* #DF: "contributory" on "contributory" and on #PF; benign ones are delivered one after the other. A task takes it. */
        movl $0x00000067, gdt + SPARE
        movl $0x00008900, gdt + SPARE + 4
        mov $tss_df, %eax
        movw %ax, gdt + SPARE + 2
        movl $df_task, tss_df + 0x20
        movl $2, tss_df + 0x24
        movl $0xd00, tss_df + 0x38
        movl $DATA, tss_df + 0x48
        movl $CODE, tss_df + 0x4c
        movl $DATA, tss_df + 0x50
        movl $DATA, tss_df + 0x54
        movl $DATA, tss_df + 0x58
        movl $DATA, tss_df + 0x5c
        BREAK_GATE 8, SPARE<<16, 0x8500
.macro DOUBLE name, gate, wanted, error, code
        mov GATE(\gate), %eax
        mov %eax, kept
        mov GATE(\gate)+4, %eax
        mov %eax, kept + 4
        movl $0x000e0000, GATE(\gate)+4 /* present bit clear, and of no type */
        movb $0x0e, GATE(\gate)+5
        TRY
        \code
        WANT "\name", \wanted, \error
        mov kept, %eax
        mov %eax, GATE(\gate)
        mov kept + 4, %eax
        mov %eax, GATE(\gate)+4
.endm
        .section .variables, "aw"
kept:   .long 0, 0
        .text
        DOUBLE "#UD, then #NP: one after the other", 6, 11, (6*8+3), "ud2"
        DOUBLE "#BP by INT3, then #NP: EXT is clear", 3, 11, (3*8+2), "int3"
        DOUBLE "INT n, then #NP: EXT is clear", 0x31, 11, (0x31*8+2), "int $0x31"
        DOUBLE "#DE, then #NP: #DF", 0, 8, 0, "xor %ecx, %ecx; div %ecx"
        IS "#DF by a task: link", df_link, TSS
        IS "#DF by a task: the error code is 0", df_error, 0
        DOUBLE "#GP, then #NP: #DF", 13, 8, 0, "movw $0xfff8, %ax; mov %eax, %ds"
        DOUBLE "#NM, then #NP: one after the other", 7, 11, (7*8+3), "mov %cr0, %eax; or $8, %eax; mov %eax, %cr0; fnop"
        clts
        DOUBLE "#BR, then #NP: one after the other", 5, 11, (5*8+3), "mov $9, %eax; bound %eax, user_bounds"
        movl $0, got_error

        /* "IDT limit": the gate of #GP itself beyond it is #DF. */
        movw $0x5f, limit_pointer
        TRY
        lidt limit_pointer              /* up to vector 11 */
        int $0x20
        WANT "INT beyond the limit, #GP's gate beyond it: #DF", 8, 0
        lidt idt_pointer
        /* A TSS stack that is no stack: #TS with the selector, from CPL 3. */
        movl $CODE, tss + 8
        TRY
        mov $UDATA, %eax
        mov %eax, %ds
        push $UDATA
        push $user_stack
        push $2
        push $UCODE
        push $user_ud
        iretl
        WANT "#TS while delivering #UD, and again for #TS: #DF", 8, 0
        movl $DATA, tss + 8
        FAULT "#GP, MOV to CR0: PG without PE", 13, 0, "mov $0x80000010, %eax; mov %eax, %cr0"
        FAULT "#GP, MOV to CR0: NW without CD", 13, 0, "mov $0x20000011, %eax; mov %eax, %cr0"
        FINISH
#include "kit_end.h"
