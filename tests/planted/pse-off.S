/* A 4 MiB page is made while CR4.PSE is off: its frame is taken for a page table. */
//! mode: 32
//! options:
//! says: ^#1 kernel read of 0x400000 at .*: PTE not present \(PS=1 in the PDE at 0x10004 is ignored, for CR4\.PSE=0\)
#include "planted.h"
start:
#if !PLANTED
        mov %cr4, %eax
        or $0x10, %eax
        mov %eax, %cr4
#endif
        movl $0x800000 + P + RW + PS, PDE(0x400000)
        mov 0x400000, %eax
        EXIT 0
