/* The directory entry forbids the writes that the table allows. */
//! mode: 32
//! options:
//! says: ^#1 kernel write to 0x600000 at .*: PDE read-only \(R/W=0\), last written by 0xf.* through 0x10004
#include "planted.h"
start:
        movl $PT0 + P + US + RW * !PLANTED, PDE(0x400000)
        movl $1, 0x600000
        EXIT 0
