/* SPDX-License-Identifier: MIT */
/* From a Multiboot loader to kernel_main() in flat 32-bit code; paging is each example's own business. */
        .section .multiboot, "a"
        .long 0x1badb002, 0, -0x1badb002

        .text
        .globl _start
_start:
        mov $stack_end, %esp
        lgdt gdt_pointer
        ljmp $8, $1f
1:      mov $16, %eax
        mov %eax, %ds
        mov %eax, %es
        mov %eax, %ss
        mov $page_fault_entry, %eax
        mov %ax, idt + 14 * 8
        shr $16, %eax
        mov %ax, idt + 14 * 8 + 6
        movw $8, idt + 14 * 8 + 2
        movw $0x8e00, idt + 14 * 8 + 4
        lidt idt_pointer
        call kernel_main
        cli
        hlt

        /* page_fault(address, error code) */
page_fault_entry:
        pushal
        mov %cr2, %eax
        push 32(%esp)
        push %eax
        call page_fault
        add $8, %esp
        popal
        add $4, %esp
        iret

        .align 8
gdt:    .quad 0, 0x00cf9b000000ffff, 0x00cf93000000ffff
gdt_pointer:
        .word 23
        .long gdt
idt_pointer:
        .word 15 * 8 - 1
        .long idt

        .bss
        .align 4096
        .skip 4096
stack_end:
idt:    .skip 15 * 8
        .section .note.GNU-stack, "", @progbits
