/* SPDX-License-Identifier: MIT */
/*
 * From a Multiboot loader's 32-bit protected mode to the kernel's 64-bit C. Everything in .boot is linked at its
 * physical address; the kernel proper is linked at KERNEL_BASE above it.
 */
#define MULTIBOOT_MAGIC 0x1BADB002
#define MULTIBOOT_FLAGS 0x00010003  /* page-aligned modules, memory sizes, address fields valid */
#define LOADER_MAGIC 0x2BADB002

#define EFER 0xC0000080
#define EFER_LME_NXE 0x900
#define CR4_PAE_PGE 0xA0
#define CR0_PG_WP_ET_PE 0x80010011

        .section .boot, "awx"
        .code32

/* Multiboot Specification, "The layout of Multiboot header". With the address fields a loader needs to know nothing of
   ELF, so that the same 64-bit ELF file suits loaders that take only 32-bit ones. */
        .balign 4
multiboot_header:
        .long MULTIBOOT_MAGIC
        .long MULTIBOOT_FLAGS
        .long -(MULTIBOOT_MAGIC + MULTIBOOT_FLAGS)
        .long multiboot_header
        .long image_start
        .long image_load_end
        .long image_end
        .long boot_entry

        .globl boot_entry
boot_entry:
        cli
        cld
        mov $boot_stack_top, %esp
        cmp $LOADER_MAGIC, %eax
        mov $not_multiboot, %esi
        jne boot_give_up

        /* SDM, "CPUID": leaf 80000001H, EDX bit 29 is Intel 64, bit 20 execute-disable. */
        mov $0x80000000, %eax
        cpuid
        cmp $0x80000001, %eax
        mov $no_long_mode, %esi
        jb boot_give_up
        mov $0x80000001, %eax
        cpuid
        and $0x20100000, %edx
        cmp $0x20100000, %edx
        jne boot_give_up

        /* SDM, "Initializing IA-32e Mode": PAE and CR3 first, then EFER.LME, then paging. */
        mov %cr4, %eax
        or $CR4_PAE_PGE, %eax
        mov %eax, %cr4
        mov $boot_pml4, %eax
        mov %eax, %cr3
        mov $EFER, %ecx
        rdmsr
        or $EFER_LME_NXE, %eax
        wrmsr
        mov $CR0_PG_WP_ET_PE, %eax
        mov %eax, %cr0
        lgdt boot_gdt_pointer
        ljmp $8, $boot_long

/* No 64-bit mode, no console code yet: the line goes out byte by byte. */
boot_give_up:
        mov $0x3F8, %edx
1:      lodsb
        test %al, %al
        jz 2f
        outb %al, %dx
        jmp 1b
2:      mov $0xF4, %edx
        mov $1, %al
        outb %al, %dx
3:      hlt
        jmp 3b

not_multiboot:
        .asciz "demo: not started by a Multiboot loader\r\n"
no_long_mode:
        .asciz "demo: the processor has no 64-bit mode with execute-disable\r\n"

        .code64
boot_long:
        xor %eax, %eax
        mov %eax, %ds
        mov %eax, %es
        mov %eax, %ss
        mov $kernel_stack_top, %rsp
        xor %ebp, %ebp
        movabs $kernel_main, %rax
        call *%rax
4:      hlt
        jmp 4b

        .balign 8
boot_gdt:
        .quad 0
        .quad 0x00209B0000000000   /* 64-bit code */
boot_gdt_pointer:
        .word 15
        .long boot_gdt

/* The first 16 MiB at their own addresses and at KERNEL_BASE, in 2 MiB pages. memory_init() leaves these tables. */
        .balign 4096
boot_pml4:
        .quad boot_pdpt + 3
        .fill 510, 8, 0
        .quad boot_pdpt + 3
boot_pdpt:
        .quad boot_pd + 3
        .fill 509, 8, 0
        .quad boot_pd + 3
        .quad 0
boot_pd:
        .set at, 0
        .rept 8
        .quad at + 0x83
        .set at, at + 0x200000
        .endr
        .fill 504, 8, 0

        .bss
        .balign 16
        .skip 256
boot_stack_top = . - 0xFFFFFFFF80000000
        .balign 4096
        .skip 16384
kernel_stack_top:
        .section .note.GNU-stack, "", @progbits
