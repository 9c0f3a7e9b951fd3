/* The handler gives user code the directory entry, but not the page. */
//! mode: 64
//! options:
//! says: ^#1 user read of 0x200000 .*: PTE supervisor only.* which it will again and again: the handler wrote 0x14007 to the entry at 0x12008; the PTE at 0x14000 is 0x200003: still supervisor-page
//! twin: -> kernel (mapped|permitted) it
#include "planted.h"
start:
        GATE 14, handler
        movl $PAGE + P + RW, PTE(PAGE)
        RELOAD_CR3
        GATE 0x80, done
        USER user
user:
        mov PAGE, %eax
        int $0x80
done:
        EXIT 0
handler:
        add $8, %rsp
#if PLANTED
        movl $PT1 + P + RW, PDE(PAGE)
        movl $PT1 + P + RW + US, PDE(PAGE)
#else
        movl $PAGE + P + RW + US, PTE(PAGE)
#endif
        invlpg PAGE
        iretq
