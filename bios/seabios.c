/* SPDX-License-Identifier: MIT */
/* The firmware of a machine that boots from its drives: SeaBIOS, as distributions install it. */
#include "bios/image.h"

#include <stdio.h>
#include <unistd.h>

static const char *const paths[] = {
    "/usr/share/seabios/bios-256k.bin",    "/usr/share/qemu/bios-256k.bin", "/usr/share/qemu-kvm/bios-256k.bin",
    "/usr/local/share/qemu/bios-256k.bin", "/usr/share/seabios/bios.bin",
};

const char *boot_find_firmware(char *why, size_t size)
{
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        if (access(paths[i], R_OK) == 0)
            return paths[i];
    snprintf(why, size, "there is no firmware to boot with: install the package seabios, or name one with -bios FILE");
    return NULL;
}
