/* An exception in the kernel, whose handler executes SWAPGS as if it came from user code. */
//! mode: 64
//! options:
//! says: ^#1 kernel write to 0x400010 at .*: one SWAPGS too many: #UD came at CPL 0, with GS base 0x200000, which allows this access, and now it is 0x400000; PDE not present
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
        GATE 6, handler
        USER user
user:
        int $0x80
entry:
        swapgs
        movq $1, %gs:0x10
        ud2
handler:
#if PLANTED
        swapgs
#else
        testb $3, 8(%rsp)
        jz 1f
        swapgs
1:
#endif
        movq $2, %gs:0x10
        EXIT 0
