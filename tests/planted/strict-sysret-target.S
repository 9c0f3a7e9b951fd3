/* SYSRET with a return address that is not canonical: #GP at CPL 0, on the user's stack. */
//! mode: 64
//! options: --check strict
//! says: ^check strict: non-canonical target: transfer to 0x800000000000 at 0xf[0-9a-f]+ \(sysret.*, instruction [0-9,]+\); SDM, "Canonical Addressing"; 
#include "planted.h"
start:
        mov $0xc0000080, %ecx           /* EFER.SCE */
        rdmsr
        or $1, %eax
        wrmsr
        mov $0xc0000081, %ecx           /* STAR: SYSRET takes CS from 0x18, SS from 0x20 */
        xor %eax, %eax
        mov $0x00080008, %edx
        wrmsr
#if PLANTED
        mov $0x800000000000, %rcx
#else
        mov $user, %ecx
#endif
        mov $2, %r11d
        sysretq
user:
        EXIT 0
