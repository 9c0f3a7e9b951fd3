/* INVLPG is given the address of the entry instead of that of the page. PAE. */
//! mode: 36
//! options: --check stale-tlb
//! says: ^check stale-tlb: missing invalidation: kernel read of 0x200000 .* used a translation to 0x200000 .* the PTE at 0x14000 has changed since: the tables lead to 0x300000 now.*; INVLPG 0x14000 at instruction [0-9,]+ invalidated another page$
#include "planted.h"
start:
        mov PAGE, %eax
        movl $FRAME1 + P + RW, PTE(PAGE)
#if PLANTED
        invlpg PTE(PAGE)
#else
        invlpg PAGE
#endif
        mov PAGE, %eax
        EXIT 0
