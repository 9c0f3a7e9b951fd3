/* SPDX-License-Identifier: MIT */
/* What a machine consists of: shared by machine.c, which wires it, and machine_run.c, which runs it. */
#ifndef FAULTLINE_DEVICES_MACHINE_PARTS_H
#define FAULTLINE_DEVICES_MACHINE_PARTS_H

#include "devices/machine.h"

/* A serial port's interrupt passes a buffer that its OUT2 pin enables; COM1 and 3 share a line, COM2 and 4 too. */
struct com {
    struct machine *machine;
    struct uart *uart;
    bool irq, enabled; /* the two inputs of the buffer */
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
    struct com com[MACHINE_COMS];
    struct port92 *port92;
    struct reset_control *reset_control;
    struct post *post, *post190;
    struct debugcon *debugcon;
    struct debug_exit *debug_exit;
    struct shutdown_port *shutdown_port;

    machine_boot_fn *boot;
    void *boot_ctx;

    u64 halted_ns;     /* guest time = instructions retired + this */
    bool running;      /* inside cpu_run */
    bool reset_wanted; /* a reset line was pulsed */
    bool end_wanted;   /* `end` says why */
    struct machine_end end;
    volatile int stop; /* set asynchronously by machine_request_stop */
};

/* A device asks for the end of the run, after the instruction that is executing. */
void machine_end_with(struct machine *, enum machine_end_reason, int exit_code, u32 value);

#endif
