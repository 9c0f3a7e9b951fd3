/* The page of the IDT is not mapped in the new tables: the first exception resets the machine. */
//! mode: 64
//! options:
//! says: ^faultline: triple fault: the IDT at 0x2000 is not mapped any more \(PTE of 0x2060 is not present\), so #UD cannot be delivered
#include "planted.h"
start:
        GATE 6, done
#if PLANTED
        movl $0, PTE(IDT)
        RELOAD_CR3
#endif
        ud2
done:
        EXIT 0
