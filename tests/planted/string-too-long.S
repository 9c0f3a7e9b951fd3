/* A copy is four bytes longer than its buffer, whose next page is not mapped. */
//! mode: 32
//! options:
//! says: ^#1 kernel write to 0x201000 at .*\(rep movs.*\): PTE not present, last written by 0xf
#include "planted.h"
start:
        movl $0, PTE(PAGE + 0x1000)
        invlpg PAGE + 0x1000
        mov $0x4000, %esi
        mov $PAGE, %edi
        mov $1024 + PLANTED, %ecx
        rep movsl
        EXIT 0
