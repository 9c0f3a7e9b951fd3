/* The handler finds a frame and forgets the P flag. */
//! mode: 32
//! options:
//! says: ^#1 kernel read of 0x200000 .*: PTE not present.* which it will again and again: the handler wrote 0x30000[0-9a-f] to the entry at 0x13800; the PTE at 0x13800 is 0x300002: still not-present
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
        movl $FRAME1 + RW + P * !PLANTED, PTE(PAGE)
        iret
