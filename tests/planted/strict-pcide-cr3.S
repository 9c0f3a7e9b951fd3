/* CR4.PCIDE is set while CR3 still has a flag set in its low bits: #GP. */
//! mode: 64
//! options: --check strict
//! says: ^check strict: control register refused: CR4 may not be 0x2[0-9a-f]+, for PCIDE is set, and CR3\[11:0\] is not 0, at 0xf
#include "planted.h"
start:
        mov $ROOT + 8 * PLANTED, %eax
        mov %rax, %cr3
        mov %cr4, %rax
        bts $17, %rax
        mov %rax, %cr4
        EXIT 0
