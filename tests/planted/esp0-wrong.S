/* TSS.ESP0 is left at a kernel stack that was freed and unmapped. */
//! mode: 32
//! options:
//! says: ^faultline: triple fault: the stack that ESP0 of the TSS at 0x3000 names, 0x400000, is not mapped \(PTE of 0x3ffffc is not present\), so INT 128 cannot be delivered
#include "planted.h"
start:
#if PLANTED
        movl $0x400000, TSS + 4
#endif
        movl $0, PTE(0x3ff000)
        RELOAD_CR3
        GATE 0x80, done
        USER user
user:
        nop
        int $0x80
done:
        EXIT 0
