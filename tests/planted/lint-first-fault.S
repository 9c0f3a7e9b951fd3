/* The same, but only until the first page fault: then it is put right. */
//! mode: 64
//! options: --check lint
//! says: ^check lint: a second way to write a page that is used as a table, at the first page fault: 0000000000200000-0000000000200fff .* -> 0x13000
//! twin: ^#1 kernel read of 0x600000
#include "planted.h"
start:
        mov $PT0, %edi
        mov $1024, %ecx
1:      movl $0x80000000, 4(%rdi)
        andb $~US, (%rdi)
        add $8, %edi
        loop 1b
        mov $PTE(0xf0000), %edi
        mov $16, %ecx
1:      movl $0, 4(%rdi)
        andb $~RW, (%rdi)
        add $8, %edi
        loop 1b
#if PLANTED
        movl $PT0 + P + RW, PTE(PAGE)
#endif
        RELOAD_CR3
        GATE 14, fault
        mov 0x600000, %eax
fault:
        movl $PAGE + P + RW, PTE(PAGE)
        RELOAD_CR3
        EXIT 0
