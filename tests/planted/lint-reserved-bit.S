/* An entry that nothing has used yet has a reserved bit. */
//! mode: 64
//! options: --check lint
//! says: ^check lint: reserved bits: no access is possible, at the end: 0000000000200000-0000000000200fff
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
        movl $0x80000000 + 0x00080000 * PLANTED, PTE(PAGE) + 4
        RELOAD_CR3
        EXIT 0
