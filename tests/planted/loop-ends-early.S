/* A loop maps a buffer, but for its last page; the buffer is used long after. */
//! mode: 64
//! options:
//! says: ^#1 kernel write to 0x203000 .*: PTE not present, last written by 0xf.*; the entry beside it, at 0x14010, was written by 0xf
#include "planted.h"
start:
        mov $PTE(PAGE), %edi
        mov $8, %ecx
        xor %eax, %eax
        mov PAGE, %edx
        rep stosq
        RELOAD_CR3
        mov $PTE(PAGE), %edi
        mov $FRAME1 + P + RW, %eax
1:      mov %eax, (%rdi)
        add $8, %edi
        add $0x1000, %eax
        cmp $PTE(PAGE) + 24 + 8 * !PLANTED, %edi
        jb 1b
        mov $PAGE, %edi
        mov $0x800, %ecx
        rep stosq
        EXIT 0
