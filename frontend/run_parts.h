/* SPDX-License-Identifier: MIT */
/* A run, as run.c and run_end.c know it. */
#ifndef FAULTLINE_FRONTEND_RUN_PARTS_H
#define FAULTLINE_FRONTEND_RUN_PARTS_H

#include "bios/boot.h"
#include "frontend/console.h"
#include "frontend/control.h"
#include "frontend/drives.h"
#include "frontend/gate.h"
#include "frontend/gdb.h"
#include "frontend/monitor.h"
#include "frontend/prompt.h"
#include "frontend/saved.h"
#include "frontend/screen.h"
#include "frontend/watch.h"
#include "frontend/run.h"

/* One end of a line the guest writes to. */
struct port {
    struct run *run;
    struct output *out; /* NULL: nobody listens */
    bool matched;       /* --stop-on looks at it */
};

struct run {
    struct options *o;
    struct host *host;
    struct machine *machine;
    struct boot_config boot;
    struct output standard, errors, trace, log_file, file[MACHINE_COMS + 2];
    struct port port[MACHINE_COMS + 2]; /* the last are the debug console and the printer */
    struct console console;
    struct monitor monitor;
    struct faults history;  /* of faults: where there is a monitor, or --history */
    struct catches catches; /* the monitor's, unless gdb has some */
    struct prompt prompt;
    struct screen screen;
    struct drives drives;
    struct matcher matcher;
    struct watch watch;
    struct log *log;         /* NULL: nobody wants one */
    struct trail *trail;     /* NULL: likewise */
    struct saved *saved;     /* NULL: no state is loaded */
    struct symbols *symbols; /* NULL: nobody wants names */
    struct control control;
    struct gdb_server *gdb; /* NULL: nobody may connect */
    struct machine_end end;
    struct gate gate[GATES_MAX];
    unsigned gates;
    FILE *junit;
    u64 host_ns;
    bool failed; /* an output lost something */
    char why[512];
};

#define DEBUGCON MACHINE_COMS
#define PRINTER (MACHINE_COMS + 1)

/* The run is over: outputs are closed, what is to be told is told, and JUnit's file is written. The exit status. */
int run_finish(struct run *);
void run_close_outputs(struct run *);

#endif
