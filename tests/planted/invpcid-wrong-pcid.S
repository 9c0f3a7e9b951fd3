/* INVPCID of one address is given the PCID of another space. */
//! mode: 64
//! options: --check stale-tlb
//! says: ^check stale-tlb: missing invalidation: kernel read of 0x200000 .* used a translation to 0x200000 .* the PTE at 0x14000 has changed since: the tables refuse this access now \(not-present\).*; INVPCID of 0x200000 at instruction [0-9,]+ names PCID 0x2, and this is held for PCID 0x1$
#include "planted.h"
start:
        mov %cr4, %rax
        bts $17, %rax           /* PCIDE */
        mov %rax, %cr4
        mov $ROOT + 1, %eax
        mov %rax, %cr3
        mov PAGE, %eax
        movl $0, PTE(PAGE)
        movl $1 + PLANTED, SPARE
        movl $PAGE, SPARE + 8
        xor %eax, %eax
        invpcid SPARE, %rax
#if PLANTED
        mov PAGE, %eax
#endif
        EXIT 0
