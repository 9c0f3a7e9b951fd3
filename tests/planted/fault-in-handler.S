/* The handler itself reads what is not mapped. */
//! mode: 64
//! options:
//! says: ^#2 kernel read of 0x201000 at .*, while handling #1: PTE not present.* again and again
//! twin: -> kernel mapped it
#include "planted.h"
start:
        movl $0, PTE(PAGE)
        movl $0, PTE(PAGE + 0x1000)
        RELOAD_CR3
        GATE 14, handler
        mov PAGE, %eax
        EXIT 0
handler:
        add $8, %rsp
#if PLANTED
        GATE 14, again
        mov PAGE + 0x1000, %eax
#endif
        movl $FRAME1 + P + RW, PTE(PAGE)
        iretq
again:
        add $8, %rsp
        iretq
