/* SPDX-License-Identifier: MIT */
/* One number for all that is in the guest's memory: two runs that end alike have the same. */
#ifndef FAULTLINE_FRONTEND_RAM_HASH_H
#define FAULTLINE_FRONTEND_RAM_HASH_H

#include "devices/machine.h"

/* FNV-1a over the eight-byte words of each page of RAM that is not all zeros, after its address. Shadow RAM counts as
 * the guest would read it; video memory does not count. */
u64 ram_hash(struct machine *);

#endif
