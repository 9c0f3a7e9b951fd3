/* The new tables map the kernel, but not the low page where the GDT was left. */
//! mode: 64
//! options:
//! says: ^faultline: triple fault: the GDT at 0x1000 is not mapped any more \(PTE of 0x1008 is not present\), so #UD cannot be delivered.*; the tables before, at CR3 = 0x10000, allow it: CR3 was loaded at instruction [0-9,]+, before 0xf
#include "planted.h"
start:
        movl $SPARE + 0x1000 + P + RW, SPARE
        movl $SPARE + 0x2000 + P + RW, SPARE + 0x1000
        movl $SPARE + 0x3000 + P + RW, SPARE + 0x2000
        mov $PT0, %esi
        mov $SPARE + 0x3000, %edi
        mov $512, %ecx
        rep movsq
#if PLANTED
        movl $0, SPARE + 0x3000 + (GDT >> 12) * 8
#endif
        GATE 6, done
        mov $SPARE, %eax
        mov %rax, %cr3
        ud2
done:
        EXIT 0
