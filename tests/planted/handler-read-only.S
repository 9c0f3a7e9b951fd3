/* The handler maps a page that was written to read-only, again and again. PAE. */
//! mode: 36
//! options:
//! says: ^#1 kernel write to 0x200000 .*: PTE not present.* again and again: the handler wrote 0x300001 to the entry at 0x14000; .* still write-protected
//! twin: -> kernel mapped it
#include "planted.h"
start:
        movl $0, PTE(PAGE)
        RELOAD_CR3
        GATE 14, handler
        movl $1, PAGE
        EXIT 0
handler:
        add $4, %esp
        movl $FRAME1 + P + RW * !PLANTED, PTE(PAGE)
        iret
