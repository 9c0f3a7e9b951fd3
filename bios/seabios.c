/* SPDX-License-Identifier: MIT */
/* The firmware of a machine that boots from its drives: SeaBIOS, as distributions install it. */
#include "bios/image.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "bios/firmware.h"

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

/* ---- What it asks fw_cfg for ---- */

/* "etc/e820": address, length, type; RAM alone, for the rest is the firmware's own doing. */
static bool offer_memory(struct machine *m)
{
    u8 entries[2 * 20];
    u64 high = machine_high_ram(m);

    boot_put64(entries, 0);
    boot_put64(entries + 8, machine_low_ram(m));
    boot_put32(entries + 16, E820_RAM);
    boot_put64(entries + 20, MACHINE_HIGH_RAM);
    boot_put64(entries + 28, high);
    boot_put32(entries + 36, E820_RAM);
    return fw_cfg_add_file(machine_fw_cfg(m), "etc/e820", entries, high ? 40 : 20);
}

bool boot_offer(struct machine *m, char *why, size_t size)
{
    static const u8 states[6] = {0x80, 0, 0, 0, 0, 0x80}; /* S0 and S5 */

    if (offer_memory(m) && fw_cfg_add_file(machine_fw_cfg(m), "etc/system-states", states, sizeof(states)) &&
        firmware_offer_acpi(m))
        return true;
    snprintf(why, size, "out of memory");
    return false;
}

/* ---- The video BIOS, which the adapter brings ---- */

static const char *const video_paths[] = {
    "/usr/share/seabios/vgabios-stdvga.bin",
    "/usr/share/qemu/vgabios-stdvga.bin",
    "/usr/share/qemu-kvm/vgabios-stdvga.bin",
    "/usr/local/share/qemu/vgabios-stdvga.bin",
};

enum { VIDEO_BIOS_MAX = 65536 };

u8 *boot_video_bios(size_t *size)
{
    u8 *bytes = malloc(VIDEO_BIOS_MAX);
    FILE *f = NULL;

    *size = 0;
    for (size_t i = 0; bytes && !f && i < sizeof(video_paths) / sizeof(video_paths[0]); i++)
        f = fopen(video_paths[i], "rb");
    if (!f) {
        free(bytes);
        return NULL;
    }
    *size = fread(bytes, 1, VIDEO_BIOS_MAX, f);
    fclose(f);
    return bytes;
}
