/* SPDX-License-Identifier: MIT */
/* The demo guest as data of the program that runs it. */
        .section .rodata
        .globl demo_image, demo_image_size
        .balign 16
demo_image:
        .incbin "demo.elf"
demo_image_end:
        .balign 8
demo_image_size:
        .quad demo_image_end - demo_image
        .section .note.GNU-stack, "", @progbits
