/* All handlers are one, which takes no error code away: #GP leads to #GP until the stack has run out. */
//! mode: 32
//! options:
//! says: ^faultline: triple fault: the handler of #GP has left its error code, 0x[0-9a-f]+, on the stack: IRET at 0xf[0-9a-f]+ took that as EIP, and the EIP, 0xf[0-9a-f]+, as CS; the stack has run out at 0x1ffff8 .* so #GP cannot be delivered
//! twin: -> kernel mapped it
#include "planted.h"
start:
        movl $0, PTE(PAGE - 0x1000)
        movl $0, PTE(PAGE + 0x2000)
        RELOAD_CR3
        mov $PAGE + 0x2000, %esp
        GATE 14, handler
        GATE 13, handler
        mov PAGE + 0x2000, %eax
        EXIT 0
handler:
        movl $FRAME1 + P + RW, PTE(PAGE + 0x2000)
#if !PLANTED
        add $4, %esp
#endif
        iretl
