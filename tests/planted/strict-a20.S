/* The second MiB is used while A20 is masked: it is the first. */
//! mode: 32
//! options: --check strict
//! says: ^check strict: A20 is masked: access to 0x300000 meets 0x200000, not 0x300000 at 0xf[0-9a-f]+ \(mov dword ptr \[0x300000\], eax, instruction [0-9,]+\); 
#include "planted.h"
start:
        in $0x92, %al
#if PLANTED
        and $~2, %al
#else
        or $2, %al
#endif
        out %al, $0x92
        mov %eax, FRAME1
        EXIT 0
