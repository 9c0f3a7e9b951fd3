/* An entry gets the address at which the kernel sees the frame, not the frame's own. */
//! mode: 64
//! options:
//! says: ^#1 kernel read of 0x200000 .*: PTE with reserved bit .*; 0xffff800000300000 in it is a linear address, whose physical address is 0x300000, written before the page was first used as a table \(as 0xffff800000300003; --who may tell by whom\)
#include "planted.h"
start:
        movl $PDPT + P + RW, ROOT + 0x800
        mov $0xffff800000000000 + FRAME1 + P + RW, %rax
#if !PLANTED
        mov %eax, %eax
#endif
        mov %rax, PTE(PAGE)
        RELOAD_CR3
        mov PAGE, %eax
        EXIT 0
