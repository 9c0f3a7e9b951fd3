/* A page of code is loaded as data and its XD bit is left set. PAE. */
//! mode: 36
//! options:
//! says: ^#1 kernel fetch of 0x200000 at 0x200000.*: PTE not executable \(XD=1\), last written by 0xf.* through 0x14004
#include "planted.h"
start:
        movb $0xc3, PAGE         /* ret */
        movl $0x80000000 * PLANTED, PTE(PAGE) + 4
        invlpg PAGE
        mov $PAGE, %eax
        call *%eax
        EXIT 0
