/* CR3 gets a directory that is not at a page boundary: its low bits are no address, and other tables are walked. */
//! mode: 32
//! options:
//! says: ^faultline: triple fault: the tables at CR3 = 0x20800 \(they are at 0x20000, for its bits 11:0 are no address\) map neither the instruction at 0xf[0-9a-f]+ nor the IDT
#include "planted.h"
start:
        mov $SPARE + 0x800 * PLANTED, %edi
        movl $PT0 + P + RW, (%edi)
        mov %edi, %cr3
        EXIT 0
