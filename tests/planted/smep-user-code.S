/* The kernel calls a function of the user's. */
//! mode: 64
//! options:
//! says: ^#1 kernel fetch of 0x200000 at 0x200000.*: PTE user page, CR4\.SMEP=1
#include "planted.h"
start:
        mov $PT0, %edi
        mov $512, %ecx
1:      andb $~US, (%rdi)       /* the kernel's own pages are no user pages */
        add $8, %edi
        loop 1b
        RELOAD_CR3
        movb $0xc3, PAGE        /* ret */
#if !PLANTED
        andb $~US, PTE(PAGE)
        invlpg PAGE
#endif
        mov %cr4, %rax
        bts $20, %rax
        mov %rax, %cr4
        mov $PAGE, %eax
        call *%rax
        EXIT 0
