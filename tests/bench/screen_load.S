# SPDX-License-Identifier: MIT
# A Multiboot kernel that sleeps and is woken HZ times a second by the 8254. KIND 0: that is all. 1: it then fills the text screen, all of it another way. 2: as 1,
# in 1024x768 with 32 bits a pixel. idle.sh assembles it with --defsym.
.intel_syntax noprefix
.code32
.globl _start
    .align 4
    .long 0x1BADB002, 0, -0x1BADB002

_start:
    mov esp, offset stack
    lgdt [gdt_pointer]
    mov eax, 0x10
    mov ds, eax
    mov es, eax
    mov ss, eax
    .byte 0xEA                  # a far jump to what follows, through the new table
    .long 1f
    .word 0x08
1:
    mov eax, offset tick
    mov word ptr [idt + 8 * 0x20], ax
    mov word ptr [idt + 8 * 0x20 + 2], 0x08
    mov word ptr [idt + 8 * 0x20 + 4], 0x8E00
    shr eax, 16
    mov word ptr [idt + 8 * 0x20 + 6], ax
    lidt [idt_pointer]
    mov esi, offset ports
1:  movzx edx, byte ptr [esi]
    test edx, edx
    jz 2f
    mov al, byte ptr [esi + 1]
    out dx, al
    add esi, 2
    jmp 1b
2:
.if KIND == 2
    mov dword ptr [screen], 0
    mov edx, 0xCF8              # the display adapter's frame buffer
    mov eax, 0x80001010
    out dx, eax
    mov edx, 0xCFC
    in eax, dx
    and eax, 0xFFFFFFF0
    mov dword ptr [screen], eax
    mov esi, offset vbe
    mov ecx, 5
3:  mov edx, 0x1CE
    mov ax, word ptr [esi]
    out dx, ax
    inc edx
    mov ax, word ptr [esi + 2]
    out dx, ax
    add esi, 4
    loop 3b
.endif
4:  sti
    hlt
    jmp 4b

tick:
    pusha
    mov al, 0x20
    out 0x20, al
    inc dword ptr [count]
    mov edi, dword ptr [screen]
    mov eax, dword ptr [count]
.if KIND == 1
    imul eax, eax, 0x00010001
    and eax, 0x7F7F7F7F
    mov ecx, 80 * 25 / 2
    rep stosd
.endif
.if KIND == 2
    imul eax, eax, 0x010305
    mov ecx, 1024 * 768
    rep stosd
.endif
    popa
    iret

    .align 8
gdt:
    .quad 0, 0x00CF9B000000FFFF, 0x00CF93000000FFFF
gdt_pointer:
    .word 23
    .long gdt
idt_pointer:
    .word 8 * 0x21 - 1
    .long idt
ports:
    .byte 0x20, 0x11, 0x21, 0x20, 0x21, 0x04, 0x21, 0x01, 0x21, 0xFE
    .byte 0xA1, 0xFF
    .byte 0x43, 0x36, 0x40, (1193182 / HZ) & 255, 0x40, (1193182 / HZ) >> 8, 0
vbe:
    .word 4, 0, 1, 1024, 2, 768, 3, 32, 4, 0x41
    .data
screen:
    .long 0xB8000
count:
    .long 0
    .bss
    .align 16
idt:
    .skip 8 * 0x21
    .skip 4096
stack:
