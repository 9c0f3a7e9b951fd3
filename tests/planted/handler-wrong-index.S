/* The handler makes a table, and sets an entry of it at an index shifted by one bit too many. */
//! mode: 64
//! options:
//! says: ^#1 kernel read of 0x40006000 .* which it will again and again: .* is 0x0: still not-present; the one entry that its table has, at 0x21018, is the PTE of 0x40003000
//! twin: -> kernel mapped it
#include "planted.h"
start:
        movl $SPARE + P + RW, PDPT + 8
        GATE 14, handler
        mov 0x40006000, %eax
        EXIT 0
handler:
        push %rax
        mov %cr2, %rax
        shr $12 + PLANTED, %eax
        and $511, %eax
        movl $SPARE + 0x1000 + P + RW, SPARE
        movl $FRAME1 + P + RW, SPARE + 0x1000(,%rax,8)
        pop %rax
        add $8, %rsp
        iretq
