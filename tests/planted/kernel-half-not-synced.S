/* The kernel maps more of its half in the first tables; those of a process were copied before. */
//! mode: 64
//! options: --who
//! says: ^#1 kernel read of 0xffff800000200000 at .*: PML4E not present, never written since reset
#include "planted.h"
start:
        mov $ROOT, %esi
        mov $SPARE, %edi
        mov $512, %ecx
        rep movsq
        mov $SPARE, %eax
        mov %rax, %cr3
        mov PAGE, %eax
        mov $ROOT, %eax
        mov %rax, %cr3
        mov PAGE, %eax
        movl $PDPT + P + RW, ROOT + 0x800
#if !PLANTED
        movl $PDPT + P + RW, SPARE + 0x800
#endif
        mov $SPARE, %eax
        mov %rax, %cr3
        mov $0xffff800000200000, %rbx
        mov (%rbx), %eax
        EXIT 0
