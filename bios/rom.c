/* SPDX-License-Identifier: MIT */
/* A raw ROM image: it ends at 4 GiB, where the reset vector is, and its last 128 KiB show below 1 MiB as well. */
#include "bios/image.h"

enum { ROM_STEP = 64 << 10, ROM_MAX = 16 << 20, ROM_LOW_MAX = 128 << 10 };

bool boot_rom(struct machine *m, const char *name, char *why, size_t size)
{
    struct phys *phys = machine_phys(m);
    struct boot_file rom;
    u64 low;
    bool ok;

    if (!boot_file_load(&rom, name, false, why, size))
        return false;
    if (rom.size < ROM_STEP || rom.size > ROM_MAX || rom.size % ROM_STEP) {
        boot_fail(why, size, name, "%zu bytes is not a ROM's size: a multiple of 64 KiB up to 16 MiB", rom.size);
        boot_file_free(&rom);
        return false;
    }
    low = rom.size < ROM_LOW_MAX ? rom.size : ROM_LOW_MAX;
    ok = phys_add_rom(phys, MACHINE_HIGH_RAM - rom.size, rom.bytes, rom.size) &&
         phys_add_rom(phys, 0x100000 - low, rom.bytes + rom.size - low, low);
    boot_file_free(&rom);
    return ok ? true : boot_fail(why, size, name, "overlaps another ROM");
}
