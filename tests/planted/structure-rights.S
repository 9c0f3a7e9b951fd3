/* A directory's entry is made read-only without INVLPG. (The twin makes it writable, which needs none.) */
//! mode: 36
//! options: --check stale-tlb
//! says: ^check stale-tlb: missing invalidation: kernel write to 0x201000 .*: a processor might still use a cached PDE to the table at 0x14000, .* but the PDE at 0x12008 has changed since: the tables refuse this access now \(write-protected\)
#include "planted.h"
start:
#if PLANTED
        mov PAGE, %eax
        andl $~RW, PDE(PAGE)
#else
        andl $~RW, PDE(PAGE)
        RELOAD_CR3
        mov PAGE, %eax
        orl $RW, PDE(PAGE)
#endif
        movl $1, PAGE + 0x1000
        EXIT 0
