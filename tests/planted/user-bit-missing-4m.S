/* A 4 MiB page for user code lacks the user bit. */
//! mode: 32
//! options:
//! says: ^#1 user read of 0x400010 at .*: PDE supervisor only \(U/S=0\), last written by 0xf.* through 0x10004 \(0x0 -> 0x83\)
#include "planted.h"
start:
        mov %cr4, %eax
        or $0x10, %eax          /* PSE */
        mov %eax, %cr4
        movl $P + RW + PS + US * !PLANTED, PDE(0x400000)
        RELOAD_CR3
        GATE 0x80, done
        USER user
user:
        mov $SEL_UDATA, %eax
        mov %eax, %ds
        mov 0x400010, %eax
        int $0x80
done:
        EXIT 0
