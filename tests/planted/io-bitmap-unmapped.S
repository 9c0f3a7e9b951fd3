/* The I/O permission bitmap is on the page after the TSS, which is not mapped. */
//! mode: 32
//! options:
//! says: ^#1 bitmap read of 0x4010 at .*: PTE not present, last written by 0xf
#include "planted.h"
start:
        movl $0x1000 << 16, TSS + 0x64
        movw $0x2000, GDT + SEL_TSS
#if PLANTED
        movl $0, PTE(0x4000)
#endif
        mov $0x28, %eax
        andb $~2, GDT + SEL_TSS + 5     /* not busy */
        ltr %ax
        RELOAD_CR3
        GATE 0x80, done
        USER user
user:
        mov $0x80, %dx
        in %dx, %al
        int $0x80
done:
        EXIT 0
