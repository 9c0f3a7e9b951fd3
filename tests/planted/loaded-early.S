/* A page that was never touched is moved without INVLPG, "for nothing can be cached": its A flag is set, so a processor may have loaded it. */
//! mode: 64
//! options: --check stale-tlb --tlb hostile -seed 3
//! says: ^check stale-tlb: missing invalidation: kernel read of 0x2[0-9a-f]+ .* used a translation to 0x2
#include "planted.h"
start:
        mov $64, %ecx
        mov $PTE(PAGE), %edi
1:      orl $0x20, (%rdi)       /* A */
        add $8, %edi
        loop 1b
        RELOAD_CR3
        mov $8, %ecx
        mov $PAGE, %esi
        mov $PTE(PAGE), %edi
1:      mov 0x1000(%rsi), %eax  /* its neighbour */
        addl $FRAME1 - PAGE, (%rdi)
#if !PLANTED
        invlpg (%rsi)
#endif
        mov (%rsi), %eax
        add $0x8000, %esi
        add $64, %edi
        loop 1b
        EXIT 0
