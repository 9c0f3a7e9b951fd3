/* SPDX-License-Identifier: MIT */
/*
 * Integer arithmetic and its flags, shifts, multiplication, decimal adjustment, strings: SDM Vol. 2, each instruction's "Operation" and "Flags
 * Affected"; flags that are undefined there are not looked at. A row: operands, then result and flags (CF 1, PF 4, AF 10, ZF 40, SF 80, OF 800).
 */
#define BITS 32
#include "kit.h"

.macro RUN name, a, b, c, flags_in, code, result, mask, flags_out
        mov $\a, %eax
        mov $\b, %edx
        mov $\c, %ecx
        pushl $(\flags_in|2)
        popfl
        \code
        KEEP_FLAGS
        mov %eax, r_ax
        IS "\name", r_ax, \result
        mov r_flags, %eax
        and $\mask, %eax
        IS "\name: flags", %eax, \flags_out
.endm
#define ALL 0x8d5
#define NOAF 0x8c5
        .section .variables, "aw"
        .balign 16
text:   .ascii "the quick brown fox"
other:  .ascii "the quick BROWN fox"
room:   .fill 64, 1, 0
        .text

tests:
        RUN "ADD, carry out of bit 31", 0xffffffff, 1, 0, 0, "add %edx, %eax", 0, ALL, 0x55
        RUN "ADD, overflow", 0x7fffffff, 1, 0, 0, "add %edx, %eax", 0x80000000, ALL, 0x894
        RUN "ADD r8, carry", 0x1ff, 1, 0, 0, "add %dl, %al", 0x100, ALL, 0x55
        RUN "ADD r16", 0x18000, 0x8000, 0, 0, "add %dx, %ax", 0x10000, ALL, 0x845
        RUN "ADC with CF", 0xffffffff, 0, 0, 1, "adc %edx, %eax", 0, ALL, 0x55
        RUN "ADC without CF", 0xffffffff, 0, 0, 0, "adc %edx, %eax", 0xffffffff, ALL, 0x84
        RUN "SUB, borrow", 0, 1, 0, 0, "sub %edx, %eax", 0xffffffff, ALL, 0x95
        RUN "SUB, overflow", 0x80000000, 1, 0, 0, "sub %edx, %eax", 0x7fffffff, ALL, 0x814
        RUN "SBB with CF, equal", 5, 5, 0, 1, "sbb %edx, %eax", 0xffffffff, ALL, 0x95
        RUN "SBB with CF, borrow by all ones", 0, 0xffffffff, 0, 1, "sbb %edx, %eax", 0, ALL, 0x55
        RUN "CMP leaves its operand", 3, 5, 0, 0, "cmp %edx, %eax", 3, ALL, 0x91
        RUN "INC leaves CF", 0xffffffff, 0, 0, 1, "inc %eax", 0, ALL, 0x55
        RUN "INC, overflow", 0x7fffffff, 0, 0, 0, "inc %eax", 0x80000000, ALL, 0x894
        RUN "DEC leaves CF", 0, 0, 0, 0, "dec %eax", 0xffffffff, ALL, 0x94
        RUN "DEC, overflow", 0x80000000, 0, 0, 1, "dec %eax", 0x7fffffff, ALL, 0x815
        RUN "NEG of 0", 0, 0, 0, 1, "neg %eax", 0, ALL, 0x44
        RUN "NEG of the least", 0x80000000, 0, 0, 0, "neg %eax", 0x80000000, ALL, 0x885
        RUN "NOT changes no flag", 0, 0, 0, ALL, "not %eax", 0xffffffff, ALL, ALL
        RUN "AND clears CF and OF", 0xf0f0f0f0, 0x80000000, 0, 0x801, "and %edx, %eax", 0x80000000, NOAF, 0x84
        RUN "OR", 0, 0, 0, 0x801, "or %edx, %eax", 0, NOAF, 0x44
        RUN "XOR", 0xff, 0xfe, 0, 0x801, "xor %edx, %eax", 1, NOAF, 0
        RUN "TEST", 0x101, 0x100, 0, 0x801, "test %edx, %eax", 0x101, NOAF, 4
        RUN "XADD", 1, 2, 0, 0, "xadd %edx, %eax", 3, ALL, 4
        RUN "CMPXCHG, equal", 7, 9, 7, 0, "cmpxchg %edx, %ecx; mov %ecx, %eax", 9, ALL, 0x44
        RUN "CMPXCHG, unequal", 7, 9, 8, 0, "cmpxchg %edx, %ecx", 8, ALL, 0x95
        RUN "BSWAP", 0x12345678, 0, 0, ALL, "bswap %eax", 0x78563412, ALL, ALL

        RUN "SHL by 1, overflow", 0x40000000, 0, 0, 0, "shl $1, %eax", 0x80000000, NOAF, 0x884
        RUN "SHL by 1, carry, no overflow", 0xc0000000, 0, 0, 0, "shl $1, %eax", 0x80000000, NOAF, 0x85
        RUN "SHL by 32 is by 0: no flag", 0x12345678, 0, 32, ALL, "shl %cl, %eax", 0x12345678, ALL, ALL
        RUN "SHL by 33 is by 1", 1, 0, 33, 0, "shl %cl, %eax", 2, 0xc5, 0
        RUN "SHL r8 by 9", 0xff, 0, 9, 0, "shl %cl, %al", 0, 0xc4, 0x44
        RUN "SHL r8 by 8: CF", 0x1, 0, 8, 0, "shl %cl, %al", 0, 0xc5, 0x45
        RUN "SHR by 1: OF is the sign", 0x80000001, 0, 0, 0, "shr $1, %eax", 0x40000000, NOAF, 0x805
        RUN "SAR by 1: OF is 0", 0x80000001, 0, 0, 0x800, "sar $1, %eax", 0xc0000000, NOAF, 0x85
        RUN "SAR by 31", 0x80000000, 0, 31, 0, "sar %cl, %eax", 0xffffffff, 0xc5, 0x84
        RUN "SAR r8 by 20", 0x80, 0, 20, 0, "sar %cl, %al", 0xff, 0xc5, 0x85
        RUN "ROL by 1", 0x80000001, 0, 0, 0, "rol $1, %eax", 3, 0x801, 0x801
        RUN "ROL leaves SF, ZF, PF, AF", 0x80000001, 0, 4, 0xd4, "rol %cl, %eax", 0x18, 0xd5, 0xd4
        RUN "ROL r8 by 8: CF is bit 0", 0x81, 0, 8, 0, "rol %cl, %al", 0x81, 1, 1
        RUN "ROR by 1", 1, 0, 0, 0, "ror $1, %eax", 0x80000000, 0x801, 0x801
        RUN "ROR by 0: no flag", 0x80000000, 0, 0, ALL, "ror %cl, %eax", 0x80000000, ALL, ALL
        RUN "RCL by 1 with CF", 0x80000000, 0, 0, 1, "rcl $1, %eax", 1, 0x801, 0x801
        RUN "RCL r8 by 9 is by 0", 0x5a, 0, 9, 1, "rcl %cl, %al", 0x5a, 1, 1
        RUN "RCL r16 by 17 is by 0", 0x1234, 0, 17, 0, "rcl %cl, %ax", 0x1234, 1, 0
        RUN "RCR by 1 with CF", 1, 0, 0, 1, "rcr $1, %eax", 0x80000000, 0x801, 0x801
        RUN "RCR r8 by 3", 0x5, 0, 3, 1, "rcr %cl, %al", 0x60, 1, 1
        RUN "SHLD", 0x12345678, 0x9abcdef0, 8, 0, "shld %cl, %edx, %eax", 0x3456789a, 0xc5, 4
        RUN "SHRD", 0x12345678, 0x9abcdef0, 8, 0, "shrd %cl, %edx, %eax", 0xf0123456, 0xc5, 0x84
        RUN "SHLD by 0", 1, 2, 0, ALL, "shld %cl, %edx, %eax", 1, ALL, ALL
        RUN "BT r, r: modulo 32", 0x80000000, 63, 0, 0, "bt %edx, %eax", 0x80000000, 1, 1
        RUN "BTS", 0, 5, 0, 1, "bts %edx, %eax", 0x20, 1, 0
        RUN "BTR", 0xff, 0, 0, 0, "btr $3, %eax", 0xf7, 1, 1
        RUN "BTC", 0xf7, 0, 0, 0, "btc $3, %eax", 0xff, 1, 0
        RUN "BSF", 0, 0x50, 0, 0, "bsf %edx, %eax", 4, 0x40, 0
        RUN "BSR", 0, 0x50, 0, 0, "bsr %edx, %eax", 6, 0x40, 0
        RUN "BSF of 0: ZF", 0, 0, 0, 0, "bsf %edx, %ecx", 0, 0x40, 0x40

        RUN "MUL r32", 0x80000000, 2, 0, 0, "mul %edx; add %edx, %eax", 1, 0, 0
        RUN "MUL r8: CF and OF", 0x10, 0x10, 0, 0, "mul %dl", 0x100, 0x801, 0x801
        RUN "MUL r8 that fits", 0xf, 0x10, 0, 0x801, "mul %dl", 0xf0, 0x801, 0
        RUN "IMUL r8", 0xff, 0xff, 0, 0x801, "imul %dl", 1, 0x801, 0
        RUN "IMUL r8 that does not fit", 0x80, 0xff, 0, 0, "imul %dl", 0x80, 0x801, 0x801
        RUN "IMUL r32, r32", 0x10000, 0x8000, 0, 0, "imul %edx, %eax", 0x80000000, 0x801, 0x801
        RUN "IMUL r32, r32, imm8", 0, 7, 0, 0x801, "imul $-3, %edx, %eax", -21, 0x801, 0
        RUN "DIV r32", 7, 1, 3, 0, "div %ecx", 0x55555557, 0, 0
        RUN "DIV r8", 0x107, 0, 0x10, 0, "div %cl", 0x0710, 0, 0
        RUN "IDIV r8, rounding to 0", 0xfff9, 0, 2, 0, "idiv %cl", 0xfffd, 0, 0
        RUN "CBW", 0x80, 0, 0, ALL, "cbtw", 0xff80, ALL, ALL
        RUN "CWDE", 0x8000, 0, 0, ALL, "cwtl", 0xffff8000, ALL, ALL
        RUN "CDQ", 0x80000000, 0, 0, ALL, "cltd; mov %edx, %eax", 0xffffffff, ALL, ALL
        RUN "MOVSX", 0, 0x80, 0, ALL, "movsbl %dl, %eax", 0xffffff80, ALL, ALL
        RUN "MOVZX", -1, 0x8080, 0, ALL, "movzbl %dl, %eax", 0x80, ALL, ALL

        RUN "DAA, both digits", 0x9a, 0, 0, 0, "daa", 0, 0xd5, 0x55
        RUN "DAA with AF", 0x10, 0, 0, 0x10, "daa", 0x16, 0xd5, 0x10
        RUN "DAA with CF", 0x10, 0, 0, 1, "daa", 0x70, 0xd5, 1
        RUN "DAS, borrow", 0x05, 0, 0, 0x10, "das", 0xff, 0xd5, 0x95
        RUN "AAA", 0x00a, 0, 0, 0, "aaa", 0x100, 0x11, 0x11
        RUN "AAA without", 0x205, 0, 0, 0, "aaa", 0x205, 0x11, 0
        RUN "AAS", 0x200, 0, 0, 0x10, "aas", 0xa, 0x11, 0x11
        RUN "AAM", 0x4f, 0, 0, 0, "aam", 0x709, 0xc4, 4
        RUN "AAM 16", 0xff, 0, 0, 0, ".byte 0xd4, 16", 0xf0f, 0xc4, 4
        RUN "AAD", 0x709, 0, 0, 0, "aad", 0x4f, 0xc4, 0
        RUN "SALC", 0, 0, 0, 1, ".byte 0xd6", 0xff, ALL, 1
        RUN "LAHF", 0, 0, 0, 0xd5, "lahf", 0xd700, 0, 0
        RUN "SAHF", 0xff00, 0, 0, 0, "sahf", 0xff00, 0xd5, 0xd5
        RUN "CMC", 0, 0, 0, 1, "cmc", 0, 1, 0
        RUN "STC", 0, 0, 0, 0, "stc", 0, ALL, 1
        RUN "SETcc: greater", 0, 0, 0, 0x880, "setg %al", 1, 0, 0
        RUN "SETcc: below or equal", 0, 0, 0, 0x40, "setbe %al", 1, 0, 0
        RUN "SETcc: less", 0, 0, 0, 0x800, "setl %al", 1, 0, 0
        RUN "SETcc: parity odd", 0, 0, 0, 4, "setnp %al", 0, 0, 0
        RUN "LOOP counts without flags", 0, 0, 5, ALL, "1: lea 1(%eax), %eax; loop 1b", 5, ALL, ALL
        RUN "LOOPNE ends by ZF", 3, 0, 9, 0, "1: dec %eax; loopne 1b; mov %ecx, %eax", 6, 0x40, 0x40
        RUN "JECXZ", 1, 0, 0, 0, "jecxz 1f; xor %eax, %eax; 1:", 1, 0, 0
        RUN "XCHG r8 halves", 0x1234, 0, 0, ALL, "xchg %al, %ah", 0x3412, ALL, ALL
        RUN "LEA wraps", 0xffffffff, 2, 0, ALL, "lea 3(%eax, %edx, 8), %eax", 0x12, ALL, ALL
        RUN "LEA r16 of a 32-bit address", 0x12340000, 0x5678, 0, 0, "lea (%edx), %ax", 0x12345678, 0, 0

        /* Strings. */
        RUN "REPE CMPSB to the first difference", 0, 0, 19, 0, "mov $text, %esi; mov $other, %edi; cld; repe cmpsb; mov %ecx, %eax", 8, 0x41, 0
        RUN "REPNE SCASB", 'q', 0, 19, 0, "mov $text, %edi; cld; repne scasb; mov %ecx, %eax", 14, 0x40, 0x40
        RUN "REPNE SCASB that finds none", '!', 0, 19, 0, "mov $text, %edi; cld; repne scasb; mov %ecx, %eax", 0, 0x40, 0
        RUN "REP with ECX 0 leaves the flags", 0, 0, 0, ALL, "mov $text, %edi; repne scasb", 0, ALL, ALL
        RUN "REP MOVSB that overlaps, upwards: a pattern", 0, 0, 15, 0, "movb $0x41, room; mov $room, %esi; mov $room+1, %edi; rep movsb; mov room+12, %eax", 0x41414141, 0, 0
        RUN "REP MOVSD downwards", 0, 0, 4, 0, "mov $text+12, %esi; mov $room+12, %edi; std; rep movsl; cld; mov room, %eax", 0x20656874, 0, 0
        RUN "REP STOSD", 0x12345678, 0, 4, 0, "mov $room, %edi; rep stosl; mov %edi, %eax; sub $room, %eax", 16, 0, 0
        RUN "REP LODSW", 0, 0, 3, 0, "mov $text, %esi; rep lodsw", 0x7571, 0, 0
        RUN "STOSB downwards", 0x41, 0, 0, 0, "mov $room, %edi; std; stosb; cld; sub $room, %edi; mov %edi, %eax", -1, 0, 0
        RUN "XLAT", 4, 0, 0, ALL, "mov $text, %ebx; xlat", 'q', ALL, ALL
        RUN "ENTER and LEAVE", 0, 0, 0, 0, "mov %esp, %edx; enter $16, $1; leave; mov %esp, %eax; sub %edx, %eax", 0, 0, 0

        /* Self-modifying code: "Self-Modifying Code": a jump, then the new bytes run. */
        mov $3, %ecx
        xor %eax, %eax
2:      incb 3f+1
        jmp 3f
3:      mov $0x10, %dl
        movzbl %dl, %edx
        add %edx, %eax
        loop 2b
        mov %eax, r_ax
        IS "an immediate changed in a loop", r_ax, 0x36
        movl $0x90909090, 4f
        jmp 4f
4:      xor %eax, %eax
        xor %eax, %eax
        movl $0x0f0f0f0f, room
        IS "an instruction replaced behind a jump", r_ax, 0x36
        movb $0xc3, room
        mov $room, %eax
        call *%eax
        movb $0x40, room                /* INC EAX; RET */
        movb $0xc3, room + 1
        xor %eax, %eax
        mov $room, %edx
        call *%edx
        mov %eax, r_ax
        IS "code written as data", r_ax, 1
        movb $0x48, room
        call *%edx
        mov %eax, r_ax
        IS "and written again", r_ax, 0
        FINISH
#include "kit_end.h"
