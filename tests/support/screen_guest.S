# SPDX-License-Identifier: MIT
# A ROM for whoever tests screen, keyboard and mouse: sets a video mode register by register (mode 13h, or with TEXT 80x25),
# says "ready" on port E9h, and then sleeps. Each byte of the keyboard is told as "kXX", of the mouse as "mXX"; the screen is
# filled with the keyboard's byte (TEXT: it is written as two hexadecimal digits, one after the other).
.code16
.intel_syntax noprefix
.globl _start
_start:
    cli
    xor ax, ax
    mov ds, ax
    mov ss, ax
    mov sp, 0x7000
    mov word ptr [0x21 * 4], offset on_byte
    mov word ptr [0x21 * 4 + 2], 0xF000
    mov word ptr [0x2C * 4], offset on_byte
    mov word ptr [0x2C * 4 + 2], 0xF000
    mov word ptr [0x500], 0
    mov si, offset ports
    call write_ports
    mov si, offset registers
    call write_registers
    mov al, 0xD4
    out 0x64, al
    mov al, 0xF4
    out 0x60, al
1:  in al, 0x64
    test al, 1
    jz 1b
    in al, 0x60
    mov si, offset ready
    call say
    sti
2:  hlt
    jmp 2b

# Pairs of a port below 100h and a byte, up to a port 0.
write_ports:
    xor dx, dx
1:  mov dl, byte ptr cs:[si]
    mov al, byte ptr cs:[si + 1]
    add si, 2
    test dl, dl
    jz 2f
    out dx, al
    jmp 1b
2:  ret

# Miscellaneous output, then sequencer, graphics and CRT controller by index, and attributes.
write_registers:
    mov dx, 0x3C2
    mov al, byte ptr cs:[si]
    inc si
    out dx, al
    mov dx, 0x3C4
    mov cx, 5
    call write_indexed
    mov dx, 0x3CE
    mov cx, 9
    call write_indexed
    mov dx, 0x3D4
    mov ax, 0x0011
    out dx, ax
    mov cx, 25
    call write_indexed
    mov dx, 0x3DA
    in al, dx
    mov dx, 0x3C0
    xor ah, ah
1:  mov al, ah
    out dx, al
    mov al, byte ptr cs:[si]
    inc si
    out dx, al
    inc ah
    cmp ah, 21
    jb 1b
    mov al, 0x20
    out dx, al
    mov dx, 0x3C6
    mov al, 0xFF
    out dx, al
    mov dx, 0x3C8
    xor al, al
    out dx, al
    inc dx
    xor bl, bl
2:  mov al, bl          # the palette: red counts up, green down, blue stays
    shr al, 2
    out dx, al
    xor al, 0x3F
    out dx, al
    mov al, 0x15
    out dx, al
    inc bl
    jnz 2b
    ret

write_indexed:
    xor al, al
1:  mov ah, byte ptr cs:[si]
    inc si
    out dx, ax
    inc al
    loop 1b
    ret

say:
    mov al, byte ptr cs:[si]
    inc si
    test al, al
    jz 1f
    out 0xE9, al
    jmp say
1:  ret

# AL in hexadecimal, on E9h, and in BX as characters.
say_hex:
    mov bl, al
    shr al, 4
    call 1f
    mov bh, al
    out 0xE9, al
    mov al, bl
    and al, 15
    call 1f
    out 0xE9, al
    mov bl, al
    ret
1:  add al, '0'
    cmp al, '9'
    jbe 2f
    add al, 'a' - '0' - 10
2:  ret

on_byte:
    pusha
    in al, 0x64
    mov ah, al
    in al, 0x60
    mov cl, al
    test ah, 0x20
    mov al, 'k'
    jz 1f
    mov al, 'm'
1:  out 0xE9, al
    mov ch, al
    mov al, cl
    call say_hex
    mov al, 10
    out 0xE9, al
    cmp ch, 'k'
    jne 2f
    call show
2:  mov al, 0x20
    out 0xA0, al
    out 0x20, al
    popa
    iret

show:
.ifdef TEXT
    mov ax, 0xB800
    mov es, ax
    mov di, word ptr [0x500]
    mov ah, 0x1E
    mov al, bh
    stosw
    mov al, bl
    stosw
    mov word ptr [0x500], di
.else
    mov ax, 0xA000
    mov es, ax
    xor di, di
    mov al, cl
    mov cx, 64000
    rep stosb
.endif
    ret

ready:
    .asciz "ready\n"
ports:
    .byte 0x20, 0x11, 0xA0, 0x11, 0x21, 0x20, 0xA1, 0x28, 0x21, 4, 0xA1, 2, 0x21, 1, 0xA1, 1, 0x21, 0xF9, 0xA1, 0xEF
    .byte 0x64, 0x60, 0x60, 0x43, 0, 0
registers:
.ifdef TEXT
    .byte 0x67, 3, 0, 3, 0, 2, 0, 0, 0, 0, 0, 0x10, 0x0E, 0, 0xFF
    .byte 0x5F, 0x4F, 0x50, 0x82, 0x55, 0x81, 0xBF, 0x1F, 0, 0x4F, 0x0D, 0x0E, 0, 0, 0, 0, 0x9C, 0x8E, 0x8F, 40, 0x1F, 0x96, 0xB9, 0xA3, 0xFF
    .byte 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 4, 0, 15, 8, 0
.else
    .byte 0x63, 3, 1, 0xF, 0, 0xE, 0, 0, 0, 0, 0, 0x40, 5, 0xF, 0xFF
    .byte 0x5F, 0x4F, 0x50, 0x82, 0x54, 0x80, 0xBF, 0x1F, 0, 0x41, 0, 0, 0, 0, 0, 0, 0x9C, 0x8E, 0x8F, 40, 0x40, 0x96, 0xB9, 0xA3, 0xFF
    .byte 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0x41, 0, 15, 0, 0
.endif
    .org 0xFFF0
    .byte 0xEA
    .word 0, 0xF000
    .org 0x10000
