/* The user bit is set in the page-table entry, and forgotten in the directory. */
//! mode: 64
//! options:
//! says: ^#1 user read of 0x200000 at .*: PDE supervisor only \(U/S=0\), last written by 0xf.* through 0x12008
#include "planted.h"
start:
        mov PD, %eax
        GATE 0x80, done
#if PLANTED
        movl $PT1 + P + RW, PDE(PAGE)
#else
        movl $PT1 + P + RW + US, PDE(PAGE)
#endif
        RELOAD_CR3
        USER user
user:
        mov PAGE, %eax
        int $0x80
done:
        EXIT 0
