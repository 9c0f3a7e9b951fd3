/* A page is unmapped, and read again without INVLPG. */
//! mode: 64
//! options: --check stale-tlb
//! says: ^check stale-tlb: missing invalidation: kernel read of 0x200000 .* used a translation to 0x200000 .* refuse this access now \(not-present\); written by 0xf[^;]*$
#include "planted.h"
start:
        mov PAGE, %eax
        movl $0, PTE(PAGE)
#if PLANTED
        mov PAGE, %eax
#else
        invlpg PAGE
#endif
        EXIT 0
