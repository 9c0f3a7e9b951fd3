/* A read one byte beyond a segment: its limit was forgotten in the count. */
//! mode: 32
//! options: --check strict
//! says: ^check strict: segment limit: 4-byte read of FS:0xfffd, whose limit is 0xffff at 0xf[0-9a-f]+ \(mov eax, dword ptr fs:\[0xfffd\], instruction [0-9,]+\); SDM, "Limit Checking"; 
#include "planted.h"
start:
        movl $0x0000ffff, GDT + 0x30    /* 64 KiB from 0 */
        movl $0x00409300, GDT + 0x34
        mov $0x30, %eax
        mov %ax, %fs
#if PLANTED
        mov %fs:0xfffd, %eax
#else
        mov %fs:0xfffc, %eax
#endif
        EXIT 0
