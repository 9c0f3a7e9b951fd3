/* SPDX-License-Identifier: MIT */
/* From a Multiboot loader to kernel_main(), in 32-bit code without paging tables of its own beyond what MODE needs: 64 goes on in long mode. */
#define PAGES 0x200000          /* the tables; the stack ends here, too */
        .section .multiboot, "a"
        .long 0x1badb002, 0, -0x1badb002

        .text
        .code32
        .globl _start
_start:
        cld
        mov $PAGES, %edi
        mov $0x3000 / 4, %ecx
        xor %eax, %eax
        rep stosl
        lgdt gdt_pointer
#if MODE == 64
        movl $PAGES + 0x1003, PAGES
        movl $PAGES + 0x2003, PAGES + 0x1000
        movl $0x83, PAGES + 0x2000      /* 0 to 4 MiB, as they are */
        movl $0x200083, PAGES + 0x2008
        mov $0x20, %eax
        mov %eax, %cr4
        mov $0xc0000080, %ecx
        mov $0x100, %eax
        xor %edx, %edx
        wrmsr
#else
        movl $0x83, PAGES
        mov $0x10, %eax
        mov %eax, %cr4
#endif
        mov $PAGES, %eax
        mov %eax, %cr3
        mov %cr0, %eax
        or $0x80000000, %eax
        mov %eax, %cr0
        ljmp $8, $1f
1:
#if MODE == 64
        .code64
#endif
        mov $16, %eax
        mov %eax, %ds
        mov %eax, %es
        mov %eax, %ss
        mov $PAGES, %esp
        mov $interrupt_entry, %eax
        mov %ax, idt
        shr $16, %eax
        mov %ax, idt + 6
        movw $8, idt + 2
        movw $0x8e00, idt + 4
        lidt idt_pointer
        mov $idt, %ebp          /* as good a value as any, where nobody keeps frames */
        call kernel_main
        hlt

        /* INT 0: what it interrupted is told by what the processor pushed. */
        .globl interrupt_entry
        .type interrupt_entry, @function
interrupt_entry:
        .cfi_startproc
        .cfi_signal_frame
#if MODE == 64
        .cfi_def_cfa rsp, 40
        .cfi_offset rip, -40
        .cfi_offset rsp, -16
        push %rbx
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset rbx, 0
        xor %ebx, %ebx
        call on_interrupt
        pop %rbx
        .cfi_adjust_cfa_offset -8
        .cfi_restore rbx
        iretq
#else
        .cfi_def_cfa esp, 12
        .cfi_offset eip, -12
        push %ebx
        .cfi_adjust_cfa_offset 4
        .cfi_rel_offset ebx, 0
        xor %ebx, %ebx
        call on_interrupt
        pop %ebx
        .cfi_adjust_cfa_offset -4
        .cfi_restore ebx
        iret
#endif
        .cfi_endproc
        .size interrupt_entry, . - interrupt_entry

        /* read_word(address): nothing is said of its frame. */
        .globl read_word
        .type read_word, @function
read_word:
#if MODE == 64
        push %r12
        mov (%rdi), %eax
        pop %r12
#else
        push %esi
        mov 8(%esp), %esi
        mov (%esi), %eax
        pop %esi
#endif
        ret
        .size read_word, . - read_word

        .align 8
gdt:    .quad 0
#if MODE == 64
        .quad 0x00af9b000000ffff
#else
        .quad 0x00cf9b000000ffff
#endif
        .quad 0x00cf93000000ffff
gdt_pointer:
        .word 23
        .long gdt
        .align 8
idt_pointer:
        .word 15
        .long idt, 0

        .data
        .align 16
idt:    .quad 0, 0
        .section .note.GNU-stack, "", @progbits
