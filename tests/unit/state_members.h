/* SPDX-License-Identifier: MIT */
/* What the compiler says of a struct (DWARF), against what its table says: no member is forgotten. */
#ifndef FAULTLINE_TESTS_UNIT_STATE_MEMBERS_H
#define FAULTLINE_TESTS_UNIT_STATE_MEMBERS_H

#include "mmu/state.h"

bool members_open(void); /* of the running program */
void members_close(void);

/* Each member of the struct is one field of the table, of the same place and size; bools and enums are held to a range,
 * and pointers are not kept. Where several structs have the name and size, one of them must fit. False with `why`. */
bool members_accounted(const struct state_table *, char *why, size_t size);

#endif
