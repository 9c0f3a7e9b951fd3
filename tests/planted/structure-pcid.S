/* A table is replaced while another PCID is current: INVLPG empties only that one's caches. */
//! mode: 64
//! options: --check stale-tlb
//! says: ^check stale-tlb: missing invalidation: kernel read of 0x201000 .* a cached PDE to the table at 0x14000, .* the tables lead to 0x301000 now; written by 0xf.*; INVLPG 0x200000 at instruction [0-9,]+ was made in PCID 0x2, and this is held for PCID 0x1$
#include "planted.h"
start:
        mov %cr4, %rax
        bts $17, %rax           /* PCIDE */
        mov %rax, %cr4
        mov $ROOT + 1, %eax
        mov %rax, %cr3
        mov PAGE, %eax
        mov $ROOT + 2, %eax
        mov %rax, %cr3
        movl $FRAME2 + P + RW, SPARE + 8
        movl $SPARE + P + RW, PDE(PAGE)
        invlpg PAGE
        mov $ROOT + 1, %eax
#if PLANTED
        bts $63, %rax
#endif
        mov %rax, %cr3
        mov PAGE + 0x1000, %eax
        EXIT 0
