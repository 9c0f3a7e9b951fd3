/* The entry of SYSCALL saves the user's stack pointer by GS without SWAPGS: its page fault needs the same, and resets. */
//! mode: 64
//! options:
//! says: ^faultline: triple fault: SWAPGS is missing: GS base is the user's, 0x0; IA32_KERNEL_GS_BASE, 0x200000, allows this access; kernel write to 0x10 at 0xf[0-9a-f]+ \(PTE of 0x10 is not present\).*, and there is no handler: entry 14 of the IDT is not present
#include "planted.h"
start:
        movl $0, PTE(0)
        RELOAD_CR3
        movb $0x0e, IDT + 14 * 16 + 5
        movb $0x0e, IDT + 8 * 16 + 5
        mov $0xc0000102, %ecx   /* IA32_KERNEL_GS_BASE */
        mov $PAGE, %eax
        xor %edx, %edx
        wrmsr
        mov $0xc0000082, %ecx   /* IA32_LSTAR */
        mov $entry, %eax
        wrmsr
        mov $0xc0000081, %ecx   /* IA32_STAR */
        mov $SEL_CODE, %edx
        wrmsr
        mov $0xc0000080, %ecx   /* IA32_EFER.SCE */
        rdmsr
        or $1, %eax
        wrmsr
        USER user
user:
        syscall
entry:
#if !PLANTED
        swapgs
#endif
        mov %rsp, %gs:0x10
        EXIT 0
