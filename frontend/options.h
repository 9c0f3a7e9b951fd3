/* SPDX-License-Identifier: MIT */
/* The command line. options.def is the one list: the parser, the help text and the lists in it are views of it. */
#ifndef FAULTLINE_FRONTEND_OPTIONS_H
#define FAULTLINE_FRONTEND_OPTIONS_H

#include <stdio.h>

#include "devices/machine.h"
#include "frontend/checks.h"
#include "frontend/log.h"
#include "frontend/trace.h"

#define OPTIONS_EXPECTS 64
#define OPTIONS_WHO 16
#define OPTIONS_SYMBOLS 12

enum endpoint_kind { ENDPOINT_UNSET, ENDPOINT_NONE, ENDPOINT_STDIO, ENDPOINT_FILE, ENDPOINT_UNIX };

struct host;

struct endpoint {
    enum endpoint_kind kind;
    const char *path; /* ENDPOINT_FILE, ENDPOINT_UNIX */
};

/* DISPLAY_UNSET: a window where one can open. */
enum display_kind { DISPLAY_UNSET, DISPLAY_NONE, DISPLAY_SDL, DISPLAY_ANSI };

enum drive_kind { DRIVE_DISK, DRIVE_CDROM, DRIVE_FLOPPY };

struct drive_option {
    bool used, cdrom, read_only, snapshot, raw;
    bool listed;      /* the name is one of a list: it ends at a comma, and ",," is one */
    const char *file; /* NULL: nothing in the drive */
};

/* All strings are the command line's own. */
struct options {
    bool help, version, log_help;
    /* the machine */
    u64 ram_bytes;
    const char *cpu_model;
    u64 seed;
    bool ram_set, seed_set;
    bool rtc_base_set;
    s64 rtc_base;
    u16 debug_exit_port;
    bool testdev;
    bool no_reboot;
    /* what it runs */
    const char *image, *kernel, *initrd, *append, *rom;
    bool demo; /* the embedded guest */
    bool bios_none;
    struct drive_option drive[MACHINE_DRIVES], floppy[MACHINE_FLOPPIES];
    bool snapshot;                    /* of all of them */
    char boot_order[4], boot_once[4]; /* of a, c, d; empty: the default */
    bool boot_menu, any_floppy_boots;
    /* its ends */
    struct endpoint serial[MACHINE_COMS], debugcon, parallel;
    u16 debugcon_port; /* 0: E9h */
    unsigned serials;
    bool nographic;
    enum display_kind display;
    bool no_vga;
    const char *screenshot, *record, *replay, *script;
    const char *save_state, *load_state;
    bool speed_set;
    double speed;            /* 0: as fast as possible */
    struct endpoint monitor; /* ENDPOINT_UNSET: with -nographic, behind ^A c */
    const char *gdb;         /* where gdb may connect: frontend/gdb.h; NULL: nowhere */
    bool stopped;            /* -S: the guest does not run before somebody lets it */
    /* what is watched */
    const char *trace;
    enum trace_format trace_format;
    const char *trace_filter; /* a condition of frontend/filter.h, or NULL */
    const char *dump_core;
    unsigned history;       /* faults to be told at a bad end; 0: none */
    unsigned history_insns; /* instructions likewise */
    bool explain, stats, ram_hash;
    struct log_choice log;
    const char *log_file; /* NULL: standard error */
    bool check[CHECKS];
    enum cpu_tlb tlb;
    bool who;       /* the run is made twice: frontend/twice.h */
    bool who_lists; /* ... and this is the first */
    u64 *who_pages; /* the pages used as tables, two bitmaps: filled by the first, used by the second */
    u64 who_address[OPTIONS_WHO];
    unsigned who_addresses;
    u64 max_instructions;
    const char *stop_on;
    bool expect_post;
    u8 post;
    const char *symbols[OPTIONS_SYMBOLS]; /* FILE[,offset=N] */
    unsigned symbol_files;
    bool no_symbols;
    const char *expect[OPTIONS_EXPECTS];
    unsigned expects;
    bool fail_on_triple_fault, fail_on_unexpected, fail_on_loop, fail_on_user_exec;
    bool fail_on_check[CHECKS];
    const char *junit;
};

/* False with one line, "OPTION: reason", in `why`. Options without effect are noted on `notes`, once each. */
bool options_parse(struct options *, int argc, char **argv, FILE *notes, char *why, size_t size);
void options_help(FILE *);
/* Is there an option of this name (without dashes), and does it take an argument? */
bool options_known(const char *name, bool *argument);

/* A complaint is one line, whatever the user typed: control characters become '?'. */
void options_one_line(char *);

/* Handlers of options.def and their tools: options.c and options_set.c share these. */
struct setting {
    struct options *o;
    char *why; /* reason of a refusal */
    size_t size;
    bool note; /* set by a handler that had no effect */
};
typedef bool option_handler(struct setting *, const char *value);

bool option_refuse(struct setting *, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A whole number, decimal, 0x or 0-free: all of `text`, at most `max`. */
bool option_number(const char *text, u64 max, u64 *value);
/* --fail-on NAME of a check: its findings are not to be, and it is made. False: it is none. */
bool options_fail_on_check(struct options *, const char *name);
/* An IMAGE that turned out to belong into a drive. False with one line in `why`. */
bool options_plug_image(struct options *, const char *path, enum drive_kind, char *why, size_t size);
/* What the options say together. */
bool options_settle(struct options *, char *why, size_t size);

#define GROUP(title)
#define OPTION(name, argument, handler, many, help) option_handler option_##handler;
#include "frontend/options.def"
#undef GROUP
#undef OPTION

#endif
