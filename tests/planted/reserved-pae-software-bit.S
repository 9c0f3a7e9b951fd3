/* Bits 62:52 are the kernel's own in long mode, and reserved with PAE. */
//! mode: 36
//! options:
//! says: ^#1 kernel read of 0x200000 at .*: PTE with reserved bit 58 .*, last written by 0xf.* through 0x14004
#include "planted.h"
start:
        mov PAGE, %eax
        movl $0x04000000 * PLANTED, PTE(PAGE) + 4
        invlpg PAGE
        mov PAGE, %eax
        EXIT 0
