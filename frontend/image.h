/* SPDX-License-Identifier: MIT */
/* What kind of thing an IMAGE is, by what is in it. */
#ifndef FAULTLINE_FRONTEND_IMAGE_H
#define FAULTLINE_FRONTEND_IMAGE_H

#include "mmu/base.h"

enum image_kind { IMAGE_KERNEL, IMAGE_ROM, IMAGE_DISK, IMAGE_CDROM, IMAGE_FLOPPY };

/* False with one line, "PATH: reason", in `why`. */
bool image_detect(const char *path, enum image_kind *, char *why, size_t size);

#endif
