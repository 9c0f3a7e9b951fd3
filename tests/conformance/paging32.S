/* SPDX-License-Identifier: MIT */
/* 32-bit paging: SDM Vol. 3A, "32-Bit Paging", "Access Rights", "Page-Fault Exceptions", "Accessed and Dirty Flags". */
#define BITS 32
#define LEVELS 2
#define ENTRY 4
#include "kit.h"
#include "paging.h"

#define U (P | RW | US)
#define K (P | RW)

/* "Access Rights": user, write and fetch, as the two entries' flags combine; supervisor writes by CR0.WP. */
ROW "user read of a user page", U, U, 0, UR, OK, A
ROW "user write of a user page", U, U, 0, UW, OK, A|D
ROW "user fetch of a user page", U, U, 0, UX, OK, A
ROW "supervisor read of a user page", U, U, 0, KR, OK, A
ROW "supervisor write of a user page", U, U, 0, KW, OK, A|D
ROW "supervisor fetch of a user page", U, U, 0, KX, OK, A
ROW "supervisor read of a supervisor page", K, K, 0, KR, OK, A
ROW "supervisor RMW sets D", K, K, 0, KRMW, OK, A|D
ROW "user read, PTE U=0", U, K, 0, UR, 5
ROW "user read, PDE U=0", K, U, 0, UR, 5
ROW "user read, both U=0", K, K, 0, UR, 5
ROW "user write, PTE U=0", U, K, 0, UW, 7
ROW "user fetch, PTE U=0: I/D stays 0 without NX and SMEP", U, K, 0, UX, 5
ROW "user write, PTE W=0", U, P|US, 0, UW, 7, 0
ROW "user write, PDE W=0", P|US, U, 0, UW, 7, 0
ROW "user write, PTE W=0, WP=1", U, P|US, WP, UW, 7, 0
ROW "user read, PTE W=0", U, P|US, 0, UR, OK, A
ROW "user read, PDE W=0, PTE U=0", P|US, K, 0, UR, 5
ROW "user write, PDE W=0, PTE U=0", P|US, K, 0, UW, 7
ROW "supervisor write, PTE W=0, WP=0", U, P|US, 0, KW, OK, A|D
ROW "supervisor write, PDE W=0, WP=0", P|US, U, 0, KW, OK, A|D
ROW "supervisor write, PTE W=0, WP=1", U, P|US, WP, KW, 3
ROW "supervisor write, PDE W=0, WP=1", P|US, U, WP, KW, 3
ROW "supervisor write, supervisor page, W=0, WP=1", K, P, WP, KW, 3
ROW "supervisor write, supervisor page, W=0, WP=0", K, P, 0, KW, OK, A|D
ROW "supervisor RMW, W=0, WP=1: W=1 in the code", U, P|US, WP, KRMW, 3
ROW "CMPXCHG that does not match is a write", U, P|US, WP, KPROBE, 3
ROW "CMPXCHG that does not match sets D", U, U, WP, KPROBE, OK, A|D
/* "Page-Fault Exceptions": P=0 at any level: bit 0 is clear, and nothing else of the entry counts. */
ROW "supervisor read, PTE not present", U, 0, 0, KR, 0
ROW "supervisor write, PTE not present", U, 0, 0, KW, 2
ROW "user read, PTE not present", U, 0, 0, UR, 4
ROW "user write, PTE not present", U, 0, 0, UW, 6
ROW "user fetch, PTE not present", U, 0, 0, UX, 4
ROW "user write, PDE not present", 0, U, 0, UW, 6
ROW "user write, PDE U=0, PTE not present: P=0 wins", K, 0, 0, UW, 6
ROW "user write, PDE W=0, PTE not present: P=0 wins", P|US, 0, 0, UW, 6
ROW "not present but for all other bits", U, 0xfe, 0, UR, 4
/* "Determination of Access Rights": system accesses at CPL 3 are supervisor accesses. */
ROW "descriptor read at CPL 3, supervisor page", K, K, 0, UI, OK, A
ROW "descriptor read at CPL 3, not present: U=0", U, 0, 0, UI, 0
/* "Accessed and Dirty Flags": a flag is set, never cleared. */
ROW "read leaves D", K, K|D, 0, KR, OK, A|D
ROW "write through A=1", K, K|A, 0, KW, OK, A|D
ROW "PWT, PCD and available bits do not count", U, U|0xe18, 0, UW, OK, A|D
/* "4-MByte Pages" with CR4.PSE; without it PS is ignored. */
ROW "PS without CR4.PSE: a table", U|PS, U, 0, UR, OK, A
ROW "4 MiB: user read", U|PS, 0, PSE, UR, OK, A, F_PSE
ROW "4 MiB: user write", U|PS, 0, PSE, UW, OK, A|D, F_PSE
ROW "4 MiB: user write, W=0", P|US|PS, 0, PSE, UW, 7, 0, F_PSE
ROW "4 MiB: user read, U=0", K|PS, 0, PSE, UR, 5, 0, F_PSE
ROW "4 MiB: supervisor write, W=0, WP=1", P|US|PS, 0, PSE|WP, KW, 3, 0, F_PSE
ROW "4 MiB: supervisor write, W=0, WP=0", P|US|PS, 0, PSE, KW, OK, A|D, F_PSE
ROW "4 MiB: not present", U&~P|PS, 0, PSE, UR, 4, ANYAD, F_PSE
ROW "4 MiB: PAT bit is no address bit", U|PS|0x1000, 0, PSE, UR, OK, A, F_PSE
ROW "4 MiB: bit 21 is reserved", U|PS|0x200000, 0, PSE, UR, 0xd, ANYAD, F_PSE
ROW "4 MiB: bit 21 is reserved, supervisor write", U|PS|0x200000, 0, PSE, KW, 0xb, ANYAD, F_PSE
ROW "4 MiB: bit 21, not present", (U&~P)|PS|0x200000, 0, PSE, UR, 4, ANYAD, F_PSE
/* "SMEP", "SMAP". */
ROW "SMEP: supervisor fetch of a user page", U, U, SMEP, KX, 0x11, ANYAD, F_SMEP
ROW "SMEP: of a page whose PDE is the supervisor's", K, U, SMEP, KX, OK, A, F_SMEP
ROW "SMEP: I/D of a user fetch", U, K, SMEP, UX, 0x15, ANYAD, F_SMEP
ROW "SMEP: I/D of a fetch, not present", U, 0, SMEP, KX, 0x10, ANYAD, F_SMEP
ROW "SMEP: user fetch", U, U, SMEP, UX, OK, A, F_SMEP
ROW "SMEP: 4 MiB", U|PS, 0, SMEP|PSE, KX, 0x11, ANYAD, F_SMEP
ROW "SMAP: supervisor read of a user page", U, U, SMAP, KR, 1, ANYAD, F_SMAP
ROW "SMAP: supervisor write of a user page", U, U, SMAP, KW, 3, ANYAD, F_SMAP
ROW "SMAP: with AC", U, U, SMAP|AC, KW, OK, A|D, F_SMAP
ROW "SMAP: with AC, W=0, WP=1", U, P|US, SMAP|AC|WP, KW, 3, ANYAD, F_SMAP
ROW "SMAP: W=0, WP=0: as if WP were 1 does not apply", U, P|US, SMAP|AC, KW, OK, A|D, F_SMAP
ROW "SMAP: fetch is not its affair", U, U, SMAP, KX, OK, A, F_SMAP
ROW "SMAP: supervisor page", K, K, SMAP, KW, OK, A|D, F_SMAP
ROW "SMAP: descriptor read at CPL 3", U, U, SMAP, UI, 1, ANYAD, F_SMAP
ROW "SMAP: user read", U, U, SMAP, UR, OK, A, F_SMAP

.macro SET_LEVELS
        SET_ENTRY 2, TABLES + 8, TABLES + 0x2000, LARGE
        SET_ENTRY 1, TABLES+0x2000, FRAME, 0
.endm
.macro LEAF
        movl TABLES + 0x2000, %eax
        testl $PS, TABLES + 8
        jz 1f
        testl $PSE, CONTROL
        jz 1f
        movl TABLES + 8, %eax
1:
.endm

#include "paging_run.h"

/* A second access decided by what the TLB holds from the first: "Recommended Invalidation" lets it be stale only as far as here. */
.macro MAP entry
        movl $(FRAME + \entry), TABLES + 0x2000
.endm

tests:
        call fill_pages
        mov $TABLES, %edi
        xor %eax, %eax
        mov $1024, %ecx
        rep stosl
        mov $(TABLES + 0x1000), %edi
        mov $1024, %ecx
        call identity
        movl $(TABLES + 0x1000 + P + RW + US), TABLES
        mov $TABLES, %eax
        mov %eax, %cr3
        mov $0x80000011, %eax
        mov %eax, %cr0
        call make_ldt
        call run_rows

        /* "Accessed and Dirty Flags": a write through a translation that a read has cached sets D. */
        mov $rows, SI
        call set_control
        movl $(TABLES + 0x2000 + P + RW + US), TABLES + 8
        MAP P+RW
        mov %cr3, %eax
        mov %eax, %cr3
        movl PAGE, %eax
        IS "a read does not set D", TABLES+0x2000, FRAME+P+RW+A
        movl $1, PAGE + 16
        IS "a write after a read sets D", TABLES+0x2000, FRAME+P+RW+A+D
        /* "Optional Invalidation": a fault is never taken from a TLB: not present to present needs none. */
        MAP 0
        invlpg PAGE
        TRY
        movl PAGE, %eax
        WANT "not present", 14, 0, PAGE
        MAP P+RW
        TRY
        movl PAGE, %eax
        WANT "not present to present needs no INVLPG"
        mov %cr0, %eax
        or $0x10000, %eax
        mov %eax, %cr0
        MAP P
        invlpg PAGE
        TRY
        movl %eax, PAGE + 16
        WANT "read-only", 14, 3, PAGE+16
        MAP P+RW
        TRY
        movl %eax, PAGE + 16
        WANT "the faulting access drops its own translation"
        /* INVLPG. */
        movl $(0x301000 + P + RW), TABLES + 0x2004
        movl $0x11111111, 0x301000
        movl $0x22222222, 0x302000
        invlpg PAGE + 0x1000
        IS "page 1", PAGE+0x1000, 0x11111111
        movl $(0x302000 + P + RW), TABLES + 0x2004
        invlpg PAGE + 0x1fff
        IS "INVLPG of any byte of a page", PAGE+0x1000, 0x22222222
        movl $(0x301000 + P + RW), TABLES + 0x2004
        mov %cr3, %eax
        mov %eax, %cr3
        IS "MOV to CR3", PAGE+0x1000, 0x11111111
        movl $0, TABLES + 0x2004
        invlpg PAGE + 0x1000
        /* "Page-Fault Exceptions": CR2 is the byte that faults, not the first of the operand. */
        TRY
        movl PAGE + 0xffe, %eax
        WANT "CR2 of a split read", 14, 0, PAGE+0x1000
        movl $0x5a5a5a5a, PAGE + 0xffc
        TRY
        movl $0, PAGE + 0xffd
        WANT "CR2 of a split write", 14, 2, PAGE+0x1000
        IS "a split write that faults writes nothing", PAGE+0xffc, 0x5a5a5a5a
        MAP 0
        invlpg PAGE
        TRY
        movl PAGE + 0xffe, %eax
        WANT "CR2 of a split read, both absent: the first", 14, 0, PAGE+0xffe
        TRY
        movl PAGE - 2, %eax
        WANT "the PDE below is absent", 14, 0, (PAGE-2)
        mov $0xabcdef, %eax
        mov %eax, %cr2
        TRY
        lgdt PAGE + 0x7ffff000
        WANT "system operands fault as others", 14, 0, 0x807ff000
        mov $0xabcdef, %eax
        mov %eax, %cr2
        TRY
        ud2
        WANT "#UD", 6
        mov %cr2, %eax
        IS "other exceptions leave CR2 alone", %eax, 0xabcdef

        /* Global pages: "Global Pages". */
        NEED "global pages", F_PGE, no_pge
        mov %cr4, %eax
        or $0x80, %eax
        mov %eax, %cr4
        movl $(0x301000 + P + RW + G), TABLES + 0x2004
        movl PAGE + 0x1000, %eax
        movl $(0x302000 + P + RW + G), TABLES + 0x2004
        mov %cr4, %eax
        and $~0x80, %eax
        mov %eax, %cr4
        IS "clearing CR4.PGE drops global translations", PAGE+0x1000, 0x22222222
        mov %cr4, %eax
        or $0x80, %eax
        mov %eax, %cr4
        movl PAGE + 0x1000, %eax
        movl $(0x301000 + P + RW + G), TABLES + 0x2004
        invlpg PAGE + 0x1000
        IS "INVLPG drops global translations", PAGE+0x1000, 0x11111111
no_pge:
        /* PSE-36: bits 20:13 of a 4-MiB page's entry are address bits 39:32. 4 GiB and more are not there: */
        NEED "PSE-36", F_PSE36|F_PSE, no_pse36
        mov %cr4, %eax
        or $0x10, %eax
        mov %eax, %cr4
        movl $0x77777777, FRAME + 0x100
        movl $(0x00002000 + P + RW + PS), TABLES + 8 /* 4 GiB: not this memory */
        mov %cr3, %eax
        mov %eax, %cr3
        xor %eax, %eax
        cmpl $0x77777777, PAGE + 0x300100
        sete %al
        IS "PSE-36: 4 GiB is not 0", %eax, 0
no_pse36:
        FINISH
#include "kit_end.h"
