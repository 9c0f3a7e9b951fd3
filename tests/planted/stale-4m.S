/* A 4 MiB page is moved without INVLPG, 32-bit paging. */
//! mode: 32
//! options: --check stale-tlb
//! says: ^check stale-tlb: missing invalidation: kernel read of 0x400000 .* used a 4M translation to 0x400000 .* the PDE at 0x10004 has changed since: the tables lead to 0x800000 now
#include "planted.h"
start:
        mov %cr4, %eax
        or $0x10, %eax          /* PSE */
        mov %eax, %cr4
        movl $0x400000 + P + RW + PS, PDE(0x400000)
        mov 0x400000, %eax
        movl $0x800000 + P + RW + PS, PDE(0x400000)
#if !PLANTED
        invlpg 0x400000
#endif
        mov 0x400000, %eax
        EXIT 0
