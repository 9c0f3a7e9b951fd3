/* Protected mode is entered, and segments are loaded before any branch. */
//! mode: 32
//! options: --check strict
//! says: ^check strict: no branch behind a change of mode: CR0.PE written at 0x[0-9a-f]+ \(mov cr0, eax, instruction [0-9,]+\), and next is mov ds, bx; SDM, "Switching to Protected Mode"; 
#include "planted.h"
start:
        mov %cr0, %eax                  /* back to real mode, through a 16-bit segment at F0000, */
        and $0x7fffffff, %eax
        mov %eax, %cr0
        jmp 1f
1:      movl $0x0000ffff, GDT + 0x30
        movl $0x00009b0f, GDT + 0x34
        ljmpl $0x30, $2f - enter
        .code16
2:      mov %cr0, %eax
        and $~1, %eax
        mov %eax, %cr0
        ljmp $0xf000, $3f - enter
3:      mov $SEL_DATA, %bx
        or $1, %eax                     /* and into it again */
        mov %eax, %cr0
#if !PLANTED
        jmp 1f
1:
#endif
        mov %bx, %ds
        EXIT 0
