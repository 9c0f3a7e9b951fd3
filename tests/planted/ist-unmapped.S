/* The stack that the gate of #UD names in the interrupt stack table is not mapped. */
//! mode: 64
//! options:
//! says: ^#1 exception-stack write to 0x200ff8 \(IST1 of the TSS at 0x3000\) .*: PTE not present, last written by 0xf
#include "planted.h"
start:
        movl $PAGE + 0x1000, TSS + 0x24
        GATE 6, done
        movb $1, IDT + 6 * 16 + 4
        mov PAGE, %eax
#if PLANTED
        movl $0, PTE(PAGE)
#endif
        RELOAD_CR3
        ud2
done:
        EXIT 0
