/* The handler returns without a change. */
//! mode: 32
//! options:
//! says: ^#1 kernel read of 0x200000 .*: PTE not present.* which it will again and again: the handler wrote no entry of any table
//! twin: -> kernel mapped it
#include "planted.h"
start:
        movl $0, PTE(PAGE)
        RELOAD_CR3
        GATE 14, handler
        mov PAGE, %eax
        EXIT 0
handler:
        add $4, %esp
#if !PLANTED
        movl $FRAME1 + P + RW, PTE(PAGE)
#endif
        iret
