/* SPDX-License-Identifier: MIT */
/* Virtual-8086 mode: SDM Vol. 3B, "8086 Emulation": "Virtual-8086 Mode", "Interrupt and Exception Handling in Virtual-8086 Mode" (without VME). */
#define BITS 32
#include "kit.h"

        .section .variables, "aw"
        .balign 4
frame:  .fill 10, 4, 0          /* of the exception: (error,) EIP, CS, EFLAGS, ESP, SS, ES, DS, FS, GS */
        .text

/* Keeps the frame, and what DS is in the handler. */
keep:
        mov got_sp, %esi
        cmpl $ANY, got_error
        je 1f
        lea 4(%esi), %esi
1:      mov $frame, %edi
        mov $9, %ecx
        cld
        rep movsl
        movl $0, hook
        lea 4(%esp), %esp
        mov recover, %eax
        mov saved_sp, %esp
        jmp *%eax

/* To V86 mode: IRET with VM. CS 0, SS 1000:0FFE, DS 2000, ES 3000. */
.macro V86 name, flags, vector, error, code
        TRY
        movl $keep, hook
        push $0x5000
        push $0x4000
        push $0x2000
        push $0x3000
        push $0x1000
        push $0xffe
        push $(0x20002|(\flags))
        push $0
        push $7f
        iretl
        .code16
7:      \code
        int $0x30
        .code32
        WANT "\name", \vector, \error
        movl $0, hook
.endm
#define IOPL3 0x3000

tests:
        V86 "INT n with IOPL 3: through the IDT, gate DPL 3", IOPL3, 0x30, ANY, "nop"
        IS "the frame is on the TSS's stack", got_sp, (STACK-0x200-36)
        mov frame + 8, %eax
        and $0x20000, %eax
        IS "VM is in its flags", %eax, 0x20000
        IS "CS", frame+4, 0
        IS "ESP", frame+12, 0xffe
        IS "SS", frame+16, 0x1000
        IS "ES", frame+20, 0x3000
        IS "DS", frame+24, 0x2000
        IS "FS", frame+28, 0x4000
        IS "GS", frame+32, 0x5000
        V86 "INT n with IOPL 0: #GP(0)", 0, 13, 0, "nop"
        V86 "INT n with IOPL 3, gate DPL 0", IOPL3, 13, (0x21*8+2), "int $0x21"
        V86 "INT3 does not care for IOPL", 0, 3, ANY, "int3"
        V86 "INTO does not care for IOPL", 0, 4, ANY, "movw $0x7fff, %ax; incw %ax; into"
        V86 "CLI with IOPL 0", 0, 13, 0, "cli"
        V86 "STI with IOPL 0", 0, 13, 0, "sti"
        V86 "PUSHF with IOPL 0", 0, 13, 0, "pushfw"
        V86 "POPF with IOPL 0", 0, 13, 0, "popfw"
        V86 "IRET with IOPL 0", 0, 13, 0, "iretw"
        V86 "CLI with IOPL 3", IOPL3, 0x30, ANY, "cli"
        V86 "PUSHF with IOPL 3", IOPL3, 0x30, ANY, "pushfw; popw %ax"
        V86 "POPF cannot change IOPL", IOPL3, 0x30, ANY, "pushw $0; popfw"
        mov frame + 8, %eax
        and $0x3000, %eax
        IS "IOPL is 3 still", %eax, IOPL3
        V86 "POPF changes IF with IOPL 3", IOPL3, 0x30, ANY, "pushw $0x202; popfw"
        mov frame + 8, %eax
        and $0x200, %eax
        IS "IF is set", %eax, 0x200
        V86 "POPFD cannot clear VM", IOPL3, 0x30, ANY, "pushl $2; popfl"
        mov frame + 8, %eax
        and $0x20000, %eax
        IS "VM is set still", %eax, 0x20000
        V86 "PUSHFD shows VM and RF as 0", IOPL3, 0x30, ANY, "pushfl; popl %eax"
        mov r_ax, %eax
        and $0x30000, %eax
        IS "the image", %eax, 0
        V86 "IRET with IOPL 3", IOPL3, 0x30, ANY, "pushw $0x3002; pushw $0; pushw $8f; iretw; 8:"
        V86 "HLT", IOPL3, 13, 0, "hlt"
        V86 "IN, no bitmap, IOPL 3", IOPL3, 13, 0, "inb $0x61, %al"
        V86 "OUT, no bitmap, IOPL 0", 0, 13, 0, "outb %al, $0x80"
        V86 "LGDT", IOPL3, 13, 0, "lgdtl %ds:0"
        V86 "MOV from CR0", IOPL3, 13, 0, "movl %cr0, %eax"
        V86 "CLTS", IOPL3, 13, 0, "clts"
        V86 "SMSW is legal", IOPL3, 0x30, ANY, "smsw %ax"
        V86 "LLDT: #UD", IOPL3, 6, ANY, "lldt %ax"
        V86 "SLDT: #UD", IOPL3, 6, ANY, "sldt %ax"
        V86 "LAR: #UD", IOPL3, 6, ANY, "lar %ax, %ax"
        V86 "VERR: #UD", IOPL3, 6, ANY, "verr %ax"
        V86 "ARPL: #UD", IOPL3, 6, ANY, ".byte 0x63, 0xc0"
        V86 "UD2", IOPL3, 6, ANY, "ud2"
        V86 "#DE", IOPL3, 0, ANY, "xorw %cx, %cx; divw %cx"
        V86 "segments are base and 64 KiB: word at FFFF", IOPL3, 13, 0, "movl $0xffff, %ebx; movw %ds:(%ebx), %ax"
        V86 "beyond 64 KiB", IOPL3, 13, 0, "movl $0x10000, %ebx; movb %ds:(%ebx), %al"
        V86 "SS:FFFF", IOPL3, 12, 0, "movl $0xffff, %ebp; movw %ss:(%ebp), %ax"
        V86 "a segment load", IOPL3, 0x30, ANY, "movw $0x1234, %ax; movw %ax, %ds"
        IS "its selector is in the frame", frame+24, 0x1234
        /* IRET from V86 mode cannot set VM; a POPF at CPL 0 cannot either. */
        TRY
        pushl $0x20002
        popfl
        pushfl
        pop %ebx
        WANT "POPF at CPL 0 does not set VM"
        and $0x20000, %ebx
        IS "VM", %ebx, 0
        FINISH
#include "kit_end.h"
