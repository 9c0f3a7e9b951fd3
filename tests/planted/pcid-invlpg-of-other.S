/* A page is moved while another PCID is current: INVLPG does not reach the one that used it. */
//! mode: 64
//! options: --check stale-tlb
//! says: ^check stale-tlb: missing invalidation: kernel read of 0x200000 .*: a processor might still use a translation to 0x200000 .* the PTE at 0x14000 has changed since: the tables lead to 0x300000 now; written by 0xf.*; INVLPG 0x200000 at instruction [0-9,]+ was made in PCID 0x2, and this is held for PCID 0x1$
#include "planted.h"
start:
        mov %cr4, %rax
        bts $17, %rax           /* PCIDE */
        mov %rax, %cr4
        mov $ROOT + 1, %eax
        mov %rax, %cr3
        mov PAGE, %eax
        mov $ROOT + 2, %eax
        mov %rax, %cr3
        movl $FRAME1 + P + RW, PTE(PAGE)
        invlpg PAGE
        mov $ROOT + 1, %eax
#if PLANTED
        bts $63, %rax
#endif
        mov %rax, %cr3
        mov PAGE, %eax
        EXIT 0
