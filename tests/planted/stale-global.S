/* A global page is changed, and MOV to CR3 is taken for a flush of it. */
//! mode: 64
//! options: --check stale-tlb
//! says: ^check stale-tlb: missing invalidation: kernel read of 0x200000 .* global translation to 0x200000 .* the tables lead to 0x300000 now.*; the invalidation of PCID 0x0 at instruction [0-9,]+ leaves global translations$
#include "planted.h"
start:
        orl $G, PTE(PAGE)
        invlpg PAGE
        mov PAGE, %eax
        movl $FRAME1 + P + RW + G, PTE(PAGE)
#if PLANTED
        RELOAD_CR3
#else
        invlpg PAGE
#endif
        mov PAGE, %eax
        EXIT 0
