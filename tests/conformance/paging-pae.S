/* SPDX-License-Identifier: MIT */
/* PAE paging: SDM Vol. 3A, "PAE Paging", "PDPTE Registers", "Access Rights", "Page-Fault Exceptions". */
#define BITS 32
#define LEVELS 2
#define ENTRY 8
#include "kit.h"
#include "paging.h"

#define U (P|RW|US)
#define K (P|RW)

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

/* NX: "XD"; without EFER.NXE bit 63 is reserved. */
ROW "XD in the PTE: user fetch", U, U|NX, NXE, UX, 0x15, ANYAD, F_NX
ROW "XD in the PTE: supervisor fetch", U, K|NX, NXE, KX, 0x11, ANYAD, F_NX
ROW "XD in the PDE", U|NX, U, NXE, UX, 0x15, ANYAD, F_NX
ROW "XD does not count for reads", U|NX, U|NX, NXE, UR, OK, A, F_NX
ROW "XD does not count for writes", U|NX, U|NX, NXE, UW, OK, A|D, F_NX
ROW "XD and U=0", U, K|NX, NXE, UX, 0x15, ANYAD, F_NX
ROW "I/D with NXE: fetch, not present", U, 0, NXE, UX, 0x14, ANYAD, F_NX
ROW "I/D with NXE: fetch, U=0", U, K, NXE, UX, 0x15, ANYAD, F_NX
ROW "I/D without NXE and SMEP", U, K, 0, UX, 5
ROW "XD without NXE is reserved: user read", U, U|NX, 0, UR, 0xd, ANYAD, F_NX
ROW "XD without NXE is reserved: supervisor write", U, K|NX, 0, KW, 0xb, ANYAD, F_NX
ROW "XD without NXE is reserved: user fetch, no I/D", U, U|NX, 0, UX, 0xd, ANYAD, F_NX
ROW "XD without NXE in the PDE", U|NX, U, 0, UR, 0xd, ANYAD, F_NX
ROW "XD without NXE, not present", U, NX, 0, UR, 4, ANYAD, F_NX
ROW "XD without NXE in the PDE, PTE not present: the PDE is met first", U|NX, 0, 0, UR, 0xd, ANYAD, F_NX
/* Reserved bits: "Reserved bits" of each paging-structure entry; P=1 in the error code. */
ROW "PTE bit 51 is reserved below MAXPHYADDR 52", U, U|(1<<51), NXE, UR, 0xd, ANYAD, F_NX
ROW "PDE bit 51 is reserved", U|(1<<51), U, NXE, UW, 0xf, ANYAD, F_NX
ROW "reserved bit, supervisor read", U, K|(1<<51), NXE, KR, 9, ANYAD, F_NX
ROW "reserved bit, supervisor write", U, K|(1<<51), NXE, KW, 0xb, ANYAD, F_NX
ROW "reserved bit, fetch with NXE", U, K|(1<<51), NXE, KX, 0x19, ANYAD, F_NX
ROW "reserved bit, not present", U, 1<<51, NXE, UR, 4, ANYAD, F_NX
ROW "reserved bit and U=0: both", U, K|(1<<51), NXE, UR, 0xd, ANYAD, F_NX
ROW "PDE reserved, PTE not present: reserved wins", U|(1<<51), 0, NXE, UR, 0xd, ANYAD, F_NX
ROW "PDE not present, PTE reserved: not present wins", 0, U|(1<<51), NXE, UR, 4, ANYAD, F_NX
ROW "descriptor read at CPL 3, reserved bit: U=0", U, K|(1<<51), NXE, UI, 9, ANYAD, F_NX
ROW "2 MiB: user read", U|PS, 0, 0, UR, OK, A
ROW "2 MiB: user write", U|PS, 0, 0, UW, OK, A|D
ROW "2 MiB: W=0", P|US|PS, 0, 0, UW, 7, 0
ROW "2 MiB: U=0", K|PS, 0, 0, UR, 5
ROW "2 MiB: XD", U|PS|NX, 0, NXE, UX, 0x15, ANYAD, F_NX
ROW "2 MiB: PAT bit", U|PS|0x1000, 0, 0, UR, OK, A
ROW "2 MiB: bit 13 is reserved", U|PS|0x2000, 0, 0, UR, 0xd
ROW "2 MiB: bit 20 is reserved", U|PS|0x100000, 0, 0, KW, 0xb
ROW "2 MiB: W=0, WP=1", P|US|PS, 0, WP, KW, 3
ROW "SMEP", U, U, SMEP, KX, 0x11, ANYAD, F_SMEP
ROW "SMEP, XD as well", U, U|NX, SMEP|NXE, KX, 0x11, ANYAD, F_SMEP|F_NX
ROW "SMEP, 2 MiB", U|PS, 0, SMEP, KX, 0x11, ANYAD, F_SMEP
ROW "SMEP, not present", U, 0, SMEP, KX, 0x10, ANYAD, F_SMEP
ROW "SMAP, read", U, U, SMAP, KR, 1, ANYAD, F_SMAP
ROW "SMAP, write with AC", U, U, SMAP|AC, KW, OK, A|D, F_SMAP
ROW "SMAP, AC does not help a descriptor read at CPL 3", U, U, SMAP, UI, 1, ANYAD, F_SMAP
ROW "SMAP, W=0, WP=1", U, P|US, SMAP|WP, KW, 3, ANYAD, F_SMAP

.macro SET_LEVELS
        SET_ENTRY 2, TABLES + 0x20, TABLES + 0x2000, LARGE
        SET_ENTRY 1, TABLES + 0x2000, FRAME, 0
.endm
.macro LEAF
        movl TABLES + 0x2000, %eax
        testl $PS, TABLES + 0x20
        jz 1f
        movl TABLES + 0x20, %eax
1:
.endm
#include "paging_run.h"

#define PDPT TABLES + 0x3000

.macro LOAD_BAD name, low, high=0
        movl $(\low), PDPT + 0x8
        movl $(\high), PDPT + 0xc
        TRY
        mov %cr3, %eax
        mov %eax, %cr3
        WANT "\name", 13, 0
.endm

tests:
        NEED "PAE", F_PAE, no_pae
        call fill_pages
        mov $TABLES, %edi
        xor %eax, %eax
        mov $0x1400, %ecx
        rep stosl
        mov $(TABLES + 0x1000), %edi
        mov $512, %ecx
        call identity
        movl $(TABLES + 0x1000 + P + RW + US), TABLES
        movl $(0x200000 + P + RW + PS), TABLES + 8
        movl $(TABLES + P), PDPT
        mov $0x20, %eax
        mov %eax, %cr4
        mov $(PDPT), %eax
        mov %eax, %cr3
        mov $0x80000011, %eax
        mov %eax, %cr0
        call make_ldt
        call run_rows
        mov $rows, SI
        call set_control

        /* "PDPTE Registers": loaded by MOV to CR3, checked then; walks use the registers, and never write memory. */
        mov %cr3, %eax
        mov %eax, %cr3
        movl $1, 0x100010
        movl PAGE, %eax
        IS "PDPTEs have no accessed flag", PDPT, TABLES+P
        movl $0, PDPT
        TRY
        invlpg 0x300000
        movl 0x300000, %eax
        WANT "walks use the registers, not memory"
        movl $(TABLES + P), PDPT
        LOAD_BAD "PDPTE bit 1 is reserved", TABLES+P+2
        LOAD_BAD "PDPTE bit 2 is reserved", TABLES+P+4
        LOAD_BAD "PDPTE bit 5 is reserved", TABLES+P+0x20
        LOAD_BAD "PDPTE bit 6 is reserved", TABLES+P+0x40
        LOAD_BAD "PDPTE bit 7 is reserved", TABLES+P+0x80
        LOAD_BAD "PDPTE bit 8 is reserved", TABLES+P+0x100
        LOAD_BAD "PDPTE bit 51 is reserved", TABLES+P, 0x80000
        LOAD_BAD "PDPTE bit 63 is reserved", TABLES+P, 0x80000000
        movl $0, PDPT + 0xc
        movl $(TABLES + P + 0xe18), PDPT + 8
        TRY
        mov %cr3, %eax
        mov %eax, %cr3
        WANT "PDPTE bits 3, 4, 9 to 11 are not reserved"
        movl $0x1e6, PDPT + 8
        TRY
        mov %cr3, %eax
        mov %eax, %cr3
        WANT "reserved bits of a PDPTE with P=0 do not count"
        movl $0, PDPT + 8
        TRY
        movl 0x40000000, %eax
        WANT "PDPTE not present: read", 14, 0, 0x40000000
        TRY
        movl %eax, 0x40000000
        WANT "PDPTE not present: write", 14, 2, 0x40000000
        movl $(TABLES + P), PDPT + 8
        TRY
        movl 0x40000000, %eax
        WANT "a PDPTE made present in memory is not seen", 14, 0, 0x40000000
        mov %cr3, %eax
        mov %eax, %cr3
        TRY
        movl 0x40010000, %eax
        WANT "until MOV to CR3"
        movl $0, PDPT + 8
        invlpg 0x40010000
        TRY
        movl 0x40010000, %eax
        WANT "INVLPG does not load PDPTEs"
        mov %cr4, %eax
        xor $0x80, %eax
        TRY
        mov %eax, %cr4
        movl 0x40010000, %eax
        WANT "MOV to CR4 that changes PGE does", 14, 0, 0x40010000
        mov %cr4, %eax
        and $~0x80, %eax
        mov %eax, %cr4
        /* A bad PDPTE leaves CR3 and the registers as they were. */
        movl $(TABLES + P + 2), PDPT + 0x1008
        movl $(TABLES + P), PDPT + 0x1000
        TRY
        mov $(PDPT + 0x1000), %eax
        mov %eax, %cr3
        WANT "MOV to CR3 with a bad PDPTE", 13, 0
        mov %cr3, %eax
        IS "leaves CR3", %eax, PDPT
        /* "4.4.1": bits 4:0 of CR3 are ignored, so the table is 32-byte aligned. */
        mov $(PDPT + 0x18), %eax
        TRY
        mov %eax, %cr3
        WANT "CR3 bits 4:3 are PWT and PCD"
        mov $(PDPT), %eax
        mov %eax, %cr3
        /* CR4.PAE may not be cleared in vain; clearing PG keeps CR3. */
no_pae: FINISH
#include "kit_end.h"
