/* The GDT lies in a user page: SMAP forbids its use even after STAC. */
//! mode: 64
//! options:
//! says: ^faultline: triple fault: the GDT at 0x200000 cannot be used \(PTE of 0x200008 is a user page \(U/S=1\), CR4\.SMAP=1 and the read was implicit
#include "planted.h"
start:
        mov $PT0, %edi
        mov $512, %ecx
1:      andb $~US, (%rdi)       /* the kernel's own pages are no user pages */
        add $8, %edi
        loop 1b
        RELOAD_CR3
        mov $GDT, %esi
        mov $PAGE, %edi
        mov $16, %ecx
        rep movsq
        movl $PAGE, SPARE + 2
        movw $0x3f, SPARE
        lgdt SPARE
#if !PLANTED
        andb $~US, PTE(PAGE)
        invlpg PAGE
#endif
        mov %cr4, %rax
        bts $21, %rax
        mov %rax, %cr4
        stac
        mov $SEL_DATA, %eax
        mov %eax, %ds
        clac
        EXIT 0
