/* SPDX-License-Identifier: MIT */
/* Exceptions, descriptor tables, the way from reset to the ROM's mode. */

/* ---- Exceptions ---- */

#if BITS != 16
        .balign 16
stubs:
        .set n, 0
        .rept 0x32
        .balign 16
        .if n == 8 || (n >= 10 && n <= 14) || n == 17 || n == 21
        .else
        push $ANY
        .endif
        push $n
        jmp common
        .set n, n + 1
        .endr

common: cld
        push AX
        mov $DATA, %eax
        mov %eax, %ds
        mov %eax, %es
        pop AX
        mov AX, r_ax
        mov BX, r_bx
        mov CX, r_cx
        mov DX, r_dx
        mov SI, r_si
        mov DI, r_di
        mov BP, r_bp
        pop AX
        movl %eax, got_vector
        mov SP, got_sp
        pop AX
        cmp $ANY, %eax
        jne 1f
        addl $W, got_sp         /* there is none */
1:      movl %eax, got_error
        mov (SP), AX
        mov AX, got_ip
        mov W(SP), AX
        mov AX, got_cs
        mov 2*W(SP), AX
        mov AX, got_flags
        mov 3*W(SP), AX
        mov AX, got_old_sp
        mov 4*W(SP), AX
        mov AX, got_old_ss
        cmpl $14, got_vector
        jne 1f
        mov %cr2, AX
        mov AX, got_cr2
1:      mov hook, AX
        test AX, AX
        jz 2f
        call *AX
        mov got_cs, AX
        test $3, %al
        jz 1f
        mov $UDATA, %eax        /* the return would null the supervisor's */
        mov %eax, %ds
        mov %eax, %es
1:      mov r_ax, AX
        mov r_bx, BX
        mov r_cx, CX
        mov r_dx, DX
        mov r_si, SI
        mov r_di, DI
        mov r_bp, BP
        IRET
2:      mov recover, AX
        test AX, AX
        jz unexpected
        mov saved_sp, SP
        push AX
        xor %eax, %eax
        push AX
        POPF                    /* TF, NT, AC, DF of the test are gone */
        mov $DATA, %eax
        mov %eax, %ss
        ret

/* All vectors to the stubs; 30h is for CPL 3, which ends with it. */
make_idt:
        mov $IDT, %edi
        mov $stubs, %esi
        mov $0x32, %ecx
1:      movw %si, (DI)
#if BITS == 64
        movw $CODE64, 2(DI)
        movl $0, 8(DI)
        movl $0, 12(DI)
#else
        movw $CODE, 2(DI)
#endif
        movw $0x8e00, 4(DI)
        movw $0, 6(DI)
        add $16, %esi
        add $(2 * W), %edi
        dec %ecx
        jnz 1b
        movb $0xee, IDT + 0x30 * 2 * W + 5
        movb $0xee, IDT + 3 * 2 * W + 5
        movb $0xee, IDT + 4 * 2 * W + 5
        lidt idt_pointer
        ret
#else
/* Real mode: IP, CS, FLAGS in words. All vectors come here; which, tells the return address of a call. */
        .balign 16
stubs:
        .rept 0x40
        .byte 0xe8              /* CALL common16, which never returns */
        .word common16 - . - 2
        nop
        .endr
common16:
        .code16
        push %ds
        push $0
        pop %ds
        movl %eax, r_ax
        movl %ebx, r_bx
        movl %ecx, r_cx
        movl %edx, r_dx
        movl %esi, r_si
        movl %edi, r_di
        movl %ebp, r_bp
        popw %ax
        movw %ax, got_ds
        xorl %eax, %eax
        popw %ax
        subl $(stubs + 3), %eax
        shrl $2, %eax
        movl %eax, got_vector
        movl $0, got_sp
        movw %sp, got_sp
        movw %ss, got_old_ss
        movzwl %sp, %ebp
        movzwl %ss:(%bp), %eax
        movl %eax, got_ip
        movzwl %ss:2(%bp), %eax
        movl %eax, got_cs
        movzwl %ss:4(%bp), %eax
        movl %eax, got_flags
        xorl %eax, %eax
        movw %ax, %es
        movw %ax, %ss
        movl saved_sp, %esp
        cld
        movl recover, %eax
        testl %eax, %eax
        jz 1f
        jmpw *%ax
        .code16gcc
1:      jmp unexpected
        .section .variables, "aw"
got_ds: .long 0
        .text
        .code16gcc
make_idt:
        xor %edi, %edi
        mov $stubs, %eax
1:      movw %ax, (%edi)
        movw $0, 2(%edi)
        add $4, %eax
        add $4, %edi
        cmp $0x100, %edi
        jne 1b
        ret
#endif

/* ---- Features ---- */

.macro FEATURE_BIT register, bit, feature
        bt $\bit, \register
        jnc 1f
        orl $\feature, features
1:
.endm

find_features:
        PUSHF
        pop AX
        mov AX, CX
        xor $0x200000, %eax     /* ID */
        push AX
        POPF
        PUSHF
        pop AX
        xor CX, AX
        test $0x200000, %eax
        jz 9f
        orl $F_CPUID, features
        mov $1, %eax
        cpuid
        FEATURE_BIT %edx, 0, F_FPU
        FEATURE_BIT %edx, 2, F_DE
        FEATURE_BIT %edx, 3, F_PSE
        FEATURE_BIT %edx, 6, F_PAE
        FEATURE_BIT %edx, 8, F_CX8
        FEATURE_BIT %edx, 13, F_PGE
        FEATURE_BIT %edx, 15, F_CMOV
        FEATURE_BIT %edx, 17, F_PSE36
        FEATURE_BIT %edx, 24, F_FXSR
        FEATURE_BIT %edx, 25, F_SSE
        FEATURE_BIT %edx, 26, F_SSE2
        FEATURE_BIT %ecx, 17, F_PCID
        xor %eax, %eax
        cpuid
        cmp $7, %eax
        jb 2f
        mov $7, %eax
        xor %ecx, %ecx
        cpuid
        FEATURE_BIT %ebx, 7, F_SMEP
        FEATURE_BIT %ebx, 10, F_INVPCID
        FEATURE_BIT %ebx, 20, F_SMAP
        FEATURE_BIT %ecx, 3, F_PKU
2:      testl $F_PSE36, features
        jz 2f
        movl $36, phys_bits
2:      mov $0x80000000, %eax
        cpuid
        cmp $0x80000001, %eax
        jb 9f
        push AX
        mov $0x80000001, %eax
        cpuid
        FEATURE_BIT %edx, 20, F_NX
        FEATURE_BIT %edx, 26, F_1G
        FEATURE_BIT %edx, 29, F_LM
        pop AX
        cmp $0x80000008, %eax
        jb 9f
        mov $0x80000008, %eax
        cpuid
        movzbl %al, %eax
        movl %eax, phys_bits
9:      ret

/* ---- From reset ---- */

prepare:
        call find_features
        mov $0x3fb, %edx        /* 8N1, 115200 */
        mov $0x80, %al
        outb %al, %dx
        mov $0x3f8, %edx
        mov $1, %al
        outb %al, %dx
        mov $0x3f9, %edx
        xor %eax, %eax
        outb %al, %dx
        mov $0x3fb, %edx
        mov $3, %al
        outb %al, %dx
        call make_idt
        jmp image

#if BITS == 64
        .code32
start32:
        mov $DATA, %eax
        mov %eax, %ds
        mov %eax, %es
        mov %eax, %ss
        mov $STACK, %esp
        call has_long_mode
        /* The first 16 MiB, identity-mapped by large pages; PML4 at TABLES, PDPT, PD behind it. */
        mov $TABLES, %edi
        xor %eax, %eax
        mov $(3 * 1024), %ecx
        cld
        rep stosl
        movl $(TABLES + 0x1003), TABLES
        movl $(TABLES + 0x2003), TABLES + 0x1000
        mov $0x83, %eax
        mov $(TABLES + 0x2000), %edi
1:      movl %eax, (%edi)
        add $0x200000, %eax
        add $8, %edi
        cmp $0x1000083, %eax
        jne 1b
        mov $0x20, %eax
        mov %eax, %cr4
        mov $TABLES, %eax
        mov %eax, %cr3
        mov $0xc0000080, %ecx
        mov $0x100, %eax        /* LME */
        xor %edx, %edx
        wrmsr
        mov $0x80000011, %eax
        mov %eax, %cr0
        ljmp $CODE64, $start64

/* Or nothing is to be tested: the end by isa-debug-exit is 77. */
has_long_mode:
        pushfl
        pop %eax
        mov %eax, %ecx
        xor $0x200000, %eax     /* ID */
        push %eax
        popfl
        pushfl
        pop %eax
        xor %ecx, %eax
        test $0x200000, %eax
        jz 1f
        mov $0x80000000, %eax
        cpuid
        cmp $0x80000001, %eax
        jb 1f
        mov $0x80000001, %eax
        cpuid
        bt $29, %edx
        jnc 1f
        ret
1:      mov $text_no_long_mode, %esi
        mov $0x3f8, %edx
2:      lodsb
        outb %al, %dx
        test %al, %al
        jnz 2b
        mov $77, %al
        outb %al, $0xf4
        mov $text_shutdown, %esi
        mov $0x8900, %edx
        mov $8, %ecx
        rep outsb
3:      cli
        hlt
        jmp 3b
        .pushsection .strings, "a"
text_no_long_mode: .asciz "1..0 # SKIP no long mode\n# 0 passed, 0 failed, 1 skipped\n"
        .popsection
        .code64
start64:
        mov $STACK, %esp
        mov $TSS, %eax
        movl $tss, %eax
        movw %ax, gdt + TSS + 2
        mov $TSS, %eax
        ltr %ax
        jmp prepare
#elif BITS == 32
start32:
        mov $DATA, %eax
        mov %eax, %ds
        mov %eax, %es
        mov %eax, %ss
        mov %eax, %fs
        mov %eax, %gs
        mov $STACK, %esp
        movl $tss, %eax
        movw %ax, gdt + TSS + 2
        mov $TSS, %eax
        ltr %ax
        jmp prepare
#endif

        .section .reset, "ax"
        .code16
reset16:
        cli
        cld
        mov $2, %al
        outb %al, $0x92         /* A20 */
        mov %cs, %ax
        mov %ax, %ds
        xor %ax, %ax
        mov %ax, %es
        mov $image, %si         /* F000:image.. to 0:image.. */
        mov %si, %di
        mov $0xff00, %cx
        sub %si, %cx
        rep movsb
        mov %ax, %ds
        mov %ax, %ss
        mov $STACK, %esp
#if BITS == 16
        ljmp $0, $start16
        .text
        .code16gcc
start16:
        jmp prepare
        .section .reset, "ax"
#else
        lgdtl gdt_pointer
        mov $0x11, %eax
        mov %eax, %cr0
        ljmpl $CODE, $start32
#endif
        .section .vector, "ax"
        .code16
        ljmp $0xf000, $reset16

        .section .variables, "aw"
        .balign 16
idt_pointer:
        .word 0x32 * 2 * W - 1
        .quad IDT
        .balign 16
gdt_pointer:
        .word gdt_end - gdt - 1
        .long gdt
        .long 0
gdt:    .quad 0
        .quad 0x00cf9b000000ffff /* 08 code */
        .quad 0x00cf93000000ffff /* 10 data */
        .quad 0x00cffb000000ffff /* 18 user code */
        .quad 0x00cff3000000ffff /* 20 user data */
        .quad 0x0000890000000067 /* 28 TSS */
        .quad 0
        .quad 0x00af9b000000ffff /* 38 64-bit code */
        .quad 0x00affb000000ffff /* 40 64-bit user code */
gdt_spare:
        .fill 48, 8, 0
gdt_end:
        .balign 16
tss:                            /* 32-bit: SS0 at 8; 64-bit: RSP0 at 4; both: the stack below 1000 */
        .long 0
        .long STACK - 0x200
#if BITS == 64
        .long 0
#else
        .long DATA
#endif
        .fill 22, 4, 0
        .word 0, 0x68           /* no I/O bitmap */
        .fill 8, 1, 0
#if BITS == 64
        
#endif
