/* SPDX-License-Identifier: MIT */
/* The screen as a PNG file. */
#ifndef FAULTLINE_FRONTEND_SCREENSHOT_H
#define FAULTLINE_FRONTEND_SCREENSHOT_H

#include "devices/surface.h"
#include "devices/vga.h"

/* False with the reason (not the name) in `why`. */
bool screenshot_write(const struct surface *, const char *path, char *why, size_t size);
/* What the display adapter shows at guest time `now`: FILE.png, or the rows of a text screen in UTF-8, FILE.txt. */
bool screenshot_take(const struct vga *, u64 now, const char *path, char *why, size_t size);
/* What the name says is wanted. */
bool screenshot_is_picture(const char *path);
bool screenshot_is_text(const char *path);

#endif
