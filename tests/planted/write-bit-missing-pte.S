/* A data page is made with the flags of a page of code. PAE. */
//! mode: 36
//! options:
//! says: ^#1 user write to 0x200000 at .*: PTE read-only \(R/W=0\), last written by 0xf.* through 0x14000 \(0x200027 -> 0x200005\)
#include "planted.h"
start:
        mov PAGE, %eax
        movl $PAGE + P + US + RW * !PLANTED, PTE(PAGE)
        RELOAD_CR3
        GATE 0x80, done
        USER user
user:
        mov $SEL_UDATA, %eax
        mov %eax, %ds
        movl $1, PAGE
        int $0x80
done:
        EXIT 0
