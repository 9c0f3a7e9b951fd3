/* The gate of #PF holds an address that is not mapped any more: each fetch there is another #PF, until the frames have filled the stack. */
//! mode: 64
//! options:
//! says: ^faultline: triple fault: the handler of #PF, at 0x200000, cannot be fetched \(PTE of 0x200000 is not present\), last written by 0xf.* so #PF leads to #PF until the stack has run out at 0x5f
//! twin: -> kernel mapped it
#include "planted.h"
start:
        movl $0, PTE(0x5000)
        movl $0x201000 + P, PTE(PAGE)
        mov $handler, %esi
        mov $0x201000, %edi
        mov $handler_end - handler, %ecx
        rep movsb
#if PLANTED
        movl $0, PTE(PAGE)
#endif
        movl $0, PTE(FRAME1)
        RELOAD_CR3
        GATE 14, PAGE
        mov FRAME1, %eax
        EXIT 0
handler:
        movl $FRAME2 + P + RW, PTE(FRAME1)
        add $8, %rsp
        iretq
handler_end:
