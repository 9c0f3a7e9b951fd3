/* A table is mapped a second time. Where that mapping is a part of 128 KiB, some of which are read-only, it is a kernel's image. */
//! mode: 64
//! options: --check lint
//! says: ^check lint: a second way to write a page that is used as a table, at the end: 0000000000402000-0000000000402fff
#include "planted.h"
start:
        mov $PT0, %edi
        mov $1024, %ecx
1:      movl $0x80000000, 4(%rdi)       /* XD everywhere, */
        andb $~US, (%rdi)
        add $8, %edi
        loop 1b
        mov $PTE(0xf0000), %edi
        mov $16, %ecx
1:      movl $0, 4(%rdi)                /* but where the ROM is, which is read-only */
        andb $~RW, (%rdi)
        add $8, %edi
        loop 1b
        movl $SPARE + 0x2000 + P + RW, PDE(0x400000)
#if PLANTED
        movl $SPARE + 0x2000 + P + RW, SPARE + 0x2010
        movl $0x80000000, SPARE + 0x2014
#else
        mov $SPARE + 0x2000, %edi       /* SPARE's 32 pages from 400000H on */
        mov $SPARE + P + RW, %eax
        mov $32, %ecx
1:      mov %eax, (%rdi)
        movl $0x80000000, 4(%rdi)
        add $0x1000, %eax
        add $8, %edi
        loop 1b
        andb $~RW, SPARE + 0x2008       /* of which every other one is read-only around the table */
        andb $~RW, SPARE + 0x2018
#endif
        RELOAD_CR3
        EXIT 0
