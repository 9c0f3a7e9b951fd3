/* SPDX-License-Identifier: MIT */
/* One PC: a processor, memory and devices wired together, and the loop that runs them in virtual time. */
#ifndef FAULTLINE_DEVICES_MACHINE_H
#define FAULTLINE_DEVICES_MACHINE_H

#include "cpu/cpu.h"
#include "devices/block.h"
#include "devices/devices.h"
#include "devices/vga.h"

#define MACHINE_COMS 4

/* What is plugged into an IDE connector: primary master and slave, secondary master and slave. */
#define MACHINE_DRIVES 4
struct machine_drive {
    enum machine_drive_kind { MACHINE_NO_DRIVE, MACHINE_DISK, MACHINE_CDROM } kind;
    struct block *block; /* borrowed; NULL: a CD drive without a disc */
};

/* Floppy drives A and B. */
#define MACHINE_FLOPPIES 2
struct machine_floppy {
    bool present;
    struct block *block; /* borrowed; NULL: no disk in it */
};

/* Drives whose medium can change: the four of IDE, then the floppy drives. */
#define MACHINE_ALL_DRIVES (MACHINE_DRIVES + MACHINE_FLOPPIES)

struct machine_config {
    u64 ram_bytes;         /* a multiple of 4 KiB, 1 MiB..16 GiB */
    const char *cpu_model; /* NULL is "max" */
    u64 seed;
    bool rtc_base_set;                        /* else RTC_DEFAULT_BASE */
    s64 rtc_base;                             /* seconds since 1970, UTC */
    bool no_reboot;                           /* a reset ends the run (exit 0), a triple fault too (exit 122) */
    u16 debug_exit_port;                      /* isa-debug-exit; 0 is none, QEMU's custom is 0xF4 */
    bool testdev;                             /* QEMU's pc-testdev; it has port 0xE9 unless debugcon has a listener */
    bool com[MACHINE_COMS];                   /* which of COM2..4 exist; COM1 always does */
    struct uart_backend serial[MACHINE_COMS]; /* who is at the other end */
    struct machine_drive drive[MACHINE_DRIVES];
    struct machine_floppy floppy[MACHINE_FLOPPIES];
    struct tell printer;              /* each byte sent to LPT1 */
    char boot_order[4], boot_once[4]; /* for firmware: of 'a' floppy, 'c' disk, 'd' CD; the second until a reset */
    bool any_floppy_boots;            /* firmware does not look for 55 AA at the end of a floppy disk's first sector */
    bool boot_menu;                   /* firmware offers a choice */
    u16 debugcon_port;                /* 0 is 0xE9 */
    struct tell debugcon;             /* each byte written to it */
    struct tell post;                 /* each POST code written to 0x80 */
    struct tell post190;              /* ... and to 0x190 */
    bool no_vga;                      /* no display adapter */
    const u8 *vga_rom;                /* its BIOS, copied; size 0: none */
    size_t vga_rom_size;
    /* The processor sleeps and `ns` of guest time are about to be skipped: an interactive frontend may sleep too. May
     * be NULL. */
    void (*idle)(void *ctx, u64 ns);
    void *idle_ctx;
};

struct machine;
struct pci;

/* NULL with one line in `why` when the processor model is wrong or memory ran out. It is in its reset state. */
struct machine *machine_create(const struct machine_config *, char *why, size_t size);
void machine_destroy(struct machine *);

/* RESET#: processor and devices; RAM and time go on. Then the boot function, if there is one. */
void machine_reset(struct machine *);
/* The reset button, from a callback or timer: as a guest's own reset, before the next instruction. */
void machine_ask_reset(struct machine *);

/* Another medium, or none (NULL), in a CD or floppy drive, 0..MACHINE_ALL_DRIVES-1. The medium is borrowed; the one
 * before is no longer used. NULL if done, else the reason: "there is no such drive" ... */
const char *machine_change_medium(struct machine *, int drive, struct block *medium);

/* A drive and what is in it, for looking. False if there is none of that number. */
struct machine_drive_look {
    bool floppy, cdrom;   /* neither: a disk */
    bool locked;          /* the guest prevents the removal of the medium */
    struct block *medium; /* borrowed; NULL: none */
};
bool machine_drive_look(struct machine *, int drive, struct machine_drive_look *);

/* What must be done after a reset so that the machine boots again (a loader does it for a direct boot). False with one
 * line in `why` ends the run. Without one, a guest that asks for a reset ends the run too: there is nothing to boot. */
typedef bool machine_boot_fn(void *ctx, struct machine *, char *why, size_t size);
void machine_on_reset(struct machine *, machine_boot_fn *, void *ctx);

/* Leave the devices as a PC's firmware does before it starts a boot loader: PICs at vectors 08h and 70h with all
 * but IRQ 0 and the cascade masked, the APICs in virtual wire mode, channel 0 of the PIT at 18.2 Hz, serial ports 9600
 * 8N1, keyboard controller translating, 80x25 text. */
void machine_as_firmware_leaves_it(struct machine *);

/* Why a run ended. */
enum machine_end_reason {
    END_BUDGET,       /* max_instructions were executed */
    END_DEBUG_EXIT,   /* the guest wrote to isa-debug-exit */
    END_SHUTDOWN,     /* the guest wrote "Shutdown" to 0x8900 */
    END_RESET,        /* the guest reset the machine, and it was not to reboot */
    END_TRIPLE_FAULT, /* shutdown of the processor, and it was not to reboot */
    END_DEAD_HALT,    /* HLT that nothing can end */
    END_REQUESTED,    /* machine_end_run() */
    END_INTERRUPTED,  /* machine_request_stop() */
    END_BOOT_FAILED,  /* the boot function failed after a reset */
    END_PAUSED,       /* pause_at was reached, or the processor stopped for its debugger: cpu_broke() */
    END_COUNT,
};

const char *machine_end_text(enum machine_end_reason); /* "instruction budget ran out" ... */

struct machine_end {
    enum machine_end_reason reason;
    int exit_code; /* the contract's exit status */
    u32 value;     /* END_DEBUG_EXIT: what was written */
    u64 icount;    /* instructions retired since creation */
    u64 ns;        /* guest time since creation */
    char why[256]; /* END_BOOT_FAILED: the reason */
};

struct machine_limits {
    u64 max_instructions; /* the run ends at exactly this count since creation; 0 is no limit */
    u64 pause_at;         /* likewise, but with END_PAUSED, if nothing ended it there; 0: none */
};

/* May be called again to go on, except after END_TRIPLE_FAULT, END_DEAD_HALT and END_BOOT_FAILED. */
struct machine_end machine_run(struct machine *, struct machine_limits);

/* Called between two instructions of a run: at least every million, and before each leap of a sleeping processor. It
 * may ask for the run's end. NULL: nobody. */
void machine_on_slice(struct machine *, void (*slice)(void *ctx), void *ctx);

/* From a callback or observer during machine_run: end it right after the current instruction. */
void machine_end_run(struct machine *);
/* From a signal handler or another thread: end it soon (within a million instructions). */
void machine_request_stop(struct machine *);

/* Where things are that tables tell of. The processor's APIC and the I/O APIC: if machine_has_apic(). */
#define MACHINE_IOAPIC 0xFEC00000u
#define MACHINE_IOAPIC_ID 1u
#define MACHINE_HPET 0xFED00000u
#define MACHINE_PM_BASE 0x600u
enum { MACHINE_SLP_TYP_S5 = 0, MACHINE_SCI_IRQ = 9 };
#define MACHINE_PIRQ_IRQS \
    {                     \
        10, 10, 11, 11    \
    } /* where firmware routes the four PCI interrupts */
bool machine_has_apic(struct machine *);

/* Its parts. */
struct cpu *machine_cpu(struct machine *);
struct phys *machine_phys(struct machine *);
struct bus *machine_io(struct machine *);
struct clock *machine_clock(struct machine *);
struct pic *machine_pic(struct machine *);
struct lapic *machine_lapic(struct machine *);   /* NULL: the processor has none */
struct ioapic *machine_ioapic(struct machine *); /* NULL where there is no local APIC */
struct pit *machine_pit(struct machine *);
struct rtc *machine_rtc(struct machine *);
struct uart *machine_com(struct machine *, int n); /* 0 is COM1; NULL if absent */
struct i8042 *machine_keyboard_controller(struct machine *);
struct acpi_pm *machine_pm(struct machine *);
struct ps2_keyboard *machine_keyboard(struct machine *);
struct ps2_mouse *machine_mouse(struct machine *);
struct vga *machine_vga(struct machine *);             /* NULL without */
const char *machine_cpu_model(const struct machine *); /* as configured; "max" by default */
struct fw_cfg *machine_fw_cfg(struct machine *);
struct pci *machine_pci(struct machine *);
u64 machine_time(struct machine *); /* guest nanoseconds */

/* RAM as the memory map has it: [0, low_ram), and [4 GiB, 4 GiB + high_ram). Of the first MiB a PC hands out the
 * bytes below the EBDA only. */
#define MACHINE_EBDA 0x9FC00u
#define MACHINE_HIGH_RAM (1ull << 32)
u64 machine_low_ram(struct machine *);
u64 machine_high_ram(struct machine *);

#endif
