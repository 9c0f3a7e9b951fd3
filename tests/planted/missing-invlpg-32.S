/* An address is given another frame without INVLPG, 32-bit paging, at CPL 3. */
//! mode: 32
//! options: --check stale-tlb
//! says: ^check stale-tlb: missing invalidation: user read of 0x200000 .* the tables lead to 0x300000 now; written by 0xf
#include "planted.h"
start:
        GATE 0x80, remap
        GATE 0x81, done
        USER user
user:
        mov $SEL_UDATA, %eax
        mov %eax, %ds
        mov PAGE, %eax
        int $0x80
        mov PAGE, %eax
        int $0x81
remap:
        push %ds
        mov $SEL_DATA, %eax
        mov %eax, %ds
        movl $FRAME1 + P + RW + US, PTE(PAGE)
#if !PLANTED
        invlpg PAGE
#endif
        pop %ds
        iret
done:
        EXIT 0
