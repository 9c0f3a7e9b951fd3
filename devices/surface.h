/* SPDX-License-Identifier: MIT */
/* Pixels: what a display shows and a screenshot keeps. */
#ifndef FAULTLINE_DEVICES_SURFACE_H
#define FAULTLINE_DEVICES_SURFACE_H

#include "mmu/base.h"

struct surface {
    u32 *pixels; /* 0x00RRGGBB, `width` a line */
    unsigned width, height;
};

static inline u32 *surface_line(const struct surface *s, unsigned y) { return s->pixels + (size_t)y * s->width; }

#endif
