/* SPDX-License-Identifier: MIT */
/* The images of a run: opened as the options say, and closed at its end. */
#ifndef FAULTLINE_FRONTEND_DRIVES_H
#define FAULTLINE_FRONTEND_DRIVES_H

#include "frontend/options.h"

struct drives {
    struct block *block[MACHINE_DRIVES + MACHINE_FLOPPIES];
};

/* Opens what is plugged in, and enters it in the configuration. False with one line, "PATH: reason", in `why`; what
 * was opened by then is the caller's to close. */
bool drives_open(struct drives *, const struct options *, struct machine_config *, char *why, size_t size);
void drives_close(struct drives *);

#endif
