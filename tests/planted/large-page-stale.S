/* The directory entry of a 2 MiB page is changed, and INVLPG is given an address of another page. */
//! mode: 64
//! options: --check stale-tlb
//! says: ^check stale-tlb: missing invalidation: kernel read of 0x234000 .* a 2M translation to 0x234000 .* the PDE at 0x12008 has changed since: the tables lead to 0x34000 now
#include "planted.h"
start:
        movl $PAGE + P + RW + PS, PDE(PAGE)
        RELOAD_CR3
        mov PAGE + 0x34000, %eax
        movl $0 + P + RW + PS, PDE(PAGE)
#if PLANTED
        invlpg 0x1ff000
#else
        invlpg PAGE
#endif
        mov PAGE + 0x34000, %eax
        EXIT 0
