/* TSS.ESP0 is left at a kernel stack that was freed and unmapped. */
//! mode: 32
//! options:
//! says: ^faultline: triple fault: the stack that TSS\.ESP0 names is not mapped \(PTE of 0x3ffffc is not present\), so INT 128 cannot be delivered
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
