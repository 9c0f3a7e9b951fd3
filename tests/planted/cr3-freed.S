/* CR3 is loaded with a table that was freed and cleared. */
//! mode: 64
//! options:
//! says: ^faultline: triple fault: the tables at CR3 = 0x20000 map neither the instruction at 0xf[0-9a-f]+ nor the IDT \(PML4E of 0xf[0-9a-f]+ is not present\)
#include "planted.h"
start:
        mov $ROOT, %esi
        mov $SPARE, %edi
        mov $512, %ecx
        rep movsq
        mov $SPARE, %eax
        mov %rax, %cr3
        mov PAGE, %eax
        mov $ROOT, %eax
        mov %rax, %cr3
#if PLANTED
        movl $0, SPARE
#endif
        mov $SPARE, %eax
        mov %rax, %cr3
        EXIT 0
