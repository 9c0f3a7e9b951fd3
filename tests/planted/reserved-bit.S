/* The mask that makes an entry of an address is too wide: bit 51 stays set. */
//! mode: 64
//! options:
//! says: ^#1 kernel read of 0x200000 at .*: PTE with reserved bit 51 .*, last written by 0xf.* \(0x200027 -> 0x8000000200007\)
#include "planted.h"
start:
        mov PAGE, %eax
        mov $PAGE + P + RW + US, %eax
#if PLANTED
        bts $51, %rax
#endif
        mov %rax, PTE(PAGE)
        invlpg PAGE
        mov PAGE, %eax
        EXIT 0
