/* The kernel reads what the user left without STAC. */
//! mode: 64
//! options:
//! says: ^#1 kernel read of 0x200000 at .*: PTE user page, CR4.SMAP=1
#include "planted.h"
start:
        mov $PT0, %edi
        mov $512, %ecx
1:      andb $~US, (%rdi)       /* the kernel's own pages are no user pages */
        add $8, %edi
        loop 1b
        RELOAD_CR3
        mov %cr4, %rax
        bts $21, %rax
        mov %rax, %cr4
#if !PLANTED
        stac
#endif
        mov PAGE, %eax
        clac
        EXIT 0
