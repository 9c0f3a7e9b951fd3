/* A directory is freed and its page used for data, while a PDPT still leads to it. */
//! mode: 64
//! options: --who
//! says: ^#1 kernel read of 0x40200000 at .*: PDE with reserved bit .*, last written by 0xf.* through 0x20008 \(0x14027 -> 0xcccccccccccccccd
#include "planted.h"
start:
        movl $PT1 + P + RW + US, SPARE + 8
        movl $SPARE + P + RW + US, PDPT + 8
        mov 0x40200000, %eax
#if !PLANTED
        movl $PD + P + RW + US, PDPT + 8
        RELOAD_CR3
#endif
        mov $SPARE, %edi
        mov $0xcccccccccccccccd, %rax
        mov $512, %ecx
        rep stosq
        RELOAD_CR3
        mov 0x40200000, %eax
        EXIT 0
