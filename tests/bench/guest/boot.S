/* SPDX-License-Identifier: MIT */
/* Multiboot entry, page tables for the first 64 MiB, and into main() with paging on. Assembled for both widths. */
#define MULTIBOOT_MAGIC 0x1BADB002
#define MULTIBOOT_FLAGS 0x00010003
#define EFER 0xC0000080
#define MAPPED_PAGES 0x4000

        .section .boot, "awx"
        .code32
        .balign 4
header:
        .long MULTIBOOT_MAGIC
        .long MULTIBOOT_FLAGS
        .long -(MULTIBOOT_MAGIC + MULTIBOOT_FLAGS)
        .long header
        .long image_start
        .long image_load_end
        .long image_end
        .long entry

        .globl entry
entry:
        cli
        cld
        mov $stack_top, %esp
        mov %ebx, boot_information
        mov $page_tables, %edi
        mov $7, %eax                    /* present, writable, user */
1:      mov %eax, (%edi)
#ifdef __x86_64__
        add $8, %edi
#else
        add $4, %edi
#endif
        add $4096, %eax
        cmp $(MAPPED_PAGES * 4096 + 7), %eax
        jne 1b

#ifdef __x86_64__
        /* 32 page tables in a page directory, and one entry in each level above. */
        mov $page_directory, %edi
        mov $(page_tables + 7), %eax
        mov $(MAPPED_PAGES / 512), %ecx
2:      mov %eax, (%edi)
        add $8, %edi
        add $4096, %eax
        loop 2b
        movl $(page_directory + 7), directory_pointers
        movl $(directory_pointers + 7), root_table
        movl $(directory_pointers + 7), second_root
        mov %cr4, %eax
        or $0x20, %eax                  /* PAE */
        mov %eax, %cr4
        mov $root_table, %eax
        mov %eax, %cr3
        mov $EFER, %ecx
        rdmsr
        or $0x101, %eax                 /* LME, SCE */
        wrmsr
        mov $0x80010011, %eax
        mov %eax, %cr0
        lgdt gdt_pointer
        ljmp $8, $long_mode
        .code64
long_mode:
        mov $stack_top, %rsp
        mov $0x10, %eax
        mov %eax, %ds
        mov %eax, %es
        mov %eax, %ss
        mov boot_information, %edi
        call main
#else
        /* 16 page tables in the page directory. */
        mov $root_table, %edi
        mov $second_root, %edx
        mov $(page_tables + 7), %eax
        mov $(MAPPED_PAGES / 1024), %ecx
2:      mov %eax, (%edi)
        mov %eax, (%edx)
        add $4, %edi
        add $4, %edx
        add $4096, %eax
        loop 2b
        mov $root_table, %eax
        mov %eax, %cr3
        mov $0x80010011, %eax
        mov %eax, %cr0
        lgdt gdt_pointer
        ljmp $8, $protected_mode
protected_mode:
        mov $0x10, %eax
        mov %eax, %ds
        mov %eax, %es
        mov %eax, %ss
        pushl $0
        pushl $0
        pushl $0
        pushl boot_information
        call main
#endif
3:      hlt
        jmp 3b

        .balign 8
        .globl gdt
gdt:
#ifdef __x86_64__
        .quad 0
        .quad 0x00AF9B000000FFFF        /* 08: kernel code */
        .quad 0x00CF93000000FFFF        /* 10: kernel data */
        .quad 0x00CFF3000000FFFF        /* 18: user data */
        .quad 0x00AFFB000000FFFF        /* 20: user code */
#else
        .quad 0
        .quad 0x00CF9B000000FFFF        /* 08: kernel code */
        .quad 0x00CF93000000FFFF        /* 10: kernel data */
        .quad 0x00CFFB000000FFFF        /* 18: user code */
        .quad 0x00CFF3000000FFFF        /* 20: user data */
#endif
        .quad 0, 0                      /* 28: TSS, filled in by system.c */
gdt_pointer:
        .word 55
        .long gdt, 0
boot_information:
        .long 0, 0

        .bss
        .balign 4096
        .globl page_tables, root_table, second_root
root_table:
        .skip 4096
second_root:
        .skip 4096
#ifdef __x86_64__
directory_pointers:
        .skip 4096
page_directory:
        .skip 4096
page_tables:
        .skip MAPPED_PAGES * 8
#else
page_tables:
        .skip MAPPED_PAGES * 4
#endif
        .skip 65536
stack_top:
        .section .note.GNU-stack, "", @progbits
