/* PS is set in an entry of the PML4, as though there were pages of 512 GiB. */
//! mode: 64
//! options:
//! says: ^#1 kernel read of 0x8000200000 at .*: PML4E with reserved bit 7 \(PS, which this level does not have\), last written by 0xf.* through 0x10008
#include "planted.h"
start:
        movl $PDPT + P + RW + PS * PLANTED, ROOT + 8
        mov $0x8000200000, %rbx
        mov (%rbx), %eax
        EXIT 0
