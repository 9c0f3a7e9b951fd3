/* SPDX-License-Identifier: MIT */
/* The images of a run: opened as the options say, and closed at its end. */
#ifndef FAULTLINE_FRONTEND_DRIVES_H
#define FAULTLINE_FRONTEND_DRIVES_H

#include "frontend/events.h"
#include "frontend/options.h"

struct drives {
    struct block *block[MACHINE_ALL_DRIVES];
    const struct options *o;
    struct machine *machine; /* for drives_change; set by the caller when there is one */
};

/* Opens what is plugged in, and enters it in the configuration. False with one line, "PATH: reason", in `why`; what
 * was opened by then is the caller's to close. */
bool drives_open(struct drives *, const struct options *, struct machine_config *, char *why, size_t size);
/* The file a drive names, commas of a list undone; cut off at `size`. */
void drives_path(const struct drive_option *, char *path, size_t size);
void drives_close(struct drives *);
/* What users call drive `i`, 0..MACHINE_ALL_DRIVES-1: "ide1-cd0", "floppy0"; a disk: "ide0-hd0". */
const char *drives_name(int i, bool removable);
/* struct events.media: what the user put into a drive, or took out. */
bool drives_change(void *drives, struct input_event *, char *why, size_t size);

#endif
