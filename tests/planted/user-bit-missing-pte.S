/* The kernel makes the entry of a user page with the flags of its own. */
//! mode: 32
//! options:
//! says: ^#1 user read of 0x200000 at .*: PTE supervisor only \(U/S=0\), last written by 0xf.* through 0x13800 \(0x200007 -> 0x200003\)
#include "planted.h"
start:
        movl $PAGE + P + RW + US * !PLANTED, PTE(PAGE)
        RELOAD_CR3
        GATE 0x80, done
        USER user
user:
        mov $SEL_UDATA, %eax
        mov %eax, %ds
        mov PAGE, %eax
        int $0x80
done:
        EXIT 0
