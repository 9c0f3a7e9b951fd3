/* TSS.RSP0 is where nothing is mapped: the first interrupt from user code resets the machine. */
//! mode: 64
//! options:
//! says: ^faultline: triple fault: the stack that RSP0 of the TSS at 0x3000 names, 0x400000, is not mapped \(PTE of 0x3ffff8 is not present\), so INT 128 cannot be delivered
#include "planted.h"
start:
        GATE 0x80, done
        movl $0, PTE(0x3ff000)
        RELOAD_CR3
#if PLANTED
        movl $0x400000, TSS + 4
#endif
        USER user
user:
        int $0x80
done:
        EXIT 0
