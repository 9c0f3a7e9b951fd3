/* A function pointer that was never set is called; page 0 is not mapped. */
//! mode: 64
//! options:
//! says: ^#1 kernel fetch of 0x0 at 0x0.*: PTE not present, last written by 0xf
#include "planted.h"
start:
        movl $0, PTE(0)
        RELOAD_CR3
        mov SPARE, %rax
#if !PLANTED
        mov $nothing, %eax
#endif
        call *%rax
        EXIT 0
nothing:
        ret
