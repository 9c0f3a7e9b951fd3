/* A bad pointer before the kernel has an IDT: the pointer is the bug, not the IDT. */
//! mode: 32
//! options:
//! says: ^faultline: triple fault: kernel write to 0x200000 at 0xf[0-9a-f]+ \(PTE of 0x200000 is not present\), last written by 0xf.*, and there is no handler: entry 14 of the IDT is beyond its limit, 0x0
#include "planted.h"
start:
        movl $0, PTE(PAGE)
        RELOAD_CR3
#if PLANTED
        lidt none
        movl $1, PAGE
#endif
        EXIT 0
none:   .word 0
        .long 0
