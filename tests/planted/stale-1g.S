/* A 1 GiB page is unmapped, and INVLPG is given its frame instead of its address. */
//! mode: 64
//! options: --check stale-tlb
//! says: ^check stale-tlb: missing invalidation: kernel read of 0x40200000 .* used a 1G translation to 0x200000 .* the PDPTE at 0x11008 has changed since: the tables refuse this access now \(not-present\)
#include "planted.h"
start:
        movl $P + RW + PS, PDPT + 8
        mov 0x40200000, %eax
        movl $0, PDPT + 8
#if PLANTED
        invlpg 0x200000
        mov 0x40200000, %eax
#else
        invlpg 0x40200000
#endif
        EXIT 0
