/* A recursion of the user's runs into the guard page below its stack. */
//! mode: 64
//! options:
//! says: ^#1 user write to 0x9ff8 \(its stack\) at .*\(call .*\): PTE not present, last written by 0xf
#include "planted.h"
start:
        movl $0x7000, TSS + 4
        movl $0, PTE(0x9000)
        RELOAD_CR3
        GATE 0x80, done
        USER user
user:
        mov $400 + 400 * PLANTED, %ecx
        call deeper
        int $0x80
deeper:
        dec %ecx
        jz 1f
        call deeper
1:      ret
        int $0x80
done:
        EXIT 0
