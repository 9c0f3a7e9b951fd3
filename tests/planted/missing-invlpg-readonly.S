/* A page is made read-only for copy on write without INVLPG: the other owner's data is written over. PAE. */
//! mode: 36
//! options: --check stale-tlb
//! says: ^check stale-tlb: missing invalidation: kernel write to 0x200000 .* refuse this access now \(write-protected\); written by 0xf
#include "planted.h"
start:
        movl $1, PAGE
        movl $PAGE + P + US, PTE(PAGE)
#if !PLANTED
        invlpg PAGE
        mov PAGE, %eax
#else
        movl $2, PAGE
#endif
        EXIT 0
