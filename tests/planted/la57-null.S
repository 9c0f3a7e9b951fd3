/* A null pointer with five levels. With four the tables would lead to one of themselves: that is no cause. */
//! mode: 57
//! options:
//! says: ^#1 kernel read of 0x10 at 0xf[0-9a-f]+ \([^:]*\): PTE not present, last written by 0xf
#include "planted.h"
start:
        xor %ebx, %ebx
        movl $0, PTE(0)
        RELOAD_CR3
#if PLANTED
        mov 0x10(%rbx), %eax
#endif
        EXIT 0
