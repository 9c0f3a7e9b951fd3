/* User code returns to a page of code that was unmapped. */
//! mode: 64
//! options:
//! says: ^#1 user fetch of 0x200000 at 0x200000.*: PTE not present, last written by 0xf
#include "planted.h"
start:
        movb $0xc3, PAGE        /* ret */
        movl $0, PTE(PAGE) + 4
#if PLANTED
        movl $0, PTE(PAGE)
#endif
        RELOAD_CR3
        GATE 0x80, done
        USER user
user:
        mov $PAGE, %eax
        call *%rax
        int $0x80
done:
        EXIT 0
