/* A 4 MiB page gets a base that is a multiple of 1 MiB only: bit 20 of the PDE is address bit 39. */
//! mode: 32
//! options: --check lint
//! says: ^check lint: bits 20:13 of the PDE are address bits 39:32, and there is no memory, at the end: 0000000000400000-00000000007fffff
#include "planted.h"
start:
        mov $PT0, %edi
        mov $1024, %ecx
1:      andl $~US, (%edi)
        add $4, %edi
        loop 1b
        mov %cr4, %eax
        or $0x10, %eax
        mov %eax, %cr4
        movl $0x400000 + PLANTED * 0x100000 + P + RW + PS, PDE(0x400000)
        mov 0x500000, %eax
        EXIT 0
