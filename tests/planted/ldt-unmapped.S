/* The page of the LDT is not mapped when a selector of it is loaded. */
//! mode: 32
//! options:
//! says: ^#1 descriptor read of 0x20000[8-c] at .*: PTE not present, last written by 0xf
#include "planted.h"
start:
        movl $0x00000017, GDT + 0x30
        movl $0x00008220, GDT + 0x34
        movl $0x0000ffff, PAGE + 8
        movl $0x00cf9300, PAGE + 12
        mov $0x30, %eax
        lldt %ax
#if PLANTED
        movl $0, PTE(PAGE)
        invlpg PAGE
#endif
        mov $0xc, %eax
        mov %eax, %fs
        EXIT 0
