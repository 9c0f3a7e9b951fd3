/* SPDX-License-Identifier: MIT */
/*
 * Any bytes as a kernel image, from memory or, as it may be compressed, from a file; as an initial RAM disk; as a ROM.
 * It is refused with a reason, or loaded; what was loaded then runs for a moment. The input: a byte that says which,
 * then the file.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bios/boot.h"
#include "tests/fuzz/fuzz.h"

enum { KERNEL_MEMORY, KERNEL_FILE, ROM, INITRD, WAYS };

/* A file without a place in the file system. */
static int file_make(const u8 *bytes, size_t size, char path[32])
{
    int fd = memfd_create("input", 0);

    if (fd < 0 || write(fd, bytes, size) != (ssize_t)size)
        fuzz_found("no file");
    snprintf(path, 32, "/proc/self/fd/%d", fd);
    return fd;
}

/* A kernel that any initrd can go with: Multiboot, load addresses in the header, code that halts. */
static const u32 plain_kernel[] = {0x1badb002, 0x00010000, 0u - 0x1badb002 - 0x00010000,
                                   0x100000,   0x100000,   0x100100,
                                   0x100200,   0x100020,   0xf4f4f4f4,
                                   0xf4f4f4f4, 0,          0,
                                   0,          0};

static void check_reason(const char *why, size_t size)
{
    if (!*why || !memchr(why, 0, size))
        fuzz_found("refused without a reason");
    if (strchr(why, '\n'))
        fuzz_found("a reason of more than a line");
}

int LLVMFuzzerTestOneInput(const u8 *bytes, size_t size)
{
    struct input in = {bytes, size};
    u8 how = input_byte(&in), way = how % WAYS;
    struct machine_config config = {
        .ram_bytes = how & 16 ? 1 << 20 : 32 << 20, .cpu_model = how & 32 ? "486" : NULL, .no_reboot = true};
    struct boot_config boot = {.append = how & 64 ? "console=ttyS0 a=b" : NULL, .text_screen = how & 128};
    char why[256] = "", path[32];
    struct machine *m = machine_create(&config, why, sizeof why);
    int fd = -1;

    if (!m)
        fuzz_found("no machine: %s", why);
    if (way != KERNEL_MEMORY)
        fd = file_make(in.at, in.left, path);
    boot_detect(in.at, in.left);
    boot.entry = how >> 2 & 3;
    if (boot.entry > BOOT_ENTRY_64)
        boot.entry = BOOT_ENTRY_AUTO;
    if (way == KERNEL_MEMORY || way == INITRD) {
        boot.kernel = "kernel";
        boot.image = way == INITRD ? (const u8 *)plain_kernel : in.at;
        boot.image_size = way == INITRD ? sizeof plain_kernel : in.left;
    }
    if (way == KERNEL_FILE)
        boot.kernel = path;
    else if (way == ROM)
        boot.rom = path;
    else if (way == INITRD)
        boot.initrd = path;
    why[0] = 0;
    if (boot_load(m, &boot, why, sizeof why))
        machine_run(m, (struct machine_limits){.max_instructions = 2000});
    else
        check_reason(why, sizeof why);
    machine_destroy(m);
    if (fd >= 0)
        close(fd);
    return 0;
}
