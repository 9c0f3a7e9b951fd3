/* A PAE PDPTE made like any other entry: R/W and U/S are reserved there. */
//! mode: 36
//! options: --check strict
//! says: ^check strict: reserved bits in a PDPTE: PDPTE at 0x10008 is 0x12007 as it is loaded at 0xf[0-9a-f]+ \(mov cr3, eax, instruction [0-9,]+\); SDM, "PDPTE Registers"; 
#include "planted.h"
start:
#if PLANTED
        movl $PD + P + RW + US, ROOT + 8
#else
        movl $PD + P, ROOT + 8
#endif
        RELOAD_CR3
        EXIT 0
