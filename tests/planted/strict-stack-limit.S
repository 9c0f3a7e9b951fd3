/* A push below an expand-down stack segment: #SS, which cannot be delivered on that stack either. */
//! mode: 32
//! options: --check strict
//! says: ^check strict: segment limit: 4-byte write to SS:0x5ffc, whose limit is 0x5fff at 0xf[0-9a-f]+ \(push eax, instruction [0-9,]+\); SDM, "Limit Checking"; 
#include "planted.h"
start:
        movl $0x00005fff, GDT + 0x30    /* from 0x6000 up */
        movl $0x00409700, GDT + 0x34
        mov $0x30, %eax
        mov %ax, %ss
#if PLANTED
        mov $0x6000, %esp
#else
        mov $0x6004, %esp
#endif
        push %eax
        EXIT 0
