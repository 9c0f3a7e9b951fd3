/* Endless recursion runs into the guard page below the stack; no IST for #PF. */
//! mode: 64
//! options:
//! says: ^faultline: triple fault: the stack has run out at 0x5ff8 \(PTE of 0x5ff[08] is not present\), so #PF cannot be delivered
#include "planted.h"
start:
        movl $0, PTE(0x5000)
        RELOAD_CR3
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
