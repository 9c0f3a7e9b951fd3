/* The handler maps the page that is missing in the table of another address space: the fault comes back for ever. */
//! mode: 64
//! options:
//! says: ^#1 kernel read of 0x200000 .*: PTE not present.* which it will again and again: the handler wrote 0x300003 at 0x24000, but no entry that this access walks: no table that CR3 = 0x10000 leads to has it
//! twin: -> kernel mapped it
#include "planted.h"
start:
        /* another space, at SPARE, used once so that it is known */
        mov $ROOT, %esi
        mov $SPARE, %edi
        mov $0x5000 / 8, %ecx
        rep movsq
        movl $SPARE + 0x1000 + P + RW + US, SPARE
        movl $SPARE + 0x2000 + P + RW + US, SPARE + 0x1000
        movl $SPARE + 0x4000 + P + RW + US, SPARE + 0x2008
        mov $SPARE, %eax
        mov %rax, %cr3
        mov PAGE, %eax
        movl $0, SPARE + 0x4000
        mov $ROOT, %eax
        mov %rax, %cr3
        movl $0, PTE(PAGE)
        invlpg PAGE
        GATE 14, handler
        mov PAGE, %eax
        EXIT 0
handler:
        add $8, %rsp
#if PLANTED
        movl $0, SPARE + 0x4000
        movl $FRAME1 + P + RW, SPARE + 0x4000
#else
        movl $FRAME1 + P + RW, PTE(PAGE)
#endif
        iretq
