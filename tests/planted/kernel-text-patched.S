/* The kernel patches its code after it was made read-only: CR0.WP holds for it too. */
//! mode: 64
//! options:
//! says: ^#1 kernel write to 0x200000 at .*: PTE read-only \(R/W=0\), last written by 0xf
#include "planted.h"
start:
        movl $0x90909090, PAGE
        andb $~RW, PTE(PAGE)
        invlpg PAGE
#if !PLANTED
        orb $RW, PTE(PAGE)
        invlpg PAGE
#endif
        movl $0xcccccccc, PAGE
        EXIT 0
