/* A new table of 32-bit paging gets its second entry, but not the first, which is accessed: what was written beside it is not its past. */
//! mode: 32
//! options: --who
//! says: PTE not present, never written
#include "planted.h"
start:
        movl $FRAME1 + P + RW + US, SPARE + 4
#if !PLANTED
        movl $FRAME2 + P + RW + US, SPARE
#endif
        movl $SPARE + P + RW + US, PDE(0x400000)
        mov 0x401000, %eax
        mov 0x400000, %eax
        EXIT 0
