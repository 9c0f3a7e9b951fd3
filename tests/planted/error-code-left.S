/* The handler of #PF returns without having removed the error code; the #GP of its IRETQ has no handler. */
//! mode: 64
//! options:
//! says: ^faultline: triple fault: the handler of #PF has left its error code, 0x0, on the stack: IRETQ at 0xf[0-9a-f]+ took that as RIP, and the RIP, 0xf[0-9a-f]+, as CS; entry 13 of the IDT is not present, so #GP cannot be delivered
//! twin: -> kernel mapped it
#include "planted.h"
start:
        movl $0, PTE(PAGE)
        RELOAD_CR3
        GATE 14, handler
        movb $0x0e, IDT + 13 * 16 + 5
        movb $0, IDT + 8 * 16 + 5
        mov PAGE, %eax
        EXIT 0
handler:
        movl $FRAME1 + P + RW, PTE(PAGE)
#if !PLANTED
        add $8, %rsp
#endif
        iretq
