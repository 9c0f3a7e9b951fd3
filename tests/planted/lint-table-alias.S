/* A page that became a table is still mapped, writable, where it was used before. The recursive slot is no such mapping. */
//! mode: 32
//! options: --check lint
//! says: ^check lint: a second way to write a page that is used as a table, at the end: 0000000000200000-0000000000200fff .* -> 0x13000
#include "planted.h"
start:
        mov $PT0, %edi
        mov $1024, %ecx
1:      andb $~US, (%edi)
        add $4, %edi
        loop 1b
        movl $ROOT + P + RW, ROOT + 1023 * 4
#if PLANTED
        movl $PT0 + P + RW, PTE(PAGE)
#endif
        RELOAD_CR3
        EXIT 0
