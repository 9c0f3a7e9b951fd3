/* SPDX-License-Identifier: MIT */
#include "frontend/drives.h"

#include <stdlib.h>
#include <string.h>

#include "devices/floppy.h"

/* A host error goes to the user as well as to the guest. */
static void complain(void *ctx, const char *line)
{
    (void)ctx;
    fprintf(stderr, "faultline: %s\n", line);
}

/* A file name as it stands in a list: up to a comma, with two of them for one. */
static char *path_of(const struct drive_option *d)
{
    char *path = malloc(strlen(d->file) + 1), *to = path;
    const char *from = d->file;

    if (!path)
        return NULL;
    if (!d->listed)
        return strcpy(path, d->file);
    for (; *from && (*from != ',' || from[1] == ','); from++) {
        from += *from == ',';
        *to++ = *from;
    }
    *to = '\0';
    return path;
}

static bool open_one(struct block **block, const struct drive_option *d, bool snapshot, char *why, size_t size)
{
    struct block_config config = {
        .read_only = d->read_only,
        .snapshot = (snapshot || d->snapshot) && !d->read_only,
        .raw = d->raw || d->cdrom,
        .complain = complain,
    };
    char *path;

    if (!d->used || !d->file)
        return true;
    path = path_of(d);
    if (!path) {
        snprintf(why, size, "out of memory");
        return false;
    }
    config.path = path;
    *block = block_open(&config, why, size);
    free(path);
    return *block != NULL;
}

bool drives_open(struct drives *drives, const struct options *o, struct machine_config *config, char *why, size_t size)
{
    for (int i = 0; i < MACHINE_DRIVES; i++) {
        const struct drive_option *d = &o->drive[i];

        if (!open_one(&drives->block[i], d, o->snapshot, why, size))
            return false;
        config->drive[i].kind = !d->used ? MACHINE_NO_DRIVE : d->cdrom ? MACHINE_CDROM : MACHINE_DISK;
        config->drive[i].block = drives->block[i];
    }
    for (int i = 0; i < MACHINE_FLOPPIES; i++) {
        struct block **block = &drives->block[MACHINE_DRIVES + i];

        if (!open_one(block, &o->floppy[i], o->snapshot, why, size))
            return false;
        if (*block && !floppy_format(block_bytes(*block))) {
            snprintf(why, size, "%s: %llu bytes is no floppy disk: 160K, 180K, 320K, 360K, 720K, 1.2M, 1.44M or 2.88M",
                     o->floppy[i].file, (unsigned long long)block_bytes(*block));
            return false;
        }
        config->floppy[i].present = o->floppy[i].used;
        config->floppy[i].block = *block;
    }
    memcpy(config->boot_order, o->boot_order, sizeof(config->boot_order));
    memcpy(config->boot_once, o->boot_once, sizeof(config->boot_once));
    config->boot_menu = o->boot_menu;
    return true;
}

void drives_close(struct drives *drives)
{
    for (int i = 0; i < MACHINE_DRIVES + MACHINE_FLOPPIES; i++) {
        block_close(drives->block[i]);
        drives->block[i] = NULL;
    }
}
