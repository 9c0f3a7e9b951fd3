/* A 2 MiB page that code is copied into keeps the XD bit of the data that was there. */
//! mode: 64
//! options:
//! says: ^#1 kernel fetch of 0x200000 at 0x200000.*: PDE not executable \(XD=1\), last written by 0xf.* through 0x12008
#include "planted.h"
start:
        movb $0xc3, PAGE         /* ret */
        mov $PAGE + P + RW + PS, %eax
#if PLANTED
        bts $63, %rax
#endif
        mov %rax, PDE(PAGE)
        RELOAD_CR3
        mov $PAGE, %eax
        call *%rax
        EXIT 0
