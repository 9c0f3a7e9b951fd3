/* SPDX-License-Identifier: MIT */
        .text

/* Maps the page of CR2 to itself. */
        .globl fault_handler
fault_handler:
        push %eax
        push %ecx
        mov %cr2, %eax
        mov %eax, %ecx
        shr $12, %ecx
        and $0xFFFFF000, %eax
        or $7, %eax
        mov %eax, page_tables(,%ecx,4)
        incl trap_count
        pop %ecx
        pop %eax
        add $4, %esp
        iret

/* EAX gathers, ECX counts. */
        .globl call_gate, leave_gate, user_int
call_gate:
        lea 1(%eax,%ecx), %eax
        iret
leave_gate:
        mov kernel_stack, %esp
        mov $0x10, %ecx
        mov %ecx, %ds
        mov %ecx, %es
        pop %edi
        pop %esi
        pop %ebx
        pop %ebp
        ret

user_int:
        mov 4(%esp), %ecx
        mov $int_loop, %edx
enter_user:
        push %ebp
        push %ebx
        push %esi
        push %edi
        mov %esp, kernel_stack
        mov $0x23, %eax
        mov %eax, %ds
        mov %eax, %es
        push $0x23
        push $user_stack_top
        push $2
        push $0x1B
        push %edx
        xor %eax, %eax
        iret

int_loop:
        int $0x80
        dec %ecx
        jnz int_loop
        int $0x81

        .globl user_syscall, syscall_entry
user_syscall:
        mov 4(%esp), %ecx
        mov $syscall_loop, %edx
        jmp enter_user

/* EBX counts, since SYSEXIT takes ECX and EDX. */
syscall_loop:
        mov %ecx, %ebx
1:      mov %esp, %ecx
        mov $2f, %edx
        sysenter
2:      dec %ebx
        jnz 1b
        int $0x81
syscall_entry:
        lea 1(%eax,%ebx), %eax
        sysexit

/* The store goes into the MOV right behind it. */
        .globl patch_near
patch_near:
        mov 4(%esp), %ecx
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
        .skip 4
kernel_stack:
        .skip 4
        .balign 4096
        .skip 4096
trap_stack_top:
        .skip 4096
user_stack_top:
        .section .note.GNU-stack, "", @progbits
