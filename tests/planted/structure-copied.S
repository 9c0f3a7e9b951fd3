/* A page table is moved, each entry alike, without INVLPG: D is set in the old one, where nobody will look for it. */
//! mode: 64
//! options: --check stale-tlb
//! says: ^check stale-tlb: fragile: kernel write to 0x201000 .*: a processor might still use a cached PDE to the table at 0x14000, .* but the PDE at 0x12008 has changed since: the tables lead to the same page now, but A and D are set in those of before
#include "planted.h"
start:
        mov PAGE, %eax
        mov $PT1, %esi
        mov $SPARE, %edi
        mov $1024, %ecx
        rep movsl
        movl $SPARE + P + RW, PDE(PAGE)
#if !PLANTED
        invlpg PAGE
#endif
        movl $1, PAGE + 0x1000
        EXIT 0
