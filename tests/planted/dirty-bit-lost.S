/* A page is written out and marked clean without INVLPG: later writes do not mark it again, and are lost. */
//! mode: 64
//! options: --check stale-tlb
//! says: ^check stale-tlb: fragile: kernel write to 0x200000 .* the PTE at 0x14000 has changed since: its D flag was cleared, and this write does not set it again; written by 0xf
#include "planted.h"
start:
        movl $1, PAGE
        andl $~0x40, PTE(PAGE)
#if !PLANTED
        invlpg PAGE
#endif
        movl $2, PAGE
        EXIT 0
