/* The user bit is set in the page and its directory, but not in the entry that leads to the directory. */
//! mode: 64
//! options:
//! says: ^#1 user read of 0x40200000 at .*: PDPTE supervisor only \(U/S=0\), last written by 0xf.* through 0x11008
#include "planted.h"
start:
        movl $PD + P + RW + US * !PLANTED, PDPT + 8
        RELOAD_CR3
        GATE 0x80, done
        USER user
user:
        mov 0x40200000, %eax
        int $0x80
done:
        EXIT 0
