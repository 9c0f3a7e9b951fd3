/* SPDX-License-Identifier: MIT */
/*
 * The monitor: commands about a machine that stands still, or stands between two instructions. A command is a line;
 * what it answers goes into a reply, as text, or as one JSON object if the line ends in --json. The terminal's monitor,
 * gdb's `monitor ...` and the library all enter at monitor_command(). monitor.def is the list of commands.
 *
 * Looking changes nothing: no A or D bit is set, no device register is read as a guest would read it.
 */
#ifndef FAULTLINE_FRONTEND_MONITOR_H
#define FAULTLINE_FRONTEND_MONITOR_H

#include "devices/machine.h"
#include "frontend/catch.h"
#include "frontend/disasm.h"
#include "frontend/events.h"
#include "frontend/expression.h"
#include "frontend/faults.h"
#include "frontend/ptdump.h"
#include "frontend/reply.h"
#include "frontend/symbols.h"
#include "frontend/trail.h"

#define MONITOR_POINTS 64u
#define MONITOR_MOMENTS 8u
#define MONITOR_LINE 1024u /* bytes of a command, with its end */

/* An address space as it was. */
struct monitor_moment {
    char name[32];
    u64 icount, cr3;
    unsigned digits; /* of an address there */
    struct ptdump dump;
};

/* Who lets the machine run and stop. A member that is NULL is refused by the command that needs it. */
struct monitor_control {
    void *ctx;
    bool (*stopped)(void *ctx);
    void (*stop)(void *ctx);
    void (*go)(void *ctx, u64 instructions); /* so many, then stop; 0: until something stops it */
    void (*wait)(void *ctx);                 /* no further command before it stops */
    void (*quit)(void *ctx);                 /* end the run */
};

/* All are borrowed, and may be NULL but for the machine. */
struct monitor {
    struct machine *machine;
    struct events *events; /* input and resets go this way, to be recorded */
    struct monitor_control control;
    struct symbols *symbols;
    struct tables *tables; /* who wrote entries; NULL: nobody looks */
    /* Saved state; NULL: not here. False with one line in `why`. */
    bool (*save)(void *ctx, const char *path, char *why, size_t size);
    bool (*load)(void *ctx, const char *path, char *why, size_t size);
    void *state_ctx;
    struct faults *history;  /* NULL: faults are not kept */
    struct trail *trail;     /* NULL: instructions are not kept */
    struct catches *catches; /* NULL: nothing can be caught */
    /* The monitor's own: */
    struct disasm *disasm;
    u64 next; /* where x and disas go on */
    bool has_next;
    struct cpu_point point[MONITOR_POINTS];
    unsigned points;
    u8 buttons; /* of the mouse, held */
    struct monitor_moment moment[MONITOR_MOMENTS];
    unsigned moments, kept_last;
    struct examine {
        char format;
        unsigned width;
    } examine; /* as the last x had them */
};

/* False without memory. */
bool monitor_init(struct monitor *, struct machine *);
void monitor_free(struct monitor *);

/* One line. The reply must be initialised, and becomes JSON if the line says so. False if it was an error. */
bool monitor_command(struct monitor *, const char *line, struct reply *);
/* Where the guest is: one line, as after each step. */
void monitor_where(struct monitor *, struct reply *);
/* The n-th way to complete the last word of `line`: the whole word, in `to`. False if there are no more. */
bool monitor_complete(const struct monitor *, const char *line, unsigned n, char *to, size_t size);

/* ---- For the commands' files ---- */

/* Arguments as they stand after the command's name, without blanks around them. */
typedef void monitor_handler(struct monitor *, const char *arguments, struct reply *);

#define COMMAND(name, arguments, minimum, handler, help) monitor_handler monitor_##handler;
#define INFO(name, handler, help) monitor_handler monitor_info_##handler;
#include "frontend/monitor.def"
#undef COMMAND
#undef INFO

struct expression_context monitor_expressions(const struct monitor *);
enum paging_mode monitor_paging_mode(const struct cpu_state *);
/* A whole argument, or its first word: false with the error in the reply. */
bool monitor_value(struct monitor *, const char *text, u64 *value, struct reply *);
bool monitor_word(struct monitor *, const char **text, u64 *value, struct reply *);
/* A linear address: outside of long mode one below 4 GiB. */
bool monitor_address(struct monitor *, const char *text, u64 *address, struct reply *);
/* " <name+0x12>" of an address, or nothing. */
void monitor_symbol(const struct monitor *, u64 address, char *to, size_t size);
/* 16, 32 or 64: how code at CS:RIP is decoded. */
unsigned monitor_code_bits(struct monitor *);
/* The linear address of CS:RIP. */
u64 monitor_pc(struct monitor *);
/* Digits of an address in the current mode. */
unsigned monitor_digits(struct monitor *);
/* Names of bits, from the highest: table[i] is that of bit i, and may be NULL. */
void monitor_bits(struct reply *, const char *key, u64 value, const char *const *table, unsigned bits);

#endif
