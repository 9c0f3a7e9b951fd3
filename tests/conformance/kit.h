/* SPDX-License-Identifier: MIT */
/*
 * What the conformance ROMs share. A ROM defines BITS (16: real mode, 32: protected, 64: long), includes this file,
 * writes its checks from the label `tests` on, ends with FINISH, and includes kit_end.h.
 *
 * The ROM is the firmware: the reset vector copies it to 0..FFFF, where each symbol's value is its linear address in
 * every mode (all bases are 0), and enters the mode. Checks:
 *
 *   TRY                                  exceptions from here to the WANT are caught; registers are free
 *     instructions
 *   WANT "name", vector, error, cr2      or WANT "name" if none is wanted; error and cr2 may be left out
 *   IS "name", got, wanted               32 bits: a register or memory, and a constant
 *
 * Each prints "ok N - name" or "not ok N - name (got .. wanted ..)" on COM1; all registers survive but the stack pointer's
 * value at a TRY is the one at its WANT, and AX after an exception. After a TRY the words got_* tell of the exception, r_* are the registers at it.
 */
#if BITS == 64
#define W 8
#define AX %rax
#define BX %rbx
#define CX %rcx
#define DX %rdx
#define SI %rsi
#define DI %rdi
#define BP %rbp
#define SP %rsp
#define PUSHI push
#define IRET iretq
#define PUSHF pushfq
#define POPF popfq
#else
#define W 4
#define AX %eax
#define BX %ebx
#define CX %ecx
#define DX %edx
#define SI %esi
#define DI %edi
#define BP %ebp
#define SP %esp
#define PUSHI pushl             /* in .code16gcc, push of a symbol takes a word of it */
#define IRET iretl
#define PUSHF pushfl
#define POPF popfl
#endif

#define ANY 0x5EAF00D
#define NONE 0x100

#define STACK 0x1000            /* grows down to the real-mode vectors */
#define IDT 0x20000
#define TABLES 0x100000         /* paging structures and what else needs room */

/* Selectors. */
#define CODE 0x08
#define DATA 0x10
#define UCODE 0x1b
#define UDATA 0x23
#define TSS 0x28                /* 16 bytes in long mode */
#define CODE64 0x38
#define UCODE64 0x43
#define SPARE 0x48              /* from here on: the ROM's own */

/* CPUID features, in the word `features`. */
#define F_CPUID (1 << 0)
#define F_PSE (1 << 1)
#define F_PAE (1 << 2)
#define F_PGE (1 << 3)
#define F_PSE36 (1 << 4)
#define F_NX (1 << 5)
#define F_SMEP (1 << 6)
#define F_SMAP (1 << 7)
#define F_PKU (1 << 8)
#define F_LM (1 << 9)
#define F_PCID (1 << 10)
#define F_1G (1 << 11)
#define F_CMOV (1 << 12)
#define F_CX8 (1 << 13)
#define F_FXSR (1 << 14)
#define F_SSE2 (1 << 15)
#define F_INVPCID (1 << 16)
#define F_FPU (1 << 17)
#define F_SSE (1 << 18)
#define F_DE (1 << 19)

.macro CODE_BITS
#if BITS == 64
        .code64
#elif BITS == 32
        .code32
#else
        .code16gcc
#endif
.endm

.macro TRY
        mov SP, saved_sp
#if BITS == 64
        movq $9f, recover
        movq $ANY, got_cr2
#else
        movl $9f, recover
#endif
        movl $NONE, got_vector
        movl $ANY, got_error
.endm

.macro WANT name, vector=NONE, error=ANY, cr2=ANY
9:      .pushsection .strings, "a"
8:      .asciz "\name"
        .popsection
        PUSHI $(\cr2)
        PUSHI $(\error)
        PUSHI $(\vector)
        PUSHI $8b
        call check_fault
        lea 4*W(SP), SP
.endm

.macro IS name, got, wanted
        .pushsection .strings, "a"
8:      .asciz "\name"
        .popsection
        PUSHF
        push AX
        movl \got, %eax
        movl %eax, is_got
        movl $(\wanted), is_wanted
        mov $8b, AX
        call check_value
        pop AX
        POPF
.endm

/* The arithmetic flags at this point, for IS r_flags. */
.macro KEEP_FLAGS
        PUSHF
        push AX
        mov W(SP), AX
        and $0x8d5, %eax
        movl %eax, r_flags
        pop AX
        POPF
.endm

/* "ok N - name # SKIP" and jump, unless all these features are there. */
.macro NEED name, mask, otherwise
        .pushsection .strings, "a"
8:      .asciz "\name"
        .popsection
        movl features, %eax
        notl %eax
        testl $(\mask), %eax
        jz 7f
        mov $8b, AX
        call print_skip
        jmp \otherwise
7:
.endm

.macro FINISH
        jmp finish
.endm

        .text
        .code16gcc
        .org 0
image:                          /* at 1000 when linked and when run */
        CODE_BITS
        jmp tests

/* ---- Printing ---- */

/* AL to COM1. */
put_char:
        push AX
        push DX
        mov %al, %ah
        mov $0x3fd, %edx
1:      inb %dx, %al
        test $0x20, %al
        jz 1b
        mov $0x3f8, %edx
        mov %ah, %al
        outb %al, %dx
        pop DX
        pop AX
        ret

/* The string at AX. */
put_string:
        push AX
        push SI
        mov AX, SI
1:      movb (SI), %al
        test %al, %al
        jz 2f
        call put_char
        lea 1(SI), SI
        jmp 1b
2:      pop SI
        pop AX
        ret

put_hex:                        /* AX, without leading zeros */
        push AX
        push BX
        push CX
        mov AX, BX
        mov $(W * 8), %ecx
1:      sub $4, %ecx
        jz 2f
        mov BX, AX
        shr %cl, AX
        test $15, %al
        jz 1b
2:      mov BX, AX
        shr %cl, AX
        and $15, %eax
        movb digits(AX), %al
        call put_char
        sub $4, %ecx
        jns 2b
        pop CX
        pop BX
        pop AX
        ret

put_decimal:
        push AX
        push CX
        push DX
        xor %edx, %edx
        mov $10, %ecx
        div %ecx
        test %eax, %eax
        jz 1f
        call put_decimal
1:      mov %edx, %eax
        add $'0', %eax
        call put_char
        pop DX
        pop CX
        pop AX
        ret

/* "ok N - NAME": AX is the name. */
print_ok:
        incl checks
        incl passed
        push AX
        mov $text_ok, AX
        jmp 1f
print_not_ok:
        incl checks
        incl failed
        push AX
        mov $text_not_ok, AX
1:      call put_string
        movl checks, %eax
        call put_decimal
        mov $text_dash, AX
        call put_string
        pop AX
        jmp put_string
print_line:
        push AX
        mov $10, %al
        call put_char
        pop AX
        ret
print_skip:
        incl skipped
        decl passed
        call print_ok
        mov $text_skip, AX
        call put_string
        jmp print_line

/* ---- Checks ---- */

.macro SAVE_ALL
        PUSHF
        cld
        push AX
        push BX
        push CX
        push DX
        push SI
        push DI
        push BP
.endm
.macro RESTORE_ALL
        pop BP
        pop DI
        pop SI
        pop DX
        pop CX
        pop BX
        pop AX
        POPF
.endm

/* On the stack above the return address: name, vector, error, CR2. */
check_fault:
        SAVE_ALL
        mov SP, BP
        lea 9*W(BP), BP
#if BITS == 64
        movq $0, recover
#else
        movl $0, recover
#endif
        movl W(BP), %eax
        cmpl %eax, got_vector
        jne 2f
        cmpl $ANY, 2*W(BP)
        je 1f
        movl 2*W(BP), %eax
        cmpl %eax, got_error
        jne 2f
1:      cmpl $ANY, 3*W(BP)
        je 1f
        mov 3*W(BP), AX
        cmp AX, got_cr2
        jne 2f
1:      mov (BP), AX
        call print_ok
        jmp 3f
2:      mov (BP), AX
        call print_not_ok
        mov $text_got, AX
        call put_string
        movl got_vector, %eax
        mov got_cr2, BX
        movl got_error, %ecx
        call put_fault
        mov $text_wanted, AX
        call put_string
        mov W(BP), AX
        mov 3*W(BP), BX
        mov 2*W(BP), CX
        call put_fault
        cmpl $NONE, got_vector
        je 1f
        mov $text_at, AX
        call put_string
        mov got_ip, AX
        call put_hex
1:      mov $')', %al
        call put_char
3:      call print_line
        RESTORE_ALL
        ret

/* Vector AX, CR2 BX, error CX. */
put_fault:
        cmp $NONE, %eax
        je 3f
        call put_hex
        cmp $ANY, %ecx
        je 1f
        mov $text_error, AX
        call put_string
        movl %ecx, %eax
        call put_hex
1:      cmp $ANY, BX
        je 2f
        mov $text_cr2, AX
        call put_string
        mov BX, AX
        call put_hex
2:      ret
3:      mov $text_none, AX
        jmp put_string

check_value:
        SAVE_ALL
        movl is_got, %ebx
        cmpl %ebx, is_wanted
        jne 1f
        call print_ok
        jmp 2f
1:      call print_not_ok
        mov $text_got, AX
        call put_string
        movl is_got, %eax
        call put_hex
        mov $text_wanted, AX
        call put_string
        movl is_wanted, %eax
        call put_hex
        mov $')', %al
        call put_char
2:      call print_line
        RESTORE_ALL
        ret

/* ---- The end ---- */

finish:
        mov $text_plan, AX
        call put_string
        movl checks, %eax
        call put_decimal
        mov $text_sum, AX
        call put_string
        movl passed, %eax
        call put_decimal
        mov $text_passed, AX
        call put_string
        movl failed, %eax
        call put_decimal
        mov $text_failed, AX
        call put_string
        movl skipped, %eax
        call put_decimal
        mov $text_skipped, AX
        call put_string
1:      mov $0x3fd, %edx        /* what was sent must be out */
        inb %dx, %al
        test $0x40, %al
        jz 1b
        xor %eax, %eax
        cmpl $0, failed
        setne %al
        outb %al, $0xf4         /* isa-debug-exit */
        mov $text_shutdown, SI
        mov $0x8900, %edx
        mov $8, %ecx
1:      movb (SI), %al
        outb %al, %dx
        lea 1(SI), SI
        dec %ecx
        jnz 1b
1:      cli
        hlt
        jmp 1b

/* An exception that no TRY waits for. */
unexpected:
        mov $text_unexpected, AX
        call put_string
        movl got_vector, %eax
        mov got_cr2, BX
        movl got_error, %ecx
        call put_fault
        mov $text_at, AX
        call put_string
        mov got_ip, AX
        call put_hex
        call print_line
        incl failed
        incl checks
        jmp finish

        .section .strings, "a"
digits: .ascii "0123456789abcdef"
text_ok: .asciz "ok "
text_not_ok: .asciz "not ok "
text_dash: .asciz " - "
text_skip: .asciz " # SKIP"
text_got: .asciz " (got "
text_wanted: .asciz ", wanted "
text_error: .asciz " error "
text_cr2: .asciz " cr2 "
text_none: .asciz "none"
text_plan: .asciz "1.."
text_sum: .asciz "\n# "
text_passed: .asciz " passed, "
text_failed: .asciz " failed, "
text_skipped: .asciz " skipped\n"
text_shutdown: .ascii "Shutdown"
text_unexpected: .asciz "not ok - an exception nobody waits for: "
text_at: .asciz ", at "

        .section .variables, "aw"
        .balign 16
recover: .quad 0
saved_sp: .quad 0
hook:   .quad 0                 /* called at an exception before all else; if it returns, the instruction is retried */
got_ip: .quad 0
got_sp: .quad 0                 /* the address of the frame: of the error code, if there is one */
got_cr2: .quad ANY
got_flags: .quad 0
got_cs: .quad 0
got_old_sp: .quad 0             /* of the frame, if there was a change of privilege (always in long mode) */
got_old_ss: .quad 0
r_flags: .long 0
got_vector: .long NONE
got_error: .long ANY
is_got: .long 0
is_wanted: .long 0
features: .long 0
phys_bits: .long 32
checks: .long 0
passed: .long 0
failed: .long 0
skipped: .long 0
/* Registers at the exception. */
r_ax:   .quad 0
r_bx:   .quad 0
r_cx:   .quad 0
r_dx:   .quad 0
r_si:   .quad 0
r_di:   .quad 0
r_bp:   .quad 0

        .text
        CODE_BITS
