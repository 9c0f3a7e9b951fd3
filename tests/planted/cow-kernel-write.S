/* The handler copies on write only for user code: a write by the kernel to the same page comes back for ever. PAE. */
//! mode: 36
//! options:
//! says: ^#1 kernel write to 0x200000 .*: PTE read-only \(R/W=0\), last written by 0xf.* again and again: the handler wrote no entry of any table
//! twin: -> kernel (gave it|made it)
#include "planted.h"
start:
        mov PAGE, %eax
        andb $~RW, PTE(PAGE)
        invlpg PAGE
        GATE 14, handler
        movl $1, PAGE
        EXIT 0
handler:
        pop %eax
#if PLANTED
        test $4, %al            /* U */
        jz 1f
#endif
        movl $FRAME1 + P + RW + US, PTE(PAGE)
        invlpg PAGE
1:      iret
