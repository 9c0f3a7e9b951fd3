/* A directory is replaced without a flush: what only the new one maps may be refused by the old one. */
//! mode: 57
//! options: --check stale-tlb
//! says: ^check stale-tlb: missing invalidation: kernel write to 0x40600000 .*: a processor might still use a cached PDPTE to the table at 0x20000, .* by which this is refused \(not-present\), but the PDPTE at 0x11008 has changed since: the tables lead to 0x301000 now; written
#include "planted.h"
#define AT 0x40000000
start:
        movl $FRAME1 + P + RW, SPARE + 0x2000
        movl $SPARE + 0x2000 + P + RW, SPARE
        movl $FRAME2 + P + RW, SPARE + 0x3000
        movl $SPARE + 0x3000 + P + RW, SPARE + 0x1000 + 24
        movl $SPARE + P + RW, PDPT + 8
        mov AT, %eax
        movl $SPARE + 0x1000 + P + RW, PDPT + 8
#if !PLANTED
        RELOAD_CR3
#endif
        movl $1, AT + 0x600000
        EXIT 0
