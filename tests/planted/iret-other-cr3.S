/* A process is returned to with the tables of another. */
//! mode: 64
//! options:
//! says: ^#1 user fetch of 0x200000 at 0x200000: PDE not present.*; the tables before, at CR3 = 0x10000, allow it: CR3 was loaded at instruction [0-9,]+, before 0xf
#include "planted.h"
start:
        movl $SPARE + 0x1000 + P + RW + US, SPARE
        movl $SPARE + 0x2000 + P + RW + US, SPARE + 0x1000
        movl $PT0 + P + RW + US, SPARE + 0x2000
        GATE 0x80, done
        movl $0x9080cd, PAGE            /* int $0x80 */
#if PLANTED
        mov $SPARE, %eax
        mov %rax, %cr3
#endif
        USER PAGE
done:
        EXIT 0
