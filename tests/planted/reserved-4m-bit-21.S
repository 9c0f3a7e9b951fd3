/* A 4 MiB page is given a frame of 2 MiB, as PAE would have it: bit 21 is reserved beside the bits of PSE-36. */
//! mode: 32
//! options:
//! says: ^#1 kernel read of 0x400000 at .*: PDE with reserved bit 21 \(must be 0 here\), last written by 0xf.* through 0x10004 \(0x0 -> 0x200083\)
#include "planted.h"
start:
        mov %cr4, %eax
        or $0x10, %eax          /* PSE */
        mov %eax, %cr4
        movl $P + RW + PS + PAGE * PLANTED, PDE(0x400000)
        mov 0x400000, %eax
        EXIT 0
