/* SPDX-License-Identifier: MIT */
/*
 * A ROM that goes from real-address through protected to 64-bit mode and to a user program, which faults on a page that
 * the handler maps; the second fault ends the run with exit status 99. Places a debugger asks for are at fixed offsets of
 * segment F000h: 120h real, 240h protected, 340h 64-bit, 400h user, 480h the handler of #PF.
 */
        .code16
        .globl _start
_start:
        .org 0x100, 0x90
        xorw %ax, %ax
        movw %ax, %ds
        movw %ax, %es
        movw %ax, %ss
        movw $0x7000, %sp
        movw $0x1234, %bx
        .org 0x120, 0x90
        nop
        movw $gdt, %si                  /* LTR marks a descriptor busy: the table must be in RAM */
        movw $0xa000, %di
        movw $gdt_end - gdt, %cx
        rep movsb %cs:(%si), %es:(%di)
        lgdtl %cs:gdtr
        movl %cr0, %eax
        orb $1, %al
        movl %eax, %cr0
        ljmpl $8, $0xf0200

        .code32
        .org 0x200, 0x90
        movw $0x10, %ax
        movw %ax, %ds
        movw %ax, %es
        movw %ax, %ss
        movl $0x7000, %esp
        movl $0x89abcdef, %ebx
        .org 0x240, 0x90
        nop
        movl $0x10000, %edi             /* tables at 10000h: one page of PTEs, user, writable */
        xorl %eax, %eax
        movl $0x1000, %ecx
        rep stosl
        movl $0x11007, 0x10000
        movl $0x12007, 0x11000
        movl $0x13007, 0x12000
        movl $7, %eax
        movl $0x13000, %edi
1:      movl %eax, (%edi)
        addl $0x1000, %eax
        addl $8, %edi
        cmpl $0x14000, %edi
        jb 1b
        movl $0, 0x13800                /* but 100000h */
        movl %cr4, %eax
        orl $0x620, %eax                /* PAE, OSFXSR, OSXMMEXCPT */
        movl %eax, %cr4
        movl $0x10000, %eax
        movl %eax, %cr3
        movl $0xc0000080, %ecx
        rdmsr
        orl $0x100, %eax
        wrmsr
        movl %cr0, %eax
        orl $0x80000000, %eax
        movl %eax, %cr0
        ljmpl $0x18, $0xf0300

        .code64
        .org 0x300, 0x90
        movabs $0x1122334455667788, %r15
        movq %r15, %xmm3
        fninit
        fld1
        .org 0x340, 0x90
        nop
        movabs $0x000f8e0000180480, %rax
        movq %rax, 0x8000 + 14 * 16
        movq $0, 0x8000 + 14 * 16 + 8
        lidt idtr + 0xf0000
        movq $0x6000, 0x9004
        movw $0x30, %ax
        ltr %ax
        pushq $0x23
        pushq $0x5000
        pushq $0x202
        pushq $0x2b
        pushq $0xf0400
        iretq

        .org 0x400, 0x90
        movl $0x100000, %ebx
        movl $0x55, (%rbx)
        movl (%rbx), %ecx
        movl $0x66, 0x200000
        .org 0x480, 0x90
        movq %cr2, %rax
        cmpq $0x100000, %rax
        jne 2f
        movq $0x100007, 0x13800
        invlpg (%rax)
        addq $8, %rsp
        iretq
2:      movb $0x31, %al
        outb %al, $0xf4
        hlt

        .org 0x600, 0x90
gdt:    .quad 0, 0x00cf9a000000ffff, 0x00cf92000000ffff, 0x00af9a000000ffff, 0x00cff2000000ffff, 0x00affa000000ffff
        .quad 0x0000890090000067, 0
gdt_end:
gdtr:   .word gdt_end - gdt - 1
        .long 0xa000
idtr:   .word 0x0fff
        .quad 0x8000

        .code16
        .org 0xfff0, 0x90
        ljmpw $0xf000, $0x100
        .org 0x10000, 0x90
