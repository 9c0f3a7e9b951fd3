/* Execute-disable is set where it rules over a whole GiB. The stack's data is left alone; what runs is not. */
//! mode: 64
//! options:
//! says: ^#1 kernel fetch of 0x40000000 at 0x40000000.*: PDPTE not executable \(XD=1\), .*written by 0xf.* through 0x1100c
#include "planted.h"
start:
        mov 0, %eax
        movl $PD + P + RW + US, PDPT + 8
        movl $0, PDPT + 12
#if PLANTED
        movl $0x80000000, PDPT + 12
#endif
        movb $0xc3, 0           /* ret */
        mov $0x40000000, %eax
        call *%rax
        EXIT 0
