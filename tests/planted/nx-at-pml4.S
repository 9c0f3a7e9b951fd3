/* An entry of the PML4 for data is used for code as well. */
//! mode: 64
//! options:
//! says: ^#1 kernel fetch of 0x8000200000 at 0x8000200000.*: PML4E not executable \(XD=1\), last written by 0xf.* through 0x10008
#include "planted.h"
start:
        movb $0xc3, PAGE         /* ret */
        mov $PDPT + P + RW, %eax
#if PLANTED
        bts $63, %rax
#endif
        mov %rax, ROOT + 8
        mov $0x8000200000, %rax
        call *%rax
        EXIT 0
