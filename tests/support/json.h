/* SPDX-License-Identifier: MIT */
/* Is a text JSON (RFC 8259)? */
#ifndef FAULTLINE_TESTS_JSON_H
#define FAULTLINE_TESTS_JSON_H

#include "mmu/base.h"

/* One value and nothing after it but blanks. NULL, or where it stops being JSON. */
const char *json_error(const char *text);

#endif
