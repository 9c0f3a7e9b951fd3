/* SPDX-License-Identifier: MIT */
/* What the stub's files share. */
#ifndef FAULTLINE_FRONTEND_GDB_PARTS_H
#define FAULTLINE_FRONTEND_GDB_PARTS_H

#include "frontend/catch.h"
#include "frontend/gdb.h"
#include "frontend/gdb_target.h"

#define GDB_PACKET 16384u /* bytes of a packet's content, either way */

enum gdb_state { GDB_IDLE, GDB_IN_PACKET, GDB_CHECKSUM_1, GDB_CHECKSUM_2 };

/* A point gdb inserted; `type` as in its Z packet. */
struct gdb_point {
    u8 type;
    struct cpu_point point;
};

struct gdb {
    struct control *control;
    struct machine *machine;
    struct cpu *cpu;
    gdb_send_fn *send;
    void *send_ctx;
    bool (*command)(void *ctx, const char *line, struct text *out);
    void *command_ctx;
    struct target target;
    struct catches catches;

    bool connected, no_ack, detached, gone; /* gone: send failed */
    bool swbreak, hwbreak;                  /* gdb knows these reasons */
    bool physical;                          /* memory mode */
    unsigned sstep;                         /* GDB_SSTEP_* */
    bool owed;                              /* the guest was let go: a stop reply must follow */
    u64 range_low, range_high;              /* step on while the pc is in [low, high) */
    char stop_reply[512];

    struct gdb_point point[CPU_POINTS_MAX];
    unsigned points;

    /* What came, not yet taken. */
    u8 waiting[GDB_PACKET];
    size_t waiting_count;
    /* The packet under way. */
    enum gdb_state state;
    bool too_long, escape; /* longer than it may be; the next byte is an escaped one */
    u8 sum, sum_sent;
    char in[GDB_PACKET + 1];
    size_t in_count;
    /* The reply under way, as sent: $..#xx. */
    u8 out[2 * GDB_PACKET + 8];
    size_t out_count;
    char xml[GDB_PACKET];
    size_t xml_size;
};

enum { GDB_SSTEP_ENABLE = 1, GDB_SSTEP_NOIRQ = 2 };
#define GDB_SSTEP_DEFAULT GDB_SSTEP_ENABLE

/* Replies. gdb_put() escapes what must be. */
void gdb_begin(struct gdb *);
void gdb_put(struct gdb *, const void *bytes, size_t size);
void gdb_put_text(struct gdb *, const char *);
void gdb_put_hex(struct gdb *, const void *bytes, size_t size);
void gdb_end(struct gdb *);
void gdb_reply(struct gdb *, const char *text);
void gdb_console(struct gdb *, const char *text); /* an O packet */

/* The packet in gdb->in, without frame; NUL-terminated. gdb_packets.c */
void gdb_packet(struct gdb *);
void gdb_query(struct gdb *);               /* q.., Q..: gdb_query.c */
void gdb_points(struct gdb *, bool insert); /* Z.., z..: gdb_points.c */
void gdb_points_clear(struct gdb *);        /* all of gdb's */
const struct gdb_point *gdb_point_find(const struct gdb *, const struct cpu_point *);
void gdb_monitor(struct gdb *, char *line, struct text *out); /* gdb_monitor.c */

/* Parsing: hex digits from *at on, at least one and at most 16. */
bool gdb_hex(const char **at, u64 *value);
/* 2 * size digits, all of them. */
bool gdb_hex_bytes(const char *at, u8 *to, size_t size);
void gdb_let_go(struct gdb *, bool step);

#endif
