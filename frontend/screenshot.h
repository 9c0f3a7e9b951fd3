/* SPDX-License-Identifier: MIT */
/* The screen as a PNG file. */
#ifndef FAULTLINE_FRONTEND_SCREENSHOT_H
#define FAULTLINE_FRONTEND_SCREENSHOT_H

#include "devices/surface.h"
#include "devices/vga.h"

/* False with the reason (not the name) in `why`. */
bool screenshot_write(const struct surface *, const char *path, char *why, size_t size);
/* What the display adapter shows at guest time `now`. */
bool screenshot_take(const struct vga *, u64 now, const char *path, char *why, size_t size);

#endif
