/* SPDX-License-Identifier: MIT */
/* ELF files with call frame information, made by hand. */
#ifndef FAULTLINE_TESTS_ELF_FILE_H
#define FAULTLINE_TESTS_ELF_FILE_H

#include <stdbool.h>
#include <stddef.h>

#define ELF_FILE_MOST 8192u
#define ELF_TEXT 0x20000u /* where it is linked: three functions of ELF_FUNCTION bytes: inner, caller, outer */
#define ELF_FUNCTION 0x100u

struct elf_file {
    bool wide;           /* ELF64 for the x86-64, or ELF32 for the i386 */
    bool debug;          /* .debug_frame, or .eh_frame */
    bool signal;         /* inner is marked as the frame of an interrupt */
    const void *program; /* call frame instructions of inner; those of caller are: nothing pushed, of outer: the last */
    size_t program_length;
    unsigned char bytes[ELF_FILE_MOST];
    size_t size, frame_at, frame_size; /* the whole, and where the call frame information is */
};

void elf_file_make(struct elf_file *);

#endif
