/* SPDX-License-Identifier: MIT */
/*
 * The GDB stub: the machine as a target of gdb's remote serial protocol ("Debugging with GDB", "GDB Remote Serial
 * Protocol"). One processor is thread 1. Addresses are linear; in physical mode (QEMU's Qqemu.PhyMemMode) memory
 * packets and new points are physical. Points are kept by the processor: guest memory is never touched by them.
 */
#ifndef FAULTLINE_FRONTEND_GDB_H
#define FAULTLINE_FRONTEND_GDB_H

#include "frontend/control.h"
#include "frontend/text.h"

struct gdb;

/* A connection's other end. False: nobody is there any more. */
typedef bool gdb_send_fn(void *ctx, const u8 *bytes, size_t size);

/*
 * What gdb is told to debug, whatever mode the processor is in: it asks once. With GDB_X86_64 all registers are shown,
 * and code is disassembled as 64-bit code; the others are for programs of 32 bits, and differ in what gdb disassembles
 * as: GDB_I8086 16-bit code, until `set architecture i386`.
 */
enum gdb_arch { GDB_X86_64, GDB_I386, GDB_I8086 };
/* NULL without memory. */
struct gdb *gdb_create(struct control *, enum gdb_arch, gdb_send_fn *, void *ctx);
void gdb_destroy(struct gdb *);

/* `monitor` commands that are not the stub's own: true if `line` was one, its answer (text) in `out`. */
void gdb_on_command(struct gdb *, bool (*command)(void *ctx, const char *line, struct text *out), void *ctx);

struct catches;
struct catches *gdb_catches(struct gdb *); /* others may add theirs */

/* Somebody connected, or went away without a word: points are removed, the guest stays as it is. */
void gdb_connected(struct gdb *);
void gdb_disconnected(struct gdb *);
bool gdb_detached(const struct gdb *); /* by a D packet: the connection may be closed */

/* Bytes from the other end, any number of packets or parts. While the guest runs only an interrupt is heard; the rest
 * waits for it to stop. */
void gdb_receive(struct gdb *, const u8 *bytes, size_t size);
size_t gdb_room(const struct gdb *); /* how many bytes gdb_receive takes at most now */
void gdb_stopped(struct gdb *, enum control_why);
/* The run is over: what is owed is sent. */
void gdb_ended(struct gdb *, int exit_code);

/* The same on a socket or on standard input and output: `where` is tcp:HOST:PORT, unix:PATH or stdio, which may end in
 * ",arch=i386" or ",arch=i8086". False with one line in `why`. */
struct gdb_server;
bool gdb_where_valid(const char *where, char *why, size_t size);
struct gdb_server *gdb_server_open(const char *where, char *why, size_t size);
bool gdb_server_attach(struct gdb_server *, struct control *); /* false without memory */
struct gdb *gdb_server_gdb(struct gdb_server *);
void gdb_server_close(struct gdb_server *, int exit_code);

#endif
