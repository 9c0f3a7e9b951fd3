/* SPDX-License-Identifier: MIT */
/*
 * The one door between user and kernel mode.
 *
 * A kernel is usually drawn as something that processes call. Here it is a loop that calls processes: enter_user()
 * gives the processor away and returns when the process traps. TSS.RSP0 points at the end of the process's own
 * struct registers, so the processor itself files SS, RSP, RFLAGS, CS, RIP and the error code where they belong.
 */
#define CS_OFFSET 144   /* of struct registers */

        .macro push_registers
        .irp r, rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r10, r11, r12, r13, r14, r15
        push %\r
        .endr
        .endm

        .macro pop_registers
        .irp r, r15, r14, r13, r12, r11, r10, r9, r8, rbp, rdi, rsi, rdx, rcx, rbx, rax
        pop %\r
        .endr
        .endm

        .text
        .globl enter_user
enter_user:
        .irp r, rbx, rbp, r12, r13, r14, r15
        push %\r
        .endr
        mov %rsp, kernel_rsp(%rip)
        mov %rdi, %rsp
        pop_registers
        add $16, %rsp           /* vector and error code */
        iretq

/* SDM, "Error Code": some exceptions push one; for the others a 0 keeps the frame the same. */
        .macro trap vector
        .balign 16
        .if \vector != 8 && (\vector < 10 || \vector > 14) && \vector != 17 && \vector != 21
        push $0
        .endif
        push $\vector
        jmp trapped
        .endm

        .balign 16
        .globl trap_stubs
trap_stubs:
        .set n, 0
        .rept 32
        trap n
        .set n, n + 1
        .endr
        .globl trap_system_call
        .balign 16
trap_system_call:
        push $0
        push $0x80
        /* fall through */

trapped:
        push_registers
        cld
        testb $3, CS_OFFSET(%rsp)
        jz from_kernel

        /* From a process: everything is in its structure by now. Back to whoever called enter_user(). */
        mov kernel_rsp(%rip), %rsp
        .irp r, r15, r14, r13, r12, rbp, rbx
        pop %\r
        .endr
        ret

/* From the kernel itself, which does that in one place only: copy_from_user. */
from_kernel:
        mov %rsp, %rdi
        call kernel_trap
        pop_registers
        add $16, %rsp
        iretq

/* bool copy_from_user(void *to, u64 from, u64 size) */
        .globl copy_from_user, copy_from_user_touch, copy_from_user_failed
copy_from_user:
        mov %rdx, %rcx
copy_from_user_touch:
        rep movsb
        mov $1, %eax
        ret
copy_from_user_failed:          /* kernel_trap() resumes here if the address is bad */
        xor %eax, %eax
        ret

        .globl read_cr2
read_cr2:
        mov %cr2, %rax
        ret

        .bss
        .balign 8
kernel_rsp:
        .skip 8
        .section .note.GNU-stack, "", @progbits
