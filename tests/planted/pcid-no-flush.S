/* A page is moved, and CR3 loaded "to flush": but with bit 63 set, which flushes nothing. */
//! mode: 64
//! options: --check stale-tlb
//! says: ^check stale-tlb: missing invalidation: kernel read of 0x200000 .* used a translation to 0x200000 .* the PTE at 0x14000 has changed since: the tables lead to 0x300000 now; written by 0xf.*; MOV to CR3 at instruction [0-9,]+ kept what is held for PCID 0x0 \(bit 63 = 1\)$
#include "planted.h"
start:
        mov %cr4, %rax
        bts $17, %rax           /* PCIDE */
        mov %rax, %cr4
        mov PAGE, %eax
        movl $FRAME1 + P + RW, PTE(PAGE)
        mov %cr3, %rax
#if PLANTED
        bts $63, %rax
#endif
        mov %rax, %cr3
        mov PAGE, %eax
        EXIT 0
