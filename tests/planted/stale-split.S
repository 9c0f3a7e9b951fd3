/* A 2 MiB page is split, one of its pages to be read-only, without a flush. */
//! mode: 64
//! options: --check stale-tlb
//! says: ^check stale-tlb: missing invalidation: kernel write to 0x234000 .* used a 2M translation to 0x234000 .* the PDE at 0x12008 has changed since: the tables refuse this access now \(write-protected\); written by 0xf
#include "planted.h"
start:
        movl $PAGE + P + RW + PS, PDE(PAGE)
        RELOAD_CR3
        movl $1, PAGE + 0x34000
        movl $PAGE + 0x34000 + P, PTE(PAGE + 0x34000)
        movl $PT1 + P + RW, PDE(PAGE)
#if PLANTED
        movl $2, PAGE + 0x34000
#else
        RELOAD_CR3
#endif
        EXIT 0
