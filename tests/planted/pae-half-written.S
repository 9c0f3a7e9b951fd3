/* A PAE entry is written in halves, the one with the P flag first: the other still has what a swapped page had. */
//! mode: 36
//! options:
//! says: ^#1 kernel read of 0x200000 at .*: PTE with reserved bit .*, last written by 0xf.* through 0x14000
#include "planted.h"
start:
        mov PAGE, %eax
        movl $0, PTE(PAGE)
        movl $0x00400000, PTE(PAGE) + 4 /* where it is in the swap */
        invlpg PAGE
#if !PLANTED
        movl $0, PTE(PAGE) + 4
#endif
        movl $FRAME1 + P + RW, PTE(PAGE)
        mov PAGE, %eax
        movl $0, PTE(PAGE) + 4
        EXIT 0
