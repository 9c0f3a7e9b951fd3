/* A new entry of the PML4 has no user bit: 512 GiB are the kernel's alone. */
//! mode: 64
//! options:
//! says: ^#1 user write to 0x8000200000 at .*: PML4E supervisor only \(U/S=0\), last written by 0xf.* through 0x10008
#include "planted.h"
start:
        movl $PDPT + P + RW + US * !PLANTED, ROOT + 8
        RELOAD_CR3
        GATE 0x80, done
        USER user
user:
        mov $0x8000200000, %rbx
        movl $1, (%rbx)
        int $0x80
done:
        EXIT 0
