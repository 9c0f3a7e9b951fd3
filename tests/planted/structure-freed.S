/* A page table is taken out of its directory and its page used for data, without INVLPG: an address of its 2 MiB that was never touched, and so is in no
 * TLB, may be walked through the cached PDE. */
//! mode: 64
//! options: --check stale-tlb
//! says: ^check stale-tlb: missing invalidation: kernel read of 0x40003000 at 0xf[0-9a-f]+ .*: a processor might still use a cached PDE to the table at 0x20000, loaded at instruction [0-9,]+, by which this is 0x301000, but the PDE at 0x21000 has changed since: the tables refuse this access now \(not-present\); written by 0xf[0-9a-f]+ .*\(0x20023 -> 0x0\)
//! twin: ^#1 kernel read of 0x40003000
#include "planted.h"
#define AT 0x40000000
start:
        GATE 14, unmapped
        movl $SPARE + P + RW, SPARE + 0x1000
        movl $SPARE + 0x1000 + P + RW, PDPT + 8
        movl $FRAME1 + P + RW, SPARE
        mov AT, %eax
        movl $0, SPARE + 0x1000
#if !PLANTED
        invlpg AT
#endif
        movl $FRAME2 + P + RW, SPARE + 24 /* its page is used for something else */
        mov AT + 0x3000, %eax
unmapped:
        EXIT 0
