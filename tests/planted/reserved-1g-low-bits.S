/* A 1 GiB page is given a frame that is not aligned to 1 GiB. */
//! mode: 64
//! options:
//! says: ^#1 kernel read of 0x40200000 at .*: PDPTE with reserved bit 21 \(must be 0 here\), last written by 0xf.* through 0x11008 \(0x0 -> 0x200083\)
#include "planted.h"
start:
        movl $P + RW + PS + PAGE * PLANTED, PDPT + 8
        mov 0x40200000, %eax
        EXIT 0
