/* SPDX-License-Identifier: MIT */
/* What firmware leaves in memory for a system that is booted without it: the F segment, the interrupt vectors and the
 * BIOS data area, ACPI tables and an MP configuration. Everything stands in the last 64 KiB below 1 MiB, which the
 * memory map reserves, and in page 0. */
#ifndef FAULTLINE_BIOS_FIRMWARE_H
#define FAULTLINE_BIOS_FIRMWARE_H

#include "bios/image.h"

#define FIRMWARE_BASE 0xF0000u
#define FIRMWARE_BLOB 0x4000u        /* bytes of a blob; its first 64 are not used, so that no offset is 0 */
#define FIRMWARE_TABLES_END 0xFE000u /* code follows */

/* Where tables are put, one after the other. */
struct firmware {
    struct machine *machine;
    bool text_screen;
    u64 next;
    u8 *blob;          /* where the tables are to be relocated, there is no memory to put them in: offsets in here */
    u64 rsdp;          /* where that is */
    u32 cpu_signature; /* CPUID.01H:EAX, as RESET leaves it in EDX */
};

/* The address for `size` bytes (align: a power of two), or 0 if the segment is full. */
u64 firmware_place(struct firmware *, const void *bytes, size_t size, u64 align);
/* The byte that makes the sum of all of them 0, put at bytes[at]. */
void firmware_checksum(u8 *bytes, size_t size, size_t at);

bool firmware_put_acpi(struct firmware *); /* acpi.c */
/* The same as files that firmware loads from fw_cfg: linker.c. */
bool firmware_offer_acpi(struct machine *);

/* AML under construction, and the body of the DSDT. */
struct aml {
    u8 bytes[2048];
    size_t size;
};
void acpi_definition_block(struct aml *);

bool firmware_put_mp(struct firmware *); /* mp_table.c */

/* All of it. Before the kernel is loaded: what that puts into page 0 stands. */
bool firmware_put(struct machine *, bool text_screen);

#endif
