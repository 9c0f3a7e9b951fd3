/* With five levels there is one more entry that needs the user bit. */
//! mode: 57
//! options:
//! says: ^#1 user read of 0x1000000200000 at .*: PML5E supervisor only \(U/S=0\), last written by 0xf.* through 0x10008
#include "planted.h"
start:
        movl $PML4 + P + RW + US * !PLANTED, ROOT + 8
        RELOAD_CR3
        GATE 0x80, done
        USER user
user:
        mov $0x1000000200000, %rbx
        mov (%rbx), %eax
        int $0x80
done:
        EXIT 0
