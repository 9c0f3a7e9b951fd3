/* The XD bit is used before EFER.NXE allows it. */
//! mode: 64
//! options:
//! says: ^#1 kernel read of 0x200000 at .*: PTE with reserved bit 63 \(XD, and EFER\.NXE=0\), last written by 0xf
#include "planted.h"
start:
#if PLANTED
        mov $0xc0000080, %ecx
        rdmsr
        btr $11, %eax
        wrmsr
#endif
        mov PAGE, %eax
        movl $0x80000000, PTE(PAGE) + 4
        invlpg PAGE
        mov PAGE, %eax
        EXIT 0
