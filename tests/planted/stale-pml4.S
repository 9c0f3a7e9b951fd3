/* An entry of the PML4 is cleared when a space ends, without a flush. */
//! mode: 64
//! options: --check stale-tlb
//! says: ^check stale-tlb: missing invalidation: kernel read of 0x8000200000 .* used a translation to 0x200000 .* the PML4E at 0x10008 has changed since: the tables refuse this access now \(not-present\)
#include "planted.h"
start:
        movl $PDPT + P + RW, ROOT + 8
        mov $0x8000200000, %rbx
        mov (%rbx), %eax
        movl $0, ROOT + 8
#if PLANTED
        mov (%rbx), %eax
#else
        RELOAD_CR3
#endif
        EXIT 0
