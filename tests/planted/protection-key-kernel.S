/* A page of the kernel has a key that IA32_PKRS still closes. */
//! mode: 64
//! options:
//! says: ^#1 kernel write to 0x200000 at .*: PTE with protection key 2, IA32_PKRS\.WD=1, last written by 0xf
#include "planted.h"
start:
        mov PAGE, %eax
        movl $0x10000000, PTE(PAGE) + 4
        andb $~US, PTE(PAGE)
        mov %cr4, %rax
        bts $24, %rax
        mov %rax, %cr4
        mov $0x6e1, %ecx
        xor %edx, %edx
        mov $0x20 * PLANTED, %eax
        wrmsr
        movl $1, PAGE
        EXIT 0
