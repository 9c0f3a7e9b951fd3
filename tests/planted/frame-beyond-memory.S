/* A frame number is shifted twice: the address is beyond what the processor has. */
//! mode: 64
//! options:
//! says: ^#1 kernel read of 0x200000 at .*: PTE with reserved bit 46 \(beyond the processor.s physical address width\)
#include "planted.h"
start:
        mov $0x4000000000 >> 12, %eax
        shl $12 + 8 * PLANTED, %rax
        or $P + RW, %rax
        mov %rax, PTE(PAGE)
        invlpg PAGE
        mov PAGE, %eax
        EXIT 0
