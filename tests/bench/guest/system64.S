/* SPDX-License-Identifier: MIT */
        .text

/* Maps the page of CR2 to itself. */
        .globl fault_handler
fault_handler:
        push %rax
        push %rcx
        mov %cr2, %rax
        mov %rax, %rcx
        shr $12, %rcx
        and $~0xFFF, %rax
        or $7, %rax
        mov %rax, page_tables(,%rcx,8)
        incl trap_count
        pop %rcx
        pop %rax
        add $8, %rsp
        iretq

/* EAX gathers, ECX counts. */
        .globl call_gate, leave_gate, user_int
call_gate:
        lea 1(%rax,%rcx), %eax
        iretq
leave_gate:
        mov kernel_stack, %rsp
        pop %r15
        pop %r14
        pop %r13
        pop %r12
        pop %rbx
        pop %rbp
        ret

user_int:
        mov $int_loop, %edx
enter_user:
        push %rbp
        push %rbx
        push %r12
        push %r13
        push %r14
        push %r15
        mov %rsp, kernel_stack
        push $0x1B
        push $user_stack_top
        push $2
        push $0x23
        push %rdx
        mov %edi, %ecx
        xor %eax, %eax
        iretq

int_loop:
        int $0x80
        dec %ecx
        jnz int_loop
        int $0x81

        .globl user_syscall, syscall_entry
user_syscall:
        mov $syscall_loop, %edx
        jmp enter_user

/* EBX counts, since SYSCALL takes RCX and R11. */
syscall_loop:
        mov %ecx, %ebx
1:      syscall
        dec %ebx
        jnz 1b
        int $0x81
syscall_entry:
        mov %rsp, %r10
        mov $trap_stack_top, %esp
        lea 1(%rax,%rbx), %eax
        mov %r10, %rsp
        sysretq

/* The store goes into the MOV right behind it. */
        .globl patch_near
patch_near:
        mov %edi, %ecx
        xor %edx, %edx
1:      mov %ecx, 2f + 1
2:      mov $0, %eax
        add %eax, %edx
        rol $1, %edx
        dec %ecx
        jnz 1b
        mov %edx, %eax
        ret

        .bss
        .globl trap_count, trap_stack_top
        .balign 16
trap_count:
        .skip 8
kernel_stack:
        .skip 8
        .balign 4096
        .skip 4096
trap_stack_top:
        .skip 4096
user_stack_top:
        .section .note.GNU-stack, "", @progbits
