/* The same in long mode, and the processor does use the old table: it reads what is no longer mapped. */
//! mode: 64
//! options: --check stale-tlb --tlb real
//! says: ^check stale-tlb: missing invalidation: kernel read of 0x201000 .* used a cached PDE to the table at 0x14000, .* by which this is 0x201000, but the PDE at 0x12008 has changed since: the tables lead to 0x301000 now
#include "planted.h"
start:
        movl $0x1234, FRAME2
        movl $FRAME2 + P + RW, SPARE + 8
        mov PAGE, %eax
        movl $SPARE + P + RW, PDE(PAGE)
#if !PLANTED
        invlpg 0x5000
#endif
        mov PAGE + 0x1000, %eax
#if PLANTED
        cmp $0, %eax            /* of the frame at 201000 */
#else
        cmp $0x1234, %eax
#endif
        jne 1f
        EXIT 0
1:      EXIT 1
