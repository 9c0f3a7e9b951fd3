/* A whole directory is taken out of its PDPT without a flush. */
//! mode: 64
//! options: --check stale-tlb
//! says: ^check stale-tlb: missing invalidation: kernel read of 0x40200000 .* used a translation to 0x200000 .* the PDPTE at 0x11008 has changed since: the tables refuse this access now \(not-present\)
#include "planted.h"
start:
        movl $PD + P + RW, PDPT + 8
        mov 0x40200000, %eax
        movl $0, PDPT + 8
#if PLANTED
        mov 0x40200000, %eax
#else
        RELOAD_CR3
#endif
        EXIT 0
