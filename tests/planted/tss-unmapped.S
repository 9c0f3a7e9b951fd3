/* The page of the TSS is not mapped: the first interrupt from user code resets the machine. */
//! mode: 64
//! options:
//! says: ^faultline: triple fault: the TSS at 0x3000 is not mapped any more \(PTE of 0x3004 is not present\), so INT 128 cannot be delivered, last written by 0xf
#include "planted.h"
start:
#if PLANTED
        movl $0, PTE(TSS)
#endif
        RELOAD_CR3
        GATE 0x80, done
        USER user
user:
        nop
        int $0x80
done:
        EXIT 0
