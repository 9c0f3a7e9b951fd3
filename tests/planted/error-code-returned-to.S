/* The handler of #PF is a function of C's, which ends in RET. */
//! mode: 64
//! options:
//! says: ^#1 kernel write to 0x200000 at .*: PTE not present, .* -> the handler of #PF has left its error code, 0x2, on the stack, and RET, where IRET belongs, took that as the return address
//! twin: -> kernel mapped it
#include "planted.h"
start:
        movl $0, PTE(0)
        movl $0, PTE(PAGE)
        RELOAD_CR3
        GATE 14, handler
        mov %eax, PAGE
        EXIT 0
handler:
        GATE 14, unhandled
        movl $FRAME1 + P + RW, PTE(PAGE)
#if PLANTED
        ret
#else
        add $8, %rsp
        iretq
#endif
