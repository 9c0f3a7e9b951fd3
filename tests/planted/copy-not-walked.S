/* A page is mapped in a copy of the page table that no directory leads to any more. PAE. */
//! mode: 36
//! options:
//! says: ^#1 kernel read of 0x200000 at .*: PTE not present.*; such an entry was written by 0xf.* at 0x21000, but the table walked is 0x14000
#include "planted.h"
start:
        movl $0, PTE(PAGE)
        movl $SPARE + 0x1000 + P + RW, PDE(0x400000)
        RELOAD_CR3
        movl $PAGE + P + RW, SPARE + 0x1008
        mov 0x401000, %eax
        movl $0, PDE(0x400000)
        RELOAD_CR3
#if PLANTED
        movl $FRAME1 + P + RW, SPARE + 0x1000
#else
        movl $FRAME1 + P + RW, PTE(PAGE)
#endif
        mov PAGE, %eax
        EXIT 0
