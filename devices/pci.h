/* SPDX-License-Identifier: MIT */
/*
 * PCI bus 0 (PCI Local Bus Specification 2.1): functions with their configuration space, reached by configuration
 * mechanism 1, and base address registers that the guest moves about. A device embeds a struct pci_function, fills
 * it in, and hands it to pci_add().
 */
#ifndef FAULTLINE_DEVICES_PCI_H
#define FAULTLINE_DEVICES_PCI_H

#include "devices/irq.h"
#include "mmu/bus.h"
#include "mmu/state.h"

/* Offsets in configuration space ("Configuration Space Organization"). */
enum {
    PCI_VENDOR = 0x00,
    PCI_DEVICE = 0x02,
    PCI_COMMAND = 0x04,
    PCI_STATUS = 0x06,
    PCI_REVISION = 0x08,
    PCI_CLASS = 0x09, /* 3 bytes: programming interface, sub-class, base class */
    PCI_HEADER = 0x0E,
    PCI_BAR0 = 0x10,
    PCI_SUBSYSTEM_VENDOR = 0x2C,
    PCI_SUBSYSTEM = 0x2E,
    PCI_ROM_ADDRESS = 0x30,
    PCI_INTERRUPT_LINE = 0x3C,
    PCI_INTERRUPT_PIN = 0x3D,
};
enum {
    PCI_COMMAND_IO = 0x0001,
    PCI_COMMAND_MEMORY = 0x0002,
    PCI_COMMAND_MASTER = 0x0004,
    PCI_COMMAND_NO_INTX = 0x0400
};
enum { PCI_HEADER_MULTI = 0x80 };

enum { PCI_BARS = 7, PCI_BAR_ROM = 6 }; /* six, and the expansion ROM */

enum pci_space { PCI_SPACE_NONE, PCI_SPACE_IO, PCI_SPACE_MEMORY, PCI_SPACE_PREFETCHABLE };

/* One range of addresses that the guest may put where it likes. While it is decoded, and nothing else is there, `ops`
 * answer on the bus; where there are none, `moved` is told, and the device sees to it itself. */
struct pci_bar {
    enum pci_space space;
    u32 size; /* a power of two: I/O from 4 to 256 bytes, memory from 16 bytes, ROM from 2 KiB */
    const struct region_ops *ops;
    void *device;
    void (*moved)(void *device, u64 base, bool decoded);
    /* The bus's: */
    u64 base;
    bool decoded, attached;
};

struct pci;

struct pci_function {
    u8 config[256];
    u8 writable[256];  /* bits the guest may write; those of BARs and of the command register are added */
    u8 clearable[256]; /* bits that writing 1 clears */
    struct pci_bar bar[PCI_BARS];
    /* The guest has written [offset, offset + width), or a reset has restored everything (0, 256). May be NULL. */
    void (*written)(struct pci_function *, unsigned offset, unsigned width);
    /* The bus's: */
    struct pci *pci;
    u8 address; /* device << 3 | function */
    u8 reset[256];
    bool intx;
    struct pci_function *next;
};

/* `pirq`: the four interrupt lines of the board, to which the pins of the slots are led in turns. NULL when out of
 * memory. */
struct pci *pci_create(struct bus *io, struct bus *memory, const struct wire pirq[4]);
/* RESET#: every function's configuration as it was when it was added. */
void pci_reset(struct pci *);
void pci_destroy(struct pci *); /* the functions go on, off the bus */
/* Every function, and where its BARs are. Before a load pci_leave() takes all of them off their buses; `moved` is told
 * of that, but not of a load: who has a BAR without operations sees to it in a state of its own. */
void pci_state(struct pci *, struct state *);
void pci_leave(struct pci *);

/* Puts a function on the bus. False if the place (device 0..31, function 0..7) is taken. It must outlive the bus. */
bool pci_add(struct pci *, unsigned device, unsigned function, struct pci_function *);
struct pci_function *pci_find(struct pci *, unsigned device, unsigned function); /* NULL if there is none */

/* Numbers in a configuration space, little-endian, `width` bytes. */
void pci_put(u8 *config, unsigned offset, u32 value, unsigned width);
u32 pci_get(const u8 *config, unsigned offset, unsigned width);
/* Vendor, device, class (24 bits) and revision; subsystem 1AF4:1100, which is how firmware knows a virtual machine. */
void pci_identify(struct pci_function *, u16 vendor, u16 device, u32 class, u8 revision);

/* The interrupt pin that PCI_INTERRUPT_PIN names is asserted, or not. */
void pci_set_intx(struct pci_function *, bool level);
/* What a device that masters the bus asks itself first. */
bool pci_is_master(const struct pci_function *);

/* Accesses of the guest, as through CF8h and CFCh. */
u32 pci_config_read(struct pci *, unsigned address, unsigned offset, unsigned width);
void pci_config_write(struct pci *, unsigned address, unsigned offset, u32 value, unsigned width);

/*
 * Configuration mechanism 1. Only a whole doubleword at CF8h is the address register: other accesses there belong to
 * whatever else has these ports (`pci_share_address`), the reset control register at CF9h.
 */
void pci_share_address(struct pci *, unsigned offset, const struct region_ops *, void *device);
extern const struct region_ops pci_address_ops; /* 4 bytes: 0xCF8 */
extern const struct region_ops pci_data_ops;    /* 4 bytes: 0xCFC */

/* What firmware would have done: BARs assigned from these windows, decoding and bus mastering on, INTx lines named by
 * irq[], the interrupts of the four PIRQs. */
void pci_assign(struct pci *, u32 io_base, u32 memory_base, const u8 irq[4]);

#endif
