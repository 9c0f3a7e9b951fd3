/* The scheduler loads CR3 while it is on a stack that only the old tables map. */
//! mode: 64
//! options:
//! says: ^faultline: triple fault: the tables at CR3 = 0x20000 do not map the stack at 0x40003f[f0-9a-f]+ \(PDPTE of 0x40003f[0-9a-f]+ is not present\), so #PF cannot be delivered
#include "planted.h"
start:
        movl $SPARE + 0x1000 + P + RW, SPARE
        movl $PD + P + RW, SPARE + 0x1000
#if !PLANTED
        movl $PD + P + RW, SPARE + 0x1008
#endif
        movl $PD + P + RW, PDPT + 8
        mov $0x40004000, %esp
        mov $SPARE, %eax
        call switch
        EXIT 0
switch:
        mov %rax, %cr3
        ret
