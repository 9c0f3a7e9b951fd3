/* Small pages become one of 2 MiB elsewhere, and only the first is invalidated. */
//! mode: 64
//! options: --check stale-tlb
//! says: ^check stale-tlb: missing invalidation: kernel read of 0x201000 .* used a translation to 0x201000 .* the PDE at 0x12008 has changed since: the tables lead to 0x1000 now; written by 0xf.* -> 0x83\)
#include "planted.h"
start:
        mov PAGE, %eax
        mov PAGE + 0x1000, %eax
        movl $P + RW + PS, PDE(PAGE)
#if PLANTED
        invlpg PAGE
#else
        RELOAD_CR3
#endif
        mov PAGE + 0x1000, %eax
        EXIT 0
