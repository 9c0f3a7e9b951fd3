/* The address of a table is widened with its sign: all upper bits of the entry are set. */
//! mode: 64
//! options:
//! says: ^#1 kernel read of 0x400000 at .*: PDE with reserved bit 46 .*, last written by 0xf.* through 0x12010 \(0x0 -> 0xffffffff[0-9a-f]+\)
#include "planted.h"
start:
        mov $0x80000000 + PT1 + P + RW, %eax
#if PLANTED
        cltq
#else
        mov $PT1 + P + RW, %eax
#endif
        mov %rax, PDE(0x400000)
        mov 0x400000, %eax
        EXIT 0
