/* Paging is turned off, and the next instruction is no branch. */
//! mode: 32
//! options: --check strict
//! says: ^check strict: no branch behind a change of mode: CR0.PG written at 0xf[0-9a-f]+ \(mov cr0, eax, instruction [0-9,]+\), and next is nop; SDM, "Serializing Instructions"; 
#include "planted.h"
start:
        mov %cr0, %eax
        and $0x7fffffff, %eax
        mov %eax, %cr0
#if !PLANTED
        jmp 1f
1:
#endif
        nop
        EXIT 0
