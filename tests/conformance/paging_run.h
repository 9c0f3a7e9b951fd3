/* SPDX-License-Identifier: MIT */
/* The engine of paging.h: included once the ROM has defined SET_LEVELS and LEAF. */
        .text
        CODE_BITS

do_kr:  movl (BX), %eax
        jmp row_check
do_kw:  movl %eax, 16(BX)
        jmp row_check
do_kx:  call *BX
        jmp row_check
do_krmw:
        lock addl $0, 16(BX)
        jmp row_check
do_kprobe:
        movl $0x12345678, %eax
        cmpxchgl %edx, 16(BX)
        jmp row_check
do_user:
        mov $UDATA, %edx        /* the return would null the supervisor's */
        mov %edx, %ds
        mov %edx, %es
        push $UDATA
        push $user_stack
        push $2
#if BITS == 64
        push $UCODE64
        push user_table(, %rax, 8)
#else
        push $UCODE
        push user_table(, %eax, 4)
#endif
        IRET

/* One entry: level, its place, the table it points to, the page if it has PS. */
.macro SET_ENTRY level, at, table, large
        movl 8 * (LEVELS - \level)(SI), %eax
        movl 8 * (LEVELS - \level) + 4(SI), %edx
        .if \level > 1
        test $PS, %eax
        jz 1f
#if ENTRY == 4
        testl $PSE, CONTROL
        jz 1f
#endif
        or $\large, %eax
        jmp 2f
        .endif
1:      or $\table, %eax
2:      movl %eax, \at
#if ENTRY == 8
        movl %edx, \at + 4
#endif
.endm

set_control:                    /* CONTROL, where it differs */
        movl CONTROL, %ecx
        mov %cr0, AX
        and $~0x10000, %eax
        test $WP, %ecx
        jz 1f
        or $0x10000, %eax
1:      mov AX, %cr0
        testl $(F_PSE | F_PAE), features
        jz 3f
#if ENTRY == 8
        mov $0x20, %eax
#else
        xor %eax, %eax
#endif
        mov %ecx, %edx
        and $PSE, %edx
        shr $2, %edx            /* 4 */
        or %edx, %eax
        mov %ecx, %edx
        and $(SMEP | SMAP), %edx
        shl $19, %edx           /* 20, 21 */
        or %edx, %eax
        mov %ecx, %edx
        and $PKE, %edx
        shl $17, %edx           /* 22 */
        or %edx, %eax
        mov AX, %cr4
        test $PKE, %ecx
        jz 1f
        push CX
        mov $0x24, %eax
        xor %ecx, %ecx
        xor %edx, %edx
        wrpkru
        pop CX
1:
#if ENTRY == 8
        testl $F_NX, features
        jz 3f
        push CX
        mov $0xc0000080, %ecx
        rdmsr
        pop CX
        and $~0x800, %eax
        test $NXE, %ecx
        jz 1f
        or $0x800, %eax
1:      mov $0xc0000080, %ecx
        wrmsr
#endif
3:      ret

run_rows:
        mov $rows, SI
next_row:
        cmp $rows_end, SI
        jae rows_done
        movl features, %eax
        notl %eax
        testl %eax, NEEDED
        jz 1f
        movl NAME, %eax
        call print_skip
        jmp row_end
1:      call set_control
        SET_LEVELS
        mov %cr3, AX
        mov AX, %cr3
        mov SI, row_at
        mov SP, saved_sp
        movl $row_check, %eax
        mov AX, recover
        movl $NONE, got_vector
        movl $ANY, got_error
        mov $ANY, AX
        mov AX, got_cr2
        movl CONTROL, %ecx
        movl ACCESS, %eax
#if BITS == 64
        movabs $PAGE, BX
#else
        mov $PAGE, BX
#endif
        test $AC, %ecx
        jz 1f
        push AX
        PUSHF
        pop AX
        or $0x40000, %eax
        push AX
        POPF
        pop AX
1:      jmp *kind_table(, AX, W)

row_check:
        mov saved_sp, SP
        xor %eax, %eax
        push AX
        POPF
        mov %eax, %fs
        mov row_at, SI
        cmpl $0x30, got_vector
        jne 1f
        movl $NONE, got_vector
        movl $ANY, got_error
1:      cmpl $OK, WANTED
        je 1f
#if BITS == 64
        movabs $PAGE, AX
        movl ACCESS, %ecx
        movl row_offset(, %rcx, 4), %ecx
        add CX, AX
        push AX
        movl WANTED, %eax
        push AX
#else
        movl ACCESS, %ecx
        movl row_offset(, %ecx, 4), %eax
        add $PAGE, %eax
        push AX
        pushl WANTED
#endif
        push $14
        jmp 2f
1:      push $ANY
        push $ANY
        push $NONE
2:      movl NAME, %eax
        push AX
        call check_fault
        lea 4*W(SP), SP
        cmpl $ANYAD, FLAGS_AFTER
        je row_end
        LEAF
        and $(A | D), %eax
        cmpl $OK, WANTED
        je 1f
        and $D, %eax            /* a refused access may set A */
1:      movl %eax, is_got
        movl FLAGS_AFTER, %eax
        movl %eax, is_wanted
        movl NAME, %eax
1:      cmpb $0, (AX)
        lea 1(AX), AX
        jne 1b
        call check_value
row_end:
        lea ROW_SIZE(SI), SI
        jmp next_row
rows_done:
        ret

/* What PAGE holds: at FRAME, LARGE, and in the first GiB at PAGE's place in it. */
fill_pages:
        mov $FRAME, %edi
        call 1f
        mov $LARGE, %edi
        call 1f
        mov $0x800000, %edi
1:      movl $0xc3, (DI)
        movl $0xffff, 8(DI)     /* data, DPL 3, accessed */
        movl $0x00cff300, 12(DI)
        movl $0, 16(DI)
        ret

/* 4-KiB pages one to one from the entries at DI on, CX of them; .user for CPL 3. */
identity:
        xor %eax, %eax
1:      mov %eax, %edx
        or $(P | RW | A | D), %edx
        cmp $user_begin, %eax
        jb 2f
        cmp $user_end, %eax
        jae 2f
        or $US, %edx
2:      movl %edx, (DI)
#if ENTRY == 8
        movl $0, 4(DI)
#endif
        add $0x1000, %eax
        add $ENTRY, %edi
        dec %ecx
        jnz 1b
        ret

make_ldt:
#if LEVELS == 4
        movl $0x0000000f, gdt + SPARE
        movl $0x00008280, gdt + SPARE + 4       /* base PAGE */
        movl $0x80, gdt + SPARE + 8
#else
        movl $0x0000000f, gdt + SPARE
        movl $0x00008280, gdt + SPARE + 4
#endif
        mov $SPARE, %eax
        lldt %ax
        ret
