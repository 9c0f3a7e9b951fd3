/* A page is taken from user code without INVLPG: it still reads what the kernel keeps there. */
//! mode: 64
//! options: --check stale-tlb
//! says: ^check stale-tlb: missing invalidation: user read of 0x200000 .* the PTE at 0x14000 has changed since: the tables refuse this access now \(supervisor-page\); written by 0xf.* \(0x200027 -> 0x200003\)
#include "planted.h"
start:
        GATE 0x80, take
        GATE 0x81, done
        USER user
user:
        mov PAGE, %eax
        int $0x80
#if PLANTED
        mov PAGE, %eax
#endif
        int $0x81
take:
        movl $PAGE + P + RW, PTE(PAGE)
#if !PLANTED
        invlpg PAGE
#endif
        iretq
done:
        EXIT 0
