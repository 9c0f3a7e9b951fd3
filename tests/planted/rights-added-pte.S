/* A page is made writable without INVLPG, which the manual allows to who expects one #PF more: this kernel's handler does
 * not. 64-bit. */
//! mode: 64
//! options: --tlb real
//! says: ^#1 kernel write to 0x200000 at 0xf.*: PTE read-only \(R/W=0\) as it was cached, but the tables allow it now, last written by 0xf.* \(0x200021 -> 0x200023\)
#include "planted.h"
start:
        GATE 14, page_fault
        movl $PAGE + P, PTE(PAGE)
        invlpg PAGE
        mov PAGE, %eax
        orb $RW, PTE(PAGE)
#if !PLANTED
        invlpg PAGE
#endif
        movl $1, PAGE
        EXIT 0
page_fault:
        EXIT 1
