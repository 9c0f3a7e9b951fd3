/* A page of the kernel's half is a user page. */
//! mode: 64
//! options: --check lint
//! says: ^check lint: user code may reach the upper half, at the end: ffff800000200000-ffff800000200fff
#include "planted.h"
start:
        mov $PT0, %edi
        mov $1024, %ecx
1:      movl $0x80000000, 4(%rdi)       /* XD everywhere, */
        andb $~US, (%rdi)
        add $8, %edi
        loop 1b
        mov $PTE(0xf0000), %edi
        mov $16, %ecx
1:      movl $0, 4(%rdi)                /* but where the ROM is, which is read-only */
        andb $~RW, (%rdi)
        add $8, %edi
        loop 1b
        movl $PDPT + P + RW + US, ROOT + 0x800
#if PLANTED
        orb $US, PTE(PAGE)
#endif
        RELOAD_CR3
        EXIT 0
