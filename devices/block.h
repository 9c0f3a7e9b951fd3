/* SPDX-License-Identifier: MIT */
/*
 * A block device of the host: a raw image file (or a host disk) under a drive of the guest. Sectors are 512 bytes. An
 * image whose size is no multiple of that ends in a sector padded with zeros, and the file grows to hold all of it
 * when the guest writes there.
 */
#ifndef FAULTLINE_DEVICES_BLOCK_H
#define FAULTLINE_DEVICES_BLOCK_H

#include "mmu/base.h"
#include "mmu/state.h"

#define BLOCK_SECTOR 512u

struct block_config {
    const char *path;
    bool read_only;
    bool snapshot; /* writes are kept in memory, the file is only read */
    bool raw;      /* never mind what the image looks like: it is raw */
    /* A host error, one line: the guest is told of an I/O error, and the user of the reason. May be NULL. */
    void (*complain)(void *ctx, const char *line);
    void *ctx;
};

struct block;

/*
 * Opens and locks the image: any number of runs may read it, one may write. NULL with one line, "PATH: reason", in
 * `why`: not there, no image, locked, empty, or in a format that must be converted first.
 */
struct block *block_open(const struct block_config *, char *why, size_t size);
void block_close(struct block *); /* after a flush; NULL is allowed */

u64 block_sectors(const struct block *);
u64 block_bytes(const struct block *); /* of the image, exactly */
bool block_read_only(const struct block *);

/* False is an I/O error, or a range that is not within the device; buffers are then undefined, or partly written. */
bool block_read(struct block *, u64 sector, u64 count, void *to);
bool block_write(struct block *, u64 sector, u64 count, const void *from);
const char *block_path(const struct block *);
bool block_has_snapshot(const struct block *); /* writes are kept in memory */
bool block_flush(struct block *);              /* what was written is on the host's medium */

/*
 * What is in a drive, or NULL. The state holds what a snapshot kept, and knows the image again by size and samples; an
 * image that the guest wrote to itself must not have changed since. Loading drops what was kept before.
 */
void block_media_state(struct block *, struct state *);

/* What is kept in memory, to come back to; clusters are copied when written to after that. NULL without memory. Of an
 * image that is written to itself nothing is kept. block_restore() is false without memory: nothing has changed then.
 */
struct block_snapshot;
struct block_snapshot *block_snapshot(struct block *);
bool block_restore(struct block *, const struct block_snapshot *);
void block_snapshot_free(struct block_snapshot *);

#endif
