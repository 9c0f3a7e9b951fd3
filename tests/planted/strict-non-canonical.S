/* A pointer with a tag in its upper bits, used as it is. */
//! mode: 64
//! options: --symbols ELF --fail-on strict
//! says: ^check strict: non-canonical address: 8-byte write to 0x100000000200000 at 0xf[0-9a-f]+ start\+0xa \(mov qword ptr \[rax\], rax, instruction [0-9,]+\); SDM, "Canonical Addressing"; 
#include "planted.h"
        .globl start
        .type start, @function
start:
#if PLANTED
        mov $0x100000000200000, %rax
#else
        mov $0x200000, %rax
#endif
        mov %rax, (%rax)
        EXIT 0
