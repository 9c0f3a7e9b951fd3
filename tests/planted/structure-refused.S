/* A page table is replaced without INVLPG, and the old one, which the processor still has, refuses what the new one allows: a page fault that the tables
 * do not explain, and that does not come again, for it invalidates what led to it. */
//! mode: 36
//! options: --check stale-tlb --tlb real
//! says: ^check stale-tlb: missing invalidation: kernel read of 0x202000 .* used a cached PDE to the table at 0x14000, .* by which this is refused \(not-present\), but the PDE at 0x12008 has changed since: the tables lead to 0x301000 now; written by 0xf
#include "planted.h"
start:
        GATE 14, handler
        xor %ebx, %ebx
        movl $0, PTE(PAGE + 0x2000)
        movl $FRAME2 + P + RW, SPARE + 16
        mov PAGE, %eax
        movl $SPARE + P + RW, PDE(PAGE)
#if !PLANTED
        invlpg PAGE
#endif
        mov PAGE + 0x2000, %eax
        cmp $PLANTED, %ebx
        jne 1f
        EXIT 0
1:      EXIT 1
handler:
        add $4, %esp
        inc %ebx
        iret
