/* A page of code is left writable. */
//! mode: 64
//! options: --check lint
//! says: ^check lint: both writable and executable, at the end: 0000000000200000-0000000000200fff +4K +4K  -rwx- -> 0x200000$
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
        RELOAD_CR3
#if PLANTED
        movl $0, PTE(PAGE) + 4
        invlpg PAGE
#endif
        EXIT 0
