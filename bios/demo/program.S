/* SPDX-License-Identifier: MIT */
/* The program file (user.c), as it lies on the simulated disk. */
        .section .rodata
        .globl program_file, program_file_end
program_file:
        .incbin "program.bin"
program_file_end:
        .section .note.GNU-stack, "", @progbits
