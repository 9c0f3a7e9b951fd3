/* Nothing below this PDE was ever touched, but its A flag is set: a processor may have cached it with its neighbour. */
//! mode: 64
//! options: --check stale-tlb --tlb hostile -seed 3
//! says: ^check stale-tlb: missing invalidation: kernel read of 0x40[0-9a-f]+ .* used a cached PDE to the table at 0x20000, .* by which this is 0x300000, but the PDE at 0x21[0-9a-f]+ has changed since: the tables lead to 0x301000 now
#include "planted.h"
#define AT 0x40000000
start:
        movl $SPARE + 0x1000 + P + RW + 0x20, PDPT + 8
        movl $FRAME1 + P + RW, SPARE
        movl $FRAME2 + P + RW, SPARE + 0x2000
        mov $32, %ecx
        mov $SPARE + 0x1000, %edi
1:      movl $SPARE + P + RW + 0x20, (%rdi)
        add $8, %edi
        loop 1b
        mov $16, %ecx
        mov $AT, %esi
        mov $SPARE + 0x1000, %edi
1:      mov 0x200000(%rsi), %eax
        movl $SPARE + 0x2000 + P + RW, (%rdi)
#if !PLANTED
        invlpg (%rsi)
#endif
        mov (%rsi), %eax
        add $0x400000, %esi
        add $16, %edi
        loop 1b
        EXIT 0
