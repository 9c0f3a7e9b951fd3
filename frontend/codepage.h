/* SPDX-License-Identifier: MIT */
/* Code page 437, which PCs show, in Unicode. */
#ifndef FAULTLINE_FRONTEND_CODEPAGE_H
#define FAULTLINE_FRONTEND_CODEPAGE_H

#include "mmu/base.h"

/* The character as it looks on the screen, in UTF-8: 1 to 3 bytes. */
unsigned codepage_utf8(u8 code, char utf8[4]);

#endif
