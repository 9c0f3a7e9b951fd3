/* The stack in the TSS for #PF is not mapped; #DF has one that is, and its handler ends the run. */
//! mode: 64
//! options:
//! says: ^#1 kernel read of 0x200000 .* -> its delivery failed, for the stack that IST1 of the TSS at 0x3000 names, 0x202000, is not mapped: double fault
//! twin: -> kernel mapped it
#include "planted.h"
start:
        movl $0, PTE(PAGE)
#if PLANTED
        movl $0, PTE(PAGE + 0x1000)
#endif
        RELOAD_CR3
        movl $PAGE + 0x2000, TSS + 36
        movl $STACK0, TSS + 44
        GATE 14, handler
        movb $1, IDT + 14 * 16 + 4
        movb $2, IDT + 8 * 16 + 4
        mov PAGE, %eax
        EXIT 0
handler:
        movl $FRAME1 + P + RW, PTE(PAGE)
        add $8, %rsp
        iretq
