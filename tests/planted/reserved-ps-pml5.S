/* PS is set in an entry of the PML5. */
//! mode: 57
//! options:
//! says: ^#1 kernel read of 0x1000000200000 at .*: PML5E with reserved bit 7 \(PS, which this level does not have\), last written by 0xf.* through 0x10008
#include "planted.h"
start:
        movl $PML4 + P + RW + PS * PLANTED, ROOT + 8
        mov $0x1000000200000, %rbx
        mov (%rbx), %eax
        EXIT 0
