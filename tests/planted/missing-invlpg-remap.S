/* A page is moved to another frame without INVLPG: stores go to the old one. */
//! mode: 64
//! options: --check stale-tlb
//! says: ^check stale-tlb: missing invalidation: kernel write to 0x200010 .* used a translation to 0x200010 .* the PTE at 0x14000 has changed since: the tables lead to 0x300010 now; written by 0xf
#include "planted.h"
start:
        movl $1, PAGE
        movl $FRAME1 + P + RW, PTE(PAGE)
#if !PLANTED
        invlpg PAGE
#endif
        movl $2, PAGE + 0x10
        EXIT 0
