/* The recursive map is indexed one entry too far: the neighbour of the page wanted is mapped. */
//! mode: 32
//! options:
//! says: ^#1 kernel read of 0x200000 .*: PTE not present, .*; the entry beside it, at 0x13804, was written by 0xf.* through 0xffc00804
#include "planted.h"
start:
        movl $0, PTE(PAGE)
        movl $0, PTE(PAGE + 0x1000)
        movl $ROOT + P + RW, ROOT + 1023 * 4
        RELOAD_CR3
#if PLANTED
        movl $FRAME1 + P + RW, 0xffc00000 + (PAGE >> 12) * 4 + 4
#else
        movl $FRAME1 + P + RW, 0xffc00000 + (PAGE >> 12) * 4
#endif
        mov PAGE, %eax
        EXIT 0
