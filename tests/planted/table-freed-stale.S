/* A page table is taken out of its directory without a flush; what it mapped is still used. */
//! mode: 64
//! options: --check stale-tlb
//! says: ^check stale-tlb: missing invalidation: kernel read of 0x200000 .* the PDE at 0x12008 has changed since: the tables refuse this access now \(not-present\)
#include "planted.h"
start:
        mov PAGE, %eax
        movl $0, PDE(PAGE)
#if PLANTED
        mov PAGE, %eax
#else
        RELOAD_CR3
#endif
        EXIT 0
