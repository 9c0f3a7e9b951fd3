/* INVLPG comes before the entry is written: what lies between loads the old one again. */
//! mode: 64
//! options: --check stale-tlb
//! says: ^check stale-tlb: missing invalidation: kernel read of 0x200000 .* used a translation to 0x200000 .* the PTE at 0x14000 has changed since: the tables lead to 0x300000 now.*; INVLPG 0x200000 at instruction [0-9,]+ came before the change$
#include "planted.h"
start:
        mov PAGE, %eax
#if PLANTED
        invlpg PAGE
        mov PAGE, %eax
#endif
        movl $FRAME1 + P + RW, PTE(PAGE)
#if !PLANTED
        invlpg PAGE
#endif
        mov PAGE, %eax
        EXIT 0
