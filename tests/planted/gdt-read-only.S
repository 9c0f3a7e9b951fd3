/* The GDT is made read-only, and a descriptor in it is not marked accessed: the processor would. */
//! mode: 64
//! options:
//! says: ^#1 descriptor write to 0x101[0-7] at .*: PTE read-only \(R/W=0\), last written by 0xf
#include "planted.h"
start:
        mov $0x92, %al
#if !PLANTED
        or $1, %al
#endif
        movb %al, GDT + SEL_DATA + 5
        andb $~RW, PTE(GDT)
        invlpg GDT
        mov $SEL_DATA, %eax
        mov %eax, %ds
        EXIT 0
