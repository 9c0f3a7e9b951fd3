/* SPDX-License-Identifier: MIT */
/*
 * What the fuzz targets share. A target is a file tests/fuzz/fuzz_NAME.c with one LLVMFuzzerTestOneInput: any bytes in,
 * nothing out, and a finding is an abort. libFuzzer drives it, or AFL++, or driver.c (files and directories to replay, or
 * one input on standard input).
 */
#ifndef FAULTLINE_TESTS_FUZZ_H
#define FAULTLINE_TESTS_FUZZ_H

#include <string.h>

#include "mmu/base.h"

int LLVMFuzzerTestOneInput(const u8 *bytes, size_t size);

/* Says what was found and aborts. */
_Noreturn void fuzz_found(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The input as a stream of values, lowest byte first; past its end all is 0. */
struct input {
    const u8 *at;
    size_t left;
};

static inline u64 input_take(struct input *in, unsigned bytes)
{
    u64 v = 0;

    for (unsigned i = 0; i < bytes && in->left; i++, in->left--)
        v |= (u64)*in->at++ << 8 * i;
    return v;
}

static inline u8 input_byte(struct input *in) { return (u8)input_take(in, 1); }

/* Up to `max` bytes of the rest. */
static inline size_t input_rest(struct input *in, u8 *to, size_t max)
{
    size_t n = in->left < max ? in->left : max;

    if (n)
        memcpy(to, in->at, n);
    in->at += n;
    in->left -= n;
    return n;
}

#endif
