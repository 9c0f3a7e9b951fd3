/* SPDX-License-Identifier: MIT */
/* Direct boot: put a kernel or a ROM image into a machine and the processor at its entry, without firmware. */
#ifndef FAULTLINE_BIOS_BOOT_H
#define FAULTLINE_BIOS_BOOT_H

#include "devices/machine.h"

enum boot_kind {
    BOOT_UNKNOWN,
    BOOT_BZIMAGE,   /* Linux/x86 boot protocol */
    BOOT_MULTIBOOT, /* Multiboot 1: ELF32, ELF64 or the address fields of its header */
    BOOT_MULTIBOOT2,
    BOOT_PVH,  /* ELF with a Xen PHYS32_ENTRY note */
    BOOT_ELF,  /* any other ELF file */
    BOOT_GZIP, /* compressed: what is inside shows after boot_file_load() */
};

/* The kind of an uncompressed image, by its magic numbers. Total: any bytes. */
enum boot_kind boot_detect(const u8 *bytes, size_t size);
const char *boot_kind_name(enum boot_kind);

/* Borrowed, with its strings, until the machine is destroyed: after a reset the machine boots from it again. */
struct boot_config {
    const char *kernel; /* bzImage or Multiboot kernel, possibly gzip-compressed; or NULL */
    const u8 *image;    /* the kernel file itself, if it is in memory already (`kernel` then only names it); or NULL */
    size_t image_size;
    const char *initrd; /* FILE[,FILE..]; Multiboot: FILE args[,FILE args..]; ",," is a comma; or NULL */
    const char *append; /* the command line, or NULL */
    const char *rom;    /* a ROM image that ends at 4 GiB and holds the reset vector; or NULL */
    bool firmware;      /* neither of them: boot from the drives, by SeaBIOS */
    bool text_screen;   /* a VGA in 80x25 text mode is there to be told of */
    enum { BOOT_ENTRY_AUTO, BOOT_ENTRY_32, BOOT_ENTRY_64 } entry; /* which of the Linux protocols */
};

/* Loads what the configuration names into a machine fresh from creation or reset, sets the processor's entry state and
 * registers itself for later resets. False with one line in `why`, naming file and reason, if that cannot be done. */
bool boot_load(struct machine *, const struct boot_config *, char *why, size_t size);

/* For a machine that goes on from a saved state: nothing is loaded now, but after a reset it boots again. */
void boot_again_after_reset(struct machine *, const struct boot_config *);

/* The video BIOS of this host's SeaBIOS, to be freed; NULL if there is none. */
u8 *boot_video_bios(size_t *size);

#endif
