/* A region is made writable at its PDE without any INVLPG: a page of it that was never used is refused by the cached PDE.
 * PAE. */
//! mode: 36
//! options: --tlb real
//! says: ^#1 kernel write to 0x201000 at 0xf.*: PDE read-only \(R/W=0\) as it was cached, but the tables allow it now, last written by 0xf.* -> nothing was changed, and the retry passed
#include "planted.h"
start:
        GATE 14, page_fault
        andb $~RW, PDE(PAGE)
        mov %cr3, %eax
        mov %eax, %cr3
        mov PAGE, %eax
        orb $RW, PDE(PAGE)
#if !PLANTED
        invlpg PAGE
#endif
        movl $1, PAGE + 0x1000
        EXIT 0
page_fault:
        add $4, %esp
        iretl
