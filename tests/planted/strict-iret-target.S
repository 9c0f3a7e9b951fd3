/* IRET to an address that is not canonical: the one behind the lower half. */
//! mode: 64
//! options: --check strict
//! says: ^check strict: non-canonical target: transfer to 0x800000000000 at 0xf[0-9a-f]+ \(iretq, instruction [0-9,]+\); SDM, "Canonical Addressing"; 
#include "planted.h"
start:
        pushq $SEL_UDATA
        pushq $USER_STACK
        pushq $2
        pushq $SEL_UCODE
#if PLANTED
        mov $0x800000000000, %rax
#else
        mov $user, %eax
#endif
        push %rax
        iretq
user:
        EXIT 0
