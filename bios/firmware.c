/* SPDX-License-Identifier: MIT */
/*
 * Page 0 and the F segment of a direct boot. Interrupt vectors lead to handlers that do what a real-mode program may
 * count on from any BIOS: a line of the 8259s is acknowledged, IRQ 0 counts the ticks of the day, all else returns.
 * There are no BIOS services. IBM PC/AT Technical Reference, "ROM BIOS", "BIOS Data Area".
 */
#include "bios/firmware.h"

#include <string.h>

enum { CODE = 0xE000, RESET_VECTOR = 0xFFF0, SEGMENT = 0xF000 };

/* In the F segment, at CODE; each handler is `enum handler` * HANDLER_SIZE further on. */
enum handler { HANDLER_IRET, HANDLER_IRQ0, HANDLER_IRQ1, HANDLER_MASTER, HANDLER_SLAVE, HANDLER_RESET, HANDLERS };
enum { HANDLER_SIZE = 32 };

static const u8 handler[HANDLERS][HANDLER_SIZE] = {
    [HANDLER_IRET] = {0xCF}, /* iret */
    [HANDLER_IRQ0] =
        {
            0x50, 0x1E,                   /* push ax; push ds */
            0xB8, 0x40, 0x00,             /* mov ax, 40h */
            0x8E, 0xD8,                   /* mov ds, ax */
            0x66, 0xFF, 0x06, 0x6C, 0x00, /* inc dword [6Ch] */
            0xCD, 0x1C,                   /* int 1Ch */
            0xB0, 0x20, 0xE6, 0x20,       /* mov al, 20h; out 20h, al */
            0x1F, 0x58, 0xCF,             /* pop ds; pop ax; iret */
        },
    [HANDLER_IRQ1] =
        {
            0x50, 0xE4, 0x60,       /* push ax; in al, 60h */
            0xB0, 0x20, 0xE6, 0x20, /* mov al, 20h; out 20h, al */
            0x58, 0xCF,             /* pop ax; iret */
        },
    [HANDLER_MASTER] =
        {
            0x50, 0xB0, 0x20, 0xE6, 0x20, /* push ax; mov al, 20h; out 20h, al */
            0x58, 0xCF,                   /* pop ax; iret */
        },
    [HANDLER_SLAVE] =
        {
            0x50, 0xB0, 0x20,       /* push ax; mov al, 20h */
            0xE6, 0xA0, 0xE6, 0x20, /* out A0h, al; out 20h, al */
            0x58, 0xCF,             /* pop ax; iret */
        },
    [HANDLER_RESET] =
        {
            0xFA, 0xB0, 0xFE, 0xE6, 0x64, /* cli; mov al, FEh; out 64h, al: the keyboard controller pulses RESET */
            0xF4, 0xEB, 0xFD,             /* hlt; jmp to it */
        },
};

static u16 offset_of(enum handler h) { return (u16)(CODE + h * HANDLER_SIZE); }

/* The vectors the 8259s have been given: 08h and 70h. */
static enum handler handler_of(unsigned vector)
{
    if (vector == 0x08)
        return HANDLER_IRQ0;
    if (vector == 0x09)
        return HANDLER_IRQ1;
    if (vector >= 0x0A && vector <= 0x0F)
        return HANDLER_MASTER;
    return vector >= 0x70 && vector <= 0x77 ? HANDLER_SLAVE : HANDLER_IRET;
}

static void put_code(struct machine *m)
{
    static const u8 identity[] = {'0', '1', '/', '0', '1', '/', '2', '6', 0x00, 0xFC, 0x00}; /* date; model: an AT */
    struct phys *phys = machine_phys(m);
    u8 jump[5] = {0xEA};

    phys_copy_in(phys, FIRMWARE_BASE + CODE, handler, sizeof(handler));
    boot_put16(jump + 1, offset_of(HANDLER_RESET));
    boot_put16(jump + 3, SEGMENT);
    phys_copy_in(phys, FIRMWARE_BASE + RESET_VECTOR, jump, sizeof(jump));
    phys_copy_in(phys, FIRMWARE_BASE + RESET_VECTOR + sizeof(jump), identity, sizeof(identity));
}

static void put_vectors(struct machine *m)
{
    for (unsigned vector = 0; vector < 256; vector++)
        phys_write(machine_phys(m), vector * 4, (u32)SEGMENT << 16 | offset_of(handler_of(vector)), 4);
}

/* The BIOS data area: ports, equipment, size of memory, an empty keyboard buffer. */
static void put_data_area(struct machine *m)
{
    static const u16 com_port[MACHINE_COMS] = {0x3F8, 0x2F8, 0x3E8, 0x2E8};
    struct phys *phys = machine_phys(m);
    unsigned coms = 0;

    phys_fill(phys, 0x400, 0, 0x100);
    for (int i = 0; i < MACHINE_COMS; i++)
        if (machine_com(m, i))
            phys_write(phys, 0x400 + 2 * coms++, com_port[i], 2);
    phys_write(phys, 0x40E, MACHINE_EBDA >> 4, 2);
    phys_write(phys, 0x410, (u16)(0x0002 | coms << 9), 2); /* a coprocessor, and so many serial ports */
    phys_write(phys, 0x413, MACHINE_EBDA / 1024, 2);
    phys_write(phys, 0x41A, 0x001E001E, 4);
    phys_write(phys, 0x480, 0x003E001E, 4);
    phys_fill(phys, MACHINE_EBDA, 0, 1024);
    phys_write(phys, MACHINE_EBDA, 1, 1); /* its size in KiB */
}

void firmware_checksum(u8 *bytes, size_t size, size_t at)
{
    u8 sum = 0;

    bytes[at] = 0;
    for (size_t i = 0; i < size; i++)
        sum = (u8)(sum + bytes[i]);
    bytes[at] = (u8)-sum;
}

u64 firmware_place(struct firmware *f, const void *bytes, size_t size, u64 align)
{
    u64 at = (f->next + align - 1) & ~(align - 1);

    if (f->blob) {
        if (at + size > FIRMWARE_BLOB)
            return 0;
        memcpy(f->blob + at, bytes, size);
        f->next = at + size;
        return at;
    }
    if (at + size > FIRMWARE_TABLES_END || !phys_copy_in(machine_phys(f->machine), at, bytes, size))
        return 0;
    f->next = at + size;
    return at;
}

bool firmware_put(struct machine *m, bool text_screen)
{
    struct firmware f = {.machine = m, .text_screen = text_screen, .next = FIRMWARE_BASE};
    struct cpu_state state;

    cpu_get_state(machine_cpu(m), &state);
    f.cpu_signature = (u32)state.gpr[REG_RDX];
    phys_fill(machine_phys(m), FIRMWARE_BASE, 0, 0x10000);
    put_code(m);
    put_vectors(m);
    put_data_area(m);
    return firmware_put_acpi(&f) && (!machine_has_apic(m) || firmware_put_mp(&f));
}
