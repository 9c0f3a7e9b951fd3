/* The write bit is missing where it rules over a GiB; the entries below have it. */
//! mode: 64
//! options:
//! says: ^#1 kernel write to 0x40200000 at .*: PDPTE read-only \(R/W=0\), last written by 0xf.* through 0x11008
#include "planted.h"
start:
        movl $PD + P + US + RW * !PLANTED, PDPT + 8
        movl $1, 0x40200000
        EXIT 0
