/* With five levels, the uppermost entry forbids to execute what all below allow. */
//! mode: 57
//! options:
//! says: ^#1 kernel fetch of 0x1000000200000 at 0x1000000200000.*: PML5E not executable \(XD=1\), last written by 0xf.* through 0x10008
#include "planted.h"
start:
        movb $0xc3, PAGE         /* ret */
        mov $PML4 + P + RW, %eax
#if PLANTED
        bts $63, %rax
#endif
        mov %rax, ROOT + 8
        mov $0x1000000200000, %rax
        call *%rax
        EXIT 0
