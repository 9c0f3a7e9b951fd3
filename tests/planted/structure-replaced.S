/* A page table is replaced by another without INVLPG. One of any address would do: it empties these caches. */
//! mode: 32
//! options: --check stale-tlb
//! says: ^check stale-tlb: missing invalidation: kernel read of 0x40001000 at .*: a processor might still use a cached PDE to the table at 0x20000, .* by which this is 0x300000, but the PDE at 0x10400 has changed since: the tables lead to 0x301000 now; written by 0xf.*\(0x20023 -> 0x21003\)
#include "planted.h"
#define AT 0x40000000
start:
        movl $FRAME1 + P + RW, SPARE
        movl $FRAME1 + P + RW, SPARE + 4
        movl $FRAME2 + P + RW, SPARE + 0x1000 + 4
        movl $SPARE + P + RW, PDE(AT)
        mov AT, %eax
        movl $SPARE + 0x1000 + P + RW, PDE(AT)
#if !PLANTED
        invlpg PAGE
#endif
        mov AT + 0x1000, %eax
        EXIT 0
