/* The handler of #PF writes to a log that is not mapped: it faults before it has done anything, again and again. */
//! mode: 64
//! options:
//! says: ^faultline: triple fault: the handler of #PF faults itself, by a kernel write to 0x201000 \(PTE of 0x201000 is not present\), again and again until the stack has run out at 0x5f
//! twin: -> kernel mapped it
#include "planted.h"
start:
        movl $0, PTE(0x5000)
        movl $0, PTE(PAGE)
#if PLANTED
        movl $0, PTE(PAGE + 0x1000)
#endif
        RELOAD_CR3
        GATE 14, handler
        mov PAGE, %eax
        EXIT 0
handler:
        push %rax
        mov %cr2, %rax
        mov %rax, PAGE + 0x1000
        pop %rax
        movl $FRAME1 + P + RW, PTE(PAGE)
        add $8, %rsp
        iretq
