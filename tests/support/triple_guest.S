/* SPDX-License-Identifier: MIT */
/* A 64 KiB ROM: 32-bit paging, a store to a page that is not mapped, and an IDT that is not mapped either. */
        .code16
        .section .text
        .org 0xf000
start:  cli
        lgdtl %cs:gdtr
        movl %cr0, %eax
        orl $1, %eax
        movl %eax, %cr0
        ljmpl $8, $0xffff0000 + protected
        .code32
protected:
        mov $16, %ax
        mov %ax, %ds
        mov %ax, %ss
        mov %ax, %es
        mov $0x9000, %esp
        xor %eax, %eax
        mov $0x1000, %edi
        mov $0x2000, %ecx
        rep stosb
        movl $0x2003, 0x1000            /* PDE 0 -> table at 0x2000 */
        movl $0x2003, 0x1ffc            /* PDE 1023 -> the same table */
        movl $0x1003, 0x2004            /* the tables themselves and the stack */
        movl $0x2003, 0x2008
        movl $0xfffff003, 0x2ffc        /* this code */
        movl $0x8003, 0x2020
        mov $0x1000, %eax
        mov %eax, %cr3
        lidt 0xffff0000 + idtr
        mov %cr0, %eax
        or $0x80000000, %eax
        mov %eax, %cr0
        movl $1, 0x3000                 /* not mapped; nor is the IDT */
1:      hlt
        jmp 1b
idtr:   .word 0x7ff
        .long 0x5000
gdt:    .quad 0, 0x00cf9a000000ffff, 0x00cf92000000ffff
gdtr:   .word 23
        .long 0xffff0000 + gdt
        .org 0xfff0
        .code16
        ljmp $0xf000, $start
        .org 0x10000 - 1
        .byte 0
