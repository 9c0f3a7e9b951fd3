/* SPDX-License-Identifier: MIT */
#include "frontend/drives.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "devices/floppy.h"
#include "frontend/image.h"

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

void drives_path(const struct drive_option *d, char *to, size_t size)
{
    char *path = path_of(d);

    snprintf(to, size, "%s", path ? path : "");
    free(path);
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
    drives->o = o;
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
    config->any_floppy_boots = o->any_floppy_boots;
    memcpy(config->boot_once, o->boot_once, sizeof(config->boot_once));
    config->boot_menu = o->boot_menu;
    return true;
}

void drives_close(struct drives *drives)
{
    for (int i = 0; i < MACHINE_ALL_DRIVES; i++) {
        block_close(drives->block[i]);
        drives->block[i] = NULL;
    }
}

/* ---- Changes while the guest runs ---- */

static const struct drive_option *option_of(const struct drives *drives, int i)
{
    return i < MACHINE_DRIVES ? &drives->o->drive[i] : &drives->o->floppy[i - MACHINE_DRIVES];
}

static bool takes_media(const struct drives *drives, int i)
{
    const struct drive_option *d = option_of(drives, i);

    return d->used && (i >= MACHINE_DRIVES || d->cdrom);
}

/* QEMU's names: the drives on the first and second IDE channel, and the floppy drives. */
static const char *const drive_names[MACHINE_ALL_DRIVES] = {"ide0-cd0", "ide0-cd1", "ide1-cd0",
                                                            "ide1-cd1", "floppy0",  "floppy1"};

const char *drives_name(int i, bool removable)
{
    static const char *const disks[MACHINE_DRIVES] = {"ide0-hd0", "ide0-hd1", "ide1-hd0", "ide1-hd1"};

    return removable || i >= MACHINE_DRIVES ? drive_names[i] : disks[i];
}

/* The drive of that name, or the first of its kind (`wanted` NULL); -1 if there is none. */
static int find_drive(const struct drives *drives, const char *wanted, bool cdrom)
{
    for (int i = 0; i < MACHINE_ALL_DRIVES; i++)
        if (takes_media(drives, i) && (wanted ? !strcmp(drive_names[i], wanted) : (i < MACHINE_DRIVES) == cdrom))
            return i;
    return -1;
}

/* What a file dropped on the window can be: a CD by what is in it, a floppy disk by its size. */
static bool is_disc(const char *path, bool *cdrom, char *why, size_t size)
{
    enum image_kind kind;
    char unused[256];
    struct stat st;

    if (stat(path, &st) == 0 && S_ISREG(st.st_mode)) {
        *cdrom = image_detect(path, &kind, unused, sizeof(unused)) && kind == IMAGE_CDROM;
        if (*cdrom || floppy_format((u64)st.st_size))
            return true;
    }
    snprintf(why, size, "%s: is neither a CD nor a floppy disk", path);
    return false;
}

static int choose(const struct drives *drives, const struct input_event *ev, char *why, size_t size)
{
    bool cdrom = !strcmp(ev->drive, "cd");
    int i;

    if (!*ev->drive && !is_disc(ev->path, &cdrom, why, size))
        return -1;
    i = find_drive(drives, !*ev->drive || cdrom || !strcmp(ev->drive, "floppy") ? NULL : ev->drive, cdrom);
    if (i < 0)
        snprintf(why, size, "there is no %s drive", cdrom ? "CD" : "floppy");
    return i;
}

/* Size and time of a file: never 0. */
static u64 identity(const char *path)
{
    struct stat st;

    if (stat(path, &st) != 0)
        return 1;
    const u64 facts[2] = {(u64)st.st_size, (u64)st.st_mtime};
    return events_hash(EVENTS_HASH, facts, sizeof(facts)) | 1;
}

/* As the option of the drive says, and read only where the file cannot be written. */
static bool open_new(struct drives *drives, int i, const char *path, struct block **block, char *why, size_t size)
{
    struct drive_option d = *option_of(drives, i);

    d.file = path;
    d.listed = false;
    d.raw = true;
    d.read_only |= d.cdrom || access(path, W_OK) != 0;
    return open_one(block, &d, drives->o->snapshot, why, size);
}

bool drives_change(void *ctx, struct input_event *ev, char *why, size_t size)
{
    struct drives *drives = ctx;
    struct block *block = NULL;
    const char *reason;
    int i = choose(drives, ev, why, size);

    if (i < 0)
        return false;
    snprintf(ev->drive, sizeof(ev->drive), "%s", drive_names[i]);
    if (ev->path && strchr(ev->path, '\n')) {
        snprintf(why, size, "a file name of two lines");
        return false;
    }
    if (ev->medium && ev->medium != identity(ev->path)) {
        snprintf(why, size, "%s: is not the file that it was", ev->path);
        return false;
    }
    if (ev->path && !open_new(drives, i, ev->path, &block, why, size))
        return false;
    if ((reason = machine_change_medium(drives->machine, i, block))) {
        snprintf(why, size, "%s: %s", ev->drive, reason);
        block_close(block);
        return false;
    }
    if (ev->path)
        ev->medium = identity(ev->path);
    block_close(drives->block[i]);
    drives->block[i] = block;
    return true;
}
