/* SPDX-License-Identifier: MIT */
/* Does the decoder agree with a disassembler on an instruction? */
#ifndef FAULTLINE_TESTS_JUDGE_H
#define FAULTLINE_TESTS_JUDGE_H

#include "tests/isa/reference.h"
#include "tests/isa/scan.h"

enum kind { AGREE, THEY_ACCEPT, THEY_REFUSE, LENGTH, NAMES, SIZE, OPERAND, MEMORY, KINDS };

/* valid: the decoder's op is no #UD. detail: what differs, in words. */
enum kind judge_zydis(const struct op *, bool valid, unsigned bits, const struct scan *, const struct reference *,
                      const char **detail);
enum kind judge_capstone(const struct op *, bool valid, const struct reference *, bool details, const char **detail);

#endif
