/* A user page has a key, and PKRU still forbids it. */
//! mode: 64
//! options:
//! says: ^#1 kernel write to 0x200000 at .*: PTE with protection key 3, PKRU\.WD=1
#include "planted.h"
start:
        movl $0x18000000, PTE(PAGE) + 4
        mov %cr4, %rax
        bts $22, %rax
        mov %rax, %cr4
        xor %ecx, %ecx
        xor %edx, %edx
#if PLANTED
        mov $0x80, %eax
#else
        mov $0x20, %eax         /* of key 2 */
#endif
        wrpkru
        movl $1, PAGE
        EXIT 0
