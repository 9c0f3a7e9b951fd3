/* The handler rounds the address to more than a page, and maps another page. */
//! mode: 64
//! options:
//! says: ^#1 kernel read of 0x201234 .*: PTE not present.* which it will again and again: the handler wrote 0x300003 at 0x14000, but no entry that this access walks: it is the PTE of 0x200000; the PTE at 0x14008 is 0x0: still
//! twin: -> kernel mapped it
#include "planted.h"
start:
        movl $0, PTE(PAGE)
        movl $0, PTE(PAGE + 0x1000)
        RELOAD_CR3
        GATE 14, handler
        mov PAGE + 0x1234, %eax
        EXIT 0
handler:
        add $8, %rsp
        mov %cr2, %rbx
#if PLANTED
        and $~0x1fff, %rbx
#endif
        shr $12, %rbx
        movl $0, PT0(,%rbx,8)
        movl $FRAME1 + P + RW, PT0(,%rbx,8)
        invlpg PAGE
        iretq
