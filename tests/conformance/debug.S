/* SPDX-License-Identifier: MIT */
/* Debug facilities: SDM Vol. 3B, "Debug Registers", "Debug Exceptions"; Vol. 3A, "Masking Exceptions and Interrupts When Switching Stacks". */
#define BITS 32
#include "kit.h"

#define BS 0x4000
#define BD 0x2000

        .section .variables, "aw"
        .balign 16
        .fill 64, 1, 0          /* a stack, for a while */
word:   .fill 16, 1, 0
bytes:  .ascii "abcdefgh"
copy:   .fill 16, 1, 0
        .text

.macro DR6 name, wanted
        mov %dr6, %eax
        and $0xe00f, %eax
        IS "\name: DR6", %eax, \wanted
        xor %eax, %eax
        mov %eax, %dr6
.endm
.macro WATCH address, dr7
        mov $\address, %eax
        mov %eax, %dr0
        mov $(\dr7|0x400), %eax
        mov %eax, %dr7
.endm
.macro NO_WATCH
        mov $0x400, %eax
        mov %eax, %dr7
.endm
.macro TRAP_FLAG
        pushfl
        orl $0x100, (%esp)
        popfl
.endm

tests:
        xor %eax, %eax
        mov %eax, %dr6
        mov %dr6, %eax
        IS "DR6's fixed bits", %eax, 0xffff0ff0
        NO_WATCH
        mov %dr7, %eax
        IS "DR7's fixed bit", %eax, 0x400

        /* TF: a trap after the instruction behind the one that set it. */
        TRY
        TRAP_FLAG
1:      nop
2:      nop
        WANT "single step", 1
        IS "single step: EIP", got_ip, 2b
        DR6 "single step", BS
        mov got_flags, %eax
        and $0x100, %eax
        IS "single step: TF in the image", %eax, 0x100
        TRY
        TRAP_FLAG
        jmp 1f
        nop
1:      nop
        WANT "single step of a jump", 1
        IS "single step of a jump: EIP", got_ip, 1b
        DR6 "single step of a jump", BS
        TRY
        mov $3, %ecx
        mov $bytes, %esi
        mov $copy, %edi
        TRAP_FLAG
1:      rep movsb
        WANT "single step of REP MOVSB: an iteration", 1
        IS "REP MOVSB: EIP", got_ip, 1b
        IS "REP MOVSB: ECX", r_cx, 2
        DR6 "REP MOVSB", BS
        TRY
        TRAP_FLAG
        mov $DATA, %eax
        nop
        WANT "single step of MOV", 1
        DR6 "single step of MOV", BS
        TRY
        mov $DATA, %ecx
        TRAP_FLAG
        .byte 0x8e, 0xd1        /* MOV SS, ECX */
        nop
1:      nop
        WANT "MOV SS holds the trap back by one", 1
        IS "MOV SS: EIP", got_ip, 1b
        DR6 "MOV SS", BS
        TRY
        TRAP_FLAG
        ud2
        WANT "a faulting instruction is not stepped over: #UD", 6
        mov %dr6, %eax
        and $BS, %eax
        IS "a fault sets no BS", %eax, 0
        TRY
        TRAP_FLAG
        int $0x30
        WANT "INT n clears TF for the handler", 0x30
        xor %eax, %eax
        mov %eax, %dr6
        mov got_flags, %eax
        and $0x100, %eax
        IS "INT n: TF in the image", %eax, 0x100

        /* INT1 (ICEBP). */
        TRY
        .byte 0xf1
1:      nop
        WANT "INT1", 1
        IS "INT1 is a trap", got_ip, 1b
        DR6 "INT1 sets none", 0

        /* Breakpoints: execution is a fault, data are traps. */
        WATCH 1f, 1
        TRY
        nop
1:      nop
        WANT "instruction breakpoint", 1
        IS "instruction breakpoint: EIP", got_ip, 1b
        NO_WATCH
        DR6 "instruction breakpoint", 1
        mov got_flags, %eax
        and $0x10000, %eax
        IS "instruction breakpoint: RF in the image, of this fault alone", %eax, 0
        WATCH 1f, 2
        TRY
1:      nop
        WANT "by G0", 1
        NO_WATCH
        DR6 "by G0", 1
        WATCH 1f, 1
        TRY
        pushl $0x10002
        pushl $CODE
        pushl $1f
        iretl
1:      nop
        WANT "RF holds an instruction breakpoint back"
        NO_WATCH
        WATCH 1f+1, 1
        TRY
1:      mov $0, %eax
        WANT "not at an instruction's second byte"
        NO_WATCH

.macro DATA_WATCH name, address, dr7, vector, dr6, code
        xor %eax, %eax
        mov %eax, %dr6
        WATCH \address, \dr7
        TRY
        \code
1:      nop
        WANT "\name", \vector
        NO_WATCH
        .if \vector == 1
        IS "\name: EIP is behind", got_ip, 1b
        .endif
        DR6 "\name", \dr6
.endm
        DATA_WATCH "write of a byte watched", word, 0x10001, 1, 1, "movb %al, word"
        DATA_WATCH "read of what is watched for writes", word, 0x10001, NONE, 0, "movb word, %al"
        DATA_WATCH "read of what is watched for both", word, 0x30001, 1, 1, "movb word, %al"
        DATA_WATCH "write of what is watched for both", word, 0x30001, 1, 1, "movb %al, word"
        DATA_WATCH "write of the byte behind", word, 0x10001, NONE, 0, "movb %al, word+1"
        DATA_WATCH "dword watched, byte 3 written", word, 0xd0001, 1, 1, "movb %al, word+3"
        DATA_WATCH "dword watched, byte 4 written", word, 0xd0001, NONE, 0, "movb %al, word+4"
        DATA_WATCH "word watched, dword before it written", word+4, 0x50001, 1, 1, "movl %eax, word+1"
        DATA_WATCH "the address is aligned by the length", word+1, 0xd0001, 1, 1, "movb %al, word"
        DATA_WATCH "RMW", word, 0xd0001, 1, 1, "incl word"
        DATA_WATCH "push", word, 0xd0001, 1, 1, "mov $word+4, %esp; pushl %eax"
        DATA_WATCH "STOSD", word, 0xd0001, 1, 1, "mov $word, %edi; stosl"
        DATA_WATCH "execution is no data access", 1f, 0x30001, NONE, 0, "nop"
        DATA_WATCH "disabled", word, 0x10000, NONE, 0, "movb %al, word"
        mov $word, %eax
        mov %eax, %dr1
        DATA_WATCH "two at once", word, 0x110005, 1, 3, "movb %al, word"
        xor %eax, %eax
        mov %eax, %dr1

        /* GD, and CR4.DE. */
        TRY
        mov $0x2400, %eax
        mov %eax, %dr7
1:      mov %dr0, %eax
        WANT "general detect", 1
        IS "general detect is a fault", got_ip, 1b
        DR6 "general detect", BD
        mov %dr7, %eax
        IS "it clears GD", %eax, 0x400
        TRY
        mov %dr4, %eax
        WANT "DR4 is DR6"
        NEED "CR4.DE", F_DE, no_de
        mov $8, %eax
        mov %eax, %cr4
        TRY
        mov %dr4, %eax
        WANT "DR4 with CR4.DE: #UD", 6
        TRY
        mov %eax, %dr5
        WANT "DR5 with CR4.DE: #UD", 6
no_de:  FINISH
#include "kit_end.h"
