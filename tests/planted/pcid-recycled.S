/* A new process gets the PCID of a dead one, and its CR3 is loaded with bit 63 set, after a visit to the kernel's own PCID. */
//! mode: 64
//! options: --check stale-tlb
//! says: ^check stale-tlb: missing invalidation: kernel read of 0x200000 .* but CR3 names other tables now: the tables lead to 0x300000 now; MOV to CR3 at instruction [0-9,]+ kept what is held for PCID 0x3 \(bit 63 = 1\)$
#include "planted.h"
start:
        mov %cr4, %rax
        bts $17, %rax           /* PCIDE */
        mov %rax, %cr4
        cld
        mov $ROOT, %esi         /* the second process: the same but for one page */
        mov $SPARE, %edi
        mov $0x1000, %ecx
        rep movsl               /* PML4, PDPT, PD, and PT0 */
        mov $PT1, %esi
        mov $SPARE + 0x4000, %edi
        mov $0x400, %ecx
        rep movsl
        movl $SPARE + 0x1000 + P + RW + US, SPARE
        movl $SPARE + 0x2000 + P + RW + US, SPARE + 0x1000
        movl $SPARE + 0x4000 + P + RW + US, SPARE + 0x2008
        movl $FRAME1 + P + RW + US, SPARE + 0x4000
        mov $ROOT + 3, %eax
        mov %rax, %cr3
        mov PAGE, %eax
        mov $ROOT, %eax         /* the kernel */
        mov %rax, %cr3
        mov $SPARE + 3, %eax
#if PLANTED
        bts $63, %rax
#endif
        mov %rax, %cr3
        mov PAGE, %eax
        EXIT 0
