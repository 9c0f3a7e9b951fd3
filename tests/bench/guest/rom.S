/* SPDX-License-Identifier: MIT */
/*
 * The image as a ROM of 64 KiB at the reset vector, for emulators that cannot load a kernel: from real mode to
 * protected mode, the image to 1 MiB, and in as a Multiboot loader would. The command line is patched in at COMMAND.
 */
#define COMMAND 0xFE00
#define ROM_BASE 0xFFFF0000
#define LOW 0x1000          /* command line and information go here */

        .text
rom:
        .incbin IMAGE
image_size = . - rom

        .org COMMAND
        .skip 0x80
information:
        .long 4, 0, 0, 0, LOW                   /* flags: a command line; its address */

        .code32
start32:
        mov $0x10, %eax
        mov %eax, %ds
        mov %eax, %es
        mov %eax, %ss
        mov $2, %al
        outb %al, $0x92                         /* A20 */
        cld
        mov $(ROM_BASE + COMMAND), %esi
        mov $LOW, %edi
        mov $0x100, %ecx
        rep movsb
        mov $ROM_BASE, %esi
        mov $0x100000, %edi
        mov $image_size, %ecx
        rep movsb
        mov $0x100000, %ebx                     /* the header: load end, bss end, entry */
        mov 20(%ebx), %edi
        mov 24(%ebx), %ecx
        sub %edi, %ecx
        xor %eax, %eax
        rep stosb
        mov 28(%ebx), %edx
        mov $0x2BADB002, %eax
        mov $(LOW + 0x80), %ebx
        jmp *%edx

        .balign 8
rom_gdt:
        .quad 0
        .quad 0x00CF9B000000FFFF
        .quad 0x00CF93000000FFFF
rom_gdt_pointer:
        .word 23
        .long ROM_BASE + rom_gdt - rom

        .code16
start16:
        cli
        lgdtl %cs:rom_gdt_pointer - rom
        mov $0x11, %eax
        mov %eax, %cr0
        ljmpl $8, $(ROM_BASE + start32 - rom)

        .org 0xFFF0
        jmp start16
        .org 0x10000
        .section .note.GNU-stack, "", @progbits
