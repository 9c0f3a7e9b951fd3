/* An access goes over the end of a buffer's last page; the next is not mapped. */
//! mode: 64
//! options:
//! says: ^#1 kernel read of 0x201000 at .*\(mov eax, dword ptr \[0x200ffe\]\): PTE not present, last written by 0xf
#include "planted.h"
start:
        mov PAGE, %eax
        movl $0, PTE(PAGE + 0x1000)
        invlpg PAGE + 0x1000
        mov PAGE + 0xffe - 2 * !PLANTED, %eax
        EXIT 0
