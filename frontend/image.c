/* SPDX-License-Identifier: MIT */
#include "frontend/image.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bios/boot.h"
#include "devices/floppy.h"

enum { ROM_STEP = 64 << 10, ROM_MAX = 16 << 20, SECTOR = 512, ISO_VOLUME = 16 * 2048 };

static bool refuse(char *why, size_t size, const char *path, const char *reason)
{
    snprintf(why, size, "%s: %s", path, reason);
    return false;
}

static bool has_boot_signature(const u8 *b, size_t size) { return size >= SECTOR && b[510] == 0x55 && b[511] == 0xaa; }

/* The processor starts 16 bytes before the end, and there is room for little but a jump. */
static bool looks_like_rom(const u8 *b, size_t size)
{
    const u8 *vector = b + size - 16;

    if (size < ROM_STEP || size > ROM_MAX || size % ROM_STEP)
        return false;
    if (vector[0] == 0xea || vector[0] == 0xe9 || vector[0] == 0xeb)
        return true;
    return !has_boot_signature(b, size) && vector[0] != 0x00 && vector[0] != 0xff;
}

static bool classify(const u8 *b, size_t size, const char *path, enum image_kind *kind, char *why, size_t why_size)
{
    enum boot_kind boot = boot_detect(b, size);

    if (boot != BOOT_UNKNOWN) {
        *kind = IMAGE_KERNEL; /* the loader says which of them it can start */
        return true;
    }
    if (looks_like_rom(b, size)) {
        *kind = IMAGE_ROM;
        return true;
    }
    if (size > ISO_VOLUME + 6 && !memcmp(b + ISO_VOLUME + 1, "CD001", 5))
        *kind = IMAGE_CDROM;
    else if (floppy_format(size) && (has_boot_signature(b, size) || b[0] == 0xeb || b[0] == 0xe9))
        *kind = IMAGE_FLOPPY;
    else if (has_boot_signature(b, size))
        *kind = IMAGE_DISK;
    else
        return refuse(why, why_size, path,
                      "is neither a Linux bzImage, nor a Multiboot kernel, nor a ROM, CD or bootable disk image");
    return true;
}

bool image_detect(const char *path, enum image_kind *kind, char *why, size_t size)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    void *map;
    bool ok;

    if (fd < 0)
        return refuse(why, size, path, strerror(errno));
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size == 0) {
        close(fd);
        return refuse(why, size, path,
                      S_ISDIR(st.st_mode)    ? "is a directory"
                      : !S_ISREG(st.st_mode) ? "is not a regular file"
                                             : "the file is empty");
    }
    map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    close(fd);
    if (map == MAP_FAILED)
        return refuse(why, size, path, strerror(errno));
    ok = classify(map, (size_t)st.st_size, path, kind, why, size);
    munmap(map, (size_t)st.st_size);
    return ok;
}
