/* SPDX-License-Identifier: MIT */
/*
 * The engine of the three paging ROMs. A row makes the translation of PAGE by its entries, makes one access and
 * compares the fault, the error code and CR2, and the leaf's accessed and dirty flags. All else is mapped one to one
 * for the supervisor, .user for CPL 3.
 *
 *   ROW "name", entries.., control, access, error or OK, leaf's A and D after, needed features
 *
 * The ROM defines LEVELS and ENTRY, the size of one; entries are given from the top, without addresses.
 */
#if LEVELS == 4
#define PAGE 0x8000800000       /* what is tested: of another PML4 entry than all else */
#else
#define PAGE 0x800000           /* what is tested */
#endif
#define FRAME 0x300000          /* what it maps to when small; large pages map LARGE */
#define LARGE 0x400000

#define P 1
#define RW 2
#define US 4
#define PWT 8
#define A 0x20
#define D 0x40
#define PS 0x80
#define G 0x100
#define NX (1 << 63)

#define OK 0xFFFF

/* Control bits. */
#define WP 1                    /* CR0.WP */
#define SMEP 2
#define SMAP 4
#define AC 8                    /* EFLAGS.AC while a supervisor accesses */
#define NXE 16
#define PKE 32                  /* CR4.PKE, PKRU: AD1 = 1, WD2 = 1 */
#define PSE 64                  /* CR4.PSE */

/* Accesses. */
#define KR 0
#define KW 1
#define KX 2
#define UR 3
#define UW 4
#define UX 5
#define UI 6                    /* a descriptor read at CPL 3: the LDT lies in PAGE */
#define KRMW 7
#define KPROBE 8                /* CMPXCHG that does not match: a write nevertheless */

#define ANYAD 0xFF

        .section .variables, "aw"
kind_table:
#if BITS == 64
        .quad do_kr, do_kw, do_kx, do_user, do_user, do_user, do_user, do_krmw, do_kprobe
user_table:
        .quad 0, 0, 0, user_read, user_write, user_execute, user_implicit
#else
        .long do_kr, do_kw, do_kx, do_user, do_user, do_user, do_user, do_krmw, do_kprobe
user_table:
        .long 0, 0, 0, user_read, user_write, user_execute, user_implicit
#endif


        .section .user, "ax"
        CODE_BITS
user_read:
        movl (BX), %eax
        int $0x30
user_write:
        movl %eax, 16(BX)
        int $0x30
user_execute:
        call *BX
        int $0x30
user_implicit:
        mov $0x0f, %eax         /* LDT, entry 1, RPL 3 */
        mov %eax, %fs
        int $0x30
        .fill 256, 1, 0
user_stack:

        .section .rows, "a"
rows:
        .text
        CODE_BITS

#if LEVELS == 4
.macro ROW name, e4, e3, e2, e1, control, access, want, ad=ANYAD, need=0
        .pushsection .rows, "a"
        .quad \e4, \e3, \e2, \e1
        ROW_REST "\name", (\control), \access, \want, \ad, (\need)
.endm
#else
.macro ROW name, e2, e1, control, access, want, ad=ANYAD, need=0
        .pushsection .rows, "a"
        .quad \e2, \e1
        ROW_REST "\name", (\control), \access, \want, \ad, (\need)
.endm
#endif
.macro ROW_REST name, control, access, want, ad, need
        .long \control, \access, \want, \ad, \need, 8f
        .popsection
        .pushsection .strings, "a"
8:      .asciz "\name"
        .asciz "\name: A and D"
        .popsection
.endm
#define ROW_SIZE (8 * LEVELS + 24)
#define CONTROL 8 * LEVELS(SI)
#define ACCESS 8 * LEVELS + 4(SI)
#define WANTED 8 * LEVELS + 8(SI)
#define FLAGS_AFTER 8 * LEVELS + 12(SI)
#define NEEDED 8 * LEVELS + 16(SI)
#define NAME 8 * LEVELS + 20(SI)

/* The ROM defines SET_LEVELS: a SET_ENTRY for each level; and LEAF: the leaf's low half in EAX, whatever its level. */

        .section .variables, "aw"
row_at: .quad 0
row_offset: .long 0, 16, 0, 0, 16, 0, 8, 16, 16  /* of the byte accessed, by access */
