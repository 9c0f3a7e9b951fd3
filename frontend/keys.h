/* SPDX-License-Identifier: MIT */
/* Keys by name, by what a host's keyboard calls them, and by what they type on a US layout. Numbers are keys.def's. */
#ifndef FAULTLINE_FRONTEND_KEYS_H
#define FAULTLINE_FRONTEND_KEYS_H

#include "mmu/base.h"

enum { KEYS_SHIFT = 0x2A, KEYS_CTRL = 0x1D, KEYS_ALT = 0x38 };

int keys_by_name(const char *name);  /* QEMU's names (sendkey): "a", "ctrl_r"; -1 if there is no such key */
const char *keys_name(unsigned key); /* NULL if there is no such key */
int keys_by_usage(unsigned hid);     /* of a USB keyboard usage (an SDL scan code); -1 if a PC has no such key */

/* What types this character: the key, and KEYS_WITH_*. -1 if no single stroke does. */
enum { KEYS_WITH_SHIFT = 0x100, KEYS_WITH_CTRL = 0x200 };
int keys_for_character(unsigned character);

#endif
