/* SPDX-License-Identifier: MIT */
/* Small types and text formatting, compiled once for the kernel and once for the programs it runs. */
#ifndef DEMO_TEXT_H
#define DEMO_TEXT_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;

/* %s, %c, %%, %u, %lu, %lx (hexadecimal, with 0x before it), each with a width. Returns the length, cut to fit. */
size_t text_format(char *out, size_t size, const char *format, va_list);
size_t text_length(const char *);

void *memcpy(void *restrict to, const void *restrict from, size_t size);
void *memset(void *to, int byte, size_t size);

#endif
