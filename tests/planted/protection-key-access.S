/* A thread is started with a PKRU that forbids all but key 0. */
//! mode: 64
//! options:
//! says: ^#1 user read of 0x200000 at .*: PTE with protection key 1, PKRU\.AD=1, last written by 0xf.* through 0x14004
#include "planted.h"
start:
        mov PAGE, %eax
        movl $0x08000000, PTE(PAGE) + 4
        mov %cr4, %rax
        bts $22, %rax
        mov %rax, %cr4
        xor %ecx, %ecx
        xor %edx, %edx
        mov $0x55555554, %eax
#if !PLANTED
        btr $2, %eax
#endif
        wrpkru
        RELOAD_CR3
        GATE 0x80, done
        USER user
user:
        mov PAGE, %eax
        int $0x80
done:
        EXIT 0
