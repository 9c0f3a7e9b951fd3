/* The handler of #PF, in a kernel that survives the #GP that its IRETQ meets: the fault itself is told of it. */
//! mode: 64
//! options:
//! says: ^#1 user write to 0x200000 at .*: PTE not present, .* -> the handler of #PF has left its error code, 0x6, on the stack: IRETQ at 0xf[0-9a-f]+ took that as RIP, and the RIP, 0xf[0-9a-f]+, as CS: #GP
//! twin: -> kernel mapped it
#include "planted.h"
start:
        movl $0, PTE(PAGE)
        RELOAD_CR3
        GATE 14, handler
        GATE 0x80, done
        USER user
user:
        mov %eax, PAGE
        int $0x80
done:
        EXIT 0
handler:
        movl $FRAME1 + P + RW + US, PTE(PAGE)
#if !PLANTED
        add $8, %rsp
#endif
        iretq
