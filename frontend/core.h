/* SPDX-License-Identifier: MIT */
/*
 * The machine as an ELF core file, for gdb and crash: registers in NT_PRSTATUS and in the note QEMU's dump-guest-memory
 * writes; a Linux guest's VMCOREINFO; all of RAM by physical address, and every linear range that is mapped onto it, as
 * a second view of the same bytes. ELF64 for x86-64 in long mode, or with RAM above 4 GiB; else ELF32 for the i386.
 *
 * In an ELF64 file the physical view lies at linear addresses CORE_PHYSICAL + pa, which are not canonical, so that gdb
 * reads there what a guest address cannot be; in an ELF32 file at pa itself, behind what is mapped.
 */
#ifndef FAULTLINE_FRONTEND_CORE_H
#define FAULTLINE_FRONTEND_CORE_H

#include "devices/machine.h"

#define CORE_PHYSICAL 0x4000000000000000ull

/* False with the reason (not the name) in `why`; what was written by then is removed. */
bool core_write(struct machine *, const char *path, char *why, size_t size);

#endif
