/* The entry of an interrupt from user code uses its data by GS before it has executed SWAPGS. */
//! mode: 64
//! options:
//! says: ^#1 kernel read of 0x400010 at .*: SWAPGS is missing: GS base is the user's, 0x400000; IA32_KERNEL_GS_BASE, 0x200000, allows this access; PDE not present
#include "planted.h"
start:
        mov $0xc0000101, %ecx   /* IA32_GS_BASE */
        mov $0x400000, %eax
        xor %edx, %edx
        wrmsr
        mov $0xc0000102, %ecx   /* IA32_KERNEL_GS_BASE */
        mov $PAGE, %eax
        wrmsr
        GATE 0x80, entry
        USER user
user:
        int $0x80
entry:
#if !PLANTED
        swapgs
#endif
        mov %gs:0x10, %rax
        EXIT 0
