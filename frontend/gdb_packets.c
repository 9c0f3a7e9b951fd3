/* SPDX-License-Identifier: MIT */
/* The packets: registers, memory, running. All are answered while the guest stands. */
#include <stdlib.h>

#include "frontend/gdb_parts.h"

#define MEMORY_MAX (GDB_PACKET / 2) /* bytes read or written at once */

/* ---- Registers ---- */

static void read_all(struct gdb *g)
{
    struct target_view v;

    target_look(&v, g->cpu);
    gdb_begin(g);
    for (unsigned n = 0; n < g->target.count; n++) {
        u8 value[TARGET_VALUE];

        target_read(&g->target, &v, n, value);
        gdb_put_hex(g, value, g->target.reg[n].bytes);
    }
    gdb_end(g);
}

/* Refused as a whole, or written as a whole. */
static void write_all(struct gdb *g)
{
    const char *at = g->in + 1;
    struct target_view v;

    if (g->in_count - 1 < 2 * g->target.size) {
        gdb_reply(g, "E01");
        return;
    }
    target_look(&v, g->cpu);
    for (unsigned n = 0; n < g->target.count; n++) {
        unsigned bytes = g->target.reg[n].bytes;
        u8 value[TARGET_VALUE];

        if (!gdb_hex_bytes(at, value, bytes) || !target_write(&g->target, &v, n, value)) {
            gdb_reply(g, "E01");
            return;
        }
        at += 2 * bytes;
    }
    target_commit(&v);
    gdb_reply(g, "OK");
}

static void read_one(struct gdb *g)
{
    const char *at = g->in + 1;
    u8 value[TARGET_VALUE];
    struct target_view v;
    u64 n;

    if (!gdb_hex(&at, &n) || *at || n >= g->target.count) {
        gdb_reply(g, "E01");
        return;
    }
    target_look(&v, g->cpu);
    target_read(&g->target, &v, (unsigned)n, value);
    gdb_begin(g);
    gdb_put_hex(g, value, g->target.reg[n].bytes);
    gdb_end(g);
}

static void write_one(struct gdb *g)
{
    const char *at = g->in + 1;
    u8 value[TARGET_VALUE];
    struct target_view v;
    u64 n;

    if (!gdb_hex(&at, &n) || *at++ != '=' || n >= g->target.count ||
        !gdb_hex_bytes(at, value, g->target.reg[n].bytes)) {
        gdb_reply(g, "E01");
        return;
    }
    target_look(&v, g->cpu);
    if (!target_write(&g->target, &v, (unsigned)n, value)) {
        gdb_reply(g, "E02");
        return;
    }
    target_commit(&v);
    gdb_reply(g, "OK");
}

/* ---- Memory ---- */

/* How much could be read. */
static size_t read_memory(struct gdb *g, u64 address, u8 *to, size_t size)
{
    struct phys *phys = machine_phys(g->machine);
    size_t done = 0;

    if (!g->physical)
        return cpu_peek(g->cpu, address, to, size);
    while (done < size) {
        u64 at = address + done, room = PAGE_SIZE - (at & ~PAGE_MASK);
        size_t n = size - done < room ? size - done : room;

        if (!phys_page_read(phys, at) || !phys_copy_out(phys, at, to + done, n))
            break;
        done += n;
    }
    return done;
}

static size_t write_memory(struct gdb *g, u64 address, const u8 *from, size_t size)
{
    return g->physical ? cpu_poke_physical(g->cpu, address, from, size) : cpu_poke(g->cpu, address, from, size);
}

/* "addr,length" and what stands behind it, or NULL. */
static const char *parse_range(const char *at, char after, u64 *address, u64 *size)
{
    if (!gdb_hex(&at, address) || *at++ != ',' || !gdb_hex(&at, size) || *at != after)
        return NULL;
    return at + (after != '\0');
}

static void do_read(struct gdb *g, bool binary)
{
    u8 bytes[MEMORY_MAX];
    u64 address, size;
    size_t n;

    if (!parse_range(g->in + 1, '\0', &address, &size)) {
        gdb_reply(g, "E01");
        return;
    }
    n = read_memory(g, address, bytes, size < sizeof(bytes) ? size : sizeof(bytes));
    if (!n && size) {
        gdb_reply(g, "E14");
        return;
    }
    gdb_begin(g);
    if (binary) {
        gdb_put_text(g, "b");
        gdb_put(g, bytes, n);
    } else {
        gdb_put_hex(g, bytes, n);
    }
    gdb_end(g);
}

static void do_write(struct gdb *g, bool binary)
{
    u8 bytes[GDB_PACKET];
    u64 address, size;
    const char *data = parse_range(g->in + 1, ':', &address, &size);
    size_t left = data ? g->in_count - (size_t)(data - g->in) : 0;

    if (!data || size > left || (!binary && 2 * size > left) || (!binary && !gdb_hex_bytes(data, bytes, size))) {
        gdb_reply(g, "E01");
        return;
    }
    if (binary)
        memcpy(bytes, data, size);
    gdb_reply(g, write_memory(g, address, bytes, size) == size ? "OK" : "E14");
}

/* ---- Running ---- */

static bool set_pc(struct gdb *g, u64 address)
{
    struct target_view v;
    u8 value[TARGET_VALUE];

    target_look(&v, g->cpu);
    for (unsigned i = 0; i < 8; i++)
        value[i] = (u8)(address >> (8 * i));
    if (!target_write(&g->target, &v, g->target.narrow ? 8 : 16, value))
        return false;
    target_commit(&v);
    return true;
}

/* c, s [addr]; C, S signal[;addr]: signals mean nothing to a processor. */
static void do_resume(struct gdb *g, bool step, bool signal)
{
    const char *at = g->in + 1;
    u64 value;

    if (signal && (!gdb_hex(&at, &value) || (*at && *at++ != ';'))) {
        gdb_reply(g, "E01");
        return;
    }
    if (*at && (!gdb_hex(&at, &value) || *at || !set_pc(g, value))) {
        gdb_reply(g, "E01");
        return;
    }
    gdb_let_go(g, step);
}

/* vCont;action[:thread]..: there is one thread, and the first action is its. */
static void do_vcont(struct gdb *g, const char *at)
{
    u64 value, low = 0, high = 0;
    char action = *at++;
    bool good = true;

    if (action == 'C' || action == 'S')
        good = gdb_hex(&at, &value);
    else if (action == 'r')
        good = gdb_hex(&at, &low) && *at++ == ',' && gdb_hex(&at, &high);
    if (!good || (*at && *at != ':' && *at != ';') || !strchr("cCsSr", action)) {
        gdb_reply(g, "E01");
        return;
    }
    g->range_low = low;
    g->range_high = high;
    gdb_let_go(g, action == 's' || action == 'S' || action == 'r');
}

static void do_detach(struct gdb *g)
{
    gdb_points_clear(g);
    catches_remove(&g->catches, 0);
    gdb_reply(g, "OK");
    g->detached = true;
    control_go(g->control, 0);
}

static void do_v(struct gdb *g)
{
    const char *in = g->in;

    if (!strcmp(in, "vCont?")) {
        gdb_reply(g, "vCont;c;C;s;S;r");
    } else if (!strncmp(in, "vCont;", 6) && in[6]) {
        do_vcont(g, in + 6);
    } else if (!strncmp(in, "vKill;", 6)) {
        gdb_reply(g, "OK");
        control_quit(g->control);
    } else if (!strncmp(in, "vAttach;", 8)) {
        gdb_reply(g, g->stop_reply);
    } else {
        gdb_reply(g, "");
    }
}

void gdb_packet(struct gdb *g)
{
    switch (g->in[0]) {
    case '?': gdb_reply(g, g->stop_reply); break;
    case '!': gdb_reply(g, "OK"); break;
    case 'g': read_all(g); break;
    case 'G': write_all(g); break;
    case 'p': read_one(g); break;
    case 'P': write_one(g); break;
    case 'm': do_read(g, false); break;
    case 'x': do_read(g, true); break;
    case 'M': do_write(g, false); break;
    case 'X': do_write(g, true); break;
    case 'c': do_resume(g, false, false); break;
    case 'C': do_resume(g, false, true); break;
    case 's': do_resume(g, true, false); break;
    case 'S': do_resume(g, true, true); break;
    case 'Z': gdb_points(g, true); break;
    case 'z': gdb_points(g, false); break;
    case 'H':
    case 'T': gdb_reply(g, "OK"); break;
    case 'D': do_detach(g); break;
    case 'k': control_quit(g->control); break;
    case 'R': machine_ask_reset(g->machine); break;
    case 'v': do_v(g); break;
    case 'q':
    case 'Q': gdb_query(g); break;
    default: gdb_reply(g, ""); break;
    }
}
