/* Four pages are unmapped, and the loop of INVLPG ends one too early. */
//! mode: 64
//! options: --check stale-tlb
//! says: ^check stale-tlb: missing invalidation: kernel read of 0x203000 .* used a translation to 0x203000 .* the PTE at 0x14018 has changed since: the tables refuse this access now \(not-present\).*; INVLPG 0x202000 at instruction [0-9,]+ invalidated another page$
#include "planted.h"
start:
        mov $PAGE, %esi
        mov $4, %ecx
1:      mov (%rsi), %eax
        add $0x1000, %esi
        loop 1b
        mov $PTE(PAGE), %edi
        mov $4, %ecx
        xor %eax, %eax
        rep stosq
        mov $PAGE, %esi
        mov $4 - PLANTED, %ecx
1:      invlpg (%rsi)
        add $0x1000, %esi
        loop 1b
#if PLANTED
        mov PAGE + 0x3000, %eax
#endif
        EXIT 0
