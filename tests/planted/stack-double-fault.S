/* Endless recursion runs into the guard page below the stack; #DF has a stack of its own. */
//! mode: 64
//! options:
//! says: ^#1 kernel write to 0x5ff8 \(its stack\) .* -> its delivery failed, for the stack has run out at 0x5f[0-9a-f]+: double fault
#include "planted.h"
start:
        movl $0, PTE(0x5000)
        RELOAD_CR3
        movl $STACK0, TSS + 36
        movb $1, IDT + 8 * 16 + 4
        mov $200, %ecx
#if PLANTED
        mov $1000, %ecx
#endif
        call deeper
        EXIT 0
deeper:
        dec %ecx
        jz 1f
        call deeper
1:      ret
