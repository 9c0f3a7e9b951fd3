/* SPDX-License-Identifier: MIT */
/* What a machine consists of: shared by machine.c, which wires it, and machine_run.c, which runs it. */
#ifndef FAULTLINE_DEVICES_MACHINE_PARTS_H
#define FAULTLINE_DEVICES_MACHINE_PARTS_H

#include "devices/chipset.h"
#include "devices/floppy.h"
#include "devices/ide.h"
#include "devices/machine.h"
#include "devices/vga.h"

/* A serial port's interrupt passes a buffer that its OUT2 pin enables; COM1 and 3 share a line, COM2 and 4 too. */
struct com {
    struct machine *machine;
    struct uart *uart;
    bool irq, enabled; /* the two inputs of the buffer */
};

/* The lines of the ISA bus. */
enum {
    IRQ_TIMER = 0,
    IRQ_KEYBOARD = 1,
    IRQ_COM2 = 3,
    IRQ_COM1 = 4,
    IRQ_FLOPPY = 6,
    IRQ_LPT = 7,
    IRQ_RTC = 8,
    IRQ_SCI = 9,
    IRQ_MOUSE = 12,
    IRQ_FPU = 13,
    IRQ_IDE0 = 14,
    IRQ_IDE1 = 15,
};

struct machine {
    struct machine_config config;
    struct phys *phys;
    struct bus *io;
    struct cpu *cpu;
    struct clock *clock;
    struct pic *pic;
    struct pit *pit;
    struct rtc *rtc;
    struct i8042 *i8042;
    struct ps2_keyboard *keyboard;
    struct ps2_mouse *mouse;
    struct vga *vga; /* NULL without a display adapter */
    struct vga_pci *vga_pci;
    struct com com[MACHINE_COMS];
    struct apic_bus *apic_bus;
    struct lapic *lapic; /* there in any case: where the processor has none, it is a wire */
    struct ioapic *ioapic;
    struct imcr *imcr;
    struct hpet *hpet;
    struct acpi_pm *pm;
    struct fw_cfg *fw_cfg;
    struct testdev *testdev;
    struct port92 *port92;
    struct reset_control *reset_control;
    struct fpu_error *fpu_error;
    struct post *post, *post190;
    struct debugcon *debugcon;
    struct debug_exit *debug_exit;
    struct shutdown_port *shutdown_port;

    struct pci *pci;
    struct i440fx *i440fx;
    struct piix3 *piix3;
    struct piix4_pm *piix4_pm;
    struct piix_ide *piix_ide;
    struct ide *ide[2];
    struct dma *dma;
    struct fdc *fdc;
    struct lpt *lpt;

    machine_boot_fn *boot;
    void *boot_ctx;

    u32 line_up[2]; /* interrupt lines held up by devices, and by PCI interrupts */
    bool has_apic;
    bool apic_decoded, apic_attached, apic_hole; /* the local APIC's page: enabled, on the bus, over RAM */
    u64 apic_page;
    bool hpet_legacy, timer_level, rtc_level; /* the HPET has taken IRQ 0 and 8; what PIT and RTC would put there */

    u64 halted_ns;     /* guest time = instructions retired + this */
    bool running;      /* inside cpu_run */
    bool reset_wanted; /* a reset line was pulsed */
    bool end_wanted;   /* `end` says why */
    struct machine_end end;
    void (*slice)(void *ctx);
    void *slice_ctx;
    volatile int stop; /* set asynchronously by machine_request_stop */
};

/* A device asks for the end of the run, after the instruction that is executing. */
void machine_end_with(struct machine *, enum machine_end_reason, int exit_code, u32 value);

/* machine_interrupts.c */
struct wire machine_isa(struct machine *, int irq);
struct wire machine_pirq(struct machine *, int irq);       /* the same line, which a PCI interrupt shares */
struct wire machine_timer_line(struct machine *, int irq); /* IRQ 0 and 8, unless the HPET has them */
struct wire machine_pic_intr(struct machine *);
struct hpet_wires machine_hpet_wires(struct machine *);
extern const struct cpu_apic machine_apic_ops;
bool machine_create_apics(struct machine *);
bool machine_place_apics(struct machine *);     /* once there is a processor */
void machine_virtual_wire(struct machine *);    /* as firmware leaves them */
void machine_apic_page_leave(struct machine *); /* before a load, and where it was after it */
void machine_apic_page_return(struct machine *, struct state *, bool attached, bool hole);
void machine_reset_apics(struct machine *);
void machine_destroy_apics(struct machine *);
bool machine_can_wake(struct machine *, bool interrupts_on);

/* machine_storage.c */
bool machine_create_storage(struct machine *);
bool machine_attach_storage(struct machine *);
void machine_reset_storage(struct machine *);
void machine_destroy_storage(struct machine *);
void machine_describe_floppies(struct machine *);         /* in CMOS */
void machine_describe_boot(struct machine *, bool again); /* in CMOS */
void machine_chipset_as_firmware_leaves_it(struct machine *);
bool machine_storage_may_interrupt(struct machine *, int irq);

#endif
