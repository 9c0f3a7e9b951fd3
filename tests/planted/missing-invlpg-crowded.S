/* A page is moved without INVLPG, and before it is used again another is, which takes the same place in the model of what is held (cpu/held.c). */
//! mode: 32
//! options: --check stale-tlb
//! says: ^check stale-tlb: missing invalidation: kernel read of 0x40004000 .* used a translation to 0x300000 .* the tables lead to 0x301000 now
#include "planted.h"
#define MOVED 0x40004000
#define OTHER 0xb2c000
start:
        movl $SPARE + P + RW, PDE(MOVED)
        movl $FRAME1 + P + RW, SPARE + 4 * 4
        movl $SPARE + 0x1000 + P + RW, PDE(OTHER)
        movl $FRAME2 + P + RW, SPARE + 0x1000 + 0x32c * 4
        mov MOVED, %eax
        movl $FRAME2 + P + RW, SPARE + 4 * 4
#if !PLANTED
        invlpg MOVED
#endif
        mov OTHER, %eax
        mov MOVED, %eax
        EXIT 0
