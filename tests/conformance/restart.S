/* SPDX-License-Identifier: MIT */
/*
 * Instructions that fault half-way: SDM Vol. 3A, "Restarting Instructions after an Exception" and "Program or Task Restart": a fault leaves the state
 * of before, so that the handler can map the page and the same instruction runs to the same end. Each runs at CPL 3 with its memory absent; the
 * handler maps one page a fault.
 */
#define BITS 32
#include "kit.h"

#define PAGE 0x400000           /* two pages: first and last of what is absent */
#define FIRST 0x300000          /* their frames */
#define TABLE (TABLES+0x2000)
#define EDGE (PAGE+0x1000)

        .section .variables, "aw"
        .balign 16
faults: .long 0
f_sp:   .long 0                 /* registers at the last fault */
f_ax:   .long 0
f_bx:   .long 0
f_cx:   .long 0
f_dx:   .long 0
f_si:   .long 0
f_di:   .long 0
f_bp:   .long 0
f_cr2:  .long 0
f_flags: .long 0
far_at: .long 0
        .word UCODE
source: .ascii "0123456789abcdef0123456789abcdef"
        .fill 256, 1, 0
user_stack:
        .text

/* Maps what is absent; everything else is not its affair. */
repair:
        cmpl $14, got_vector
        jne 1f
        mov got_cr2, %eax
        mov %eax, f_cr2
        sub $PAGE, %eax
        cmp $0x2000, %eax
        jae 1f
        shr $12, %eax
        mov %eax, %ecx
        shl $12, %ecx
        add $(FIRST + 7), %ecx
        mov %ecx, TABLE(, %eax, 4)
        incl faults
        mov got_old_sp, %eax
        mov %eax, f_sp
        mov got_flags, %eax
        and $0xcd5, %eax
        mov %eax, f_flags
        .irp r, ax, bx, cx, dx, si, di, bp
        mov r_\r, %eax
        mov %eax, f_\r
        .endr
        ret
1:      movl $0, hook
        lea 4(%esp), %esp
        mov recover, %eax
        mov saved_sp, %esp
        jmp *%eax

.macro BEGIN sp=user_stack
        movl $0, faults
        movl $repair, hook
        TRY
        push $UDATA
        push $\sp
        push $0x3002
        push $UCODE
        push $7f
        movl $0, TABLE
        movl $0, TABLE + 4
        mov %cr3, %eax
        mov %eax, %cr3
        mov $UDATA, %eax
        mov %eax, %ds
        mov %eax, %es
        mov $0x11111111, %eax
        mov $0x22222222, %ebx
        mov $0x33333333, %ecx
        mov $0x44444444, %edx
        mov $0x55555555, %esi
        mov $0x66666666, %edi
        mov $0x77777777, %ebp
        iretl
7:
.endm
.macro END name, count
        int $0x30
        WANT "\name", 0x30
        movl $0, hook
        IS "\name: faults", faults, \count
        movl $(FIRST + 7), TABLE
        movl $(FIRST + 0x1000 + 7), TABLE + 4
        mov %cr3, %eax
        mov %eax, %cr3
.endm
.macro FILL at, value
        movl $\value, FIRST + (\at) - PAGE
.endm

tests:
        mov $TABLES, %edi
        xor %eax, %eax
        mov $0x1000, %ecx
        rep stosl
        mov $(TABLES + 0x1000), %edi
        mov $7, %eax
1:      mov %eax, (%edi)
        add $0x1000, %eax
        add $4, %edi
        cmp $0x400007, %eax
        jne 1b
        movl $(TABLES + 0x1007), TABLES
        movl $(TABLE + 7), TABLES + 4
        mov $TABLES, %eax
        mov %eax, %cr3
        mov $0x80000011, %eax
        mov %eax, %cr0

        BEGIN (EDGE+0x10)
        pusha
        END "PUSHA over two pages", 2
        IS "PUSHA: ESP at the fault", f_sp, (EDGE+0x10)
        IS "PUSHA: ESP at the end", got_old_sp, (EDGE-0x10)
        IS "PUSHA: EDI is at the bottom", EDGE-0x10, 0x66666666
        IS "PUSHA: ESP pushed", EDGE-4, (EDGE+0x10)
        IS "PUSHA: EAX is at the top", EDGE+0xc, 0x11111111

        FILL EDGE-0x10, 1
        FILL EDGE+0xc, 8
        BEGIN (EDGE-0x10)
        popa
        END "POPA over two pages", 2
        IS "POPA: EDI at the fault", f_di, 0x66666666
        IS "POPA: ESP at the fault", f_sp, (EDGE-0x10)
        IS "POPA: EDI", r_di, 1
        IS "POPA: EAX", r_ax, 8
        IS "POPA: ESP", got_old_sp, (EDGE+0x10)

        BEGIN (EDGE+2)
        push %eax
        END "PUSH over two pages", 2
        IS "PUSH: ESP at the fault", f_sp, (EDGE+2)
        IS "PUSH: ESP", got_old_sp, (EDGE-2)

        BEGIN (PAGE+0x100)
        push EDGE
        END "PUSH m: source, then stack", 2
        IS "PUSH m: ESP at the fault", f_sp, (PAGE+0x100)

        FILL EDGE+0x100, 0xabcd1234
        BEGIN (EDGE+0x100)
        popl PAGE
        END "POP m: stack and destination absent", 2
        IS "POP m: ESP at the fault", f_sp, (EDGE+0x100)
        IS "POP m: the value", PAGE, 0xabcd1234
        IS "POP m: ESP", got_old_sp, (EDGE+0x104)

        FILL PAGE+0xffc, 0x5555aaaa
        BEGIN (PAGE+0xffc)
        popl 8(%esp)
        END "POP m by ESP: destination on the next page", 2
        IS "POP m by ESP: the address uses the new ESP", EDGE+8, 0x5555aaaa

        FILL PAGE+0x100, 0x12345678
        BEGIN (PAGE+0x100)
        pop %esp
        END "POP ESP", 1
        IS "POP ESP: the value", got_old_sp, 0x12345678

        BEGIN (PAGE+0x20)
        enter $0x40, $0
        END "ENTER: the push", 1
        IS "ENTER: EBP at the fault", f_bp, 0x77777777
        IS "ENTER: ESP at the fault", f_sp, (PAGE+0x20)
        IS "ENTER: EBP", r_bp, (PAGE+0x1c)
        /* "ENTER": "if ... a write using the final value of the stack pointer ... would ... cause a page fault". */
        BEGIN (EDGE+0x20)
        enter $0x40, $0
        END "ENTER: the final stack pointer is probed", 2
        IS "ENTER: probed: ESP", got_old_sp, (EDGE+0x20-4-0x40)
        FILL EDGE-8, 0x1000
        BEGIN (EDGE+8)
        mov $(EDGE - 4), %ebp
        enter $0, $2
        END "ENTER, level 2", 2
        IS "ENTER, level 2: EBP at the fault", f_bp, (EDGE-4)
        IS "ENTER, level 2: EBP", r_bp, (EDGE+4)
        IS "ENTER, level 2: ESP", got_old_sp, (EDGE+8-12)

        FILL PAGE+0x40, 0x99
        BEGIN
        mov $(PAGE + 0x40), %ebp
        leave
        END "LEAVE", 1
        IS "LEAVE: ESP at the fault", f_sp, user_stack
        IS "LEAVE: EBP at the fault", f_bp, (PAGE+0x40)
        IS "LEAVE: EBP", r_bp, 0x99
        IS "LEAVE: ESP", got_old_sp, (PAGE+0x44)

        FILL PAGE, 0x1234
        BEGIN
        cmpxchg %edx, PAGE
        END "CMPXCHG, unequal", 1
        IS "CMPXCHG: EAX at the fault", f_ax, 0x11111111
        IS "CMPXCHG: EAX", r_ax, 0x1234
        FILL PAGE, 0x11111111
        BEGIN
        cmpxchg %edx, PAGE
        END "CMPXCHG, equal", 1
        IS "CMPXCHG: memory", PAGE, 0x44444444

        FILL PAGE+0xffc, 0x10000000
        FILL EDGE, 0x2
        BEGIN
        addl $0x10000, PAGE + 0xffe
        END "ADD over two pages", 2
        IS "ADD over two pages: low", PAGE+0xffc, 0x10000000
        IS "ADD over two pages: high", EDGE, 3

        FILL PAGE, 5
        BEGIN
        stc
        adcl $1, PAGE
        END "ADC: CF survives the fault", 1
        IS "ADC: the sum", PAGE, 7
        FILL PAGE, 7
        BEGIN
        xadd %eax, PAGE
        END "XADD", 1
        IS "XADD: EAX at the fault", f_ax, 0x11111111
        IS "XADD: EAX", r_ax, 7
        IS "XADD: memory", PAGE, 0x11111118
        BEGIN
        xchg %ebx, PAGE
        END "XCHG", 1
        IS "XCHG: EBX at the fault", f_bx, 0x22222222
        IS "XCHG: EBX", r_bx, 0x11111118
        FILL PAGE, 0
        BEGIN
        mov $-32, %eax
        btsl %eax, PAGE + 4
        END "BTS m, r: bit -32", 1
        IS "BTS: memory", PAGE, 1
        FILL PAGE, 0x80000001
        BEGIN
        stc
        rcll $1, PAGE
        END "RCL m", 1
        IS "RCL: memory", PAGE, 3

        movl $0, FIRST + 0xff8
        BEGIN
        mov $source, %esi
        mov $(PAGE + 0xff8), %edi
        mov $6, %ecx
        rep movsl
        END "REP MOVSD over two pages", 2
        IS "REP MOVSD: ECX at the second fault", f_cx, 4
        IS "REP MOVSD: EDI at the second fault", f_di, EDGE
        IS "REP MOVSD: ESI at the second fault", f_si, (source+8)
        IS "REP MOVSD: ECX", r_cx, 0
        IS "REP MOVSD: EDI", r_di, (EDGE+16)
        BEGIN
        mov $(EDGE + 7), %edi
        mov $source+15, %esi
        mov $16, %ecx
        std
        rep movsb
        cld
        END "REP MOVSB downwards", 2
        IS "REP MOVSB downwards: ECX at the second fault", f_cx, 8
        IS "REP MOVSB downwards: EDI at the second fault", f_di, (PAGE+0xfff)
        BEGIN
        mov $(PAGE + 0xffe), %edi
        mov $2, %ecx
        rep stosl
        END "REP STOSD over two pages", 2
        IS "REP STOSD: ECX at the second fault", f_cx, 2
        IS "REP STOSD: EDI at the second fault", f_di, (PAGE+0xffe)
        FILL PAGE+0xffc, 0x33323130
        FILL EDGE, 0x37363534
        BEGIN
        mov $source, %esi
        mov $(PAGE + 0xffc), %edi
        mov $16, %ecx
        repe cmpsb
        END "REPE CMPSB over two pages", 2
        IS "REPE CMPSB: ECX at the second fault", f_cx, 12
        BEGIN
        mov $(PAGE + 0xffe), %esi
        lodsl
        END "LODSD over two pages", 2
        IS "LODSD: ESI at the fault", f_si, (PAGE+0xffe)
        IS "LODSD: EAX at the fault", f_ax, 0x11111111
        BEGIN
        mov $EDGE, %edi
        mov $0x35, %al
        mov $8, %ecx
        repne scasb
        END "REPNE SCASB", 1
        IS "REPNE SCASB: ECX", r_cx, 6
        BEGIN
        xor %ecx, %ecx
        mov $PAGE, %edi
        rep stosl
        END "REP STOSD of nothing touches nothing", 0

        BEGIN (PAGE+0x10)
        call 1f
1:      END "CALL", 1
        IS "CALL: ESP at the fault", f_sp, (PAGE+0x10)
        IS "CALL: ESP", got_old_sp, (PAGE+0xc)
        movl $1f, FIRST + 0x10
        BEGIN (PAGE+0x10)
        ret $8
1:      END "RET n", 1
        IS "RET n: ESP at the fault", f_sp, (PAGE+0x10)
        IS "RET n: ESP", got_old_sp, (PAGE+0x1c)
        movl $1f, far_at
        BEGIN (EDGE+4)
        lcall *far_at
1:      END "far CALL: the second push", 2
        IS "far CALL: ESP at the fault", f_sp, (EDGE+4)
        IS "far CALL: ESP", got_old_sp, (EDGE-4)
        movl $1f, FIRST + 0xffc
        FILL EDGE, UCODE
        BEGIN (PAGE+0xffc)
        lretl
1:      END "far RET: the second pop", 2
        IS "far RET: ESP at the fault", f_sp, (PAGE+0xffc)
        IS "far RET: ESP", got_old_sp, (EDGE+4)
        movl $1f, FIRST + 0xff8
        FILL PAGE+0xffc, UCODE
        FILL EDGE, 0x3803
        BEGIN (PAGE+0xff8)
        iretl
1:      END "IRET: the third pop", 2
        IS "IRET: ESP at the fault", f_sp, (PAGE+0xff8)
        IS "IRET: ESP", got_old_sp, (EDGE+4)
        mov got_flags, %eax
        and $0x801, %eax
        IS "IRET: flags", %eax, 0x801
        IS "IRET: flags at the fault", f_flags, 0
        FILL PAGE+0xffc, 0x1234
        FILL EDGE, UDATA
        BEGIN
        les PAGE + 0xffe, %eax
        END "LES over two pages", 2
        IS "LES: EAX at the fault", f_ax, 0x11111111
        FILL EDGE+0x200, 1f
        BEGIN
        jmp *EDGE + 0x200
1:      END "JMP m", 1
        BEGIN (PAGE+0x10)
        pushfl
        END "PUSHF", 1
        FILL PAGE+0x10, 0x246
        BEGIN (PAGE+0x10)
        popfl
        END "POPF", 1
        IS "POPF: ESP", got_old_sp, (PAGE+0x14)
        FILL PAGE+0x11, 0x5a
        BEGIN
        mov $PAGE, %ebx
        mov $0x11, %eax
        xlat
        END "XLAT", 1
        IS "XLAT: AL", r_ax, 0x5a
        /* "A branch is committed before its target is fetched". */
        movb $0xc3, FIRST + 0x300
        BEGIN
        call PAGE + 0x300
        END "CALL to an absent page", 1
        IS "CALL to an absent page: CR2", f_cr2, (PAGE+0x300)
        IS "CALL to an absent page: it has pushed", f_sp, (user_stack-4)
        /* MOV EAX, 12345678 over two pages; RET */
        movb $0xb8, FIRST + 0xffd
        movb $0x78, FIRST + 0xffe
        movb $0x56, FIRST + 0xfff
        FILL EDGE, 0xc31234
        BEGIN
        call PAGE + 0xffd
        END "an instruction over two pages", 2
        IS "an instruction over two pages: CR2 of the tail", f_cr2, EDGE
        IS "an instruction over two pages: EAX at the fault", f_ax, 0x11111111
        IS "an instruction over two pages: EAX", r_ax, 0x12345678
        NEED "CMPXCHG8B", F_CX8, no_cx8
        FILL PAGE+0xffc, 1
        FILL EDGE, 2
        BEGIN
        cmpxchg8b PAGE + 0xffc
        END "CMPXCHG8B over two pages", 2
        IS "CMPXCHG8B: EAX at the fault", f_ax, 0x11111111
        IS "CMPXCHG8B: EDX at the fault", f_dx, 0x44444444
        IS "CMPXCHG8B: EAX", r_ax, 1
        IS "CMPXCHG8B: EDX", r_dx, 2
no_cx8: NEED "x87", F_FPU, no_fpu
        fninit
        FILL PAGE+0xff8, 0
        FILL PAGE+0xffc, 0x80000000
        FILL EDGE, 0x3fff
        BEGIN
        fldt PAGE + 0xff8
        fistl PAGE + 0x100
        END "FLD m80 over two pages", 2
        IS "FLD m80: once", PAGE+0x100, 1
        xor %eax, %eax
        fnstsw %ax
        and $0x3800, %eax
        IS "FLD m80: TOP", %eax, 0x3800
        BEGIN
        fstpt PAGE + 0xff8
        END "FSTP m80 over two pages", 2
        xor %eax, %eax
        fnstsw %ax
        and $0x3800, %eax
        IS "FSTP m80: TOP", %eax, 0
        BEGIN
        fnstenv PAGE + 0xff0
        END "FNSTENV over two pages", 2
        fninit
        fld1
        BEGIN
        fnsave PAGE + 0xfc0
        END "FNSAVE over two pages", 2
        xor %eax, %eax
        fnstsw %ax
        IS "FNSAVE: then FNINIT", %eax, 0
        BEGIN
        frstor PAGE + 0xfc0
        END "FRSTOR over two pages", 2
        xor %eax, %eax
        fnstsw %ax
        and $0x3800, %eax
        IS "FRSTOR: TOP", %eax, 0x3800
        fninit
no_fpu: NEED "FXSAVE", F_FXSR, no_fxsr
        mov %cr4, %eax
        or $0x200, %eax
        mov %eax, %cr4
        fld1
        BEGIN
        fxsave PAGE + 0xf00
        END "FXSAVE over two pages", 2
        IS "FXSAVE: FCW", PAGE+0xf00, 0x3800037f
        fninit
        BEGIN
        fxrstor PAGE + 0xf00
        END "FXRSTOR over two pages", 2
        xor %eax, %eax
        fnstsw %ax
        and $0x3800, %eax
        IS "FXRSTOR: TOP", %eax, 0x3800
no_fxsr:
        FINISH
#include "kit_end.h"
