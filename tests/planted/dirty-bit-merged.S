/* Pages are merged into a large one that is marked clean, without INVLPG: writes by the old translation do not mark it. */
//! mode: 32
//! options: --check stale-tlb
//! says: ^check stale-tlb: fragile: kernel write to 0x200000 .* used a translation to 0x200000 .*, but the PDE at 0x10000 has changed since: the large page there now has D = 0, and this write does not set it; written by 0xf
#include "planted.h"
start:
        mov %cr4, %eax
        or $0x10, %eax          /* PSE */
        mov %eax, %cr4
        movl $1, PAGE
#if PLANTED
        movl $0x20 + PS + P + RW + US, PDE(PAGE)
#else
        movl $0x60 + PS + P + RW + US, PDE(PAGE)
#endif
        movl $2, PAGE
        EXIT 0
