/* A PAE PDPTE is written, but CR3 is not loaded again: the processor goes on with the register it read before. */
//! mode: 36
//! options:
//! says: ^#1 kernel read of 0x40000000 .*: PDPTE not present in its register, though memory at 0x10008 holds 0x12001 now
#include "planted.h"
start:
        movl $PD + P, ROOT + 8
#if !PLANTED
        RELOAD_CR3
#endif
        mov 0x40000000, %eax
        EXIT 0
