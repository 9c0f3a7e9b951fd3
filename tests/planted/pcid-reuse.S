/* A PCID is given to another address space, and loaded with bit 63 set: nothing of the old one is flushed. */
//! mode: 64
//! options: --check stale-tlb
//! says: ^check stale-tlb: missing invalidation: kernel read of 0x200000 .* a translation to 0x200000 .*, but CR3 names other tables now: the tables lead to 0x300000 now.*; MOV to CR3 at instruction [0-9,]+ kept what is held for PCID 0x5 \(bit 63 = 1\)$
#include "planted.h"
start:
        mov %cr4, %rax
        bts $17, %rax
        mov %rax, %cr4
        mov $ROOT + 5, %eax
        mov %rax, %cr3
        mov PAGE, %eax
        /* another space: its own tables for PAGE, at SPARE */
        mov $ROOT, %esi
        mov $SPARE, %edi
        mov $0x5000 / 8, %ecx
        rep movsq
        movl $SPARE + 0x1000 + P + RW + US, SPARE
        movl $SPARE + 0x2000 + P + RW + US, SPARE + 0x1000
        movl $SPARE + 0x4000 + P + RW + US, SPARE + 0x2008
        movl $FRAME1 + P + RW + US, SPARE + 0x4000
        mov $SPARE + 5, %eax
#if PLANTED
        bts $63, %rax
#endif
        mov %rax, %cr3
        mov PAGE, %eax
        EXIT 0
