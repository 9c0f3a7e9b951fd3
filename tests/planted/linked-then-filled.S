/* A table is linked while it is empty, and an entry filled in behind that has a wrong bit: its writer is known although no walk came by. */
//! mode: 64
//! options:
//! says: ^#1 kernel read of 0x40000000 at .*: PTE with reserved bit 51 .*, last written by 0xf[0-9a-f]+ at instruction [0-9,]+ through 0x21004 \(0x300003 -> 0x8000000300003\)
#include "planted.h"
start:
        movl $SPARE + P + RW, PDPT + 8
        movl $SPARE + 0x1000 + P + RW, SPARE
        movl $FRAME1 + P + RW, SPARE + 0x1000
        movl $0x80000 * PLANTED, SPARE + 0x1004
        mov 0x40000000, %eax
        EXIT 0
