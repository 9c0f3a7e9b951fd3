/* A buffer that lies before a window to a page table is cleared by one word too many. */
//! mode: 64
//! options:
//! says: ^#1 kernel read of 0x200000 at .*: PTE not present, last written by 0xf.* through 0x3f1000 \(0x2000[0-9a-f]+ -> 0x0\)
#include "planted.h"
start:
        mov PAGE, %eax
        movl $PT1 + P + RW, PTE(0x3f1000)
        invlpg 0x3f1000
        mov $0x3f0000, %edi
        mov $1024 + PLANTED, %ecx
        xor %eax, %eax
        rep stosl
        invlpg PAGE
        mov PAGE, %eax
        EXIT 0
