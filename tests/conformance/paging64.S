/* SPDX-License-Identifier: MIT */
/* 4-level paging: SDM Vol. 3A, "4-Level Paging and 5-Level Paging", "Access Rights", "Protection Keys", "PCIDs"; "Canonical Addressing". */
#define BITS 64
#define LEVELS 4
#define ENTRY 8
#include "kit.h"
#include "paging.h"

#define U (P|RW|US)
#define K (P|RW)

/* "Access Rights": user, write and fetch, as the two entries' flags combine; supervisor writes by CR0.WP. */
ROW "user read of a user page", U, U, U, U, 0, UR, OK, A
ROW "user write of a user page", U, U, U, U, 0, UW, OK, A|D
ROW "user fetch of a user page", U, U, U, U, 0, UX, OK, A
ROW "supervisor read of a user page", U, U, U, U, 0, KR, OK, A
ROW "supervisor write of a user page", U, U, U, U, 0, KW, OK, A|D
ROW "supervisor fetch of a user page", U, U, U, U, 0, KX, OK, A
ROW "supervisor read of a supervisor page", U, U, K, K, 0, KR, OK, A
ROW "supervisor RMW sets D", U, U, K, K, 0, KRMW, OK, A|D
ROW "user read, PTE U=0", U, U, U, K, 0, UR, 5
ROW "user read, PDE U=0", U, U, K, U, 0, UR, 5
ROW "user read, both U=0", U, U, K, K, 0, UR, 5
ROW "user write, PTE U=0", U, U, U, K, 0, UW, 7
ROW "user fetch, PTE U=0: I/D stays 0 without NX and SMEP", U, U, U, K, 0, UX, 5
ROW "user write, PTE W=0", U, U, U, P|US, 0, UW, 7, 0
ROW "user write, PDE W=0", U, U, P|US, U, 0, UW, 7, 0
ROW "user write, PTE W=0, WP=1", U, U, U, P|US, WP, UW, 7, 0
ROW "user read, PTE W=0", U, U, U, P|US, 0, UR, OK, A
ROW "user read, PDE W=0, PTE U=0", U, U, P|US, K, 0, UR, 5
ROW "user write, PDE W=0, PTE U=0", U, U, P|US, K, 0, UW, 7
ROW "supervisor write, PTE W=0, WP=0", U, U, U, P|US, 0, KW, OK, A|D
ROW "supervisor write, PDE W=0, WP=0", U, U, P|US, U, 0, KW, OK, A|D
ROW "supervisor write, PTE W=0, WP=1", U, U, U, P|US, WP, KW, 3
ROW "supervisor write, PDE W=0, WP=1", U, U, P|US, U, WP, KW, 3
ROW "supervisor write, supervisor page, W=0, WP=1", U, U, K, P, WP, KW, 3
ROW "supervisor write, supervisor page, W=0, WP=0", U, U, K, P, 0, KW, OK, A|D
ROW "supervisor RMW, W=0, WP=1: W=1 in the code", U, U, U, P|US, WP, KRMW, 3
ROW "CMPXCHG that does not match is a write", U, U, U, P|US, WP, KPROBE, 3
ROW "CMPXCHG that does not match sets D", U, U, U, U, WP, KPROBE, OK, A|D
/* "Page-Fault Exceptions": P=0 at any level: bit 0 is clear, and nothing else of the entry counts. */
ROW "supervisor read, PTE not present", U, U, U, 0, 0, KR, 0
ROW "supervisor write, PTE not present", U, U, U, 0, 0, KW, 2
ROW "user read, PTE not present", U, U, U, 0, 0, UR, 4
ROW "user write, PTE not present", U, U, U, 0, 0, UW, 6
ROW "user fetch, PTE not present", U, U, U, 0, 0, UX, 4
ROW "user write, PDE not present", U, U, 0, U, 0, UW, 6
ROW "user write, PDE U=0, PTE not present: P=0 wins", U, U, K, 0, 0, UW, 6
ROW "user write, PDE W=0, PTE not present: P=0 wins", U, U, P|US, 0, 0, UW, 6
ROW "not present but for all other bits", U, U, U, 0xfe, 0, UR, 4
/* "Determination of Access Rights": system accesses at CPL 3 are supervisor accesses. */
ROW "descriptor read at CPL 3, supervisor page", U, U, K, K, 0, UI, OK, A
ROW "descriptor read at CPL 3, not present: U=0", U, U, U, 0, 0, UI, 0
/* "Accessed and Dirty Flags": a flag is set, never cleared. */
ROW "read leaves D", U, U, K, K|D, 0, KR, OK, A|D
ROW "write through A=1", U, U, K, K|A, 0, KW, OK, A|D
ROW "PWT, PCD and available bits do not count", U, U, U, U|0xe18, 0, UW, OK, A|D

/* NX: "XD"; without EFER.NXE bit 63 is reserved. */
ROW "XD in the PTE: user fetch", U, U, U, U|NX, NXE, UX, 0x15, ANYAD, F_NX
ROW "XD in the PTE: supervisor fetch", U, U, U, K|NX, NXE, KX, 0x11, ANYAD, F_NX
ROW "XD in the PDE", U, U, U|NX, U, NXE, UX, 0x15, ANYAD, F_NX
ROW "XD does not count for reads", U, U, U|NX, U|NX, NXE, UR, OK, A, F_NX
ROW "XD does not count for writes", U, U, U|NX, U|NX, NXE, UW, OK, A|D, F_NX
ROW "XD and U=0", U, U, U, K|NX, NXE, UX, 0x15, ANYAD, F_NX
ROW "I/D with NXE: fetch, not present", U, U, U, 0, NXE, UX, 0x14, ANYAD, F_NX
ROW "I/D with NXE: fetch, U=0", U, U, U, K, NXE, UX, 0x15, ANYAD, F_NX
ROW "I/D without NXE and SMEP", U, U, U, K, 0, UX, 5
ROW "XD without NXE is reserved: user read", U, U, U, U|NX, 0, UR, 0xd, ANYAD, F_NX
ROW "XD without NXE is reserved: supervisor write", U, U, U, K|NX, 0, KW, 0xb, ANYAD, F_NX
ROW "XD without NXE is reserved: user fetch, no I/D", U, U, U, U|NX, 0, UX, 0xd, ANYAD, F_NX
ROW "XD without NXE in the PDE", U, U, U|NX, U, 0, UR, 0xd, ANYAD, F_NX
ROW "XD without NXE, not present", U, U, U, NX, 0, UR, 4, ANYAD, F_NX
ROW "XD without NXE in the PDE, PTE not present: the PDE is met first", U, U, U|NX, 0, 0, UR, 0xd, ANYAD, F_NX
/* Reserved bits: "Reserved bits" of each paging-structure entry; P=1 in the error code. */
ROW "PTE bit 51 is reserved below MAXPHYADDR 52", U, U, U, U|(1<<51), NXE, UR, 0xd, ANYAD, F_NX
ROW "PDE bit 51 is reserved", U, U, U|(1<<51), U, NXE, UW, 0xf, ANYAD, F_NX
ROW "reserved bit, supervisor read", U, U, U, K|(1<<51), NXE, KR, 9, ANYAD, F_NX
ROW "reserved bit, supervisor write", U, U, U, K|(1<<51), NXE, KW, 0xb, ANYAD, F_NX
ROW "reserved bit, fetch with NXE", U, U, U, K|(1<<51), NXE, KX, 0x19, ANYAD, F_NX
ROW "reserved bit, not present", U, U, U, 1<<51, NXE, UR, 4, ANYAD, F_NX
ROW "reserved bit and U=0: both", U, U, U, K|(1<<51), NXE, UR, 0xd, ANYAD, F_NX
ROW "PDE reserved, PTE not present: reserved wins", U, U, U|(1<<51), 0, NXE, UR, 0xd, ANYAD, F_NX
ROW "PDE not present, PTE reserved: not present wins", U, U, 0, U|(1<<51), NXE, UR, 4, ANYAD, F_NX
ROW "descriptor read at CPL 3, reserved bit: U=0", U, U, U, K|(1<<51), NXE, UI, 9, ANYAD, F_NX
ROW "2 MiB: user read", U, U, U|PS, 0, 0, UR, OK, A
ROW "2 MiB: user write", U, U, U|PS, 0, 0, UW, OK, A|D
ROW "2 MiB: W=0", U, U, P|US|PS, 0, 0, UW, 7, 0
ROW "2 MiB: U=0", U, U, K|PS, 0, 0, UR, 5
ROW "2 MiB: XD", U, U, U|PS|NX, 0, NXE, UX, 0x15, ANYAD, F_NX
ROW "2 MiB: PAT bit", U, U, U|PS|0x1000, 0, 0, UR, OK, A
ROW "2 MiB: bit 13 is reserved", U, U, U|PS|0x2000, 0, 0, UR, 0xd
ROW "2 MiB: bit 20 is reserved", U, U, U|PS|0x100000, 0, 0, KW, 0xb
ROW "2 MiB: W=0, WP=1", U, U, P|US|PS, 0, WP, KW, 3
ROW "SMEP", U, U, U, U, SMEP, KX, 0x11, ANYAD, F_SMEP
ROW "SMEP, XD as well", U, U, U, U|NX, SMEP|NXE, KX, 0x11, ANYAD, F_SMEP|F_NX
ROW "SMEP, 2 MiB", U, U, U|PS, 0, SMEP, KX, 0x11, ANYAD, F_SMEP
ROW "SMEP, not present", U, U, U, 0, SMEP, KX, 0x10, ANYAD, F_SMEP
ROW "SMAP, read", U, U, U, U, SMAP, KR, 1, ANYAD, F_SMAP
ROW "SMAP, write with AC", U, U, U, U, SMAP|AC, KW, OK, A|D, F_SMAP
ROW "SMAP, AC does not help a descriptor read at CPL 3", U, U, U, U, SMAP, UI, 1, ANYAD, F_SMAP
ROW "SMAP, W=0, WP=1", U, U, U, P|US, SMAP|WP, KW, 3, ANYAD, F_SMAP

ROW "PML4E W=0", P|US, U, U, U, 0, UW, 7
ROW "PML4E U=0", K, U, U, U, 0, UR, 5
ROW "PML4E XD", U|NX, U, U, U, NXE, UX, 0x15, ANYAD, F_NX
ROW "PML4E not present", 0, U, U, U, 0, UW, 6
ROW "PML4E PS is reserved", U|PS, U, U, U, 0, UR, 0xd
ROW "PML4E bit 51", U|(1<<51), U, U, U, 0, UR, 0xd
ROW "PML4E XD without NXE", U|NX, U, U, U, 0, KR, 9, ANYAD, F_NX
ROW "PML4E bit 6 is ignored", U|D, U, U, U, 0, UR, OK, A
ROW "PDPTE W=0", U, P|US, U, U, 0, UW, 7
ROW "PDPTE U=0", U, K, U, U, 0, UR, 5
ROW "PDPTE XD", U, U|NX, U, U, NXE, KX, 0x11, ANYAD, F_NX
ROW "PDPTE not present", U, 0, U, U, 0, KR, 0
ROW "PDPTE bit 51", U, U|(1<<51), U, U, 0, KW, 0xb
ROW "PDPTE XD without NXE", U, U|NX, U, U, 0, UR, 0xd, ANYAD, F_NX
ROW "supervisor write, W=0 at the top, WP=1", P|US, U, U, U, WP, KW, 3
ROW "supervisor write, W=0 at the top, WP=0", P|US, U, U, U, 0, KW, OK, A|D
ROW "SMEP, U=0 at the top", K, U, U, U, SMEP, KX, OK, A, F_SMEP
ROW "SMAP, U=0 at the top", K, U, U, U, SMAP, KW, OK, A|D, F_SMAP
ROW "bits 62:52 are ignored", U|(1<<52), U|(1<<53), U|(1<<54), U|(0x70<<52), 0, UW, OK, A|D
ROW "1 GiB: user read", U, U|PS, 0, 0, 0, UR, OK, A, F_1G
ROW "1 GiB: user write", U, U|PS, 0, 0, 0, UW, OK, A|D, F_1G
ROW "1 GiB: W=0", U, P|US|PS, 0, 0, 0, UW, 7, 0, F_1G
ROW "1 GiB: U=0", U, K|PS, 0, 0, 0, UR, 5, ANYAD, F_1G
ROW "1 GiB: bit 13 is reserved", U, U|PS|0x2000, 0, 0, 0, UR, 0xd, ANYAD, F_1G
ROW "1 GiB: bit 29 is reserved", U, U|PS|0x20000000, 0, 0, 0, UR, 0xd, ANYAD, F_1G
ROW "1 GiB: PAT bit", U, U|PS|0x1000, 0, 0, 0, UR, OK, A, F_1G
#define KEY(n) ((n)<<59)
ROW "PKU: key 0", U, U, U, U, PKE, UW, OK, A|D, F_PKU
ROW "PKU: AD, user read", U, U, U, U|KEY(1), PKE, UR, 0x25, ANYAD, F_PKU
ROW "PKU: AD, user write", U, U, U, U|KEY(1), PKE, UW, 0x27, ANYAD, F_PKU
ROW "PKU: AD does not count for fetches", U, U, U, U|KEY(1), PKE, UX, OK, A, F_PKU
ROW "PKU: WD, user read", U, U, U, U|KEY(2), PKE, UR, OK, A, F_PKU
ROW "PKU: WD, user write", U, U, U, U|KEY(2), PKE, UW, 0x27, 0, F_PKU
ROW "PKU: AD, supervisor read of a user page", U, U, U, U|KEY(1), PKE, KR, 0x21, ANYAD, F_PKU
ROW "PKU: WD, supervisor write, WP=0", U, U, U, U|KEY(2), PKE, KW, OK, A|D, F_PKU
ROW "PKU: WD, supervisor write, WP=1", U, U, U, U|KEY(2), PKE|WP, KW, 0x23, ANYAD, F_PKU
ROW "PKU: supervisor page", U, U, U, K|KEY(1), PKE, KR, OK, A, F_PKU
ROW "PKU: U=0 at the top makes it a supervisor page", K, U, U, U|KEY(1), PKE, KR, OK, A, F_PKU
ROW "PKU: PK is set also where W=0", U, U, U, P|US|KEY(2), PKE, UW, 0x27, ANYAD, F_PKU
ROW "PKU: not present", U, U, U, (U&~P)|KEY(1), PKE, UR, 4, ANYAD, F_PKU
ROW "PKU: without CR4.PKE keys are ignored", U, U, U, U|KEY(1), 0, UW, OK, A|D, F_PKU
ROW "PKU: 2 MiB", U, U, U|PS|KEY(1), 0, PKE, UR, 0x25, ANYAD, F_PKU
ROW "PKU: descriptor read at CPL 3", U, U, U, U|KEY(1), PKE, UI, 0x21, ANYAD, F_PKU

.macro SET_LEVELS
        SET_ENTRY 4, TABLES + 8, TABLES + 0x4000, 0
        SET_ENTRY 3, TABLES + 0x4000, TABLES + 0x5000, 0
        SET_ENTRY 2, TABLES + 0x5020, TABLES + 0x6000, LARGE
        SET_ENTRY 1, TABLES + 0x6000, FRAME, 0
.endm
.macro LEAF
        movl TABLES + 0x4000, %eax
        test $PS, %al
        jnz 1f
        movl TABLES + 0x5020, %eax
        test $PS, %al
        jnz 1f
        movl TABLES + 0x6000, %eax
1:
.endm
#include "paging_run.h"

#define LAST $0x7ffffffffffd
#define HOLE $0x800000000000

.macro UNCANONICAL name, vector, code:vararg
        TRY
        \code
        WANT "\name", \vector, 0
.endm

tests:
        call fill_pages
        /* The first 2 MiB by 4-KiB pages, so that .user is the user's alone. */
        mov $(TABLES + 0x3000), %edi
        xor %eax, %eax
        mov $0x1000, %ecx
        rep stosl
        mov $(TABLES + 0x3000), %edi
        mov $512, %ecx
        call identity
        movl $(TABLES + 0x1007), TABLES
        movl $(TABLES + 0x2007), TABLES + 0x1000
        movl $(TABLES + 0x3007), TABLES + 0x2000
        mov %cr3, %rax
        mov %rax, %cr3
        call make_ldt
        call run_rows
        mov $rows, SI
        call set_control

        /* "Canonical Addressing": #GP, and #SS through the stack; never #PF, and CR2 stays. */
        mov $0x123456, %eax
        mov %rax, %cr2
        mov HOLE, %rbx
        UNCANONICAL "read", 13, mov (%rbx), %rax
        UNCANONICAL "write", 13, mov %rax, (%rbx)
        UNCANONICAL "RMW", 13, lock incl (%rbx)
        mov LAST, %rbx
        UNCANONICAL "read across the end", 13, mov (%rbx), %rax
        UNCANONICAL "write across the end", 13, mov %rax, (%rbx)
        mov HOLE, %rbp
        UNCANONICAL "read through RBP: #SS", 12, mov (%rbp), %rax
        UNCANONICAL "write through RBP: #SS", 12, mov %rax, (%rbp)
        UNCANONICAL "DS prefix is ignored: #SS", 12, mov %ds:(%rbp), %rax
        mov LAST + 3, %rbp
        UNCANONICAL "first byte behind the end", 12, movb (%rbp), %al
        mov $0xffff7fffffffffff, %rbx
        UNCANONICAL "last byte of the hole", 13, movb (%rbx), %al
        mov HOLE, %rdi
        UNCANONICAL "STOSB", 13, stosb
        mov HOLE, %rsi
        UNCANONICAL "LODSB", 13, lodsb
        mov HOLE, %rbx
        UNCANONICAL "JMP", 13, jmp *%rbx
        UNCANONICAL "CALL", 13, call *%rbx
        UNCANONICAL "LGDT of a non-canonical operand", 13, lgdt (%rbx)
        TRY
        invlpg (%rbx)
        WANT "INVLPG does not fault"
        movq $0xc00, tss + 0x24         /* a stack of its own for #SS: IST1 */
        movb $1, IDT + 12 * 16 + 4
        movb $1, IDT + 13 * 16 + 4
        movb $1, IDT + 14 * 16 + 4
        TRY
        mov HOLE + 0x100, %rsp
        push %rax
        WANT "PUSH: #SS", 12, 0
        TRY
        mov HOLE + 0x100, %rsp
        pop %rax
        WANT "POP: #SS", 12, 0
        TRY
        mov HOLE + 0x100, %rsp
        call fill_pages
        WANT "CALL, stack: #SS", 12, 0
        movb $0, IDT + 12 * 16 + 4
        movb $0, IDT + 13 * 16 + 4
        movb $0, IDT + 14 * 16 + 4
        mov %cr2, %rax
        IS "CR2 is as it was", %eax, 0x123456
        mov LAST - 0x2005, %rbx
        TRY
        mov (%rbx), %rax
        WANT "a canonical address below the hole", 14, 0
        mov $0xffff800000000000, %rbx
        TRY
        mov (%rbx), %rax
        WANT "and above", 14, 0
        mov $0xc0000101, %ecx
        mov $0x1000000, %edx         /* neither in 48 bits nor in 57 */
        xor %eax, %eax
        TRY
        wrmsr
        WANT "WRMSR GS_BASE, not canonical", 13, 0
        mov $0xc0000080, %ecx
        rdmsr
        and $~0x100, %eax
        TRY
        wrmsr
        WANT "EFER.LME under paging", 13, 0
        mov %cr4, %rax
        and $~0x20, %rax
        TRY
        mov %rax, %cr4
        WANT "CR4.PAE in long mode", 13, 0
        mov %cr0, %rax
        and $0x7fffffff, %eax
        TRY
        mov %rax, %cr0
        WANT "CR0.PG in 64-bit mode", 13, 0
        mov %cr0, %rax
        and $~1, %rax
        TRY
        mov %rax, %cr0
        WANT "CR0.PE under paging", 13, 0
        mov $0x100000000, %rbx
        mov %cr0, %rax
        or %rbx, %rax
        TRY
        mov %rax, %cr0
        WANT "CR0 bits 63:32", 13, 0
        mov %cr4, %rax
        or $0x8000, %rax
        TRY
        mov %rax, %cr4
        WANT "CR4 bit 15", 13, 0
        mov %cr3, %rax
        bts $63, %rax
        TRY
        mov %rax, %cr3
        WANT "CR3 bit 63 without PCIDE", 13, 0
        mov %cr3, %rax
        bts $52, %rax
        TRY
        mov %rax, %cr3
        WANT "CR3 bit 52", 13, 0

        /* "Process-Context Identifiers". */
        NEED "PCID", F_PCID, no_pcid
        mov %cr3, %rax
        or $5, %rax
        mov %rax, %cr3
        mov %cr4, %rax
        bts $17, %rax
        TRY
        mov %rax, %cr4
        WANT "CR4.PCIDE with CR3[11:0] not 0", 13, 0
        mov $TABLES, %eax
        mov %rax, %cr3
        mov %cr4, %rax
        bts $17, %rax
        TRY
        mov %rax, %cr4
        WANT "CR4.PCIDE"
        mov $rows, %esi                 /* user, 4 KiB */
        SET_LEVELS
        movl $(FRAME + U), TABLES + 0x6000
        movl $0x11111111, FRAME + 32
        movl $0x22222222, FRAME + 0x1000 + 32
        movabs $PAGE, %rbx
        mov $(TABLES + 1), %eax
        mov %rax, %cr3
        IS "PCID 1", 32(%rbx), 0x11111111
        movl $(FRAME + 0x1000 + U), TABLES + 0x6000
        mov $(TABLES + 2), %eax
        mov %rax, %cr3
        IS "PCID 2 has its own", 32(%rbx), 0x22222222
        mov $(TABLES + 1), %eax
        mov %rax, %cr3
        IS "MOV to CR3 with bit 63 clear drops its PCID", 32(%rbx), 0x22222222
        mov $(TABLES + 1), %eax
        bts $63, %rax
        TRY
        mov %rax, %cr3
        WANT "MOV to CR3 with bit 63"
        mov %cr3, %rax
        IS "bit 63 is not stored, the PCID is", %eax, TABLES+1
        NEED "INVPCID", F_INVPCID, no_pcid
        movl $(FRAME + U), TABLES + 0x6000
        movq $1, FRAME + 64
        mov %rbx, FRAME + 72
        xor %ecx, %ecx
        mov $(FRAME + 64), %eax
        TRY
        invpcid (%rax), %rcx
        WANT "INVPCID of an address"
        IS "and it is dropped", 32(%rbx), 0x11111111
        mov $4, %ecx
        TRY
        invpcid (%rax), %rcx
        WANT "INVPCID type 4", 13, 0
        mov $1, %ecx
        movq $0x1000, FRAME + 64
        mov $(FRAME + 64), %eax
        TRY
        invpcid (%rax), %rcx
        WANT "INVPCID: PCID of more than 12 bits", 13, 0
        xor %ecx, %ecx
        movq $1, FRAME + 64
        mov $0x100000000000000, %rdx    /* in neither width, whatever CR4.LA57 says */
        mov %rdx, FRAME + 72
        mov $(FRAME + 64), %eax
        TRY
        invpcid (%rax), %rcx
        WANT "INVPCID: address not canonical", 13, 0
no_pcid:
        FINISH
#include "kit_end.h"
