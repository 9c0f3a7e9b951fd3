/* SPDX-License-Identifier: MIT */
/*
 * Where members of a Linux kernel's structures lie, by the type information it carries (BTF, CONFIG_DEBUG_INFO_BTF).
 * Source: the kernel's Documentation/bpf/btf.rst. The bytes are a guest's: anything may be in them.
 */
#ifndef FAULTLINE_FRONTEND_BTF_H
#define FAULTLINE_FRONTEND_BTF_H

#include "mmu/base.h"

struct btf {
    const u8 *types, *strings; /* borrowed */
    size_t types_size, strings_size;
};

/* False where the bytes have no header of the format's first version, or do not hold what it says. */
bool btf_open(struct btf *, const u8 *bytes, size_t size);
/* The offset in bytes of a structure's member; false where none of that name has it, or not at a whole byte. */
bool btf_member(const struct btf *, const char *structure, const char *member, u32 *offset);

#endif
