/* SPDX-License-Identifier: MIT */
/* The embedded demo guest: a Multiboot 1 kernel, as a file in memory. */
#ifndef FAULTLINE_DEMO_IMAGE_H
#define FAULTLINE_DEMO_IMAGE_H

#include <stddef.h>

extern const unsigned char demo_image[];
extern const size_t demo_image_size;

#endif
