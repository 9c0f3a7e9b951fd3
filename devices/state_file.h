/* SPDX-License-Identifier: MIT */
/*
 * A state as a file: a head with the format's version and a checksum of all that follows, then one zstd frame. A file
 * is written beside its place and renamed when it is whole, so that what was there stays until then.
 *
 *     0  8  "FLTSTATE"
 *     8  4  version of the format, low byte first
 *    12  4  0
 *    16  8  bytes that follow the head
 *    24  8  state_hash() of them, in pieces of 64 KiB
 */
#ifndef FAULTLINE_DEVICES_STATE_FILE_H
#define FAULTLINE_DEVICES_STATE_FILE_H

#include "mmu/state.h"

#define STATE_FILE_VERSION 3u

struct state_file;

/* Errors are one line, "PATH: reason", in `why`. */

/* Can a file be written there? Nothing is left behind. */
bool state_file_may_save(const char *path, char *why, size_t size);
/* Save through state_file_stream(), then finish: true if the file is there, whole. NULL where it cannot be begun.
 * A state that has failed is given up, with its reason. */
struct state_file *state_file_create(const char *path, char *why, size_t size);
bool state_file_finish(struct state_file *, const struct state *, char *why, size_t size);

/* The head and the checksum are right; NULL if not. */
struct state_file *state_file_open(const char *path, char *why, size_t size);
/* Nothing may follow what was read. */
bool state_file_at_end(struct state_file *);
void state_file_close(struct state_file *);

struct state_stream state_file_stream(struct state_file *); /* of whichever direction it is */

#endif
