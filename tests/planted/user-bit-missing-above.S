/* Tables are made without U/S, and only the page has it: all that lead to it need it. */
//! mode: 64
//! options:
//! says: ^#1 user read of 0x8000200000 at .*: PML4E supervisor only \(U/S=0\), as are PDPTE and PDE, last written by 0xf.* through 0x10008
#include "planted.h"
#define FLAGS P + RW + US * !PLANTED
start:
        movl $SPARE + 0x2000 + FLAGS, SPARE + 0x1000
        movl $PT1 + FLAGS, SPARE + 0x2008
        movl $SPARE + 0x1000 + FLAGS, ROOT + 8
        GATE 128, leave
        movb $0xee, IDT + 128 * 16 + 5
        USER user
user:
        movabs $0x8000200000, %rax
        mov (%rax), %eax
        int $128
leave:
        EXIT 0
