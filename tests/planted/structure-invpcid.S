/* INVPCID of one address is not INVLPG: of the cached entries above the leaf it reaches those for that address alone. */
//! mode: 64
//! options: --check stale-tlb
//! says: ^check stale-tlb: missing invalidation: kernel read of 0x201000 .* a cached PDE to the table at 0x14000, .* the tables lead to 0x301000 now.*; INVPCID of 0x5000 at instruction [0-9,]+ is for that address alone$
#include "planted.h"
start:
        movl $FRAME2 + P + RW, SPARE + 8
        mov PAGE, %eax
        movl $SPARE + P + RW, PDE(PAGE)
        xor %eax, %eax
#if PLANTED
        movl $0x5000, 0x800 + 8
#else
        movl $PAGE + 0xff000, 0x800 + 8
#endif
        mov $0x800, %edi
        invpcid (%rdi), %rax
        mov PAGE + 0x1000, %eax
        EXIT 0
