/* SPDX-License-Identifier: MIT */
/*
 * Faultline as a library: bare-metal x86 machines that say why each page fault happened. Link with -lfaultline
 * (pkg-config faultline); docs/embedding.md has a whole program.
 *
 * Any number of machines live in a process, and share nothing: each may be used from a thread of its own, by one thread
 * at a time. Structs that are filled in by the library begin with their size as the caller knows it, so that a program
 * runs with every later version of the same soname. All functions may be called with machines that have ended, and
 * none ends the process or writes to its standard streams.
 */
#ifndef FAULTLINE_H
#define FAULTLINE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define FAULTLINE_PUBLIC __attribute__((visibility("default")))
#else
#define FAULTLINE_PUBLIC
#endif

/* Grows with each addition. */
#define FAULTLINE_API 2                   /* 2: snapshots and saved states */
FAULTLINE_PUBLIC int faultline_api(void); /* of the library that is running */
FAULTLINE_PUBLIC const char *faultline_version(void);

/* ---- Faults ---- */

/* A page fault. Strings are the library's, and stay as they are until the callback returns. */
struct faultline_fault {
    size_t size;         /* of this struct, as the library knows it: members beyond it are not there */
    uint64_t seq;        /* of this machine's faults, from 1 on */
    uint64_t icount, ns; /* instructions retired before it; guest time in nanoseconds */
    uint64_t address;    /* CR2: the linear address */
    uint64_t rip, cr3;
    uint32_t error; /* the error code pushed */
    uint16_t cs;
    uint8_t cpl;
    const char *access;  /* "read", "write", "execute" */
    const char *mode;    /* "real", "v86", "prot16", "prot32", "compat", "long64" */
    const char *cause;   /* "not-present", "write-protected" ...: as in traces */
    const char *why;     /* one sentence: the entry and the bit that decided */
    const char *cure;    /* the smallest change after which the access would have passed */
    const char *insn;    /* the instruction, Intel syntax; "" if it could not be fetched */
    const char *outcome; /* "mapped", "copied", ...: what became of it; NULL where that is not known yet */
    const char *json;    /* the whole record, one line, as `--trace-faults x.jsonl` writes it */
};

/* What a machine tells its owner. Set `size` to sizeof(struct faultline_callbacks); the others may be NULL. They are
 * called from within faultline_run() (`decided` also from faultline_destroy(), of faults that nothing became of), and
 * may read the machine and call faultline_stop(), but not run, change, save or destroy it. */
struct faultline_callbacks {
    size_t size;
    void *ctx;
    void (*raised)(void *ctx, const struct faultline_fault *);  /* a fault, before its handler runs */
    void (*decided)(void *ctx, const struct faultline_fault *); /* what became of it is known */
    void (*serial)(void *ctx, int port, uint8_t byte);          /* sent by COM1 (0) .. COM4 */
    int (*serial_input)(void *ctx, int port);                   /* a byte for it; -1: none now; -2: none ever */
    void (*debug)(void *ctx, uint8_t byte);                     /* written to port E9h */
    void (*post)(void *ctx, uint8_t code);                      /* a POST code: port 80h or 190h */
};

/* ---- A machine ---- */

struct faultline;

/*
 * A PC after power-on, in front of its first instruction. `options` are those of the command that say what the machine
 * is and what it runs ("-m", "64M", "-cpu", "486", "-rom", "test.rom", "-kernel", "vmlinuz", "-hda", "disk.img" ...;
 * `faultline --help`). Files are opened here. NULL with one line in `why`.
 */
FAULTLINE_PUBLIC struct faultline *faultline_create(const char *const *options, size_t count,
                                                    const struct faultline_callbacks *callbacks, char *why,
                                                    size_t why_size);
FAULTLINE_PUBLIC void faultline_destroy(struct faultline *machine); /* NULL is allowed */

enum faultline_end {
    FAULTLINE_BUDGET,       /* as many instructions as were asked for have run */
    FAULTLINE_STOPPED,      /* faultline_stop() */
    FAULTLINE_DEBUG_EXIT,   /* the guest wrote to isa-debug-exit */
    FAULTLINE_SHUTDOWN,     /* the guest shut down */
    FAULTLINE_RESET,        /* it reset the machine, and was not to reboot */
    FAULTLINE_TRIPLE_FAULT, /* likewise, by a triple fault */
    FAULTLINE_DEAD_HALT,    /* HLT that nothing can end */
    FAULTLINE_FAILED,       /* it cannot boot again */
};

struct faultline_run {
    size_t size; /* set by the caller */
    enum faultline_end end;
    int exit_status;     /* what the command's would be */
    uint32_t value;      /* FAULTLINE_DEBUG_EXIT: what was written */
    uint64_t icount, ns; /* since power-on */
    const char *text;    /* the end in words; the library's */
};

/* Runs exactly `instructions` more (0: no limit), unless it ends before. `result` may be NULL. Machines that ended by
 * a triple fault, a dead halt or a failure do not go on: their end is given again. */
FAULTLINE_PUBLIC enum faultline_end faultline_run(struct faultline *machine, uint64_t instructions,
                                                  struct faultline_run *result);
/* From a callback: end the run after the current instruction. */
FAULTLINE_PUBLIC void faultline_stop(struct faultline *machine);
/* From another thread or a signal handler, while it runs: end the run soon. */
FAULTLINE_PUBLIC void faultline_interrupt(struct faultline *machine);

/* ---- Looking, and changing ---- */

/* Registers by name: "rax", "eip", "cs", "cs_base", "cr3", "efer" ...; general registers, rip and rflags may be
 * written. 0 for success, -1 if there is none of that name. */
FAULTLINE_PUBLIC int faultline_get_register(struct faultline *machine, const char *name, uint64_t *value);
FAULTLINE_PUBLIC int faultline_set_register(struct faultline *machine, const char *name, uint64_t value);

/* Memory by linear address, through the current tables whatever their rights, and by physical address. No device is
 * touched, no A or D bit is set. Bytes read or written before the first that cannot be. */
FAULTLINE_PUBLIC size_t faultline_read(struct faultline *machine, uint64_t linear, void *to, size_t size);
FAULTLINE_PUBLIC size_t faultline_write(struct faultline *machine, uint64_t linear, const void *from, size_t size);
FAULTLINE_PUBLIC size_t faultline_read_physical(struct faultline *machine, uint64_t physical, void *to, size_t size);
FAULTLINE_PUBLIC size_t faultline_write_physical(struct faultline *machine, uint64_t physical, const void *from,
                                                 size_t size);

/* ---- Going back ---- */

/*
 * The machine as it is now, in memory: registers, RAM, devices, time, what the guest wrote to disks. Some milliseconds
 * whatever the size of RAM; a page is copied when the guest first writes to it afterwards, once for all snapshots that
 * hold it. Any number at once, independent of each other. A snapshot belongs to its machine: it is freed by
 * faultline_snapshot_free(), or with the machine. NULL with one line in `why`: memory ran out, or the guest writes to a
 * disk that is not under -snapshot, and so cannot go back.
 */
struct faultline_snapshot;
FAULTLINE_PUBLIC struct faultline_snapshot *faultline_snapshot(struct faultline *machine, char *why, size_t why_size);
/*
 * The machine as it was then, any number of times; also one that has ended. It runs on as it did, but for what comes
 * from outside. Faults that nothing became of until now are told to `decided`, and the next one has the next `seq`.
 * Costs a copy of each page of RAM that differs. 0; or -1 with one line in `why` and the machine unchanged: the
 * snapshot is another machine's, or another medium is in a drive (a lack of memory on the way leaves a machine that is
 * good for nothing but faultline_restore() and faultline_destroy()).
 */
FAULTLINE_PUBLIC int faultline_restore(struct faultline *machine, const struct faultline_snapshot *snapshot, char *why,
                                       size_t why_size);
FAULTLINE_PUBLIC void faultline_snapshot_free(struct faultline_snapshot *snapshot); /* NULL is allowed */

/*
 * The same as a file, compressed, which `faultline -load-state` takes too. What was at `path` before is there until the
 * new one is whole. Loading takes a machine of the same configuration (memory, processor, drives, ports), else it is
 * refused; files are not believed, and refused when damaged. 0; or -1 with one line in `why` and the machine unchanged.
 */
FAULTLINE_PUBLIC int faultline_save_state(struct faultline *machine, const char *path, char *why, size_t why_size);
FAULTLINE_PUBLIC int faultline_load_state(struct faultline *machine, const char *path, char *why, size_t why_size);

/* ---- The monitor ---- */

/* A command of the monitor ("walk rip", "info registers --json", "sendkey ctrl-alt-delete"; "help" lists them). The
 * answer is the library's until the next command or the machine's end; NULL only without memory. */
FAULTLINE_PUBLIC const char *faultline_command(struct faultline *machine, const char *line);

#ifdef __cplusplus
}
#endif

#endif
