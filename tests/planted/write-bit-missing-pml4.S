/* The write bit is missing in the PML4; the entries below have it. */
//! mode: 64
//! options:
//! says: ^#1 kernel write to 0x8000200000 at .*: PML4E read-only \(R/W=0\), last written by 0xf.* through 0x10008
#include "planted.h"
start:
        movl $PDPT + P + US + RW * !PLANTED, ROOT + 8
        mov $0x8000200000, %rbx
        movl $1, (%rbx)
        EXIT 0
