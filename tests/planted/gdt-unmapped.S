/* The page of the GDT is taken away with the first pages of memory. */
//! mode: 64
//! options:
//! says: ^faultline: triple fault: the GDT at 0x1000 is not mapped any more \(PTE of 0x1008 is not present\), so #UD cannot be delivered, last written by 0xf
#include "planted.h"
start:
        GATE 6, done
#if PLANTED
        movl $0, PTE(GDT)
#endif
        RELOAD_CR3
        ud2
done:
        EXIT 0
