/* SPDX-License-Identifier: MIT */
/*
 * What the planted guests share: from the reset vector into paging, so that a guest is a few lines from its label `start`
 * on. MODE is 64 (long mode, 4 levels), 57 (5 levels), 36 (PAE) or 32. README.md tells how to add one.
 *
 * Everything up to 4 MiB is mapped to itself in 4 KiB pages, user and writable; nothing else is mapped. CR0.WP, EFER.NXE
 * and, where there is one, CR4.PGE are set. `start` runs at CPL 0 with its stack below 0x7000; interrupts are off.
 */
#if MODE == 57
#undef MODE
#define MODE 64
#define LEVELS 5
#elif MODE == 64
#define LEVELS 4
#endif
#define GDT 0x1000
#define IDT 0x2000
#define TSS 0x3000
#define STACK 0x7000            /* grows down */
#define STACK0 0x9000           /* RSP0 of the TSS */
#define USER_STACK 0xb000
#define ROOT 0x10000            /* PML4, the PAE PDPT, or the directory; with 5 levels the PML5 */
#define PDPT 0x11000
#define PML4 0x15000            /* with 5 levels */
#define PD 0x12000
#define PT0 0x13000             /* 0 .. 2 MiB (4 MiB with MODE 32) */
#define PT1 0x14000             /* 2 .. 4 MiB; not with MODE 32 */
#define SPARE 0x20000           /* zeroed pages for more tables, to 0x30000 */
#define PAGE 0x200000           /* a page to play with, and frames to map */
#define FRAME1 0x300000
#define FRAME2 0x301000

#define SEL_CODE 0x08
#define SEL_DATA 0x10
#define SEL_UCODE 0x1b
#define SEL_UDATA 0x23
#define SEL_TSS 0x28
#define SEL_CODE32 0x38

#if MODE == 64
#define W 8
#define AX %rax
#define SP %rsp
#define IRET iretq
#else
#define W 4
#define AX %eax
#define SP %esp
#define IRET iretl
#endif

/* Where the entry of an address is, and how it is written: its low half alone. */
#if MODE == 32
#define ENTRY 4
#define PTE(la) (PT0 + ((la) >> 12) * 4)
#define PDE(la) (ROOT + ((la) >> 22) * 4)
#else
#define ENTRY 8
#define PTE(la) (PT0 + ((la) >> 12) * 8)
#define PDE(la) (PD + ((la) >> 21) * 8)
#endif
#define P 1
#define RW 2
#define US 4
#define PS 0x80
#define G 0x100

/* The guest ends; the exit status is 2n + 1. */
.macro EXIT n
        mov $\n, %al
        out %al, $0xf4
        hlt
.endm

/* `handler` takes this vector, in ring 0 (its gate lets user code in). */
.macro GATE vector, handler
        movl $\handler, %eax
        movw %ax, IDT + (\vector) * 2 * W
        shr $16, %eax
        movw %ax, IDT + (\vector) * 2 * W + 6
.endm

/* On at `label` with CPL 3, interrupts off, the stack below USER_STACK. */
.macro USER label
        pushW $SEL_UDATA
        pushW $USER_STACK
        pushW $2
        pushW $SEL_UCODE
        pushW $\label
        IRET
.endm
.macro pushW value
#if MODE == 64
        pushq \value
#else
        pushl \value
#endif
.endm

.macro RELOAD_CR3
        mov %cr3, AX
        mov AX, %cr3
.endm

        .text
        .code16
enter:
        cli
        lgdtl %cs:gdt_pointer - enter
        mov %cr0, %eax
        or $1, %eax
        mov %eax, %cr0
        ljmpl $SEL_CODE32, $enter32
        .code32
enter32:
        mov $SEL_DATA, %eax
        mov %eax, %ds
        mov %eax, %es
        mov %eax, %ss
        mov $STACK, %esp
        cld
        mov $0x800, %edi        /* all that is used below 0x40000 */
        mov $(0x40000 - 0x800) / 4, %ecx
        xor %eax, %eax
        rep stosl
        mov $gdt, %esi
        mov $GDT, %edi
        mov $gdt_end - gdt, %ecx
        rep movsb
        lgdtl gdt_pointer_ram
        movl $STACK0, TSS + 4
#if MODE != 64
        movl $SEL_DATA, TSS + 8
#endif
        /* every vector leads to `unhandled` */
        xor %ecx, %ecx
1:
#if MODE == 64
        mov %ecx, %edi
        shl $4, %edi
#else
        lea (,%ecx,8), %edi
#endif
        movl $(SEL_CODE << 16) + (unhandled - enter), IDT(%edi)
        movl $0x000fee00, IDT + 4(%edi)
        inc %ecx
        cmp $256, %ecx
        jb 1b
        lidtl idt_pointer
        /* the tables */
#if MODE == 64
#if LEVELS == 5
        movl $PML4 + P + RW + US, ROOT
        movl $PDPT + P + RW + US, PML4
        mov %cr4, %eax
        or $0x1000, %eax        /* LA57 */
        mov %eax, %cr4
#else
        movl $PDPT + P + RW + US, ROOT
#endif
        movl $PD + P + RW + US, PDPT
#elif MODE == 36
        movl $PD + P, ROOT
#endif
#if MODE == 32
        movl $PT0 + P + RW + US, ROOT
#else
        movl $PT0 + P + RW + US, PD
        movl $PT1 + P + RW + US, PD + 8
#endif
        mov $PT0, %edi
        mov $P + RW + US, %eax
        mov $1024, %ecx
1:      mov %eax, (%edi)
        add $ENTRY, %edi
        add $0x1000, %eax
        loop 1b
#if MODE != 32
        mov %cr4, %eax
        or $0x20, %eax
        mov %eax, %cr4
#endif
        mov $ROOT, %eax
        mov %eax, %cr3
        mov $0xc0000080, %ecx
        rdmsr
#if MODE == 64
        or $0x900, %eax
#elif MODE == 36
        or $0x800, %eax
#endif
        wrmsr
        mov %cr0, %eax
        or $0x80010000, %eax
        mov %eax, %cr0
#if MODE == 64
        ljmpl $SEL_CODE, $enter64
        .code64
enter64:
#else
        ljmpl $SEL_CODE, $1f
1:
#endif
        mov %cr4, AX
        or $0x80, %eax
        mov AX, %cr4
        mov $SEL_TSS, %eax
        ltr %ax
        jmp start

        .globl unhandled
unhandled:
        EXIT 32

        .align 8
gdt:
        .quad 0
#if MODE == 64
        .quad 0x00af9b000000ffff
#else
        .quad 0x00cf9b000000ffff
#endif
        .quad 0x00cf93000000ffff
#if MODE == 64
        .quad 0x00affb000000ffff
#else
        .quad 0x00cffb000000ffff
#endif
        .quad 0x00cff3000000ffff
        .quad 0x0000890030000067
        .quad 0
        .quad 0x00cf9b000000ffff
gdt_end:
gdt_pointer:
        .word gdt_end - gdt - 1
        .long gdt
gdt_pointer_ram:
        .word gdt_end - gdt - 1
        .long GDT
idt_pointer:
        .word 256 * 2 * W - 1
        .long IDT

        .section .vector, "ax"
        .code16
        ljmp $0xf000, $0     /* enter */
        .text
#if MODE == 64
        .code64
#else
        .code32
#endif
