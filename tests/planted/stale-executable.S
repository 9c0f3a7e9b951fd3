/* Code is made data by its XD bit, without INVLPG: it still runs. */
//! mode: 64
//! options: --check stale-tlb
//! says: ^check stale-tlb: missing invalidation: kernel fetch of 0x200000 .* the PTE at 0x14000 has changed since: the tables refuse this access now \(no-execute\); written by 0xf
#include "planted.h"
start:
        movb $0xc3, PAGE        /* ret */
        mov $PAGE, %esi
        call *%rsi
        movl $0x80000000, PTE(PAGE) + 4
#if PLANTED
        call *%rsi
#else
        invlpg PAGE
#endif
        EXIT 0
