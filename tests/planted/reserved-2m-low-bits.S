/* A 2 MiB page is given a frame that is not aligned to 2 MiB. */
//! mode: 64
//! options:
//! says: ^#1 kernel read of 0x200000 at .*: PDE with reserved bit 13 \(must be 0 here\), last written by 0xf.* through 0x12008 \(0x140[0-9a-f]+ -> 0x202083\)
#include "planted.h"
start:
        movl $PAGE + P + RW + PS + 0x2000 * PLANTED, PDE(PAGE)
        RELOAD_CR3
        mov PAGE, %eax
        EXIT 0
