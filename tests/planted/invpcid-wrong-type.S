/* INVPCID of type 3 is taken for a flush of all: it retains global pages, type 2 does not. */
//! mode: 64
//! options: --check stale-tlb
//! says: ^check stale-tlb: missing invalidation: kernel read of 0x200000 .* global translation to 0x200000 .* the PTE at 0x14000 has changed since: the tables lead to 0x300000 now.*; the invalidation of all PCIDs at instruction [0-9,]+ leaves global translations$
#include "planted.h"
start:
        orl $G, PTE(PAGE)
        invlpg PAGE
        mov PAGE, %eax
        movl $FRAME1 + P + RW + G, PTE(PAGE)
        mov $2 + PLANTED, %eax
        invpcid SPARE, %rax
        mov PAGE, %eax
        EXIT 0
