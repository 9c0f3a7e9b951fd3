/* CR4.LA57 is set, and the tables that CR3 is loaded with have four levels. */
//! mode: 57
//! options:
//! says: ^faultline: triple fault: CR4.LA57=1 makes the table that CR3 names, 0x20000, a PML5; as a PML4 it would allow the access to 0xf[0-9a-f]+; the tables at CR3 = 0x20000 map neither the instruction at 0xf[0-9a-f]+ nor the IDT
#include "planted.h"
start:
#if PLANTED
        movl $PDPT + P + RW, SPARE
#else
        movl $PML4 + P + RW, SPARE
#endif
        mov $SPARE, %eax
        mov %rax, %cr3
        EXIT 0
