/* A global page is unmapped with INVPCID of its address, which leaves global translations. */
//! mode: 64
//! options: --check stale-tlb
//! says: ^check stale-tlb: missing invalidation: kernel read of 0x200000 .* a global translation to 0x200000 .* the tables refuse this access now \(not-present\).*; INVPCID of 0x200000 at instruction [0-9,]+ leaves global translations$
#include "planted.h"
start:
        movl $PAGE + P + RW + G, PTE(PAGE)
        invlpg PAGE
        mov PAGE, %eax
        movl $0, PTE(PAGE)
#if PLANTED
        movl $PAGE, SPARE + 8
        xor %eax, %eax
        invpcid SPARE, %rax
        mov PAGE, %eax
#else
        invlpg PAGE
#endif
        EXIT 0
