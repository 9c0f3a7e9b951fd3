/* SPDX-License-Identifier: MIT */
/*
 * What a Linux guest tells the readers of its core files: where it runs (KASLR), how its structures are laid out. It
 * keeps that in memory as a finished ELF note, on a page boundary (kernel/crash_core.c, CONFIG_CRASH_CORE), and so it
 * is found without any symbols.
 */
#ifndef FAULTLINE_FRONTEND_VMCOREINFO_H
#define FAULTLINE_FRONTEND_VMCOREINFO_H

#include "devices/machine.h"

#define VMCOREINFO_MOST 4096u /* a page of text, by the kernel */

/*
 * Copies the note's text to `text`, which has room for VMCOREINFO_MOST bytes; returns its length, 0 if there is none.
 * Of several (a kernel that was started by another leaves the other's) the one whose kernel is mapped now, else the
 * first.
 */
size_t vmcoreinfo_find(struct machine *, char *text);

#endif
