/* A device is mapped without XD. Where EFER.NXE is clear there is none, and nothing to find. */
//! mode: 36
//! options: --check lint
//! says: ^check lint: executable, but neither RAM nor ROM, at the end: 0000000000200000-0000000000200fff
#include "planted.h"
start:
        mov $0xd0000000 + P, %eax
        mov %eax, PTE(PAGE)
        mov $PT0, %edi
        mov $1024, %ecx
1:      andb $~(US + RW), (%edi)
        add $8, %edi
        loop 1b
#if !PLANTED
        mov $0xc0000080, %ecx
        xor %eax, %eax
        xor %edx, %edx
        wrmsr
#endif
        RELOAD_CR3
        EXIT 0
