/* The stack that the gate of #PF names in the interrupt stack table is not mapped, as #DF has the same. */
//! mode: 64
//! options:
//! says: ^faultline: triple fault: the stack that IST1 of the TSS at 0x3000 names, 0x201000, is not mapped \(PTE of 0x200ff8 is not present\), so #PF cannot be delivered, last written by 0xf
//! twin: -> kernel mapped it
#include "planted.h"
start:
        mov PAGE, %eax
        movl $PAGE + 0x1000, TSS + 0x24
        GATE 14, handler
        movb $1, IDT + 14 * 16 + 4
        movb $1, IDT + 8 * 16 + 4       /* and that of #DF */
        movl $0, PTE(PAGE + 0x1000)
#if PLANTED
        movl $0, PTE(PAGE)
#endif
        RELOAD_CR3
        mov PAGE + 0x1000, %eax
        EXIT 0
handler:
        add $8, %rsp
        movl $FRAME1 + P + RW, PTE(PAGE + 0x1000)
        iretq
