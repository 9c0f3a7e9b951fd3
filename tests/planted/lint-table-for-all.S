/* User code may write the page that is its own page table. */
//! mode: 32
//! options: --check lint
//! says: ^check lint: user code may write a page that is used as a table, at the end: 0000000000013000-0000000000013fff
#include "planted.h"
start:
        mov $PT0, %edi
        mov $1024, %ecx
1:      andb $~US, (%edi)
        add $4, %edi
        loop 1b
#if PLANTED
        orl $US, PTE(PT0)
#endif
        RELOAD_CR3
        EXIT 0
